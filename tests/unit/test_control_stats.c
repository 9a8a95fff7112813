/* SPDX-License-Identifier: BSD-2-Clause */
/* test_control_stats.c - the commands stats and top, and what makes the daemon
 * unhealthy. */
#include "control_world.h"

static const json_t *metric(const json_t *item, const char *name)
{
	return json_object_get(json_object_get(item, "metrics"), name);
}

static long long number(const json_t *item, const char *name, const char *label)
{
	const json_t *value = metric(item, name);

	return int_of(label ? value : json_object_get(item, "metrics"),
	              label ? label : name);
}

/* What the parts tell gets to its place. */
static void test_stats(void **state)
{
	struct fixture *f = *state;
	json_t *item;

	put_policy(f, "a.example", NOW_S - 60);
	save_policy(f, "a.example");
	put_absent(f, "b.example");
	json_decref(ask_one(f, "lookup a.example\n", 0));
	item = ask_one(f, "stats\n", 0);
	assert_true(is_true(item, "healthy"));
	assert_int_equal(int_of(item, "time"), NOW_S);
	assert_int_equal(number(item, "mtasts_policies", "enforce"), 1);
	assert_int_equal(number(item, "mtasts_policies", "none"), 0);
	assert_int_equal(number(item, "mtasts_absent_domains", NULL), 1);
	assert_int_equal(number(item, "mtasts_policy_lookups_total", "hit"), 1);
	assert_int_equal(number(item, "mtasts_dns_lookups_total", "timeout"),
	                 10 + DNS_TIMEOUT);
	assert_int_equal(number(item, "mtasts_fetches_total", "ok"), 100);
	assert_int_equal(number(item, "mtasts_fetches_total", "no_memory"),
	                 100 + FETCH_NO_MEMORY);
	assert_int_equal(number(item, "mtasts_fetches_open", "running"), 2);
	assert_int_equal(number(item, "mtasts_fetches_open", "waiting"), 1);
	assert_int_equal(
	    number(item, "mtasts_dns_secure_lookups_total", "timeout"),
	    1000 + SECURE_DNS_TIMEOUT);
	assert_int_equal(
	    number(item, "mtasts_process_start_time_seconds", NULL),
	    NOW_S - 60);
	assert_true(number(item, "mtasts_process_memory_bytes", "resident") >
	            number(item, "mtasts_process_memory_bytes", "private"));
	assert_true(number(item, "mtasts_process_open_fds", NULL) > 3);
	json_decref(item);
}

/* A discovery is counted when it ends. */
static void test_discovery(void **state)
{
	struct fixture *f = *state;
	struct client *client = new_client(f);
	json_t *item;

	send_text(client, "lookup a.example\n");
	await_discovery(f);
	item = ask_one(f, "stats\n", 0);
	assert_int_equal(number(item, "mtasts_discoveries_running", NULL), 1);
	assert_int_equal(number(item, "mtasts_lookups_waiting", "policy"), 1);
	assert_int_equal(number(item, "mtasts_policy_lookups_total", "miss"),
	                 1);
	json_decref(item);
	finish(DISCOVER_FETCH_FAILED);
	item = ask_one(f, "stats\n", 0);
	assert_int_equal(number(item, "mtasts_discoveries_running", NULL), 0);
	assert_int_equal(
	    number(item, "mtasts_discoveries_total", "fetch_failed"), 1);
	assert_int_equal(number(item, "mtasts_discoveries_total", "policy"), 0);
	assert_int_equal(
	    int_of(metric(item, "mtasts_discovery_seconds"), "count"), 1);
	json_decref(item);
	end_client(client);
}

/* -- health ---------------------------------------------------------------- */

/* NAME is the only reason there is. */
static void expect_reason(struct fixture *f, const char *name)
{
	json_t *item = ask_one(f, "stats\n", 0);
	const json_t *reasons = json_object_get(item, "reasons");

	assert_false(is_true(item, "healthy"));
	assert_int_equal(json_array_size(reasons), 1);
	assert_string_equal(text_of(json_array_get(reasons, 0), "name"), name);
	assert_true(strlen(text_of(json_array_get(reasons, 0), "text")) > 20);
	assert_int_equal(number(item, "mtasts_unhealthy", name), 1);
	json_decref(item);
	item = ask_one(f, "status\n", 1);
	assert_false(is_true(item, "ok"));
	assert_int_equal(json_array_size(json_object_get(item, "reasons")), 1);
	json_decref(item);
}

static void test_silent_resolver(void **state)
{
	struct fixture *f = *state;
	unsigned tests;

	json_decref(ask_one(f, "stats\n", 0));
	tests = faked_resolver.tests;
	assert_true(tests > 0); /* who looks has them tested */
	faked_resolver.silent = true;
	expect_reason(f, "dns");
	assert_true(faked_resolver.tests > tests);
}

/* Puts a policy that is due at DUE_S. */
static void put_due(struct fixture *f, int64_t due_s)
{
	struct domain domain = { .len = 9, .name = "a.example" };
	struct cache_entry entry;

	put_policy(f, "a.example", NOW_S - 80000);
	assert_int_equal(cache_get(f->cache, &domain, &entry), MTS_OK);
	entry.next_refresh_s = due_s;
	assert_int_equal(cache_put(f->cache, &domain, &entry), MTS_OK);
}

static void test_backlog(void **state)
{
	struct fixture *f = *state;
	json_t *item;

	put_due(f, NOW_S - 3600); /* an hour is no reason yet */
	item = ask_one(f, "stats\n", 0);
	assert_true(is_true(item, "healthy"));
	assert_int_equal(number(item, "mtasts_refreshes_due", NULL), 1);
	assert_int_equal(number(item, "mtasts_refresh_delay_seconds", NULL),
	                 3600);
	json_decref(item);
	put_due(f, NOW_S - 3601);
	expect_reason(f, "refresh");
	put_due(f, NOW_S + 60);
	item = ask_one(f, "stats\n", 0);
	assert_true(is_true(item, "healthy"));
	assert_int_equal(number(item, "mtasts_refresh_delay_seconds", NULL), 0);
	json_decref(item);
}

/* -- top ------------------------------------------------------------------- */

static void test_top(void **state)
{
	struct fixture *f = *state;
	const json_t *rows;
	json_t *item;

	top_note_lookup(f->top, slice_str("a.example"));
	top_note_lookup(f->top, slice_str("b.example"));
	top_note_lookup(f->top, slice_str("b.example"));
	top_note_failure(f->top, slice_str("c.example"), "certificate");
	item = ask_one(f, "top\n", 0);
	assert_int_equal(int_of(item, "minutes"), 5);
	assert_int_equal(int_of(item, "asked"), 3);
	assert_int_equal(int_of(item, "failed"), 1);
	rows = json_object_get(item, "busiest");
	assert_int_equal(json_array_size(rows), 2);
	assert_string_equal(text_of(json_array_get(rows, 0), "domain"),
	                    "b.example");
	assert_int_equal(int_of(json_array_get(rows, 0), "count"), 2);
	assert_int_equal(int_of(json_array_get(rows, 0), "error"), 0);
	rows = json_object_get(item, "failing");
	assert_string_equal(text_of(json_array_get(rows, 0), "cause"),
	                    "certificate");
	json_decref(item);
	item = ask_one(f, "top --rows=1 --minutes=1\n", 0);
	assert_int_equal(int_of(item, "minutes"), 1);
	assert_int_equal(json_array_size(json_object_get(item, "busiest")), 1);
	json_decref(item);
}

/* What discoveries tell of failures. */
static void test_top_failures(void **state)
{
	static const struct {
		enum discover_outcome outcome;
		const char *cause; /* NULL: it is none */
	} ends[] = {
		{ DISCOVER_NO_RECORD, NULL },
		{ DISCOVER_POLICY, NULL },
		{ DISCOVER_BAD_RECORD, "bad_record" },
		{ DISCOVER_DNS_FAILED, "dns_failed" },
		{ DISCOVER_FETCH_FAILED, "certificate" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		struct client *client = new_client(f);
		const json_t *rows;
		char line[60];
		json_t *item;
		bool found = false;

		snprintf(line, sizeof(line), "lookup d%zu.example\n", i);
		send_text(client, line);
		await_discovery(f);
		finish(ends[i].outcome);
		json_decref(next_object(f, client));
		item = ask_one(f, "top\n", 0);
		rows = json_object_get(item, "failing");
		snprintf(line, sizeof(line), "d%zu.example", i);
		for (size_t k = 0; k < json_array_size(rows); k++) {
			const json_t *row = json_array_get(rows, k);

			if (strcmp(text_of(row, "domain"), line) != 0)
				continue;
			found = true;
			assert_non_null(ends[i].cause);
			assert_string_equal(text_of(row, "cause"),
			                    ends[i].cause);
		}
		assert_true(found == (ends[i].cause != NULL));
		json_decref(item);
		end_client(client);
	}
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, control_setup, control_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_stats),
		TEST(test_discovery),
		TEST(test_silent_resolver),
		TEST(test_backlog),
		TEST(test_top),
		TEST(test_top_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
