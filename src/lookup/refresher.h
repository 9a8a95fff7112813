/* SPDX-License-Identifier: BSD-2-Clause */
/* refresher.h - refreshes policies when they are due, whether or not anybody asks
 * for them (RFC 8461 3.3, 10.2), and removes those that have expired.
 *
 * schedule.h says when a policy is due, and the cache on disk has all policies in
 * that order. The refresher only has a timer, set for the first of them. */
#ifndef LOOKUP_REFRESHER_H
#define LOOKUP_REFRESHER_H

#include "cache/cache.h"
#include "https/fetch.h"
#include "lookup/lookup.h"

struct refresher;

/* All pointers are borrowed and outlive the refresher. */
struct refresher_options {
	uv_loop_t *loop;
	const struct clock *clock;
	struct cache *cache;
	struct lookups *lookups; /* the refresher is its watch */
	struct fetcher *fetcher;
	uint64_t concurrency; /* fetch.concurrency; it uses a part of that */
};

/* MTS_ENOMEM. Starts working in the next round of the loop. On MTS_OK *RET is the
 * caller's: refresher_close(). */
int refresher_new(const struct refresher_options *options,
                  struct refresher **ret, struct fault *why);

/* Changes the option CONCURRENCY, and checks again what is due, as the rules may
 * have changed as well. */
void refresher_set_concurrency(struct refresher *refresher,
                               uint64_t concurrency);

/* Starts no more refreshes; those under way go on. Takes NULL, leaves NULL. The
 * loop must run once more before it is closed. */
void refresher_close(struct refresher **refresher);

enum { REFRESHER_DUE_MAX = 100 }; /* more are not counted */

struct refresher_state {
	uint64_t done;    /* since the start: policies refreshed */
	uint64_t failed;  /* since the start: fetches that failed */
	uint64_t removed; /* since the start: expired policies */
	uint64_t under_way;
	uint64_t due;     /* now, under way or not; at most REFRESHER_DUE_MAX */
	int64_t oldest_s; /* when the first of these became due; 0: none */
	int64_t next_s;   /* when the next one is due; 0: none */
};

/* Reads the schedule. */
void refresher_get_state(struct refresher *refresher,
                         struct refresher_state *ret);

#endif
