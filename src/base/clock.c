/* SPDX-License-Identifier: BSD-2-Clause */
/* clock.c - the system's clocks, and how their times are written.
 *
 * Every hit asks for the time, and most answers need it to the second: the
 * coarse clocks, a few milliseconds behind, cost a quarter of the precise
 * ones. */
#include "base/clock.h"

#include <time.h>

#ifdef CLOCK_REALTIME_COARSE
enum { WALL = CLOCK_REALTIME_COARSE, MONO = CLOCK_MONOTONIC_COARSE };
#else
enum { WALL = CLOCK_REALTIME, MONO = CLOCK_MONOTONIC };
#endif

static int64_t system_wall_s(void *arg)
{
	struct timespec now;

	(void)arg;
	clock_gettime(WALL, &now);
	return now.tv_sec;
}

static uint64_t system_mono_ms(void *arg)
{
	struct timespec now;

	(void)arg;
	clock_gettime(MONO, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t clock_asleep_ms(void)
{
#ifdef CLOCK_BOOTTIME
	struct timespec boot, mono;
	int64_t ms;

	if (clock_gettime(CLOCK_MONOTONIC, &mono) != 0 ||
	    clock_gettime(CLOCK_BOOTTIME, &boot) != 0)
		return 0;
	ms = ((int64_t)boot.tv_sec - mono.tv_sec) * 1000 +
	     (boot.tv_nsec - mono.tv_nsec) / 1000000;
	return ms > 0 ? (uint64_t)ms : 0;
#else
	return 0;
#endif
}

const struct clock clock_system = { system_wall_s, system_mono_ms, 0 };

const char *clock_iso(int64_t wall_s, char text[CLOCK_ISO])
{
	time_t when = (time_t)wall_s;
	struct tm tm;

	if (!gmtime_r(&when, &tm) ||
	    strftime(text, CLOCK_ISO, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		text[0] = '\0';
	return text;
}
