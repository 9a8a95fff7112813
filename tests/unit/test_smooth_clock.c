/* SPDX-License-Identifier: BSD-2-Clause */
/* test_smooth_clock.c - the clock that does not jump, when the wall clock
 * does. */
#include "tests.h"

#include "base/clock.h"
#include "base/log.h"

enum { HOUR = 3600, DAY = 24 * HOUR };

#define START INT64_C(1700000000)

static int64_t wall_s;
static uint64_t mono_ms;
static uint64_t asleep_ms;
static struct smooth_clock smooth_clock;

static int64_t get_wall_s(void *arg)
{
	(void)arg;
	return wall_s;
}

static uint64_t get_mono_ms(void *arg)
{
	(void)arg;
	return mono_ms;
}

static uint64_t get_asleep_ms(void)
{
	return asleep_ms;
}

static const struct clock source = { get_wall_s, get_mono_ms, NULL };

static int setup(void **state)
{
	(void)state;
	wall_s = START;
	mono_ms = 5000;
	asleep_ms = 0;
	log_open("test", LOG_TARGET_STDERR, LOG_LEVEL_ERROR);
	smooth_clock_init(&smooth_clock, &source, get_asleep_ms);
	return 0;
}

static int64_t now_s(void)
{
	return clock_wall_s(&smooth_clock.clock);
}

static void pass(int64_t seconds)
{
	wall_s += seconds;
	mono_ms += (uint64_t)seconds * 1000;
}

/* The difference between the two clocks. */
static int64_t gap_s(void)
{
	return wall_s - now_s();
}

static void expect_near(int64_t got, int64_t wanted)
{
	if (got < wanted - 3 || got > wanted + 3)
		fail_msg("%lld, not %lld", (long long)got, (long long)wanted);
}

static void test_follows(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		assert_int_equal(now_s(), wall_s);
		pass(i * 100);
	}
	/* It follows a drift that is corrected bit by bit. */
	for (int i = 0; i < 1000; i++) {
		pass(10);
		wall_s++;
		assert_int_equal(now_s(), wall_s);
	}
	assert_int_equal(clock_mono_ms(&smooth_clock.clock), mono_ms);
}

/* It closes the gap at a quarter of the speed of time. */
static void test_jumps(void **state)
{
	static const int64_t rows[] = { HOUR,  6 * HOUR,  23 * HOUR, 10,
		                        -HOUR, -6 * HOUR, -DAY + 10, -10 };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t jump = rows[i];
		int64_t size = jump < 0 ? -jump : jump;
		int64_t sign = jump < 0 ? -1 : 1;

		setup(state);
		wall_s += jump;
		expect_near(gap_s(), jump);
		assert_true(now_s() >= START - 1 && now_s() <= START + 1);
		for (int k = 0; k < 8; k++) { /* read often or rarely */
			pass(size / 4);
			expect_near(gap_s(), jump - sign * (k + 1) * size / 16);
		}
		pass(size * 2);
		expect_near(gap_s(), 0);
		pass(10);
		assert_int_equal(now_s(), wall_s);
	}
}

/* It never goes back, and never stands still for long, however often it is
 * read. */
static void test_goes_on(void **state)
{
	int64_t last;

	setup(state);
	last = now_s();
	wall_s -= 3 * HOUR;
	for (int i = 0; i < 20000; i++) {
		int64_t now;

		mono_ms += 100;
		if (i % 10 == 9)
			wall_s++;
		now = now_s();
		assert_true(now >= last && now <= last + 1);
		last = now;
	}
	/* 2,000 s at three quarters of real speed */
	expect_near(last, START + 1500);
}

/* The clock is set back again: the gap is gone at once. */
static void test_there_and_back(void **state)
{
	setup(state);
	wall_s += 6 * HOUR;
	expect_near(gap_s(), 6 * HOUR);
	pass(60);
	(void)now_s();
	wall_s -= 6 * HOUR;
	expect_near(gap_s(), -15);
	pass(120);
	assert_int_equal(gap_s(), 0);
}

/* A machine that has just learnt the date. */
static void test_far_jump_is_followed(void **state)
{
	static const int64_t rows[] = { DAY + 10, -DAY - 10, 50 * 366 * DAY,
		                        -50 * (int64_t)366 * DAY };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		setup(state);
		pass(100);
		wall_s += rows[i];
		assert_int_equal(gap_s(), 0);
		pass(100);
		assert_int_equal(gap_s(), 0);
	}
}

/* Time in which the system was suspended counts. */
static void test_sleep(void **state)
{
	setup(state);
	for (int night = 0; night < 30; night++) {
		pass(16 * HOUR);
		assert_int_equal(gap_s(), 0);
		wall_s += 8 * HOUR;
		asleep_ms += 8 * HOUR * 1000;
		assert_int_equal(gap_s(), 0);
	}
	/* But not more than that. */
	asleep_ms += HOUR * 1000;
	wall_s += 3 * HOUR;
	expect_near(gap_s(), 2 * HOUR);
}

/* The time stays the same for one iteration of the loop, and no longer. */
static void test_by_turn(void **state)
{
	int64_t then_s = START;
	uint64_t then_ms = mono_ms;

	(void)state;
	for (int work_item = 0; work_item < 3; work_item++) {
		smooth_clock_tick(&smooth_clock);
		assert_int_equal(now_s(), then_s);
		pass(100);
		assert_int_equal(now_s(), then_s);
		assert_int_equal(clock_mono_ms(&smooth_clock.clock), mono_ms);
		then_ms = mono_ms;
		pass(100);
		assert_int_equal(now_s(), then_s);
		assert_int_equal(clock_mono_ms(&smooth_clock.clock), then_ms);
		then_s += 200;
	}
	/* It still notices a jump between two iterations. */
	wall_s += HOUR;
	smooth_clock_tick(&smooth_clock);
	expect_near(gap_s(), HOUR - 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_follows, setup),
		cmocka_unit_test(test_jumps),
		cmocka_unit_test(test_goes_on),
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_far_jump_is_followed),
		cmocka_unit_test(test_sleep),
		cmocka_unit_test_setup(test_by_turn, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
