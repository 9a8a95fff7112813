/* SPDX-License-Identifier: BSD-2-Clause */
/* fetch_queue.c - decides which waiting request runs next.
 *
 * A network_queue exists while at least one of its entries waits or runs. If it
 * can be served (an entry waits, and it is below its limit) it is in one of two
 * round-robin lists: IDLE if nothing of it runs, else BUSY. */
#include "https/fetch_queue.h"

#include "base/map.h"

#include <stdlib.h>

enum {
	NETWORK_KEY = 7,   /* the family, and up to 48 bits of the address */
	RESERVED_PART = 8, /* one slot in eight */
};

struct network_queue {
	struct map_node node;
	char key[NETWORK_KEY];
	struct list order;   /* in the IDLE or the BUSY list, or in none */
	struct list waiting; /* its entries */
	size_t running;
};

struct fetch_queue {
	struct map *networks;
	struct list idle;
	struct list busy;
	size_t network_limit;
	size_t running;
	size_t slots; /* 0: any number */
};

int fetch_queue_new(size_t network_limit, struct fetch_queue **ret)
{
	struct fetch_queue *queue = calloc(1, sizeof(*queue));

	if (!queue)
		return MTS_ENOMEM;
	queue->networks = map_new();
	if (!queue->networks) {
		free(queue);
		return MTS_ENOMEM;
	}
	list_init(&queue->idle);
	list_init(&queue->busy);
	queue->network_limit = network_limit ? network_limit : 1;
	*ret = queue;
	return MTS_OK;
}

void fetch_queue_free(struct fetch_queue **queue)
{
	if (!*queue)
		return;
	map_free(&(*queue)->networks);
	free(*queue);
	*queue = NULL;
}

static bool can_be_served(const struct fetch_queue *queue,
                          const struct network_queue *network)
{
	return !list_empty(&network->waiting) &&
	       network->running < queue->network_limit;
}

/* Moves NETWORK to the end of the list it now belongs to, or out of both. */
static void requeue_network(struct fetch_queue *queue,
                            struct network_queue *network)
{
	list_remove(&network->order);
	if (can_be_served(queue, network))
		list_append(network->running ? &queue->busy : &queue->idle,
		            &network->order);
}

/* A network that could be served before and still can keeps its position. */
static void apply_new_limit(struct map_node *node, void *arg)
{
	struct network_queue *network =
	    container_of(node, struct network_queue, node);
	struct fetch_queue *queue = arg;

	if (list_empty(&network->order) || !can_be_served(queue, network))
		requeue_network(queue, network);
}

void fetch_queue_set_limits(struct fetch_queue *queue, size_t network_limit,
                            size_t slots)
{
	queue->network_limit = network_limit ? network_limit : 1;
	queue->slots = slots;
	map_each(queue->networks, apply_new_limit, queue);
}

/* The queue of ADDRESS's network, which is made if there is none. NULL: out of
 * memory. */
static struct network_queue *get_network(struct fetch_queue *queue,
                                         const struct address *address)
{
	bool v6 = address->family == AF_INET6;
	char key[NETWORK_KEY] = { v6 ? 6 : 4 };
	struct map_node *node;
	struct network_queue *network;

	memcpy(key + 1, &address->v6, v6 ? 6 : 3);
	node = map_find(queue->networks, key, sizeof(key));
	if (node)
		return container_of(node, struct network_queue, node);
	network = calloc(1, sizeof(*network));
	if (!network)
		return NULL;
	memcpy(network->key, key, sizeof(key));
	network->node.key = network->key;
	network->node.key_len = sizeof(network->key);
	list_init(&network->order);
	list_init(&network->waiting);
	map_insert(queue->networks, &network->node);
	return network;
}

int fetch_queue_add(struct fetch_queue *queue, struct queue_entry *entry,
                    const struct address *address)
{
	struct network_queue *network = get_network(queue, address);

	if (!network)
		return MTS_ENOMEM;
	entry->network = network;
	list_append(&network->waiting, &entry->node);
	if (list_empty(&network->order))
		requeue_network(queue, network);
	return MTS_OK;
}

/* The network to serve next; NULL: none. */
static struct network_queue *next_network(const struct fetch_queue *queue)
{
	size_t reserved = queue->slots / RESERVED_PART;
	struct list *node = list_first(&queue->idle);

	if (!node &&
	    (!queue->slots || queue->running < queue->slots - reserved))
		node = list_first(&queue->busy);
	return node ? container_of(node, struct network_queue, order) : NULL;
}

bool fetch_queue_is_ready(const struct fetch_queue *queue)
{
	return next_network(queue) != NULL;
}

struct queue_entry *fetch_queue_take(struct fetch_queue *queue)
{
	struct network_queue *network = next_network(queue);
	struct queue_entry *entry;

	if (!network)
		return NULL;
	entry = container_of(list_first(&network->waiting), struct queue_entry,
	                     node);
	list_remove(&entry->node);
	network->running++;
	queue->running++;
	requeue_network(queue, network);
	return entry;
}

void fetch_queue_leave(struct fetch_queue *queue, struct queue_entry *entry)
{
	struct network_queue *network = entry->network;

	if (!network)
		return;
	entry->network = NULL;
	if (list_empty(&entry->node)) {
		network->running--;
		queue->running--;
	} else {
		list_remove(&entry->node);
	}
	if (network->running || !list_empty(&network->waiting)) {
		/* If it could be served before, it keeps its position. */
		if (list_empty(&network->order) ||
		    list_empty(&network->waiting))
			requeue_network(queue, network);
		return;
	}
	list_remove(&network->order);
	map_remove(queue->networks, &network->node);
	free(network);
}
