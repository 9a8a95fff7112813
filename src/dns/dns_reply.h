/* SPDX-License-Identifier: BSD-2-Clause */
/* dns_reply.h - what a DNS server's reply says about a name.
 *
 * Pure but for memory. */
#ifndef DNS_DNS_REPLY_H
#define DNS_DNS_REPLY_H

#include "base/address.h"
#include "base/slice.h"
#include "base/status.h"
#include "dns/dns_denial.h"
#include "dns/dns_name.h"

#include <stdint.h>

enum {
	DNS_HOPS_MAX = 8, /* CNAMEs behind each other; a loop ends here too */
	DNS_REASON = 160,
};

enum dns_reply_kind {
	DNS_REPLY_RECORDS,  /* there are records */
	DNS_REPLY_NODATA,   /* the name exists, without such records */
	DNS_REPLY_NXDOMAIN, /* it does not exist */
	DNS_REPLY_ALIAS,    /* CNAMEs, and not a word about their end: ask for
	                     * ALIAS */
	DNS_REPLY_TCP,      /* ask again by TCP: cut off, or no EDNS there */
	DNS_REPLY_BAD,      /* SERVFAIL, REFUSED, nonsense: ask somebody else */
};

struct dns_reply {
	enum dns_reply_kind kind;
	uint32_t ttl_s; /* as struct dns_answer's; ALIAS: the CNAMEs' least */
	unsigned hops;  /* CNAMEs that were followed */
	size_t count;   /* RECORDS: how many */
	struct slice *texts;       /* TXT: the strings of each, joined; other
	                            * types: rdata, an MX's or NS's name
	                            * uncompressed */
	struct address *addresses; /* A, AAAA */
	char *bytes;               /* what the texts point to */
	struct dns_name alias;     /* the name at the end of the CNAMEs */
	bool authenticated;        /* the header's AD bit */
	enum dns_cut cut;          /* DS, NODATA: see dns_denial.h */
	char reason[DNS_REASON];   /* BAD: why, safe to print */
};

/* Reads what MESSAGE, as it came over the wire, says about the TYPE records of
 * NAME. UDP: it came by UDP, so that it can be asked again by TCP. *RET is filled
 * in any case and is to be cleared: dns_reply_clear(). MTS_ENOMEM leaves a BAD one
 * that says so. */
int dns_reply_read(struct slice message, const struct dns_name *name,
                   uint16_t type, bool udp, struct dns_reply *ret);

void dns_reply_clear(struct dns_reply *reply);

/* Makes REPLY a BAD one, for this reason. */
void dns_reply_bad(struct dns_reply *reply, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
