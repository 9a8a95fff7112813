/* SPDX-License-Identifier: BSD-2-Clause */
/* test_dane_table.c - how long what is known of DANE answers, on disk and in
 * memory, when a new check is started, and how many hops fit into memory. */
#include "ask_world.h"

#include "alloc.h"
#include "save.h"

/* -- how long -------------------------------------------------------------- */

static void test_one_check_for_all(void **state)
{
	struct fixture *f = *state;

	have_no_policy(f);
	for (int i = 0; i < 10; i++)
		assert_says(f, "postfix example.org", WAIT);
	assert_int_equal(fake_dane.started, 1);
	fake_dane_finish(DANE_NONE, 300);
	assert_int_equal(f->called, 10);
	assert_string_equal(f->text, "NOTFOUND ");
}

/* After its TTL a state still answers while a new check runs in the background. */
static void check_ttl(struct fixture *f, const char *none)
{
	assert_says(f, "postfix example.org", WAIT);
	fake_dane_finish(DANE_NONE, 300);
	pass(300);
	assert_says(f, "postfix example.org", none);
	assert_int_equal(fake_dane.started, 1);
	pass(1);
	assert_says(f, "postfix example.org", none);
	assert_says(f, "postfix example.org", none);
	assert_int_equal(fake_dane.started, 2);
	/* "a DANE change is seen within its TTL" */
	fake_dane_finish(DANE_ALL, 300);
	assert_says(f, "postfix example.org", "OK dane-only");
	/* But for at most an hour. */
	pass(300 + HOUR_S);
	assert_says(f, "postfix example.org", "OK dane-only");
	assert_int_equal(fake_dane.started, 3);
	fake_dane_finish(DANE_ALL, 300);
	pass(301 + HOUR_S);
	assert_says(f, "postfix example.org", WAIT);
	assert_int_equal(fake_dane.started, 4);
	f->called = 0;
	fake_dane_finish(DANE_NONE, 300);
	assert_int_equal(f->called, 1);
	assert_string_equal(f->text, none);
}

static void test_ttl_on_disk(void **state)
{
	struct fixture *f = *state;

	have_policy(f, POLICY_ENFORCE);
	check_ttl(f, SECURE);
	assert_int_equal(record(f).dane_state, DANE_NONE);
	assert_int_equal(record(f).dane_ttl_s, 300);
	assert_int_equal(record(f).dane_learnt_s, wall_s);
	assert_int_equal(dane_table_count(f->dane_table), 0);
}

static void test_ttl_in_memory(void **state)
{
	struct fixture *f = *state;

	have_no_policy(f);
	check_ttl(f, "NOTFOUND ");
	assert_int_equal(dane_table_count(f->dane_table), 1);
}

/* A failed check is not repeated at once, and does not replace a state that still
 * answers. */
static void check_failure(struct fixture *f)
{
	assert_says(f, "postfix example.org", WAIT);
	fake_dane_finish(DANE_ALL, 300);
	pass(301);
	assert_says(f, "postfix example.org", "OK dane-only");
	fake_dane_finish(DANE_UNKNOWABLE, 60);
	pass(59);
	assert_says(f, "postfix example.org", "OK dane-only");
	assert_int_equal(fake_dane.started, 2);
	pass(1);
	assert_says(f, "postfix example.org", "OK dane-only");
	assert_int_equal(fake_dane.started, 3);
	fake_dane_finish(DANE_UNKNOWABLE, 60);
	pass(HOUR_S);
	assert_says(f, "postfix example.org", WAIT);
	fake_dane_finish(DANE_UNKNOWABLE, 60);
	assert_memory_equal(f->text, "TEMP ", 5);
	pass(59);
	assert_memory_equal(say(f, "postfix example.org"), "TEMP ", 5);
	assert_int_equal(fake_dane.started, 4);
	pass(1);
	assert_says(f, "postfix example.org", WAIT);
	fake_dane_finish(DANE_ALL, 300);
	assert_string_equal(f->text, "OK dane-only");
}

static void test_failure_on_disk(void **state)
{
	struct fixture *f = *state;

	have_policy(f, POLICY_ENFORCE);
	check_failure(f);
}

static void test_failure_in_memory(void **state)
{
	struct fixture *f = *state;

	have_no_policy(f);
	check_failure(f);
}

/* A TTL of a second would mean a check a second. */
static void test_ttl_is_bounded(void **state)
{
	struct fixture *f = *state;

	have_no_policy(f);
	assert_says(f, "postfix example.org", WAIT);
	fake_dane_finish(DANE_NONE, 0);
	pass(30);
	assert_says(f, "postfix example.org", "NOTFOUND ");
	assert_int_equal(fake_dane.started, 1);
	pass(1);
	assert_says(f, "postfix example.org", "NOTFOUND ");
	fake_dane_finish(DANE_NONE, UINT32_MAX);
	pass(DAY_S + 1);
	assert_says(f, "postfix example.org", "NOTFOUND ");
	assert_int_equal(fake_dane.started, 3);
}

/* A busy domain with a tiny TTL: an unchanged state is not written each time. */
static void test_same_state_is_not_written_at_once(void **state)
{
	struct fixture *f = *state;
	int64_t learnt_s;

	have_policy(f, POLICY_ENFORCE);
	assert_says(f, "postfix example.org", WAIT);
	fake_dane_finish(DANE_NONE, 1);
	learnt_s = record(f).dane_learnt_s;
	pass(31);
	assert_says(f, "postfix example.org", SECURE);
	fake_dane_finish(DANE_NONE, 1);
	assert_int_equal(record(f).dane_learnt_s, learnt_s);
	pass(30);
	assert_says(f, "postfix example.org", SECURE); /* from memory, fresh */
	assert_int_equal(fake_dane.started, 2);
	pass(1);
	assert_says(f, "postfix example.org", SECURE);
	fake_dane_finish(DANE_NONE, 1);
	assert_int_equal(record(f).dane_learnt_s, learnt_s + 62);
	/* A changed state is. */
	pass(31);
	assert_says(f, "postfix example.org", SECURE);
	fake_dane_finish(DANE_ALL, 1);
	assert_int_equal(record(f).dane_learnt_s, learnt_s + 93);
	assert_says(f, "postfix example.org", "OK dane-only");
}

/* A changed TTL is written at once: it says how long the state answers. */
static void test_changed_ttl_is_written(void **state)
{
	struct fixture *f = *state;

	have_policy(f, POLICY_ENFORCE);
	assert_says(f, "postfix example.org", WAIT);
	fake_dane_finish(DANE_NONE, 30);
	pass(31);
	assert_says(f, "postfix example.org", SECURE);
	fake_dane_finish(DANE_NONE, 300);
	assert_int_equal(record(f).dane_ttl_s, 300);
	assert_int_equal(record(f).dane_learnt_s, wall_s);
}

/* -- on disk and in memory ------------------------------------------------- */

/* A state that is written beside a policy is removed from memory. */
static void test_state_moves_to_disk(void **state)
{
	struct fixture *f = *state;

	have_no_policy(f);
	assert_says(f, "postfix example.org", WAIT);
	fake_dane_finish(DANE_ALL, 300);
	assert_int_equal(dane_table_count(f->dane_table), 1);
	have_policy(f, POLICY_ENFORCE);
	assert_says(f, "postfix example.org", "OK dane-only");
	pass(301);
	assert_says(f, "postfix example.org", "OK dane-only");
	fake_dane_finish(DANE_NONE, 300);
	assert_int_equal(dane_table_count(f->dane_table), 0);
	assert_says(f, "postfix example.org", SECURE);
}

/* Puts a state on disk that was learnt AHEAD_S seconds from now. */
static void have_state(struct fixture *f, unsigned state, int64_t ahead_s)
{
	struct domain domain = domain_of("example.org");
	struct cache_entry entry = record(f);

	entry.dane_state = (uint8_t)state;
	entry.dane_ttl_s = 300;
	entry.dane_learnt_s = wall_s + ahead_s;
	assert_int_equal(cache_put(f->cache, &domain, &entry), MTS_OK);
}

/* If disk and memory both have a state past its TTL, the younger one answers. */
static void test_younger_state_answers(void **state)
{
	struct domain_hop hop = { .domain = domain_of("example.org"),
		                  .port = 25 };
	struct dane_result all = { .state = DANE_ALL,
		                   .ttl_s = 300,
		                   .reason = "" };
	struct fixture *f = *state;

	dane_table_put(f->dane_table, &hop, &all);
	assert_int_equal(dane_table_count(f->dane_table), 1);
	pass(2000);
	have_policy(f, POLICY_ENFORCE);
	have_state(f, DANE_NONE, -1000);
	assert_says(f, "postfix example.org", SECURE);
	have_state(f, DANE_NONE, -3000);
	assert_says(f, "postfix example.org", "OK dane-only");
}

/* Nothing is written beside an expired policy. */
static void test_nothing_is_written_beside_an_expired_policy(void **state)
{
	struct fixture *f = *state;

	have_policy(f, POLICY_ENFORCE);
	assert_says(f, "postfix example.org", WAIT);
	pass(30 * DAY_S + 1);
	fake_dane_finish(DANE_ALL, 300);
	assert_int_equal(record(f).dane_state, DANE_NOT_KNOWN);
	assert_int_equal(dane_table_count(f->dane_table), 1);
}

/* -- clocks ---------------------------------------------------------------- */

/* The wall clock may jump in either direction: no state is lost at once, and none
 * lives forever. */
static void check_jump(struct fixture *f, int64_t jump_s, bool on_disk)
{
	struct domain_hop hop = { .domain = domain_of("example.org"),
		                  .port = 25 };
	int started = fake_dane.started;

	if (on_disk)
		have_policy(f, POLICY_ENFORCE);
	else
		have_no_policy(f);
	assert_says(f, "postfix example.org", WAIT);
	fake_dane_finish(DANE_ALL, 300);
	assert_int_equal(dane_table_count(f->dane_table), on_disk ? 0 : 1);
	wall_s += jump_s;
	assert_says(f, "postfix example.org", "OK dane-only");
	assert_int_equal(fake_dane.started, started + 1);
	pass(2 * HOUR_S); /* which undoes a part of the jump */
	assert_says(f, "postfix example.org", WAIT);
	fake_dane_finish(DANE_ALL, 300);
	(void)dane_table_remove(f->dane_table, &hop);
}

static void test_clock_may_jump(void **state)
{
	struct fixture *f = *state;

	check_jump(f, 5 * HOUR_S, true);
	check_jump(f, -5 * HOUR_S, true);
	assert_int_equal(cache_remove_all(f->cache, NULL), MTS_OK);
	check_jump(f, 400 * (int64_t)DAY_S, false);
	check_jump(f, -400 * (int64_t)DAY_S, false);
}

/* An earlier process, whose clock was ahead, has left the state on disk. */
static void test_state_from_the_future(void **state)
{
	struct fixture *f = *state;

	have_policy(f, POLICY_ENFORCE);
	have_state(f, DANE_ALL, 100 * DAY_S);
	assert_says(f, "postfix example.org", WAIT);
	fake_dane_finish(DANE_NONE, 300);
	/* A small difference does no harm. */
	have_state(f, DANE_ALL, 100);
	assert_says(f, "postfix example.org", "OK dane-only");
	/* An unknown number counts as no state. */
	have_state(f, 200, 0);
	assert_says(f, "postfix example.org", WAIT);
}

/* A hit on a policy that is not on disk yet waits for the disk, not for DNS: the
 * state beside the policy counts. A caller that can't wait gets it from memory. */
static void test_hit_waits_for_the_disk_only(void **state)
{
	struct domain domain = domain_of("example.org");
	struct fixture *f = *state;
	struct cache_entry entry;
	struct ask_result tried;

	have_policy(f, POLICY_ENFORCE);
	assert_int_equal(cache_get(f->cache, &domain, &entry), MTS_OK);
	entry.dane_state = DANE_NONE;
	entry.dane_learnt_s = wall_s;
	entry.dane_ttl_s = 300;
	assert_int_equal(cache_put(f->cache, &domain, &entry), MTS_OK);
	assert_false(cache_is_saved(f->cache, &domain));
	assert_int_equal(reply_understand(f->maps,
	                                  slice_str("postfix example.org"),
	                                  &f->question, &f->out),
	                 MTS_OK);
	assert_int_equal(ask_try(f->ask, &f->question.ask, &tried), MTS_EMORE);
	write_answer(f, &tried);
	assert_string_equal(f->text, SECURE);
	assert_int_equal(ask_wait(f->ask, &f->question.ask, &tried, on_answer,
	                          f, &f->waiter),
	                 MTS_OK);
	save_to_disk(&f->loop, f->cache, &domain);
	assert_int_equal(f->called, 1);
	assert_string_equal(f->text, SECURE);
	assert_int_equal(fake_dane.started, 0);
}

/* -- the table in memory --------------------------------------------------- */

static struct domain_hop hop_of(const char *key)
{
	struct domain_hop hop;

	assert_int_equal(domain_hop_from_key(key, strlen(key), &hop, NULL),
	                 MTS_OK);
	return hop;
}

static struct dane_table *new_table(struct fixture *f, size_t max)
{
	return dane_table_new(&f->smooth_clock.clock, f->cache, max);
}

static void put(struct dane_table *table, const char *key,
                enum dane_state state, const char *reason)
{
	struct domain_hop hop = hop_of(key);
	struct dane_result result = { .state = state,
		                      .ttl_s = 300,
		                      .reason = reason };

	dane_table_put(table, &hop, &result);
}

static struct dane_known get(struct dane_table *table, const char *key)
{
	struct domain_hop hop = hop_of(key);
	struct dane_known known;

	(void)dane_table_get(table, &hop, NULL, &known);
	return known;
}

static void test_known_until_it_is_removed(void **state)
{
	struct fixture *f = *state;
	struct dane_table *table = new_table(f, 10);
	struct domain_hop hop = hop_of("example.org");

	assert_int_equal(get(table, "example.org").state, DANE_NOT_KNOWN);
	put(table, "example.org", DANE_UNKNOWABLE, "bogus");
	assert_int_equal(get(table, "example.org").state, DANE_UNKNOWABLE);
	assert_int_equal(get(table, "example.org").ttl_s, 300);
	assert_string_equal(get(table, "example.org").reason, "bogus");
	put(table, "example.org", DANE_SOME, "");
	pass(7);
	assert_int_equal(get(table, "example.org").state, DANE_SOME);
	assert_int_equal(get(table, "example.org").age_s, 7);
	assert_string_equal(get(table, "example.org").reason, "");
	assert_int_equal(dane_table_count(table), 1);
	assert_true(dane_table_remove(table, &hop));
	assert_false(dane_table_remove(table, &hop));
	assert_int_equal(get(table, "example.org").state, DANE_NOT_KNOWN);
	assert_int_equal(dane_table_count(table), 0);
	dane_table_free(&table);
	assert_null(table);
	dane_table_free(&table);
}

/* Each way to reach the domain has a state of its own. */
static void test_hops_are_told_apart(void **state)
{
	static const char *const keys[] = {
		"example.org",       "[example.org]",   "example.org:587",
		"[example.org]:587", "example.org:281", /* 0x0119: one byte
		                                         * differs from 25 */
		"example.or"
	};
	struct fixture *f = *state;
	struct dane_table *table = new_table(f, 10);

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		assert_int_equal(get(table, keys[i]).state, DANE_NOT_KNOWN);
		put(table, keys[i], DANE_NONE, "");
		assert_int_equal(get(table, keys[i]).state, DANE_NONE);
	}
	assert_int_equal(dane_table_count(table), ARRAY_LEN(keys));
	dane_table_free(&table);
}

/* A full table evicts the hop that was used least recently. */
static void test_full_table_evicts(void **state)
{
	struct fixture *f = *state;
	struct dane_table *table = new_table(f, 3);

	put(table, "d0.example", DANE_NONE, "");
	put(table, "d1.example", DANE_NONE, "");
	put(table, "d2.example", DANE_NONE, "");
	assert_int_equal(get(table, "d0.example").state, DANE_NONE); /* used */
	put(table, "d3.example", DANE_NONE, "");
	assert_int_equal(dane_table_count(table), 3);
	assert_int_equal(get(table, "d0.example").state, DANE_NONE);
	assert_int_equal(get(table, "d1.example").state, DANE_NOT_KNOWN);
	put(table, "d2.example", DANE_ALL, ""); /* was in it: evicts none */
	assert_int_equal(dane_table_count(table), 3);
	assert_int_equal(get(table, "d0.example").state, DANE_NONE);
	assert_int_equal(get(table, "d3.example").state, DANE_NONE);
	dane_table_remove_all(table);
	assert_int_equal(dane_table_count(table), 0);
	put(table, "d4.example", DANE_NONE, "");
	assert_int_equal(get(table, "d4.example").state, DANE_NONE);
	dane_table_free(&table);
}

static void test_long_reason_is_cut(void **state)
{
	struct fixture *f = *state;
	struct dane_table *table = new_table(f, 3);
	char reason[300];

	memset(reason, 'x', sizeof(reason));
	reason[sizeof(reason) - 1] = '\0';
	put(table, "example.org", DANE_UNKNOWABLE, reason);
	assert_int_equal(strlen(get(table, "example.org").reason), 100);
	dane_table_free(&table);
}

/* Without memory what was known still is. */
static void test_without_memory(void **state)
{
	struct fixture *f = *state;
	struct dane_table *table = NULL;
	size_t n;

	for (n = 0; !table; n++) {
		alloc_fail_at(n + 1);
		table = new_table(f, 3);
	}
	alloc_fail_at(0);
	assert_true(n > 2);
	put(table, "[example.org]", DANE_NONE, "");
	alloc_fail_at(1);
	put(table, "[example.org]", DANE_ALL, "");
	alloc_fail_at(0);
	assert_int_equal(get(table, "[example.org]").state, DANE_NONE);
	dane_table_free(&table);
}

int main(void)
{
#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, ask_setup, ask_teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_one_check_for_all),
		TEST(test_ttl_on_disk),
		TEST(test_ttl_in_memory),
		TEST(test_failure_on_disk),
		TEST(test_failure_in_memory),
		TEST(test_ttl_is_bounded),
		TEST(test_same_state_is_not_written_at_once),
		TEST(test_changed_ttl_is_written),
		TEST(test_state_moves_to_disk),
		TEST(test_younger_state_answers),
		TEST(test_nothing_is_written_beside_an_expired_policy),
		TEST(test_clock_may_jump),
		TEST(test_state_from_the_future),
		TEST(test_hit_waits_for_the_disk_only),
		TEST(test_known_until_it_is_removed),
		TEST(test_hops_are_told_apart),
		TEST(test_full_table_evicts),
		TEST(test_long_reason_is_cut),
		TEST(test_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
