/* SPDX-License-Identifier: BSD-2-Clause */
/* clock.h - the source of time. Modules get a struct clock, so that a test can
 * set the time. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct clock {
	/* Seconds since 1970, by the system's clock; may jump. */
	int64_t (*wall_s)(void *arg);
	/* Milliseconds since some point in the past; never goes back. Accurate
	 * to a few milliseconds. */
	uint64_t (*mono_ms)(void *arg);
	void *arg;
};

/* The system's clocks. */
extern const struct clock clock_system;

/* How long the system has been suspended since it booted, in ms; the monotonic
 * clock does not count that. 0 if the system can't say. */
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

/* Writes WALL_S to TEXT as "2024-02-29T12:34:56Z", or "" if the C library can't
 * convert it, and returns TEXT. */
const char *clock_iso(int64_t wall_s, char text[CLOCK_ISO]);

/* -- a wall clock that does not jump --------------------------------------- *
 *
 * Policies live by the wall clock, since they outlive the process. If the wall
 * clock is set forward by hours, all policies could expire at once; an attacker
 * on the path to an NTP server could do that to get rid of them. A smooth clock
 * ignores the jump and then closes the gap slowly: it runs a quarter faster or
 * slower than real time until it agrees with the wall clock again. So a policy
 * lives at least four fifths and at most four thirds of its max_age.
 *
 * A jump of more than a day is different: it is a machine without a battery
 * clock that has just learnt the date. The smooth clock follows that at once.
 * It also follows the time the system was suspended. */

struct smooth_clock {
	struct clock clock; /* the clock to use; monotonic time is SOURCE's */
	const struct clock *source;
	uint64_t (*asleep_ms)(void);
	int64_t then_ms;       /* what it said, in ms since 1970, ... */
	uint64_t then_mono_ms; /* ... when the monotonic clock said this */
	uint64_t then_asleep_ms;
	bool apart;    /* it differs from the wall clock, which was set */
	bool per_tick; /* smooth_clock_tick() is in use */
	/* The times read since the last tick. */
	bool has_wall;
	bool has_mono;
	int64_t wall_s;
	uint64_t mono_ms;
};

/* SMOOTH must not move while its clock is in use; SOURCE must outlive it.
 * ASLEEP_MS is clock_asleep_ms(), or a test's. */
void smooth_clock_init(struct smooth_clock *smooth, const struct clock *source,
                       uint64_t (*asleep_ms)(void));

/* An iteration of the loop begins. From the first call on, each clock is read
 * once between two ticks, since a hit asks for the time five times. So after
 * the first call, every iteration of the loop has to call this. */
void smooth_clock_tick(struct smooth_clock *smooth);

#endif
