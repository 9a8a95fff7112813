/* SPDX-License-Identifier: BSD-2-Clause */
/* test_control_dane.c - what the control socket says about DANE and the
 * operator's own word. */
#include "control_world.h"

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
		work_item_loop(f, 1);
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
	                    "the resolver delivers no DNSSEC data");
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
	assert_int_equal(overrides_add_bypass(f->overrides, &domain, 1),
	                 MTS_OK);
	item = ask_one(f, "lookup example.org\n", 1);
	assert_string_equal(text_of(item, "source"), "bypass");
	assert_string_equal(text_of(item, "answer"), "NOTFOUND ");
	assert_non_null(strstr(text_of(item, "why"), "exempts the domain"));
	assert_non_null(strstr(text_of(item, "reason"), "bypass"));
	assert_string_equal(text_of(json_object_get(item, "dane"), "off"),
	                    "the operator's override comes first");
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
	assert_int_equal(overrides_add_policy(f->overrides, &domain, 1,
	                                      POLICY_ENFORCE,
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
	struct dane_result result = { .state = DANE_ALL, .reason = "" };
	struct fixture *f = *state;
	json_t *item;

	dane_table_put(f->dane_table, &hop, &result);
	item = ask_one(f, "flush example.org\n", 1);
	assert_false(is_true(item, "dane"));
	json_decref(item);
	item = ask_one(f, "flush [example.org]:587\n", 0);
	assert_true(is_true(item, "dane"));
	json_decref(item);
	dane_table_put(f->dane_table, &hop, &result);
	json_decref(ask_one(f, "flush --all\n", 0));
	assert_int_equal(dane_table_count(f->dane_table), 0);
}

/* -- MX hosts, for explain ------------------------------------------------- */

/* The last item of an explanation, while MX hosts end as HOSTS says. */
static json_t *explain_with(struct fixture *f, const char *hosts, size_t len)
{
	struct client *client = new_client(f);
	json_t *item;

	send_text(client, "explain example.org\n");
	for (int i = 0; i < 100 && !fake_mx.running; i++)
		work_item_loop(f, 1);
	fake_mx_finish(hosts, len, 300);
	await_discovery(f);
	finish(DISCOVER_POLICY);
	do {
		item = next_object(f, client);
		if (json_object_get(item, "outcome"))
			break;
		json_decref(item);
	} while (true);
	expect_end(f, client, 0);
	end_client(client);
	return item;
}

static void test_mx_hosts(void **state)
{
	static const char names[] = "mx1.example.org\0mx.elsewhere.example";
	struct fixture *f = *state;
	json_t *item = explain_with(f, names, sizeof(names));
	json_t *hosts = json_object_get(item, "mx_hosts");

	assert_int_equal(json_array_size(hosts), 2);
	assert_string_equal(text_of(json_array_get(hosts, 0), "name"),
	                    "mx1.example.org");
	assert_true(is_true(json_array_get(hosts, 0), "covered"));
	assert_false(is_true(json_array_get(hosts, 1), "covered"));
	assert_non_null(strstr(text_of(item, "mail"), "only to the MX hosts"));
	assert_non_null(
	    strstr(text_of(item, "hint"), "domains: { example.org: bypass }"));
	json_decref(item);
}

static void test_mx_unknown(void **state)
{
	struct fixture *f = *state;
	json_t *item = explain_with(f, NULL, 0);

	assert_true(json_is_null(json_object_get(item, "mx_hosts")));
	assert_string_equal(text_of(item, "mx_reason"), "because");
	assert_non_null(strstr(text_of(item, "hint"), "dig MX example.org"));
	json_decref(item);
}

/* Where the host itself is meant, none of them counts. */
static void test_mx_direct(void **state)
{
	struct fixture *f = *state;
	struct client *client = new_client(f);

	send_text(client, "explain [example.org]:587\n");
	await_discovery(f);
	assert_int_equal(fake_mx.started, 0);
	finish(DISCOVER_POLICY);
	end_client(client);
}

/* Without memory for that, the rest is still explained. */
static void test_mx_no_memory(void **state)
{
	struct fixture *f = *state;
	struct client *client = new_client(f);

	fake_mx.no_memory = true;
	send_text(client, "explain example.org\n");
	await_discovery(f);
	finish(DISCOVER_POLICY);
	end_client(client);
}

static void test_mx_peer_goes_away(void **state)
{
	struct fixture *f = *state;
	struct client *client = new_client(f);

	send_text(client, "explain example.org\n");
	for (int i = 0; i < 100 && !fake_mx.running; i++)
		work_item_loop(f, 1);
	end_client(client);
	work_item_loop(f, 10);
	assert_int_equal(faked.started, 0);
	if (fake_mx.running)
		fake_mx_finish(NULL, 0, 0);
	work_item_loop(f, 10);
	assert_int_equal(faked.started, 0);
}

int main(void)
{
#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, control_setup, control_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_status),
		TEST(test_lookup),
		TEST(test_unknowable),
		TEST(test_off),
		TEST(test_show),
		TEST(test_explain),
		TEST(test_refresh),
		TEST(test_bypass),
		TEST(test_pinned),
		TEST(test_flush),
		TEST(test_mx_hosts),
		TEST(test_mx_unknown),
		TEST(test_mx_direct),
		TEST(test_mx_no_memory),
		TEST(test_mx_peer_goes_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
