/* SPDX-License-Identifier: BSD-2-Clause */
/* recent.h - a bounded hash table that evicts the least recently used
 * member. */
#ifndef BASE_RECENT_H
#define BASE_RECENT_H

#include "base/list.h"
#include "base/map.h"

struct recent;

/* The first field of a member; malloc() gave the member. */
struct recent_node {
	struct map_node node; /* the caller sets its key and key_len */
	struct list link;     /* for recent.c only */
};

/* An empty table for MAX members; NULL: out of memory. The caller's:
 * recent_free(), which takes NULL and leaves NULL. */
struct recent *recent_new(size_t max);
void recent_free(struct recent **recent);

/* Finds the member with this key and marks it as just used; or NULL. Valid
 * until the table changes. */
struct recent_node *recent_use(struct recent *recent, const char *key,
                               size_t len);

/* Takes over the member of NODE, marked as just used, in place of one with the
 * same key. If the table is full, frees the least recently used member. */
void recent_put(struct recent *recent, struct recent_node *node);

/* Frees the member with this key; true if there was one. */
bool recent_remove(struct recent *recent, const char *key, size_t len);

void recent_remove_all(struct recent *recent);

size_t recent_count(const struct recent *recent);

#endif
