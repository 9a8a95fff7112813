/* SPDX-License-Identifier: BSD-2-Clause */
/* test_check_batch.c - checks from the first DNS query to the rendered page: they
 * share hosts, end exactly once and leak nothing, whichever allocation fails and
 * whenever they are dropped.
 *
 * What is found is tested in tests/integration/test_check.py. */
#include "tests.h"

#include "alloc.h"
#include "check/check_batch.h"
#include "dns_server.h"
#include "findings/render.h"
#include "https_server.h"
#include "netns.h"

#include <getdns/getdns.h>
#include <unistd.h>

#define DOMAIN "example.com"
#define HOST   "mta-sts." DOMAIN
#define POLICY                                                                 \
	"version: STSv1\nmode: enforce\nmx: mx.example.com\n"                  \
	"mx: b@d\nmax_age: 86400\n"
#define PLAIN "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"

static char ca_path[] = "/tmp/test_check_batch_ca.XXXXXX";
static struct test_ca *ca;

/* -- a world --------------------------------------------------------------- */

static void on_question(void *arg, struct dns_message *m)
{
	static const struct {
		const char *name;
		uint16_t type;
		const char *lines;
	} rows[] = {
		{ "_mta-sts." DOMAIN, GETDNS_RRTYPE_TXT,
		  "_mta-sts." DOMAIN " 300 TXT v=STSv1; id=abc123;" },
		{ HOST, GETDNS_RRTYPE_A, HOST " 60 A 127.0.0.1" },
		{ DOMAIN, GETDNS_RRTYPE_MX, DOMAIN " 60 MX mx." DOMAIN },
		{ "mx." DOMAIN, GETDNS_RRTYPE_A,
		  "mx." DOMAIN " 60 A 127.0.0.1" },
		{ "_smtp._tls." DOMAIN, GETDNS_RRTYPE_TXT,
		  "_smtp._tls." DOMAIN
		  " 60 TXT v=TLSRPTv1; rua=mailto:a@" DOMAIN },
	};

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (m->type != rows[i].type ||
		    strcmp(m->name, rows[i].name) != 0)
			continue;
		dns_add(m, DNS_ANSWER, rows[i].lines);
		return;
	}
	dns_add(m, DNS_AUTHORITY, DOMAIN " 120 SOA 900");
}

/* A mail server without STARTTLS, on the loop. */
enum { CLIENTS_MAX = 8 };

struct mail_client {
	uv_tcp_t tcp;
	char bytes[256];
};

struct mail_server {
	uv_tcp_t listener;
	unsigned calls;
	bool mute;
	struct mail_client clients[CLIENTS_MAX];
};

static void say(struct mail_client *client, char *text)
{
	uv_buf_t buf = uv_buf_init(text, (unsigned)strlen(text));

	(void)uv_try_write((uv_stream_t *)&client->tcp, &buf, 1);
}

static void on_mail_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	struct mail_client *client = handle->data;

	(void)size;
	*buf = uv_buf_init(client->bytes, sizeof(client->bytes));
}

static void on_mail(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
	static char answer[] = "250 mx.example.com\r\n";
	struct mail_client *client = stream->data;

	(void)buf;
	if (len > 0)
		say(client, answer);
	else if (len < 0)
		uv_read_stop(stream);
}

static char greeting[] = "220 mx.example.com\r\n";

static void on_caller(uv_stream_t *listener, int status)
{
	struct mail_server *server = listener->data;
	struct mail_client *client;

	assert_int_equal(status, 0);
	assert_true(server->calls < CLIENTS_MAX);
	client = &server->clients[server->calls++];
	uv_tcp_init(listener->loop, &client->tcp);
	uv_unref((uv_handle_t *)&client->tcp);
	client->tcp.data = client;
	assert_int_equal(uv_accept(listener, (uv_stream_t *)&client->tcp), 0);
	if (!server->mute)
		say(client, greeting);
	uv_read_start((uv_stream_t *)&client->tcp, on_mail_alloc, on_mail);
}

static void start_mail(uv_loop_t *loop, struct mail_server *server)
{
	struct sockaddr_in to;

	assert_int_equal(uv_ip4_addr("127.0.0.1", 25, &to), 0);
	uv_tcp_init(loop, &server->listener);
	server->listener.data = server;
	uv_unref((uv_handle_t *)&server->listener);
	assert_int_equal(
	    uv_tcp_bind(&server->listener, (struct sockaddr *)&to, 0), 0);
	assert_int_equal(
	    uv_listen((uv_stream_t *)&server->listener, 16, on_caller), 0);
}

struct world {
	uv_loop_t loop;
	struct dns_server *dns;
	struct mail_server mail;
	struct check_options check;
	struct check_batch *batch;
	unsigned reports;
	unsigned wants;
	struct report *report; /* the last one */
};

static void on_report(void *arg, struct report *report)
{
	struct world *w = arg;

	report_free(&w->report);
	w->report = report;
	w->reports++;
}

static void on_want(void *arg)
{
	struct world *w = arg;

	w->wants++;
}

/* HASTY: with short time limits, for tests in which many queries fail because memory
 * runs out, and whose results do not matter. */
static void open_world(struct world *w, bool hasty)
{
	uint64_t timeout_ms = hasty ? 500 : 10000;
	uint64_t dns_timeout_ms = hasty ? 200 : 10000;
	const char *text[1];
	struct resolver_options dns = { .loop = &w->loop,
		                        .servers = text,
		                        .server_count = 1,
		                        .timeout_ms = dns_timeout_ms };
	struct fetcher_options https = { .loop = &w->loop,
		                         .ca_file = ca_path,
		                         .timeout_ms = timeout_ms,
		                         .max_size = 65536,
		                         .concurrency = 4,
		                         .keep_chain = true };
	struct fault why = { 0 };

	memset(w, 0, sizeof(*w));
	assert_int_equal(uv_loop_init(&w->loop), 0);
	w->dns = dns_server_start(&w->loop, "127.0.0.1", 0, on_question, NULL);
	start_mail(&w->loop, &w->mail);
	text[0] = dns_server_text(w->dns);
	assert_int_equal(resolver_new(&dns, &w->check.probe.resolver, &why),
	                 MTS_OK);
	assert_int_equal(fetcher_new(&https, &w->check.probe.fetcher, &why),
	                 MTS_OK);
	w->check.probe.clock = &clock_system;
	w->check.probe.ehlo = "test.example";
	w->check.probe.timeout_ms = timeout_ms;
	w->check.probe.dns_timeout_ms = dns_timeout_ms;
	w->check.probe.ipv4 = true;
	w->check.probe.smtp = true;
	w->check.probe.allow_private = true;
	for (size_t i = 0; i < FINDINGS; i++)
		w->check.shown[i] = true;
}

static int open_batch(struct world *w)
{
	struct check_batch_options options = { .check = &w->check,
		                               .jobs = 2,
		                               .done = on_report,
		                               .want = on_want,
		                               .arg = w };

	return check_batch_new(&options, &w->batch);
}

static void close_world(struct world *w)
{
	report_free(&w->report);
	check_batch_close(&w->batch);
	resolver_close(&w->check.probe.resolver);
	fetcher_close(&w->check.probe.fetcher);
	dns_server_stop(w->dns);
	uv_close((uv_handle_t *)&w->mail.listener, NULL);
	for (unsigned i = 0; i < w->mail.calls; i++)
		uv_close((uv_handle_t *)&w->mail.clients[i].tcp, NULL);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&w->loop), 0);
}

static int add(struct world *w)
{
	static const struct domain domain = { strlen(DOMAIN), DOMAIN };

	return check_batch_add(w->batch, &domain);
}

static struct https_server *policy_host(enum https_mode mode)
{
	struct https_script script = {
		.mode = mode,
		.cert = { .ca = ca, .san = "DNS:" HOST },
		.response = PLAIN POLICY,
	};

	return https_server_start("127.0.0.1", &script);
}

/* -- tests ----------------------------------------------------------------- */

static void test_two_domains_share_a_host(void **state)
{
	struct https_server *server = policy_host(HTTPS_ANSWER);
	struct world w;

	(void)state;
	open_world(&w, false);
	w.mail.mute = true;
	assert_int_equal(open_batch(&w), MTS_OK);
	assert_int_equal(add(&w), MTS_OK);
	assert_int_equal(add(&w), MTS_OK);
	assert_int_equal(add(&w), MTS_EFULL);
	/* The host answers only when the second domain just waits for it. */
	while (w.wants < 1 || w.mail.calls < 1)
		uv_run(&w.loop, UV_RUN_ONCE);
	assert_int_equal(w.reports, 0);
	say(&w.mail.clients[0], greeting);
	while (w.reports < 2)
		uv_run(&w.loop, UV_RUN_ONCE);
	assert_true(check_batch_is_idle(w.batch));
	assert_int_equal(w.wants, 3);
	assert_int_equal(w.mail.calls, 1); /* for both */
	assert_int_equal(w.report->status, MTS_OK);
	assert_int_equal(w.report->state, STATE_BROKEN);
	assert_non_null(report_find(w.report, FINDING_STARTTLS_MISSING));
	assert_non_null(report_find(w.report, FINDING_MX_INVALID));
	assert_non_null(w.report->policy.view);
	close_world(&w);
	https_server_stop(server);
}

/* Makes each allocation fail in turn. */
static void try_without_memory(enum https_mode mode)
{
	struct https_server *server = policy_host(mode);
	size_t n = 0;
	bool failed;

	do {
		struct world w;
		int status;

		open_world(&w, true);
		alloc_fail_at(++n);
		status = open_batch(&w);
		if (status == MTS_OK)
			status = add(&w);
		while (status == MTS_OK && w.reports == 0)
			uv_run(&w.loop, UV_RUN_ONCE);
		failed = alloc_count() >= n;
		alloc_fail_at(0);
		assert_true(status == MTS_OK || status == MTS_ENOMEM);
		assert_true(w.reports == (status == MTS_OK));
		close_world(&w);
	} while (failed);
	assert_true(n > 50);
	https_server_stop(server);
}

/* The host of the first domain is slow. Later domains with the same host do not stop
 * the batch from starting others, up to its limit. */
static void test_shared_host_is_slow(void **state)
{
	enum { ALL = 8 }; /* four for each of two at a time */
	struct https_server *server = policy_host(HTTPS_ANSWER);
	struct world w;

	(void)state;
	open_world(&w, false);
	w.mail.mute = true;
	assert_int_equal(open_batch(&w), MTS_OK);
	for (unsigned i = 0; i < ALL; i++) {
		while (!check_batch_wants_more(w.batch))
			uv_run(&w.loop, UV_RUN_ONCE);
		assert_int_equal(add(&w), MTS_OK);
	}
	while (w.wants < ALL - 1)
		uv_run(&w.loop, UV_RUN_ONCE);
	assert_int_equal(w.reports, 0);
	assert_int_equal(add(&w), MTS_EFULL);
	while (w.mail.calls == 0)
		uv_run(&w.loop, UV_RUN_ONCE);
	say(&w.mail.clients[0], greeting);
	while (w.reports < ALL)
		uv_run(&w.loop, UV_RUN_ONCE);
	assert_int_equal(w.mail.calls, 1);
	assert_true(check_batch_is_idle(w.batch));
	/* Each has been counted as finished exactly once. */
	assert_int_equal(add(&w), MTS_OK);
	assert_int_equal(add(&w), MTS_OK);
	assert_int_equal(add(&w), MTS_EFULL);
	close_world(&w);
	https_server_stop(server);
}

/* The fetch and the description of the certificate use the same CA certificates, the
 * current ones. */
static void test_cert_is_judged_by_current_ca_file(void **state)
{
	static char path[] = "/tmp/test_check_batch_other.XXXXXX";
	struct https_server *server = policy_host(HTTPS_ANSWER);
	struct fetcher_options other = { .ca_file = path,
		                         .timeout_ms = 10000,
		                         .max_size = 65536,
		                         .concurrency = 4 };
	struct fault why = { 0 };
	struct test_ca *other_ca;
	struct world w;

	(void)state;
	close(mkstemp(path));
	other_ca = test_ca_new(path);
	open_world(&w, false);
	assert_int_equal(fetcher_prepare(w.check.probe.fetcher, &other, &why),
	                 MTS_OK);
	fetcher_settle(w.check.probe.fetcher, true);
	assert_int_equal(open_batch(&w), MTS_OK);
	assert_int_equal(add(&w), MTS_OK);
	while (w.reports == 0)
		uv_run(&w.loop, UV_RUN_ONCE);
	assert_null(w.report->policy.policy);
	assert_non_null(w.report->policy.view);
	assert_true(tls_view_is_bad(w.report->policy.view));
	close_world(&w);
	test_ca_free(other_ca);
	unlink(path);
	https_server_stop(server);
}

static void test_no_memory(void **state)
{
	(void)state;
	try_without_memory(HTTPS_ANSWER);
}

static void test_no_memory_with_old_tls(void **state)
{
	(void)state;
	try_without_memory(HTTPS_TLS11);
}

/* The batch can be closed after any number of loop iterations. */
static void test_close_at_any_time(void **state)
{
	struct https_server *server = policy_host(HTTPS_ANSWER);
	unsigned done = 0;

	(void)state;
	for (unsigned iterations = 0; iterations < 60; iterations++) {
		struct world w;

		open_world(&w, false);
		assert_int_equal(open_batch(&w), MTS_OK);
		assert_int_equal(add(&w), MTS_OK);
		for (unsigned i = 0; i < iterations && w.reports == 0; i++)
			uv_run(&w.loop, UV_RUN_ONCE);
		done += w.reports;
		check_batch_close(&w.batch);
		check_batch_close(&w.batch);
		close_world(&w);
	}
	assert_true(done > 0); /* the last ones finished */
	https_server_stop(server);
}

static void show(const struct renderer *renderer, const struct report *report)
{
	struct render_options options = { .utf8 = true,
		                          .verbose = true,
		                          .color = true,
		                          .width = RENDER_WIDTH };
	struct render render = { .options = &options };
	bool failed;
	size_t n = 0;

	do {
		struct buffer out;
		int status;

		buffer_init(&out, RENDER_MAX);
		alloc_fail_at(++n);
		status = renderer->report(&out, &render, report);
		failed = alloc_count() >= n;
		alloc_fail_at(0);
		assert_int_equal(status, failed ? MTS_ENOMEM : MTS_OK);
		buffer_free(&out);
	} while (failed);
	assert_true(n > 5);
}

static void test_no_memory_in_renderers(void **state)
{
	static const char *const forms[] = { "text", "json", "jsonl" };
	struct https_server *server = policy_host(HTTPS_ANSWER);
	struct world w;

	(void)state;
	open_world(&w, false);
	assert_int_equal(open_batch(&w), MTS_OK);
	assert_int_equal(add(&w), MTS_OK);
	while (w.reports == 0)
		uv_run(&w.loop, UV_RUN_ONCE);
	for (size_t i = 0; i < ARRAY_LEN(forms); i++)
		show(renderer_find(forms[i]), w.report);
	assert_null(renderer_find("nonsense"));
	close_world(&w);
	https_server_stop(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_domains_share_a_host),
		cmocka_unit_test(test_shared_host_is_slow),
		cmocka_unit_test(test_cert_is_judged_by_current_ca_file),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_no_memory_with_old_tls),
		cmocka_unit_test(test_close_at_any_time),
		cmocka_unit_test(test_no_memory_in_renderers),
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
