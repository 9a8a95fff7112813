/* SPDX-License-Identifier: BSD-2-Clause */
/* smooth_clock.h - a wall clock that does not jump.
 *
 * Policies live by the wall clock, as they outlive the process. If that is set,
 * by hours, all policies could end at once, and whoever can set it (an attacker
 * on the path to an NTP server) would be rid of them. This clock goes on as
 * before then, and makes up for the difference slowly: it runs a quarter faster,
 * or slower, than time does, until it is right. So a policy lives four fifths of
 * its max_age at the least and four thirds at the most.
 *
 * More than a day is another matter: a machine without a clock of its own that
 * has just learnt the date. That is followed at once. So is the time that the
 * system has slept. */
#ifndef BASE_SMOOTH_CLOCK_H
#define BASE_SMOOTH_CLOCK_H

#include "base/clock.h"

#include <stdbool.h>

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
