/* SPDX-License-Identifier: BSD-2-Clause */
/* test_evict.c - a full cache: what is evicted, and what never fails. */
#include "tests.h"

#include "cache/cache_internal.h"
#include "cachebox.h"

enum {
	NOW_S = 1600000000, /* as cachebox.c has it */
	MIB = 1 << 20,
};

static int setup(void **state)
{
	struct cachebox *box = test_malloc(sizeof(*box));

	box_make(box);
	box->max_size = MIB;
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

/* -- the order ------------------------------------------------------------- */

static const struct {
	enum policy_mode mode;
	int64_t end_s;  /* from now */
	int64_t used_s; /* from now */
	unsigned rank;  /* in the order of eviction */
} rows[] = {
	/* First the expired ones, whatever their mode, in the order of their
	 * ends. */
	{ POLICY_ENFORCE, -10, -5, 1 },
	{ POLICY_NONE, -30, -1, 0 },
	{ POLICY_TESTING, 0, -900, 2 }, /* its last second has passed */
	/* Then those that protect no mail: none, then testing, by last use. */
	{ POLICY_NONE, 500, -100, 3 },
	{ POLICY_TESTING, 10, -50, 5 },
	{ POLICY_TESTING, 9000, -200, 4 },
	/* Then those that do. */
	{ POLICY_ENFORCE, 1, -40, 8 },
	{ POLICY_ENFORCE, 70000, -90000, 6 },
	{ POLICY_ENFORCE, 90000, -60, 7 },
};

static void put_row(struct cachebox *box, unsigned n)
{
	struct domain domain = box_domain(n);
	struct cache_entry entry = box_entry(n);

	entry.policy.mode = rows[n].mode;
	entry.policy.max_age_s = 100000;
	entry.fetched_s = NOW_S + rows[n].end_s - 100000;
	entry.used_s = NOW_S + rows[n].used_s;
	assert_int_equal(cache_put(box->cache, &domain, &entry), MTS_OK);
}

static void evict(struct cachebox *box, size_t count, struct evicted *ret)
{
	MDB_txn *txn;

	assert_int_equal(store_begin(box->cache->store, &txn), 0);
	assert_int_equal(tables_evict(store_tables(box->cache->store), txn,
	                              NOW_S, count, ret),
	                 0);
	assert_int_equal(mdb_txn_commit(txn), 0);
	box_run(box, 1);
}

static void test_order(void **state)
{
	struct cachebox *box = *state;
	struct evicted evicted = { 0 };

	for (unsigned n = 0; n < ARRAY_LEN(rows); n++)
		put_row(box, n);
	box_sync(box);
	for (unsigned gone = 1; gone <= ARRAY_LEN(rows); gone++) {
		evict(box, 1, &evicted);
		for (unsigned n = 0; n < ARRAY_LEN(rows); n++)
			assert_int_equal(box_get(box, n),
			                 rows[n].rank < gone ? -1 : (int)n);
	}
	assert_int_equal(evicted.expired, 3);
	assert_int_equal(evicted.weak, 3);
	assert_int_equal(evicted.live, 3);
	evict(box, 1, &evicted);
	assert_int_equal(evicted.live, 3);
}

/* A put moves an entry to its new rank. */
static void test_order_follows_puts(void **state)
{
	struct cachebox *box = *state;
	struct evicted evicted = { 0 };
	struct domain domain = box_domain(1);
	struct cache_entry entry = box_entry(1);

	entry.policy.mode = POLICY_TESTING;
	assert_int_equal(cache_put(box->cache, &domain, &entry), MTS_OK);
	entry.used_s -= 1000;
	domain = box_domain(2);
	assert_int_equal(cache_put(box->cache, &domain, &entry), MTS_OK);
	box_sync(box);
	entry.used_s += 2000;
	assert_int_equal(cache_put(box->cache, &domain, &entry), MTS_OK);
	box_sync(box);
	evict(box, 1, &evicted);
	assert_int_equal(box_get(box, 1), -1);
	assert_int_equal(box_get(box, 2), 1);
	domain = box_domain(2);
	assert_int_equal(cache_remove(box->cache, &domain), MTS_OK);
	box_sync(box);
	evict(box, 10, &evicted);
	assert_int_equal(evicted.weak, 1);
}

/* -- in use ---------------------------------------------------------------- */

/* Names in no order, as in real use. */
static unsigned scatter(unsigned n)
{
	return (n * 7919u) % 1000003u;
}

static void test_full(void **state)
{
	struct cachebox *box = *state;
	struct cache_stats stats;

	for (unsigned n = 0; n < 8000; n++) {
		assert_int_equal(box_put(box, scatter(n), n), MTS_OK);
		/* At once, and in the end. */
		assert_int_equal(box_get(box, scatter(n)), n);
		if (n % 400 == 399) {
			box_sync(box);
			assert_int_equal(box_get(box, scatter(n)), n);
		}
	}
	stats = box_stats(box);
	assert_int_equal(stats.write_errors, 0);
	assert_true(stats.writable);
	assert_true(stats.bytes_used <= stats.bytes_max);
	/* All are live, so live ones were evicted, but no more than needed. */
	assert_int_equal(stats.evicted_live + stats.policies, 8000);
	assert_int_equal(stats.evicted_weak + stats.evicted_expired, 0);
	assert_true(stats.policies > 500);
	/* It is as full after a restart. */
	box_close(box);
	box_open(box);
	assert_int_equal(box_stats(box).policies, stats.policies);
}

/* Live enforce policies stay as long as there is anything else to evict. */
static void test_live_stay(void **state)
{
	struct cachebox *box = *state;

	for (unsigned n = 0; n < 300; n++)
		assert_int_equal(box_put(box, scatter(n), n), MTS_OK);
	box_sync(box);
	for (unsigned n = 300; n < 5000; n++) {
		struct domain domain = box_domain(scatter(n));
		struct cache_entry entry = box_entry(n);

		if (n % 3 == 0)
			entry.policy.mode = POLICY_TESTING;
		else
			entry.fetched_s -= 86400;
		entry.used_s += n;
		assert_int_equal(cache_put(box->cache, &domain, &entry),
		                 MTS_OK);
		if (n % 200 == 0)
			box_sync(box);
	}
	box_sync(box);
	assert_int_equal(box_stats(box).evicted_live, 0);
	assert_true(box_stats(box).evicted_expired > 500);
	assert_true(box_stats(box).evicted_weak > 50);
	for (unsigned n = 0; n < 300; n++)
		assert_int_equal(box_get(box, scatter(n)), n);
}

/* The longest policies in the smallest cache. */
static void test_long_policies(void **state)
{
	struct cachebox *box = *state;
	static char text[POLICY_MAX];
	unsigned kept = 0;

	memset(text, 'x', sizeof(text) - 1);
	for (unsigned n = 0; n < 30; n++) {
		struct domain domain = box_domain(n);
		struct cache_entry entry = box_entry(n);

		entry.policy.mx = slice_of(text, sizeof(text));
		entry.policy.mx_count = 1;
		assert_int_equal(cache_put(box->cache, &domain, &entry),
		                 MTS_OK);
		assert_int_equal(box_get(box, n), n);
		if (n % 10 == 9)
			box_sync(box);
	}
	box_sync(box);
	assert_int_equal(box_stats(box).write_errors, 0);
	for (unsigned n = 0; n < 30; n++)
		kept += box_get(box, n) == n;
	assert_in_range(kept, 3, 12);
}

/* Hits write too, and must not evict anything. */
static void test_touches_evict_nothing(void **state)
{
	struct cachebox *box = *state;
	uint64_t policies;

	for (unsigned n = 0; n < 6000; n++) {
		assert_int_equal(box_put(box, n, n), MTS_OK);
		if (n % 200 == 0)
			box_sync(box);
	}
	box_sync(box);
	policies = box_stats(box).policies;
	box->now_s += 7200;
	for (unsigned n = 5800; n < 6000; n++) {
		struct domain domain = box_domain(n);
		struct cache_entry entry;

		assert_int_equal(cache_get(box->cache, &domain, &entry),
		                 MTS_OK);
		assert_true(cache_touch(box->cache, &domain, &entry));
	}
	box_sync(box);
	assert_true(box_stats(box).policies > policies - policies / 10);
}

static void test_lowered_limit(void **state)
{
	struct cachebox *box = *state;
	struct cache_stats stats;

	box_close(box);
	box->max_size = 8 * MIB;
	box_open(box);
	for (unsigned n = 0; n < 7000; n++)
		assert_int_equal(box_put(box, scatter(n), n), MTS_OK);
	box_sync(box);
	assert_int_equal(box_stats(box).evicted_live, 0);
	assert_true(box_stats(box).bytes_used > MIB + MIB / 2);
	box_close(box);
	box->max_size = MIB;
	box_open(box);
	/* It shrinks without any put. */
	for (int i = 0; i < 1000 && box_stats(box).bytes_used > MIB; i++)
		box_run(box, 5);
	box_run(box, 50);
	stats = box_stats(box);
	/* Evictions are counted once the loop has the batch's result. */
	for (int i = 0; i < 1000 && stats.evicted_live + stats.policies != 7000;
	     i++) {
		box_run(box, 5);
		stats = box_stats(box);
	}
	assert_true(stats.bytes_used <= MIB);
	assert_int_equal(stats.bytes_max, MIB);
	assert_true(stats.policies > 300);
	assert_int_equal(stats.evicted_live, 7000 - stats.policies);
	assert_int_equal(box_put(box, 5, 5), MTS_OK);
	box_sync(box);
	assert_int_equal(box_stats(box).write_errors, 0);
	assert_int_equal(box_get(box, 5), 5);
}

/* Keys without a record, which damage may leave behind, are harmless. */
static void test_stray_keys(void **state)
{
	struct cachebox *box = *state;
	struct evicted evicted = { 0 };
	struct domain domain = box_domain(1);
	MDB_val key = { domain.len, domain.name };
	MDB_txn *txn;

	assert_int_equal(box_put(box, 1, 1), MTS_OK);
	assert_int_equal(box_put(box, 2, 2), MTS_OK);
	box_sync(box);
	assert_int_equal(store_begin(box->cache->store, &txn), 0);
	assert_int_equal(
	    mdb_del(txn, store_tables(box->cache->store)->by[STORE_BY_NAME],
	            &key, NULL),
	    0);
	assert_int_equal(mdb_txn_commit(txn), 0);
	evict(box, 1, &evicted);
	assert_int_equal(evicted.live, 1);
	assert_int_equal(box_get(box, 2), -1);
	assert_int_equal(box_stats(box).policies, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_order),         TEST(test_order_follows_puts),
		TEST(test_full),          TEST(test_live_stay),
		TEST(test_long_policies), TEST(test_touches_evict_nothing),
		TEST(test_lowered_limit), TEST(test_stray_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
