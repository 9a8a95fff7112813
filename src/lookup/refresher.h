/* SPDX-License-Identifier: BSD-2-Clause */
/* refresher.h - has policies fetched afresh when they are due, whether or not
 * anybody asks (RFC 8461 3.3, 10.2), and removes those that have ended.
 *
 * It follows the order of due times that the cache keeps on disk. Between two of
 * them it sleeps: a timer for the next one is all that it has. schedule.h tells
 * what is due when. */
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
	struct lookups *lookups; /* is watched: one refresher for each */
	struct fetcher *fetcher;
	uint64_t concurrency; /* fetch.concurrency, of which it takes a part */
};

/* MTS_ENOMEM. Begins with the loop's next round. On MTS_OK *RET is the caller's:
 * refresher_close(). */
int refresher_new(const struct refresher_options *options,
                  struct refresher **ret, struct fault *why);

/* Changes the option CONCURRENCY, and looks anew at what is due: the rules may
 * be others, too. */
void refresher_set_concurrency(struct refresher *refresher,
                               uint64_t concurrency);

/* Starts nothing more; what is under way goes on. Takes NULL, leaves NULL. The
 * loop must run once more before it is closed. */
void refresher_close(struct refresher **refresher);

enum { REFRESHER_DUE_MAX = 100 }; /* more are not counted */

struct refresher_state {
	uint64_t done;    /* since the start: policies fetched afresh */
	uint64_t failed;  /* since the start: fetches that failed */
	uint64_t removed; /* since the start: policies that had ended */
	uint64_t under_way;
	uint64_t due;     /* now, under way or not; REFRESHER_DUE_MAX at most */
	int64_t oldest_s; /* since when the first of these is; 0: none is */
	int64_t next_s;   /* when the next one is due; 0: none */
};

/* Looks at the schedule. */
void refresher_get_state(struct refresher *refresher,
                         struct refresher_state *ret);

#endif
