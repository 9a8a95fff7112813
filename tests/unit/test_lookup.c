/* SPDX-License-Identifier: BSD-2-Clause */
/* test_lookup.c - the rules of the look-up service, with a real cache, a clock
 * that the test sets, and discoveries whose results the test chooses. */
#include "fake_discovery.h"
#include "folder.h"
#include "save.h"
#include "tests.h"

#include "cache/absent.h"
#include "cache/cache.h"
#include "lookup/lookup.h"

enum { MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS };

/* -- discoveries that the test ends ---------------------------------------- */

static void finish(enum discover_outcome outcome, const char *id,
                   uint32_t ttl_s, struct policy *policy)
{
	struct discover_result result = {
		.outcome = outcome,
		.record_ttl_s = ttl_s,
		.policy = policy,
		.text = slice_str("version: STSv1\n"),
		.reason = "because",
	};

	snprintf(result.record.id, sizeof(result.record.id), "%s", id);
	fake_discovery_end(&result);
}

/* -- the fixture ----------------------------------------------------------- */

static int64_t wall_s;
static uint64_t mono_ms;

static int64_t test_wall_s(void *arg)
{
	(void)arg;
	return wall_s;
}

static uint64_t test_mono_ms(void *arg)
{
	(void)arg;
	return mono_ms;
}

static const struct clock test_clock = { test_wall_s, test_mono_ms, NULL };

enum { WAITERS = 400 }; /* that a test makes */

struct fixture {
	uv_loop_t loop;
	char directory[64];
	struct cache *cache;
	struct absent *absent;
	struct lookups *lookups;
	struct lookups_options options;
	struct domain domain;
	/* What the last callback got. */
	int called;
	enum lookup_source source;
	bool has_policy;
	char id[RECORD_ID_MAX + 1];
	struct lookup_waiter waiters[WAITERS];
	unsigned asked;
};

static void pass(uint64_t seconds)
{
	wall_s += (int64_t)seconds;
	mono_ms += seconds * 1000;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct cache_options cache = { .max_size = 1 << 20,
		                       .clock = &test_clock };
	struct lookups_options options = {
		.clock = &test_clock,
		.timeout_ms = 20000,
		.negative_min_ms = MINUTE_MS,
		.negative_max_ms = HOUR_MS,
		.retry_ms = 5 * MINUTE_MS,
		.id_check_min_ms = MINUTE_MS,
		.id_check_max_ms = 24 * HOUR_MS,
	};
	struct fault why;

	fake_discovery_reset();
	wall_s = 1700000000;
	mono_ms = 1000000;
	snprintf(f->directory, sizeof(f->directory), "/tmp/mtasts-test.XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	assert_int_equal(uv_loop_init(&f->loop), 0);
	cache.loop = &f->loop;
	cache.directory = f->directory;
	assert_int_equal(cache_open(&cache, &f->cache, &why), MTS_OK);
	f->absent = absent_new(100);
	assert_non_null(f->absent);
	options.loop = &f->loop;
	options.cache = f->cache;
	options.absent = f->absent;
	f->options = options;
	assert_int_equal(lookups_new(&options, &f->lookups, &why), MTS_OK);
	assert_int_equal(domain_from_key("example.org", 11, &f->domain, NULL),
	                 MTS_OK);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	lookups_close(&f->lookups);
	cache_close(&f->cache);
	absent_free(&f->absent);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	folder_remove(f->directory);
	free(f);
	return 0;
}

static struct policy a_policy(enum policy_mode mode, uint32_t max_age_s)
{
	static const char mx[] = "mx1.example.org";

	return (struct policy){ .mode = mode,
		                .max_age_s = max_age_s,
		                .mx_count = 1,
		                .mx = slice_of(mx, sizeof(mx)) };
}

static void on_lookup(void *arg, const struct lookup_result *result)
{
	struct fixture *f = arg;

	f->called++;
	f->source = result->source;
	f->has_policy = result->has_policy;
	snprintf(f->id, sizeof(f->id), "%s",
	         result->has_policy ? result->entry.id : "");
}

static struct lookup_waiter *ask(struct fixture *f)
{
	struct lookup_waiter *waiter = &f->waiters[f->asked++];

	assert_true(f->asked <= WAITERS);
	assert_int_equal(
	    lookups_wait(f->lookups, &f->domain, 0, on_lookup, f, waiter),
	    MTS_OK);
	return waiter;
}

/* Puts the domain's policy into the cache, as a first look-up does. */
static void have_policy(struct fixture *f, const char *id, uint32_t ttl_s,
                        uint32_t max_age_s)
{
	struct policy policy = a_policy(POLICY_ENFORCE, max_age_s);

	ask(f);
	finish(DISCOVER_POLICY, id, ttl_s, &policy);
	assert_int_equal(f->called, 1);
	f->called = 0;
	faked.started = 0;
}

static void save(struct fixture *f)
{
	save_to_disk(&f->loop, f->cache, &f->domain);
}

/* Asks at once: the answer's source, or -1 if only a discovery can tell. */
static int try_now(struct fixture *f)
{
	struct lookup_result result;

	save(f);
	if (lookups_try(f->lookups, &f->domain, &result) != MTS_OK)
		return -1;
	f->has_policy = result.has_policy;
	snprintf(f->id, sizeof(f->id), "%s",
	         result.has_policy ? result.entry.id : "");
	return (int)result.source;
}

/* A hit on a policy that is not on disk yet waits for that: a kill -9 right after
 * the answer must not lose it. Then it counts as a hit, without a discovery. */
static void test_hit_waits_for_disk(void **state)
{
	struct fixture *f = *state;
	struct lookup_waiter *waiter;
	struct lookup_result result;

	have_policy(f, "1", 300, 86400);
	assert_false(cache_is_saved(f->cache, &f->domain));
	assert_int_equal(lookups_try(f->lookups, &f->domain, &result),
	                 MTS_EMORE);
	waiter = ask(f);
	lookup_waiter_cancel(waiter);
	ask(f);
	ask(f);
	assert_int_equal(f->called, 0);
	save(f);
	assert_int_equal(f->called, 2);
	assert_int_equal(f->source, LOOKUP_CACHED);
	assert_true(f->has_policy);
	assert_int_equal(faked.started, 0);
	/* Later changes of the entry are no reason to wait. */
	wall_s += 7200;
	assert_int_equal(try_now(f), LOOKUP_CACHED);
	assert_int_equal(lookups_try(f->lookups, &f->domain, &result), MTS_OK);
}

/* The policy is flushed while a hit waits for the disk. The domain may still have
 * one, so the waiters wait for a discovery, as the next asker does. */
static void test_flushed_while_waiting_for_disk(void **state)
{
	struct fixture *f = *state;
	struct policy policy = a_policy(POLICY_ENFORCE, 86400);
	struct lookup_counts counts;

	have_policy(f, "1", 300, 86400);
	ask(f);
	ask(f);
	assert_int_equal(cache_remove(f->cache, &f->domain), MTS_OK);
	while (faked.started == 0 && f->called == 0)
		uv_run(&f->loop, UV_RUN_ONCE);
	assert_int_equal(f->called, 0);
	finish(DISCOVER_POLICY, "2", 300, &policy);
	assert_int_equal(f->called, 2);
	assert_int_equal(f->source, LOOKUP_DISCOVERED);
	assert_string_equal(f->id, "2");
	lookups_get_counts(f->lookups, &counts);
	assert_int_equal(counts.hits, 0);
	assert_int_equal(counts.misses, 2);
	assert_int_equal(counts.joined, 1);
	assert_int_equal(counts.waiting, 0);
}

/* The time limit of the asker covers both waits. */
static void test_time_limit_covers_both_waits(void **state)
{
	struct fixture *f = *state;
	struct lookup_waiter waiter;

	have_policy(f, "1", 300, 86400);
	assert_int_equal(
	    lookups_wait(f->lookups, &f->domain, 1, on_lookup, f, &waiter),
	    MTS_OK);
	assert_int_equal(cache_remove(f->cache, &f->domain), MTS_OK);
	while (f->called == 0)
		uv_run(&f->loop, UV_RUN_ONCE);
	assert_int_equal(f->source, LOOKUP_TIMED_OUT);
	assert_false(f->has_policy);
	assert_true(faked.running);
}

/* -- a miss ---------------------------------------------------------------- */

static void test_miss_then_hit(void **state)
{
	struct fixture *f = *state;
	struct policy policy = a_policy(POLICY_ENFORCE, 86400);

	assert_int_equal(try_now(f), -1);
	ask(f);
	assert_int_equal(f->called, 0);
	finish(DISCOVER_POLICY, "a1", 300, &policy);
	assert_int_equal(f->called, 1);
	assert_int_equal(f->source, LOOKUP_DISCOVERED);
	assert_true(f->has_policy);
	assert_string_equal(f->id, "a1");
	assert_int_equal(try_now(f), LOOKUP_CACHED);
	assert_string_equal(f->id, "a1");
	assert_int_equal(faked.started, 1);
}

static void test_one_discovery_for_all(void **state)
{
	struct fixture *f = *state;
	struct policy policy = a_policy(POLICY_ENFORCE, 86400);

	for (int i = 0; i < 10; i++)
		ask(f);
	assert_int_equal(faked.started, 1);
	finish(DISCOVER_POLICY, "a1", 300, &policy);
	assert_int_equal(f->called, 10);
}

/* At the limit new domains are refused and counted, while discoveries under way can
 * be joined. Below it new ones are started again. */
static void test_too_many_discoveries(void **state)
{
	struct fixture *f = *state;
	/* It still waits at the end, so it must outlive this function. */
	struct lookup_waiter *waiter = &f->waiters[WAITERS - 1];
	struct lookup_counts counts;
	struct domain other;
	struct fault why;

	lookups_close(&f->lookups);
	f->options.discoveries_max = 1;
	assert_int_equal(lookups_new(&f->options, &f->lookups, &why), MTS_OK);
	assert_int_equal(domain_from_key("other.example", 13, &other, NULL),
	                 MTS_OK);
	ask(f);
	for (int i = 0; i < 3; i++)
		assert_int_equal(
		    lookups_wait(f->lookups, &other, 0, on_lookup, f, waiter),
		    MTS_EFULL);
	ask(f);
	lookups_get_counts(f->lookups, &counts);
	assert_int_equal(counts.refused, 3);
	assert_int_equal(faked.started, 1);
	finish(DISCOVER_NO_RECORD, "", 300, NULL);
	assert_int_equal(f->called, 2);
	assert_int_equal(
	    lookups_wait(f->lookups, &other, 0, on_lookup, f, waiter), MTS_OK);
	lookups_get_counts(f->lookups, &counts);
	assert_int_equal(counts.refused, 3);
	assert_int_equal(counts.misses, 2);
}

/* The waiter is called in time; the result comes later, for the next asker. */
static void test_discovery_goes_on_after_timeout(void **state)
{
	struct fixture *f = *state;
	struct policy policy = a_policy(POLICY_ENFORCE, 86400);
	struct lookup_waiter waiter;

	assert_int_equal(
	    lookups_wait(f->lookups, &f->domain, 1, on_lookup, f, &waiter),
	    MTS_OK);
	while (f->called == 0)
		uv_run(&f->loop, UV_RUN_ONCE);
	assert_int_equal(f->source, LOOKUP_TIMED_OUT);
	assert_false(f->has_policy);
	assert_true(faked.running);
	finish(DISCOVER_POLICY, "a1", 300, &policy);
	assert_int_equal(f->called, 1);
	assert_int_equal(try_now(f), LOOKUP_CACHED);
}

static void test_cancelled_waiter_is_not_called(void **state)
{
	struct fixture *f = *state;
	struct lookup_waiter *waiter = ask(f);

	ask(f);
	lookup_waiter_cancel(waiter);
	lookup_waiter_cancel(waiter);
	finish(DISCOVER_NO_RECORD, "", 300, NULL);
	assert_int_equal(f->called, 1);
}

/* -- absence --------------------------------------------------------------- */

/* "for the time the zone's SOA gives, between negative_min and negative_max" */
static void test_absence_is_remembered(void **state)
{
	static const struct {
		enum discover_outcome outcome;
		uint32_t ttl_s;
		uint64_t quiet_s;
	} rows[] = {
		{ DISCOVER_NO_RECORD, 600, 600 },
		{ DISCOVER_NO_RECORD, 0, 60 },       /* negative_min */
		{ DISCOVER_NO_RECORD, 86400, 3600 }, /* negative_max */
		{ DISCOVER_BAD_RECORD, 600, 600 },
		{ DISCOVER_DNS_FAILED, 0, 60 },
		{ DISCOVER_NO_MEMORY, 600, 60 },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(try_now(f), -1);
		ask(f);
		finish(rows[i].outcome, "", rows[i].ttl_s, NULL);
		assert_false(f->has_policy);
		assert_int_equal(try_now(f), LOOKUP_ABSENT);
		pass(rows[i].quiet_s - 1);
		assert_int_equal(try_now(f), LOOKUP_ABSENT);
		pass(1);
		assert_int_equal(try_now(f), -1);
	}
}

/* 3.3: "limit further attempts to a period of five minutes or longer per
 * version ID" - the record may be looked at, the policy is not fetched. */
static void test_failed_fetch_is_not_repeated(void **state)
{
	struct fixture *f = *state;

	ask(f);
	finish(DISCOVER_FETCH_FAILED, "a1", 60, NULL);
	assert_int_equal(try_now(f), LOOKUP_ABSENT);
	pass(60);
	assert_int_equal(try_now(f), -1);
	ask(f);
	assert_string_equal(faked.known_id, "a1");
	finish(DISCOVER_UNCHANGED, "a1", 60, NULL);
	assert_false(f->has_policy);
	assert_int_equal(try_now(f), LOOKUP_ABSENT);
	pass(4 * 60); /* five minutes after the fetch */
	assert_int_equal(try_now(f), -1);
	ask(f);
	assert_string_equal(faked.known_id, "");
	finish(DISCOVER_FETCH_FAILED, "a1", 60, NULL);
}

/* A failure of another kind in between does not lift the bar. */
static void test_failed_fetch_is_barred_through_other_failures(void **state)
{
	static const enum discover_outcome rows[] = {
		DISCOVER_NO_RECORD,
		DISCOVER_BAD_RECORD,
		DISCOVER_DNS_FAILED,
		DISCOVER_NO_MEMORY,
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ask(f);
		assert_string_equal(faked.known_id, "");
		finish(DISCOVER_FETCH_FAILED, "a1", 60, NULL);
		pass(60);
		ask(f);
		assert_string_equal(faked.known_id, "a1");
		finish(rows[i], "", 60, NULL);
		pass(60);
		ask(f);
		assert_string_equal(faked.known_id, "a1");
		finish(DISCOVER_UNCHANGED, "a1", 60, NULL);
		pass(3 * 60); /* five minutes after the fetch */
	}
}

/* That the record has the id of the cached policy does not lift the bar if the
 * policy has expired and is not removed yet. */
static void test_failed_fetch_is_barred_after_the_end(void **state)
{
	struct fixture *f = *state;

	have_policy(f, "1", 0, 100);
	pass(101);
	assert_int_equal(try_now(f), -1);
	ask(f);
	finish(DISCOVER_FETCH_FAILED, "1", 0, NULL);
	for (int i = 0; i < 3; i++) {
		pass(60);
		assert_int_equal(try_now(f), -1);
		ask(f);
		assert_string_equal(faked.known_id, "1");
		finish(DISCOVER_UNCHANGED, "1", 0, NULL);
		assert_int_equal(faked.started, i + 2);
		assert_int_equal(try_now(f), LOOKUP_ABSENT);
		assert_false(f->has_policy);
	}
	pass(2 * 60); /* five minutes after the fetch */
	ask(f);
	assert_string_equal(faked.known_id, "");
}

/* Nor does it while the policy is in force: the bar matters once it expires. */
static void test_failed_fetch_is_barred_before_the_end(void **state)
{
	struct fixture *f = *state;
	struct lookup_waiter waiter;

	have_policy(f, "1", 0, 200);
	assert_int_equal(
	    lookups_refresh(f->lookups, &f->domain, 0, on_lookup, f, &waiter),
	    MTS_OK);
	finish(DISCOVER_FETCH_FAILED, "1", 0, NULL);
	pass(61);
	assert_int_equal(try_now(f), LOOKUP_CACHED);
	assert_string_equal(faked.known_id, "1");
	finish(DISCOVER_UNCHANGED, "1", 0, NULL);
	/* Its record is checked as usual. */
	pass(61);
	assert_int_equal(faked.started, 2);
	assert_int_equal(try_now(f), LOOKUP_CACHED);
	assert_int_equal(faked.started, 3);
	finish(DISCOVER_UNCHANGED, "1", 0, NULL);
	pass(100); /* it has expired */
	assert_int_equal(try_now(f), -1);
	ask(f);
	assert_string_equal(faked.known_id, "1");
}

/* Two name servers disagree: that the policy for one id can be fetched does not
 * mean that the one for the other id can. */
static void test_failed_fetch_is_barred_between_two_ids(void **state)
{
	struct fixture *f = *state;
	struct policy policy = a_policy(POLICY_ENFORCE, 86400);

	have_policy(f, "1", 60, 86400);
	pass(60);
	assert_int_equal(try_now(f), LOOKUP_CACHED);
	assert_string_equal(faked.known_id, "1");
	finish(DISCOVER_FETCH_FAILED, "2", 60, NULL);
	pass(60);
	assert_int_equal(try_now(f), LOOKUP_CACHED);
	assert_string_equal(faked.known_id, "2");
	finish(DISCOVER_POLICY, "1", 60, &policy);
	pass(60);
	assert_int_equal(try_now(f), LOOKUP_CACHED);
	assert_string_equal(faked.known_id, "2");
	finish(DISCOVER_UNCHANGED, "2", 60, NULL);
	assert_int_equal(try_now(f), LOOKUP_CACHED);
	assert_string_equal(f->id, "1");
	/* Once the policy for that id is fetched, the bar is lifted. */
	pass(3 * 60); /* five minutes after the fetch */
	assert_int_equal(try_now(f), LOOKUP_CACHED);
	assert_string_equal(faked.known_id, "1");
	finish(DISCOVER_POLICY, "2", 60, &policy);
	assert_int_equal(absent_count(f->absent), 0);
}

/* An absence is never remembered for longer than the bar, whatever the TTL. */
static void test_failed_fetch_is_tried_again_in_time(void **state)
{
	struct fixture *f = *state;

	ask(f);
	finish(DISCOVER_FETCH_FAILED, "a1", 60, NULL);
	pass(60);
	ask(f);
	finish(DISCOVER_UNCHANGED, "a1", 3600, NULL);
	pass(4 * 60 - 1);
	assert_int_equal(try_now(f), LOOKUP_ABSENT);
	pass(1);
	assert_int_equal(try_now(f), -1);
}

/* The same if the first answer had the long TTL. */
static void test_failed_fetch_with_long_ttl(void **state)
{
	struct fixture *f = *state;

	ask(f);
	finish(DISCOVER_FETCH_FAILED, "a1", 3600, NULL);
	pass(5 * 60);
	assert_int_equal(try_now(f), -1);
}

/* -- a policy in force ----------------------------------------------------- */

static void test_policy_ends_with_max_age(void **state)
{
	struct fixture *f = *state;

	have_policy(f, "a1", 86400, 3600);
	pass(3600); /* 5.1: "has not exceeded its max_age" */
	assert_int_equal(try_now(f), LOOKUP_CACHED);
	pass(1);
	assert_int_equal(try_now(f), -1);
}

/* 3.3: "if no live policy can be discovered ... but a valid (non-expired)
 * policy exists in the sender's cache, the sender MUST apply that". */
static void test_cached_policy_wins_over_failure(void **state)
{
	static const enum discover_outcome rows[] = {
		DISCOVER_NO_RECORD,    DISCOVER_BAD_RECORD, DISCOVER_DNS_FAILED,
		DISCOVER_FETCH_FAILED, DISCOVER_NO_MEMORY,
	};
	struct fixture *f = *state;

	have_policy(f, "a1", 60, 86400);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		pass(400);
		assert_int_equal(try_now(f), LOOKUP_CACHED);
		assert_true(faked.running);
		finish(rows[i], "b2", 60, NULL);
		assert_int_equal(try_now(f), LOOKUP_CACHED);
		assert_string_equal(f->id, "a1");
	}
}

static void test_id_check_waits_for_the_ttl(void **state)
{
	struct fixture *f = *state;

	have_policy(f, "a1", 300, 86400);
	pass(299);
	assert_int_equal(try_now(f), LOOKUP_CACHED);
	assert_int_equal(faked.started, 0);
	pass(1);
	assert_int_equal(try_now(f), LOOKUP_CACHED);
	assert_int_equal(faked.started, 1);
	assert_string_equal(faked.known_id, "a1");
	/* While it is under way, hits start no second one. */
	assert_int_equal(try_now(f), LOOKUP_CACHED);
	assert_int_equal(faked.started, 1);
	finish(DISCOVER_UNCHANGED, "a1", 600, NULL);
	assert_int_equal(try_now(f), LOOKUP_CACHED);
	assert_int_equal(faked.started, 1);
	/* The next one is due after the TTL of this answer. */
	pass(599);
	assert_int_equal(try_now(f), LOOKUP_CACHED);
	assert_int_equal(faked.started, 1);
	pass(1);
	assert_int_equal(try_now(f), LOOKUP_CACHED);
	assert_int_equal(faked.started, 2);
	finish(DISCOVER_UNCHANGED, "a1", 600, NULL);
}

/* max_age counts from the fetch; an id check does not extend it. */
static void test_id_check_does_not_extend(void **state)
{
	struct fixture *f = *state;

	have_policy(f, "a1", 300, 3600);
	pass(3000);
	assert_int_equal(try_now(f), LOOKUP_CACHED);
	finish(DISCOVER_UNCHANGED, "a1", 300, NULL);
	pass(601);
	assert_int_equal(try_now(f), -1);
}

static void test_new_id_brings_the_new_policy(void **state)
{
	struct fixture *f = *state;
	struct policy policy = a_policy(POLICY_TESTING, 7200);

	have_policy(f, "a1", 300, 3600);
	pass(300);
	assert_int_equal(try_now(f), LOOKUP_CACHED);
	assert_string_equal(f->id, "a1");
	finish(DISCOVER_POLICY, "b2", 300, &policy);
	assert_int_equal(try_now(f), LOOKUP_CACHED);
	assert_string_equal(f->id, "b2");
}

static void test_failed_id_check_is_not_repeated_at_once(void **state)
{
	struct fixture *f = *state;

	have_policy(f, "a1", 60, 86400);
	pass(60);
	assert_int_equal(try_now(f), LOOKUP_CACHED);
	finish(DISCOVER_DNS_FAILED, "", 0, NULL);
	assert_int_equal(try_now(f), LOOKUP_CACHED);
	assert_int_equal(faked.started, 1);
	pass(60);
	assert_int_equal(try_now(f), LOOKUP_CACHED);
	assert_int_equal(faked.started, 2);
	finish(DISCOVER_DNS_FAILED, "", 0, NULL);
}

/* A new id whose policy can't be fetched is not fetched with every check. */
static void test_failed_new_id_is_barred(void **state)
{
	struct fixture *f = *state;

	have_policy(f, "a1", 60, 86400);
	pass(60);
	try_now(f);
	finish(DISCOVER_FETCH_FAILED, "b2", 60, NULL);
	pass(60);
	assert_int_equal(try_now(f), LOOKUP_CACHED);
	assert_string_equal(faked.known_id, "b2");
	finish(DISCOVER_UNCHANGED, "b2", 60, NULL);
	assert_int_equal(try_now(f), LOOKUP_CACHED);
	assert_string_equal(f->id, "a1");
}

static void test_clock_set_back_does_not_stop_checks(void **state)
{
	struct fixture *f = *state;

	have_policy(f, "a1", 300, 86400);
	wall_s -= 7200;
	assert_int_equal(try_now(f), LOOKUP_CACHED);
	assert_int_equal(faked.started, 1);
}

/* A hit has started an id check, and meanwhile the policy goes. Askers join that
 * check, and "the id is the same" is no answer for them. */
static void check_that_joiner_gets_policy(struct fixture *f)
{
	struct policy policy = a_policy(POLICY_ENFORCE, 86400);

	assert_int_equal(try_now(f), -1);
	ask(f);
	assert_int_equal(faked.started, 1);
	finish(DISCOVER_UNCHANGED, "a1", 60, NULL);
	assert_int_equal(f->called, 0);
	assert_true(faked.running);
	assert_string_equal(faked.known_id, "");
	finish(DISCOVER_POLICY, "a1", 60, &policy);
	assert_int_equal(f->called, 1);
	assert_true(f->has_policy);
}

static void test_flush_during_id_check(void **state)
{
	struct fixture *f = *state;

	have_policy(f, "a1", 60, 86400);
	pass(60);
	assert_int_equal(try_now(f), LOOKUP_CACHED);
	assert_string_equal(faked.known_id, "a1");
	assert_int_equal(cache_remove(f->cache, &f->domain), MTS_OK);
	check_that_joiner_gets_policy(f);
}

static void test_policy_ends_during_id_check(void **state)
{
	struct fixture *f = *state;

	have_policy(f, "a1", 60, 60);
	pass(60);
	assert_int_equal(try_now(f), LOOKUP_CACHED);
	assert_string_equal(faked.known_id, "a1");
	pass(1);
	check_that_joiner_gets_policy(f);
}

/* No client waits: the next asker causes the fetch. */
static void test_flush_during_id_check_without_waiters(void **state)
{
	struct fixture *f = *state;

	have_policy(f, "a1", 60, 86400);
	pass(60);
	assert_int_equal(try_now(f), LOOKUP_CACHED);
	assert_int_equal(cache_remove(f->cache, &f->domain), MTS_OK);
	finish(DISCOVER_UNCHANGED, "a1", 60, NULL);
	assert_false(faked.running);
	assert_int_equal(try_now(f), -1);
}

/* -- an operator's refresh ------------------------------------------------- */

static void test_refresh_fetches_whatever_is_known(void **state)
{
	struct fixture *f = *state;
	struct policy policy = a_policy(POLICY_ENFORCE, 86400);
	struct lookup_waiter waiter;

	have_policy(f, "a1", 60, 86400);
	/* It joins an id check, which would end at the record. */
	pass(60);
	try_now(f);
	assert_string_equal(faked.known_id, "a1");
	assert_int_equal(
	    lookups_refresh(f->lookups, &f->domain, 0, on_lookup, f, &waiter),
	    MTS_OK);
	finish(DISCOVER_UNCHANGED, "a1", 60, NULL);
	assert_int_equal(f->called, 0);
	assert_true(faked.running);
	assert_string_equal(faked.known_id, "");
	finish(DISCOVER_POLICY, "a1", 60, &policy);
	assert_int_equal(f->called, 1);
	assert_true(f->has_policy);
}

/* Reads the whole policy, then changes the cache, as a client's next question may
 * do. */
static void on_lookup_then_change(void *arg, const struct lookup_result *result)
{
	struct fixture *f = arg;
	size_t offset = 0;

	on_lookup(arg, result);
	if (!result->has_policy)
		return;
	assert_non_null(policy_next_mx(&result->entry.policy, &offset));
	assert_int_equal(cache_remove(f->cache, &f->domain), MTS_OK);
}

static void test_waiter_changes_the_cache(void **state)
{
	struct fixture *f = *state;
	struct lookup_waiter waiters[2];

	have_policy(f, "a1", 60, 86400);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(lookups_refresh(f->lookups, &f->domain, 0,
		                                 on_lookup_then_change, f,
		                                 &waiters[i]),
		                 MTS_OK);
	finish(DISCOVER_FETCH_FAILED, "a1", 60, NULL);
	assert_int_equal(f->called, 2);
	assert_false(f->has_policy);
}

static void test_close_cancels(void **state)
{
	struct fixture *f = *state;

	ask(f);
	lookups_close(&f->lookups);
	assert_int_equal(faked.cancelled, 1);
	assert_int_equal(f->called, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_hit_waits_for_disk),
		TEST(test_flushed_while_waiting_for_disk),
		TEST(test_time_limit_covers_both_waits),
		TEST(test_miss_then_hit),
		TEST(test_too_many_discoveries),
		TEST(test_one_discovery_for_all),
		TEST(test_discovery_goes_on_after_timeout),
		TEST(test_cancelled_waiter_is_not_called),
		TEST(test_absence_is_remembered),
		TEST(test_failed_fetch_is_not_repeated),
		TEST(test_failed_fetch_is_barred_through_other_failures),
		TEST(test_failed_fetch_is_barred_after_the_end),
		TEST(test_failed_fetch_is_barred_before_the_end),
		TEST(test_failed_fetch_is_barred_between_two_ids),
		TEST(test_failed_fetch_is_tried_again_in_time),
		TEST(test_failed_fetch_with_long_ttl),
		TEST(test_policy_ends_with_max_age),
		TEST(test_cached_policy_wins_over_failure),
		TEST(test_id_check_waits_for_the_ttl),
		TEST(test_id_check_does_not_extend),
		TEST(test_new_id_brings_the_new_policy),
		TEST(test_failed_id_check_is_not_repeated_at_once),
		TEST(test_failed_new_id_is_barred),
		TEST(test_clock_set_back_does_not_stop_checks),
		TEST(test_flush_during_id_check),
		TEST(test_policy_ends_during_id_check),
		TEST(test_flush_during_id_check_without_waiters),
		TEST(test_refresh_fetches_whatever_is_known),
		TEST(test_waiter_changes_the_cache),
		TEST(test_close_cancels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
