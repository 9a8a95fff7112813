/* SPDX-License-Identifier: BSD-2-Clause */
/* work_queue.h - limits the work that one iteration of the loop does, so that
 * hits in the cache do not wait for it.
 *
 * A step of a TLS handshake takes a millisecond of CPU time, a DNS query a
 * hundredth of that, and a hit a few microseconds. If fifty servers answer at
 * once, or thousands of clients ask for unknown domains, a hit would have to
 * wait for all of them. So such work is not done where it comes up: it goes
 * into a queue, and each iteration of the loop runs items for half a
 * millisecond, and at least one. */
#ifndef BASE_WORK_QUEUE_H
#define BASE_WORK_QUEUE_H

#include "base/list.h"
#include "base/status.h"

#include <uv.h>

struct work_queue; /* one per loop */

/* A piece of work. It is part of the object that it works for. */
struct work_item {
	struct list node; /* in a queue, or in none */
	void (*run)(struct work_item *item);
};

/* Gets the queue of LOOP. MTS_ENOMEM. On MTS_OK *RET is a reference of the
 * caller's: work_queue_unref(). */
int work_queue_ref(uv_loop_t *loop, struct work_queue **ret);

/* Takes NULL, leaves NULL. The last reference closes the queue: the loop must
 * run once more. */
void work_queue_unref(struct work_queue **queue);

void work_item_init(struct work_item *item,
                    void (*run)(struct work_item *item));

/* Appends ITEM to the queue. RUN will be called from the loop, never from
 * within another callback, and may do anything. Does nothing if ITEM is in the
 * queue already. */
void work_queue_add(struct work_queue *queue, struct work_item *item);

/* The same for an item that begins something new. It runs when nothing else is
 * left to do, or once in a few iterations if there always is something. So what
 * is under way is finished, and its memory released, before more begins. */
void work_queue_add_new(struct work_queue *queue, struct work_item *item);

/* Removes ITEM from the queue, if it is there: RUN will not be called. */
void work_item_cancel(struct work_item *item);

#endif
