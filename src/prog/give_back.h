/* SPDX-License-Identifier: BSD-2-Clause */
/* give_back.h - returns freed memory to the system (malloc_trim(3)).
 *
 * malloc() holds on to freed memory: some 60 MiB after ten thousand look-ups at
 * once, and a few more pages each hour in quiet times, because of fragmentation. So
 * it is returned once a minute, unless the loop had nothing to do in that time. An
 * idle loop is not woken for it. */
#ifndef PROG_GIVE_BACK_H
#define PROG_GIVE_BACK_H

#include "base/status.h"

#include <stdint.h>
#include <uv.h>

struct give_back;

/* Returns memory at most every INTERVAL_MS. Does nothing if the C library has no
 * malloc_trim(3). MTS_ENOMEM. On MTS_OK *RET is the caller's: give_back_close(). */
int give_back_open(uv_loop_t *loop, uint64_t interval_ms,
                   struct give_back **ret);

/* Takes NULL, leaves NULL. The loop must run once more. */
void give_back_close(struct give_back **give_back);

/* Call it in each iteration of the loop, before the loop waits for events. */
void give_back_tick(struct give_back *give_back);

#endif
