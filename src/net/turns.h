/* SPDX-License-Identifier: BSD-2-Clause */
/* turns.h - what a turn of the loop may do for discoveries, so that those who
 * ask for something that is in the cache do not wait for it.
 *
 * A step of a TLS hand-shake takes a millisecond of processor time, a question
 * to DNS a hundredth of it, a hit a few microseconds. If fifty servers answer at
 * once, or thousands of clients ask for what nobody knows yet, a hit would have
 * to wait for all of them. So such work is not done where it turns up: it stands
 * in one line, and in each turn of the loop as much of it is done as fits into
 * half a millisecond; at least one piece. */
#ifndef NET_TURNS_H
#define NET_TURNS_H

#include "base/list.h"
#include "base/status.h"

#include <uv.h>

struct turns; /* one a loop */

/* A piece of work. It lives in what it is for. */
struct turn {
	struct list node; /* in the line, or in none */
	void (*run)(struct turn *turn);
};

/* MTS_ENOMEM. On MTS_OK *RET is a reference of the caller's: turns_unref(). */
int turns_ref(uv_loop_t *loop, struct turns **ret);

/* Takes NULL, leaves NULL. The last one closes: the loop must run once more. */
void turns_unref(struct turns **turns);

void turn_init(struct turn *turn, void (*run)(struct turn *turn));

/* Puts it at the end of the line; RUN comes from the loop, from inside of
 * nothing else, and may do as it likes. Does nothing if it is in the line. */
void turns_add(struct turns *turns, struct turn *turn);

/* The same for what begins something: it is run when nothing else is left to do;
 * if there is always more, one in some turns of the loop. What is under way is
 * finished first, and the memory it holds is given back, before more is begun. */
void turns_add_new(struct turns *turns, struct turn *turn);

/* RUN will not come. */
void turn_cancel(struct turn *turn);

#endif
