/* SPDX-License-Identifier: BSD-2-Clause */
/* test_ask.c - answers that depend on both MTA-STS and DANE: the decision, what is
 * waited for, and when DANE is considered at all. */
#include "ask_world.h"

/* -- the decision ---------------------------------------------------------- */

/* RFC 8461 2: "senders who implement MTA-STS validation MUST NOT allow MTA-STS
 * Policy validation to override a failing DANE validation". RFC 7672 2.2 says
 * what to do without a policy. */
static const struct {
	enum dane_state state;
	const char *enforced;
	const char *without;
} table[] = {
	{ DANE_ALL, "OK dane-only", "OK dane-only" },
	{ DANE_SOME, "OK dane-only", "OK dane" },
	{ DANE_UNUSABLE, SECURE, "OK dane" },
	{ DANE_INSECURE_MX, SECURE, "OK dane" },
	{ DANE_NONE, SECURE, "NOTFOUND " },
	{ DANE_UNKNOWABLE, "TEMP ", "TEMP " },
};

static void check_row(struct fixture *f, size_t row, const char *answer)
{
	struct domain_hop hop = { .domain = domain_of("example.org"),
		                  .port = 25 };

	assert_says(f, "postfix example.org", WAIT);
	fake_dane_finish(table[row].state, MINUTE_S);
	assert_int_equal(f->called, 1);
	if (strncmp(f->text, answer, strlen(answer)) != 0)
		fail_msg("%s for %s", f->text,
		         dane_state_text(table[row].state));
	/* It is known now, so the next answers come at once. */
	(void)say(f, "postfix example.org");
	assert_memory_equal(f->text, answer, strlen(answer));
	(void)say(f, "QUERY example.org");
	assert_memory_equal(f->text, answer, strlen(answer));
	(void)say(f, "QUERYwithTLSRPT example.org");
	assert_memory_equal(f->text, answer, strlen(answer));
	assert_int_equal(f->called, 1);
	assert_int_equal(faked.started, 0);
	(void)dane_table_remove(f->dane_table, &hop);
	f->called = 0;
}

static void test_decision_with_an_enforced_policy(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		have_policy(f, POLICY_ENFORCE);
		check_row(f, i, table[i].enforced);
	}
}

static void test_decision_without_a_policy(void **state)
{
	struct fixture *f = *state;

	have_no_policy(f);
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		check_row(f, i, table[i].without);
}

/* Only an enforced policy counts. */
static void test_other_modes_do_not_count(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		have_policy(f, i % 2 ? POLICY_TESTING : POLICY_NONE);
		check_row(f, i, table[i].without);
	}
}

/* But the operator may define a map that enforces testing. */
static void test_map_that_enforces_testing(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		have_policy(f, POLICY_TESTING);
		check_row(f, i, table[i].without);
		have_policy(f, POLICY_TESTING);
		assert_says(f, "strict example.org", WAIT);
		fake_dane_finish(table[i].state, MINUTE_S);
		assert_memory_equal(f->text, table[i].enforced,
		                    strlen(table[i].enforced));
		(void)say(f, "strict example.org");
		assert_memory_equal(f->text, table[i].enforced,
		                    strlen(table[i].enforced));
		have_policy(f, POLICY_TESTING);
		f->called = 0;
	}
}

static void test_dane_answer_none(void **state)
{
	struct fixture *f = *state;

	open_ask(f, ASK_DANE_AUTO, true, 20000);
	have_policy(f, POLICY_ENFORCE);
	assert_says(f, "postfix example.org", WAIT);
	fake_dane_finish(DANE_ALL, MINUTE_S);
	assert_says(f, "postfix example.org", "NOTFOUND ");
	assert_says(f, "postfix-tlsrpt example.org", "NOTFOUND ");
	/* What main.cf can't know either still has to wait. */
	have_no_policy(f);
	assert_says(f, "postfix [example.org]", WAIT);
	fake_dane_finish(DANE_UNKNOWABLE, MINUTE_S);
	assert_memory_equal(say(f, "postfix [example.org]"), "TEMP ", 5);
}

/* NOTFOUND in place of dane-only and dane; everything else stays. */
static void check_left(struct fixture *f, size_t row, const char *answer)
{
	check_row(f, row,
	          strncmp(answer, "OK dane", 7) == 0 ? "NOTFOUND " : answer);
}

static void test_dane_answer_none_for_every_state(void **state)
{
	struct fixture *f = *state;

	open_ask(f, ASK_DANE_AUTO, true, 20000);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		have_policy(f, POLICY_ENFORCE);
		check_left(f, i, table[i].enforced);
		have_policy(f, POLICY_NONE);
		check_left(f, i, table[i].without);
	}
}

/* Sendmail does DANE itself and does not know "dane"; the map verdict is about
 * MTA-STS. */
static void test_maps_without_dane(void **state)
{
	struct fixture *f = *state;

	have_policy(f, POLICY_ENFORCE);
	assert_says(f, "sts example.org", SECURE);
	assert_says(f, "verdict example.org mx1.example.org",
	            "OK enforce match id=a1 expires=2592000");
	assert_int_equal(fake_dane.started, 0);
	assert_says(f, "postfix example.org", WAIT);
	fake_dane_finish(DANE_ALL, MINUTE_S);
	assert_says(f, "postfix example.org", "OK dane-only");
	assert_says(f, "sts example.org", SECURE);
	assert_says(f, "verdict example.org mx1.example.org",
	            "OK enforce match id=a1 expires=2592000");
}

static void test_temp_says_why(void **state)
{
	struct fixture *f = *state;

	have_no_policy(f);
	assert_says(f, "postfix example.org", WAIT);
	fake_dane_finish(DANE_UNKNOWABLE, MINUTE_S);
	assert_string_equal(f->text, "TEMP DANE may apply to example.org and "
	                             "can't be looked up: because");
	assert_says(f, "postfix example.org",
	            "TEMP DANE may apply to example.org and can't be looked "
	            "up: because");
}

/* -- hops ------------------------------------------------------------------ */

static void test_hops_have_their_own_state(void **state)
{
	static const struct {
		const char *request;
		bool direct;
		uint16_t port;
	} rows[] = {
		{ "postfix example.org", false, 25 },
		{ "postfix [example.org]", true, 25 },
		{ "postfix example.org:587", false, 587 },
		{ "postfix [example.org]:submission", true, 587 },
	};
	struct fixture *f = *state;

	have_policy(f, POLICY_ENFORCE);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_says(f, rows[i].request, WAIT);
		assert_int_equal(fake_dane.checks[i].hop.direct,
		                 rows[i].direct);
		assert_int_equal(fake_dane.checks[i].hop.port, rows[i].port);
		fake_dane_finish(i % 2 ? DANE_ALL : DANE_NONE, MINUTE_S);
	}
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_says(f, rows[i].request,
		            i % 2 ? "OK dane-only" : SECURE);
	/* Other ways to write the same. */
	assert_says(f, "postfix Example.ORG.:25", SECURE);
	assert_says(f, "postfix [example.org]:smtp", "OK dane-only");
	/* An unknown port: its TLSA records can't be looked up. */
	assert_says(f, "postfix example.org:nosuchservice", SECURE);
	assert_int_equal(fake_dane.started, (int)ARRAY_LEN(rows));
}

/* -- both at once ---------------------------------------------------------- */

/* Nothing is known: both are looked up side by side, whichever ends first. */
static void test_both_are_looked_up_side_by_side(void **state)
{
	struct fixture *f = *state;
	struct policy policy = a_policy(POLICY_ENFORCE);

	assert_says(f, "postfix example.org", WAIT);
	assert_true(faked.running);
	assert_int_equal(fake_dane_running(), 1);
	finish(DISCOVER_POLICY, &policy);
	assert_int_equal(f->called, 0);
	fake_dane_finish(DANE_SOME, 300);
	assert_int_equal(f->called, 1);
	assert_string_equal(f->text, "OK dane-only");
	assert_says(f, "postfix example.org", "OK dane-only");

	assert_says(f, "postfix [example.org]:465", WAIT);
	fake_dane_finish(DANE_SOME, 300);
	assert_int_equal(f->called, 2);
}

static void test_dane_ends_first(void **state)
{
	struct fixture *f = *state;
	struct policy policy = a_policy(POLICY_ENFORCE);

	assert_says(f, "postfix example.org", WAIT);
	fake_dane_finish(DANE_SOME, 300);
	assert_int_equal(f->called, 0);
	finish(DISCOVER_POLICY, &policy);
	assert_int_equal(f->called, 1);
	assert_string_equal(f->text, "OK dane-only");
	/* It was learnt before there was a policy. Now it is stored beside the
	 * policy, where a restart finds it. */
	assert_int_equal(record(f).dane_state, DANE_SOME);
	assert_says(f, "postfix example.org", "OK dane-only");
	assert_int_equal(fake_dane.started, 1);
}

/* A policy with a max_age of 0 counts for one answer. */
static void test_policy_without_max_age_counts_once(void **state)
{
	struct fixture *f = *state;
	struct policy policy = a_policy(POLICY_ENFORCE);

	policy.max_age_s = 0;
	assert_says(f, "postfix example.org", WAIT);
	finish(DISCOVER_POLICY, &policy);
	memset(&policy, 0, sizeof(policy));
	pass(5);
	fake_dane_finish(DANE_NONE, 300);
	assert_string_equal(f->text, SECURE);
}

static void test_check_goes_on_after_timeout(void **state)
{
	struct fixture *f = *state;

	open_ask(f, ASK_DANE_AUTO, false, 1);
	have_no_policy(f);
	assert_says(f, "postfix example.org", WAIT);
	while (f->called == 0)
		uv_run(&f->loop, UV_RUN_ONCE);
	assert_string_equal(f->text,
	                    "TEMP DANE may apply to example.org and can't be "
	                    "looked up: it was not learnt in time");
	/* The check goes on, for the next asker. */
	fake_dane_finish(DANE_NONE, 300);
	assert_says(f, "postfix example.org", "NOTFOUND ");
	assert_int_equal(fake_dane.started, 1);
}

static void test_check_that_cannot_start(void **state)
{
	struct fixture *f = *state;
	struct policy policy = a_policy(POLICY_ENFORCE);

	fake_dane.no_memory = true;
	have_no_policy(f);
	assert_memory_equal(say(f, "postfix example.org"), "TEMP ", 5);
	assert_int_equal(f->called, 0);
	/* MTA-STS is waited for even so. */
	absent_remove_all(f->absent);
	assert_says(f, "postfix example.org", WAIT);
	finish(DISCOVER_POLICY, &policy);
	assert_int_equal(f->called, 1);
	assert_memory_equal(f->text, "TEMP ", 5);
}

static void test_cancelled_waiter_is_not_called(void **state)
{
	struct fixture *f = *state;
	struct policy policy = a_policy(POLICY_ENFORCE);

	assert_says(f, "postfix example.org", WAIT);
	ask_cancel(&f->waiter);
	assert_null(f->waiter);
	ask_cancel(&f->waiter);
	assert_says(f, "postfix example.org", WAIT);
	finish(DISCOVER_POLICY, &policy);
	ask_cancel(&f->waiter); /* with a copy of the policy */
	fake_dane_finish(DANE_NONE, 300);
	assert_int_equal(f->called, 0);
	assert_says(f, "postfix [example.org]", WAIT);
	/* Closed while a check is under way. */
	ask_cancel(&f->waiter);
	open_ask(f, ASK_DANE_AUTO, false, 20000);
	assert_int_equal(fake_dane.cancelled, 1);
}

static void test_refresh_looks_up_both(void **state)
{
	struct fixture *f = *state;
	struct policy policy = a_policy(POLICY_ENFORCE);

	have_policy(f, POLICY_ENFORCE);
	assert_says(f, "postfix example.org", WAIT);
	fake_dane_finish(DANE_ALL, 300);
	for (int i = 0; i < 2; i++) { /* whichever comes first */
		assert_int_equal(ask_refresh(f->ask, &f->question.ask, 20000,
		                             on_answer, f, &f->waiter),
		                 MTS_OK);
		f->called = 0;
		if (i)
			fake_dane_finish(DANE_NONE, 300);
		finish(DISCOVER_POLICY, &policy);
		if (!i)
			fake_dane_finish(DANE_NONE, 300);
		assert_int_equal(f->called, 1);
		assert_string_equal(f->text, SECURE);
		assert_int_equal(f->dane_steps, 2);
		assert_int_equal(f->sts_steps, 1);
	}
	/* A failed check does not replace a state that still answers. */
	assert_int_equal(ask_refresh(f->ask, &f->question.ask, 20000, on_answer,
	                             f, &f->waiter),
	                 MTS_OK);
	finish(DISCOVER_POLICY, &policy);
	fake_dane_finish(DANE_UNKNOWABLE, MINUTE_S);
	assert_string_equal(f->text, SECURE);
	assert_int_equal(f->dane_steps, 2);
}

/* -- when DANE is considered ----------------------------------------------- */

/* "a resolver that strips signatures must not stop anybody's mail" */
static void test_auto_needs_dnssec_data(void **state)
{
	static const enum secure_dns_health healths[] = { SECURE_DNS_STRIPPED,
		                                          SECURE_DNS_FAILING,
		                                          SECURE_DNS_NONE };
	struct fixture *f = *state;

	have_policy(f, POLICY_ENFORCE);
	for (size_t i = 0; i < ARRAY_LEN(healths); i++) {
		fake_dane.health = healths[i];
		assert_says(f, "postfix example.org", SECURE);
	}
	assert_int_equal(fake_dane.started, 0);
	/* What was learnt before no longer counts: Postfix asks the same
	 * resolver. */
	fake_dane.health = SECURE_DNS_GOOD;
	assert_says(f, "postfix example.org", WAIT);
	fake_dane_finish(DANE_ALL, 300);
	assert_says(f, "postfix example.org", "OK dane-only");
	fake_dane.health = SECURE_DNS_STRIPPED;
	assert_says(f, "postfix example.org", SECURE);
	/* A check that failed because the resolver broke says nothing. */
	fake_dane.health = SECURE_DNS_GOOD;
	assert_says(f, "postfix [example.org]", WAIT);
	fake_dane.health = SECURE_DNS_FAILING;
	fake_dane_finish(DANE_UNKNOWABLE, 60);
	assert_string_equal(f->text, SECURE);
	fake_dane.health = SECURE_DNS_GOOD;
	assert_says(f, "postfix [example.org]", WAIT);
	/* Nor does one that had its answer before that. */
	fake_dane.health = SECURE_DNS_STRIPPED;
	fake_dane_finish(DANE_ALL, 300);
	assert_string_equal(f->text, SECURE);
}

/* While DNS is dead, known states still count, and unknown ones stop no mail. */
static void test_known_states_count_while_dns_is_dead(void **state)
{
	struct fixture *f = *state;

	have_policy(f, POLICY_ENFORCE);
	assert_says(f, "postfix example.org", WAIT);
	fake_dane_finish(DANE_ALL, 300);
	fake_dane.health = SECURE_DNS_DEAD;
	assert_says(f, "postfix example.org", "OK dane-only");
	assert_says(f, "postfix [example.org]", SECURE);
	pass(300 + 3601); /* an hour past its TTL */
	assert_says(f, "postfix example.org", SECURE);
	assert_int_equal(fake_dane.started, 1);
	/* A check that failed before that says no more than silence. */
	fake_dane.health = SECURE_DNS_GOOD;
	assert_says(f, "postfix [example.org]", WAIT);
	fake_dane_finish(DANE_UNKNOWABLE, MINUTE_S);
	assert_memory_equal(say(f, "postfix [example.org]"), "TEMP ", 5);
	fake_dane.health = SECURE_DNS_DEAD;
	assert_says(f, "postfix [example.org]", SECURE);
}

static void await(struct fixture *f, int calls)
{
	for (int i = 0; i < 1000 && f->called < calls; i++)
		uv_run(&f->loop, UV_RUN_ONCE);
	assert_int_equal(f->called, calls);
}

/* The first test is still under way. */
static void test_checks_wait_for_the_resolver_test(void **state)
{
	struct fixture *f = *state;

	fake_dane.health = SECURE_DNS_UNTESTED;
	have_policy(f, POLICY_ENFORCE);
	assert_says(f, "postfix example.org", WAIT);
	assert_says(f, "postfix [example.org]", WAIT);
	uv_run(&f->loop, UV_RUN_ONCE);
	assert_int_equal(fake_dane.started, 0);
	fake_dane.health = SECURE_DNS_STRIPPED;
	await(f, 2);
	assert_string_equal(f->text, SECURE);

	fake_dane.health = SECURE_DNS_UNTESTED;
	assert_says(f, "postfix example.org", WAIT);
	fake_dane.health = SECURE_DNS_GOOD;
	for (int i = 0; i < 1000 && fake_dane.started == 0; i++)
		uv_run(&f->loop, UV_RUN_ONCE);
	fake_dane_finish(DANE_ALL, 300);
	assert_int_equal(f->called, 3);
	assert_string_equal(f->text, "OK dane-only");
}

static void test_on_checks_without_dnssec_data(void **state)
{
	struct fixture *f = *state;

	open_ask(f, ASK_DANE_ON, false, 20000);
	fake_dane.health = SECURE_DNS_STRIPPED;
	have_policy(f, POLICY_ENFORCE);
	assert_says(f, "postfix example.org", WAIT);
	fake_dane_finish(DANE_UNKNOWABLE, 60);
	assert_memory_equal(f->text, "TEMP ", 5);
	assert_memory_equal(say(f, "postfix example.org"), "TEMP ", 5);
}

/* Only if a policy is enforced. */
static void test_precedence_needs_an_enforced_policy(void **state)
{
	struct fixture *f = *state;
	struct policy policy = a_policy(POLICY_ENFORCE);

	open_ask(f, ASK_DANE_PRECEDENCE, false, 20000);
	have_no_policy(f);
	assert_says(f, "postfix example.org", "NOTFOUND ");
	absent_remove_all(f->absent);
	have_policy(f, POLICY_TESTING);
	assert_says(f, "postfix example.org", "NOTFOUND ");
	assert_int_equal(fake_dane.started, 0);
	have_policy(f, POLICY_ENFORCE);
	assert_says(f, "postfix example.org", WAIT);
	fake_dane_finish(DANE_ALL, 300);
	assert_string_equal(f->text, "OK dane-only");

	/* Nothing is known of it: the check starts once there is a policy. */
	assert_says(f, "postfix example.net", WAIT);
	assert_int_equal(fake_dane_running(), 0);
	finish(DISCOVER_POLICY, &policy);
	assert_int_equal(fake_dane_running(), 1);
	fake_dane_finish(DANE_NONE, 300);
	assert_int_equal(f->called, 2);
	assert_string_equal(f->text, SECURE);
	assert_says(f, "postfix example.com", WAIT);
	finish(DISCOVER_NO_RECORD, NULL);
	assert_int_equal(f->called, 3);
	assert_string_equal(f->text, "NOTFOUND ");
	assert_int_equal(fake_dane_running(), 0);
}

static void test_off_checks_nothing(void **state)
{
	struct fixture *f = *state;

	open_ask(f, ASK_DANE_OFF, false, 20000);
	have_policy(f, POLICY_ENFORCE);
	assert_says(f, "postfix example.org", SECURE);
	assert_int_equal(fake_dane.started, 0);
}

int main(void)
{
#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, ask_setup, ask_teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_decision_with_an_enforced_policy),
		TEST(test_decision_without_a_policy),
		TEST(test_other_modes_do_not_count),
		TEST(test_map_that_enforces_testing),
		TEST(test_dane_answer_none),
		TEST(test_dane_answer_none_for_every_state),
		TEST(test_maps_without_dane),
		TEST(test_temp_says_why),
		TEST(test_hops_have_their_own_state),
		TEST(test_both_are_looked_up_side_by_side),
		TEST(test_dane_ends_first),
		TEST(test_policy_without_max_age_counts_once),
		TEST(test_check_goes_on_after_timeout),
		TEST(test_check_that_cannot_start),
		TEST(test_cancelled_waiter_is_not_called),
		TEST(test_refresh_looks_up_both),
		TEST(test_auto_needs_dnssec_data),
		TEST(test_known_states_count_while_dns_is_dead),
		TEST(test_checks_wait_for_the_resolver_test),
		TEST(test_on_checks_without_dnssec_data),
		TEST(test_precedence_needs_an_enforced_policy),
		TEST(test_off_checks_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
