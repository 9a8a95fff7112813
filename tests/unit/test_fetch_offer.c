/* SPDX-License-Identifier: BSD-2-Clause */
/* test_fetch_offer.c - fetches whose caller can find further addresses. */
#include "tests.h"

#include "https_server.h"
#include "netns.h"

#include "https/fetch.h"

#include <sys/socket.h>
#include <unistd.h>

#define HOST "mta-sts.example.com"
#define GOOD                                                                   \
	"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"                  \
	"version: STSv1\r\nmode: none\r\nmax_age: 1\r\n"

enum { SYN_QUEUE = 4 };

static char ca_path[] = "/tmp/test_offer_ca.XXXXXX";
static struct test_ca *ca;

/* -- a world: a good host, one that refuses, one that keeps silent --------- */

static struct world {
	uv_loop_t loop;
	struct fetcher *fetcher;
	struct https_server *good4, *good6;
	struct fetch *fetch;
	unsigned wants, calls;
	enum fetch_cause cause;
	char address[ADDRESS_TEXT];
} w;

#define REFUSES "127.0.0.1"
#define GOOD4   "127.0.0.2"
#define DROPS   "127.0.0.3"
#define GOOD6   "::1"

static void open_world(uint64_t timeout_ms, uint64_t concurrency)
{
	static const struct https_script good = {
		.cert = { .san = "DNS:" HOST }, .response = GOOD
	};
	struct https_script script = good;
	struct fetcher_options options = { .loop = &w.loop,
		                           .ca_file = ca_path,
		                           .timeout_ms = timeout_ms,
		                           .max_size = 65536,
		                           .concurrency = concurrency };
	struct fault why;

	memset(&w, 0, sizeof(w));
	script.cert.ca = ca;
	w.good4 = https_server_start(GOOD4, &script);
	w.good6 = https_server_start(GOOD6, &script);
	assert_int_equal(uv_loop_init(&w.loop), 0);
	assert_int_equal(fetcher_new(&options, &w.fetcher, &why), MTS_OK);
}

static void close_world(void)
{
	fetcher_close(&w.fetcher);
	uv_run(&w.loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&w.loop), 0);
	https_server_stop(w.good4);
	https_server_stop(w.good6);
}

static void on_result(void *arg, const struct fetch_result *result)
{
	(void)arg;
	w.fetch = NULL;
	w.calls++;
	w.cause = result->cause;
	snprintf(w.address, sizeof(w.address), "%s", result->address);
}

static void on_want(void *arg)
{
	(void)arg;
	w.wants++;
}

static struct address address_of(const char *text)
{
	struct address address;
	in_port_t port;

	assert_int_equal(address_parse_server(text, &address, &port, NULL),
	                 MTS_OK);
	return address;
}

static void get(const char *text, fetch_want *want)
{
	struct address address = address_of(text);

	assert_int_equal(fetcher_get(w.fetcher, HOST, &address, 1, on_result,
	                             NULL, &w.fetch),
	                 MTS_OK);
	if (want)
		fetch_expect(w.fetch, want);
	assert_int_equal(w.wants, 0);
}

static void offer(const char *text)
{
	struct address address = address_of(text);

	fetch_offer(w.fetch, &address, 1);
	assert_int_equal(w.calls, 0); /* not from inside the call */
}

static void run_until(const unsigned *count)
{
	while (*count == 0)
		uv_run(&w.loop, UV_RUN_ONCE);
}

/* -- after a failure ------------------------------------------------------- */

static void test_offered_addresses_are_tried(void **state)
{
	(void)state;
	open_world(5000, 4);
	get(REFUSES, on_want);
	run_until(&w.wants);
	assert_int_equal(w.calls, 0);
	offer(GOOD4);
	run_until(&w.calls);
	assert_int_equal(w.cause, FETCH_OK);
	assert_string_equal(w.address, GOOD4);
	assert_int_equal(w.wants, 1);
	close_world();
}

/* The caller is asked once; when the new addresses fail, the fetch fails. */
static void test_caller_is_asked_once(void **state)
{
	(void)state;
	open_world(5000, 4);
	get(REFUSES, on_want);
	run_until(&w.wants);
	offer("127.0.0.4"); /* refuses too */
	run_until(&w.calls);
	assert_int_equal(w.cause, FETCH_CONNECT);
	assert_int_equal(w.wants, 1);
	close_world();
}

static void test_no_further_addresses(void **state)
{
	(void)state;
	open_world(5000, 4);
	get(REFUSES, on_want);
	run_until(&w.wants);
	fetch_offer(w.fetch, NULL, 0);
	assert_int_equal(w.calls, 0);
	run_until(&w.calls);
	assert_int_equal(w.cause, FETCH_CONNECT);
	close_world();
}

/* Without fetch_expect() the fetch fails at once. */
static void test_without_expect_it_fails_at_once(void **state)
{
	(void)state;
	open_world(5000, 4);
	get(REFUSES, NULL);
	run_until(&w.calls);
	assert_int_equal(w.cause, FETCH_CONNECT);
	assert_int_equal(w.wants, 0);
	close_world();
}

static void test_caller_is_not_asked_after_success(void **state)
{
	(void)state;
	open_world(5000, 4);
	get(GOOD4, on_want);
	run_until(&w.calls);
	assert_int_equal(w.cause, FETCH_OK);
	assert_int_equal(w.wants, 0);
	close_world();
}

/* While the caller looks for addresses, the next fetch can run. */
static void test_next_fetch_runs_while_asking(void **state)
{
	struct fetch *asking;

	(void)state;
	open_world(5000, 1);
	get(REFUSES, on_want);
	run_until(&w.wants);
	asking = w.fetch;
	w.wants = 0;
	get(GOOD4, NULL);
	run_until(&w.calls);
	assert_int_equal(w.cause, FETCH_OK);
	fetch_cancel(&asking);
	close_world();
}

/* -- while an attempt hangs ------------------------------------------------ */

/* A listener whose queue is full: the system drops what else comes. */
static void drop_connections(int sockets[SYN_QUEUE])
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		                  .sin_port = htons(443) };

	to.sin_addr = address_of(DROPS).v4;
	sockets[0] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(sockets[0], (struct sockaddr *)&to, sizeof(to)),
	                 0);
	assert_int_equal(listen(sockets[0], 0), 0);
	for (size_t i = 1; i < SYN_QUEUE; i++) {
		sockets[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(sockets[i], (struct sockaddr *)&to, sizeof(to));
	}
}

static void test_silent_attempt_is_dropped(void **state)
{
	int sockets[SYN_QUEUE];

	(void)state;
	open_world(8000, 4);
	drop_connections(sockets);
	get(DROPS, on_want);
	run_until(&w.wants); /* after half a second, the attempt goes on */
	assert_int_equal(w.calls, 0);
	offer(GOOD6);
	run_until(&w.calls);
	assert_int_equal(w.cause, FETCH_OK);
	assert_string_equal(w.address, GOOD6);
	close_world();
	for (size_t i = 0; i < SYN_QUEUE; i++)
		close(sockets[i]);
}

/* An attempt that has connected goes on: its host may just be slow. */
static void test_connected_attempt_goes_on(void **state)
{
	struct https_script silent = {
		.mode = HTTPS_SILENT, .cert = { .ca = ca, .san = "DNS:" HOST }
	};
	struct https_server *server;

	(void)state;
	open_world(1500, 4);
	server = https_server_start("127.0.0.5", &silent);
	get("127.0.0.5", on_want);
	run_until(&w.wants);
	offer(GOOD6);
	run_until(&w.calls);
	assert_int_equal(w.cause, FETCH_TIMEOUT);
	assert_string_equal(w.address, "127.0.0.5");
	assert_int_equal(https_server_count(server), 1);
	close_world();
	https_server_stop(server);
}

/* -- cancelling and closing ------------------------------------------------ */

static void cancel_it(void *arg)
{
	on_want(arg);
	fetch_cancel(&w.fetch);
}

static void close_it(void *arg)
{
	on_want(arg);
	w.fetch = NULL;
	fetcher_close(&w.fetcher);
}

static void test_cancel(void **state)
{
	(void)state;
	open_world(5000, 4);
	get(REFUSES, on_want);
	run_until(&w.wants);
	fetch_cancel(&w.fetch);
	close_world();
	assert_int_equal(w.calls, 0);
	open_world(5000, 4);
	get(REFUSES, on_want);
	run_until(&w.wants);
	offer(GOOD4); /* is to be the next to start */
	fetch_cancel(&w.fetch);
	close_world();
	assert_int_equal(w.calls, 0);
}

static void test_close(void **state)
{
	(void)state;
	open_world(5000, 4);
	get(REFUSES, on_want);
	run_until(&w.wants);
	close_world();
	assert_int_equal(w.calls, 0);
}

/* From inside the fetch_want callback both are allowed. */
static void test_cancel_and_close_from_want(void **state)
{
	static fetch_want *const wants[] = { cancel_it, close_it };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wants); i++) {
		open_world(5000, 4);
		get(REFUSES, wants[i]);
		uv_run(&w.loop, UV_RUN_DEFAULT);
		assert_int_equal(w.wants, 1);
		assert_int_equal(w.calls, 0);
		close_world();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offered_addresses_are_tried),
		cmocka_unit_test(test_caller_is_asked_once),
		cmocka_unit_test(test_no_further_addresses),
		cmocka_unit_test(test_without_expect_it_fails_at_once),
		cmocka_unit_test(test_caller_is_not_asked_after_success),
		cmocka_unit_test(test_next_fetch_runs_while_asking),
		cmocka_unit_test(test_silent_attempt_is_dropped),
		cmocka_unit_test(test_connected_attempt_goes_on),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_cancel_and_close_from_want),
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
