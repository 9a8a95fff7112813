/* SPDX-License-Identifier: BSD-2-Clause */
/* test_refresher.c - when a policy is refreshed, what that changes, and how many
 * are refreshed at once. */
#include "refresh_world.h"
#include "save.h"

/* Storing a policy fails with MTS_EFULL while this is set. */
static bool is_full;

int __real_cache_put(struct cache *cache, const struct domain *domain,
                     const struct cache_entry *entry);
int __wrap_cache_put(struct cache *cache, const struct domain *domain,
                     const struct cache_entry *entry);

int __wrap_cache_put(struct cache *cache, const struct domain *domain,
                     const struct cache_entry *entry)
{
	return is_full ? MTS_EFULL : __real_cache_put(cache, domain, entry);
}

/* -- when ------------------------------------------------------------------ */

/* 3.3: "a suggested refresh frequency is once per day"; 10.2: "regardless of
 * the state of the TXT record", and whether or not anybody asks. */
static void test_refresh_once_a_day(void **state)
{
	struct world *w = *state;
	struct cache_entry entry;

	assert_true(world_ask(w, 1));
	world_pass(w, 20 * DAY);
	assert_true(w->sites[1].fetches >= 20);
	assert_true(w->sites[1].fetches <= 23);
	assert_true(w->sites[1].despite);
	/* It slept in between. */
	assert_true(w->wakes <= 24 + 3);
	assert_true(world_get(w, 1, &entry));
	assert_true(entry.fetched_s > world_wall_s - DAY);
	/* A refresh does not count as use. */
	assert_int_equal(entry.used_s, START_S);
}

static void test_refresh_after_half_of_max_age(void **state)
{
	struct world *w = *state;

	w->sites[1].max_age_s = 2 * HOUR;
	assert_true(world_ask(w, 1));
	world_pass(w, DAY);
	assert_true(w->sites[1].fetches >= 24);
	assert_true(w->sites[1].fetches <= 28);
}

/* Policies that were fetched in the same second are refreshed at different
 * times. */
static void test_refreshes_are_spread_out(void **state)
{
	enum { MANY = 1000 };
	struct world *w = *state;
	unsigned early = 0, soon = 0;

	for (unsigned i = 0; i < MANY; i++)
		assert_true(world_ask(w, i));
	world_pass(w, DAY - DAY / 10 - 60);
	for (unsigned i = 0; i < MANY; i++)
		early += w->sites[i].fetches - 1;
	assert_int_equal(early, 0);
	world_pass(w, DAY / 20 + 60);
	for (unsigned i = 0; i < MANY; i++)
		soon += w->sites[i].fetches - 1;
	/* Half of them are due by then. */
	assert_in_range(soon, MANY / 2 - 100, MANY / 2 + 100);
	world_pass(w, DAY / 20 + 60);
	for (unsigned i = 0; i < MANY; i++)
		assert_true(w->sites[i].fetches >= 2);
}

/* The timer does not run while nothing is due. */
static void test_timer_is_idle_while_nothing_is_due(void **state)
{
	struct world *w = *state;

	world_pass(w, 30 * DAY);
	assert_int_equal(w->wakes, 1);
	assert_true(world_ask(w, 1));
	world_pass(w, DAY * 9 / 10 - 10);
	assert_int_equal(w->wakes, 1);
}

/* -- what a refresh changes ------------------------------------------------ */

static void test_fetched_policy_replaces_the_old_one(void **state)
{
	struct world *w = *state;
	struct cache_entry entry;

	assert_true(world_ask(w, 1));
	/* The same id, another text. */
	w->sites[1].text = "version: STSv1\nmode: none\n";
	w->sites[1].mode = POLICY_NONE;
	w->sites[1].max_age_s = 2 * HOUR;
	world_pass(w, DAY + 1);
	assert_true(world_get(w, 1, &entry));
	assert_int_equal(entry.policy.mode, POLICY_NONE);
	assert_int_equal(entry.policy.max_age_s, 2 * HOUR);
	assert_string_equal(entry.id, "a1");
	assert_int_equal(world_logged(w, "policy_text_changed domain=d1."), 1);
	assert_int_equal(world_logged(w, "warning: policy_text_changed"), 1);
	/* A new id as well: the line names the modes. */
	w->sites[1].id = "b2";
	w->sites[1].mode = POLICY_ENFORCE;
	world_pass(w, 2 * HOUR);
	assert_true(world_get(w, 1, &entry));
	assert_string_equal(entry.id, "b2");
	assert_int_equal(world_logged(w, "info: policy_mode_changed"), 1);
	assert_int_equal(world_logged(w, "policy_text_changed"), 1);
	w->sites[1].id = "c3";
	world_pass(w, 2 * HOUR);
	assert_int_equal(world_logged(w, "info: policy_id_changed domain=d1."),
	                 1);
	/* A warning if the policy is no longer enforced. */
	w->sites[1].id = "d4";
	w->sites[1].mode = POLICY_TESTING;
	world_pass(w, 2 * HOUR);
	assert_int_equal(world_logged(w, "warning: policy_mode_changed"), 1);
}

/* 10.2: an attacker who suppresses the record can't make the policy expire. */
static void test_record_does_not_stop_a_refresh(void **state)
{
	static const enum discover_outcome rows[] = {
		DISCOVER_NO_RECORD,
		DISCOVER_BAD_RECORD, /* or several of them */
		DISCOVER_DNS_FAILED,
	};
	struct world *w = *state;
	struct cache_entry entry;

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		assert_true(world_ask(w, i));
		w->sites[i].record = rows[i];
	}
	world_pass(w, 20 * DAY);
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		assert_true(w->sites[i].fetches >= 20);
		assert_true(world_get(w, i, &entry));
		assert_true(entry.fetched_s > world_wall_s - DAY);
		/* This did not count as an id check. */
		assert_string_equal(entry.id, "a1");
		assert_int_equal(entry.checked_s, START_S);
		assert_int_equal(entry.record_ttl_s, 300);
		assert_int_equal(entry.failures, 0);
		assert_true(world_ask(w, i));
	}
	assert_int_equal(world_logged(w, "warning"), 0);
}

/* But a domain without a policy gets none: 3.1, "skip the remaining steps". */
static void test_record_decides_without_a_policy(void **state)
{
	struct world *w = *state;
	struct cache_entry entry;

	w->sites[1].max_age_s = HOUR;
	assert_true(world_ask(w, 1));
	w->sites[1].record = DISCOVER_NO_RECORD;
	w->hang = true;
	world_pass(w, HOUR + 10); /* it expires during the refresh */
	assert_int_equal(w->running, 1);
	w->hang = false;
	world_settle(w);
	assert_false(world_ask(w, 1));
	world_pass(w, 10);
	assert_false(world_get(w, 1, &entry));
}

/* -- how many at once ------------------------------------------------------ */

/* After days without power everything is due at once. */
static void test_overdue_policies_at_start(void **state)
{
	enum { MANY = 1000 };
	struct world *w = *state;
	int64_t due_s[MANY];
	struct cache_entry entry;

	for (unsigned i = 0; i < MANY; i++) {
		assert_true(world_ask(w, i));
		assert_true(world_get(w, i, &entry));
		due_s[i] = entry.next_refresh_s;
	}
	world_wall_s += 2 * DAY;
	world_restart(w);
	w->order_count = 0;
	w->running_max = 0;
	world_pass(w, 20);
	/* Some are refreshed, not all at once, in the order of their due times. */
	assert_true(w->order_count >= 500 && w->order_count <= 20 * 5 * 9 + 9);
	for (size_t i = 1; i < w->order_count; i++)
		assert_true(due_s[w->order[i]] >= due_s[w->order[i - 1]]);
	world_pass(w, 60);
	assert_int_equal(w->order_count, MANY);
	assert_true(w->running_max <= CONCURRENCY);
}

/* Silent hosts do not stop the others, and no more than allowed are under way. */
static void test_silent_hosts_do_not_stop_others(void **state)
{
	enum { MANY = 500 };
	struct world *w = *state;
	struct refresher_state s;

	for (unsigned i = 0; i < MANY; i++)
		assert_true(world_ask(w, i));
	world_wall_s += 2 * DAY;
	world_restart(w);
	w->hang = true;
	w->order_count = 0;
	w->wakes = 0;
	world_pass(w, 60);
	/* No more may be started: it tries once a second. */
	assert_in_range(w->wakes, 50, 75);
	assert_int_equal(w->running, CONCURRENCY);
	assert_int_equal(w->order_count, CONCURRENCY);
	refresher_get_state(w->refresher, &s);
	assert_int_equal(s.under_way, CONCURRENCY);
	assert_int_equal(s.due, REFRESHER_DUE_MAX);
	w->hang = false;
	world_pass(w, 60);
	assert_int_equal(w->order_count, MANY);
	refresher_get_state(w->refresher, &s);
	assert_int_equal(s.done, MANY);
	assert_int_equal(s.under_way, 0);
	assert_int_equal(s.due, 0);
	assert_true(s.next_s > world_wall_s);
}

/* Fetches that a client waits for come first. But an attacker who makes silent
 * hosts fill the queue must not delay refreshes until policies expire (10.2): one
 * a second is started even then. */
static void test_waiting_fetches_come_first(void **state)
{
	enum { MANY = 100 };
	struct world *w = *state;

	for (unsigned i = 0; i < MANY; i++)
		assert_true(world_ask(w, i));
	world_wall_s += 2 * DAY;
	world_restart(w);
	w->order_count = 0;
	w->waiting = 1;
	world_pass(w, 20);
	assert_in_range(w->order_count, 19, 21);
	w->waiting = 0;
	world_pass(w, 10);
	assert_int_equal(w->order_count, MANY);
}

/* These are no more than may be under way, if their hosts are silent. */
static void test_one_a_second_stays_within_the_limit(void **state)
{
	enum { MANY = 100 };
	struct world *w = *state;

	for (unsigned i = 0; i < MANY; i++)
		assert_true(world_ask(w, i));
	world_wall_s += 2 * DAY;
	world_restart(w);
	w->waiting = 1;
	w->hang = true;
	world_pass(w, 200);
	assert_int_equal(w->running, CONCURRENCY);
	w->hang = false;
	world_settle(w);
}

/* The result of a refresh can't be stored, so the policy is still due: nothing is
 * fetched again before five minutes have passed (3.3). */
static void test_result_that_cannot_be_stored(void **state)
{
	struct world *w = *state;
	struct cache_entry entry;

	for (unsigned i = 1; i <= 2; i++)
		assert_true(world_ask(w, i));
	w->sites[2].fetch = FETCH_CONNECT;
	world_wall_s += 2 * DAY;
	world_restart(w);
	is_full = true;
	world_pass(w, 1);
	assert_int_equal(w->sites[1].fetches, 2);
	assert_int_equal(w->sites[2].fetches, 2);
	for (int i = 0; i < 4; i++) {
		assert_true(world_ask(w, 1)); /* a hit does not change that */
		world_pass(w, MINUTE);
	}
	assert_int_equal(w->sites[1].fetches, 2);
	assert_int_equal(w->sites[2].fetches, 2);
	world_pass(w, MINUTE + 1);
	assert_int_equal(w->sites[1].fetches, 3);
	assert_int_equal(w->sites[2].fetches, 3);
	is_full = false;
	world_pass(w, 5 * MINUTE + 1);
	assert_int_equal(w->sites[1].fetches, 4);
	assert_true(world_get(w, 1, &entry));
	assert_true(entry.fetched_s > world_wall_s - MINUTE);
	assert_true(world_get(w, 2, &entry));
	assert_int_equal(entry.failures, 1);
}

/* The timer does not notice that the machine was suspended, or that its date was
 * set by days right after the start. */
static void test_date_is_noticed(void **state)
{
	struct world *w = *state;

	assert_true(world_ask(w, 1));
	assert_true(world_ask(w, 2));
	world_wall_s -= 100 * DAY;
	world_restart(w);
	world_pass(w, MINUTE);
	world_wall_s += 102 * DAY;
	world_pass(w, MINUTE);
	assert_int_equal(w->sites[1].fetches, 1);
	/* The first hit on a policy that is due reports it. */
	assert_true(world_ask(w, 1));
	world_pass(w, MINUTE);
	assert_int_equal(w->sites[1].fetches, 2);
	assert_int_equal(w->sites[2].fetches, 2);
	/* Otherwise it is noticed within a day. */
	world_wall_s -= 100 * DAY;
	world_restart(w);
	world_pass(w, MINUTE);
	world_wall_s += 102 * DAY;
	world_pass(w, DAY);
	assert_int_equal(w->sites[1].fetches, 3);
}

/* Hits during the refresh do not wake the refresher. */
static void test_hits_during_a_refresh(void **state)
{
	struct world *w = *state;
	uint64_t wakes;

	assert_true(world_ask(w, 1));
	w->hang = true;
	world_pass(w, DAY + 1);
	assert_int_equal(w->running, 1);
	wakes = w->wakes;
	for (int i = 0; i < 10; i++) {
		assert_true(world_ask(w, 1));
		world_pass(w, 1);
	}
	assert_int_equal(w->wakes, wakes);
	w->hang = false;
	world_settle(w);
}

/* The refresher and other askers share one discovery. */
static void test_one_discovery_for_refresher_and_askers(void **state)
{
	struct world *w = *state;
	struct domain domain = world_domain(1);
	struct lookup_result result;

	assert_true(world_ask(w, 1));
	world_pass(w, HOUR);
	save_to_disk(&w->loop, w->cache, &domain);
	/* A refresh joins an id check, which alone would end at the record. */
	w->hang = true;
	assert_int_equal(lookups_try(w->lookups, &domain, &result), MTS_OK);
	assert_int_equal(w->running, 1);
	assert_int_equal(lookups_renew(w->lookups, &domain), MTS_OK);
	assert_int_equal(lookups_renew(w->lookups, &domain), MTS_EBUSY);
	assert_int_equal(w->running, 1);
	lookups_watch(w->lookups, NULL); /* the refresher did not start it */
	w->hang = false;
	world_settle(w);
	assert_int_equal(w->sites[1].fetches, 2);
	/* Also if the id check finds no record. */
	world_pass(w, HOUR);
	w->sites[1].record = DISCOVER_NO_RECORD;
	save_to_disk(&w->loop, w->cache, &domain);
	w->hang = true;
	assert_int_equal(lookups_try(w->lookups, &domain, &result), MTS_OK);
	assert_int_equal(lookups_renew(w->lookups, &domain), MTS_OK);
	w->hang = false;
	world_settle(w);
	assert_int_equal(w->sites[1].fetches, 3);
	/* A hit joins a refresh. */
	world_pass(w, HOUR);
	save_to_disk(&w->loop, w->cache, &domain);
	w->hang = true;
	assert_int_equal(lookups_renew(w->lookups, &domain), MTS_OK);
	assert_int_equal(lookups_try(w->lookups, &domain, &result), MTS_OK);
	assert_true(result.has_policy);
	assert_int_equal(w->running, 1);
	w->hang = false;
	world_settle(w);
	assert_int_equal(w->sites[1].fetches, 4);
}

/* A flushed policy is not refreshed. */
static void test_flushed_policy_is_not_refreshed(void **state)
{
	struct world *w = *state;
	struct domain domain = world_domain(1);

	assert_true(world_ask(w, 1));
	assert_int_equal(cache_remove(w->cache, &domain), MTS_OK);
	world_pass(w, 3 * DAY);
	assert_int_equal(w->sites[1].fetches, 1);
}

static void test_refresh_does_not_change_dane(void **state)
{
	struct world *w = *state;
	struct domain domain = world_domain(1);
	struct cache_entry entry;

	assert_true(world_ask(w, 1));
	assert_true(world_get(w, 1, &entry));
	entry.dane_state = 2;
	entry.dane_learnt_s = START_S + 1;
	entry.dane_ttl_s = 77;
	assert_int_equal(cache_put(w->cache, &domain, &entry), MTS_OK);
	world_pass(w, DAY + 1);
	w->sites[1].fetch = FETCH_CONNECT;
	w->sites[1].step = "connect";
	world_pass(w, DAY + 1);
	assert_true(world_get(w, 1, &entry));
	assert_true(entry.failures > 0);
	assert_true(entry.fetched_s > START_S);
	assert_int_equal(entry.dane_state, 2);
	assert_int_equal(entry.dane_learnt_s, START_S + 1);
	assert_int_equal(entry.dane_ttl_s, 77);
}

int main(void)
{
#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_refresh_once_a_day),
		TEST(test_refresh_after_half_of_max_age),
		TEST(test_refreshes_are_spread_out),
		TEST(test_timer_is_idle_while_nothing_is_due),
		TEST(test_fetched_policy_replaces_the_old_one),
		TEST(test_record_does_not_stop_a_refresh),
		TEST(test_record_decides_without_a_policy),
		TEST(test_overdue_policies_at_start),
		TEST(test_silent_hosts_do_not_stop_others),
		TEST(test_waiting_fetches_come_first),
		TEST(test_one_a_second_stays_within_the_limit),
		TEST(test_result_that_cannot_be_stored),
		TEST(test_date_is_noticed),
		TEST(test_hits_during_a_refresh),
		TEST(test_one_discovery_for_refresher_and_askers),
		TEST(test_flushed_policy_is_not_refreshed),
		TEST(test_refresh_does_not_change_dane),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
