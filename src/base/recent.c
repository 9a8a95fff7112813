/* SPDX-License-Identifier: BSD-2-Clause */
/* recent.c - a bounded table which forgets what was used longest ago.
 *
 * A hash table for the look-up and a list in order of use for making room. */
#include "base/recent.h"

#include <stdlib.h>

struct recent {
	struct map *map;
	struct list used; /* the one used longest ago first */
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

static struct recent_node *find(const struct recent *recent, const char *key,
                                size_t len)
{
	struct map_node *node = map_find(recent->map, key, len);

	return node ? container_of(node, struct recent_node, node) : NULL;
}

static void drop(struct recent *recent, struct recent_node *node)
{
	map_remove(recent->map, &node->node);
	list_remove(&node->link);
	free(node);
}

struct recent_node *recent_use(struct recent *recent, const char *key,
                               size_t len)
{
	struct recent_node *node = find(recent, key, len);

	if (node) {
		list_remove(&node->link);
		list_append(&recent->used, &node->link);
	}
	return node;
}

static void make_room(struct recent *recent)
{
	struct list *oldest = list_first(&recent->used);

	if (oldest && recent_count(recent) >= recent->max)
		drop(recent, container_of(oldest, struct recent_node, link));
}

void recent_put(struct recent *recent, struct recent_node *node)
{
	(void)recent_remove(recent, node->node.key, node->node.key_len);
	make_room(recent);
	map_insert(recent->map, &node->node);
	list_append(&recent->used, &node->link);
}

bool recent_remove(struct recent *recent, const char *key, size_t len)
{
	struct recent_node *node = find(recent, key, len);

	if (node)
		drop(recent, node);
	return node != NULL;
}

void recent_remove_all(struct recent *recent)
{
	list_each_safe (link, &recent->used)
		drop(recent, container_of(link, struct recent_node, link));
}

size_t recent_count(const struct recent *recent)
{
	return map_count(recent->map);
}
