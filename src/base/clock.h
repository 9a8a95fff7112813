/* SPDX-License-Identifier: BSD-2-Clause */
/* clock.h - where modules get the time from, so that a test can give it. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
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
	struct clock clock; /* for the others; its monotonic time is SOURCE's */
	const struct clock *source;
	uint64_t (*asleep_ms)(void);
	int64_t then_ms;       /* what it said, in ms since 1970, ... */
	uint64_t then_mono_ms; /* ... when the monotonic clock said this */
	uint64_t then_asleep_ms;
	bool apart;   /* from the wall clock: it was set */
	bool by_turn; /* smooth_clock_tick() is called */
	/* What was read in this turn. */
	bool has_wall;
	bool has_mono;
	int64_t wall_s;
	uint64_t mono_ms;
};

/* STEADY must stay where it is as long as its clock is used, and SOURCE outlives
 * it. ASLEEP_MS is clock_asleep_ms(), or a test's. */
void smooth_clock_init(struct smooth_clock *smooth_clock,
                       const struct clock *source, uint64_t (*asleep_ms)(void));

/* A turn of the loop begins. From the first call on, either time is read once a
 * turn, when it is first asked for: a hit asks five times. So whoever calls this
 * must do so before each time that the loop goes to sleep. */
void smooth_clock_tick(struct smooth_clock *smooth_clock);

#endif
