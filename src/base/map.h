/* SPDX-License-Identifier: BSD-2-Clause */
/* map.h - a hash table keyed by byte strings; its nodes are part of the
 * members.
 *
 * The hash is keyed with random bytes (SipHash-1-3), because strangers choose
 * the keys. The table owns neither nodes nor keys. */
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

/* An empty table; NULL: out of memory. The caller's: map_free(). */
struct map *map_new(void);

/* Frees the table, not the members; takes NULL, leaves NULL. */
void map_free(struct map **map);

size_t map_count(const struct map *map);

/* The node with this key, or NULL. */
struct map_node *map_find(const struct map *map, const char *key, size_t len);

/* Inserts NODE, whose key and key_len are set; no node with that key may be
 * inside. Never fails: if there is no memory for a larger table, the table gets
 * slower. */
void map_insert(struct map *map, struct map_node *node);

/* Removes NODE, which is inside. */
void map_remove(struct map *map, struct map_node *node);

/* Calls EACH with every node, in no order; EACH may remove and free the node it
 * is given, and no other. */
void map_each(struct map *map, void (*each)(struct map_node *node, void *arg),
              void *arg);

#endif
