/* SPDX-License-Identifier: BSD-2-Clause */
/* shortage.c - whether memory is short here. */
#include "base/shortage.h"

#include <stdatomic.h>
#include <stdlib.h>

enum {
	WARN_PAUSE_MS = 60 * 1000,
	LOOK_SIZE = 1024 * 1024,
};

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

	if (now_ms < next_ms)
		return false;
	next_ms = now_ms + WARN_PAUSE_MS;
	return true;
}
