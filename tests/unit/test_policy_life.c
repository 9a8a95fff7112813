/* SPDX-License-Identifier: BSD-2-Clause */
/* test_policy_life.c - what happens to a policy over months (of simulated time):
 * refreshes fail, it is not in use, the clock is set, and it expires. */
#include "refresh_world.h"

/* -- failures -------------------------------------------------------------- */

struct failure {
	enum discover_outcome record;
	enum fetch_cause fetch;
	const char *step;
	const char *cause;
};

static const struct failure failures[] = {
	{ DISCOVER_DNS_FAILED, FETCH_OK, "address", "address" },
	{ DISCOVER_NO_RECORD, FETCH_OK, "address", "address" },
	{ DISCOVER_POLICY, FETCH_CONNECT, "connect", "connection" },
	{ DISCOVER_POLICY, FETCH_TIMEOUT, "connect", "connection" },
	/* the attack of section 10 */
	{ DISCOVER_POLICY, FETCH_CERT_NAME, "tls", "certificate" },
	{ DISCOVER_POLICY, FETCH_CERT_UNTRUSTED, "tls", "certificate" },
	{ DISCOVER_POLICY, FETCH_STATUS, "http", "http" },
	{ DISCOVER_POLICY, FETCH_OK, "policy", "policy" },
};

static void break_site(struct site *site, const struct failure *failure)
{
	site->record = failure->record;
	site->fetch = failure->fetch;
	site->step = failure->step;
}

static void repair_site(struct site *site)
{
	site->record = DISCOVER_POLICY;
	site->fetch = FETCH_OK;
	site->step = NULL;
}

/* 3.3: "the sender MUST apply that cached policy" until its end, and "MTAs
 * SHOULD alert administrators": once, and when it ends. */
static void test_policy_applies_while_refreshes_fail(void **state)
{
	struct world *w = *state;
	struct cache_entry entry;

	for (unsigned i = 0; i < ARRAY_LEN(failures); i++) {
		char line[100];
		unsigned fetches;

		assert_true(world_ask(w, i));
		break_site(&w->sites[i], &failures[i]);
		fetches = w->sites[i].fetches;
		assert_int_equal(world_pass_asking(w, i, 7 * DAY, HOUR),
		                 7 * 24);
		/* 9 to 10 pauses in the first day, four a day then. */
		fetches = w->sites[i].fetches - fetches;
		assert_in_range(fetches, 20, 40);
		snprintf(line, sizeof(line),
		         "warning: policy_refresh_failed domain=d%u.", i);
		assert_int_equal(world_logged(w, line), 1);
		snprintf(line, sizeof(line), "domain=d%u.example cause=%s ", i,
		         failures[i].cause);
		assert_int_equal(world_logged(w, line), 1);
		world_pass(w, 1);
		assert_false(world_ask(w, i));
		world_pass(w, 1);
		assert_false(world_get(w, i, &entry));
		snprintf(line, sizeof(line),
		         "warning: policy_ended domain=d%u.", i);
		assert_int_equal(world_logged(w, line), 1);
	}
}

/* It expires during a refresh that fails: there is nothing to record the failure
 * with, and no policy comes back. */
static void test_refresh_that_fails_after_the_end(void **state)
{
	struct world *w = *state;
	struct cache_entry entry;

	w->sites[1].max_age_s = HOUR;
	assert_true(world_ask(w, 1));
	break_site(&w->sites[1], &failures[2]);
	w->hang = true;
	world_pass(w, HOUR + 10);
	assert_int_equal(w->running, 1);
	assert_true(world_get(w, 1, &entry));
	w->hang = false;
	world_settle(w);
	assert_int_equal(world_logged(w, "policy_refresh_failed"), 0);
	world_pass(w, 1);
	assert_false(world_get(w, 1, &entry));
	assert_int_equal(w->sites[1].fetches, 2);
}

/* DNS is dead for an hour, then works again. */
static void test_dns_dead_for_an_hour(void **state)
{
	enum { MANY = 50 };
	struct world *w = *state;
	struct cache_entry entry;

	for (unsigned i = 0; i < MANY; i++) {
		w->sites[i].max_age_s = 2 * HOUR;
		assert_true(world_ask(w, i));
	}
	world_pass(w, 50 * MINUTE);
	for (unsigned i = 0; i < MANY; i++)
		break_site(&w->sites[i], &failures[0]);
	for (unsigned i = 0; i < 60; i++) {
		world_pass(w, MINUTE);
		assert_true(world_ask(w, i % MANY));
	}
	assert_int_equal(world_logged(w, "policy_refresh_failed"), MANY);
	for (unsigned i = 0; i < MANY; i++)
		repair_site(&w->sites[i]);
	world_pass(w, 45 * MINUTE);
	for (unsigned i = 0; i < MANY; i++) {
		assert_true(world_get(w, i, &entry));
		assert_int_equal(entry.failures, 0);
		assert_int_equal(entry.failed_s, 0);
		assert_true(world_ask(w, i));
	}
	assert_int_equal(world_logged(w, "info: policy_refresh_recovered"),
	                 MANY);
	assert_int_equal(world_logged(w, "policy_ended"), 0);
}

/* 5, 10, 20 minutes ..., not sooner than fetch.retry, up to six hours. */
static void test_pauses_double(void **state)
{
	static const int64_t pauses[] = { 5, 10, 20, 40, 80, 160, 320, 360 };
	struct world *w = *state;
	struct site *site = &w->sites[1];
	int64_t last_s;

	assert_true(world_ask(w, 1));
	break_site(site, &failures[2]);
	while (site->fetches == 1)
		world_pass(w, 1);
	for (size_t i = 0; i < ARRAY_LEN(pauses); i++) {
		unsigned before = site->fetches;

		last_s = site->fetched_s;
		world_pass(w, last_s + pauses[i] * 60 - 1 - world_wall_s);
		assert_int_equal(site->fetches, before);
		world_pass(w, pauses[i] * 6 + 2);
		assert_int_equal(site->fetches, before + 1);
	}
}

/* There is no new warning after a restart, but one for each new cause. */
static void test_one_warning_across_restarts(void **state)
{
	struct world *w = *state;
	unsigned before;

	assert_true(world_ask(w, 1));
	break_site(&w->sites[1], &failures[4]);
	world_pass(w, DAY + HOUR);
	assert_int_equal(world_logged(w, "policy_refresh_failed"), 1);
	assert_int_equal(world_logged(w, " ends=2023-11-2"), 1);
	before = w->sites[1].fetches;
	for (int i = 0; i < 5; i++) {
		world_restart(w);
		world_pass(w, 1);
	}
	/* And the host is not fetched from more often. */
	assert_true(w->sites[1].fetches <= before + 1);
	world_pass(w, 10 * HOUR);
	assert_true(w->sites[1].fetches > before);
	assert_int_equal(world_logged(w, "policy_refresh_failed"), 1);
	for (unsigned i = 0; i < 8; i++) {
		break_site(&w->sites[1], &failures[i % 2 ? 4 : 6]);
		world_pass(w, 7 * HOUR);
	}
	assert_int_equal(world_logged(w, "policy_refresh_failed"), 2);
	repair_site(&w->sites[1]);
	world_pass(w, 7 * HOUR);
	assert_int_equal(world_logged(w, "policy_refresh_recovered"), 1);
	/* After a good fetch the next failure is logged again. */
	break_site(&w->sites[1], &failures[4]);
	world_pass(w, DAY + HOUR);
	assert_int_equal(world_logged(w, "policy_refresh_failed"), 3);
}

/* 8.3, 10.2: "should not implement such alerts if the cached policy has a none
 * mode, to allow clean MTA-STS removal". */
static void test_no_warnings_in_mode_none(void **state)
{
	struct world *w = *state;
	struct cache_entry entry;

	w->sites[1].mode = POLICY_NONE;
	w->sites[1].max_age_s = DAY;
	assert_true(world_ask(w, 1));
	break_site(&w->sites[1], &failures[1]);
	world_pass(w, 12 * HOUR);
	assert_true(world_get(w, 1, &entry));
	assert_true(entry.failures > 0);
	/* Its end is not logged either. */
	repair_site(&w->sites[1]);
	world_pass(w, 12 * HOUR);
	assert_true(world_get(w, 1, &entry));
	assert_int_equal(entry.failures, 0);
	break_site(&w->sites[1], &failures[1]);
	world_pass(w, 2 * DAY);
	assert_false(world_get(w, 1, &entry));
	assert_int_equal(world_logged(w, "domain="), 0);
}

/* A new id whose policy can't be fetched is a failure as well, and is logged. */
static void test_failed_fetch_of_a_new_id_is_logged(void **state)
{
	struct world *w = *state;
	struct cache_entry entry;

	assert_true(world_ask(w, 1));
	w->sites[1].id = "b2";
	break_site(&w->sites[1], &failures[4]);
	w->sites[1].ttl_s = 60;
	world_pass(w, 300);
	assert_true(world_ask(w, 1)); /* starts the check */
	assert_int_equal(w->sites[1].fetches, 2);
	assert_int_equal(world_logged(w, "warning: policy_refresh_failed"), 1);
	assert_true(world_get(w, 1, &entry));
	assert_int_equal(entry.failures, 1);
	/* 3.3: five minutes, for hits and for the refresher. */
	assert_int_equal(world_pass_asking(w, 1, 299, 1), 299);
	assert_int_equal(w->sites[1].fetches, 2);
	world_pass_asking(w, 1, 40, 1);
	assert_int_equal(w->sites[1].fetches, 3);
	repair_site(&w->sites[1]);
	world_pass(w, HOUR);
	assert_true(world_get(w, 1, &entry));
	assert_string_equal(entry.id, "b2");
	assert_int_equal(world_logged(w, "policy_refresh_recovered"), 1);
}

/* -- the end --------------------------------------------------------------- */

/* 5.1: only the time since the fetch counts. */
static void test_unchanged_record_extends_nothing(void **state)
{
	struct world *w = *state;

	w->sites[1].max_age_s = 2 * DAY;
	assert_true(world_ask(w, 1));
	break_site(&w->sites[1], &failures[2]);
	/* The record is checked all the time, and has not changed. */
	assert_int_equal(world_pass_asking(w, 1, 2 * DAY, 10 * MINUTE),
	                 2 * 24 * 6);
	assert_true(w->sites[1].discoveries > 250);
	world_pass(w, 1);
	assert_false(world_ask(w, 1));
}

/* It is obeyed, but fetched no more often than refresh.min_interval allows. */
static void test_small_max_age_is_obeyed(void **state)
{
	static const struct {
		uint32_t max_age_s;
		unsigned good; /* of the seconds of half an hour */
		unsigned fetches;
	} rows[] = {
		/* six times five minutes, and the one that is due at the end */
		{ 0, 6, 6 },         { 1, 12, 6 },     { 100, 6 * 101, 6 },
		{ 298, 6 * 299, 6 }, { 300, 1800, 6 }, /* refreshed just when it expires */
		{ 450, 1800, 6 },
	};
	struct world *w = *state;

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		unsigned good;

		w->sites[i].max_age_s = rows[i].max_age_s;
		good = world_ask(w, i);
		good += world_pass_asking(w, i, 1799, 1);
		if (good + 7 < rows[i].good || good > rows[i].good + 7 ||
		    w->sites[i].fetches > rows[i].fetches)
			fail_msg("max_age %u: %u s, %u fetches",
			         rows[i].max_age_s, good, w->sites[i].fetches);
	}
}

/* But a new id is a new policy. */
static void test_new_id_after_a_small_max_age(void **state)
{
	struct world *w = *state;

	w->sites[1].max_age_s = 0;
	w->sites[1].ttl_s = 60;
	assert_true(world_ask(w, 1));
	world_pass(w, 61);
	assert_false(world_ask(w, 1));
	assert_int_equal(w->sites[1].fetches, 1);
	w->sites[1].id = "b2";
	w->sites[1].max_age_s = DAY;
	world_pass(w, 61);
	assert_true(world_ask(w, 1));
	assert_int_equal(w->sites[1].fetches, 2);
}

/* -- policies that are not in use ------------------------------------------ */

static void test_unused_policy_is_not_refreshed(void **state)
{
	struct world *w = *state;
	struct cache_entry entry;
	unsigned fetches;
	uint64_t wakes;

	w->sites[1].max_age_s = 20 * DAY;
	assert_true(world_ask(w, 1));
	world_pass(w, 31 * DAY + HOUR);
	fetches = w->sites[1].fetches;
	assert_true(fetches >= 30 && fetches <= 35);
	wakes = w->wakes;
	world_pass(w, 18 * DAY);
	assert_int_equal(w->sites[1].fetches, fetches);
	assert_true(w->wakes <= wakes + 18);
	assert_true(world_get(w, 1, &entry)); /* it is still in force */
	world_pass(w, 2 * DAY);
	assert_false(world_get(w, 1, &entry));
	assert_int_equal(w->sites[1].fetches, fetches);
	assert_int_equal(world_logged(w, "warning"), 0);
}

/* A client asks for it again before it expires. */
static void test_used_again_before_the_end(void **state)
{
	struct world *w = *state;
	struct cache_entry entry;
	unsigned fetches;

	w->sites[1].max_age_s = 60 * DAY;
	assert_true(world_ask(w, 1));
	world_pass(w, 50 * DAY);
	fetches = w->sites[1].fetches;
	assert_true(fetches <= 35);
	assert_true(world_ask(w, 1));
	world_pass(w, MINUTE);
	assert_int_equal(w->sites[1].fetches, fetches + 1);
	assert_true(world_get(w, 1, &entry));
	assert_true(entry.used_s >= world_wall_s - 2 * MINUTE);
	world_pass(w, 5 * DAY);
	assert_true(w->sites[1].fetches >= fetches + 5);
}

/* -- the wall clock is set ------------------------------------------------- */

/* "No policy in force is lost at once and none lives forever." */
static void test_clock_is_set_while_hosts_are_down(void **state)
{
	static const int64_t rows[] = { 6 * HOUR, 23 * HOUR, -6 * HOUR,
		                        -23 * HOUR };
	struct world *w = *state;

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		w->sites[i].max_age_s = DAY;
		assert_true(world_ask(w, i));
		break_site(&w->sites[i], &failures[2]);
		world_pass(w, HOUR);
		world_wall_s += rows[i];
		/* Four fifths of its life, while it cannot be fetched. */
		assert_int_equal(world_pass_asking(w, i, 18 * HOUR, HOUR), 18);
		world_pass(w, 15 * HOUR); /* four thirds: expired */
		assert_false(world_ask(w, i));
		world_wall_s -= rows[i];
		world_pass(w, 8 * DAY); /* as before */
	}
}

static void test_clock_is_set_while_hosts_work(void **state)
{
	struct world *w = *state;

	w->sites[1].max_age_s = 2 * HOUR;
	assert_true(world_ask(w, 1));
	for (int i = 0; i < 20; i++) {
		world_wall_s += (i % 2 ? -5 : 7) * HOUR;
		assert_int_equal(world_pass_asking(w, 1, 3 * HOUR, MINUTE),
		                 180);
	}
	assert_true(w->sites[1].fetches <= 100);
	assert_int_equal(world_logged(w, "policy_ended"), 0);
}

/* It was set back while the daemon did not run: stored times are in the future. */
static void test_clock_is_set_over_a_restart(void **state)
{
	static const int64_t rows[] = { -6 * HOUR, -3 * DAY, -40 * DAY };
	struct world *w = *state;
	struct cache_entry entry;

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		w->sites[i].max_age_s = 60 * DAY;
		assert_true(world_ask(w, i));
		world_wall_s += rows[i];
		world_restart(w);
		assert_true(world_ask(w, i));
		/* The hit makes it due, which it would not be for long. */
		world_pass(w, DAY + MINUTE);
		assert_true(w->sites[i].fetches >= 2);
		assert_true(world_get(w, i, &entry));
		assert_true(entry.fetched_s <= world_wall_s);
		assert_true(entry.next_refresh_s <= world_wall_s + DAY);
	}
}

int main(void)
{
#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_policy_applies_while_refreshes_fail),
		TEST(test_refresh_that_fails_after_the_end),
		TEST(test_dns_dead_for_an_hour),
		TEST(test_pauses_double),
		TEST(test_one_warning_across_restarts),
		TEST(test_no_warnings_in_mode_none),
		TEST(test_failed_fetch_of_a_new_id_is_logged),
		TEST(test_unchanged_record_extends_nothing),
		TEST(test_small_max_age_is_obeyed),
		TEST(test_new_id_after_a_small_max_age),
		TEST(test_unused_policy_is_not_refreshed),
		TEST(test_used_again_before_the_end),
		TEST(test_clock_is_set_while_hosts_are_down),
		TEST(test_clock_is_set_while_hosts_work),
		TEST(test_clock_is_set_over_a_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
