/* SPDX-License-Identifier: BSD-2-Clause */
/* recent.c - a bounded hash table that evicts the least recently used member.
 *
 * A map finds members; a list holds them in the order of their last use. */
#include "base/recent.h"

#include <stdlib.h>

struct recent {
	struct map *map;
	struct list used; /* least recently used first */
	size_t max;
};

struct recent *recent_new(size_t max)
{
	struct recent *recent = calloc(1, sizeof(*recent));

	if (!recent)
		return NULL;
	recent->map = map_new();
	if (!recent->map) {
		free(recent);
		return NULL;
	}
	list_init(&recent->used);
	recent->max = max;
	return recent;
}

void recent_free(struct recent **recent)
{
	if (!*recent)
		return;
	recent_remove_all(*recent);
	map_free(&(*recent)->map);
	free(*recent);
	*recent = NULL;
}

static struct recent_node *recent_find(const struct recent *recent,
                                       const char *key, size_t len)
{
	struct map_node *node = map_find(recent->map, key, len);

	return node ? container_of(node, struct recent_node, node) : NULL;
}

static void recent_drop(struct recent *recent, struct recent_node *node)
{
	map_remove(recent->map, &node->node);
	list_remove(&node->link);
	free(node);
}

struct recent_node *recent_use(struct recent *recent, const char *key,
                               size_t len)
{
	struct recent_node *node = recent_find(recent, key, len);

	if (node) {
		list_remove(&node->link);
		list_append(&recent->used, &node->link);
	}
	return node;
}

static void recent_evict(struct recent *recent)
{
	struct list *oldest = list_first(&recent->used);

	if (oldest && recent_count(recent) >= recent->max)
		recent_drop(recent,
		            container_of(oldest, struct recent_node, link));
}

void recent_put(struct recent *recent, struct recent_node *node)
{
	(void)recent_remove(recent, node->node.key, node->node.key_len);
	recent_evict(recent);
	map_insert(recent->map, &node->node);
	list_append(&recent->used, &node->link);
}

bool recent_remove(struct recent *recent, const char *key, size_t len)
{
	struct recent_node *node = recent_find(recent, key, len);

	if (node)
		recent_drop(recent, node);
	return node != NULL;
}

void recent_remove_all(struct recent *recent)
{
	list_each_safe (link, &recent->used)
		recent_drop(recent,
		            container_of(link, struct recent_node, link));
}

size_t recent_count(const struct recent *recent)
{
	return map_count(recent->map);
}
