/* SPDX-License-Identifier: BSD-2-Clause */
/* test_import.c - what happens to imported policies over time. */
#include "refresh_world.h"

static struct cache_entry an_entry(int64_t age_s, uint32_t max_age_s)
{
	static const char mx[] = "mx1.example.org";

	return (struct cache_entry){
		.policy = { .mode = POLICY_ENFORCE,
		            .max_age_s = max_age_s,
		            .mx_count = 1,
		            .mx = slice_of(mx, sizeof(mx)) },
		.id = "1",
		.fetched_s = world_wall_s - age_s,
		.used_s = world_wall_s,
	};
}

static enum outcome_import import(struct world *w, unsigned n,
                                  struct cache_entry *entry)
{
	struct domain domain = world_domain(n);
	enum outcome_import outcome;

	assert_int_equal(lookups_import(w->lookups, &domain, entry, &outcome),
	                 MTS_OK);
	return outcome;
}

/* All are refreshed within an hour, evenly spread over the minutes. */
static void test_refreshes_are_spread_out(void **state)
{
	enum { MANY = 1200 };
	struct world *w = *state;
	unsigned before = 0;

	for (unsigned i = 0; i < MANY; i++) {
		struct cache_entry entry = an_entry(DAY, 7 * DAY);

		assert_int_equal(import(w, i, &entry), OUTCOME_IMPORTED);
	}
	for (unsigned m = 0; m < 60; m += 10) {
		unsigned so_far = 0;

		world_pass(w, 10 * MINUTE);
		for (unsigned i = 0; i < MANY; i++)
			so_far += w->sites[i].fetches;
		assert_in_range(so_far - before, MANY / 6 - 80, MANY / 6 + 80);
		before = so_far;
	}
	assert_int_equal(before, MANY);
}

/* If it cannot be fetched, it expires when it would have without the import. */
static void test_import_does_not_extend_the_life(void **state)
{
	struct world *w = *state;
	struct cache_entry entry = an_entry(6 * DAY, 7 * DAY);

	w->sites[1].fetch = FETCH_CONNECT;
	assert_int_equal(import(w, 1, &entry), OUTCOME_IMPORTED);
	world_pass(w, DAY - 10);
	assert_true(world_get(w, 1, &entry));
	assert_true(entry.failures > 0);
	assert_int_equal(entry.fetched_s, START_S - 6 * DAY);
	world_pass(w, 20);
	assert_false(world_get(w, 1, &entry));
}

/* A fetch time in the future counts as one just as far in the past. */
static void test_fetch_in_the_future(void **state)
{
	static const struct {
		int64_t age_s;
		uint32_t max_age_s;
		enum outcome_import outcome;
		int64_t fetched_s; /* from now */
	} rows[] = {
		{ 0, DAY, OUTCOME_IMPORTED, 0 },
		{ DAY, DAY, OUTCOME_IMPORTED, -DAY },
		{ DAY + 1, DAY, OUTCOME_ENDED, 0 },
		{ -HOUR, DAY, OUTCOME_IMPORTED, -HOUR },
		{ -DAY, DAY, OUTCOME_IMPORTED, -DAY },
		{ -DAY - 1, DAY, OUTCOME_ENDED, 0 },
		{ 1, 0, OUTCOME_ENDED, 0 },
		/* The year 9999. */
		{ START_S - INT64_C(253402300799), 31557600, OUTCOME_ENDED, 0 },
	};
	struct world *w = *state;

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		struct cache_entry entry =
		    an_entry(rows[i].age_s, rows[i].max_age_s);

		assert_int_equal(import(w, i, &entry), rows[i].outcome);
		assert_int_equal(world_get(w, i, &entry),
		                 rows[i].outcome == OUTCOME_IMPORTED);
		if (rows[i].outcome == OUTCOME_IMPORTED)
			assert_int_equal(entry.fetched_s - world_wall_s,
			                 rows[i].fetched_s);
	}
}

/* A policy that was fetched later stays, with everything known about it. An expired
 * one is replaced. */
static void test_newer_policy_stays(void **state)
{
	struct world *w = *state;
	struct cache_entry entry = an_entry(100, DAY);
	struct cache_entry again;

	entry.dane_state = 1;
	entry.dane_learnt_s = START_S - 5;
	assert_int_equal(import(w, 1, &entry), OUTCOME_IMPORTED);
	again = an_entry(101, 30 * DAY);
	assert_int_equal(import(w, 1, &again), OUTCOME_OLDER);
	again = an_entry(100, 30 * DAY);
	assert_int_equal(import(w, 1, &again), OUTCOME_OLDER);
	assert_true(world_get(w, 1, &entry));
	assert_int_equal(entry.policy.max_age_s, DAY);
	again = an_entry(99, 30 * DAY);
	again.used_s = 0;
	assert_int_equal(import(w, 1, &again), OUTCOME_IMPORTED);
	assert_true(world_get(w, 1, &entry));
	assert_int_equal(entry.policy.max_age_s, 30 * DAY);
	assert_int_equal(entry.used_s, START_S);
	assert_int_equal(entry.dane_state, 1);
}

/* A policy that was not in use on the other host either is not refreshed. */
static void test_unused_policy_is_not_refreshed(void **state)
{
	struct world *w = *state;
	struct cache_entry entry = an_entry(DAY, 60 * DAY);

	entry.used_s = world_wall_s - 31 * DAY;
	assert_int_equal(import(w, 1, &entry), OUTCOME_IMPORTED);
	entry = an_entry(DAY, 60 * DAY);
	entry.used_s = 0;
	assert_int_equal(import(w, 2, &entry), OUTCOME_IMPORTED);
	world_pass(w, 2 * DAY);
	assert_int_equal(w->sites[1].fetches + w->sites[2].fetches, 0);
	assert_true(world_ask(w, 1));
	world_pass(w, MINUTE);
	assert_int_equal(w->sites[1].fetches, 1);
}

/* Its text is not known, so no change is logged. */
static void test_unknown_text_is_not_a_change(void **state)
{
	struct world *w = *state;
	struct cache_entry entry = an_entry(DAY, 7 * DAY);

	entry.id[0] = 'a';
	entry.id[1] = '1'; /* as the record has it */
	assert_int_equal(import(w, 1, &entry), OUTCOME_IMPORTED);
	world_pass(w, HOUR);
	assert_int_equal(w->sites[1].fetches, 1);
	assert_int_equal(world_logged(w, "policy_"), 0);
	/* From then on it is known. */
	w->sites[1].text = "version: STSv1\nmode: enforce\n";
	world_pass(w, DAY + 1);
	assert_int_equal(world_logged(w, "policy_text_changed"), 1);
}

/* The first hit starts an id check, as there has been none for a while. */
static void test_first_hit_checks_the_id(void **state)
{
	struct world *w = *state;
	struct cache_entry entry = an_entry(HOUR, 7 * DAY);

	assert_int_equal(import(w, 1, &entry), OUTCOME_IMPORTED);
	assert_true(world_ask(w, 1));
	world_settle(w);
	assert_int_equal(w->sites[1].discoveries, 1);
}

#define ROW(test)                                                              \
	cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ROW(test_refreshes_are_spread_out),
		ROW(test_import_does_not_extend_the_life),
		ROW(test_fetch_in_the_future),
		ROW(test_newer_policy_stays),
		ROW(test_unused_policy_is_not_refreshed),
		ROW(test_unknown_text_is_not_a_change),
		ROW(test_first_hit_checks_the_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
