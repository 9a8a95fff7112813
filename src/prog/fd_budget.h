/* SPDX-License-Identifier: BSD-2-Clause */
/* fd_budget.h - who may have how many of the process' file descriptors. */
#ifndef PROG_FD_BUDGET_H
#define PROG_FD_BUDGET_H

#include "conf/conf.h"

#include <stdint.h>
#include <uv.h>

struct fd_budget {
	uint64_t limit; /* of the process; 0: there is none */
	uint64_t clients;
	uint64_t questions; /* to name servers; 0: any number */
	uint64_t slow;      /* fetches that have been at it for long */
};

/* Clients get as many as are configured, if that leaves enough for look-ups;
 * otherwise whoever may connect could use them up, and policies that can't be
 * looked up are none. DNS gets the rest, or silent name servers could use them
 * up, and no MTA could connect. */
struct fd_budget fd_budget_of(const struct conf *conf);

/* Has the kernel make its table of our descriptors as large as it is likely to
 * become. It doubles it when it is full; with more than one thread it then waits
 * until no processor reads the old one (synchronize_rcu() in its fs/file.c), ten
 * milliseconds or more, in which nobody is answered. Call it before there are
 * threads.
 *
 * And has LOOP make its own, which libuv ends the process for if there is no memory
 * to double it. */
void fd_budget_make_room(const struct conf *conf, uv_loop_t *loop);

#endif
