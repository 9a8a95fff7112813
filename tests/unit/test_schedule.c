/* SPDX-License-Identifier: BSD-2-Clause */
/* test_schedule.c - the rules for the times of a policy, one row each. */
#include "tests.h"

#include "lookup/schedule.h"

enum { MINUTE = 60, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

#define NOW      INT64_C(1700000000)
#define LEAST    UINT32_C(0)
#define GREATEST UINT32_MAX

static const struct schedule_rules rules = {
	.interval_s = DAY,
	.min_interval_s = 5 * MINUTE,
	.unused_after_s = 30 * DAY,
	.retry_s = 5 * MINUTE,
	.id_check_min_s = MINUTE,
	.id_check_max_s = DAY,
};

static struct cache_entry an_entry(uint32_t max_age_s)
{
	return (struct cache_entry){
		.policy = { .mode = POLICY_ENFORCE, .max_age_s = max_age_s },
		.fetched_s = NOW,
		.checked_s = NOW,
		.used_s = NOW,
	};
}

/* -- when ------------------------------------------------------------------ */

static void test_due_after_fetch(void **state)
{
	static const struct {
		uint32_t max_age_s;
		uint32_t chance;
		int64_t due_s; /* after the fetch */
	} rows[] = {
		/* 3.3: "a suggested refresh frequency is once per day" */
		{ 31557600, LEAST, DAY },
		{ 31557600, GREATEST, DAY - DAY / 10 },
		{ 31557600, UINT32_C(1) << 31, DAY - DAY / 20 },
		{ 2 * DAY, LEAST, DAY },
		/* 10.2: "SHOULD NOT wait until a cached policy has expired" */
		{ DAY, LEAST, DAY / 2 },
		{ DAY, GREATEST, DAY / 2 - DAY / 20 },
		{ HOUR, LEAST, HOUR / 2 },
		{ 600, LEAST, 300 },
		{ 601, GREATEST, 300 }, /* min_interval */
		/* not again within min_interval if it is live by then */
		{ 400, LEAST, 300 },
		{ 300, LEAST, 300 },
		/* expired by then: its end */
		{ 299, LEAST, 300 },
		{ 298, LEAST, 299 },
		{ 100, GREATEST, 101 },
		{ 1, LEAST, 2 },
		{ 0, LEAST, 1 },
		{ 0, GREATEST, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cache_entry entry = an_entry(rows[i].max_age_s);
		int64_t due_s =
		    schedule_after_fetch(&rules, &entry, rows[i].chance);

		if (due_s - NOW != rows[i].due_s)
			fail_msg("max_age %u, chance %u: after %lld s",
			         rows[i].max_age_s, rows[i].chance,
			         (long long)(due_s - NOW));
	}
}

/* Pauses double, and never go past the end. */
static void test_due_after_failure(void **state)
{
	static const struct {
		uint32_t failures;
		uint32_t chance;
		int64_t left_s; /* until the first second without it */
		int64_t due_s;  /* after the failure */
	} rows[] = {
		{ 1, LEAST, 7 * DAY, 5 * MINUTE },
		{ 2, LEAST, 7 * DAY, 10 * MINUTE },
		{ 3, LEAST, 7 * DAY, 20 * MINUTE },
		{ 4, LEAST, 7 * DAY, 40 * MINUTE },
		{ 5, LEAST, 7 * DAY, 80 * MINUTE },
		{ 6, LEAST, 7 * DAY, 160 * MINUTE },
		{ 7, LEAST, 7 * DAY, 320 * MINUTE },
		{ 8, LEAST, 7 * DAY, 6 * HOUR },
		{ 9, LEAST, 7 * DAY, 6 * HOUR },
		{ 100, LEAST, 7 * DAY, 6 * HOUR },
		{ UINT32_MAX, LEAST, 7 * DAY, 6 * HOUR },
		/* 3.3: "five minutes or longer": later by chance, not sooner */
		{ 1, GREATEST, 7 * DAY, 5 * MINUTE + 30 },
		{ 9, GREATEST, 7 * DAY, 6 * HOUR + 36 * MINUTE },
		/* one last try before the end */
		{ 9, LEAST, 6 * HOUR + 1, 6 * HOUR },
		{ 9, LEAST, 6 * HOUR, 6 * HOUR - 5 * MINUTE },
		{ 9, LEAST, HOUR, 55 * MINUTE },
		{ 9, LEAST, 10 * MINUTE, 5 * MINUTE },
		/* too late for another try: the end */
		{ 9, LEAST, 10 * MINUTE - 1, 10 * MINUTE - 1 },
		{ 1, LEAST, 5 * MINUTE, 5 * MINUTE },
		{ 1, LEAST, 1, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cache_entry entry = an_entry(7 * DAY);
		int64_t now_s = schedule_end_s(&entry) - rows[i].left_s;
		int64_t due_s;

		entry.failures = rows[i].failures;
		due_s = schedule_after_failure(&rules, &entry, now_s,
		                               rows[i].chance);
		if (due_s - now_s != rows[i].due_s)
			fail_msg("failure %u, %lld s left: after %lld s",
			         rows[i].failures, (long long)rows[i].left_s,
			         (long long)(due_s - now_s));
	}
}

/* Within an hour, in the first half of what is left, after min_interval. */
static void test_due_after_import(void **state)
{
	static const struct {
		int64_t age_s, left_s; /* until the first second without it */
		uint32_t chance;
		int64_t due_s;
	} rows[] = {
		{ DAY, 7 * DAY, LEAST, 0 },
		{ DAY, 7 * DAY, GREATEST / 2, 30 * MINUTE - 1 },
		{ DAY, 7 * DAY, GREATEST, HOUR - 1 },
		{ DAY, 2 * HOUR, GREATEST, HOUR - 1 },
		{ DAY, HOUR, GREATEST, 30 * MINUTE - 1 },
		{ DAY, 1, GREATEST, 0 },
		{ 0, 7 * DAY, LEAST, 5 * MINUTE },
		{ MINUTE, 7 * DAY, LEAST, 4 * MINUTE },
		{ MINUTE, 7 * DAY, GREATEST, HOUR - 1 },
		/* It expires before it may be fetched again. */
		{ 0, MINUTE, LEAST, MINUTE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cache_entry entry =
		    an_entry((uint32_t)(rows[i].age_s + rows[i].left_s - 1));
		int64_t due_s;

		entry.fetched_s = NOW - rows[i].age_s;
		due_s =
		    schedule_after_import(&rules, &entry, NOW, rows[i].chance);
		if (due_s - NOW != rows[i].due_s)
			fail_msg("row %zu: after %lld s", i,
			         (long long)(due_s - NOW));
	}
}

static void test_pauses_are_never_shorter_than_retry(void **state)
{
	struct schedule_rules slow = rules;
	struct cache_entry entry = an_entry(30 * DAY);

	(void)state;
	slow.retry_s = HOUR; /* fetch.retry */
	entry.failures = 1;
	assert_int_equal(schedule_after_failure(&slow, &entry, NOW, LEAST),
	                 NOW + HOUR);
	slow.retry_s = DAY;
	entry.failures = 9;
	assert_int_equal(schedule_after_failure(&slow, &entry, NOW, LEAST),
	                 NOW + DAY);
	assert_int_equal(schedule_after_nothing(&rules, &entry, NOW, LEAST),
	                 NOW + 5 * MINUTE);
	slow = rules;
	slow.min_interval_s = 2 * HOUR; /* refresh.min_interval */
	entry.failures = 1;
	assert_int_equal(schedule_after_failure(&slow, &entry, NOW, LEAST),
	                 NOW + 2 * HOUR);
}

static void test_id_check_is_due_after_ttl(void **state)
{
	static const struct {
		uint32_t ttl_s;
		int64_t due_s;
	} rows[] = {
		{ 300, 300 },
		{ 0, MINUTE },    /* refresh.id_check_min */
		{ 7 * DAY, DAY }, /* refresh.id_check_max */
		{ UINT32_MAX, DAY },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cache_entry entry = an_entry(DAY);

		entry.record_ttl_s = rows[i].ttl_s;
		assert_int_equal(schedule_id_check_s(&rules, &entry),
		                 NOW + rows[i].due_s);
	}
}

/* -- what ------------------------------------------------------------------ */

static void test_what_to_do_when_due(void **state)
{
	static const struct {
		uint32_t max_age_s;
		int64_t fetched_s, used_s; /* from now */
		enum schedule_step step;
	} rows[] = {
		{ 7 * DAY, -DAY, 0, SCHEDULE_REFRESH },
		{ 7 * DAY, -DAY, -30 * DAY, SCHEDULE_REFRESH },
		{ 60 * DAY, -DAY, -30 * DAY - 1, SCHEDULE_LEAVE },
		/* 5.1: "has not exceeded its max_age" */
		{ 7 * DAY, -7 * DAY, 0, SCHEDULE_REFRESH },
		{ 7 * DAY, -7 * DAY - 1, 0, SCHEDULE_REMOVE },
		{ 7 * DAY, -7 * DAY - 1, -40 * DAY, SCHEDULE_REMOVE },
		{ 0, -1, 0, SCHEDULE_REMOVE },
		/* the clock was set back */
		{ 7 * DAY, 6 * HOUR, 6 * HOUR, SCHEDULE_REFRESH },
		{ 7 * DAY, 6 * HOUR, 31 * DAY, SCHEDULE_LEAVE },
		{ 7 * DAY, 8 * DAY, 0, SCHEDULE_REMOVE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cache_entry entry = an_entry(rows[i].max_age_s);

		entry.fetched_s = NOW + rows[i].fetched_s;
		entry.used_s = NOW + rows[i].used_s;
		if (schedule_due(&rules, &entry, NOW) != rows[i].step)
			fail_msg("row %zu", i);
	}
}

static void test_overdue_entries_are_noticed(void **state)
{
	static const struct {
		int64_t used_s, due_s; /* from now */
		bool overdue;
	} rows[] = {
		{ 0, -1, false }, /* it is due already */
		{ 0, 0, false },
		{ 0, DAY, false },
		{ -HOUR, DAY, false },
		{ -31 * DAY, 60, true }, /* it was unused */
		{ -31 * DAY, 90 * DAY, true },
		{ -31 * DAY, -1, false },
		{ 0, DAY + 1, true }, /* later than any rule allows */
		{ 0, INT64_MAX - NOW, true },
		{ 6 * HOUR, DAY + 6 * HOUR,
		  true }, /* clock set back by hours */
	};
	struct schedule_rules quick = rules;
	struct cache_entry entry = an_entry(365 * DAY);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		entry.used_s = NOW + rows[i].used_s;
		entry.next_refresh_s = NOW + rows[i].due_s;
		if (schedule_is_overdue(&rules, &entry, NOW) != rows[i].overdue)
			fail_msg("row %zu", i);
	}
	/* A pause after failures is not too late, however short the interval. */
	quick.interval_s = HOUR;
	entry = an_entry(365 * DAY);
	entry.failures = 20;
	entry.next_refresh_s =
	    schedule_after_failure(&quick, &entry, NOW, GREATEST);
	assert_false(schedule_is_overdue(&quick, &entry, NOW));
}

/* Sums do not overflow, whatever was stored. */
static void test_absurd_times_do_not_overflow(void **state)
{
	static const int64_t times[] = { INT64_MIN, -1, 0, NOW, INT64_MAX };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		for (size_t k = 0; k < ARRAY_LEN(times); k++) {
			struct cache_entry entry = an_entry(UINT32_MAX);

			entry.fetched_s = times[i];
			entry.checked_s = times[i];
			entry.used_s = times[i];
			entry.next_refresh_s = times[i];
			entry.failures = 9;
			schedule_id_check_s(&rules, &entry);
			schedule_after_fetch(&rules, &entry, GREATEST);
			schedule_after_failure(&rules, &entry, times[k],
			                       GREATEST);
			schedule_due(&rules, &entry, times[k]);
			schedule_is_overdue(&rules, &entry, times[k]);
		}
	}
}

/* -- failures -------------------------------------------------------------- */

static void test_causes_of_failures(void **state)
{
	static const struct {
		enum fetch_cause fetch;
		const char *step;
		enum refresh_cause cause;
	} rows[] = {
		{ FETCH_OK, "address", REFRESH_ADDRESS },
		{ FETCH_OK, "policy", REFRESH_POLICY },
		{ FETCH_OK, NULL, REFRESH_ADDRESS },
		{ FETCH_CONNECT, "connect", REFRESH_CONNECTION },
		{ FETCH_TIMEOUT, "connect", REFRESH_CONNECTION },
		{ FETCH_TLS, "tls", REFRESH_CONNECTION },
		{ FETCH_CUT, "http", REFRESH_CONNECTION },
		{ FETCH_CERT_NAME, "tls", REFRESH_CERTIFICATE },
		{ FETCH_CERT_EXPIRED, "tls", REFRESH_CERTIFICATE },
		{ FETCH_CERT_UNTRUSTED, "tls", REFRESH_CERTIFICATE },
		{ FETCH_CERT_INVALID, "tls", REFRESH_CERTIFICATE },
		{ FETCH_REDIRECT, "http", REFRESH_HTTP },
		{ FETCH_STATUS, "http", REFRESH_HTTP },
		{ FETCH_TYPE, "http", REFRESH_HTTP },
		{ FETCH_TOO_LARGE, "http", REFRESH_HTTP },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct discover_step steps[] = { { .name = "record" },
			                         { .name = rows[i].step } };
		struct discover_result result = {
			.cause = rows[i].fetch,
			.steps = steps,
			.step_count = rows[i].step ? 2 : 0,
		};

		if (refresh_cause_of(&result) != rows[i].cause)
			fail_msg("row %zu", i);
		assert_string_not_equal(refresh_cause_text(rows[i].cause),
		                        "none");
	}
}

/* "one warning a domain and cause"; 3.3: "unless the cached policy mode is
 * none". */
static void test_one_warning_per_cause(void **state)
{
	static const struct {
		enum refresh_cause cause;
		bool warn;
	} rows[] = {
		{ REFRESH_CERTIFICATE, true }, { REFRESH_CERTIFICATE, false },
		{ REFRESH_ADDRESS, true },     { REFRESH_CERTIFICATE, false },
		{ REFRESH_CONNECTION, true },  { REFRESH_HTTP, true },
		{ REFRESH_POLICY, true },      { REFRESH_ADDRESS, false },
		{ REFRESH_CONNECTION, false }, { REFRESH_HTTP, false },
		{ REFRESH_POLICY, false },
	};
	struct cache_entry entry = an_entry(DAY);
	struct cache_entry none = an_entry(DAY);

	(void)state;
	none.policy.mode = POLICY_NONE;
	assert_false(schedule_was_warned(&entry));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t now_s = NOW + (int64_t)i;

		if (schedule_note_failure(&entry, rows[i].cause, now_s) !=
		    rows[i].warn)
			fail_msg("row %zu", i);
		assert_int_equal(refresh_last_cause(&entry), rows[i].cause);
		assert_int_equal(entry.failures, i + 1);
		assert_int_equal(entry.failed_s, now_s);
		assert_true(schedule_was_warned(&entry));
		assert_false(
		    schedule_note_failure(&none, rows[i].cause, now_s));
		assert_int_equal(refresh_last_cause(&none), rows[i].cause);
		assert_false(schedule_was_warned(&none));
	}
	/* The number on disk may be anything. */
	entry.failed_cause = 0xff;
	assert_int_equal(refresh_last_cause(&entry), REFRESH_FINE);
	entry.failures = UINT32_MAX;
	schedule_note_failure(&entry, REFRESH_HTTP, NOW);
	assert_int_equal(entry.failures, UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_due_after_fetch),
		cmocka_unit_test(test_due_after_failure),
		cmocka_unit_test(test_due_after_import),
		cmocka_unit_test(test_pauses_are_never_shorter_than_retry),
		cmocka_unit_test(test_id_check_is_due_after_ttl),
		cmocka_unit_test(test_what_to_do_when_due),
		cmocka_unit_test(test_overdue_entries_are_noticed),
		cmocka_unit_test(test_absurd_times_do_not_overflow),
		cmocka_unit_test(test_causes_of_failures),
		cmocka_unit_test(test_one_warning_per_cause),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
