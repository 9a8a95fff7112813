/* SPDX-License-Identifier: BSD-2-Clause */
/* clock.c - the system's clocks, and how their times are written.
 *
 * Every hit asks for the time, and most answers need it to the second: the
 * coarse clocks, a few milliseconds behind, cost a quarter of the precise
 * ones. */
#include "base/clock.h"

#include "base/log.h"

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

/* -- a wall clock that does not jump --------------------------------------- */

enum {
	/* The system's clock is read in whole seconds, and drifts. */
	TOLERANCE_MS = 2000,
	STEP_MS = 1000, /* so that a quarter of it is no fraction */
	QUARTER = 4,
};

static const int64_t limit_ms = 86400 * INT64_C(1000);

/* In the middle of the second that the wall clock says. */
static int64_t wall_ms(const struct smooth_clock *smooth_clock)
{
	return clock_wall_s(smooth_clock->source) * 1000 + 500;
}

static bool is_within(int64_t difference_ms, int64_t most_ms)
{
	return difference_ms >= -most_ms && difference_ms <= most_ms;
}

/* From now on it says THEN_MS and what has passed since. */
static void set(struct smooth_clock *smooth_clock, int64_t then_ms,
                uint64_t mono_ms)
{
	smooth_clock->then_ms = then_ms;
	smooth_clock->then_mono_ms = mono_ms;
}

/* The sleep that has not been counted. */
static int64_t take_sleep(struct smooth_clock *smooth_clock)
{
	uint64_t asleep_ms = smooth_clock->asleep_ms();
	int64_t more_ms =
	    asleep_ms > smooth_clock->then_asleep_ms
		? (int64_t)(asleep_ms - smooth_clock->then_asleep_ms)
		: 0;

	smooth_clock->then_asleep_ms = asleep_ms;
	return more_ms;
}

static void log_set(const struct smooth_clock *smooth_clock,
                    int64_t difference_ms)
{
	log_warning("clock_set seconds=%+lld followed=%s reason=\"the wall "
	            "clock was set; policies' times follow it %s\"",
	            (long long)(difference_ms / 1000),
	            smooth_clock->apart ? "slowly" : "yes",
	            smooth_clock->apart ? "slowly" : "at once");
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
static int64_t differ(struct smooth_clock *smooth_clock, int64_t wall,
                      uint64_t mono_ms)
{
	int64_t elapsed_ms = (int64_t)(mono_ms - smooth_clock->then_mono_ms);
	int64_t difference_ms, now_ms;

	smooth_clock->then_ms += take_sleep(smooth_clock);
	difference_ms = wall - (smooth_clock->then_ms + elapsed_ms);
	if (is_within(difference_ms, TOLERANCE_MS)) {
		set(smooth_clock, wall, mono_ms);
		smooth_clock->apart = false;
		return wall;
	}
	if (!is_within(difference_ms, limit_ms)) {
		set(smooth_clock, wall, mono_ms);
		smooth_clock->apart = false;
		log_set(smooth_clock, difference_ms);
		return wall;
	}
	if (!smooth_clock->apart) {
		smooth_clock->apart = true;
		log_set(smooth_clock, difference_ms);
	}
	now_ms = smooth_clock->then_ms + elapsed_ms +
	         catch_up(difference_ms, elapsed_ms);
	if (elapsed_ms >= STEP_MS)
		set(smooth_clock, now_ms, mono_ms);
	return now_ms;
}

static int64_t read_wall_s(struct smooth_clock *smooth_clock)
{
	int64_t wall = wall_ms(smooth_clock);
	uint64_t mono_ms = clock_mono_ms(smooth_clock->source);
	int64_t elapsed_ms = (int64_t)(mono_ms - smooth_clock->then_mono_ms);

	if (!is_within(wall - (smooth_clock->then_ms + elapsed_ms),
	               TOLERANCE_MS))
		return differ(smooth_clock, wall, mono_ms) / 1000;
	smooth_clock->apart = false;
	if (elapsed_ms >= STEP_MS)
		set(smooth_clock, wall, mono_ms);
	return wall / 1000;
}

static int64_t smooth_clock_wall_s(void *arg)
{
	struct smooth_clock *smooth_clock = arg;

	if (!smooth_clock->has_wall) {
		smooth_clock->wall_s = read_wall_s(smooth_clock);
		smooth_clock->has_wall = smooth_clock->by_turn;
	}
	return smooth_clock->wall_s;
}

static uint64_t smooth_clock_mono_ms(void *arg)
{
	struct smooth_clock *smooth_clock = arg;

	if (!smooth_clock->has_mono) {
		smooth_clock->mono_ms = clock_mono_ms(smooth_clock->source);
		smooth_clock->has_mono = smooth_clock->by_turn;
	}
	return smooth_clock->mono_ms;
}

void smooth_clock_tick(struct smooth_clock *smooth_clock)
{
	smooth_clock->by_turn = true;
	smooth_clock->has_wall = false;
	smooth_clock->has_mono = false;
}

void smooth_clock_init(struct smooth_clock *smooth_clock,
                       const struct clock *source, uint64_t (*asleep_ms)(void))
{
	*smooth_clock = (struct smooth_clock){
		.clock = { smooth_clock_wall_s, smooth_clock_mono_ms,
		           smooth_clock },
		.source = source,
		.asleep_ms = asleep_ms,
		.then_asleep_ms = asleep_ms(),
	};
	set(smooth_clock, wall_ms(smooth_clock), clock_mono_ms(source));
}
