/* SPDX-License-Identifier: BSD-2-Clause */
/* test_log_limit.c - the limit on the lines of one event in a minute. */
#include "tests.h"

#include "base/log.h"

static void test_limit(void **state)
{
	struct log_limit limit = { 0 };
	uint64_t now_ms = 0; /* a machine that has just started */

	(void)state;
	for (int n = 0; n < LOG_LIMIT_LINES; n++)
		assert_true(log_limit_allows(&limit, "x", now_ms));
	for (int n = 0; n < 3; n++)
		assert_false(log_limit_allows(&limit, "x", now_ms));
	assert_int_equal(limit.left_out, 3);
	assert_false(log_limit_allows(&limit, "x", now_ms + LOG_LIMIT_MS - 1));
	assert_true(log_limit_allows(&limit, "x", now_ms + LOG_LIMIT_MS));
	assert_int_equal(limit.left_out, 0);
	assert_int_equal(limit.lines, 1);
}

/* Slow events are never left out. */
static void test_slow(void **state)
{
	struct log_limit limit = { 0 };

	(void)state;
	for (uint64_t n = 0; n < 10 * LOG_LIMIT_LINES; n++)
		assert_true(log_limit_allows(
		    &limit, "x", 5000 + n * LOG_LIMIT_MS / LOG_LIMIT_LINES));
}

static void test_one(void **state)
{
	uint64_t next_ms = 0;

	(void)state;
	assert_true(log_limit_one(&next_ms, 7));
	assert_false(log_limit_one(&next_ms, 7));
	assert_false(log_limit_one(&next_ms, 7 + LOG_LIMIT_MS - 1));
	assert_true(log_limit_one(&next_ms, 7 + LOG_LIMIT_MS));
	assert_false(log_limit_one(&next_ms, 7 + LOG_LIMIT_MS + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_slow),
		cmocka_unit_test(test_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
