/* SPDX-License-Identifier: BSD-2-Clause */
/* test_verdict.c - RFC 8461 4.1 and 5.1: how long a policy lives, and which MX
 * hosts it covers. */
#include "tests.h"

#include "sts/verdict.h"

static const struct {
	uint32_t max_age_s;
	int64_t fetched_s;
	int64_t now_s;
	bool live;
} times[] = {
	/* "a cached policy whose time-since-fetch has not exceeded its
	 * max_age" */
	{ 86400, 1000000, 1000000, true },
	{ 86400, 1000000, 1086399, true },
	{ 86400, 1000000, 1086400, true },
	{ 86400, 1000000, 1086401, false },
	{ POLICY_MAX_AGE_MAX, 1000000, 32557600, true },
	{ POLICY_MAX_AGE_MAX, 1000000, 32557601, false },
	{ 0, 1000000, 1000000, true },
	{ 0, 1000000, 1000001, false },

	/* the clock was set back: a small step expires no policy, and years do
	 * not prolong one */
	{ 86400, 1000000, 999999, true },
	{ 86400, 1000000, 913600, true },
	{ 86400, 1000000, 913599, false },

	/* whatever was stored, no overflow */
	{ POLICY_MAX_AGE_MAX, INT64_MIN, INT64_MAX, false },
	{ POLICY_MAX_AGE_MAX, INT64_MAX, INT64_MIN, false },
	{ POLICY_MAX_AGE_MAX, INT64_MAX, INT64_MAX, true },
	{ POLICY_MAX_AGE_MAX, 0, INT64_MIN, false },
};

static void test_live(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(times); i++)
		if (verdict_is_live(times[i].max_age_s, times[i].fetched_s,
		                    times[i].now_s) != times[i].live)
			fail_msg("row %zu", i);
}

static void test_mx(void **state)
{
	static const char mx[] = "mx1.example\0*.example.net\0mx3.example";
	struct policy policy = { .mode = POLICY_ENFORCE,
		                 .mx_count = 3,
		                 .mx = { mx, sizeof(mx) } };

	(void)state;
	assert_true(verdict_mx_matches(&policy, slice_str("mx1.example")));
	assert_true(verdict_mx_matches(&policy, slice_str("a.example.net.")));
	assert_true(verdict_mx_matches(&policy, slice_str("MX3.example")));
	assert_false(verdict_mx_matches(&policy, slice_str("mx2.example")));
	assert_false(verdict_mx_matches(&policy, slice_str("example.net")));
	assert_false(verdict_mx_matches(&policy, slice_str("")));
	policy = (struct policy){ .mode = POLICY_NONE };
	assert_false(verdict_mx_matches(&policy, slice_str("mx1.example")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_live),
		cmocka_unit_test(test_mx),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
