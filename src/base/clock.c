/* SPDX-License-Identifier: BSD-2-Clause */
/* clock.c - the system's clocks. */
#include "base/clock.h"

#include <time.h>

static int64_t system_wall_s(void *arg)
{
	struct timespec now;

	(void)arg;
	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec;
}

static uint64_t system_mono_ms(void *arg)
{
	struct timespec now;

	(void)arg;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

const struct clock clock_system = { system_wall_s, system_mono_ms, 0 };
