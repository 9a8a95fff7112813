/* SPDX-License-Identifier: BSD-2-Clause */
/* eviction_log.h - counts what had to make room, and tells the operator. */
#ifndef CACHE_EVICTION_LOG_H
#define CACHE_EVICTION_LOG_H

#include "cache/batch.h"

#include <stdint.h>

/* Begins as zeroes. */
struct tally {
	struct evicted evicted;  /* since the start, and ... */
	struct evicted unlogged; /* ... since the last word of it */
	uint64_t logged_ms;      /* when that was, or 0, and ... */
	uint64_t warned_ms;      /* ... when it was a warning */
	uint64_t too_large;      /* changes that found no room in any way */
};

/* Adds what RESULT tells; logs it at once, but not more often than once an
 * hour. NOW_MS is of the monotonic clock. */
void tally_add(struct tally *tally, const struct batch_result *result,
               uint64_t now_ms);

#endif
