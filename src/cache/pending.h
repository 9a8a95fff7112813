/* SPDX-License-Identifier: BSD-2-Clause */
/* pending.h - the changes that are not on disk yet, at most one per domain and
 * set.
 *
 * A new change goes into `waiting`. A batch of them moves to `writing`, which a
 * worker thread reads while it writes them to disk; nothing adds to or removes
 * from `writing` until the worker is done. Meanwhile the loop may read both
 * sets: a change in `waiting` overrides one in `writing`. */
#ifndef CACHE_PENDING_H
#define CACHE_PENDING_H

#include "base/list.h"
#include "base/map.h"
#include "base/slice.h"
#include "cache/cache.h"
#include "cache/tables.h"
#include "cache/tree.h"

#include <stdbool.h>
#include <stddef.h>

/* -- one change ------------------------------------------------------------ */

/* Puts a record or removes a domain. Immutable, apart from its links. */
struct change {
	struct map_node node;     /* the key is the domain; NUL-terminated */
	struct list link;         /* in the order of arrival */
	struct tree_node by_name; /* the key is the domain */
	struct tree_node by_due;  /* the key is that of the table "due" */
	size_t record_len;        /* 0: remove */
	size_t size;              /* of the whole allocation, in bytes */
	int64_t due_s;            /* the record's next_refresh_s */
	int64_t fetched_s;        /* ... and fetched_s */
	bool saved;               /* a record with this fetched_s is on disk */
	/* The key of the table "due", whose last part is the domain; a NUL; the
	 * record. */
	char data[];
};

static inline struct slice change_name(const struct change *change)
{
	return slice_of(change->node.key, change->node.key_len);
}

static inline struct slice change_due_key(const struct change *change)
{
	return slice_of(change->data, KEY_NUMBER + change->node.key_len);
}

static inline struct slice change_record(const struct change *change)
{
	return slice_of(change->node.key + change->node.key_len + 1,
	                change->record_len);
}

/* Makes a change that puts ENTRY, or removes DOMAIN if ENTRY is NULL.
 * MTS_ENOMEM; MTS_ERANGE: entry.h can't encode ENTRY. On MTS_OK the caller owns
 * *RET: free(). */
int change_new(const struct domain *domain, const struct cache_entry *entry,
               struct change **ret);

/* -- all of them ----------------------------------------------------------- */

/* Changes, found by domain and in order of arrival; those that put a record
 * also in the orders of the tables "policies" and "due". */
struct change_set {
	struct map *map;
	struct list list;
	struct tree by_name;
	struct tree by_due;
};

size_t change_set_count(const struct change_set *set);

struct pending {
	struct change_set waiting;
	struct change_set writing;
	size_t bytes; /* of both */
};

/* MTS_ENOMEM: pending_free() must still be called. */
int pending_init(struct pending *pending);

/* PENDING must be empty. */
void pending_free(struct pending *pending);

/* The changes in both sets. */
size_t pending_count(const struct pending *pending);

/* The newest change of NAME, or NULL. */
const struct change *pending_find(const struct pending *pending,
                                  struct slice name);

/* The first change after AFTER that puts a record and that no newer change
 * overrides, or NULL. ORDER is STORE_BY_NAME or STORE_BY_DUE; AFTER is a key of
 * that table. */
const struct change *pending_after(const struct pending *pending,
                                   enum store_table order, struct slice after);

/* Takes over CHANGE, which replaces a waiting one of the same domain.
 * MTS_EFULL: too much is pending; CHANGE still is the caller's. */
int pending_add(struct pending *pending, struct change *change);

/* Moves up to MAX changes to `writing`, which is empty, oldest first. */
void pending_begin_write(struct pending *pending, size_t max);

/* The write succeeded: frees the changes in `writing`. */
void pending_drop_written(struct pending *pending);

/* The write failed: the changes in `writing` wait again, unless a newer one
 * replaced them. */
void pending_give_back(struct pending *pending);

/* Frees all waiting changes. */
void pending_forget(struct pending *pending);

#endif
