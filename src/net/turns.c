/* SPDX-License-Identifier: BSD-2-Clause */
/* turns.c - what a turn of the loop may do for discoveries. */
#include "net/turns.h"

#include <stdlib.h>

enum {
	TURN_NS = 500 * 1000,
	/* Turns of the loop that what is under way may fill: then something new
	 * begins all the same. A few policy hosts that send a byte at a time
	 * would otherwise keep everybody's discovery from beginning. */
	FULL_MAX = 8,
};

struct turns {
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

static struct turns *find(const uv_loop_t *loop)
{
	list_each_safe (node, &all) {
		struct turns *turns = container_of(node, struct turns, node);

		if (turns->idle.loop == loop)
			return turns;
	}
	return NULL;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

int turns_ref(uv_loop_t *loop, struct turns **ret)
{
	struct turns *turns = find(loop);

	if (!turns) {
		turns = calloc(1, sizeof(*turns));
		if (!turns)
			return MTS_ENOMEM;
		list_init(&turns->line);
		list_init(&turns->new);
		uv_idle_init(loop, &turns->idle);
		turns->idle.data = turns;
		list_append(&all, &turns->node);
	}
	turns->references++;
	*ret = turns;
	return MTS_OK;
}

void turns_unref(struct turns **turns)
{
	struct turns *t = *turns;

	if (!t)
		return;
	*turns = NULL;
	if (--t->references)
		return;
	list_remove(&t->node);
	uv_close((uv_handle_t *)&t->idle, on_closed);
}

static struct turn *take_first(struct turns *turns)
{
	struct list *first = list_first(&turns->line);
	struct list *new = list_first(&turns->new);

	if (new && (!first || turns->full > FULL_MAX)) {
		first = new;
		turns->full = 0;
	} else if (!first) {
		return NULL;
	}
	list_remove(first);
	return container_of(first, struct turn, node);
}

static void on_idle(uv_idle_t *idle)
{
	struct turns *turns = idle->data;
	uint64_t end_ns = uv_hrtime() + TURN_NS;
	struct turn *turn;

	if (!list_empty(&turns->new))
		turns->full++; /* until one is taken */
	do {
		turn = take_first(turns);
		if (turn)
			turn->run(turn);
	} while (turn && uv_hrtime() < end_ns);
	/* It may have closed all that there was. */
	if (turns->references && list_empty(&turns->line) &&
	    list_empty(&turns->new))
		uv_idle_stop(idle);
}

void turn_init(struct turn *turn, void (*run)(struct turn *turn))
{
	list_init(&turn->node);
	turn->run = run;
}

/* Not by a timer of 0 ms: libuv before 1.45 runs one that is set again from its
 * callback over and over within one turn. */
static void add(struct turns *turns, struct list *line, struct turn *turn)
{
	if (!list_empty(&turn->node))
		return;
	list_append(line, &turn->node);
	uv_idle_start(&turns->idle, on_idle);
}

void turns_add(struct turns *turns, struct turn *turn)
{
	add(turns, &turns->line, turn);
}

void turns_add_new(struct turns *turns, struct turn *turn)
{
	add(turns, &turns->new, turn);
}

void turn_cancel(struct turn *turn)
{
	list_remove(&turn->node);
}
