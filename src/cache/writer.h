/* SPDX-License-Identifier: BSD-2-Clause */
/* writer.h - changes on their way to the disk.
 *
 * A change waits in memory, where it is found before what is on disk, and goes
 * out in a batch: one LMDB transaction, on libuv's thread pool. Everything here
 * is for the loop's thread. */
#ifndef CACHE_WRITER_H
#define CACHE_WRITER_H

#include "cache/cache.h"
#include "cache/change.h"
#include "cache/store.h"

#include <uv.h>

struct writer;

/* STORE must stay until writer_close(). NULL if memory is short. */
struct writer *writer_new(uv_loop_t *loop, struct store *store,
                          const struct clock *clock);

/* Once the store is open: has it mended if it is broken, for which TROUBLE is
 * the reason (else NULL), and brought back to its limit. */
void writer_start(struct writer *writer, const char *trouble);

/* Writes what is pending, waits for it. The memory goes when the loop has run
 * its handles' close callbacks, and that of a batch that was under way. Takes
 * NULL, leaves NULL. */
void writer_close(struct writer **writer);

/* The newest change for NAME that is not yet on disk, or NULL. */
const struct change *writer_find(const struct writer *writer,
                                 struct slice name);

/* The first change that comes after AFTER, by domain or by the key of the table
 * "due", that is not yet on disk and is no removal; NULL if there is none. */
const struct change *writer_after(const struct writer *writer,
                                  enum store_table order, struct slice after);

/* MTS_ENOMEM; MTS_EFULL: too much is pending; MTS_ERANGE: ENTRY is none that
 * entry.h can hold. ENTRY may borrow from a change that this replaces. SAVED:
 * the policy itself is on disk already. */
int writer_put(struct writer *writer, const struct domain *domain,
               const struct cache_entry *entry, bool saved);
int writer_remove(struct writer *writer, const struct domain *domain);

/* Removes everything, pending or on disk, now. MTS_E*. */
int writer_remove_all(struct writer *writer, uint64_t *ret_count);

/* The store has broken: mend it as soon as the loop is back. */
void writer_wake(struct writer *writer);

/* What is pending goes out at once. */
void writer_hurry(struct writer *writer);

/* For cache_watch(). */
void writer_watch(struct writer *writer, void (*on_batch)(void *arg),
                  void *arg);

/* True if the last write went well, or there was none. */
bool writer_is_well(const struct writer *writer);

/* Fills in all but what store_get_stats() knows. */
void writer_get_stats(const struct writer *writer, struct cache_stats *ret);

#endif
