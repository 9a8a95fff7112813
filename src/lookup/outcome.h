/* SPDX-License-Identifier: BSD-2-Clause */
/* outcome.h - what a discovery's end means for the cache and for what is known
 * to be absent (RFC 8461 3.1, 3.3, 5.1).
 *
 * The rules in one place, and without a network: a look-up, an id check and a
 * refresh all end here. */
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
	uint64_t negative_min_ms; /* what is absent is remembered at least */
	uint64_t negative_max_ms; /* and at most for so long */
	uint64_t retry_ms;        /* no second fetch for an id within */
	struct schedule_rules schedule;
};

/* The cached policy of DOMAIN, if it is in force; RET as from cache_get(). */
bool outcome_get_live(const struct outcome_rules *rules,
                      const struct domain *domain, struct cache_entry *ret);

/* A policy was fetched: stores it, and fills RET, which borrows from RESULT.
 * It is live, for this one answer even if its max_age is 0. Without a good
 * record (RESULT->record_outcome) this is only for a domain whose cached policy
 * is in force, and whose id it keeps. */
void outcome_policy(const struct outcome_rules *rules,
                    const struct domain *domain,
                    const struct discover_result *result,
                    struct cache_entry *ret);

/* Anything else. Never takes a cached policy away: one that is there stays in
 * force until its own end (3.3, MUST). A fetch that failed is noted with it,
 * and tried again later. */
void outcome_other(const struct outcome_rules *rules,
                   const struct domain *domain,
                   const struct discover_result *result);

/* A refresh ended before its fetch was tried: the cached policy is due again
 * after a pause. */
void outcome_postpone(const struct outcome_rules *rules,
                      const struct domain *domain);

/* What became of a policy that was to be imported. */
enum outcome_import {
	OUTCOME_IMPORTED,
	OUTCOME_OLDER, /* what is cached was fetched later, or then */
	OUTCOME_ENDED, /* its max_age is over */
};

/* A policy that another cache had: ENTRY has policy, id, fetched_s and used_s,
 * and gets the rest. Its life does not get longer: a fetch that lies ahead of the
 * clock is taken for one as long ago (sts/verdict.h). It is due soon. MTS_EFULL
 * (try again later), MTS_ENOMEM. */
int outcome_import(const struct outcome_rules *rules,
                   const struct domain *domain, struct cache_entry *entry,
                   enum outcome_import *ret);

#endif
