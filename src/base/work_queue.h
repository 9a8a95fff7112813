/* SPDX-License-Identifier: BSD-2-Clause */
/* work_queue.h - what a turn of the loop may do for discoveries, so that those who
 * ask for something that is in the cache do not wait for it.
 *
 * A step of a TLS hand-shake takes a millisecond of processor time, a question
 * to DNS a hundredth of it, a hit a few microseconds. If fifty servers answer at
 * once, or thousands of clients ask for what nobody knows yet, a hit would have
 * to wait for all of them. So such work is not done where it turns up: it stands
 * in one line, and in each turn of the loop as much of it is done as fits into
 * half a millisecond; at least one piece. */
#ifndef BASE_WORK_QUEUE_H
#define BASE_WORK_QUEUE_H

#include "base/list.h"
#include "base/status.h"

#include <uv.h>

struct work_queue; /* one a loop */

/* A piece of work. It lives in what it is for. */
struct work_item {
	struct list node; /* in the line, or in none */
	void (*run)(struct work_item *work_item);
};

/* MTS_ENOMEM. On MTS_OK *RET is a reference of the caller's: work_queue_unref(). */
int work_queue_ref(uv_loop_t *loop, struct work_queue **ret);

/* Takes NULL, leaves NULL. The last one closes: the loop must run once more. */
void work_queue_unref(struct work_queue **work_queue);

void work_item_init(struct work_item *work_item,
                    void (*run)(struct work_item *work_item));

/* Puts it at the end of the line; RUN comes from the loop, from inside of
 * nothing else, and may do as it likes. Does nothing if it is in the line. */
void work_queue_add(struct work_queue *work_queue, struct work_item *work_item);

/* The same for what begins something: it is run when nothing else is left to do;
 * if there is always more, one in some turns of the loop. What is under way is
 * finished first, and the memory it holds is given back, before more is begun. */
void work_queue_add_new(struct work_queue *work_queue,
                        struct work_item *work_item);

/* RUN will not come. */
void work_item_cancel(struct work_item *work_item);

#endif
