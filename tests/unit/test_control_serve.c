/* SPDX-License-Identifier: BSD-2-Clause */
/* test_control_serve.c - what each command of the control socket answers. */
#include "control_world.h"

/* -- status ---------------------------------------------------------------- */

static void test_status(void **state)
{
	struct fixture *f = *state;
	json_t *item;

	put_absent(f, "absent.example");
	item = ask_one(f, "status\n", 0);
	assert_true(is_true(item, "ok"));
	assert_string_equal(text_of(item, "version"), "1.2.3");
	assert_int_equal(int_of(item, "pid"), getpid());
	assert_string_equal(text_of(item, "config"), "/etc/caf?.yaml");
	assert_string_equal(text_of(item, "resolver"), "127.0.0.1:53");
	assert_int_equal(int_of(item, "absent"), 1);
	assert_int_equal(int_of(item, "uptime"), 0);
	assert_int_equal(int_of(json_object_get(item, "clients"), "now"), 3);
	assert_int_equal(int_of(json_object_get(item, "clients"), "max"), 9);
	assert_int_equal(int_of(json_object_get(item, "clients"), "refused"),
	                 2);
	assert_int_equal(int_of(json_object_get(item, "fetcher"), "running"),
	                 2);
	assert_int_equal(int_of(json_object_get(item, "lookups"), "hits"), 0);
	assert_int_equal(int_of(json_object_get(item, "cache"), "pending"), 0);
	assert_int_equal(json_array_size(json_object_get(item, "listeners")),
	                 1);
	json_decref(item);
}

/* -- lookup ---------------------------------------------------------------- */

static void test_lookup_cached(void **state)
{
	struct fixture *f = *state;
	json_t *item;

	put_policy(f, "example.org", NOW_S - 400);
	/* As a socketmap client's key: case, brackets and port don't count. */
	item = ask_one(f, "lookup [Example.ORG]:587\n", 0);
	assert_string_equal(text_of(item, "domain"), "example.org");
	assert_string_equal(text_of(item, "source"), "cached");
	assert_string_equal(text_of(item, "mode"), "enforce");
	assert_string_equal(text_of(item, "id"), "a1");
	assert_string_equal(text_of(item, "answer"),
	                    "OK secure match=mx1.example.org:.example.net "
	                    "servername=hostname");
	assert_int_equal(int_of(item, "max_age"), 86400);
	assert_int_equal(int_of(item, "expires_in"), 86000);
	assert_int_equal(json_array_size(json_object_get(item, "mx")), 2);
	assert_null(json_object_get(item, "verdict"));
	json_decref(item);
}

static void test_lookup_mx(void **state)
{
	static const struct {
		const char *mx;
		bool match;
		const char *verdict;
	} rows[] = {
		{ "MX1.example.org.", true,
		  "OK enforce match id=a1 expires=86400" },
		{ "a.example.net", true,
		  "OK enforce match id=a1 expires=86400" },
		{ "a.b.example.net", false,
		  "OK enforce mismatch id=a1 expires=86400" },
	};
	struct fixture *f = *state;

	put_policy(f, "example.org", NOW_S);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char request[100];
		json_t *item;

		snprintf(request, sizeof(request), "lookup example.org %s\n",
		         rows[i].mx);
		item = ask_one(f, request, 0);
		assert_int_equal(is_true(item, "match"), rows[i].match);
		assert_string_equal(text_of(item, "verdict"), rows[i].verdict);
		json_decref(item);
	}
}

static void test_lookup_waits(void **state)
{
	struct fixture *f = *state;
	struct client *client = new_client(f);
	json_t *item;

	send_text(client, "lookup example.org\n");
	await_discovery(f);
	finish(DISCOVER_NO_RECORD);
	item = next_object(f, client);
	assert_string_equal(text_of(item, "source"), "discovered");
	assert_false(is_true(item, "has_policy"));
	assert_string_equal(text_of(item, "reason"), "because");
	assert_string_equal(text_of(item, "answer"), "NOTFOUND ");
	json_decref(item);
	expect_end(f, client, 1);
	end_client(client);
}

/* An MTA that asks with such a key is told "no policy", too. */
static void test_lookup_no_domain(void **state)
{
	struct fixture *f = *state;
	json_t *item = ask_one(f, "lookup [192.0.2.1]\n", 1);

	assert_string_equal(text_of(item, "source"), "no_domain");
	assert_string_equal(text_of(item, "answer"), "NOTFOUND ");
	json_decref(item);
	assert_int_equal(faked.started, 0);
}

/* -- explain --------------------------------------------------------------- */

static void expect_step(struct fixture *f, struct client *client,
                        const char *name, bool ok, int ms)
{
	json_t *item = next_object(f, client);
	json_t *step = json_object_get(item, "step");

	assert_string_equal(text_of(step, "name"), name);
	assert_int_equal(is_true(step, "ok"), ok);
	assert_int_equal(int_of(step, "ms"), ms);
	assert_true(strlen(text_of(step, "detail")) > 8);
	json_decref(item);
}

/* RFC 8461 3.3: a cached policy stays in force when it can't be fetched. */
static void test_explain_cached(void **state)
{
	struct fixture *f = *state;
	struct client *client = new_client(f);
	json_t *item;

	put_policy(f, "example.org", NOW_S);
	save_policy(f, "example.org");
	send_text(client, "explain example.org\n");
	item = next_object(f, client);
	assert_string_equal(text_of(json_object_get(item, "now"), "source"),
	                    "cached");
	assert_string_equal(text_of(json_object_get(item, "cached"), "id"),
	                    "a1");
	assert_true(json_is_null(json_object_get(item, "absent")));
	json_decref(item);
	await_discovery(f);
	finish(DISCOVER_FETCH_FAILED);
	expect_step(f, client, "record", true, 12);
	expect_step(f, client, "tls", false, 34);
	item = next_object(f, client);
	assert_string_equal(text_of(item, "outcome"), "fetch_failed");
	assert_string_equal(text_of(item, "cause"), "cert_expired");
	assert_true(is_true(item, "has_policy"));
	assert_non_null(strstr(text_of(item, "answer"), "OK secure"));
	assert_non_null(strstr(text_of(item, "hint"), "clock"));
	json_decref(item);
	expect_end(f, client, 1);
	end_client(client);
}

static void test_explain_absent(void **state)
{
	struct fixture *f = *state;
	struct client *client = new_client(f);
	json_t *item, *absent;

	put_absent(f, "example.org");
	send_text(client, "explain example.org\n");
	item = next_object(f, client);
	assert_string_equal(text_of(json_object_get(item, "now"), "source"),
	                    "absent");
	assert_true(json_is_null(json_object_get(item, "cached")));
	absent = json_object_get(item, "absent");
	assert_string_equal(text_of(absent, "cause"), "fetch_failed");
	assert_string_equal(text_of(absent, "reason"), "it is down");
	assert_int_equal(int_of(absent, "ends_in"), 6);
	assert_int_equal(int_of(absent, "retry_in"), 300);
	json_decref(item);
	/* What is known to be absent does not stop an operator. */
	await_discovery(f);
	finish(DISCOVER_POLICY);
	expect_step(f, client, "record", true, 12);
	expect_step(f, client, "tls", false, 34);
	item = next_object(f, client);
	assert_string_equal(text_of(item, "outcome"), "policy");
	assert_string_equal(text_of(item, "id"), "b2");
	json_decref(item);
	expect_end(f, client, 0);
	end_client(client);
}

static void test_explain_unknown(void **state)
{
	struct fixture *f = *state;
	struct client *client = new_client(f);
	json_t *item;

	send_text(client, "explain example.org\n");
	item = next_object(f, client);
	assert_true(json_is_null(json_object_get(item, "now")));
	json_decref(item);
	await_discovery(f);
	finish(DISCOVER_NO_RECORD);
	expect_step(f, client, "record", true, 12);
	expect_step(f, client, "tls", false, 34);
	item = next_object(f, client);
	assert_string_equal(text_of(item, "outcome"), "no_record");
	assert_string_equal(text_of(item, "answer"), "NOTFOUND ");
	json_decref(item);
	expect_end(f, client, 0); /* a proof is an answer */
	end_client(client);
}

/* -- show ------------------------------------------------------------------ */

static void test_show(void **state)
{
	struct fixture *f = *state;
	json_t *item;

	put_policy(f, "example.org", NOW_S);
	item = ask_one(f, "show example.org\n", 0);
	assert_true(is_true(item, "live"));
	assert_int_equal(int_of(item, "fetched"), NOW_S);
	assert_string_equal(text_of(item, "fetched_iso"),
	                    "2023-11-14T22:13:20Z");
	assert_int_equal(int_of(item, "expires"), NOW_S + 86400);
	assert_string_equal(text_of(item, "expires_iso"),
	                    "2023-11-15T22:13:20Z");
	assert_string_equal(text_of(item, "text"),
	                    "version: STSv1\nmode: enforce\n"
	                    "mx: mx1.example.org\nmx: *.example.net\n"
	                    "max_age: 86400\n");
	json_decref(item);
	put_policy(f, "old.example", NOW_S - 86401);
	item = ask_one(f, "show old.example\n", 0);
	assert_false(is_true(item, "live"));
	assert_int_equal(int_of(item, "expires_in"), -1);
	json_decref(item);
}

/* -- requests that end at once --------------------------------------------- */

static void test_bad_requests(void **state)
{
	static const struct {
		const char *request;
		int status;
	} rows[] = {
		{ "show nobody.example\n", 1 },
		{ "show [192.0.2.1]\n", 2 },
		{ "flush example.org [192.0.2.1]\n", 2 },
		{ "refresh 192.0.2.1\n", 2 },
		{ "flush --all example.org\n", 2 },
		{ "frobnicate\n", 2 },
		{ "lookup\n", 2 },
		{ "\n", 2 },
		{ "lookup \x01\n", 2 },
		{ "lookup \xff\n", 2 },
		{ "status\n", -1 }, /* the connection is still good */
	};
	struct fixture *f = *state;
	struct client *client = new_client(f);

	put_policy(f, "example.org", NOW_S);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		send_text(client, rows[i].request);
		if (rows[i].status < 0) {
			json_decref(next_object(f, client));
			expect_end(f, client, 0);
		} else {
			expect_end(f, client, rows[i].status);
		}
	}
	end_client(client);
	/* The flush with one bad domain has forgotten none. */
	json_decref(ask_one(f, "show example.org\n", 0));
}

/* -- flush ----------------------------------------------------------------- */

static void test_flush(void **state)
{
	struct fixture *f = *state;
	struct client *client = new_client(f);
	json_t *item;

	put_policy(f, "a.example", NOW_S);
	put_absent(f, "b.example");
	send_text(client, "flush a.example b.example c.example\n");
	item = next_object(f, client);
	assert_string_equal(text_of(item, "domain"), "a.example");
	assert_true(is_true(item, "policy"));
	assert_false(is_true(item, "absent"));
	json_decref(item);
	item = next_object(f, client);
	assert_false(is_true(item, "policy"));
	assert_true(is_true(item, "absent"));
	json_decref(item);
	item = next_object(f, client);
	assert_string_equal(text_of(item, "domain"), "c.example");
	assert_false(is_true(item, "policy"));
	assert_false(is_true(item, "absent"));
	json_decref(item);
	expect_end(f, client, 1); /* c.example was not known */
	send_text(client, "show a.example\n");
	expect_end(f, client, 1);
	assert_int_equal(absent_count(f->absent), 0);
	end_client(client);
}

static void test_flush_options(void **state)
{
	struct fixture *f = *state;
	struct cache_entry entry;
	json_t *item;

	put_policy(f, "a.example", NOW_S);
	put_absent(f, "b.example");
	item = ask_one(f, "flush --negative\n", 0);
	assert_int_equal(int_of(item, "absent"), 1);
	assert_null(json_object_get(item, "policies"));
	json_decref(item);
	assert_int_equal(absent_count(f->absent), 0);
	json_decref(ask_one(f, "show a.example\n", 0));
	put_absent(f, "b.example");
	item = ask_one(f, "flush --all\n", 0);
	assert_int_equal(int_of(item, "absent"), 1);
	assert_int_equal(int_of(item, "policies"), 1); /* not yet on disk */
	json_decref(item);
	assert_int_equal(absent_count(f->absent), 0);
	assert_int_equal(
	    cache_get(f->cache, &(struct domain){ 9, "a.example" }, &entry),
	    MTS_ENOTFOUND);
}

/* -- refresh --------------------------------------------------------------- */

static void expect_refreshed(struct fixture *f, struct client *client,
                             const char *domain, const char *outcome)
{
	json_t *item = next_object(f, client);

	assert_string_equal(text_of(item, "domain"), domain);
	assert_string_equal(text_of(item, "outcome"), outcome);
	assert_string_not_equal(text_of(item, "answer"), "(none)");
	json_decref(item);
}

static void test_refresh(void **state)
{
	struct fixture *f = *state;
	struct client *client = new_client(f);

	send_text(client, "refresh a.example b.example\n");
	await_discovery(f);
	finish(DISCOVER_POLICY);
	expect_refreshed(f, client, "a.example", "policy");
	await_discovery(f);
	finish(DISCOVER_FETCH_FAILED);
	expect_refreshed(f, client, "b.example", "fetch_failed");
	expect_end(f, client, 1);
	json_decref(ask_one(f, "show a.example\n", 0));
	end_client(client);
}

static void test_reload(void **state)
{
	struct fixture *f = *state;
	struct control_reload *reload = &f->reload;
	char expected[128];
	json_t *item;

	snprintf(expected, sizeof(expected), "uid=%u pid=%u",
	         (unsigned)getuid(), (unsigned)getpid());
	reload->when_s = NOW_S;
	snprintf(reload->options, sizeof(reload->options),
	         "cache.directory, user");
	item = ask_one(f, "reload\n", 0);
	assert_int_equal(f->reloads, 1);
	assert_memory_equal(f->reloaded_by, "user=", 5);
	assert_non_null(strstr(f->reloaded_by, expected));
	assert_int_equal(json_array_size(json_object_get(item, "restart")), 2);
	assert_string_equal(json_string_value(json_array_get(
				json_object_get(item, "restart"), 1)),
	                    "user");
	json_decref(item);
}

static void test_reload_refused(void **state)
{
	struct fixture *f = *state;
	struct client *client = new_client(f);
	json_t *status = ask_one(f, "status\n", 0);
	json_t *end;

	assert_true(json_is_null(json_object_get(status, "reload")));
	json_decref(status);
	f->reload.when_s = NOW_S;
	fault_set(&f->reload.fault, MTS_ESYNTAX, "F:3: speed: unknown");
	send_text(client, "reload\n");
	end = next_object(f, client);
	assert_non_null(end);
	assert_int_equal(int_of(end, "status"), 1);
	assert_string_equal(text_of(end, "error"), "F:3: speed: unknown");
	json_decref(end);
	end_client(client);
	status = ask_one(f, "status\n", 0);
	assert_false(is_true(json_object_get(status, "reload"), "ok"));
	assert_string_equal(text_of(json_object_get(status, "reload"), "error"),
	                    "F:3: speed: unknown");
	json_decref(status);
}

#define ROW(test)                                                              \
	cmocka_unit_test_setup_teardown(test, control_setup, control_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ROW(test_status),
		ROW(test_lookup_cached),
		ROW(test_lookup_mx),
		ROW(test_lookup_waits),
		ROW(test_lookup_no_domain),
		ROW(test_explain_cached),
		ROW(test_explain_absent),
		ROW(test_explain_unknown),
		ROW(test_show),
		ROW(test_bad_requests),
		ROW(test_flush),
		ROW(test_flush_options),
		ROW(test_refresh),
		ROW(test_reload),
		ROW(test_reload_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
