/* SPDX-License-Identifier: BSD-2-Clause */
/* work_queue.c - what a turn of the loop may do for discoveries. */
#include "base/work_queue.h"

#include <stdlib.h>

enum {
	TURN_NS = 500 * 1000,
	/* Turns of the loop that what is under way may fill: then something new
	 * begins all the same. A few policy hosts that send a byte at a time
	 * would otherwise keep everybody's discovery from beginning. */
	FULL_MAX = 8,
};

struct work_queue {
	struct list node; /* in ALL */
	uv_idle_t idle;   /* runs while there is something in the lines */
	struct list line;
	struct list new;
	unsigned full;       /* turns of the loop in which one of NEW waited */
	unsigned references; /* 0: closed */
};

/* Of every loop: it has no place of its own for it, as uv_loop_init() leaves its
 * data pointer unset. */
static struct list all = { &all, &all };

static struct work_queue *find(const uv_loop_t *loop)
{
	list_each_safe (node, &all) {
		struct work_queue *work_queue =
		    container_of(node, struct work_queue, node);

		if (work_queue->idle.loop == loop)
			return work_queue;
	}
	return NULL;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

int work_queue_ref(uv_loop_t *loop, struct work_queue **ret)
{
	struct work_queue *work_queue = find(loop);

	if (!work_queue) {
		work_queue = calloc(1, sizeof(*work_queue));
		if (!work_queue)
			return MTS_ENOMEM;
		list_init(&work_queue->line);
		list_init(&work_queue->new);
		uv_idle_init(loop, &work_queue->idle);
		work_queue->idle.data = work_queue;
		list_append(&all, &work_queue->node);
	}
	work_queue->references++;
	*ret = work_queue;
	return MTS_OK;
}

void work_queue_unref(struct work_queue **work_queue)
{
	struct work_queue *t = *work_queue;

	if (!t)
		return;
	*work_queue = NULL;
	if (--t->references)
		return;
	list_remove(&t->node);
	uv_close((uv_handle_t *)&t->idle, on_closed);
}

static struct work_item *take_first(struct work_queue *work_queue)
{
	struct list *first = list_first(&work_queue->line);
	struct list *new = list_first(&work_queue->new);

	if (new && (!first || work_queue->full > FULL_MAX)) {
		first = new;
		work_queue->full = 0;
	} else if (!first) {
		return NULL;
	}
	list_remove(first);
	return container_of(first, struct work_item, node);
}

static void on_idle(uv_idle_t *idle)
{
	struct work_queue *work_queue = idle->data;
	uint64_t end_ns = uv_hrtime() + TURN_NS;
	struct work_item *work_item;

	if (!list_empty(&work_queue->new))
		work_queue->full++; /* until one is taken */
	do {
		work_item = take_first(work_queue);
		if (work_item)
			work_item->run(work_item);
	} while (work_item && uv_hrtime() < end_ns);
	/* It may have closed all that there was. */
	if (work_queue->references && list_empty(&work_queue->line) &&
	    list_empty(&work_queue->new))
		uv_idle_stop(idle);
}

void work_item_init(struct work_item *work_item,
                    void (*run)(struct work_item *work_item))
{
	list_init(&work_item->node);
	work_item->run = run;
}

/* Not by a timer of 0 ms: libuv before 1.45 runs one that is set again from its
 * callback over and over within one turn. */
static void add(struct work_queue *work_queue, struct list *line,
                struct work_item *work_item)
{
	if (!list_empty(&work_item->node))
		return;
	list_append(line, &work_item->node);
	uv_idle_start(&work_queue->idle, on_idle);
}

void work_queue_add(struct work_queue *work_queue, struct work_item *work_item)
{
	add(work_queue, &work_queue->line, work_item);
}

void work_queue_add_new(struct work_queue *work_queue,
                        struct work_item *work_item)
{
	add(work_queue, &work_queue->new, work_item);
}

void work_item_cancel(struct work_item *work_item)
{
	list_remove(&work_item->node);
}
