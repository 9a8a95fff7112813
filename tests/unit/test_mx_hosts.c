/* SPDX-License-Identifier: BSD-2-Clause */
/* test_mx_hosts.c - the names of a domain's MX hosts, from valid and invalid
 * answers. */
#include "tests.h"

#include "alloc.h"
#include "discover/mx_hosts.h"
#include "dns_server.h"
#include "netns.h"

enum { TYPE_MX = 15 };

static const struct row {
	const char *lines; /* the answer's records */
	unsigned rcode;
	const char *hosts; /* separated by ' '; NULL: not known */
} rows[] = {
	{ "x.example 60 MX 10 mx.example", 0, "mx.example" },
	{ "x.example 60 MX 20 b.example\nx.example 60 MX 10 A.Example", 0,
	  "a.example b.example" },
	{ "x.example 60 MX 10 b.example\nx.example 60 MX 10 a.example", 0,
	  "b.example a.example" },
	/* RFC 5321 5.1: without MX records the domain itself is the host. */
	{ "", 0, "x.example" },
	{ "", 3, "" },
	/* RFC 7505: the null MX. */
	{ "x.example 60 MX 0 .", 0, "" },
	{ "x.example 60 CNAME y.example\ny.example 60 MX 10 mx.example", 0,
	  "mx.example" },
	/* Anything that is not a host name is dropped: no policy can match it,
	 * and our answers must contain only names. */
	{ "x.example 60 MX 5 a:b.example\nx.example 60 MX 5 a}b.example\n"
	  "x.example 60 MX 5 *.example\nx.example 60 MX 5 _a.example\n"
	  "x.example 60 MX 10 mx.example",
	  0, "mx.example" },
	{ "", 2, NULL },
	{ "", 5, NULL },
};

static struct {
	unsigned calls;
	bool known;
	uint32_t ttl_s;
	char hosts[4096];
	char reason[200];
} got;

static void on_hosts(void *arg, const struct mx_hosts *result)
{
	struct mx_hosts_query **query = arg;
	size_t used = 0;

	*query = NULL;
	got.calls++;
	got.known = result->known;
	got.ttl_s = result->ttl_s;
	snprintf(got.reason, sizeof(got.reason), "%s", result->reason);
	got.hosts[0] = '\0';
	for (size_t at = 0; at < result->names.len;) {
		const char *name = result->names.data + at;

		used +=
		    (size_t)snprintf(got.hosts + used, sizeof(got.hosts) - used,
		                     "%s%s", used ? " " : "", name);
		at += strlen(name) + 1;
	}
}

static void say_row(void *arg, struct dns_message *m)
{
	const struct row *row = arg;

	assert_int_equal(m->type, TYPE_MX);
	assert_string_equal(m->name, "x.example");
	assert_false(m->dnssec);
	dns_set_rcode(m, row->rcode);
	if (row->lines[0])
		dns_add(m, DNS_ANSWER, row->lines);
	else
		dns_add(m, DNS_AUTHORITY, "example 60 SOA 30");
}

/* Looks up x.example; returns the status of mx_hosts_start(). FAIL: this allocation
 * fails; 0: none. */
static int look_up(dns_script *script, void *arg, size_t fail, bool cancel)
{
	static const struct domain domain = { 9, "x.example" };
	struct mx_hosts_query *query = NULL;
	struct dns_server *server;
	struct resolver *resolver;
	const char *texts[1];
	struct resolver_options options = { .servers = texts,
		                            .server_count = 1,
		                            .timeout_ms = 1200 };
	struct fault why;
	uv_loop_t loop;
	int status;

	memset(&got, 0, sizeof(got));
	assert_int_equal(uv_loop_init(&loop), 0);
	server = dns_server_start(&loop, "127.0.0.1", 0, script, arg);
	texts[0] = dns_server_text(server);
	options.loop = &loop;
	assert_int_equal(resolver_new(&options, &resolver, &why), MTS_OK);
	alloc_fail_at(fail);
	status = mx_hosts_start(resolver, &domain, on_hosts, &query, &query);
	assert_int_equal(got.calls, 0); /* never from inside */
	if (cancel)
		mx_hosts_cancel(&query);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_null(query);
	resolver_close(&resolver);
	dns_server_stop(server);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	return status;
}

static void test_hosts_of_each_answer(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct row row = rows[i];

		assert_int_equal(look_up(say_row, &row, 0, false), MTS_OK);
		assert_int_equal(got.calls, 1);
		assert_int_equal(got.known, row.hosts != NULL);
		assert_string_equal(got.hosts, row.hosts ? row.hosts : "");
		if (!row.hosts)
			assert_true(got.reason[0]);
		else
			assert_true(got.ttl_s > 0 && got.ttl_s <= 60);
	}
}

static void say_many(void *arg, struct dns_message *m)
{
	(void)arg;
	for (int i = 0; i < 40; i++) {
		char line[80];

		snprintf(line, sizeof(line), "x.example 60 MX %d h%d.example",
		         100 - i, i);
		dns_add(m, DNS_ANSWER, line);
	}
}

static void test_most_preferred_hosts_are_used_of_too_many(void **state)
{
	(void)state;
	assert_int_equal(look_up(say_many, NULL, 0, false), MTS_OK);
	assert_true(strncmp(got.hosts, "h39.example h38.example ", 24) == 0);
	assert_non_null(strstr(got.hosts, " h8.example"));
	assert_null(strstr(got.hosts, "h7.example"));
}

static void say_nothing(void *arg, struct dns_message *m)
{
	(void)arg;
	m->silent = true;
}

static void test_silent_server_makes_hosts_unknown(void **state)
{
	(void)state;
	assert_int_equal(look_up(say_nothing, NULL, 0, false), MTS_OK);
	assert_int_equal(got.calls, 1);
	assert_false(got.known);
	assert_true(got.reason[0]);
}

static void test_no_callback_after_cancel(void **state)
{
	struct row row = rows[0];

	(void)state;
	assert_int_equal(look_up(say_row, &row, 0, true), MTS_OK);
	assert_int_equal(got.calls, 0);
}

static void test_failed_allocation_gives_no_wrong_hosts(void **state)
{
	struct row row = rows[1];
	bool failed;
	size_t n = 0;

	(void)state;
	do {
		int status = look_up(say_row, &row, ++n, false);

		failed = alloc_count() >= n;
		alloc_fail_at(0);
		assert_true(status == MTS_OK || status == MTS_ENOMEM);
		assert_int_equal(got.calls, status == MTS_OK);
		assert_true(!got.known ||
		            strcmp(got.hosts, "a.example b.example") == 0);
	} while (failed);
	assert_true(got.known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hosts_of_each_answer),
		cmocka_unit_test(
		    test_most_preferred_hosts_are_used_of_too_many),
		cmocka_unit_test(test_silent_server_makes_hosts_unknown),
		cmocka_unit_test(test_no_callback_after_cancel),
		cmocka_unit_test(test_failed_allocation_gives_no_wrong_hosts),
	};

	if (!netns_enter())
		return netns_skip();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
