/* SPDX-License-Identifier: BSD-2-Clause */
/* test_flight.c - what flight.h promises to those who wait for one piece of
 * work, on a real loop. */
#include "tests.h"

#include "alloc.h"

#include "base/status.h"
#include "lookup/flight.h"

enum { WAITERS = 6, LIMIT = 3, NEVER = 0, SOON_MS = 1, LATER_MS = 3600 * 1000 };

/* A service's object. */
struct work {
	struct flight flight;
	char key[8];
};

/* An asker, and what it does in its callback. */
struct asker {
	struct flight_waiter waiter;
	struct asker *cancels;  /* this one leaves */
	const char *joins;      /* waits again for this key */
	const char *restarts;   /* starts a new flight for this key and waits */
	struct work *restarted; /* what RESTARTS started */
	bool in_call;           /* flight_join() is running */
	unsigned called;
	const void *result; /* of the last call */
};

static struct world {
	uv_loop_t loop;
	struct flights *flights;
	struct asker askers[WAITERS];
	char order[32]; /* the askers in the order of their calls: "01..." */
	unsigned dropped;
} w;

static const char result_text[] = "the result";

static void on_result(struct flight_waiter *waiter, const void *result);

static struct work *start_work(const char *key)
{
	struct work *work = malloc(sizeof(*work));

	assert_non_null(work);
	snprintf(work->key, sizeof(work->key), "%s", key);
	assert_int_equal(flight_start(w.flights, &work->flight, work->key,
	                              strlen(work->key)),
	                 MTS_OK);
	return work;
}

static struct work *find_work(const char *key)
{
	struct flight *flight = flights_find(w.flights, key, strlen(key));

	return flight ? container_of(flight, struct work, flight) : NULL;
}

static int try_join(struct work *work, struct asker *asker, uint64_t limit_ms)
{
	int rc;

	asker->in_call = true;
	rc = flight_join(&work->flight, &asker->waiter, limit_ms, on_result);
	asker->in_call = false;
	return rc;
}

static void join(struct work *work, unsigned asker, uint64_t limit_ms)
{
	assert_int_equal(try_join(work, &w.askers[asker], limit_ms), MTS_OK);
	assert_true(flight_is_waiting(&w.askers[asker].waiter));
}

static void end_work(struct work *work)
{
	flight_end(&work->flight, result_text);
	free(work);
}

static void on_result(struct flight_waiter *waiter, const void *result)
{
	struct asker *asker = container_of(waiter, struct asker, waiter);
	size_t len = strlen(w.order);

	assert_false(asker->in_call);
	assert_false(flight_is_waiting(waiter));
	/* Its memory is ours again already. */
	memset(waiter, 0, sizeof(*waiter));
	asker->called++;
	asker->result = result;
	assert_true(len + 1 < sizeof(w.order));
	w.order[len] = (char)('0' + (asker - w.askers));
	w.order[len + 1] = '\0';
	if (asker->cancels)
		flight_leave(&asker->cancels->waiter);
	if (asker->joins)
		assert_int_equal(
		    try_join(find_work(asker->joins), asker, NEVER), MTS_OK);
	if (asker->restarts) {
		assert_null(find_work(asker->restarts));
		asker->restarted = start_work(asker->restarts);
		assert_int_equal(try_join(asker->restarted, asker, NEVER),
		                 MTS_OK);
	}
	asker->joins = NULL;
	asker->restarts = NULL;
}

static void drop_work(struct flight *flight)
{
	struct work *work = container_of(flight, struct work, flight);

	assert_false(flight_has_waiters(flight));
	free(work);
	w.dropped++;
}

static int open_world(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	assert_int_equal(uv_loop_init(&w.loop), 0);
	w.flights = flights_new(&w.loop, LIMIT);
	assert_non_null(w.flights);
	return 0;
}

static void run(void)
{
	uv_run(&w.loop, UV_RUN_DEFAULT);
}

static int close_world(void **state)
{
	struct flights *none = NULL;

	(void)state;
	flights_close(&w.flights, drop_work);
	assert_null(w.flights);
	flights_close(&none, drop_work);
	run();
	assert_int_equal(uv_loop_close(&w.loop), 0);
	return 0;
}

static void expect_counts(uint64_t under_way, uint64_t waiting, uint64_t joined,
                          uint64_t timed_out, uint64_t refused)
{
	struct flight_counts counts;

	flights_get_counts(w.flights, &counts);
	assert_int_equal(counts.under_way, under_way);
	assert_int_equal(counts.waiting, waiting);
	assert_int_equal(counts.joined, joined);
	assert_int_equal(counts.timed_out, timed_out);
	assert_int_equal(counts.refused, refused);
}

static void expect_call(unsigned asker, unsigned called, const void *result)
{
	assert_int_equal(w.askers[asker].called, called);
	if (called)
		assert_ptr_equal(w.askers[asker].result, result);
}

/* -- results --------------------------------------------------------------- */

static void test_every_waiter_is_called_once_in_order(void **state)
{
	struct work *work = start_work("a");

	(void)state;
	expect_counts(1, 0, 0, 0, 0);
	join(work, 2, LATER_MS);
	join(find_work("a"), 0, NEVER);
	join(find_work("a"), 1, LATER_MS);
	assert_true(flight_has_waiters(&work->flight));
	expect_counts(1, 3, 2, 0, 0);
	end_work(work);
	assert_string_equal(w.order, "201");
	for (unsigned i = 0; i < 3; i++)
		expect_call(i, 1, result_text);
	expect_counts(0, 0, 2, 0, 0);
	run();
	assert_string_equal(w.order, "201");
}

static void test_flights_are_told_apart_by_their_keys(void **state)
{
	struct work *a = start_work("a");
	struct work *aa = start_work("aa");

	(void)state;
	assert_ptr_equal(find_work("a"), a);
	assert_ptr_equal(find_work("aa"), aa);
	assert_null(find_work("b"));
	join(a, 0, NEVER);
	join(aa, 1, NEVER);
	end_work(a);
	assert_null(find_work("a"));
	assert_string_equal(w.order, "0");
	end_work(aa);
	assert_string_equal(w.order, "01");
}

static void test_flight_that_nobody_waits_for_goes_on(void **state)
{
	struct work *work = start_work("a");

	(void)state;
	join(work, 0, NEVER);
	flight_leave(&w.askers[0].waiter);
	assert_false(flight_has_waiters(&work->flight));
	run();
	assert_ptr_equal(find_work("a"), work);
	/* Another waiter may still join. */
	join(work, 1, NEVER);
	expect_counts(1, 1, 1, 0, 0);
	end_work(work);
	assert_string_equal(w.order, "1");
}

/* -- time limits ----------------------------------------------------------- */

static void test_time_limit_ends_one_wait_only(void **state)
{
	struct work *work = start_work("a");

	(void)state;
	join(work, 0, SOON_MS);
	join(work, 1, NEVER);
	run();
	assert_string_equal(w.order, "0");
	expect_call(0, 1, NULL);
	expect_counts(1, 1, 0, 1, 0);
	/* It may wait once more, without a limit this time. */
	join(work, 0, NEVER);
	end_work(work);
	assert_string_equal(w.order, "010");
	expect_call(0, 2, result_text);
	expect_call(1, 1, result_text);
}

static void test_waiter_may_do_anything_when_its_time_is_up(void **state)
{
	struct work *work = start_work("a");

	(void)state;
	w.askers[0].cancels = &w.askers[1];
	w.askers[0].joins = "a";
	join(work, 0, SOON_MS);
	join(work, 1, SOON_MS);
	run();
	assert_string_equal(w.order, "0");
	expect_counts(1, 1, 1, 1, 0);
	w.askers[0].cancels = NULL;
	end_work(work);
	assert_string_equal(w.order, "00");
	expect_call(1, 0, NULL);
}

/* -- leaving --------------------------------------------------------------- */

static void test_waiter_that_left_is_never_called(void **state)
{
	struct work *work = start_work("a");

	(void)state;
	join(work, 0, SOON_MS);
	join(work, 1, NEVER);
	for (unsigned i = 0; i < 2; i++) {
		flight_leave(&w.askers[i].waiter);
		assert_false(flight_is_waiting(&w.askers[i].waiter));
		flight_leave(&w.askers[i].waiter); /* harmless */
		memset(&w.askers[i].waiter, 0, sizeof(w.askers[i].waiter));
		flight_leave(&w.askers[i].waiter); /* as is this */
	}
	expect_counts(1, 0, 0, 0, 0);
	run();
	end_work(work);
	run();
	assert_string_equal(w.order, "");
}

static void test_waiter_may_make_others_leave(void **state)
{
	struct work *work = start_work("a");

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		join(work, i, LATER_MS);
	w.askers[0].cancels = &w.askers[1]; /* the next */
	w.askers[2].cancels = &w.askers[4]; /* the last */
	w.askers[3].cancels = &w.askers[3]; /* itself: harmless */
	end_work(work);
	assert_string_equal(w.order, "023");
	expect_counts(0, 0, 0, 0, 0);
}

/* -- more work from within a callback -------------------------------------- */

static void test_waiter_may_start_a_new_flight_for_the_key(void **state)
{
	struct work *work = start_work("a");

	(void)state;
	join(work, 0, NEVER);
	join(work, 1, NEVER);
	join(work, 2, NEVER);
	w.askers[0].restarts = "a";
	w.askers[1].joins = "a"; /* the new one */
	end_work(work);
	/* No waiter has been called for the new flight yet. */
	assert_string_equal(w.order, "012");
	assert_ptr_equal(find_work("a"), w.askers[0].restarted);
	expect_counts(1, 2, 1, 0, 0);
	end_work(w.askers[0].restarted);
	assert_string_equal(w.order, "01201");
}

static void test_flight_may_start_again_in_a_callback(void **state)
{
	struct work work = { .key = "a" };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(
		    flight_start(w.flights, &work.flight, work.key, 1), MTS_OK);
		join(&work, 0, NEVER);
		join(&work, 1, NEVER);
		flight_end(&work.flight, result_text);
		assert_null(find_work("a"));
	}
	assert_string_equal(w.order, "0101");
}

/* -- the limit of flights -------------------------------------------------- */

static void test_too_many_flights_are_refused(void **state)
{
	static const char *const keys[LIMIT] = { "a", "b", "c" };
	struct work extra = { .key = "d" };
	struct work *all[LIMIT];

	(void)state;
	for (size_t i = 0; i < LIMIT; i++)
		all[i] = start_work(keys[i]);
	assert_int_equal(flight_start(w.flights, &extra.flight, extra.key, 1),
	                 MTS_EFULL);
	assert_null(find_work("d"));
	expect_counts(LIMIT, 0, 0, 0, 1);
	/* Those under way can still be joined. */
	join(find_work("b"), 0, NEVER);
	/* A lower limit ends nothing. */
	flights_set_max(w.flights, 1);
	end_work(all[0]);
	end_work(all[1]);
	assert_string_equal(w.order, "0");
	assert_int_equal(flight_start(w.flights, &extra.flight, extra.key, 1),
	                 MTS_EFULL);
	end_work(all[2]);
	assert_int_equal(flight_start(w.flights, &extra.flight, extra.key, 1),
	                 MTS_OK);
	flight_drop(&extra.flight);
	expect_counts(0, 0, 1, 0, 2);
}

/* -- work that is abandoned ------------------------------------------------ */

static void test_dropped_flight_calls_nobody(void **state)
{
	struct work *work = start_work("a");

	(void)state;
	join(work, 0, SOON_MS);
	join(work, 1, NEVER);
	flight_drop(&work->flight);
	free(work);
	assert_null(find_work("a"));
	assert_false(flight_is_waiting(&w.askers[0].waiter));
	expect_counts(0, 0, 0, 0, 0);
	run();
	assert_string_equal(w.order, "");
}

static void test_closing_drops_every_flight(void **state)
{
	(void)state;
	join(start_work("a"), 0, SOON_MS);
	join(start_work("b"), 1, NEVER);
	join(find_work("b"), 2, LATER_MS);
	start_work("c");
	flights_close(&w.flights, drop_work);
	assert_int_equal(w.dropped, 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_false(flight_is_waiting(&w.askers[i].waiter));
		flight_leave(&w.askers[i].waiter); /* too late, but harmless */
	}
	run();
	assert_string_equal(w.order, "");
}

/* -- memory ---------------------------------------------------------------- */

static void test_without_memory_for_a_table(void **state)
{
	struct flights *flights = NULL;
	size_t n;

	(void)state;
	for (n = 0; !flights; n++) {
		alloc_fail_at(n + 1);
		flights = flights_new(&w.loop, LIMIT);
	}
	alloc_fail_at(0);
	assert_true(n > 2);
	flights_close(&flights, drop_work);
}

static void test_without_memory_for_a_timer(void **state)
{
	struct work *work = start_work("a");

	(void)state;
	join(work, 0, LATER_MS);
	alloc_fail_from(1);
	assert_int_equal(try_join(work, &w.askers[1], SOON_MS), MTS_ENOMEM);
	assert_false(flight_is_waiting(&w.askers[1].waiter));
	flight_leave(&w.askers[1].waiter);
	join(work, 2, NEVER); /* needs none */
	alloc_fail_at(0);
	expect_counts(1, 2, 0, 0, 0);
	end_work(work);
	assert_string_equal(w.order, "02");
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_waiter_is_called_once_in_order),
		TEST(test_flights_are_told_apart_by_their_keys),
		TEST(test_flight_that_nobody_waits_for_goes_on),
		TEST(test_time_limit_ends_one_wait_only),
		TEST(test_waiter_may_do_anything_when_its_time_is_up),
		TEST(test_waiter_that_left_is_never_called),
		TEST(test_waiter_may_make_others_leave),
		TEST(test_waiter_may_start_a_new_flight_for_the_key),
		TEST(test_flight_may_start_again_in_a_callback),
		TEST(test_too_many_flights_are_refused),
		TEST(test_dropped_flight_calls_nobody),
		TEST(test_closing_drops_every_flight),
		TEST(test_without_memory_for_a_table),
		TEST(test_without_memory_for_a_timer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
