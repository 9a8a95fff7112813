/* SPDX-License-Identifier: BSD-2-Clause */
/* test_cache_counts.c - the number of policies of each kind, known without
 * reading them. */
#include "tests.h"

#include "cachebox.h"

enum {
	NOW_S = 1600000000, /* as cachebox.c has it */
	HOUR = 3600,
};

static int setup(void **state)
{
	struct cachebox *box = test_malloc(sizeof(*box));

	box_make(box);
	box_open(box);
	*state = box;
	return 0;
}

static int teardown(void **state)
{
	box_free(*state);
	test_free(*state);
	return 0;
}

/* Puts policy N, which ends END_S from now and whose refresh failed FAILURES
 * times. */
static void put(struct cachebox *box, unsigned n, enum policy_mode mode,
                int64_t end_s, uint32_t failures)
{
	struct domain domain = box_domain(n);
	struct cache_entry entry = box_entry(n);

	entry.policy.mode = mode;
	entry.policy.max_age_s = 1000000;
	entry.fetched_s = NOW_S + end_s - 1000000;
	entry.failures = failures;
	assert_int_equal(cache_put(box->cache, &domain, &entry), MTS_OK);
}

static void expect(struct cachebox *box, uint64_t none, uint64_t testing,
                   uint64_t enforce, uint64_t failing)
{
	struct cache_stats stats;

	box_sync(box);
	stats = box_stats(box);
	assert_int_equal(stats.none, none);
	assert_int_equal(stats.testing, testing);
	assert_int_equal(stats.enforce, enforce);
	assert_int_equal(stats.failing, failing);
	assert_int_equal(stats.policies, none + testing + enforce);
}

static void test_modes(void **state)
{
	struct cachebox *box = *state;
	struct domain domain = box_domain(1);

	expect(box, 0, 0, 0, 0);
	put(box, 1, POLICY_ENFORCE, HOUR, 0);
	put(box, 2, POLICY_ENFORCE, HOUR, 0);
	put(box, 3, POLICY_TESTING, HOUR, 0);
	put(box, 4, POLICY_NONE, HOUR, 0);
	expect(box, 1, 1, 2, 0);
	put(box, 2, POLICY_NONE, HOUR, 0); /* it was another mode */
	put(box, 3, POLICY_TESTING, 2 * HOUR, 0);
	expect(box, 2, 1, 1, 0);
	assert_int_equal(cache_remove(box->cache, &domain), MTS_OK);
	expect(box, 2, 1, 0, 0);
	/* They outlive the process. */
	box_close(box);
	box_open(box);
	expect(box, 2, 1, 0, 0);
	assert_int_equal(cache_remove_all(box->cache, NULL), MTS_OK);
	expect(box, 0, 0, 0, 0);
}

static uint64_t ending(struct cachebox *box, int64_t within_s, uint64_t max)
{
	return cache_count_failing(box->cache, NOW_S, NOW_S + within_s, max);
}

static void test_failing(void **state)
{
	struct cachebox *box = *state;

	put(box, 1, POLICY_ENFORCE, HOUR, 1);
	put(box, 2, POLICY_TESTING, 5 * HOUR, 3);
	put(box, 3, POLICY_NONE, HOUR, 9);    /* protects nothing */
	put(box, 4, POLICY_ENFORCE, HOUR, 0); /* does not fail */
	put(box, 5, POLICY_ENFORCE, 0, 2);    /* its last second has passed */
	put(box, 6, POLICY_ENFORCE, 1, 2);
	expect(box, 1, 1, 4, 4);
	assert_int_equal(ending(box, 0, 100), 0);
	assert_int_equal(ending(box, 1, 100), 1);
	assert_int_equal(ending(box, HOUR - 1, 100), 1);
	assert_int_equal(ending(box, HOUR, 100), 2);
	assert_int_equal(ending(box, 9 * HOUR, 100), 3);
	assert_int_equal(ending(box, 9 * HOUR, 2), 2);
	put(box, 1, POLICY_ENFORCE, HOUR, 0); /* it was refreshed */
	expect(box, 1, 1, 4, 3);
	assert_int_equal(ending(box, 9 * HOUR, 100), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_modes),
		TEST(test_failing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
