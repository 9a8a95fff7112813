/* SPDX-License-Identifier: BSD-2-Clause */
/* test_endpoint.c - connections when memory is short, and more connections than are
 * accepted in one iteration of the loop. */
#include "tests.h"

#include "alloc.h"

#include "serve/endpoint.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { CLIENTS = 3, TURN_MAX = 32, ROUNDS = TURN_MAX / CLIENTS + 2 };

struct world {
	char dir[64];
	char address[96];
	uv_loop_t loop;
	struct endpoint *endpoint;
	int clients[CLIENTS];
	unsigned accepted;
};

static void on_client(void *arg, uv_stream_t *stream)
{
	struct world *w = arg;

	w->accepted++;
	endpoint_drop_stream(stream);
}

static void start(struct world *w)
{
	struct endpoint_options options = { .loop = &w->loop };
	struct fault why;

	memset(w, 0, sizeof(*w));
	snprintf(w->dir, sizeof(w->dir), "/tmp/test_endpoint.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->address, sizeof(w->address), "unix:%s/sock", w->dir);
	options.bind.address = w->address;
	options.bind.mode = 0600;
	assert_int_equal(uv_loop_init(&w->loop), 0);
	assert_int_equal(
	    endpoint_listen(&options, on_client, w, &w->endpoint, &why),
	    MTS_OK);
}

static void connect_all(struct world *w)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", bind_path(w->address));
	for (size_t i = 0; i < CLIENTS; i++) {
		w->clients[i] = socket(AF_UNIX, SOCK_STREAM, 0);
		assert_int_equal(
		    connect(w->clients[i], (struct sockaddr *)&to, sizeof(to)),
		    0);
	}
}

/* Each connection is closed at once: by us, or because memory is short. */
static void expect_ends(struct world *w)
{
	char byte;

	for (size_t i = 0; i < CLIENTS; i++) {
		assert_int_equal(recv(w->clients[i], &byte, 1, MSG_DONTWAIT),
		                 0);
		close(w->clients[i]);
	}
}

static void run(struct world *w)
{
	for (int i = 0; i < 10; i++)
		uv_run(&w->loop, UV_RUN_NOWAIT);
}

static void stop(struct world *w)
{
	endpoint_close(&w->endpoint);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	assert_int_equal(rmdir(w->dir), 0);
}

static void test_connection_without_memory_is_closed(void **state)
{
	struct world w;

	(void)state;
	for (size_t n = 1; n <= CLIENTS; n++) {
		start(&w);
		connect_all(&w);
		alloc_fail_at(n);
		run(&w);
		alloc_fail_at(0);
		assert_int_equal(w.accepted, CLIENTS - 1);
		expect_ends(&w);
		connect_all(&w);
		run(&w);
		assert_int_equal(w.accepted, 2 * CLIENTS - 1);
		expect_ends(&w);
		stop(&w);
	}
}

/* The endpoint is closed while libuv still closes the handle of the refusal. */
static void test_close_while_refusing(void **state)
{
	struct world w;

	(void)state;
	start(&w);
	connect_all(&w);
	alloc_fail_at(1);
	uv_run(&w.loop, UV_RUN_NOWAIT);
	alloc_fail_at(0);
	stop(&w);
	expect_ends(&w);
}

static void let_go(struct world *w)
{
	for (size_t i = 0; i < CLIENTS; i++)
		close(w->clients[i]);
}

/* Connects more clients than one iteration accepts, and runs one iteration. */
static void start_crowded(struct world *w)
{
	start(w);
	for (int i = 0; i < ROUNDS; i++) {
		connect_all(w);
		let_go(w);
	}
	uv_run(&w->loop, UV_RUN_NOWAIT);
	assert_int_equal(w->accepted, TURN_MAX);
}

static void test_iteration_accepts_a_limited_number(void **state)
{
	struct world w;

	(void)state;
	start_crowded(&w);
	run(&w);
	assert_int_equal(w.accepted, ROUNDS * CLIENTS);
	stop(&w);
}

/* The endpoint is closed while a connection waits for the next iteration. */
static void test_close_between_iterations(void **state)
{
	struct world w;

	(void)state;
	start_crowded(&w);
	stop(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connection_without_memory_is_closed),
		cmocka_unit_test(test_close_while_refusing),
		cmocka_unit_test(test_iteration_accepts_a_limited_number),
		cmocka_unit_test(test_close_between_iterations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
