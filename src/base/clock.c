/* SPDX-License-Identifier: BSD-2-Clause */
/* clock.c - the system's clocks, and a wall clock that does not jump.
 *
 * Every hit asks for the time, and a few milliseconds hardly ever matter. The
 * coarse clocks cost a quarter of what the precise ones do. */
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
	/* The wall clock is read in whole seconds, and drifts. */
	TOLERANCE_MS = 2000,
	STEP_MS = 1000, /* so that a quarter of it is no fraction */
	QUARTER = 4,
};

static const int64_t limit_ms = 86400 * INT64_C(1000);

/* The wall clock: the middle of the second that it shows. */
static int64_t source_wall_ms(const struct smooth_clock *smooth)
{
	return clock_wall_s(smooth->source) * 1000 + 500;
}

static bool is_within(int64_t difference_ms, int64_t most_ms)
{
	return difference_ms >= -most_ms && difference_ms <= most_ms;
}

/* From now on the clock says THEN_MS plus the time since MONO_MS. */
static void smooth_set(struct smooth_clock *smooth, int64_t then_ms,
                       uint64_t mono_ms)
{
	smooth->then_ms = then_ms;
	smooth->then_mono_ms = mono_ms;
}

/* The time the system was suspended since the last call. */
static int64_t smooth_take_sleep(struct smooth_clock *smooth)
{
	uint64_t asleep_ms = smooth->asleep_ms();
	int64_t more_ms = asleep_ms > smooth->then_asleep_ms
	                      ? (int64_t)(asleep_ms - smooth->then_asleep_ms)
	                      : 0;

	smooth->then_asleep_ms = asleep_ms;
	return more_ms;
}

static void smooth_log_set(const struct smooth_clock *smooth,
                           int64_t difference_ms)
{
	log_warning("clock_set seconds=%+lld followed=%s reason=\"the wall "
	            "clock was set; policies' times follow it %s\"",
	            (long long)(difference_ms / 1000),
	            smooth->apart ? "slowly" : "yes",
	            smooth->apart ? "slowly" : "at once");
}

/* How much of DIFFERENCE_MS to make up for after ELAPSED_MS. */
static int64_t smooth_catch_up(int64_t difference_ms, int64_t elapsed_ms)
{
	int64_t most_ms = elapsed_ms / QUARTER;

	if (is_within(difference_ms, most_ms))
		return difference_ms;
	return difference_ms > 0 ? most_ms : -most_ms;
}

/* The wall clock, WALL in ms, is not where it should be: what to say
 * instead. */
static int64_t smooth_differ(struct smooth_clock *smooth, int64_t wall,
                             uint64_t mono_ms)
{
	int64_t elapsed_ms = (int64_t)(mono_ms - smooth->then_mono_ms);
	int64_t difference_ms, now_ms;

	smooth->then_ms += smooth_take_sleep(smooth);
	difference_ms = wall - (smooth->then_ms + elapsed_ms);
	if (is_within(difference_ms, TOLERANCE_MS)) {
		smooth_set(smooth, wall, mono_ms);
		smooth->apart = false;
		return wall;
	}
	if (!is_within(difference_ms, limit_ms)) {
		smooth_set(smooth, wall, mono_ms);
		smooth->apart = false;
		smooth_log_set(smooth, difference_ms);
		return wall;
	}
	if (!smooth->apart) {
		smooth->apart = true;
		smooth_log_set(smooth, difference_ms);
	}
	now_ms = smooth->then_ms + elapsed_ms +
	         smooth_catch_up(difference_ms, elapsed_ms);
	if (elapsed_ms >= STEP_MS)
		smooth_set(smooth, now_ms, mono_ms);
	return now_ms;
}

static int64_t smooth_read_wall_s(struct smooth_clock *smooth)
{
	int64_t wall = source_wall_ms(smooth);
	uint64_t mono_ms = clock_mono_ms(smooth->source);
	int64_t elapsed_ms = (int64_t)(mono_ms - smooth->then_mono_ms);

	if (!is_within(wall - (smooth->then_ms + elapsed_ms), TOLERANCE_MS))
		return smooth_differ(smooth, wall, mono_ms) / 1000;
	smooth->apart = false;
	if (elapsed_ms >= STEP_MS)
		smooth_set(smooth, wall, mono_ms);
	return wall / 1000;
}

static int64_t smooth_clock_wall_s(void *arg)
{
	struct smooth_clock *smooth = arg;

	if (!smooth->has_wall) {
		smooth->wall_s = smooth_read_wall_s(smooth);
		smooth->has_wall = smooth->per_tick;
	}
	return smooth->wall_s;
}

static uint64_t smooth_clock_mono_ms(void *arg)
{
	struct smooth_clock *smooth = arg;

	if (!smooth->has_mono) {
		smooth->mono_ms = clock_mono_ms(smooth->source);
		smooth->has_mono = smooth->per_tick;
	}
	return smooth->mono_ms;
}

void smooth_clock_tick(struct smooth_clock *smooth)
{
	smooth->per_tick = true;
	smooth->has_wall = false;
	smooth->has_mono = false;
}

void smooth_clock_init(struct smooth_clock *smooth, const struct clock *source,
                       uint64_t (*asleep_ms)(void))
{
	*smooth = (struct smooth_clock){
		.clock = { smooth_clock_wall_s, smooth_clock_mono_ms, smooth },
		.source = source,
		.asleep_ms = asleep_ms,
		.then_asleep_ms = asleep_ms(),
	};
	smooth_set(smooth, source_wall_ms(smooth), clock_mono_ms(source));
}
