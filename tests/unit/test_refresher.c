/* SPDX-License-Identifier: BSD-2-Clause */
/* test_refresher.c - a policy's whole life, over months of a turned clock. */
#include "refresh_world.h"
#include "save.h"

#include <string.h>

/* -- the text's clock ------------------------------------------------------ */

/* 3.3: "a suggested refresh frequency is once per day"; 10.2: "regardless of
 * the state of the TXT record", and whoever asks or not. */
static void test_daily(void **state)
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
	/* A refresh is no use. */
	assert_int_equal(entry.used_s, START_S);
}

static void test_half_of_max_age(void **state)
{
	struct world *w = *state;

	w->sites[1].max_age_s = 2 * HOUR;
	assert_true(world_ask(w, 1));
	world_pass(w, DAY);
	assert_true(w->sites[1].fetches >= 24);
	assert_true(w->sites[1].fetches <= 28);
}

/* What was fetched in one second drifts apart. */
static void test_no_herd(void **state)
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

/* "A tick with nothing due costs nothing": there is none. */
static void test_idle(void **state)
{
	struct world *w = *state;

	world_pass(w, 30 * DAY);
	assert_int_equal(w->wakes, 1);
	assert_true(world_ask(w, 1));
	world_pass(w, DAY * 9 / 10 - 10);
	assert_int_equal(w->wakes, 1);
}

/* -- what a refresh brings ------------------------------------------------- */

static void test_what_is_fetched_replaces(void **state)
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
	assert_int_equal(world_logged(w, "info: policy_text_changed"), 1);
	/* A new id as well: told by its mode. */
	w->sites[1].id = "b2";
	w->sites[1].mode = POLICY_ENFORCE;
	world_pass(w, 2 * HOUR);
	assert_true(world_get(w, 1, &entry));
	assert_string_equal(entry.id, "b2");
	assert_int_equal(world_logged(w, "info: policy_mode_changed"), 1);
	assert_int_equal(world_logged(w, "policy_text_changed"), 1);
}

/* 10.2: who can suppress the record can't let the policy run out. */
static void test_record_does_not_matter(void **state)
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
		/* The look at the record was none. */
		assert_string_equal(entry.id, "a1");
		assert_int_equal(entry.checked_s, START_S);
		assert_int_equal(entry.record_ttl_s, 300);
		assert_int_equal(entry.failures, 0);
		assert_true(world_ask(w, i));
	}
	assert_int_equal(world_logged(w, "warning"), 0);
}

/* But it makes no policy for who has none: 3.1, "skip the remaining steps". */
static void test_record_matters_without_policy(void **state)
{
	struct world *w = *state;
	struct cache_entry entry;

	w->sites[1].max_age_s = HOUR;
	assert_true(world_ask(w, 1));
	w->sites[1].record = DISCOVER_NO_RECORD;
	w->hang = true;
	world_pass(w, HOUR + 10); /* it ends while it is being refreshed */
	assert_int_equal(w->running, 1);
	w->hang = false;
	world_settle(w);
	assert_false(world_ask(w, 1));
	world_pass(w, 10);
	assert_false(world_get(w, 1, &entry));
}

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

static void mend_site(struct site *site)
{
	site->record = DISCOVER_POLICY;
	site->fetch = FETCH_OK;
	site->step = NULL;
}

/* 3.3: "the sender MUST apply that cached policy" until its end, and "MTAs
 * SHOULD alert administrators": once, and when it ends. */
static void test_failing_until_the_end(void **state)
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

/* An hour without any DNS, and then it is there again. */
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
		mend_site(&w->sites[i]);
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
static void test_pauses(void **state)
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

/* A restart does not warn again; another cause does, once. */
static void test_warned_over_restarts(void **state)
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
	/* Nor does it hammer. */
	assert_true(w->sites[1].fetches <= before + 1);
	world_pass(w, 10 * HOUR);
	assert_true(w->sites[1].fetches > before);
	assert_int_equal(world_logged(w, "policy_refresh_failed"), 1);
	for (unsigned i = 0; i < 8; i++) {
		break_site(&w->sites[1], &failures[i % 2 ? 4 : 6]);
		world_pass(w, 7 * HOUR);
	}
	assert_int_equal(world_logged(w, "policy_refresh_failed"), 2);
	mend_site(&w->sites[1]);
	world_pass(w, 7 * HOUR);
	assert_int_equal(world_logged(w, "policy_refresh_recovered"), 1);
	/* All is forgotten: the next failure is news. */
	break_site(&w->sites[1], &failures[4]);
	world_pass(w, DAY + HOUR);
	assert_int_equal(world_logged(w, "policy_refresh_failed"), 3);
}

/* 8.3, 10.2: "should not implement such alerts if the cached policy has a none
 * mode, to allow clean MTA-STS removal". */
static void test_none_is_silent(void **state)
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
	world_pass(w, DAY);
	assert_false(world_get(w, 1, &entry));
	assert_int_equal(world_logged(w, "domain="), 0);
}

/* A new id whose policy can't be had is a failure, too, and is told. */
static void test_failing_new_id(void **state)
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
	mend_site(&w->sites[1]);
	world_pass(w, HOUR);
	assert_true(world_get(w, 1, &entry));
	assert_string_equal(entry.id, "b2");
	assert_int_equal(world_logged(w, "policy_refresh_recovered"), 1);
}

/* -- the end --------------------------------------------------------------- */

/* 5.1: time since the fetch, and nothing else. */
static void test_unchanged_record_extends_nothing(void **state)
{
	struct world *w = *state;

	w->sites[1].max_age_s = 2 * DAY;
	assert_true(world_ask(w, 1));
	break_site(&w->sites[1], &failures[2]);
	/* The record is looked at all the time, and has not changed. */
	assert_int_equal(world_pass_asking(w, 1, 2 * DAY, 10 * MINUTE),
	                 2 * 24 * 6);
	assert_true(w->sites[1].walks > 250);
	world_pass(w, 1);
	assert_false(world_ask(w, 1));
}

/* Honoured, and nobody is hammered (refresh.min_interval). */
static void test_small_max_age(void **state)
{
	static const struct {
		uint32_t max_age_s;
		unsigned good; /* of the seconds of half an hour */
		unsigned fetches;
	} rows[] = {
		/* six times five minutes, and the one that is due at the end */
		{ 0, 6, 6 },         { 1, 12, 6 },     { 100, 6 * 101, 6 },
		{ 298, 6 * 299, 6 }, { 300, 1800, 6 }, /* refreshed at its very end */
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
static void test_small_max_age_new_id(void **state)
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

/* -- what nobody asks for -------------------------------------------------- */

static void test_unused(void **state)
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
	assert_int_equal(w->wakes, wakes);
	assert_true(world_get(w, 1, &entry)); /* it is in force still */
	world_pass(w, 2 * DAY);
	assert_false(world_get(w, 1, &entry));
	assert_int_equal(w->sites[1].fetches, fetches);
	assert_int_equal(world_logged(w, "warning"), 0);
}

/* Somebody asks again before it ends. */
static void test_used_again(void **state)
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
static void test_clock_is_set(void **state)
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
		/* Four fifths of its life, though nobody can fetch it. */
		assert_int_equal(world_pass_asking(w, i, 18 * HOUR, HOUR), 18);
		world_pass(w, 15 * HOUR); /* four thirds, and it is gone */
		assert_false(world_ask(w, i));
		world_wall_s -= rows[i];
		world_pass(w, 8 * DAY); /* all is as before */
	}
}

static void test_clock_is_set_and_hosts_are_fine(void **state)
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

/* It was set back while the daemon was not there: what is stored lies ahead. */
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
		/* The hit makes it due, as it would be for long. */
		world_pass(w, DAY + MINUTE);
		assert_true(w->sites[i].fetches >= 2);
		assert_true(world_get(w, i, &entry));
		assert_true(entry.fetched_s <= world_wall_s);
		assert_true(entry.next_refresh_s <= world_wall_s + DAY);
	}
}

/* -- the start, and the load ----------------------------------------------- */

/* After days without power all is due at once. */
static void test_overdue_at_start(void **state)
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
	/* Some are done, not all at once; those that were due first. */
	assert_true(w->order_count >= 500 && w->order_count <= 20 * 5 * 9 + 9);
	for (size_t i = 1; i < w->order_count; i++)
		assert_true(due_s[w->order[i]] >= due_s[w->order[i - 1]]);
	world_pass(w, 60);
	assert_int_equal(w->order_count, MANY);
	assert_true(w->running_max <= CONCURRENCY);
}

/* Hosts that say nothing do not stop the others, nor are they too many. */
static void test_in_flight(void **state)
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
	world_pass(w, 60);
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

/* Whoever waits for a fetch comes first. */
static void test_gives_way(void **state)
{
	struct world *w = *state;

	struct cache_entry entry;

	assert_true(world_ask(w, 1));
	assert_true(world_get(w, 1, &entry));
	world_pass(w, entry.next_refresh_s - world_wall_s - 1);
	w->waiting = 1;
	world_pass(w, 20);
	assert_int_equal(w->sites[1].fetches, 1);
	w->waiting = 0;
	world_pass(w, 2);
	assert_int_equal(w->sites[1].fetches, 2);
}

/* One discovery for the refresher and for whoever asks. */
static void test_joins(void **state)
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
	lookups_watch(w->lookups, NULL); /* it was not the refresher */
	w->hang = false;
	world_settle(w);
	assert_int_equal(w->sites[1].fetches, 2);
	/* Also if that ends without a record. */
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

/* What is flushed is not fetched any more. */
static void test_flushed(void **state)
{
	struct world *w = *state;
	struct domain domain = world_domain(1);

	assert_true(world_ask(w, 1));
	assert_int_equal(cache_remove(w->cache, &domain), MTS_OK);
	world_pass(w, 3 * DAY);
	assert_int_equal(w->sites[1].fetches, 1);
}

static void test_dane_is_kept(void **state)
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
	break_site(&w->sites[1], &failures[2]);
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
		TEST(test_daily),
		TEST(test_half_of_max_age),
		TEST(test_no_herd),
		TEST(test_idle),
		TEST(test_what_is_fetched_replaces),
		TEST(test_record_does_not_matter),
		TEST(test_record_matters_without_policy),
		TEST(test_failing_until_the_end),
		TEST(test_dns_dead_for_an_hour),
		TEST(test_pauses),
		TEST(test_warned_over_restarts),
		TEST(test_none_is_silent),
		TEST(test_failing_new_id),
		TEST(test_unchanged_record_extends_nothing),
		TEST(test_small_max_age),
		TEST(test_small_max_age_new_id),
		TEST(test_unused),
		TEST(test_used_again),
		TEST(test_clock_is_set),
		TEST(test_clock_is_set_and_hosts_are_fine),
		TEST(test_clock_is_set_over_a_restart),
		TEST(test_overdue_at_start),
		TEST(test_in_flight),
		TEST(test_gives_way),
		TEST(test_joins),
		TEST(test_flushed),
		TEST(test_dane_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
