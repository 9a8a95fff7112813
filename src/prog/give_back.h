/* SPDX-License-Identifier: BSD-2-Clause */
/* give_back.h - gives the system back what malloc() keeps of freed memory.
 *
 * malloc() keeps it for the next time: of ten thousand look-ups at once some 60
 * MiB, and of a quiet life more pages each hour, as what is in use moves about in
 * them. So once a minute, if the loop has had anything to do since, it is given
 * back. A loop without work is not woken. */
#ifndef PROG_GIVE_BACK_H
#define PROG_GIVE_BACK_H

#include "base/status.h"

#include <stdint.h>
#include <uv.h>

struct give_back;

/* Every INTERVAL_MS at most. Does nothing where the C library has no
 * malloc_trim(3). MTS_ENOMEM. On MTS_OK *RET is the caller's:
 * give_back_close(). */
int give_back_open(uv_loop_t *loop, uint64_t interval_ms,
                   struct give_back **ret);

/* Takes NULL, leaves NULL. The loop must run once more. */
void give_back_close(struct give_back **give_back);

/* Of each turn of the loop, before it waits. */
void give_back_turn(struct give_back *give_back);

#endif
