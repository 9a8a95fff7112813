/* SPDX-License-Identifier: BSD-2-Clause */
/* change.h - what is to be written: one change a domain, in queues. */
#ifndef CACHE_CHANGE_H
#define CACHE_CHANGE_H

#include "base/list.h"
#include "base/map.h"
#include "base/slice.h"
#include "cache/cache.h"
#include "cache/key.h"
#include "cache/tree.h"

#include <stdbool.h>
#include <stddef.h>

/* A record to be put, or a domain to be removed. Never changes. */
struct change {
	struct map_node node;     /* the key is the domain; NUL-terminated */
	struct list link;         /* in the order of arrival */
	struct tree_node by_name; /* the key is the domain */
	struct tree_node by_due;  /* the key is that of the table "due" */
	size_t record_len;        /* 0: remove */
	size_t size;              /* of this and what lies behind it */
	int64_t due_s;            /* the record's next_refresh_s */
	int64_t fetched_s;        /* ... and fetched_s */
	bool saved;               /* a record with that fetched_s is on disk */
	/* The key of the table "due", whose end is the domain, a NUL, and the
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

/* A change that puts ENTRY, or removes the domain if ENTRY is NULL. MTS_ENOMEM;
 * MTS_ERANGE: entry.h can't hold ENTRY. The caller's: free(). */
int change_new(const struct domain *domain, const struct cache_entry *entry,
               struct change **ret);

/* Changes by domain, in order of arrival, and, but for removals, as they will
 * stand in the tables "policies" and "due". */
struct queue {
	struct map *map;
	struct list list;
	struct tree by_name;
	struct tree by_due;
};

/* MTS_ENOMEM: queue_free() still is to be called. */
int queue_init(struct queue *queue);

/* Of an empty one. */
void queue_free(struct queue *queue);

bool queue_is_empty(const struct queue *queue);
size_t queue_count(const struct queue *queue);

/* The change for NAME, or NULL. */
struct change *queue_find(const struct queue *queue, struct slice name);

/* The one that arrived first, or NULL. */
struct change *queue_first(const struct queue *queue);

/* The first that comes after AFTER in ORDER (STORE_BY_NAME, STORE_BY_DUE), or
 * NULL. */
const struct change *queue_after(const struct queue *queue,
                                 enum store_table order, struct slice after);

/* CHANGE is in no queue, and none for its domain is in this one. */
void queue_add(struct queue *queue, struct change *change);
void queue_take(struct queue *queue, struct change *change);

#endif
