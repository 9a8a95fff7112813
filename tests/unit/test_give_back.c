/* SPDX-License-Identifier: BSD-2-Clause */
/* test_give_back.c - when memory is returned to the system: only after work. */
#include "tests.h"

#include "config.h"
#include "prog/give_back.h"

enum { INTERVAL_MS = 5, SOME = 3, HANG_MS = 60 * 1000 };

static struct {
	uv_loop_t loop;
	uv_prepare_t work_item;
	uv_timer_t work;
	struct give_back *give_back;
	unsigned given;
} w;

int __wrap_malloc_trim(size_t keep);

int __wrap_malloc_trim(size_t keep)
{
	assert_int_equal(keep, 0);
	w.given++;
	return 1;
}

static void on_turn(uv_prepare_t *work_item)
{
	(void)work_item;
	give_back_tick(w.give_back);
}

static void open_world(uint64_t interval_ms)
{
	memset(&w, 0, sizeof(w));
	assert_int_equal(uv_loop_init(&w.loop), 0);
	assert_int_equal(give_back_open(&w.loop, interval_ms, &w.give_back),
	                 MTS_OK);
	uv_prepare_init(&w.loop, &w.work_item);
	uv_prepare_start(&w.work_item, on_turn);
	uv_timer_init(&w.loop, &w.work);
}

static void close_world(void)
{
	give_back_close(&w.give_back);
	uv_close((uv_handle_t *)&w.work_item, NULL);
	uv_close((uv_handle_t *)&w.work, NULL);
	uv_run(&w.loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&w.loop), 0);
}

static void on_work(uv_timer_t *timer)
{
	(void)timer;
}

/* Runs one iteration of the loop with work, and then all others until memory has been
 * returned. */
static void live(void)
{
	unsigned before = w.given;

	uv_timer_start(&w.work, on_work, HANG_MS, 0);
	while (w.given == before && uv_is_active((uv_handle_t *)&w.work))
		uv_run(&w.loop, UV_RUN_ONCE);
	uv_timer_stop(&w.work);
	assert_int_equal(w.given, before + 1);
}

/* Returning memory is not work: after it the loop sleeps. */
static void after_work_and_not_without(void **state)
{
	(void)state;
	open_world(INTERVAL_MS);
	for (unsigned i = 0; i < SOME; i++) {
		live();
		uv_run(&w.loop, UV_RUN_NOWAIT);
		assert_int_equal(uv_backend_timeout(&w.loop), -1);
	}
	close_world();
}

static void once_in_a_while(void **state)
{
	(void)state;
	open_world(60 * 1000);
	for (unsigned i = 0; i < 100; i++) {
		uv_timer_start(&w.work, on_work, 0, 0);
		uv_run(&w.loop, UV_RUN_NOWAIT);
	}
	assert_int_equal(w.given, 0);
	close_world();
}

/* Constant work does not delay it. */
static void amid_work(void **state)
{
	uint64_t end_ms;

	(void)state;
	open_world(INTERVAL_MS);
	end_ms = uv_now(&w.loop) + HANG_MS;
	while (w.given < 2 && uv_now(&w.loop) < end_ms) {
		uv_timer_start(&w.work, on_work, 0, 0);
		uv_run(&w.loop, UV_RUN_NOWAIT);
	}
	assert_int_equal(w.given, 2);
	close_world();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(after_work_and_not_without),
		cmocka_unit_test(once_in_a_while),
		cmocka_unit_test(amid_work),
	};

#ifndef HAVE_MALLOC_TRIM
	printf("1..0 # SKIP this C library has no malloc_trim()\n");
	return 0;
#endif
	return cmocka_run_group_tests(tests, NULL, NULL);
}
