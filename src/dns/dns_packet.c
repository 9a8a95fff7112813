/* SPDX-License-Identifier: BSD-2-Clause */
/* dns_packet.c - DNS messages as they go over the wire.
 *
 * The C library's resolver routines (arpa/nameser.h) take messages apart; they
 * check bounds and compression pointers. */
#include "dns/dns_packet.h"

#include <arpa/nameser.h>

enum { EDNS_DO = 0x8000 };

/* -- questions ------------------------------------------------------------- */

static size_t put16(uint8_t *to, size_t at, uint16_t value)
{
	ns_put16(value, to + at);
	return at + NS_INT16SZ;
}

/* RFC 6891 6.1.2 */
static size_t put_opt(uint8_t *to, size_t at, uint16_t payload, bool dnssec)
{
	to[at++] = 0; /* the root */
	at = put16(to, at, ns_t_opt);
	at = put16(to, at, payload);
	at = put16(to, at, 0); /* upper bits of the rcode, version */
	at = put16(to, at, dnssec ? EDNS_DO : 0);
	return put16(to, at, 0);
}

size_t dns_question_put(uint8_t to[DNS_QUESTION_MAX], uint16_t id,
                        const struct dns_name *name, uint16_t type,
                        uint16_t payload, bool dnssec)
{
	size_t at = put16(to, 0, id);

	at = put16(to, at, DNS_PACKET_RD);
	at = put16(to, at, 1);
	at = put16(to, at, 0);
	at = put16(to, at, 0);
	at = put16(to, at, 1);
	memcpy(to + at, name->wire, name->len);
	at = put16(to, at + name->len, type);
	at = put16(to, at, ns_c_in);
	return put_opt(to, at, payload, dnssec);
}

/* -- answers --------------------------------------------------------------- */

bool dns_packet_name(const struct dns_packet *packet, size_t at,
                     size_t *ret_end, struct dns_name *ret)
{
	const uint8_t *end = packet->bytes + packet->len;
	uint8_t name[DNS_NAME_WIRE];
	int used;

	if (at >= packet->len)
		return false;
	used = ns_name_unpack(packet->bytes, end, packet->bytes + at, name,
	                      sizeof(name));
	if (used < 0 || !dns_name_read(name, sizeof(name), ret))
		return false;
	if (ret_end)
		*ret_end = at + (size_t)used;
	return true;
}

/* Does not depend on the rest, which may be truncated. */
static void read_question(struct dns_packet *packet)
{
	size_t at;

	if (ns_get16(packet->bytes + 4) != 1 ||
	    !dns_packet_name(packet, NS_HFIXEDSZ, &at, &packet->name) ||
	    packet->len - at < NS_QFIXEDSZ)
		return;
	packet->type = (uint16_t)ns_get16(packet->bytes + at);
	packet->asks = ns_get16(packet->bytes + at + NS_INT16SZ) == ns_c_in;
}

static ns_sect section_of(enum dns_packet_section section)
{
	return section == DNS_SECTION_ANSWER ? ns_s_an : ns_s_ns;
}

/* Reads record N of SECTION. MESSAGE remembers where the next one is. */
static bool read_rr(ns_msg *message, enum dns_packet_section section, int n,
                    struct dns_rr *ret)
{
	uint8_t owner[DNS_NAME_WIRE];
	ns_rr rr;

	if (ns_parserr(message, section_of(section), n, &rr) != 0 ||
	    ns_name_pton(ns_rr_name(rr), owner, sizeof(owner)) < 0 ||
	    !dns_name_read(owner, sizeof(owner), &ret->owner))
		return false;
	ret->type = rr.type; /* the macro would convert it to an enum */
	ret->class = rr.rr_class;
	ret->ttl_s = ns_rr_ttl(rr);
	ret->rdata = (size_t)(ns_rr_rdata(rr) - ns_msg_base(*message));
	ret->rdata_len = ns_rr_rdlen(rr);
	return true;
}

/* ns_initparse() does not check where compression pointers lead. */
static bool are_readable(const struct dns_packet *packet,
                         enum dns_packet_section section)
{
	ns_msg message = packet->message;
	int count = ns_msg_count(message, section_of(section));
	struct dns_rr rr;

	for (int i = 0; i < count; i++)
		if (!read_rr(&message, section, i, &rr))
			return false;
	return true;
}

bool dns_packet_open(struct slice bytes, struct dns_packet *ret)
{
	*ret = (struct dns_packet){ .bytes = (const uint8_t *)bytes.data,
		                    .len = bytes.len };
	if (bytes.len < NS_HFIXEDSZ || bytes.len > NS_MAXMSG)
		return false;
	ret->id = (uint16_t)ns_get16(ret->bytes);
	ret->flags = (uint16_t)ns_get16(ret->bytes + NS_INT16SZ);
	read_question(ret);
	ret->whole =
	    ns_initparse(ret->bytes, (int)ret->len, &ret->message) == 0 &&
	    are_readable(ret, DNS_SECTION_ANSWER) &&
	    are_readable(ret, DNS_SECTION_AUTHORITY);
	return true;
}

bool dns_packet_next(const struct dns_packet *packet,
                     enum dns_packet_section section, struct dns_cursor *cursor,
                     struct dns_rr *ret)
{
	if (!packet->whole ||
	    cursor->seen == ns_msg_count(packet->message, section_of(section)))
		return false;
	if (cursor->seen == 0)
		cursor->message = packet->message;
	return read_rr(&cursor->message, section, cursor->seen++, ret);
}

struct slice dns_packet_rdata(const struct dns_packet *packet,
                              const struct dns_rr *rr)
{
	return slice_of((const char *)packet->bytes + rr->rdata, rr->rdata_len);
}
