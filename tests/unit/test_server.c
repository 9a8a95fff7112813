/* SPDX-License-Identifier: BSD-2-Clause */
/* test_server.c - many clients at once. A client that asks for a cached policy is
 * answered soon, while many others connect, need a discovery, or disconnect. */
#include "ask_world.h"

#include "base/work_queue.h"
#include "folder.h"
#include "save.h"
#include "serve/server.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { CROWD = 300, WORK_QUEUE_MAX = 10000 };

struct world {
	struct fixture *f;
	char folder[64];
	char address[96];
	struct server *server;
	struct work_item begins;
	int waiting; /* look-ups when BEGINS ran; -1: it has not run yet */
	int one;     /* the client that asks for a cached policy */
	int crowd[CROWD];
};

static int connect_to(const struct world *w)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", bind_path(w->address));
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static void ask(int fd, const char *domain)
{
	char text[100];
	int len = snprintf(text, sizeof(text), "%zu:postfix %s,",
	                   strlen(domain) + strlen("postfix "), domain);

	assert_int_equal(send(fd, text, (size_t)len, 0), len);
}

static struct server_counts counts_of(const struct world *w)
{
	struct server_counts counts;

	server_get_counts(w->server, &counts);
	return counts;
}

/* The number of clients that wait for a look-up. */
static uint64_t waiting(const struct world *w)
{
	struct lookup_counts counts;

	lookups_get_counts(w->f->lookups, &counts);
	return counts.waiting;
}

/* One iteration of the loop. */
static void run_once(struct world *w)
{
	uv_run(&w->f->loop, UV_RUN_NOWAIT);
}

/* Runs the loop until there are COUNT clients. */
static void await_clients(struct world *w, uint64_t count)
{
	for (int i = 0; i < WORK_QUEUE_MAX && counts_of(w).clients != count;
	     i++)
		run_once(w);
	assert_int_equal(counts_of(w).clients, count);
}

/* The client ONE asks after all others. Runs the loop until it is answered. */
static void await_hit(struct world *w)
{
	char text[200] = "";

	ask(w->one, "example.org");
	for (int i = 0; i < WORK_QUEUE_MAX && !*text; i++) {
		run_once(w);
		(void)!recv(w->one, text, sizeof(text) - 1, MSG_DONTWAIT);
	}
	assert_non_null(strstr(text, SECURE));
}

static void connect_crowd(struct world *w)
{
	for (size_t i = 0; i < CROWD; i++)
		w->crowd[i] = connect_to(w);
}

static void close_crowd(struct world *w)
{
	for (size_t i = 0; i < CROWD; i++)
		close(w->crowd[i]);
}

static void listen_at(struct world *w)
{
	struct server_options options = { .loop = &w->f->loop,
		                          .clock = &w->f->smooth_clock.clock,
		                          .ask = w->f->ask };
	struct server_socket socket = {
		.protocol = &protocol_socketmap,
		.map = "postfix",
		.bind = { .address = w->address, .mode = 0600 },
	};
	struct server_setup setup = { .sockets = &socket,
		                      .socket_count = 1,
		                      .maps = w->f->maps,
		                      .max_clients = CROWD + 1 };
	struct fault why;

	assert_int_equal(server_new(&options, &w->server, &why), MTS_OK);
	assert_int_equal(server_prepare(w->server, &setup, &why), MTS_OK);
	server_settle(w->server, true);
}

static int start_with(void **state, enum ask_dane dane)
{
	struct domain domain = domain_of("example.org");
	struct world *w = calloc(1, sizeof(*w));
	struct fixture *f;

	assert_non_null(w);
	assert_int_equal(ask_setup((void **)&w->f), 0);
	f = w->f;
	snprintf(w->folder, sizeof(w->folder), "/tmp/mtasts-test.XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	snprintf(w->address, sizeof(w->address), "unix:%s/sock", w->folder);
	open_ask(f, dane, false, 20000);
	have_policy(f, POLICY_ENFORCE);
	save_to_disk(&f->loop, f->cache, &domain);
	listen_at(w);
	w->one = connect_to(w);
	await_clients(w, 1);
	*state = w;
	return 0;
}

static int start(void **state)
{
	return start_with(state, ASK_DANE_OFF);
}

static int start_dane(void **state)
{
	return start_with(state, ASK_DANE_AUTO);
}

static int stop(void **state)
{
	struct world *w = *state;

	close(w->one);
	server_close(&w->server);
	run_once(w);
	folder_remove(w->folder);
	ask_teardown((void **)&w->f);
	free(w);
	return 0;
}

static void test_hit_does_not_wait_for_new_clients(void **state)
{
	struct world *w = *state;

	connect_crowd(w);
	await_hit(w);
	assert_true(counts_of(w).clients < CROWD / 2);
	await_clients(w, CROWD + 1);
	close_crowd(w);
}

static void test_hit_does_not_wait_for_discoveries(void **state)
{
	struct world *w = *state;

	connect_crowd(w);
	await_clients(w, CROWD + 1);
	for (size_t i = 0; i < CROWD; i++)
		ask(w->crowd[i], "cold.example");
	await_hit(w);
	assert_int_equal(counts_of(w).requests, CROWD + 1);
	assert_int_equal(waiting(w), 0);
	for (int i = 0; i < WORK_QUEUE_MAX && waiting(w) < CROWD; i++)
		run_once(w);
	assert_int_equal(waiting(w), CROWD);
	close_crowd(w);
}

/* Uses up the time for work of one iteration of the loop. */
static void use_up_time(struct work_item *work_item)
{
	uint64_t end_ns = uv_hrtime() + 600 * 1000;

	(void)work_item;
	while (uv_hrtime() < end_ns)
		continue;
}

static void on_begin(struct work_item *work_item)
{
	struct world *w = container_of(work_item, struct world, begins);

	w->waiting = (int)waiting(w);
}

/* New look-ups start in the order in which they were queued, after other new work.
 * Otherwise, when look-ups are refused because there are too many, clients that ask
 * again and again would hold up all discoveries. */
static void test_lookups_start_in_order(void **state)
{
	struct world *w = *state;
	struct work_queue *work_queue;
	struct work_item full;

	assert_int_equal(work_queue_ref(&w->f->loop, &work_queue), MTS_OK);
	work_item_init(&full, use_up_time);
	work_item_init(&w->begins, on_begin);
	connect_crowd(w);
	await_clients(w, CROWD + 1);
	w->waiting = -1;
	work_queue_add(work_queue, &full);
	work_queue_add_new(work_queue, &w->begins);
	for (size_t i = 0; i < CROWD; i++)
		ask(w->crowd[i], "cold.example");
	run_once(w); /* no time is left for look-ups; requests are read */
	assert_int_equal(counts_of(w).requests, CROWD);
	for (int i = 0; i < WORK_QUEUE_MAX && w->waiting == -1; i++)
		run_once(w);
	assert_int_equal(w->waiting, 0);
	close_crowd(w);
	work_queue_unref(&work_queue);
}

static void test_hit_does_not_wait_for_leaving_clients(void **state)
{
	struct world *w = *state;

	connect_crowd(w);
	await_clients(w, CROWD + 1);
	close_crowd(w);
	await_hit(w);
	assert_int_equal(counts_of(w).clients, CROWD + 1);
	await_clients(w, 1);
}

/* When a mail server restarts, its old connections end and it opens new ones at once.
 * Clients that have left do not count towards the limit, even before they are
 * closed. */
static void test_leaving_clients_do_not_block_new_ones(void **state)
{
	struct world *w = *state;
	uint64_t accepted;

	connect_crowd(w);
	await_clients(w, CROWD + 1); /* the limit is reached */
	run_once(w);                 /* and the backlog is empty */
	accepted = counts_of(w).accepted;
	close_crowd(w);
	connect_crowd(w);
	for (int i = 0; i < WORK_QUEUE_MAX && counts_of(w).refused == 0 &&
	                counts_of(w).accepted < accepted + CROWD;
	     i++)
		run_once(w);
	assert_int_equal(counts_of(w).refused, 0);
	assert_int_equal(counts_of(w).clients, CROWD + 1);
	await_hit(w);
	close_crowd(w);
}

/* A hit that has to wait for DANE asks for the policy a second time, but counts as one
 * hit. */
static void test_hit_that_waits_counts_once(void **state)
{
	struct world *w = *state;
	struct lookup_counts counts;

	ask(w->one, "example.org");
	for (int i = 0; i < WORK_QUEUE_MAX && fake_dane_running() == 0; i++)
		run_once(w);
	assert_int_equal(fake_dane_running(), 1);
	lookups_get_counts(w->f->lookups, &counts);
	assert_int_equal(counts.hits, 1);
}

/* Some clients wait to start a look-up, others to be closed. */
static void test_server_closes_with_queued_clients(void **state)
{
	struct world *w = *state;

	connect_crowd(w);
	await_clients(w, CROWD + 1);
	for (size_t i = 0; i < CROWD; i++) {
		if (i % 2)
			ask(w->crowd[i], "cold.example");
		else
			shutdown(w->crowd[i], SHUT_RDWR);
	}
	await_hit(w);
	assert_int_equal(counts_of(w).clients, CROWD + 1);
	assert_int_equal(waiting(w), 0);
	close_crowd(w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_hit_does_not_wait_for_new_clients, start, stop),
		cmocka_unit_test_setup_teardown(
		    test_hit_does_not_wait_for_discoveries, start, stop),
		cmocka_unit_test_setup_teardown(test_lookups_start_in_order,
		                                start, stop),
		cmocka_unit_test_setup_teardown(
		    test_hit_does_not_wait_for_leaving_clients, start, stop),
		cmocka_unit_test_setup_teardown(
		    test_leaving_clients_do_not_block_new_ones, start, stop),
		cmocka_unit_test_setup_teardown(test_hit_that_waits_counts_once,
		                                start_dane, stop),
		cmocka_unit_test_setup_teardown(
		    test_server_closes_with_queued_clients, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
