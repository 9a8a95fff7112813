/* SPDX-License-Identifier: BSD-2-Clause */
/* dane_states.c - what was learnt of DANE for next hops, in memory, bounded. */
#include "cache/dane_states.h"

#include "base/recent.h"

#include <stdlib.h>
#include <string.h>

enum { REASON_MAX = 100 }; /* 50,000 of them have to fit in a few MiB */

struct dane_states {
	struct recent *items; /* struct item */
};

/* One hop. Its key and, with a NUL, its reason lie behind it. */
struct item {
	struct recent_node node;
	uint64_t learnt_ms;
	uint64_t barred_ms;
	uint32_t ttl_s;
	uint8_t state;
	char text[];
};

struct dane_states *dane_states_new(size_t max)
{
	struct dane_states *states = malloc(sizeof(*states));

	if (!states)
		return NULL;
	states->items = recent_new(max);
	if (!states->items) {
		free(states);
		return NULL;
	}
	return states;
}

void dane_states_free(struct dane_states **states)
{
	if (!*states)
		return;
	recent_free(&(*states)->items);
	free(*states);
	*states = NULL;
}

int dane_states_get(struct dane_states *states, const struct domain_hop *hop,
                    struct dane_states_entry *ret)
{
	char key[DOMAIN_HOP_KEY];
	size_t len = domain_hop_key(hop, key);
	struct recent_node *node = recent_use(states->items, key, len);
	struct item *item;

	if (!node)
		return MTS_ENOTFOUND;
	item = container_of(node, struct item, node);
	ret->state = (enum dane_state)item->state;
	ret->ttl_s = item->ttl_s;
	ret->learnt_ms = item->learnt_ms;
	ret->barred_ms = item->barred_ms;
	ret->reason = item->text + item->node.node.key_len;
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
	item->node.node.key = item->text;
	item->node.node.key_len = len;
	return item;
}

int dane_states_put(struct dane_states *states, const struct domain_hop *hop,
                    const struct dane_states_entry *entry)
{
	struct item *item = item_new(hop, entry);

	if (!item)
		return MTS_ENOMEM;
	/* Only now: ENTRY may borrow its reason from what goes here. */
	recent_put(states->items, &item->node);
	return MTS_OK;
}

bool dane_states_remove(struct dane_states *states,
                        const struct domain_hop *hop)
{
	char key[DOMAIN_HOP_KEY];
	size_t len = domain_hop_key(hop, key);

	return recent_remove(states->items, key, len);
}

void dane_states_remove_all(struct dane_states *states)
{
	recent_remove_all(states->items);
}

size_t dane_states_count(const struct dane_states *states)
{
	return recent_count(states->items);
}
