/* SPDX-License-Identifier: BSD-2-Clause */
/* absent.h - domains known to have no usable policy, in memory, bounded.
 *
 * Absence is the common case: about one domain in a hundred publishes MTA-STS.
 * The table holds ABSENT_MAX domains at most; when it is full, the one that was
 * used longest ago makes room. Times are monotonic milliseconds. */
#ifndef CACHE_ABSENT_H
#define CACHE_ABSENT_H

#include "base/status.h"
#include "sts/domain.h"
#include "sts/record.h"

#include <stddef.h>
#include <stdint.h>

enum { ABSENT_MAX = 50000 }; /* some 8 MiB */

struct absent;

/* Why there is none. */
enum absent_cause {
	ABSENT_NO_RECORD,  /* DNS says so: NXDOMAIN, NODATA, no STSv1 record */
	ABSENT_BAD_RECORD, /* there is one, and it is no good */
	ABSENT_DNS_FAILED, /* DNS gave no answer */
	ABSENT_FETCH_FAILED, /* the record is good, the policy can't be had */
	ABSENT_ENDED,     /* there was one, which ended before it may be fetched
	               * again */
	ABSENT_NO_MEMORY, /* memory was short here */
};

struct absent_entry {
	enum absent_cause cause;
	/* Until when nobody has to ask again at all. */
	uint64_t until_ms;
	/* Until when the policy for this id is not fetched again (RFC 8461
	 * 3.3), though the record may be looked at: the last fetch failed, or
	 * it brought what has ended already. It outlasts other failures. 0 and
	 * "" if there is none. */
	uint64_t retry_ms;
	char id[RECORD_ID_MAX + 1]; /* the record's */
	const char *reason;         /* one line, for explain; borrowed */
};

/* An empty table for MAX domains; NULL if memory is short. The caller's:
 * absent_free(), which takes NULL and leaves NULL. */
struct absent *absent_new(size_t max);
void absent_free(struct absent **absent);

/* Finds DOMAIN, even if its times are over (an old FETCH_FAILED still tells the
 * id): the caller looks. RET->reason is valid until the table changes.
 * MTS_ENOTFOUND. */
int absent_get(struct absent *absent, const struct domain *domain,
               struct absent_entry *ret);

/* Remembers ENTRY for DOMAIN (reason is copied and cut to about 100 bytes),
 * instead of what was known before. MTS_ENOMEM: nothing is remembered. */
int absent_put(struct absent *absent, const struct domain *domain,
               const struct absent_entry *entry);

/* Forgets DOMAIN, if known. */
void absent_remove(struct absent *absent, const struct domain *domain);

void absent_remove_all(struct absent *absent);

size_t absent_count(const struct absent *absent);

/* "no_record", "bad_record", "dns_failed", "fetch_failed", "ended". */
const char *absent_cause_text(enum absent_cause cause);

#endif
