/* SPDX-License-Identifier: BSD-2-Clause */
/* work_queue.c - limits the work that one iteration of the loop does. */
#include "base/work_queue.h"

#include <stdlib.h>

enum {
	SLICE_NS = 500 * 1000, /* of one iteration */
	/* How many iterations work under way may fill before a new item runs
	 * nevertheless. Otherwise a few policy hosts that send a byte at a time
	 * could keep every discovery from beginning. */
	BUSY_MAX = 8,
};

struct work_queue {
	struct list node; /* in all_queues */
	uv_idle_t idle;   /* active while there are items */
	struct list items;
	struct list new_items;
	unsigned busy;       /* iterations in which a new item had to wait */
	unsigned references; /* 0: closed */
};

/* The queues of all loops. A loop has no place for its queue: uv_loop_init()
 * leaves its data pointer unset. */
static struct list all_queues = { &all_queues, &all_queues };

static struct work_queue *queue_of(const uv_loop_t *loop)
{
	list_each (node, &all_queues) {
		struct work_queue *queue =
		    container_of(node, struct work_queue, node);

		if (queue->idle.loop == loop)
			return queue;
	}
	return NULL;
}

static void queue_on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

int work_queue_ref(uv_loop_t *loop, struct work_queue **ret)
{
	struct work_queue *queue = queue_of(loop);

	if (!queue) {
		queue = calloc(1, sizeof(*queue));
		if (!queue)
			return MTS_ENOMEM;
		list_init(&queue->items);
		list_init(&queue->new_items);
		uv_idle_init(loop, &queue->idle);
		queue->idle.data = queue;
		list_append(&all_queues, &queue->node);
	}
	queue->references++;
	*ret = queue;
	return MTS_OK;
}

void work_queue_unref(struct work_queue **queue)
{
	struct work_queue *closing = *queue;

	if (!closing)
		return;
	*queue = NULL;
	if (--closing->references)
		return;
	list_remove(&closing->node);
	uv_close((uv_handle_t *)&closing->idle, queue_on_closed);
}

static struct work_item *queue_take(struct work_queue *queue)
{
	struct list *first = list_first(&queue->items);
	struct list *first_new = list_first(&queue->new_items);

	if (first_new && (!first || queue->busy > BUSY_MAX)) {
		first = first_new;
		queue->busy = 0;
	} else if (!first) {
		return NULL;
	}
	list_remove(first);
	return container_of(first, struct work_item, node);
}

static void queue_on_idle(uv_idle_t *idle)
{
	struct work_queue *queue = idle->data;
	uint64_t end_ns = uv_hrtime() + SLICE_NS;
	struct work_item *item;

	if (!list_empty(&queue->new_items))
		queue->busy++; /* until one is taken */
	do {
		item = queue_take(queue);
		if (item)
			item->run(item);
	} while (item && uv_hrtime() < end_ns);
	/* An item may have dropped the last reference. */
	if (queue->references && list_empty(&queue->items) &&
	    list_empty(&queue->new_items))
		uv_idle_stop(idle);
}

void work_item_init(struct work_item *item, void (*run)(struct work_item *item))
{
	list_init(&item->node);
	item->run = run;
}

/* Not with a timer of 0 ms: if its callback starts it again, libuv before 1.45
 * runs it over and over within one iteration. */
static void queue_append(struct work_queue *queue, struct list *list,
                         struct work_item *item)
{
	if (!list_empty(&item->node))
		return;
	list_append(list, &item->node);
	uv_idle_start(&queue->idle, queue_on_idle);
}

void work_queue_add(struct work_queue *queue, struct work_item *item)
{
	queue_append(queue, &queue->items, item);
}

void work_queue_add_new(struct work_queue *queue, struct work_item *item)
{
	queue_append(queue, &queue->new_items, item);
}

void work_item_cancel(struct work_item *item)
{
	list_remove(&item->node);
}
