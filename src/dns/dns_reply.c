/* SPDX-License-Identifier: BSD-2-Clause */
/* dns_reply.c - what a DNS server's reply says about a name.
 *
 * It first checks the rcode. Then it follows the CNAMEs from the name in the
 * question, and uses only records of the name at their end, whatever else the
 * answer contains. */
#include "dns/dns_reply.h"

#include "dns/dns_packet.h"

#include <arpa/nameser.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	TTL_NONE = UINT32_MAX, /* no record has been read yet */
	SOA_NUMBERS = 5 * 4,   /* bytes, after the names */
};

/* -- one record ------------------------------------------------------------ */

/* RFC 2181 8: a TTL with the top bit set counts as 0. */
static uint32_t sane_ttl(uint32_t ttl_s)
{
	return ttl_s > INT32_MAX ? 0 : ttl_s;
}

static uint32_t lesser(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* How many bytes record_take() needs at most for RR. */
static size_t record_size(const struct dns_rr *rr)
{
	switch (rr->type) {
	case ns_t_mx:
		return 2 + DNS_NAME_WIRE;
	case ns_t_cname:
	case ns_t_ns:
		return DNS_NAME_WIRE;
	default:
		return rr->rdata_len;
	}
}

/* Copies the character-strings of RDATA to TO, without anything between them (RFC
 * 8461 3.1, which follows RFC 7208 3.3). False: it is malformed. */
static bool record_join_strings(struct slice rdata, char *to, size_t *ret_len)
{
	size_t at = 0;
	size_t len = 0;

	while (at < rdata.len) {
		size_t n = (unsigned char)rdata.data[at++];

		if (n > rdata.len - at)
			return false;
		memcpy(to + len, rdata.data + at, n);
		len += n;
		at += n;
	}
	*ret_len = len;
	return true;
}

static bool record_take_text(struct dns_reply *reply, struct slice rdata,
                             size_t *used)
{
	size_t len;

	if (!record_join_strings(rdata, reply->bytes + *used, &len))
		return false;
	reply->texts[reply->count++] = slice_of(reply->bytes + *used, len);
	*used += len;
	return true;
}

/* Takes PREFIX bytes and a name that fills the rest of RR. The name may be
 * compressed; the copy is not. */
static bool record_take_name(struct dns_reply *reply,
                             const struct dns_packet *packet,
                             const struct dns_rr *rr, size_t prefix,
                             size_t *used)
{
	char *to = reply->bytes + *used;
	struct dns_name name;
	size_t end;

	if (rr->rdata_len < prefix ||
	    !dns_packet_name(packet, rr->rdata + prefix, &end, &name) ||
	    end != rr->rdata + rr->rdata_len)
		return false;
	memcpy(to, packet->bytes + rr->rdata, prefix);
	memcpy(to + prefix, name.wire, name.len);
	reply->texts[reply->count++] = slice_of(to, prefix + name.len);
	*used += prefix + name.len;
	return true;
}

static bool record_take_rdata(struct dns_reply *reply, struct slice rdata,
                              size_t *used)
{
	memcpy(reply->bytes + *used, rdata.data, rdata.len);
	reply->texts[reply->count++] =
	    slice_of(reply->bytes + *used, rdata.len);
	*used += rdata.len;
	return true;
}

static bool record_take_address(struct dns_reply *reply, struct slice rdata,
                                uint16_t type)
{
	struct address *address = &reply->addresses[reply->count];

	address->family = type == ns_t_a ? AF_INET : AF_INET6;
	if (rdata.len != (type == ns_t_a ? 4 : 16))
		return false;
	if (type == ns_t_a)
		memcpy(&address->v4, rdata.data, 4);
	else
		memcpy(&address->v6, rdata.data, 16);
	reply->count++;
	return true;
}

/* Appends RR's data to REPLY's addresses, or to its texts and bytes, of which
 * *USED are taken; reply_allocate() made them long enough. False: RR is malformed. */
static bool record_take(const struct dns_packet *packet,
                        const struct dns_rr *rr, struct dns_reply *reply,
                        size_t *used)
{
	struct slice rdata = dns_packet_rdata(packet, rr);

	switch (rr->type) {
	case ns_t_txt:
		return record_take_text(reply, rdata, used);
	case ns_t_a:
	case ns_t_aaaa:
		return record_take_address(reply, rdata, rr->type);
	case ns_t_mx:
		return record_take_name(reply, packet, rr, 2, used);
	case ns_t_cname:
	case ns_t_ns:
		return record_take_name(reply, packet, rr, 0, used);
	default:
		return record_take_rdata(reply, rdata, used);
	}
}

/* -- the answer section ---------------------------------------------------- */

/* The state of reading one message. */
struct reading {
	const struct dns_packet *packet;
	uint16_t type;
	struct dns_name name; /* the question's, then its CNAME's target, ... */
	struct dns_reply *reply;
};

/* The next record of TYPE and class IN that the current name has. */
static bool reading_next(const struct reading *r, uint16_t type,
                         struct dns_cursor *cursor, struct dns_rr *ret)
{
	while (dns_packet_next(r->packet, DNS_SECTION_ANSWER, cursor, ret))
		if (ret->type == type && ret->class == ns_c_in &&
		    dns_name_is(&ret->owner, &r->name))
			return true;
	return false;
}

static bool reading_find(const struct reading *r, uint16_t type,
                         struct dns_rr *ret)
{
	struct dns_cursor cursor = { 0 };

	return reading_next(r, type, &cursor, ret);
}

/* Goes from the name to the end of its CNAMEs. False: there are too many. */
static bool reading_follow_aliases(struct reading *r)
{
	struct dns_rr rr;

	while (!reading_find(r, r->type, &rr) &&
	       reading_find(r, ns_t_cname, &rr)) {
		if (++r->reply->hops > DNS_HOPS_MAX ||
		    !dns_packet_name(r->packet, rr.rdata, NULL, &r->name))
			return false;
		r->reply->ttl_s = lesser(r->reply->ttl_s, sane_ttl(rr.ttl_s));
	}
	return true;
}

/* How many records the current name has; *RET_BYTES: their length. */
static size_t reading_measure(const struct reading *r, size_t *ret_bytes)
{
	struct dns_cursor cursor = { 0 };
	struct dns_rr rr;
	size_t count = 0;

	*ret_bytes = 0;
	while (reading_next(r, r->type, &cursor, &rr)) {
		*ret_bytes += record_size(&rr);
		count++;
	}
	return count;
}

static int reply_allocate(struct dns_reply *reply, uint16_t type, size_t count,
                          size_t bytes)
{
	if (type == ns_t_a || type == ns_t_aaaa) {
		reply->addresses = calloc(count, sizeof(*reply->addresses));
		return reply->addresses ? MTS_OK : MTS_ENOMEM;
	}
	reply->texts = calloc(count, sizeof(*reply->texts));
	reply->bytes = malloc(bytes + 1);
	return reply->texts && reply->bytes ? MTS_OK : MTS_ENOMEM;
}

/* MTS_ESYNTAX: a record is malformed. */
static int reading_collect(struct reading *r)
{
	struct dns_reply *reply = r->reply;
	struct dns_cursor cursor = { 0 };
	struct dns_rr rr;
	size_t bytes;
	size_t used = 0;
	size_t count = reading_measure(r, &bytes);

	if (count == 0)
		return MTS_OK;
	if (reply_allocate(reply, r->type, count, bytes) != MTS_OK)
		return MTS_ENOMEM;
	while (reading_next(r, r->type, &cursor, &rr)) {
		if (!record_take(r->packet, &rr, reply, &used))
			return MTS_ESYNTAX;
		reply->ttl_s = lesser(reply->ttl_s, sane_ttl(rr.ttl_s));
	}
	return MTS_OK;
}

/* -- absence --------------------------------------------------------------- */

/* RFC 1035 3.3.13: two names and five numbers. The last one says how long absence
 * may be cached. */
static bool soa_read_minimum(const struct dns_packet *packet,
                             const struct dns_rr *soa, uint32_t *ret)
{
	size_t end = soa->rdata + soa->rdata_len;
	size_t second, at;
	struct dns_name name;

	if (!dns_packet_name(packet, soa->rdata, &second, &name) ||
	    !dns_packet_name(packet, second, &at, &name) || at > end ||
	    end - at < SOA_NUMBERS)
		return false;
	at += SOA_NUMBERS - 4;
	*ret = (uint32_t)packet->bytes[at] << 24 |
	       (uint32_t)packet->bytes[at + 1] << 16 |
	       (uint32_t)packet->bytes[at + 2] << 8 | packet->bytes[at + 3];
	return true;
}

/* Finds the SOA of a zone that the current name is in. It says how long absence may
 * be cached. */
static bool reading_find_soa(const struct reading *r, uint32_t *ret_ttl_s)
{
	struct dns_cursor cursor = { 0 };
	struct dns_rr rr;
	uint32_t minimum;

	while (
	    dns_packet_next(r->packet, DNS_SECTION_AUTHORITY, &cursor, &rr)) {
		if (rr.type != ns_t_soa || rr.class != ns_c_in ||
		    !dns_name_is_within(&r->name, &rr.owner) ||
		    !soa_read_minimum(r->packet, &rr, &minimum))
			continue;
		*ret_ttl_s = lesser(sane_ttl(rr.ttl_s), sane_ttl(minimum));
		return true;
	}
	return false;
}

static void reading_take_absence(struct reading *r, uint32_t rcode)
{
	struct dns_reply *reply = r->reply;
	uint32_t soa_ttl_s;

	if (r->type == ns_t_ds)
		r->reply->cut = dns_denial_read(r->packet, &r->name);
	reply->kind =
	    rcode == ns_r_nxdomain ? DNS_REPLY_NXDOMAIN : DNS_REPLY_NODATA;
	if (reading_find_soa(r, &soa_ttl_s)) {
		reply->ttl_s = lesser(reply->ttl_s, soa_ttl_s);
		return;
	}
	if (reply->kind == DNS_REPLY_NODATA && reply->hops) {
		reply->kind = DNS_REPLY_ALIAS;
		return;
	}
	reply->ttl_s = 0;
	/* A referral: this server does not look names up for its clients. */
	if (reply->kind == DNS_REPLY_NODATA &&
	    !(r->packet->flags & (DNS_PACKET_RA | DNS_PACKET_AA)))
		dns_reply_bad(reply, "it is not a recursive resolver");
}

/* -- the whole ------------------------------------------------------------- */

static const char *rcode_text(uint32_t rcode, char *text, size_t size)
{
	static const char *const names[] = {
		[ns_r_formerr] = "FORMERR",
		[ns_r_servfail] = "SERVFAIL",
		[ns_r_notimpl] = "NOTIMP",
		[ns_r_refused] = "REFUSED",
	};

	if (rcode < sizeof(names) / sizeof(*names) && names[rcode])
		return names[rcode];
	snprintf(text, size, "rcode %u", (unsigned)rcode);
	return text;
}

static bool reading_is_ours(const struct reading *r)
{
	return r->packet->asks && r->packet->type == r->type &&
	       dns_name_is(&r->packet->name, &r->name);
}

static void reply_needs_tcp(struct dns_reply *reply, bool udp, const char *why)
{
	if (udp)
		reply->kind = DNS_REPLY_TCP;
	else
		dns_reply_bad(reply, "%s", why);
}

static int reading_take_answer(struct reading *r, bool udp, uint32_t rcode)
{
	struct dns_reply *reply = r->reply;
	int status;

	if (!reading_is_ours(r)) {
		dns_reply_bad(reply, "it answered a different question");
		return MTS_OK;
	}
	if (!r->packet->whole) {
		reply_needs_tcp(reply, udp, "its answer is truncated");
		return MTS_OK;
	}
	reply->ttl_s = TTL_NONE;
	if (!reading_follow_aliases(r)) {
		dns_reply_bad(reply,
		              "the CNAMEs form a loop, or are more than %d",
		              DNS_HOPS_MAX);
		return MTS_OK;
	}
	reply->alias = r->name;
	reply->authenticated = r->packet->flags & DNS_PACKET_AD;
	status = rcode ? MTS_OK : reading_collect(r);
	if (status == MTS_ESYNTAX)
		dns_reply_bad(reply, "its answer contains a malformed record");
	else if (status == MTS_OK && !reply->count)
		reading_take_absence(r, rcode);
	return status == MTS_ENOMEM ? MTS_ENOMEM : MTS_OK;
}

int dns_reply_read(struct slice message, const struct dns_name *name,
                   uint16_t type, bool udp, struct dns_reply *ret)
{
	struct dns_packet packet;
	struct reading r = {
		.packet = &packet, .type = type, .name = *name, .reply = ret
	};
	char text[24];
	unsigned rcode;
	int status = MTS_OK;

	*ret = (struct dns_reply){ .kind = DNS_REPLY_RECORDS };
	if (!dns_packet_open(message, &packet) ||
	    !(packet.flags & DNS_PACKET_QR)) {
		dns_reply_bad(ret, "its answer is malformed");
		return MTS_OK;
	}
	rcode = packet.flags & DNS_PACKET_RCODE;
	if (packet.flags & DNS_PACKET_TC)
		reply_needs_tcp(ret, udp,
		                "its answer is truncated, even by TCP");
	else if (rcode == ns_r_formerr || rcode == ns_r_notimpl)
		reply_needs_tcp(ret, udp,
		                rcode_text(rcode, text, sizeof(text)));
	else if (rcode != ns_r_noerror && rcode != ns_r_nxdomain)
		dns_reply_bad(ret, "it says %s",
		              rcode_text(rcode, text, sizeof(text)));
	else
		status = reading_take_answer(&r, udp, rcode);
	if (status != MTS_OK) {
		dns_reply_bad(ret, "out of memory");
	}
	return status;
}

void dns_reply_clear(struct dns_reply *reply)
{
	free(reply->texts);
	free(reply->addresses);
	free(reply->bytes);
	*reply = (struct dns_reply){ .kind = DNS_REPLY_BAD };
}

void dns_reply_bad(struct dns_reply *reply, const char *format, ...)
{
	va_list ap;

	dns_reply_clear(reply);
	va_start(ap, format);
	fault_vtext(reply->reason, sizeof(reply->reason), format, ap);
	va_end(ap);
}

bool dns_mx_read(struct slice rdata, struct dns_mx *ret)
{
	const uint8_t *bytes = (const uint8_t *)rdata.data;

	if (rdata.len < 3)
		return false;
	ret->preference = (uint16_t)(bytes[0] << 8 | bytes[1]);
	return dns_name_read(bytes + 2, rdata.len - 2, &ret->name);
}
