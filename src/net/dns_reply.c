/* SPDX-License-Identifier: BSD-2-Clause */
/* dns_reply.c - what a DNS server's reply says about a name.
 *
 * The rcode is looked at first; then the CNAMEs are followed from the name that
 * was asked for, and only records of the name at their end count, whatever else
 * the answer holds. */
#include "net/dns_reply.h"

#include "base/shortage.h"
#include "net/dns_record.h"

#include <getdns/getdns_extra.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { TTL_NONE = UINT32_MAX }; /* no record has been seen yet */

/* -- names ----------------------------------------------------------------- */

static bool take_name(const getdns_bindata *data, struct dns_name *ret)
{
	return dns_name_read(data->data, data->size, ret);
}

static bool is_name(const getdns_bindata *data, const struct dns_name *name)
{
	struct dns_name other;

	return take_name(data, &other) && dns_name_is(&other, name);
}

static bool is_within(const struct dns_name *name, const getdns_bindata *zone)
{
	struct dns_name other;

	return take_name(zone, &other) && dns_name_is_within(name, &other);
}

/* -- one record ------------------------------------------------------------ */

struct record {
	const getdns_bindata *owner;
	uint32_t type;
	uint32_t ttl_s;
	const getdns_dict *dict;
};

/* RFC 2181 8: a TTL with the top bit set counts as 0. */
static uint32_t sane_ttl(uint32_t ttl_s)
{
	return ttl_s > INT32_MAX ? 0 : ttl_s;
}

static uint32_t lesser(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* False: no record of class IN. */
static bool read_record(const getdns_list *section, size_t at,
                        struct record *ret)
{
	getdns_dict *dict;
	getdns_bindata *owner;
	uint32_t class;

	if (getdns_list_get_dict(section, at, &dict) ||
	    getdns_dict_get_int(dict, "type", &ret->type) ||
	    getdns_dict_get_int(dict, "class", &class) ||
	    getdns_dict_get_int(dict, "ttl", &ret->ttl_s) ||
	    getdns_dict_get_bindata(dict, "name", &owner) ||
	    class != GETDNS_RRCLASS_IN)
		return false;
	ret->owner = owner;
	ret->ttl_s = sane_ttl(ret->ttl_s);
	ret->dict = dict;
	return true;
}

/* -- the answer section ---------------------------------------------------- */

/* What is being read, and how far it got. */
struct reading {
	const getdns_dict *message;
	const getdns_list *answer;
	size_t answer_count;
	uint16_t type;
	struct dns_name name; /* that was asked for, then its CNAME's, ... */
	struct dns_reply *reply;
};

/* The first record of TYPE that the current name has. */
static bool find_record(const struct reading *r, uint32_t type,
                        struct record *ret)
{
	for (size_t i = 0; i < r->answer_count; i++)
		if (read_record(r->answer, i, ret) && ret->type == type &&
		    is_name(ret->owner, &r->name))
			return true;
	return false;
}

/* Goes from the name to the end of its CNAMEs. False: there are too many. */
static bool follow_aliases(struct reading *r)
{
	struct record record;
	getdns_bindata *target;

	while (!find_record(r, r->type, &record) &&
	       find_record(r, GETDNS_RRTYPE_CNAME, &record)) {
		if (++r->reply->hops > DNS_HOPS_MAX ||
		    getdns_dict_get_bindata(record.dict, "/rdata/cname",
		                            &target) ||
		    !take_name(target, &r->name))
			return false;
		r->reply->ttl_s = lesser(r->reply->ttl_s, record.ttl_s);
	}
	return true;
}

/* How many records of the current name, and how long they are in all. */
static size_t measure(const struct reading *r, size_t *ret_bytes)
{
	struct record record;
	size_t count = 0;

	*ret_bytes = 0;
	for (size_t i = 0; i < r->answer_count; i++) {
		if (!read_record(r->answer, i, &record) ||
		    record.type != r->type || !is_name(record.owner, &r->name))
			continue;
		*ret_bytes += dns_record_size(record.dict, r->type);
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
	struct record record;
	size_t bytes;
	size_t used = 0;
	size_t count = measure(r, &bytes);

	if (count == 0)
		return MTS_OK;
	if (make_room(reply, r->type, count, bytes) != MTS_OK)
		return MTS_ENOMEM;
	for (size_t i = 0; i < r->answer_count; i++) {
		if (!read_record(r->answer, i, &record) ||
		    record.type != r->type || !is_name(record.owner, &r->name))
			continue;
		if (!dns_record_take(record.dict, r->type, reply, &used))
			return MTS_ESYNTAX;
		reply->ttl_s = lesser(reply->ttl_s, record.ttl_s);
	}
	return MTS_OK;
}

/* -- absence --------------------------------------------------------------- */

/* The SOA of a zone that the current name is in: how long absence holds. */
static bool find_soa(const struct reading *r, uint32_t *ret_ttl_s)
{
	getdns_list *authority;
	struct record record;
	size_t count;
	uint32_t minimum;

	if (getdns_dict_get_list(r->message, "authority", &authority) ||
	    getdns_list_get_length(authority, &count))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!read_record(authority, i, &record) ||
		    record.type != GETDNS_RRTYPE_SOA ||
		    !is_within(&r->name, record.owner) ||
		    getdns_dict_get_int(record.dict, "/rdata/minimum",
		                        &minimum))
			continue;
		*ret_ttl_s = lesser(record.ttl_s, sane_ttl(minimum));
		return true;
	}
	return false;
}

static uint32_t header(const struct reading *r, const char *field)
{
	uint32_t value = 0;

	(void)getdns_dict_get_int(r->message, field, &value);
	return value;
}

static void read_denial(struct reading *r)
{
	getdns_list *authority;

	if (!getdns_dict_get_list(r->message, "authority", &authority))
		r->reply->cut = dns_denial_read(authority, &r->name);
}

static void read_absence(struct reading *r, uint32_t rcode)
{
	struct dns_reply *reply = r->reply;
	uint32_t soa_ttl_s;

	if (r->type == GETDNS_RRTYPE_DS)
		read_denial(r);
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
	if (reply->kind == DNS_REPLY_NODATA && !header(r, "/header/ra") &&
	    !header(r, "/header/aa"))
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
	getdns_bindata *name;
	uint32_t type;

	return !getdns_dict_get_bindata(r->message, "/question/qname", &name) &&
	       !getdns_dict_get_int(r->message, "/question/qtype", &type) &&
	       is_name(name, &r->name) && type == r->type;
}

/* All records that the header promises are there. */
static bool is_whole(const struct reading *r)
{
	getdns_list *authority;
	size_t count = 0;

	if (!getdns_dict_get_list(r->message, "authority", &authority) &&
	    getdns_list_get_length(authority, &count))
		return false;
	return r->answer_count == header(r, "/header/ancount") &&
	       count == header(r, "/header/nscount");
}

static bool open_message(struct reading *r)
{
	getdns_list *answer;

	if (getdns_dict_get_list(r->message, "answer", &answer) ||
	    getdns_list_get_length(answer, &r->answer_count))
		return false;
	r->answer = answer;
	return header(r, "/header/qr") == 1;
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
	if (!is_whole(r)) {
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
	reply->authenticated = header(r, "/header/ad");
	status = rcode ? MTS_OK : collect(r);
	if (status == MTS_ESYNTAX)
		dns_reply_bad(reply, "its answer holds a broken record");
	else if (status == MTS_OK && !reply->count)
		read_absence(r, rcode);
	return status == MTS_ENOMEM ? MTS_ENOMEM : MTS_OK;
}

int dns_message_read(const getdns_dict *message, const struct dns_name *name,
                     uint16_t type, bool udp, struct dns_reply *ret)
{
	struct reading r = {
		.message = message, .type = type, .name = *name, .reply = ret
	};
	char text[24];
	uint32_t rcode;
	int status = MTS_OK;

	*ret = (struct dns_reply){ .kind = DNS_REPLY_RECORDS };
	if (!open_message(&r)) {
		dns_reply_bad(ret, "its answer is broken");
		return MTS_OK;
	}
	rcode = header(&r, "/header/rcode");
	if (header(&r, "/header/tc"))
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

int dns_reply_read(const getdns_dict *response, const struct dns_name *name,
                   uint16_t type, bool udp, struct dns_reply *ret)
{
	getdns_dict *message;

	*ret = (struct dns_reply){ .kind = DNS_REPLY_RECORDS };
	if (!response)
		dns_reply_bad(ret, "it can't be reached");
	else if (getdns_dict_get_dict(response, "/replies_tree/0", &message))
		dns_reply_bad(ret, "its answer is broken");
	else
		return dns_message_read(message, name, type, udp, ret);
	return MTS_OK;
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
