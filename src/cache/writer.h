/* SPDX-License-Identifier: BSD-2-Clause */
/* writer.h - writes changes to the disk, in batches.
 *
 * A change waits in memory, where readers find it before what is on disk, until
 * it is written in a batch: one LMDB transaction, on libuv's thread pool.
 * Everything here is for the loop's thread. */
#ifndef CACHE_WRITER_H
#define CACHE_WRITER_H

#include "cache/cache.h"
#include "cache/pending.h"
#include "cache/store.h"

#include <uv.h>

struct writer;

/* STORE must outlive writer_close(). NULL: out of memory. */
struct writer *writer_new(uv_loop_t *loop, struct store *store,
                          const struct clock *clock);

/* Starts it: repairs the store if it is broken, for which TROUBLE is the reason
 * (else NULL), and brings the file back to its limit. */
void writer_start(struct writer *writer, const char *trouble);

/* Writes what is pending and waits for it. The memory is freed once the loop
 * has run the handles' close callbacks, and the callback of a batch that was
 * under way. Takes NULL, leaves NULL. */
void writer_close(struct writer **writer);

/* The newest change of NAME that is not on disk yet, or NULL. */
const struct change *writer_find(const struct writer *writer,
                                 struct slice name);

/* The first change that is not on disk yet and comes after AFTER, a key of
 * ORDER; as pending_after(). */
const struct change *writer_after(const struct writer *writer,
                                  enum store_table order, struct slice after);

/* MTS_ENOMEM; MTS_EFULL: too much is pending; MTS_ERANGE: entry.h can't encode
 * ENTRY. ENTRY may borrow from a change that this replaces. SAVED: the policy
 * itself is already on disk. */
int writer_put(struct writer *writer, const struct domain *domain,
               const struct cache_entry *entry, bool saved);
int writer_remove(struct writer *writer, const struct domain *domain);

/* Removes everything, pending or on disk, now. MTS_E*: then nothing on disk has
 * changed. */
int writer_remove_all(struct writer *writer, uint64_t *ret_count);

/* The store may be broken: if so, repairs it as soon as the loop is back. */
void writer_wake(struct writer *writer);

/* Writes what is pending without delay. */
void writer_hurry(struct writer *writer);

/* For cache_watch(). */
void writer_watch(struct writer *writer, void (*on_batch)(void *arg),
                  void *arg);

/* True if the last write succeeded, or there was none. */
bool writer_is_well(const struct writer *writer);

/* Fills in the fields of RET that store_get_stats() does not know. */
void writer_get_stats(const struct writer *writer, struct cache_stats *ret);

#endif
