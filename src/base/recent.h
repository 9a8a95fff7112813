/* SPDX-License-Identifier: BSD-2-Clause */
/* recent.h - a bounded table keyed by byte strings, which forgets what was used
 * longest ago. */
#ifndef BASE_RECENT_H
#define BASE_RECENT_H

#include "base/list.h"
#include "base/map.h"

struct recent;

/* The first member of what is put in, which malloc() gave. */
struct recent_node {
	struct map_node node; /* its key and key_len are the member's to set */
	struct list link;     /* the table's own */
};

/* An empty table for MAX members; NULL if memory is short. The caller's:
 * recent_free(), which takes NULL and leaves NULL. */
struct recent *recent_new(size_t max);
void recent_free(struct recent **recent);

/* The one with this key, which is used now; or NULL. Good until the table
 * changes. */
struct recent_node *recent_use(struct recent *recent, const char *key,
                               size_t len);

/* Takes NODE over, used now, in place of the one with its key; if the table is
 * full, the one that was used longest ago makes room. */
void recent_put(struct recent *recent, struct recent_node *node);

/* Frees the one with this key; true if there was one. */
bool recent_remove(struct recent *recent, const char *key, size_t len);

void recent_remove_all(struct recent *recent);

size_t recent_count(const struct recent *recent);

#endif
