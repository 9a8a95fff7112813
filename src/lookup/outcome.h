/* SPDX-License-Identifier: BSD-2-Clause */
/* outcome.h - what the result of a discovery means for the cache and for the
 * domains that are known to have no policy (RFC 8461 3.1, 3.3, 5.1).
 *
 * Look-ups, id checks and refreshes all end here, so these rules exist only
 * once. No network. */
#ifndef LOOKUP_OUTCOME_H
#define LOOKUP_OUTCOME_H

#include "base/clock.h"
#include "cache/absent.h"
#include "cache/cache.h"
#include "discover/discover.h"
#include "lookup/schedule.h"

/* Borrowed, all of it. */
struct outcome_rules {
	const struct clock *clock;
	struct cache *cache;
	struct absent *absent;
	uint64_t negative_min_ms; /* remember an absence so long at least */
	uint64_t negative_max_ms; /* and at most */
	uint64_t retry_ms;        /* between two fetches for one id */
	struct schedule_rules schedule;
};

/* Finds the cached policy of DOMAIN, if it is in force; RET as from
 * cache_get(). */
bool outcome_get_live(const struct outcome_rules *rules,
                      const struct domain *domain, struct cache_entry *ret);

/* A policy was fetched: stores it, and fills RET, which borrows from RESULT. It
 * counts as live for this one answer even if its max_age is 0. If there was no
 * good record (RESULT->record_outcome), call this only for a domain whose cached
 * policy is in force; the new policy keeps the id of that one. */
void outcome_policy(const struct outcome_rules *rules,
                    const struct domain *domain,
                    const struct discover_result *result,
                    struct cache_entry *ret);

/* Any other result. Never removes a cached policy: it stays in force until it
 * expires (3.3, MUST). A failed fetch is recorded with it and repeated later. */
void outcome_other(const struct outcome_rules *rules,
                   const struct domain *domain,
                   const struct discover_result *result);

/* A refresh ended before it tried the fetch: the cached policy is due again
 * after a pause. */
void outcome_postpone(const struct outcome_rules *rules,
                      const struct domain *domain);

/* What happened to a policy that was to be imported. */
enum outcome_import {
	OUTCOME_IMPORTED,
	OUTCOME_OLDER, /* the cached one was fetched later, or then */
	OUTCOME_ENDED, /* it has expired */
};

/* Stores a policy from another cache. ENTRY has policy, id, fetched_s and used_s;
 * this sets the rest. It does not make the policy live longer: a fetch time in
 * the future is treated as one just as far in the past (sts/verdict.h). The
 * policy is due for a refresh soon. MTS_EFULL (try again later), MTS_ENOMEM. */
int outcome_import(const struct outcome_rules *rules,
                   const struct domain *domain, struct cache_entry *entry,
                   enum outcome_import *ret);

#endif
