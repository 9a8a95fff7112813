/* SPDX-License-Identifier: BSD-2-Clause */
/* steady.c - a wall clock that does not jump. */
#include "base/steady.h"

#include "base/log.h"

enum {
	/* The system's clock is read in whole seconds, and drifts. */
	TOLERANCE_MS = 2000,
	STEP_MS = 1000, /* so that a quarter of it is no fraction */
	QUARTER = 4,
};

static const int64_t limit_ms = 86400 * INT64_C(1000);

/* In the middle of the second that the wall clock says. */
static int64_t wall_ms(const struct steady *steady)
{
	return clock_wall_s(steady->source) * 1000 + 500;
}

static bool is_within(int64_t difference_ms, int64_t most_ms)
{
	return difference_ms >= -most_ms && difference_ms <= most_ms;
}

/* From now on it says THEN_MS and what has passed since. */
static void set(struct steady *steady, int64_t then_ms, uint64_t mono_ms)
{
	steady->then_ms = then_ms;
	steady->then_mono_ms = mono_ms;
}

/* The sleep that has not been counted. */
static int64_t take_sleep(struct steady *steady)
{
	uint64_t asleep_ms = steady->asleep_ms();
	int64_t more_ms = asleep_ms > steady->then_asleep_ms
	                      ? (int64_t)(asleep_ms - steady->then_asleep_ms)
	                      : 0;

	steady->then_asleep_ms = asleep_ms;
	return more_ms;
}

static void log_set(const struct steady *steady, int64_t difference_ms)
{
	log_warning("clock_set seconds=%+lld followed=%s reason=\"the wall "
	            "clock was set; policies' times follow it %s\"",
	            (long long)(difference_ms / 1000),
	            steady->apart ? "slowly" : "yes",
	            steady->apart ? "slowly" : "at once");
}

/* A part of DIFFERENCE_MS, for ELAPSED_MS. */
static int64_t catch_up(int64_t difference_ms, int64_t elapsed_ms)
{
	int64_t most_ms = elapsed_ms / QUARTER;

	if (is_within(difference_ms, most_ms))
		return difference_ms;
	return difference_ms > 0 ? most_ms : -most_ms;
}

/* The wall clock is not where it should be after ELAPSED_MS. */
static int64_t differ(struct steady *steady, int64_t wall, uint64_t mono_ms)
{
	int64_t elapsed_ms = (int64_t)(mono_ms - steady->then_mono_ms);
	int64_t difference_ms, now_ms;

	steady->then_ms += take_sleep(steady);
	difference_ms = wall - (steady->then_ms + elapsed_ms);
	if (is_within(difference_ms, TOLERANCE_MS)) {
		set(steady, wall, mono_ms);
		steady->apart = false;
		return wall;
	}
	if (!is_within(difference_ms, limit_ms)) {
		set(steady, wall, mono_ms);
		steady->apart = false;
		log_set(steady, difference_ms);
		return wall;
	}
	if (!steady->apart) {
		steady->apart = true;
		log_set(steady, difference_ms);
	}
	now_ms =
	    steady->then_ms + elapsed_ms + catch_up(difference_ms, elapsed_ms);
	if (elapsed_ms >= STEP_MS)
		set(steady, now_ms, mono_ms);
	return now_ms;
}

static int64_t read_wall_s(struct steady *steady)
{
	int64_t wall = wall_ms(steady);
	uint64_t mono_ms = clock_mono_ms(steady->source);
	int64_t elapsed_ms = (int64_t)(mono_ms - steady->then_mono_ms);

	if (!is_within(wall - (steady->then_ms + elapsed_ms), TOLERANCE_MS))
		return differ(steady, wall, mono_ms) / 1000;
	steady->apart = false;
	if (elapsed_ms >= STEP_MS)
		set(steady, wall, mono_ms);
	return wall / 1000;
}

static int64_t steady_wall_s(void *arg)
{
	struct steady *steady = arg;

	if (!steady->has_wall) {
		steady->wall_s = read_wall_s(steady);
		steady->has_wall = steady->by_turn;
	}
	return steady->wall_s;
}

static uint64_t steady_mono_ms(void *arg)
{
	struct steady *steady = arg;

	if (!steady->has_mono) {
		steady->mono_ms = clock_mono_ms(steady->source);
		steady->has_mono = steady->by_turn;
	}
	return steady->mono_ms;
}

void steady_turn(struct steady *steady)
{
	steady->by_turn = true;
	steady->has_wall = false;
	steady->has_mono = false;
}

void steady_init(struct steady *steady, const struct clock *source,
                 uint64_t (*asleep_ms)(void))
{
	*steady = (struct steady){
		.clock = { steady_wall_s, steady_mono_ms, steady },
		.source = source,
		.asleep_ms = asleep_ms,
		.then_asleep_ms = asleep_ms(),
	};
	set(steady, wall_ms(steady), clock_mono_ms(source));
}
