/* SPDX-License-Identifier: BSD-2-Clause */
/* dane_states.c - what was learnt of DANE for next hops, in memory, bounded.
 *
 * A hash table for the look-up and a list in order of use for making room. */
#include "cache/dane_states.h"

#include "base/list.h"
#include "base/map.h"

#include <stdlib.h>
#include <string.h>

enum { REASON_MAX = 100 }; /* 50,000 of them have to fit in a few MiB */

struct dane_states {
	struct map *map;
	struct list used; /* struct item; the one used longest ago first */
	size_t max;
};

/* One hop. Its key and, with a NUL, its reason lie behind it. */
struct item {
	struct map_node node;
	struct list link;
	uint64_t learnt_ms;
	uint64_t barred_ms;
	uint32_t ttl_s;
	uint8_t state;
	char text[];
};

struct dane_states *dane_states_new(size_t max)
{
	struct dane_states *states = calloc(1, sizeof(*states));

	if (!states)
		return NULL;
	states->map = map_new();
	if (!states->map) {
		free(states);
		return NULL;
	}
	list_init(&states->used);
	states->max = max;
	return states;
}

void dane_states_free(struct dane_states **states)
{
	if (!*states)
		return;
	dane_states_remove_all(*states);
	map_free(&(*states)->map);
	free(*states);
	*states = NULL;
}

static struct item *find(const struct dane_states *states,
                         const struct domain_hop *hop)
{
	char key[DOMAIN_HOP_KEY];
	size_t len = domain_hop_key(hop, key);
	struct map_node *node = map_find(states->map, key, len);

	return node ? container_of(node, struct item, node) : NULL;
}

static void drop(struct dane_states *states, struct item *item)
{
	map_remove(states->map, &item->node);
	list_remove(&item->link);
	free(item);
}

int dane_states_get(struct dane_states *states, const struct domain_hop *hop,
                    struct dane_states_entry *ret)
{
	struct item *item = find(states, hop);

	if (!item)
		return MTS_ENOTFOUND;
	list_remove(&item->link);
	list_append(&states->used, &item->link);
	ret->state = (enum dane_state)item->state;
	ret->ttl_s = item->ttl_s;
	ret->learnt_ms = item->learnt_ms;
	ret->barred_ms = item->barred_ms;
	ret->reason = item->text + item->node.key_len;
	return MTS_OK;
}

static struct item *item_new(const struct domain_hop *hop,
                             const struct dane_states_entry *entry)
{
	const char *reason = entry->reason ? entry->reason : "";
	size_t reason_len = strnlen(reason, REASON_MAX);
	char key[DOMAIN_HOP_KEY];
	size_t len = domain_hop_key(hop, key);
	struct item *item = malloc(sizeof(*item) + len + reason_len + 1);

	if (!item)
		return NULL;
	item->learnt_ms = entry->learnt_ms;
	item->barred_ms = entry->barred_ms;
	item->ttl_s = entry->ttl_s;
	item->state = (uint8_t)entry->state;
	memcpy(item->text, key, len);
	memcpy(item->text + len, reason, reason_len);
	item->text[len + reason_len] = '\0';
	item->node.key = item->text;
	item->node.key_len = len;
	return item;
}

static void make_room(struct dane_states *states)
{
	struct list *oldest = list_first(&states->used);

	if (oldest && dane_states_count(states) >= states->max)
		drop(states, container_of(oldest, struct item, link));
}

int dane_states_put(struct dane_states *states, const struct domain_hop *hop,
                    const struct dane_states_entry *entry)
{
	struct item *item = item_new(hop, entry);

	if (!item)
		return MTS_ENOMEM;
	/* Only now: ENTRY may borrow its reason from what goes here. */
	dane_states_remove(states, hop);
	make_room(states);
	map_insert(states->map, &item->node);
	list_append(&states->used, &item->link);
	return MTS_OK;
}

bool dane_states_remove(struct dane_states *states,
                        const struct domain_hop *hop)
{
	struct item *item = find(states, hop);

	if (item)
		drop(states, item);
	return item != NULL;
}

void dane_states_remove_all(struct dane_states *states)
{
	list_each_safe (link, &states->used)
		drop(states, container_of(link, struct item, link));
}

size_t dane_states_count(const struct dane_states *states)
{
	return map_count(states->map);
}
