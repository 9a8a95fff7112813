/* SPDX-License-Identifier: BSD-2-Clause */
/* map.c - a hash table keyed by byte strings, safe against chosen keys. */
#include "base/map.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum { MAP_FIRST = 64 }; /* buckets at first; a power of two */

struct map {
	struct map_node **buckets;
	size_t size; /* buckets, a power of two */
	size_t count;
	uint64_t seed[2];
};

/* -- SipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF") -- */

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t sip_rotate(uint64_t x, unsigned bits)
{
	return (x << bits) | (x >> (64 - bits));
}

static inline void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = sip_rotate(s->v1, 13) ^ s->v0;
	s->v0 = sip_rotate(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = sip_rotate(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = sip_rotate(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = sip_rotate(s->v1, 17) ^ s->v2;
	s->v2 = sip_rotate(s->v2, 32);
}

static inline void sip_add(struct sip *s, uint64_t block)
{
	s->v3 ^= block;
	sip_round(s);
	s->v0 ^= block;
}

static uint64_t hash_key(const uint64_t seed[2], const char *key, size_t len)
{
	struct sip s = { seed[0] ^ 0x736f6d6570736575u,
		         seed[1] ^ 0x646f72616e646f6du,
		         seed[0] ^ 0x6c7967656e657261u,
		         seed[1] ^ 0x7465646279746573u };
	uint64_t block;
	size_t i;

	for (i = 0; i + 8 <= len; i += 8) {
		memcpy(&block, key + i, 8); /* host order: never leaves us */
		sip_add(&s, block);
	}
	block = (uint64_t)len << 56;
	for (unsigned shift = 0; i < len; i++, shift += 8)
		block |= (uint64_t)(unsigned char)key[i] << shift;
	sip_add(&s, block);
	s.v2 ^= 0xff;
	for (int n = 0; n < 3; n++)
		sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

/* -- the table ------------------------------------------------------------- */

static void seed_map(struct map *map)
{
	struct timespec now;

	if (getrandom(map->seed, sizeof(map->seed), GRND_NONBLOCK) ==
	    (ssize_t)sizeof(map->seed))
		return;
	/* Early at boot there are no random numbers yet. To guess this seed,
	 * one has to know our start time and our addresses. */
	clock_gettime(CLOCK_MONOTONIC, &now);
	map->seed[0] = (uint64_t)now.tv_nsec * 0x9e3779b97f4a7c15u;
	map->seed[1] = (uint64_t)(uintptr_t)map ^ (uint64_t)now.tv_sec;
}

struct map *map_new(void)
{
	struct map *map = calloc(1, sizeof(*map));

	if (!map)
		return NULL;
	map->size = MAP_FIRST;
	map->buckets = calloc(map->size, sizeof(*map->buckets));
	if (!map->buckets) {
		free(map);
		return NULL;
	}
	seed_map(map);
	return map;
}

void map_free(struct map **map)
{
	if (!*map)
		return;
	free((*map)->buckets);
	free(*map);
	*map = NULL;
}

size_t map_count(const struct map *map)
{
	return map->count;
}

struct map_node *map_find(const struct map *map, const char *key, size_t len)
{
	struct map_node *node;
	uint64_t hash;

	if (map->count == 0)
		return NULL;
	hash = hash_key(map->seed, key, len);
	node = map->buckets[hash & (map->size - 1)];
	while (node && (node->hash != hash || node->key_len != len ||
	                memcmp(node->key, key, len) != 0))
		node = node->next;
	return node;
}

static void map_grow(struct map *map)
{
	size_t size = map->size * 2;
	struct map_node **buckets = calloc(size, sizeof(*buckets));

	if (!buckets)
		return;
	for (size_t i = 0; i < map->size; i++) {
		struct map_node *node = map->buckets[i];

		while (node) {
			struct map_node *next = node->next;
			struct map_node **to =
			    &buckets[node->hash & (size - 1)];

			node->next = *to;
			*to = node;
			node = next;
		}
	}
	free(map->buckets);
	map->buckets = buckets;
	map->size = size;
}

void map_insert(struct map *map, struct map_node *node)
{
	struct map_node **bucket;

	if (map->count >= map->size)
		map_grow(map);
	node->hash = hash_key(map->seed, node->key, node->key_len);
	bucket = &map->buckets[node->hash & (map->size - 1)];
	node->next = *bucket;
	*bucket = node;
	map->count++;
}

void map_remove(struct map *map, struct map_node *node)
{
	struct map_node **link = &map->buckets[node->hash & (map->size - 1)];

	while (*link != node)
		link = &(*link)->next;
	*link = node->next;
	map->count--;
}

void map_each(struct map *map, void (*each)(struct map_node *node, void *arg),
              void *arg)
{
	for (size_t i = 0; i < map->size; i++) {
		struct map_node *node = map->buckets[i];

		while (node) {
			struct map_node *next = node->next;

			each(node, arg);
			node = next;
		}
	}
}
