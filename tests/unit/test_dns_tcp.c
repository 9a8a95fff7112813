/* SPDX-License-Identifier: BSD-2-Clause */
/* test_dns_tcp.c - questions by TCP: how many are out at once, and in which order
 * the others follow.
 *
 * The test itself is the server. The kernel completes a connection to it as soon as
 * it is requested, so a server that accepts and says nothing needs no code. */
#include "tests.h"

#include "alloc.h"
#include "dns/dns_tcp.h"
#include "netns.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	MANY = 40,
	ROUNDS = 400, /* of the loop, much more than all of it takes */
	TXT = 16,
};

/* A connection to the server, and the question that came over it. */
struct connection {
	int fd;
	size_t question; /* its number */
	uint8_t bytes[512];
	size_t len;
};

static struct {
	uv_loop_t loop;
	int listener;
	struct address address;
	in_port_t port;
	struct connection connections[MANY];
	size_t connection_count;
	struct dns_tcp *tcp;
	struct dns_tcp_question *questions[MANY];
	unsigned calls;
	int status[MANY];
	size_t order[MANY]; /* in which questions were called back */
	bool closes;        /* the first callback closes everything */
} world;

/* -- both sides ------------------------------------------------------------ */

static void open_world(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof(at);

	memset(&world, 0, sizeof(world));
	assert_int_equal(uv_loop_init(&world.loop), 0);
	assert_true(
	    address_parse(slice_str("127.0.0.1"), AF_INET, &world.address));
	at.sin_addr = world.address.v4;
	world.listener =
	    socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(
	    bind(world.listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(world.listener, 2 * MANY), 0);
	assert_int_equal(
	    getsockname(world.listener, (struct sockaddr *)&at, &len), 0);
	world.port = ntohs(at.sin_port);
	assert_int_equal(dns_tcp_new(&world.loop, &world.tcp), MTS_OK);
}

static void close_listener(void)
{
	close(world.listener);
	world.listener = -1;
}

static void close_world(void)
{
	dns_tcp_close(&world.tcp);
	assert_null(world.tcp);
	if (world.listener >= 0)
		close_listener();
	for (size_t i = 0; i < world.connection_count; i++)
		close(world.connections[i].fd);
	uv_run(&world.loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&world.loop), 0);
}

static void on_message(void *arg, int status, struct slice message)
{
	size_t i = (size_t)((struct dns_tcp_question **)arg - world.questions);

	assert_non_null(world.questions[i]);
	assert_true((status == MTS_OK) == (message.len > 0));
	world.questions[i] = NULL;
	world.status[i] = status;
	world.order[world.calls++] = i;
	if (world.closes)
		dns_tcp_close(&world.tcp);
}

static int ask(size_t i)
{
	char text[32];
	struct dns_name name;

	snprintf(text, sizeof(text), "%zu.example", i);
	assert_int_equal(dns_name_parse(text, &name), MTS_OK);
	return dns_tcp_ask(world.tcp, &world.address, world.port, &name, TXT,
	                   i % 2, on_message, &world.questions[i],
	                   &world.questions[i]);
}

static void ask_many(void)
{
	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(ask(i), MTS_OK);
	assert_int_equal(world.calls, 0); /* never from inside */
}

static void accept_all(void)
{
	int fd;

	while (world.listener >= 0 &&
	       (fd = accept(world.listener, NULL, NULL)) >= 0) {
		assert_true(world.connection_count < MANY);
		assert_true(fcntl(fd, F_SETFL, O_NONBLOCK) >= 0);
		world.connections[world.connection_count++].fd = fd;
	}
}

/* The first label of the question's name is its number. */
static void read_question(struct connection *connection)
{
	ssize_t n =
	    read(connection->fd, connection->bytes, sizeof(connection->bytes));

	if (n < 0)
		return;
	assert_true(n > 15);
	connection->len = (size_t)n;
	connection->question =
	    strtoul((const char *)connection->bytes + 15, NULL, 10);
}

/* Lets both sides do all that they can. */
static void run_world(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		uv_run(&world.loop, UV_RUN_NOWAIT);
		accept_all();
	}
	for (size_t i = 0; i < world.connection_count; i++)
		if (!world.connections[i].len)
			read_question(&world.connections[i]);
}

/* Returns the question as an answer without records. */
static void answer(size_t i)
{
	struct connection *connection = &world.connections[i];

	assert_true(connection->len > 0);
	connection->bytes[4] |= 0x80; /* QR */
	assert_int_equal(
	    write(connection->fd, connection->bytes, connection->len),
	    connection->len);
}

static size_t count_queued(void)
{
	size_t count = 0;

	usleep(2000); /* so that all that are out are so for a millisecond */
	uv_update_time(&world.loop);
	for (size_t i = 0; i < MANY; i++)
		count += world.questions[i] &&
		         dns_tcp_out_ms(world.questions[i]) == 0;
	return count;
}

/* -- the queue ------------------------------------------------------------- */

static void test_no_more_than_16_are_out(void **state)
{
	(void)state;
	open_world();
	ask_many();
	assert_int_equal(count_queued(), MANY);
	run_world();
	assert_int_equal(DNS_TCP_MAX, 16);
	assert_int_equal(world.connection_count, DNS_TCP_MAX);
	assert_int_equal(count_queued(), MANY - DNS_TCP_MAX);
	assert_int_equal(world.calls, 0);
	close_world();
	assert_int_equal(world.calls, 0);
}

static void test_first_come_first_served(void **state)
{
	(void)state;
	open_world();
	ask_many();
	for (size_t i = 0; i < MANY; i++) {
		size_t out = i + DNS_TCP_MAX < MANY ? i + DNS_TCP_MAX : MANY;

		run_world();
		assert_int_equal(world.calls, i);
		assert_int_equal(world.connection_count, out);
		assert_int_equal(world.connections[i].question, i);
		answer(i);
	}
	run_world();
	assert_int_equal(world.calls, MANY);
	for (size_t i = 0; i < MANY; i++) {
		assert_int_equal(world.order[i], i);
		assert_int_equal(world.status[i], MTS_OK);
	}
	close_world();
}

static void test_cancelled_questions_leave_the_queue(void **state)
{
	static const size_t cancelled[] = { 16, 17, 20 };

	(void)state;
	open_world();
	ask_many();
	run_world();
	for (size_t i = 0; i < ARRAY_LEN(cancelled); i++)
		dns_tcp_cancel(&world.questions[cancelled[i]]);
	run_world();
	assert_int_equal(world.connection_count, DNS_TCP_MAX);
	dns_tcp_cancel(&world.questions[3]); /* this one was out */
	answer(5);
	run_world();
	assert_int_equal(world.calls, 1);
	assert_int_equal(world.connection_count, DNS_TCP_MAX + 2);
	assert_int_equal(world.connections[16].question, 18);
	assert_int_equal(world.connections[17].question, 19);
	answer(6);
	run_world();
	assert_int_equal(world.connections[18].question, 21);
	close_world();
}

/* Before any is out; while some are; while an answer is to be handed on. */
static void test_close_at_any_time(void **state)
{
	(void)state;
	for (int rounds = 0; rounds < 60; rounds++) {
		open_world();
		ask_many();
		for (int i = 0; i < rounds; i++) {
			uv_run(&world.loop, UV_RUN_NOWAIT);
			accept_all();
		}
		close_world();
		assert_int_equal(world.calls, 0);
	}
	open_world();
	ask_many();
	run_world();
	for (size_t i = 0; i < DNS_TCP_MAX; i++)
		answer(i);
	world.closes = true;
	run_world();
	assert_int_equal(world.calls, 1);
	close_world();
}

static void test_cancel_at_any_time(void **state)
{
	(void)state;
	for (int rounds = 0; rounds < 60; rounds++) {
		open_world();
		assert_int_equal(ask(rounds & 1), MTS_OK);
		for (int i = 0; i < rounds; i++) {
			uv_run(&world.loop, UV_RUN_NOWAIT);
			accept_all();
		}
		dns_tcp_cancel(&world.questions[rounds & 1]);
		dns_tcp_cancel(&world.questions[rounds & 1]);
		close_world();
		assert_int_equal(world.calls, 0);
	}
}

/* -- failures -------------------------------------------------------------- */

static void all_must_end(int status)
{
	for (size_t i = 0; i < MANY; i++)
		assert_null(world.questions[i]);
	assert_int_equal(world.calls, MANY);
	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(world.status[i], status);
}

static void test_closed_port(void **state)
{
	(void)state;
	open_world();
	close_listener();
	ask_many();
	run_world();
	all_must_end(MTS_ENOTFOUND);
	close_world();
}

static void test_closed_connection(void **state)
{
	(void)state;
	open_world();
	assert_int_equal(ask(0), MTS_OK);
	assert_int_equal(ask(1), MTS_OK);
	run_world();
	shutdown(world.connections[0].fd, SHUT_RDWR);
	close_listener(); /* nor can it connect again */
	run_world();
	assert_int_equal(world.calls, 1);
	assert_int_equal(world.status[0], MTS_ENOTFOUND);
	close_world();
}

static void test_no_descriptor(void **state)
{
	struct rlimit before, none;

	(void)state;
	open_world();
	ask_many();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	run_world();
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	all_must_end(MTS_ESYS);
	close_world();
}

static void test_no_memory_for_a_question(void **state)
{
	(void)state;
	open_world();
	alloc_fail_at(1);
	assert_int_equal(ask(0), MTS_ENOMEM);
	alloc_fail_at(0);
	assert_null(world.questions[0]);
	close_world();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_more_than_16_are_out),
		cmocka_unit_test(test_first_come_first_served),
		cmocka_unit_test(test_cancelled_questions_leave_the_queue),
		cmocka_unit_test(test_close_at_any_time),
		cmocka_unit_test(test_cancel_at_any_time),
		cmocka_unit_test(test_closed_port),
		cmocka_unit_test(test_closed_connection),
		cmocka_unit_test(test_no_descriptor),
		cmocka_unit_test(test_no_memory_for_a_question),
	};

	if (!netns_enter())
		return netns_skip();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
