/* SPDX-License-Identifier: BSD-2-Clause */
/* change.c - what is to be written: one change a domain, in queues. */
#include "cache/change.h"

#include "cache/entry.h"

#include <stdlib.h>

static struct change *allocate(const struct domain *domain, size_t record_len,
                               int64_t due_s)
{
	size_t size =
	    sizeof(struct change) + KEY_NUMBER + domain->len + 1 + record_len;
	struct change *change = malloc(size);

	if (!change)
		return NULL;
	change->record_len = record_len;
	change->size = size;
	change->due_s = due_s;
	change->fetched_s = 0;
	change->saved = false;
	key_make(due_s, domain_slice(domain), change->data);
	change->node.key = change->data + KEY_NUMBER;
	change->node.key_len = domain->len;
	change->data[KEY_NUMBER + domain->len] = '\0';
	change->by_name.key = change_name(change);
	change->by_due.key = change_due_key(change);
	return change;
}

int change_new(const struct domain *domain, const struct cache_entry *entry,
               struct change **ret)
{
	size_t size = entry ? entry_size(entry) : 0;
	struct change *change;
	char *record;

	if (entry && size == 0)
		return MTS_ERANGE;
	change = allocate(domain, size, entry ? entry->next_refresh_s : 0);
	if (!change)
		return MTS_ENOMEM;
	record = change->data + KEY_NUMBER + domain->len + 1;
	if (entry && entry_encode(entry, domain_slice(domain),
	                          (unsigned char *)record) != MTS_OK) {
		free(change);
		return MTS_ERANGE;
	}
	if (entry)
		change->fetched_s = entry->fetched_s;
	*ret = change;
	return MTS_OK;
}

int queue_init(struct queue *queue)
{
	*queue = (struct queue){ 0 };
	list_init(&queue->list);
	queue->map = map_new();
	return queue->map ? MTS_OK : MTS_ENOMEM;
}

void queue_free(struct queue *queue)
{
	map_free(&queue->map);
}

bool queue_is_empty(const struct queue *queue)
{
	return list_empty(&queue->list);
}

size_t queue_count(const struct queue *queue)
{
	return map_count(queue->map);
}

struct change *queue_find(const struct queue *queue, struct slice name)
{
	struct map_node *node;

	/* Mostly it is empty: spare a hit the hashing. */
	if (list_empty(&queue->list))
		return NULL;
	node = map_find(queue->map, name.data, name.len);
	return node ? container_of(node, struct change, node) : NULL;
}

struct change *queue_first(const struct queue *queue)
{
	struct list *link = list_first(&queue->list);

	return link ? container_of(link, struct change, link) : NULL;
}

const struct change *queue_after(const struct queue *queue,
                                 enum store_table order, struct slice after)
{
	bool due = order == STORE_BY_DUE;
	struct tree_node *node =
	    tree_after(due ? &queue->by_due : &queue->by_name, after);

	if (!node)
		return NULL;
	return due ? container_of(node, struct change, by_due)
	           : container_of(node, struct change, by_name);
}

void queue_add(struct queue *queue, struct change *change)
{
	map_insert(queue->map, &change->node);
	list_append(&queue->list, &change->link);
	if (change->record_len == 0)
		return;
	tree_insert(&queue->by_name, &change->by_name);
	if (change->due_s != 0)
		tree_insert(&queue->by_due, &change->by_due);
}

void queue_take(struct queue *queue, struct change *change)
{
	map_remove(queue->map, &change->node);
	list_remove(&change->link);
	if (change->record_len == 0)
		return;
	tree_remove(&queue->by_name, &change->by_name);
	if (change->due_s != 0)
		tree_remove(&queue->by_due, &change->by_due);
}
