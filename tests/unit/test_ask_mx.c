/* SPDX-License-Identifier: BSD-2-Clause */
/* test_ask_mx.c - answers that name MX hosts (strict_mx): which hosts, how long
 * they are remembered, and what the answer is if the look-up fails. The policy is
 * that of example.org, with the pattern mx1.example.org. */
#include "ask_world.h"

#define NONE    "TEMP no MX host of example.org is in its policy"
#define UNKNOWN "TEMP the MX hosts of example.org can't be looked up: because"

enum { TTL_S = 100 };

static int hosts_setup(void **state)
{
	ask_setup(state);
	open_ask(*state, ASK_DANE_OFF, false, 20000);
	have_policy(*state, POLICY_ENFORCE);
	return 0;
}

static void test_covered_hosts_are_named(void **state)
{
	struct fixture *f = *state;

	assert_says(f, "hosts example.org", WAIT);
	assert_string_equal(fake_mx.domain.name, "example.org");
	FAKE_MX_HOSTS("mx0.example.org\0mx1.example.org\0a.mx1.example.org",
	              TTL_S);
	assert_int_equal(f->called, 1);
	assert_string_equal(f->text, SECURE);
	/* now at once */
	assert_says(f, "hosts example.org", SECURE);
	assert_int_equal(fake_mx.started, 1);
}

static void test_none_is_covered(void **state)
{
	struct fixture *f = *state;

	assert_says(f, "hosts example.org", WAIT);
	FAKE_MX_HOSTS("mx0.example.org\0a.mx1.example.org", TTL_S);
	assert_string_equal(f->text, NONE);
	assert_says(f, "hosts example.org", NONE);
	pass(TTL_S);
	assert_says(f, "hosts example.org", WAIT);
	fake_mx_finish("", 0, TTL_S); /* a null MX */
	assert_string_equal(f->text, NONE);
}

/* Maps without strict_mx cause no look-up. */
static void test_only_strict_mx_looks_hosts_up(void **state)
{
	struct fixture *f = *state;

	assert_says(f, "postfix example.org", SECURE);
	assert_says(f, "hosts-sts example.org", SECURE);
	have_policy(f, POLICY_TESTING);
	assert_says(f, "hosts example.org", "NOTFOUND ");
	have_policy(f, POLICY_NONE);
	assert_says(f, "hosts example.org", "NOTFOUND ");
	assert_int_equal(fake_mx.started, 0);
}

/* Sendmail gets the patterns if there are few of them. */
static void test_too_many_patterns_for_sendmail(void **state)
{
	struct fixture *f = *state;
	struct domain domain = domain_of("example.org");
	char mx[252];
	struct cache_entry entry = record(f);

	memset(mx, 'x', sizeof(mx));
	memcpy(mx, "mx1.example.org", 16);
	mx[sizeof(mx) - 1] = '\0';
	entry.policy.mx_count = 2;
	entry.policy.mx = slice_of(mx, sizeof(mx) - 1);
	mx[sizeof(mx) - 2] = '\0';
	assert_int_equal(cache_put(f->cache, &domain, &entry), MTS_OK);
	(void)say(f, "sts example.org");
	assert_memory_equal(f->text, "OK secure match=mx1.example.org:xxx", 35);
	assert_int_equal(fake_mx.started, 0);

	mx[sizeof(mx) - 2] = 'x';
	entry.policy.mx.len++;
	assert_int_equal(cache_put(f->cache, &domain, &entry), MTS_OK);
	assert_says(f, "sts example.org", WAIT);
	FAKE_MX_HOSTS("mx0.example.org\0mx1.example.org", TTL_S);
	assert_string_equal(f->text, SECURE);
	(void)say(f, "postfix example.org");
	assert_memory_equal(f->text, "OK secure match=mx1.example.org:xxx", 35);
}

/* "[host]": there is no MX look-up, and the policy has to cover the host. */
static void test_brackets_need_no_mx_lookup(void **state)
{
	struct fixture *f = *state;

	assert_says(f, "hosts [example.org]:25", NONE);
	assert_int_equal(fake_mx.started, 0);
}

static void test_hosts_are_looked_up_again_after_ttl(void **state)
{
	struct fixture *f = *state;

	assert_says(f, "hosts example.org", WAIT);
	FAKE_MX_HOSTS("mx1.example.org", TTL_S);
	pass(TTL_S - 1);
	assert_says(f, "hosts example.org", SECURE);
	pass(1);
	assert_says(f, "hosts example.org", WAIT);
	FAKE_MX_HOSTS("mx9.example.org", TTL_S);
	assert_string_equal(f->text, NONE);
	/* whatever the TTL: the processes of one delivery ask several times */
	pass(TTL_S);
	assert_says(f, "hosts example.org", WAIT);
	FAKE_MX_HOSTS("mx1.example.org", 0);
	pass(4);
	assert_says(f, "hosts example.org", SECURE);
	pass(1);
	assert_says(f, "hosts example.org", WAIT);
	FAKE_MX_HOSTS("mx1.example.org", TTL_S);
}

static void test_failed_lookup_is_remembered(void **state)
{
	struct fixture *f = *state;

	assert_says(f, "hosts example.org", WAIT);
	fake_mx_finish(NULL, 0, 0);
	assert_string_equal(f->text, UNKNOWN);
	/* There is no new look-up at once. */
	pass(29);
	assert_says(f, "hosts example.org", UNKNOWN);
	pass(1);
	assert_says(f, "hosts example.org", WAIT);
	FAKE_MX_HOSTS("mx1.example.org", TTL_S);
	assert_string_equal(f->text, SECURE);
}

/* While DNS fails, the old hosts answer for another hour. */
static void test_old_hosts_answer_while_dns_fails(void **state)
{
	struct fixture *f = *state;
	int waited = 0;

	assert_says(f, "hosts example.org", WAIT);
	FAKE_MX_HOSTS("mx1.example.org", TTL_S);
	pass(TTL_S);
	for (int s = 0; s < HOUR_S; s += 10, pass(10)) {
		if (strcmp(say(f, "hosts example.org"), WAIT) == 0) {
			fake_mx_finish(NULL, 0, 0);
			waited++;
		}
		assert_string_equal(f->text, SECURE);
	}
	assert_int_equal(waited, HOUR_S / 30);
	assert_says(f, "hosts example.org", WAIT);
	fake_mx_finish(NULL, 0, 0);
	assert_string_equal(f->text, UNKNOWN);
}

static void run(struct fixture *f)
{
	while (f->called == 0)
		uv_run(&f->loop, UV_RUN_ONCE);
}

static void test_lookup_goes_on_after_timeout(void **state)
{
	struct fixture *f = *state;

	open_ask(f, ASK_DANE_OFF, false, 50);
	assert_says(f, "hosts example.org", WAIT);
	run(f);
	assert_string_equal(f->text,
	                    "TEMP the MX hosts of example.org can't be "
	                    "looked up: no answer in time");
	/* The look-up goes on, for the next asker. */
	FAKE_MX_HOSTS("mx1.example.org", TTL_S);
	assert_says(f, "hosts example.org", SECURE);
}

static void test_lookup_that_cannot_start(void **state)
{
	struct fixture *f = *state;

	fake_mx.no_memory = true;
	assert_says(f, "hosts example.org",
	            "TEMP the MX hosts of example.org can't be looked up: "
	            "nothing is known yet");
}

static void test_cancelled_waiter_is_not_called(void **state)
{
	struct fixture *f = *state;

	assert_says(f, "hosts example.org", WAIT);
	ask_cancel(&f->waiter);
	FAKE_MX_HOSTS("mx1.example.org", TTL_S);
	assert_int_equal(f->called, 0);
	assert_says(f, "hosts example.org", SECURE);
	/* At the end a look-up is still under way. */
	pass(TTL_S);
	assert_says(f, "hosts example.org", WAIT);
}

/* The policy is discovered first. */
static void test_hosts_after_a_discovery(void **state)
{
	struct fixture *f = *state;
	struct policy policy = a_policy(POLICY_ENFORCE);
	struct domain domain = domain_of("example.org");

	(void)cache_remove(f->cache, &domain);
	assert_says(f, "hosts example.org", WAIT);
	assert_int_equal(fake_mx.started, 0);
	finish(DISCOVER_POLICY, &policy);
	assert_int_equal(f->called, 0);
	assert_int_equal(fake_mx.started, 1);
	/* It may be removed meanwhile: the waiter has a copy. */
	(void)cache_remove(f->cache, &domain);
	FAKE_MX_HOSTS("mx1.example.org", TTL_S);
	assert_string_equal(f->text, SECURE);
}

/* DANE comes first: hosts are looked up only if it says nothing. */
static void test_hosts_only_if_dane_says_nothing(void **state)
{
	struct fixture *f = *state;

	open_ask(f, ASK_DANE_AUTO, false, 20000);
	assert_says(f, "hosts example.org", WAIT);
	fake_dane_finish(DANE_ALL, MINUTE_S);
	assert_string_equal(f->text, "OK dane-only");
	assert_int_equal(fake_mx.started, 0);
	pass(2 * HOUR_S);
	f->called = 0;
	assert_says(f, "hosts example.org", WAIT);
	fake_dane_finish(DANE_NONE, MINUTE_S);
	assert_int_equal(f->called, 0);
	FAKE_MX_HOSTS("mx1.example.org", TTL_S);
	assert_int_equal(f->called, 1);
	assert_string_equal(f->text, SECURE);
}

/* Nothing is looked up for a pinned policy. */
static void test_pinned_policy_needs_no_hosts(void **state)
{
	struct fixture *f = *state;
	struct domain domain = domain_of("example.org");

	assert_int_equal(overrides_add_policy(f->overrides, &domain, 1,
	                                      POLICY_ENFORCE,
	                                      a_policy(POLICY_ENFORCE).mx),
	                 MTS_OK);
	assert_says(f, "hosts example.org", SECURE);
	assert_int_equal(fake_mx.started, 0);
}

static void test_refresh_looks_everything_up(void **state)
{
	struct fixture *f = *state;
	struct policy policy = a_policy(POLICY_ENFORCE);
	struct ask_waiter *waiter;

	assert_says(f, "hosts example.org", WAIT);
	FAKE_MX_HOSTS("mx1.example.org", TTL_S);
	f->called = 0;
	assert_int_equal(
	    ask_refresh(f->ask, &f->question.ask, 1000, on_answer, f, &waiter),
	    MTS_OK);
	finish(DISCOVER_POLICY, &policy);
	assert_int_equal(f->called, 0);
	FAKE_MX_HOSTS("mx9.example.org", TTL_S);
	assert_int_equal(f->called, 1);
	assert_string_equal(f->text, NONE);
	assert_int_equal(f->sts_steps, 1);
}

/* A full table evicts the domain that was used least recently. */
static void test_full_table_evicts(void **state)
{
	struct fixture *f = *state;
	struct mx_waiter waiter;
	struct mx_hosts hosts;
	char name[] = "a.example";

	for (; name[0] <= 'd'; name[0]++) {
		struct domain domain = domain_of(name);

		assert_int_equal(mx_sets_wait(f->mx_sets, &domain, 10000,
		                              (mx_waiter_callback *)NULL, NULL,
		                              &waiter),
		                 MTS_OK);
		mx_waiter_cancel(&waiter);
		FAKE_MX_HOSTS("mx1.example.org", TTL_S);
	}
	for (name[0] = 'a'; name[0] <= 'd'; name[0]++) {
		struct domain domain = domain_of(name);

		assert_int_equal(mx_sets_get(f->mx_sets, &domain, &hosts),
		                 name[0] == 'a' ? MTS_EMORE : MTS_OK);
	}
}

#define ROW(name)                                                              \
	cmocka_unit_test_setup_teardown(name, hosts_setup, ask_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(test_covered_hosts_are_named),
		ROW(test_none_is_covered),
		ROW(test_only_strict_mx_looks_hosts_up),
		ROW(test_too_many_patterns_for_sendmail),
		ROW(test_brackets_need_no_mx_lookup),
		ROW(test_hosts_are_looked_up_again_after_ttl),
		ROW(test_failed_lookup_is_remembered),
		ROW(test_old_hosts_answer_while_dns_fails),
		ROW(test_lookup_goes_on_after_timeout),
		ROW(test_lookup_that_cannot_start),
		ROW(test_cancelled_waiter_is_not_called),
		ROW(test_hosts_after_a_discovery),
		ROW(test_hosts_only_if_dane_says_nothing),
		ROW(test_pinned_policy_needs_no_hosts),
		ROW(test_refresh_looks_everything_up),
		ROW(test_full_table_evicts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
