/* SPDX-License-Identifier: BSD-2-Clause */
/* shortage.c - whether memory is short here. */
#include "base/shortage.h"

#include "base/log.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { LOOK_SIZE = 1024 * 1024 };

static _Atomic uint64_t refusals;

uint64_t shortage_count(void)
{
	return atomic_load(&refusals);
}

void shortage_note(void)
{
	atomic_fetch_add(&refusals, 1);
}

void shortage_look(void)
{
	void *volatile piece = malloc(LOOK_SIZE); /* or it would be left out */

	if (!piece)
		shortage_note();
	free(piece);
}

bool shortage_may_warn(uint64_t now_ms)
{
	static uint64_t next_ms;

	return log_limit_one(&next_ms, now_ms);
}
