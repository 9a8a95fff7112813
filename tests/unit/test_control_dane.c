/* SPDX-License-Identifier: BSD-2-Clause */
/* test_control_dane.c - what the control socket tells of DANE and of the
 * operator's own word. */
#include "control_world.h"

#include "serve/control_hint.h"

static struct domain domain_of(const char *name)
{
	struct domain domain;

	assert_int_equal(domain_from_key(name, strlen(name), &domain, NULL),
	                 MTS_OK);
	return domain;
}

static void await_walk(struct fixture *f)
{
	for (int i = 0; i < 100 && !fake_dane_running(); i++)
		turn_loop(f, 1);
	assert_int_equal(fake_dane_running(), 1);
}

/* -- status ---------------------------------------------------------------- */

static void test_status(void **state)
{
	struct fixture *f = *state;
	json_t *item = ask_one(f, "status\n", 0);
	json_t *dane = json_object_get(item, "dane");

	assert_string_equal(text_of(dane, "mode"), "auto");
	assert_false(is_true(dane, "on"));
	assert_string_equal(text_of(dane, "dnssec"), "stripped");
	assert_string_equal(text_of(dane, "summary"),
	                    "auto, off now: validated here");
	assert_int_equal(int_of(item, "domains"), 0);
	json_decref(item);

	fake_dane.health = SECURE_DNS_GOOD;
	item = ask_one(f, "status\n", 0);
	dane = json_object_get(item, "dane");
	assert_true(is_true(dane, "on"));
	assert_string_equal(text_of(dane, "summary"),
	                    "auto, on now: validated here");
	json_decref(item);
}

/* -- lookup ---------------------------------------------------------------- */

static void test_lookup(void **state)
{
	struct fixture *f = *state;
	struct client *client = new_client(f);
	json_t *item, *dane;

	fake_dane.health = SECURE_DNS_GOOD;
	put_policy(f, "example.org", NOW_S);
	send_text(client, "lookup example.org\n");
	await_walk(f);
	fake_dane_finish(DANE_ALL, 300);
	item = next_object(f, client);
	dane = json_object_get(item, "dane");
	assert_string_equal(text_of(item, "source"), "cached");
	assert_string_equal(text_of(item, "answer"), "OK dane-only");
	assert_non_null(strstr(text_of(item, "why"), "RFC 8461 2"));
	assert_string_equal(text_of(dane, "state"), "all");
	assert_string_equal(text_of(dane, "verdict"), "dane-only");
	assert_int_equal(int_of(dane, "ttl"), 300);
	assert_int_equal(int_of(dane, "age"), 0);
	assert_int_equal(int_of(dane, "ends_in"), 300);
	assert_int_equal(int_of(dane, "port"), 25);
	assert_false(is_true(dane, "direct"));
	json_decref(item);
	expect_end(f, client, 0);

	/* The map for Sendmail does not know of it. */
	item = ask_one(f, "lookup example.org mx1.example.org\n", 0);
	assert_string_equal(text_of(item, "verdict"),
	                    "OK enforce match id=a1 expires=86400");
	json_decref(item);
	end_client(client);
}

static void test_unknowable(void **state)
{
	struct fixture *f = *state;
	struct client *client = new_client(f);
	json_t *item, *dane;

	fake_dane.health = SECURE_DNS_GOOD;
	put_policy(f, "example.org", NOW_S);
	send_text(client, "lookup [example.org]:587\n");
	await_walk(f);
	fake_dane_finish(DANE_UNKNOWABLE, 60);
	item = next_object(f, client);
	dane = json_object_get(item, "dane");
	assert_string_equal(text_of(item, "answer"),
	                    "TEMP DANE may apply to example.org and can't be "
	                    "looked up: because");
	assert_string_equal(text_of(dane, "state"), "unknowable");
	assert_string_equal(text_of(dane, "reason"), "because");
	assert_string_equal(text_of(dane, "verdict"), "wait");
	assert_true(is_true(dane, "direct"));
	assert_int_equal(int_of(dane, "port"), 587);
	assert_int_equal(int_of(dane, "ttl"), 60);
	json_decref(item);
	expect_end(f, client, 0);
	end_client(client);
}

static void test_off(void **state)
{
	struct fixture *f = *state;
	json_t *item, *dane;

	put_policy(f, "example.org", NOW_S);
	item = ask_one(f, "lookup example.org\n", 0);
	dane = json_object_get(item, "dane");
	assert_string_equal(text_of(dane, "state"), "not_known");
	assert_string_equal(text_of(dane, "off"),
	                    "the resolver hands out no DNSSEC data");
	assert_string_equal(text_of(item, "why"), "the policy is enforced");
	json_decref(item);
}

/* -- show ------------------------------------------------------------------ */

static void test_show(void **state)
{
	struct domain domain = domain_of("example.org");
	struct fixture *f = *state;
	struct cache_entry entry;
	json_t *item, *dane;

	fake_dane.health = SECURE_DNS_GOOD;
	put_policy(f, "example.org", NOW_S);
	assert_int_equal(cache_get(f->cache, &domain, &entry), MTS_OK);
	entry.dane_state = DANE_UNUSABLE;
	entry.dane_learnt_s = NOW_S - 400;
	entry.dane_ttl_s = 300;
	assert_int_equal(cache_put(f->cache, &domain, &entry), MTS_OK);
	item = ask_one(f, "show example.org\n", 0);
	dane = json_object_get(item, "dane");
	assert_string_equal(text_of(dane, "state"), "unusable");
	assert_int_equal(int_of(dane, "ttl"), 300);
	assert_int_equal(int_of(dane, "age"), 400);
	assert_int_equal(int_of(dane, "ends_in"), -100);
	json_decref(item);
	/* To look is not to ask. */
	assert_int_equal(fake_dane.started, 0);
}

/* -- explain and refresh --------------------------------------------------- */

static void test_explain(void **state)
{
	struct fixture *f = *state;
	struct client *client = new_client(f);
	json_t *item;

	fake_dane.health = SECURE_DNS_GOOD;
	put_policy(f, "example.org", NOW_S);
	send_text(client, "explain example.org\n");
	await_discovery(f);
	await_walk(f); /* side by side */
	finish(DISCOVER_POLICY);
	fake_dane_finish(DANE_SOME, 300);
	item = next_object(f, client);
	assert_true(json_is_null(json_object_get(item, "now")));
	json_decref(item);
	for (int i = 0; i < 4; i++) {
		item = next_object(f, client);
		assert_non_null(
		    json_object_get(item, i < 2 ? "step" : "dane_step"));
		if (i == 3)
			assert_string_equal(
			    text_of(json_object_get(item, "dane_step"), "name"),
			    "mx1.example.org");
		json_decref(item);
	}
	item = next_object(f, client);
	assert_string_equal(text_of(item, "outcome"), "policy");
	assert_string_equal(text_of(item, "dane_detail"), "because");
	assert_string_equal(text_of(item, "answer"), "OK dane-only");
	assert_string_equal(text_of(json_object_get(item, "dane"), "state"),
	                    "some");
	json_decref(item);
	expect_end(f, client, 0);
	end_client(client);
}

/* What is known does not count: both are looked up now. */
static void test_refresh(void **state)
{
	struct fixture *f = *state;
	struct client *client = new_client(f);
	json_t *item;

	fake_dane.health = SECURE_DNS_GOOD;
	put_policy(f, "example.org", NOW_S);
	for (int i = 0; i < 2; i++) {
		send_text(client, "refresh example.org\n");
		await_discovery(f);
		await_walk(f);
		fake_dane_finish(i ? DANE_UNKNOWABLE : DANE_NONE, 300);
		finish(DISCOVER_POLICY);
		item = next_object(f, client);
		/* A failure takes nothing away that still answers. */
		assert_memory_equal(text_of(item, "answer"), "OK secure", 9);
		json_decref(item);
		expect_end(f, client, i);
	}
	end_client(client);
}

/* -- the operator's word --------------------------------------------------- */

static void test_bypass(void **state)
{
	struct domain domain = domain_of("example.org");
	struct fixture *f = *state;
	json_t *item;

	fake_dane.health = SECURE_DNS_GOOD;
	put_policy(f, "example.org", NOW_S);
	assert_int_equal(words_add_bypass(f->words, &domain, 1), MTS_OK);
	item = ask_one(f, "lookup example.org\n", 1);
	assert_string_equal(text_of(item, "source"), "bypass");
	assert_string_equal(text_of(item, "answer"), "NOTFOUND ");
	assert_non_null(strstr(text_of(item, "why"), "goes without"));
	assert_non_null(strstr(text_of(item, "reason"), "bypass"));
	assert_string_equal(text_of(json_object_get(item, "dane"), "off"),
	                    "the operator's word comes first");
	json_decref(item);
	item = ask_one(f, "status\n", 0);
	assert_int_equal(int_of(item, "domains"), 1);
	json_decref(item);
	assert_int_equal(faked.started + fake_dane.started, 0);
}

static void test_pinned(void **state)
{
	static const char mx[] = "mx9.example.net";
	struct domain domain = domain_of("example.org");
	struct fixture *f = *state;
	struct client *client = new_client(f);
	json_t *item;

	fake_dane.health = SECURE_DNS_GOOD;
	put_policy(f, "example.org", NOW_S);
	assert_int_equal(words_add_policy(f->words, &domain, 1, POLICY_ENFORCE,
	                                  slice_of(mx, sizeof(mx))),
	                 MTS_OK);
	send_text(client, "explain example.org\n");
	item = next_object(f, client);
	assert_string_equal(text_of(json_object_get(item, "now"), "source"),
	                    "pinned");
	assert_string_equal(text_of(json_object_get(item, "cached"), "id"),
	                    "a1");
	json_decref(item);
	item = next_object(f, client);
	assert_string_equal(text_of(item, "outcome"), "operator");
	assert_string_equal(text_of(item, "source"), "pinned");
	assert_string_equal(text_of(item, "id"), "pinned");
	assert_null(json_object_get(item, "expires"));
	assert_string_equal(text_of(item, "answer"),
	                    "OK secure match=mx9.example.net "
	                    "servername=hostname");
	json_decref(item);
	expect_end(f, client, 0);
	item = ask_one(f, "refresh example.org\n", 0);
	assert_string_equal(text_of(item, "outcome"), "operator");
	json_decref(item);
	assert_int_equal(faked.started + fake_dane.started, 0);
	end_client(client);
}

/* -- flush ----------------------------------------------------------------- */

static void test_flush(void **state)
{
	struct domain_hop hop = { .domain = domain_of("example.org"),
		                  .direct = true,
		                  .port = 587 };
	struct dane_states_entry entry = { .state = DANE_ALL };
	struct fixture *f = *state;
	json_t *item;

	assert_int_equal(dane_states_put(f->dane_states, &hop, &entry), MTS_OK);
	item = ask_one(f, "flush example.org\n", 1);
	assert_false(is_true(item, "dane"));
	json_decref(item);
	item = ask_one(f, "flush [example.org]:587\n", 0);
	assert_true(is_true(item, "dane"));
	json_decref(item);
	assert_int_equal(dane_states_put(f->dane_states, &hop, &entry), MTS_OK);
	json_decref(ask_one(f, "flush --all\n", 0));
	assert_int_equal(dane_states_count(f->dane_states), 0);
}

/* -- why ------------------------------------------------------------------- */

static void test_why(void **state)
{
	static const struct {
		enum dane_state state;
		bool enforced, leave;
		const char *why; /* a part */
	} rows[] = {
		{ DANE_ALL, true, false, "comes before MTA-STS" },
		{ DANE_ALL, true, true, "leaves to the MTA" },
		{ DANE_SOME, true, false, "for some of the hosts, and" },
		{ DANE_SOME, false, false, "for some of the hosts (RFC 7672" },
		{ DANE_SOME, false, true, "leaves to the MTA" },
		{ DANE_UNUSABLE, true, false, "no TLSA record is usable" },
		{ DANE_UNUSABLE, false, false, "none of them usable" },
		{ DANE_INSECURE_MX, true, false, "not secure, so the policy" },
		{ DANE_INSECURE_MX, false, false, "MX records name which are" },
		{ DANE_UNKNOWABLE, true, false, "mail has to wait" },
		{ DANE_NONE, true, false, "the policy is enforced" },
		{ DANE_NONE, false, false, "there is no policy" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ask_result result = {
			.sts = { .has_policy = rows[i].enforced },
			.dane = { .state = rows[i].state },
			.verdict = dane_decide(rows[i].state, rows[i].enforced),
			.leave_dane = rows[i].leave,
		};

		result.sts.entry.policy.mode = POLICY_ENFORCE;
		if (!strstr(control_why(&result), rows[i].why))
			fail_msg("%s: %s", dane_state_text(rows[i].state),
			         control_why(&result));
	}
}

/* A hint is about the mail: nothing is "wrong" with MTA-STS where DANE stops
 * it, or has the word. */
static void test_hint(void **state)
{
	static const struct {
		enum dane_state known, walked;
		enum discover_outcome outcome;
		bool leave;
		const char *hint; /* a part */
	} rows[] = {
		{ DANE_NONE, DANE_NONE, DISCOVER_POLICY, false,
		  "hosts that the policy names" },
		{ DANE_NONE, DANE_NONE, DISCOVER_NO_RECORD, false,
		  "does not publish MTA-STS" },
		{ DANE_ALL, DANE_ALL, DISCOVER_POLICY, false,
		  "that their TLSA records name" },
		{ DANE_ALL, DANE_ALL, DISCOVER_NO_RECORD, false,
		  "that their TLSA records name" },
		{ DANE_ALL, DANE_ALL, DISCOVER_POLICY, true, "leaves to the" },
		{ DANE_ALL, DANE_ALL, DISCOVER_BAD_RECORD, false,
		  "owner has to mend it" },
		{ DANE_UNUSABLE, DANE_UNUSABLE, DISCOVER_NO_RECORD, false,
		  "mail goes encrypted" },
		{ DANE_UNKNOWABLE, DANE_UNKNOWABLE, DISCOVER_NO_RECORD, false,
		  "domains: { DOMAIN: bypass }" },
		{ DANE_UNKNOWABLE, DANE_UNKNOWABLE, DISCOVER_POLICY, true,
		  "domains: { DOMAIN: bypass }" },
		{ DANE_UNKNOWABLE, DANE_UNKNOWABLE, DISCOVER_DNS_FAILED, false,
		  "domains: { DOMAIN: bypass }" },
		{ DANE_ALL, DANE_UNKNOWABLE, DISCOVER_POLICY, false,
		  "counts for an hour more" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool has_policy = rows[i].outcome == DISCOVER_POLICY;
		struct discover_result discovery = { .outcome =
			                                 rows[i].outcome };
		struct dane_result walk = { .state = rows[i].walked };
		struct ask_result result = {
			.sts = { .has_policy = has_policy,
			         .discovery = &discovery },
			.dane = { .state = rows[i].known },
			.verdict = dane_decide(rows[i].known, has_policy),
			.leave_dane = rows[i].leave,
			.walk = &walk,
		};

		result.sts.entry.policy.mode = POLICY_ENFORCE;
		if (!strstr(control_hint(&result), rows[i].hint))
			fail_msg("%zu: %s", i, control_hint(&result));
	}
}

int main(void)
{
#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, control_setup, control_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_status),  TEST(test_lookup), TEST(test_unknowable),
		TEST(test_off),     TEST(test_show),   TEST(test_explain),
		TEST(test_refresh), TEST(test_bypass), TEST(test_pinned),
		TEST(test_flush),   TEST(test_why),    TEST(test_hint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
