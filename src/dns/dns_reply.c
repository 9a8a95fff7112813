/* SPDX-License-Identifier: BSD-2-Clause */
/* dns_reply.c - what a DNS server's reply says about a name.
 *
 * The rcode is looked at first; then the CNAMEs are followed from the name that
 * was asked for, and only records of the name at their end count, whatever else
 * the answer holds. */
#include "dns/dns_reply.h"

#include "base/shortage.h"
#include "dns/dns_packet.h"
#include "dns/dns_record.h"

#include <getdns/getdns.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	TTL_NONE = UINT32_MAX, /* no record has been seen yet */
	SOA_NUMBERS = 5 * 4,   /* bytes of them, after the names */
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

/* -- the answer section ---------------------------------------------------- */

/* What is being read, and how far it got. */
struct reading {
	const struct dns_packet *packet;
	uint16_t type;
	struct dns_name name; /* that was asked for, then its CNAME's, ... */
	struct dns_reply *reply;
};

/* The next record of TYPE and class IN that the current name has. */
static bool next_record(const struct reading *r, uint16_t type,
                        struct dns_walk *walk, struct dns_rr *ret)
{
	while (dns_packet_next(r->packet, DNS_SECTION_ANSWER, walk, ret))
		if (ret->type == type && ret->class == GETDNS_RRCLASS_IN &&
		    dns_name_is(&ret->owner, &r->name))
			return true;
	return false;
}

static bool find_record(const struct reading *r, uint16_t type,
                        struct dns_rr *ret)
{
	struct dns_walk walk = { 0 };

	return next_record(r, type, &walk, ret);
}

/* Goes from the name to the end of its CNAMEs. False: there are too many. */
static bool follow_aliases(struct reading *r)
{
	struct dns_rr rr;

	while (!find_record(r, r->type, &rr) &&
	       find_record(r, GETDNS_RRTYPE_CNAME, &rr)) {
		if (++r->reply->hops > DNS_HOPS_MAX ||
		    !dns_packet_name(r->packet, rr.rdata, NULL, &r->name))
			return false;
		r->reply->ttl_s = lesser(r->reply->ttl_s, sane_ttl(rr.ttl_s));
	}
	return true;
}

/* How many records of the current name, and how long they are in all. */
static size_t measure(const struct reading *r, size_t *ret_bytes)
{
	struct dns_walk walk = { 0 };
	struct dns_rr rr;
	size_t count = 0;

	*ret_bytes = 0;
	while (next_record(r, r->type, &walk, &rr)) {
		*ret_bytes += dns_record_size(&rr);
		count++;
	}
	return count;
}

static int make_room(struct dns_reply *reply, uint16_t type, size_t count,
                     size_t bytes)
{
	if (type == GETDNS_RRTYPE_A || type == GETDNS_RRTYPE_AAAA) {
		reply->addresses = calloc(count, sizeof(*reply->addresses));
		return reply->addresses ? MTS_OK : MTS_ENOMEM;
	}
	reply->texts = calloc(count, sizeof(*reply->texts));
	reply->bytes = malloc(bytes + 1);
	return reply->texts && reply->bytes ? MTS_OK : MTS_ENOMEM;
}

/* MTS_ESYNTAX: a record is broken. */
static int collect(struct reading *r)
{
	struct dns_reply *reply = r->reply;
	struct dns_walk walk = { 0 };
	struct dns_rr rr;
	size_t bytes;
	size_t used = 0;
	size_t count = measure(r, &bytes);

	if (count == 0)
		return MTS_OK;
	if (make_room(reply, r->type, count, bytes) != MTS_OK)
		return MTS_ENOMEM;
	while (next_record(r, r->type, &walk, &rr)) {
		if (!dns_record_take(r->packet, &rr, reply, &used))
			return MTS_ESYNTAX;
		reply->ttl_s = lesser(reply->ttl_s, sane_ttl(rr.ttl_s));
	}
	return MTS_OK;
}

/* -- absence --------------------------------------------------------------- */

/* RFC 1035 3.3.13: two names and five numbers, the last of which is how long
 * absence holds. */
static bool read_minimum(const struct dns_packet *packet,
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

/* The SOA of a zone that the current name is in: how long absence holds. */
static bool find_soa(const struct reading *r, uint32_t *ret_ttl_s)
{
	struct dns_walk walk = { 0 };
	struct dns_rr rr;
	uint32_t minimum;

	while (dns_packet_next(r->packet, DNS_SECTION_AUTHORITY, &walk, &rr)) {
		if (rr.type != GETDNS_RRTYPE_SOA ||
		    rr.class != GETDNS_RRCLASS_IN ||
		    !dns_name_is_within(&r->name, &rr.owner) ||
		    !read_minimum(r->packet, &rr, &minimum))
			continue;
		*ret_ttl_s = lesser(sane_ttl(rr.ttl_s), sane_ttl(minimum));
		return true;
	}
	return false;
}

static void read_absence(struct reading *r, uint32_t rcode)
{
	struct dns_reply *reply = r->reply;
	uint32_t soa_ttl_s;

	if (r->type == GETDNS_RRTYPE_DS)
		r->reply->cut = dns_denial_read(r->packet, &r->name);
	reply->kind = rcode == GETDNS_RCODE_NXDOMAIN ? DNS_REPLY_NXDOMAIN
	                                             : DNS_REPLY_NODATA;
	if (find_soa(r, &soa_ttl_s)) {
		reply->ttl_s = lesser(reply->ttl_s, soa_ttl_s);
		return;
	}
	if (reply->kind == DNS_REPLY_NODATA && reply->hops) {
		reply->kind = DNS_REPLY_ALIAS;
		return;
	}
	reply->ttl_s = 0;
	/* A referral: whoever was asked does not look names up for us. */
	if (reply->kind == DNS_REPLY_NODATA &&
	    !(r->packet->flags & (DNS_PACKET_RA | DNS_PACKET_AA)))
		dns_reply_bad(reply, "it is no recursive server");
}

/* -- the whole ------------------------------------------------------------- */

static const char *rcode_text(uint32_t rcode, char *text, size_t size)
{
	static const char *const names[] = {
		[GETDNS_RCODE_FORMERR] = "FORMERR",
		[GETDNS_RCODE_SERVFAIL] = "SERVFAIL",
		[GETDNS_RCODE_NOTIMP] = "NOTIMP",
		[GETDNS_RCODE_REFUSED] = "REFUSED",
	};

	if (rcode < sizeof(names) / sizeof(*names) && names[rcode])
		return names[rcode];
	snprintf(text, size, "rcode %u", (unsigned)rcode);
	return text;
}

static bool is_our_question(const struct reading *r)
{
	return r->packet->asks && r->packet->type == r->type &&
	       dns_name_is(&r->packet->name, &r->name);
}

static void ask_by_tcp(struct dns_reply *reply, bool udp, const char *why)
{
	if (udp)
		reply->kind = DNS_REPLY_TCP;
	else
		dns_reply_bad(reply, "%s", why);
}

static int read_answer(struct reading *r, bool udp, uint32_t rcode)
{
	struct dns_reply *reply = r->reply;
	int status;

	if (!is_our_question(r)) {
		dns_reply_bad(reply, "it answered another question");
		return MTS_OK;
	}
	if (!r->packet->whole) {
		ask_by_tcp(reply, udp, "its answer is cut off");
		return MTS_OK;
	}
	reply->ttl_s = TTL_NONE;
	if (!follow_aliases(r)) {
		dns_reply_bad(reply, "a loop of CNAMEs, or more than %d",
		              DNS_HOPS_MAX);
		return MTS_OK;
	}
	reply->alias = r->name;
	reply->authenticated = r->packet->flags & DNS_PACKET_AD;
	status = rcode ? MTS_OK : collect(r);
	if (status == MTS_ESYNTAX)
		dns_reply_bad(reply, "its answer holds a broken record");
	else if (status == MTS_OK && !reply->count)
		read_absence(r, rcode);
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
		dns_reply_bad(ret, "its answer is broken");
		return MTS_OK;
	}
	rcode = packet.flags & DNS_PACKET_RCODE;
	if (packet.flags & DNS_PACKET_TC)
		ask_by_tcp(ret, udp, "its answer is cut off, by TCP too");
	else if (rcode == GETDNS_RCODE_FORMERR || rcode == GETDNS_RCODE_NOTIMP)
		ask_by_tcp(ret, udp, rcode_text(rcode, text, sizeof(text)));
	else if (rcode != GETDNS_RCODE_NOERROR &&
	         rcode != GETDNS_RCODE_NXDOMAIN)
		dns_reply_bad(ret, "it says %s",
		              rcode_text(rcode, text, sizeof(text)));
	else
		status = read_answer(&r, udp, rcode);
	if (status != MTS_OK) {
		shortage_note();
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
