/* SPDX-License-Identifier: BSD-2-Clause */
/* dns_reply.h - what a DNS server's reply says about a name.
 *
 * No I/O and no clock, but results are allocated. */
#ifndef DNS_DNS_REPLY_H
#define DNS_DNS_REPLY_H

#include "base/address.h"
#include "base/slice.h"
#include "base/status.h"
#include "dns/dns_denial.h"
#include "dns/dns_name.h"

#include <stdint.h>

enum {
	DNS_HOPS_MAX = 8, /* CNAMEs in a chain; a loop ends here, too */
	DNS_REASON = 160,
};

enum dns_reply_kind {
	DNS_REPLY_RECORDS,  /* there are records */
	DNS_REPLY_NODATA,   /* the name exists, but has no such records */
	DNS_REPLY_NXDOMAIN, /* it does not exist */
	DNS_REPLY_ALIAS,    /* CNAMEs, but nothing about the name at their end:
	                     * ask for ALIAS */
	DNS_REPLY_TCP,      /* ask again by TCP: truncated, or no EDNS there */
	DNS_REPLY_BAD, /* SERVFAIL, REFUSED, nonsense: ask another server */
};

struct dns_reply {
	enum dns_reply_kind kind;
	uint32_t ttl_s; /* as in struct dns_answer; ALIAS: the CNAMEs' least */
	unsigned hops;  /* CNAMEs that were followed */
	size_t count;   /* RECORDS: how many */
	struct slice *texts;       /* TXT: the strings of each, joined; other
	                            * types: rdata, with the name in an MX or NS
	                            * uncompressed */
	struct address *addresses; /* A, AAAA */
	char *bytes;               /* the texts point here */
	struct dns_name alias;     /* the name at the end of the CNAMEs */
	bool authenticated;        /* the header's AD bit */
	enum dns_cut cut;          /* DS, NODATA: see dns_denial.h */
	char reason[DNS_REASON];   /* BAD: why; safe to print */
};

/* Reads what MESSAGE, as it came over the wire, says about the TYPE records of
 * NAME. UDP: it came by UDP, so the question can be asked again by TCP. *RET is
 * always filled, and is the caller's: dns_reply_clear(). On MTS_ENOMEM it is BAD
 * and says so. */
int dns_reply_read(struct slice message, const struct dns_name *name,
                   uint16_t type, bool udp, struct dns_reply *ret);

void dns_reply_clear(struct dns_reply *reply);

/* Clears REPLY and makes it BAD, for this reason. */
void dns_reply_bad(struct dns_reply *reply, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* An MX record's data. */
struct dns_mx {
	uint16_t preference;
	struct dns_name name;
};

/* Reads one of a reply's or an answer's texts. False: it is malformed. */
bool dns_mx_read(struct slice rdata, struct dns_mx *ret);

/* RFC 7505 3: "." says that there is no host. */
static inline bool dns_mx_is_null(const struct dns_mx *mx)
{
	return mx->name.len == 1;
}

#endif
