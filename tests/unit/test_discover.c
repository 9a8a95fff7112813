/* SPDX-License-Identifier: BSD-2-Clause */
/* test_discover.c - discovery: from a domain to its policy (RFC 8461 3). */
#include "tests.h"

#include "alloc.h"
#include "dns_server.h"
#include "https_server.h"
#include "netns.h"

#include "discover/discover.h"

#include <unistd.h>

#define DOMAIN "example.com"
#define HOST   "mta-sts." DOMAIN
#define POLICY                                                                 \
	"version: STSv1\nmode: enforce\nmx: mx.example.com\n"                  \
	"mx: b@d\nmax_age: 86400\n"
#define PLAIN  "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"
#define RECORD "_mta-sts." DOMAIN " 300 TXT v=STSv1; id=abc123;"
#define LOCAL  HOST " 60 A 127.0.0.1"

static char ca_path[] = "/tmp/test_discover_ca.XXXXXX";
static struct test_ca *ca;

/* -- rows: the answers of DNS and HTTPS, and the outcome ------------------- */

struct row {
	const char *about;
	const char *txt, *a, *aaaa; /* answers; "servfail", or NULL: NXDOMAIN */
	const char *response;
	const char *known_id;
	bool no_private;
	enum discover_outcome outcome;
	enum fetch_cause cause;
	uint32_t ttl_s;
	const char *reason;
	const char *steps; /* "record+ address-": + ok, - failed */
	const char *last;  /* part of the last step's text */
};

#define FAILING "servfail"
#define LATE    "late " /* the first query is lost */

static const struct row rows[] = {
	{ "a valid policy", RECORD, LOCAL, NULL, PLAIN POLICY, NULL, false,
	  DISCOVER_POLICY, FETCH_OK, 300, "",
	  "record+ address+ connect+ tls+ http+ policy+",
	  "mode enforce, max_age 86400 s, 1 mx; line 4 ignored: mx: b@d" },
	{ "another id is known", RECORD, LOCAL, NULL, PLAIN POLICY, "abc124",
	  false, DISCOVER_POLICY, FETCH_OK, 300, "",
	  "record+ address+ connect+ tls+ http+ policy+", "" },
	{ "the id is known", RECORD, LOCAL, NULL, PLAIN POLICY, "abc123", false,
	  DISCOVER_UNCHANGED, FETCH_OK, 300, "", "record+",
	  "id abc123, TTL 300 s" },
	{ "no record", NULL, LOCAL, NULL, PLAIN POLICY, NULL, false,
	  DISCOVER_NO_RECORD, FETCH_OK, 120, "no _mta-sts TXT record",
	  "record-", "" },
	{ "only other TXT records", "_mta-sts." DOMAIN " 77 TXT v=spf1 -all",
	  LOCAL, NULL, PLAIN POLICY, NULL, false, DISCOVER_NO_RECORD, FETCH_OK,
	  77, "", "record-", "" },
	{ "two records", RECORD "\n" RECORD, LOCAL, NULL, PLAIN POLICY, NULL,
	  false, DISCOVER_BAD_RECORD, FETCH_OK, 300, "", "record-", "" },
	{ "an invalid record", "_mta-sts." DOMAIN " 300 TXT v=STSv1; id=-;",
	  LOCAL, NULL, PLAIN POLICY, NULL, false, DISCOVER_BAD_RECORD, FETCH_OK,
	  300, "", "record-", "" },
	{ "a record behind a CNAME",
	  "_mta-sts." DOMAIN " 200 CNAME r.example.net\n"
	  "r.example.net 300 TXT v=STSv1; id=abc123;",
	  LOCAL, NULL, PLAIN POLICY, NULL, false, DISCOVER_POLICY, FETCH_OK,
	  200, "", "record+ address+ connect+ tls+ http+ policy+", "" },
	{ "DNS fails", FAILING, LOCAL, NULL, PLAIN POLICY, NULL, false,
	  DISCOVER_DNS_FAILED, FETCH_OK, 0, "SERVFAIL", "record-", "SERVFAIL" },
	{ "no address", RECORD, NULL, NULL, PLAIN POLICY, NULL, false,
	  DISCOVER_FETCH_FAILED, FETCH_OK, 300, HOST " has no address",
	  "record+ address-", "" },
	{ "the address look-up fails", RECORD, FAILING, NULL, PLAIN POLICY,
	  NULL, false, DISCOVER_FETCH_FAILED, FETCH_OK, 300, "SERVFAIL",
	  "record+ address-", "can't be looked up" },
	{ "AAAA fails, A is enough", RECORD, LOCAL, FAILING, PLAIN POLICY, NULL,
	  false, DISCOVER_POLICY, FETCH_OK, 300, "",
	  "record+ address+ connect+ tls+ http+ policy+", "" },
	{ "only the late kind of address works", RECORD, HOST " 60 A 127.0.0.9",
	  LATE HOST " 9 AAAA ::1", PLAIN POLICY, NULL, false, DISCOVER_POLICY,
	  FETCH_OK, 300, "", "record+ address+ connect+ tls+ http+ policy+",
	  "" },
	{ "only private addresses", RECORD, LOCAL, HOST " 9 AAAA ::1",
	  PLAIN POLICY, NULL, true, DISCOVER_FETCH_FAILED, FETCH_OK, 300,
	  HOST " has only private addresses (", "record+ address-",
	  "see fetch.allow_private_addresses" },
	{ "404", RECORD, LOCAL, NULL, "HTTP/1.1 404 No\r\n\r\n", NULL, false,
	  DISCOVER_FETCH_FAILED, FETCH_STATUS, 300, "HTTP status 404",
	  "record+ address+ connect+ tls+ http-", "HTTP status 404" },
	{ "no policy", RECORD, LOCAL, NULL, PLAIN "hello", NULL, false,
	  DISCOVER_FETCH_FAILED, FETCH_OK, 300, "",
	  "record+ address+ connect+ tls+ http+ policy-", "" },
	{ "connection refused", RECORD, HOST " 60 A 127.0.0.9", NULL, NULL,
	  NULL, false, DISCOVER_FETCH_FAILED, FETCH_CONNECT, 300,
	  "Connection refused", "record+ address+ connect-", "refused" },
	{ "a certificate for another host", RECORD, HOST " 60 A 127.0.0.2",
	  NULL, NULL, NULL, false, DISCOVER_FETCH_FAILED, FETCH_CERT_NAME, 300,
	  "certificate is for other.example", "record+ address+ connect+ tls-",
	  "certificate is for other.example" },
};

static void say_row(void *arg, struct dns_message *m)
{
	const struct row *row = *(const struct row **)arg;
	const char *lines = m->type == 16  ? row->txt
	                    : m->type == 1 ? row->a
	                                   : row->aaaa;

	assert_string_equal(m->name, m->type == 16 ? "_mta-sts." DOMAIN : HOST);
	if (lines && strncmp(lines, LATE, strlen(LATE)) == 0) {
		lines += strlen(LATE);
		m->silent = m->nth <= 2;
	}
	if (lines && strcmp(lines, FAILING) == 0) {
		dns_set_rcode(m, 2);
	} else if (lines) {
		dns_add(m, DNS_ANSWER, lines);
	} else {
		dns_set_rcode(m, 3);
		dns_add(m, DNS_AUTHORITY, DOMAIN " 120 SOA 900");
	}
}

/* -- a world --------------------------------------------------------------- */

struct world {
	uv_loop_t loop;
	struct dns_server *dns;
	struct discover_options options;
};

static struct {
	unsigned calls;
	enum discover_outcome outcome;
	enum discover_outcome record_outcome;
	char record_reason[FAULT_TEXT];
	enum fetch_cause cause;
	uint32_t ttl_s;
	char id[RECORD_ID_MAX + 1];
	char reason[FAULT_TEXT];
	char steps[200];
	char last[200];
	char body[200];
	enum policy_mode mode;
} got;

static bool despite; /* the discovery goes on without a record */

static void on_result(void *arg, const struct discover_result *result)
{
	struct discovery **discovery = arg;

	if (discovery)
		*discovery = NULL;
	got.calls++;
	got.outcome = result->outcome;
	got.cause = result->cause;
	got.ttl_s = result->record_ttl_s;
	got.record_outcome = result->record_outcome;
	snprintf(got.record_reason, sizeof(got.record_reason), "%s",
	         result->record_reason);
	snprintf(got.id, sizeof(got.id), "%s", result->record.id);
	snprintf(got.reason, sizeof(got.reason), "%s", result->reason);
	got.steps[0] = '\0';
	assert_true(result->step_count > 0);
	for (size_t i = 0; i < result->step_count; i++) {
		const struct discover_step *step = &result->steps[i];

		assert_true(step->ms < 60000); /* a difference of times */
		assert_string_not_equal(step->text, "");
		assert_true(step->ok || i == result->step_count - 1 ||
		            (despite && i == 0));
		snprintf(got.steps + strlen(got.steps),
		         sizeof(got.steps) - strlen(got.steps), "%s%s%c",
		         i ? " " : "", step->name, step->ok ? '+' : '-');
		snprintf(got.last, sizeof(got.last), "%s", step->text);
	}
	snprintf(got.body, sizeof(got.body), "%.*s", (int)result->text.len,
	         result->text.data ? result->text.data : "");
	assert_int_equal(result->outcome == DISCOVER_POLICY,
	                 result->policy != NULL);
	if (result->policy)
		got.mode = result->policy->mode;
}

/* Valgrind is slow on a loaded machine. */
static uint64_t fetch_timeout_ms(void)
{
	return getenv("MTS_VALGRIND") ? 4900 : 3000;
}

static void open_world(struct world *w, dns_script *script, void *arg)
{
	const char *text[1];
	struct resolver_options dns = { .loop = &w->loop,
		                        .servers = text,
		                        .server_count = 1,
		                        .timeout_ms = 2000 };
	struct fetcher_options https = { .loop = &w->loop,
		                         .ca_file = ca_path,
		                         .timeout_ms = fetch_timeout_ms(),
		                         .max_size = 65536,
		                         .concurrency = 4 };
	struct fault why;

	memset(&got, 0, sizeof(got));
	memset(w, 0, sizeof(*w));
	assert_int_equal(uv_loop_init(&w->loop), 0);
	w->dns = dns_server_start(&w->loop, "127.0.0.1", 0, script, arg);
	text[0] = dns_server_text(w->dns);
	assert_int_equal(resolver_new(&dns, &w->options.resolver, &why),
	                 MTS_OK);
	assert_int_equal(fetcher_new(&https, &w->options.fetcher, &why),
	                 MTS_OK);
	w->options.clock = &clock_system;
	w->options.allow_private_addresses = true;
}

static void close_world(struct world *w)
{
	resolver_close(&w->options.resolver);
	fetcher_close(&w->options.fetcher);
	dns_server_stop(w->dns);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&w->loop), 0);
}

static void discover(struct world *w, const char *name, const char *known_id,
                     struct discovery **ret)
{
	struct domain domain = { .len = strlen(name) };
	struct discovery *ignored;

	memcpy(domain.name, name, domain.len + 1);
	assert_int_equal(discovery_start(&w->options, &domain, known_id,
	                                 on_result, ret, ret ? ret : &ignored),
	                 MTS_OK);
}

/* -- tests ----------------------------------------------------------------- */

static void discover_row(const struct row *row)
{
	struct https_script good = {
		.cert = { .ca = ca, .san = "DNS:" HOST },
		.response = row->response,
	};
	struct https_script other = {
		.cert = { .ca = ca, .san = "DNS:other.example" },
		.response = PLAIN POLICY,
	};
	struct https_server *servers[3] = {
		https_server_start("127.0.0.1", &good),
		https_server_start("127.0.0.2", &other),
		https_server_start("::1", &good),
	};
	struct world w;

	open_world(&w, say_row, (void *)&row);
	w.options.allow_private_addresses = !row->no_private;
	w.options.despite_record = despite;
	discover(&w, DOMAIN, row->known_id, NULL);
	assert_int_equal(got.calls, 0);
	uv_run(&w.loop, UV_RUN_DEFAULT);
	assert_int_equal(got.calls, 1);
	close_world(&w);
	https_server_stop(servers[0]);
	https_server_stop(servers[1]);
	https_server_stop(servers[2]);
}

static void test_outcome_of_each_row(void **state)
{
	(void)state;
	/* The first hand-shake sets OpenSSL up, which takes valgrind seconds on a
	 * busy machine. */
	if (getenv("MTS_VALGRIND"))
		discover_row(&rows[0]);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *row = &rows[i];
		bool found;

		discover_row(row);
		if (got.outcome != row->outcome || got.cause != row->cause ||
		    got.ttl_s != row->ttl_s ||
		    strcmp(got.steps, row->steps) != 0 ||
		    !strstr(got.reason, row->reason) ||
		    !strstr(got.last, row->last))
			fail_msg("%s: %s, %s, TTL %u, %s, \"%s\" (%s)",
			         row->about, discover_outcome_text(got.outcome),
			         fetch_cause_text(got.cause), got.ttl_s,
			         got.steps, got.last, got.reason);
		found = got.outcome == DISCOVER_POLICY ||
		        got.outcome == DISCOVER_UNCHANGED ||
		        got.outcome == DISCOVER_FETCH_FAILED;
		assert_string_equal(got.id, found ? "abc123" : "");
		if (got.outcome == DISCOVER_POLICY) {
			assert_string_equal(got.body, POLICY);
			assert_int_equal(got.mode, POLICY_ENFORCE);
		}
	}
}

/* 10.2: "regardless of the state of the "_mta-sts" TXT record". */
static void test_refresh_fetches_despite_the_record(void **state)
{
	static const struct {
		const char *txt;
		enum discover_outcome record;
		const char *reason;
	} records[] = {
		{ NULL, DISCOVER_NO_RECORD, "no _mta-sts TXT record" },
		{ FAILING, DISCOVER_DNS_FAILED, "SERVFAIL" },
		{ RECORD "\n" RECORD, DISCOVER_BAD_RECORD, "only one may" },
		{ "_mta-sts." DOMAIN " 77 TXT v=spf1 -all", DISCOVER_NO_RECORD,
		  "none of 1 TXT records" },
	};

	(void)state;
	despite = true;
	for (size_t i = 0; i < ARRAY_LEN(records); i++) {
		struct row row = { .txt = records[i].txt,
			           .a = LOCAL,
			           .response = PLAIN POLICY };

		discover_row(&row);
		assert_int_equal(got.outcome, DISCOVER_POLICY);
		assert_string_equal(got.id, "");
		assert_int_equal(got.record_outcome, records[i].record);
		assert_non_null(strstr(got.record_reason, records[i].reason));
		assert_string_equal(
		    got.steps, "record- address+ connect+ tls+ http+ policy+");
		row.a = NULL;
		discover_row(&row);
		assert_int_equal(got.outcome, DISCOVER_FETCH_FAILED);
		assert_int_equal(got.record_outcome, records[i].record);
		assert_string_equal(got.steps, "record- address-");
	}
	/* With a record nothing changes. */
	discover_row(&rows[0]);
	assert_int_equal(got.outcome, DISCOVER_POLICY);
	assert_string_equal(got.id, "abc123");
	assert_int_equal(got.record_outcome, DISCOVER_POLICY);
	despite = false;
}

/* 253 bytes are a domain, but leave no room for "_mta-sts.". */
static void test_domain_too_long_for_a_record_has_none(void **state)
{
	char name[DOMAIN_MAX + 1] = "";
	struct discovery *discovery;
	const struct row *row = &rows[0];
	struct world w;

	(void)state;
	while (strlen(name) < 245)
		memcpy(name + strlen(name), "abcd.", 6);
	memcpy(name + strlen(name), "com", 4);
	open_world(&w, say_row, (void *)&row);
	discover(&w, name, NULL, &discovery);
	assert_int_equal(got.calls, 0);
	uv_run(&w.loop, UV_RUN_DEFAULT);
	assert_int_equal(got.calls, 1);
	assert_int_equal(got.outcome, DISCOVER_NO_RECORD);
	discover(&w, name, NULL, &discovery);
	discovery_cancel(&discovery);
	assert_null(discovery);
	uv_run(&w.loop, UV_RUN_DEFAULT);
	assert_int_equal(got.calls, 1);
	close_world(&w);
}

static void test_cancel_at_every_moment(void **state)
{
	struct https_script good = { .cert = { .ca = ca, .san = "DNS:" HOST },
		                     .response = PLAIN POLICY };
	struct https_server *server = https_server_start("127.0.0.1", &good);
	const struct row *row = &rows[0];
	unsigned done = 0;

	(void)state;
	for (int rounds = 0; rounds < 60; rounds++) {
		struct discovery *discovery = NULL;
		struct world w;

		open_world(&w, say_row, (void *)&row);
		discover(&w, DOMAIN, NULL, &discovery);
		for (int i = 0; i < rounds; i++) {
			uv_run(&w.loop, UV_RUN_NOWAIT);
			usleep(200);
		}
		assert_int_equal(got.calls, discovery ? 0 : 1);
		done += got.calls;
		discovery_cancel(&discovery);
		discovery_cancel(&discovery);
		uv_run(&w.loop, UV_RUN_DEFAULT);
		assert_int_equal(got.calls <= 1, 1);
		close_world(&w);
	}
	assert_true(done > 0); /* the last ones were not cancelled */
	https_server_stop(server);
}

static void test_failed_allocation_gives_no_wrong_policy(void **state)
{
	struct https_script good = { .cert = { .ca = ca, .san = "DNS:" HOST },
		                     .response = PLAIN POLICY };
	struct https_server *server = https_server_start("127.0.0.1", &good);
	struct domain domain = { .len = strlen(DOMAIN), .name = DOMAIN };
	const struct row *row = &rows[0];
	size_t n = 0;
	bool failed;

	(void)state;
	do {
		struct discovery *discovery = NULL;
		struct world w;
		int status;

		open_world(&w, say_row, (void *)&row);
		alloc_fail_at(++n);
		status = discovery_start(&w.options, &domain, NULL, on_result,
		                         NULL, &discovery);
		if (status == MTS_OK)
			uv_run(&w.loop, UV_RUN_DEFAULT);
		failed = alloc_count() >= n;
		alloc_fail_at(0);
		assert_true(status == MTS_OK || status == MTS_ENOMEM);
		assert_int_equal(got.calls, status == MTS_OK);
		if (!failed)
			assert_int_equal(got.outcome, DISCOVER_POLICY);
		close_world(&w);
	} while (failed);
	assert_true(n > 10);
	https_server_stop(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_outcome_of_each_row),
		cmocka_unit_test(test_refresh_fetches_despite_the_record),
		cmocka_unit_test(test_domain_too_long_for_a_record_has_none),
		cmocka_unit_test(test_cancel_at_every_moment),
		cmocka_unit_test(test_failed_allocation_gives_no_wrong_policy),
	};
	int failed;

	if (!netns_enter())
		return netns_skip();
	close(mkstemp(ca_path));
	ca = test_ca_new(ca_path);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	test_ca_free(ca);
	unlink(ca_path);
	return failed;
}
