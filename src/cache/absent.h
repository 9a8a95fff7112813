/* SPDX-License-Identifier: BSD-2-Clause */
/* absent.h - a bounded table, in memory, of domains without a usable policy.
 *
 * That is the common case: about one domain in a hundred publishes MTA-STS.
 * When the table is full, a new domain replaces the least recently used one.
 * Times are milliseconds of the monotonic clock. */
#ifndef CACHE_ABSENT_H
#define CACHE_ABSENT_H

#include "base/status.h"
#include "sts/domain.h"
#include "sts/record.h"

#include <stddef.h>
#include <stdint.h>

enum { ABSENT_MAX = 50000 }; /* domains; about 8 MiB */

struct absent;

/* Why a domain has no usable policy. */
enum absent_cause {
	ABSENT_NO_RECORD,  /* DNS says so: NXDOMAIN, NODATA, no STSv1 record */
	ABSENT_BAD_RECORD, /* the record is invalid */
	ABSENT_DNS_FAILED, /* DNS gave no answer */
	ABSENT_FETCH_FAILED, /* the record is valid, but fetching failed */
	/* The policy expired before it may be fetched again. */
	ABSENT_ENDED,
	ABSENT_NO_MEMORY, /* we were out of memory */
};

struct absent_entry {
	enum absent_cause cause;
	/* Until then there is no need to ask DNS or the policy host again. */
	uint64_t until_ms;
	/* Until then the policy for this id is not fetched again (RFC 8461
	 * 3.3), though the record may be queried: the last fetch failed, or
	 * brought a policy that has expired already. Other failures do not
	 * reset it. 0 and "" if no fetch failed. */
	uint64_t retry_ms;
	char id[RECORD_ID_MAX + 1]; /* of the record */
	const char *reason;         /* one line, for explain; borrowed */
};

/* An empty table for MAX domains; NULL: out of memory. The caller's:
 * absent_free(), which takes NULL and leaves NULL. */
struct absent *absent_new(size_t max);
void absent_free(struct absent **absent);

/* Finds DOMAIN, even if its times have passed (an old ABSENT_FETCH_FAILED still
 * has the id): the caller compares them. RET->reason is valid until the table
 * changes. MTS_ENOTFOUND. */
int absent_get(struct absent *absent, const struct domain *domain,
               struct absent_entry *ret);

/* Stores ENTRY for DOMAIN, in place of an earlier one; the reason is copied and
 * cut to about 100 bytes. MTS_ENOMEM: nothing has changed. */
int absent_put(struct absent *absent, const struct domain *domain,
               const struct absent_entry *entry);

/* Removes DOMAIN, if it is there. */
void absent_remove(struct absent *absent, const struct domain *domain);

void absent_remove_all(struct absent *absent);

size_t absent_count(const struct absent *absent);

/* "no_record", "bad_record", "dns_failed", "fetch_failed", "ended". */
const char *absent_cause_text(enum absent_cause cause);

#endif
