/* SPDX-License-Identifier: BSD-2-Clause */
/* evict.h - keeps the file within its limit.
 *
 * LMDB needs free pages to write at all, to remove too: what it changes it
 * copies, and the old page is free only two commits later. So room is made
 * before it is needed, in transactions of its own, from ROOM_HIGH on. */
#ifndef CACHE_EVICT_H
#define CACHE_EVICT_H

#include "cache/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How full it is. LMDB's codes, here and below. */
int room_look(struct store *store, struct tables_size *ret);

/* True if there is so much left that no batch can fill it. */
bool room_is_ample(const struct store *store, const struct tables_size *size);

/* Makes room for ADDED new entries, and PAGES for those that are large. Evicts
 * nothing as long as the file is not nearly full, and then about as many
 * entries as come in, so that one that is full stays just that. NOW_S tells
 * what has expired. Adds to RET. */
int room_make(struct store *store, const struct tables_size *size,
              int64_t now_s, size_t added, size_t pages, struct evicted *ret);

/* After MDB_MAP_FULL all the same: evicts more. MDB_NOTFOUND: there is nothing
 * to evict. */
int room_force(struct store *store, int64_t now_s, struct evicted *ret);

/* For a file that is beyond its limit, which was higher once: evicts some, and
 * tells by *RET_MORE whether that was not enough. */
int room_shrink(struct store *store, const struct tables_size *size,
                int64_t now_s, struct evicted *ret, bool *ret_more);

#endif
