/* SPDX-License-Identifier: BSD-2-Clause */
/* map.h - a hash table keyed by byte strings, whose nodes lie inside the
 * members.
 *
 * The hash is keyed with random bytes (SipHash-1-3), since the keys come from
 * whoever sends mail. The table owns neither nodes nor keys. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

struct map;

struct map_node {
	struct map_node *next; /* the map's own */
	uint64_t hash;         /* the map's own */
	const char *key;       /* the member's; must not change while inside */
	size_t key_len;
};

/* An empty table; NULL if memory is short. The caller's: map_free(). */
struct map *map_new(void);

/* Frees the table, not the members; takes NULL, leaves NULL. */
void map_free(struct map **map);

size_t map_count(const struct map *map);

/* The node with this key, or NULL. */
struct map_node *map_find(const struct map *map, const char *key, size_t len);

/* Puts NODE in; its key and key_len are set, and no node with that key is
 * inside. It cannot fail: if memory for a larger table is short, the table
 * stays as it is and gets slower. */
void map_insert(struct map *map, struct map_node *node);

/* Takes out NODE, which is inside. */
void map_remove(struct map *map, struct map_node *node);

/* Calls EACH with every node, in no order; EACH may remove and free the node it
 * is given, and no other. */
void map_each(struct map *map, void (*each)(struct map_node *node, void *arg),
              void *arg);

#endif
