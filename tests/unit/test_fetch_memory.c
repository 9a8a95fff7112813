/* SPDX-License-Identifier: BSD-2-Clause */
/* test_fetch_memory.c - memory that is refused to libcurl, OpenSSL or us in a
 * fetch: it ends all the same, nobody else is blamed, and the next one is good.
 *
 * What is refused in a process' first hand-shake: test_tls_memory.c. */
#include "tests.h"

#include "alloc.h"
#include "https_server.h"
#include "netns.h"

#include "base/shortage.h"
#include "https/fetch.h"
#include "https/tls_memory.h"

#include <unistd.h>

#define HOST    "mta-sts.example.com"
#define ADDRESS "127.0.0.2"
#define GOOD                                                                   \
	"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"                  \
	"version: STSv1\r\nmode: none\r\nmax_age: 1\r\n"

enum {
	CLOSELY = 150, /* libcurl's, before OpenSSL's */
	STEP = 7,
	TIMEOUT_MS = 2000, /* a busy machine takes hundreds for a good one */
	ALLOCATIONS_MAX = 10000,
	/* Of those that end by their time: what was refused was the memory to
	 * end them any sooner. */
	SLOW_MAX = 20,
};

/* OpenSSL 3.0 forgets references where it is refused memory, and what they are to
 * is there at the end. What we forget the other tests of fetches see. */
int __lsan_is_turned_off(void);

int __lsan_is_turned_off(void)
{
	return 1;
}

static char ca_path[] = "/tmp/test_memory_ca.XXXXXX";
static struct test_ca *ca;

static struct world {
	uv_loop_t loop;
	struct fetcher *fetcher;
	struct https_server *server;
	struct fetch *fetch;
	bool over;
	enum fetch_cause cause;
	char reason[200];
} w;

static void open_world(void)
{
	struct https_script script = { .cert = { .ca = ca, .san = "DNS:" HOST },
		                       .response = GOOD };
	struct fetcher_options options = { .loop = &w.loop,
		                           .ca_file = ca_path,
		                           .timeout_ms = TIMEOUT_MS,
		                           .max_size = 65536,
		                           .concurrency = 4 };
	struct fault why;

	memset(&w, 0, sizeof(w));
	w.server = https_server_start(ADDRESS, &script);
	assert_int_equal(uv_loop_init(&w.loop), 0);
	assert_int_equal(fetcher_new(&options, &w.fetcher, &why), MTS_OK);
}

static void close_world(void)
{
	fetcher_close(&w.fetcher);
	uv_run(&w.loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&w.loop), 0);
	https_server_stop(w.server);
}

static void on_result(void *arg, const struct fetch_result *result)
{
	(void)arg;
	w.fetch = NULL;
	w.over = true;
	w.cause = result->cause;
	snprintf(w.reason, sizeof(w.reason), "%s", result->reason);
}

static void on_late(uv_timer_t *timer)
{
	(void)timer;
	w.over = true;
}

/* How long it took; SPOIL says what is refused. */
static uint64_t get(void (*spoil)(size_t), size_t at)
{
	uv_timer_t late;
	struct address address;
	in_port_t port;
	uint64_t start_ms = uv_hrtime() / 1000000;

	assert_int_equal(address_parse_server(ADDRESS, &address, &port, NULL),
	                 MTS_OK);
	w.over = false;
	w.cause = FETCH_NO_MEMORY;
	uv_update_time(&w.loop);
	uv_timer_init(&w.loop, &late);
	uv_timer_start(&late, on_late, 10 * TIMEOUT_MS, 0);
	spoil(at);
	if (fetcher_get(w.fetcher, HOST, &address, 1, on_result, NULL,
	                &w.fetch) == MTS_OK)
		while (!w.over)
			uv_run(&w.loop, UV_RUN_ONCE);
	spoil(0);
	uv_close((uv_handle_t *)&late, NULL);
	uv_run(&w.loop, UV_RUN_NOWAIT);
	if (w.fetch)
		fail_msg("%zu: it never ended", at);
	return uv_hrtime() / 1000000 - start_ms;
}

static void refuse(void (*spoil)(size_t))
{
	uint64_t before = shortage_count();
	unsigned slow = 0;

	open_world();
	for (size_t at = 1; at < ALLOCATIONS_MAX;
	     at += at < CLOSELY ? 1 : STEP) {
		uint64_t took_ms = get(spoil, at);

		if (w.cause == FETCH_OK && shortage_count() == before)
			break;
		slow += took_ms >= TIMEOUT_MS;
		if (w.cause != FETCH_OK && w.cause != FETCH_NO_MEMORY)
			fail_msg("%zu: %s", at, w.reason);
		(void)get(alloc_fail_at, 0);
		if (w.cause != FETCH_OK)
			fail_msg("after %zu: %s", at, w.reason);
		before = shortage_count();
	}
	assert_true(slow < SLOW_MAX);
	close_world();
}

static void once(void **state)
{
	(void)state;
	refuse(alloc_fail_at);
}

static void from_then_on(void **state)
{
	(void)state;
	refuse(alloc_fail_from);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(once),
		cmocka_unit_test(from_then_on),
	};
	int failed;
	int fd;

	if (!netns_enter())
		return netns_skip();
	tls_memory_watch();
	fd = mkstemp(ca_path);
	if (fd < 0)
		return 1;
	close(fd);
	ca = test_ca_new(ca_path);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	test_ca_free(ca);
	unlink(ca_path);
	return failed;
}
