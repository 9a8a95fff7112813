/* SPDX-License-Identifier: BSD-2-Clause */
/* pending.c - the changes that are not on disk yet. */
#include "cache/pending.h"

#include <stdlib.h>

enum {
	BACKLOG_MAX = 10000,             /* changes, and ... */
	BACKLOG_BYTES = 8 * 1024 * 1024, /* ... their bytes */
};

int backlog_init(struct backlog *backlog)
{
	int rc = queue_init(&backlog->pending);
	int writing_rc = queue_init(&backlog->writing);

	return rc != MTS_OK ? rc : writing_rc;
}

void backlog_free(struct backlog *backlog)
{
	queue_free(&backlog->pending);
	queue_free(&backlog->writing);
}

size_t backlog_count(const struct backlog *backlog)
{
	return queue_count(&backlog->pending) + queue_count(&backlog->writing);
}

static void drop(struct backlog *backlog, struct queue *queue,
                 struct change *change)
{
	queue_take(queue, change);
	backlog->bytes -= change->size;
	free(change);
}

static void drop_all(struct backlog *backlog, struct queue *queue)
{
	list_each_safe (link, &queue->list)
		drop(backlog, queue, container_of(link, struct change, link));
}

/* -- looking --------------------------------------------------------------- */

const struct change *backlog_find(const struct backlog *backlog,
                                  struct slice name)
{
	const struct change *change = queue_find(&backlog->pending, name);

	return change ? change : queue_find(&backlog->writing, name);
}

static struct slice key_of(const struct change *change, enum store_table order)
{
	return order == STORE_BY_DUE ? change_due_key(change)
	                             : change_name(change);
}

/* In `writing`, whose changes those in `pending` may hide. */
static const struct change *written_after(const struct backlog *backlog,
                                          enum store_table order,
                                          struct slice after)
{
	const struct change *change =
	    queue_after(&backlog->writing, order, after);

	while (change && queue_find(&backlog->pending, change_name(change)))
		change = queue_after(&backlog->writing, order,
		                     key_of(change, order));
	return change;
}

const struct change *backlog_after(const struct backlog *backlog,
                                   enum store_table order, struct slice after)
{
	const struct change *a = queue_after(&backlog->pending, order, after);
	const struct change *b = written_after(backlog, order, after);

	if (!a || !b)
		return a ? a : b;
	return tree_compare(key_of(a, order), key_of(b, order)) < 0 ? a : b;
}

/* -- what becomes of them -------------------------------------------------- */

int backlog_add(struct backlog *backlog, struct change *change)
{
	struct change *old = queue_find(&backlog->pending, change_name(change));
	size_t bytes = backlog->bytes - (old ? old->size : 0) + change->size;

	if ((!old && backlog_count(backlog) >= BACKLOG_MAX) ||
	    (bytes > BACKLOG_BYTES && bytes > backlog->bytes))
		return MTS_EFULL;
	if (old)
		drop(backlog, &backlog->pending, old);
	backlog->bytes += change->size;
	queue_add(&backlog->pending, change);
	return MTS_OK;
}

static void move(struct queue *from, struct queue *to, struct change *change)
{
	queue_take(from, change);
	queue_add(to, change);
}

void backlog_take(struct backlog *backlog, size_t max)
{
	struct change *change;

	while ((change = queue_first(&backlog->pending)) &&
	       queue_count(&backlog->writing) < max)
		move(&backlog->pending, &backlog->writing, change);
}

void backlog_drop(struct backlog *backlog)
{
	drop_all(backlog, &backlog->writing);
}

void backlog_give_back(struct backlog *backlog)
{
	list_each_safe (link, &backlog->writing.list) {
		struct change *change = container_of(link, struct change, link);

		if (queue_find(&backlog->pending, change_name(change)))
			drop(backlog, &backlog->writing, change);
		else
			move(&backlog->writing, &backlog->pending, change);
	}
}

void backlog_forget(struct backlog *backlog)
{
	drop_all(backlog, &backlog->pending);
}
