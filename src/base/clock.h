/* SPDX-License-Identifier: BSD-2-Clause */
/* clock.h - where modules get the time from, so that a test can give it. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

struct clock {
	/* Seconds since 1970, as the system believes; may jump. */
	int64_t (*wall_s)(void *arg);
	/* Milliseconds since some start; never goes back. Some milliseconds
	 * coarse. */
	uint64_t (*mono_ms)(void *arg);
	void *arg;
};

/* The system's. */
extern const struct clock clock_system;

/* How long the system has slept (been suspended) since its start, which the
 * monotonic clock does not count. 0 where the system does not tell. */
uint64_t clock_asleep_ms(void);

static inline int64_t clock_wall_s(const struct clock *clock)
{
	return clock->wall_s(clock->arg);
}

static inline uint64_t clock_mono_ms(const struct clock *clock)
{
	return clock->mono_ms(clock->arg);
}

enum { CLOCK_ISO = 32 };

/* Writes WALL_S as "2024-02-29T12:34:56Z", or "" if it is in no year that a
 * calendar has, and returns TEXT. */
const char *clock_iso(int64_t wall_s, char text[CLOCK_ISO]);

#endif
