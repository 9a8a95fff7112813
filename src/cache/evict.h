/* SPDX-License-Identifier: BSD-2-Clause */
/* evict.h - keeps the file within its limit by evicting entries.
 *
 * LMDB needs free pages for every write, even to remove something: it copies
 * the pages that it changes, and it can reuse the old ones only two commits
 * later. So we evict before the space is needed, in transactions of their own,
 * and always keep store_reserve() pages free.
 *
 * Functions return LMDB's codes. They run in the thread that writes; only
 * evict_log_add() runs on the loop. */
#ifndef CACHE_EVICT_H
#define CACHE_EVICT_H

#include "cache/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Measures how full the file is. */
int evict_measure(struct store *store, struct tables_size *ret);

/* True if no batch can fill the free space: nothing has to be evicted. */
bool evict_is_needless(const struct store *store,
                       const struct tables_size *size);

/* Evicts to make space for ADDED new entries, and PAGES for large ones. Evicts
 * nothing unless the file is nearly full, and then about as many entries as
 * come in, so that a full file stays about as full as it is. NOW_S decides what
 * has expired. Adds to RET. */
int evict_for(struct store *store, const struct tables_size *size,
              int64_t now_s, size_t added, size_t pages, struct evicted *ret);

/* Evicts more, after a write failed with MDB_MAP_FULL nevertheless.
 * MDB_NOTFOUND: nothing is left to evict. */
int evict_more(struct store *store, int64_t now_s, struct evicted *ret);

/* If the file is over its limit, because the limit was lowered: evicts some.
 * *RET_MORE: it still is over the limit. */
int evict_to_limit(struct store *store, const struct tables_size *size,
                   int64_t now_s, struct evicted *ret, bool *ret_more);

/* -- the log --------------------------------------------------------------- */

/* Counts evictions and reports them. Starts as zeroes. */
struct eviction_log {
	struct evicted evicted;  /* since the start */
	struct evicted unlogged; /* since the last line in the log */
	uint64_t logged_ms;      /* when that line was written, or 0 */
	uint64_t warned_ms;      /* when the last warning was, or 0 */
	uint64_t too_large;      /* changes that found no space at all */
};

/* Adds EVICTED and TOO_LARGE. Logs them at once, but at most once an hour, as a
 * full cache evicts with every batch; a line that says that mail loses its
 * protection does not wait for an hour to pass since one that does not. NOW_MS
 * is the monotonic clock's time. */
void eviction_log_add(struct eviction_log *log, const struct evicted *evicted,
                      uint64_t too_large, uint64_t now_ms);

#endif
