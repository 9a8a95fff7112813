/* SPDX-License-Identifier: BSD-2-Clause */
/* dns_packet.c - DNS messages as they go over the wire. */
#include "net/dns_packet.h"

#include <getdns/getdns.h>

enum {
	HEADER = 12,
	RR_FIXED = 10, /* of a record, between its name and its data */
	LABEL_MAX = 63,
	POINTER = 0xc0,  /* RFC 1035 4.1.4: the upper two bits */
	JUMPS_MAX = 127, /* as many as a name has labels; hostile ones would
	                  * take time without end */
	EDNS_DO = 0x8000,
};

/* -- questions ------------------------------------------------------------- */

static size_t put16(uint8_t *to, size_t at, uint16_t value)
{
	to[at] = (uint8_t)(value >> 8);
	to[at + 1] = (uint8_t)value;
	return at + 2;
}

/* RFC 6891 6.1.2 */
static size_t put_opt(uint8_t *to, size_t at, uint16_t payload, bool dnssec)
{
	to[at++] = 0; /* the root */
	at = put16(to, at, GETDNS_RRTYPE_OPT);
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
	at = put16(to, at, GETDNS_RRCLASS_IN);
	return put_opt(to, at, payload, dnssec);
}

/* -- answers --------------------------------------------------------------- */

static uint16_t get16(const uint8_t *bytes, size_t at)
{
	return (uint16_t)(bytes[at] << 8 | bytes[at + 1]);
}

static uint32_t get32(const uint8_t *bytes, size_t at)
{
	return (uint32_t)get16(bytes, at) << 16 | get16(bytes, at + 2);
}

/* Where the pointer at AT leads: further back than the labels before it began, at
 * BEFORE, so that there is no loop. False: elsewhere. */
static bool follow(const struct dns_packet *packet, size_t at, size_t before,
                   size_t *ret)
{
	if (packet->len - at < 2)
		return false;
	*ret = get16(packet->bytes, at) & 0x3fff;
	return *ret < before;
}

bool dns_packet_name(const struct dns_packet *packet, size_t at,
                     size_t *ret_end, struct dns_name *ret)
{
	const uint8_t *bytes = packet->bytes;
	size_t before = at; /* where this stretch of labels begins */
	unsigned jumps = 0;

	ret->len = 0;
	while (at < packet->len) {
		size_t label = bytes[at];

		if (label >= POINTER) {
			size_t to;

			if (!follow(packet, at, before, &to) ||
			    jumps == JUMPS_MAX)
				return false;
			if (jumps++ == 0 && ret_end)
				*ret_end = at + 2;
			at = before = to;
			continue;
		}
		if (label > LABEL_MAX || packet->len - at < 1 + label ||
		    ret->len + 1 + label > DNS_NAME_WIRE)
			return false;
		memcpy(ret->wire + ret->len, bytes + at, 1 + label);
		ret->len += 1 + label;
		at += 1 + label;
		if (label)
			continue;
		if (jumps == 0 && ret_end)
			*ret_end = at;
		return true;
	}
	return false;
}

/* Where the name at AT ends, without a look at what its pointer leads to. False:
 * not within the message. */
static bool skip_name(const struct dns_packet *packet, size_t at, size_t *ret)
{
	while (at < packet->len) {
		size_t label = packet->bytes[at];

		if (label >= POINTER)
			at += 2;
		else
			at += 1 + label;
		if (label == 0 || label >= POINTER) {
			*ret = at;
			return at <= packet->len;
		}
		if (label > LABEL_MAX)
			return false;
	}
	return false;
}

static bool read_rr(const struct dns_packet *packet, size_t *at,
                    struct dns_rr *ret)
{
	size_t fixed;

	if (!skip_name(packet, *at, &fixed) || packet->len - fixed < RR_FIXED)
		return false;
	*ret = (struct dns_rr){
		.owner = *at,
		.type = get16(packet->bytes, fixed),
		.class = get16(packet->bytes, fixed + 2),
		.ttl_s = get32(packet->bytes, fixed + 4),
		.rdata = fixed + RR_FIXED,
		.rdata_len = get16(packet->bytes, fixed + 8),
	};
	if (packet->len - ret->rdata < ret->rdata_len)
		return false;
	*at = ret->rdata + ret->rdata_len;
	return true;
}

/* False: it is cut off. */
static bool read_question(struct dns_packet *packet, size_t *at)
{
	size_t end;

	if (!dns_packet_name(packet, *at, &end, &packet->name) ||
	    packet->len - end < 4)
		return false;
	packet->type = get16(packet->bytes, end);
	packet->asks = get16(packet->bytes, end + 2) == GETDNS_RRCLASS_IN;
	*at = end + 4;
	return true;
}

static bool read_section(struct dns_packet *packet,
                         enum dns_packet_section section, size_t *at)
{
	struct dns_rr rr;

	packet->sections[section].at = *at;
	for (size_t i = packet->sections[section].count; i > 0; i--)
		if (!read_rr(packet, at, &rr))
			return false;
	return true;
}

bool dns_packet_open(struct slice bytes, struct dns_packet *ret)
{
	size_t at = HEADER;
	uint16_t questions;

	*ret = (struct dns_packet){ .bytes = (const uint8_t *)bytes.data,
		                    .len = bytes.len };
	if (bytes.len < HEADER)
		return false;
	ret->id = get16(ret->bytes, 0);
	ret->flags = get16(ret->bytes, 2);
	questions = get16(ret->bytes, 4);
	ret->sections[DNS_SECTION_ANSWER].count = get16(ret->bytes, 6);
	ret->sections[DNS_SECTION_AUTHORITY].count = get16(ret->bytes, 8);
	ret->whole = questions <= 1 &&
	             (questions == 0 || read_question(ret, &at)) &&
	             read_section(ret, DNS_SECTION_ANSWER, &at) &&
	             read_section(ret, DNS_SECTION_AUTHORITY, &at);
	if (!ret->whole)
		for (size_t i = 0; i < DNS_SECTIONS; i++)
			ret->sections[i].count = 0;
	return true;
}

bool dns_packet_next(const struct dns_packet *packet,
                     enum dns_packet_section section, struct dns_walk *walk,
                     struct dns_rr *ret)
{
	if (walk->seen == packet->sections[section].count)
		return false;
	if (walk->seen++ == 0)
		walk->at = packet->sections[section].at;
	return read_rr(packet, &walk->at, ret);
}

bool dns_packet_owner(const struct dns_packet *packet, const struct dns_rr *rr,
                      struct dns_name *ret)
{
	return dns_packet_name(packet, rr->owner, NULL, ret);
}

struct slice dns_packet_rdata(const struct dns_packet *packet,
                              const struct dns_rr *rr)
{
	return slice_of((const char *)packet->bytes + rr->rdata, rr->rdata_len);
}
