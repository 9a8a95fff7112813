/* SPDX-License-Identifier: BSD-2-Clause */
/* test_dns_udp.c - which questions share a socket, and who gets which answer.
 *
 * Loopback is synchronous: a packet has arrived when send() returns, so the loop
 * needs two rounds: one to receive it, one to call back. */
#include "tests.h"

#include "alloc.h"
#include "dns/dns_udp.h"
#include "netns.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	SHARED = 16, /* at most, as dns_udp.h says */
	MANY = 40,
	TXT = 16,
};

static const char elsewhere[] = "192.0.2.53"; /* no loopback address */

struct asked {
	struct sockaddr_in from;
	unsigned char bytes[512];
	size_t len;
};

static struct {
	uv_loop_t loop;
	int server;
	struct address address;
	in_port_t port;
	struct work_queue *work_queue;
	struct dns_udp *udp;
	struct dns_udp_question *questions[MANY];
	char got[MANY][40]; /* the answer to each; "": none yet */
	struct asked asked[MANY];
} world;

/* -- both sides ------------------------------------------------------------ */

static void open_at(const char *address)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof(at);

	memset(&world, 0, sizeof(world));
	assert_int_equal(uv_loop_init(&world.loop), 0);
	assert_int_equal(work_queue_ref(&world.loop, &world.work_queue),
	                 MTS_OK);
	assert_true(address_parse(slice_str(address), AF_INET, &world.address));
	at.sin_addr = world.address.v4;
	world.server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(world.server, (struct sockaddr *)&at, sizeof(at)),
	                 0);
	assert_int_equal(
	    getsockname(world.server, (struct sockaddr *)&at, &len), 0);
	world.port = ntohs(at.sin_port);
	assert_int_equal(dns_udp_new(&world.loop, world.work_queue,
	                             &world.address, world.port, &world.udp),
	                 MTS_OK);
}

/* Receives what there is, and calls back. */
static void run_loop(void)
{
	for (int i = 0; i < 3; i++)
		uv_run(&world.loop, UV_RUN_NOWAIT);
}

static void close_server(void)
{
	close(world.server);
	world.server = -1;
}

static void close_all(void)
{
	for (size_t i = 0; i < MANY; i++)
		dns_udp_cancel(&world.questions[i]);
	dns_udp_close(&world.udp);
	work_queue_unref(&world.work_queue);
	if (world.server >= 0)
		close_server();
	uv_run(&world.loop, UV_RUN_DEFAULT); /* no socket is left */
	assert_int_equal(uv_loop_close(&world.loop), 0);
}

static void on_message(void *arg, int status, struct slice message)
{
	size_t i = (size_t)((char(*)[40])arg - world.got);

	assert_string_equal(world.got[i], "");
	world.questions[i] = NULL;
	snprintf(world.got[i], sizeof(world.got[i]), "%s",
	         status == MTS_OK ? message.data + 12
	                          : mts_status_text(status));
}

static int ask(size_t i)
{
	struct dns_name name;

	assert_int_equal(dns_name_parse("x.example", &name), MTS_OK);
	return dns_udp_ask(world.udp, &name, TXT, false, on_message,
	                   world.got[i], &world.questions[i]);
}

/* Takes the next question that the server received. */
static void take(size_t i)
{
	struct asked *asked = &world.asked[i];
	socklen_t len = sizeof(asked->from);
	ssize_t n =
	    recvfrom(world.server, asked->bytes, sizeof(asked->bytes),
	             MSG_DONTWAIT, (struct sockaddr *)&asked->from, &len);

	assert_true(n > 12);
	asked->len = (size_t)n;
}

/* Answers the Ith question: with its header, and TEXT. */
static void answer(size_t i, const char *text)
{
	struct asked *asked = &world.asked[i];

	memcpy(asked->bytes + 12, text, strlen(text) + 1);
	assert_true(sendto(world.server, asked->bytes, 13 + strlen(text), 0,
	                   (struct sockaddr *)&asked->from,
	                   sizeof(asked->from)) > 0);
}

static void ask_many(size_t count)
{
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(ask(i), MTS_OK);
		take(i);
	}
}

static unsigned count_ports(size_t count)
{
	unsigned ports = 0;

	for (size_t i = 0; i < count; i++) {
		bool seen = false;

		for (size_t k = 0; k < i; k++)
			seen |= world.asked[k].from.sin_port ==
			        world.asked[i].from.sin_port;
		ports += !seen;
	}
	return ports;
}

/* -- sockets ------------------------------------------------------------ */

static void test_questions_to_loopback_share_sockets(void **state)
{
	(void)state;
	open_at("127.0.0.1");
	ask_many(MANY);
	assert_int_equal(count_ports(MANY), (MANY + SHARED - 1) / SHARED);
	for (size_t i = 0; i < MANY; i++) /* no two with one id */
		for (size_t k = 0; k < i; k++)
			assert_false(world.asked[i].from.sin_port ==
			                 world.asked[k].from.sin_port &&
			             memcmp(world.asked[i].bytes,
			                    world.asked[k].bytes, 2) == 0);
	close_all();
}

/* RFC 5452 9.2: others could forge the answers of a server elsewhere. */
static void test_other_questions_have_a_socket_each(void **state)
{
	(void)state;
	open_at(elsewhere);
	ask_many(MANY);
	assert_int_equal(count_ports(MANY), MANY);
	answer(3, "three");
	run_loop();
	assert_string_equal(world.got[3], "three");
	close_all();
}

/* Even if the answers come in reverse order. */
static void test_each_question_gets_its_own_answer(void **state)
{
	(void)state;
	open_at("127.0.0.1");
	ask_many(MANY);
	for (size_t i = MANY; i-- > 0;) {
		char text[32];

		snprintf(text, sizeof(text), "text %zu", i);
		answer(i, text);
	}
	run_loop();
	for (size_t i = 0; i < MANY; i++) {
		char text[32];

		snprintf(text, sizeof(text), "text %zu", i);
		assert_string_equal(world.got[i], text);
	}
	close_all();
}

/* A full socket that has got an answer takes a question again; one without any
 * question is closed. */
static void test_sockets_are_reused_and_closed(void **state)
{
	in_port_t first;

	(void)state;
	open_at("127.0.0.1");
	ask_many(SHARED);
	first = world.asked[0].from.sin_port;
	answer(5, "five");
	run_loop();
	assert_int_equal(ask(SHARED), MTS_OK);
	take(SHARED);
	assert_int_equal(world.asked[SHARED].from.sin_port, first);
	assert_int_equal(ask(SHARED + 1), MTS_OK);
	take(SHARED + 1);
	assert_int_not_equal(world.asked[SHARED + 1].from.sin_port, first);
	for (size_t i = 0; i < SHARED + 2; i++)
		dns_udp_cancel(&world.questions[i]);
	run_loop();
	assert_int_equal(uv_loop_alive(&world.loop), 0);
	close_all();
}

/* -- forged answers ----------------------------------------------------- */

static void test_guesses_and_late_answers_are_ignored(void **state)
{
	(void)state;
	open_at("127.0.0.1");
	ask_many(2);
	dns_udp_cancel(&world.questions[0]);
	answer(0, "late");
	world.asked[1].bytes[0] ^= 0x55; /* some id */
	answer(1, "guessed");
	run_loop();
	assert_string_equal(world.got[0], "");
	assert_string_equal(world.got[1], "");
	world.asked[1].bytes[0] ^= 0x55;
	world.asked[1].len = 11;
	sendto(world.server, world.asked[1].bytes, 11, 0,
	       (struct sockaddr *)&world.asked[1].from,
	       sizeof(world.asked[1].from)); /* an incomplete header */
	run_loop();
	assert_string_equal(world.got[1], "");
	answer(1, "right");
	run_loop();
	assert_string_equal(world.got[1], "right");
	close_all();
}

/* -- a server that is gone ------------------------------------------------- */

static void test_closed_port_fails_all_questions(void **state)
{
	(void)state;
	open_at("127.0.0.1");
	ask_many(3);
	close_server();
	assert_int_equal(ask(3), MTS_OK); /* the kernel refuses it */
	run_loop();
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(world.got[i],
		                    mts_status_text(MTS_ENOTFOUND));
	close_all();
}

/* The kernel reports a closed port once, to the next send(). */
static void test_next_question_finds_the_closed_port(void **state)
{
	(void)state;
	open_at("127.0.0.1");
	ask_many(3);
	close_server();
	assert_int_equal(ask(3), MTS_OK);
	assert_int_equal(ask(4), MTS_OK);
	for (size_t i = 0; i < 5; i++) {
		assert_string_equal(world.got[i], ""); /* not from inside */
		assert_non_null(world.questions[i]);
	}
	run_loop();
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(world.got[i],
		                    mts_status_text(MTS_ENOTFOUND));
	close_all();
}

/* -- out of memory, out of descriptors --------------------------------------------------------- */

static void test_no_memory_for_a_question(void **state)
{
	(void)state;
	open_at("127.0.0.1");
	for (size_t nth = 1; nth <= 2; nth++) { /* a question, a port */
		alloc_fail_at(nth);
		assert_int_equal(ask(0), MTS_ENOMEM);
		alloc_fail_at(0);
	}
	ask_many(1);
	answer(0, "a");
	run_loop();
	assert_string_equal(world.got[0], "a");
	close_all();
}

static void test_no_memory_for_an_answer(void **state)
{
	(void)state;
	open_at("127.0.0.1");
	ask_many(1);
	answer(0, "a");
	alloc_fail_at(1);
	run_loop();
	alloc_fail_at(0);
	assert_string_equal(world.got[0], mts_status_text(MTS_ENOMEM));
	close_all();
}

/* The answer is in the work queue when it is cancelled. */
static void test_cancelled_answer_is_not_called_back(void **state)
{
	(void)state;
	open_at("127.0.0.1");
	ask_many(3);
	close_server();
	assert_int_equal(ask(3), MTS_OK);
	assert_int_equal(ask(4), MTS_OK); /* now all five have failed */
	for (size_t i = 0; i < 4; i++)
		dns_udp_cancel(&world.questions[i]);
	run_loop();
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(world.got[i], "");
	assert_string_equal(world.got[4], mts_status_text(MTS_ENOTFOUND));
	close_all();
}

static void test_no_descriptor(void **state)
{
	struct rlimit before, none;

	(void)state;
	open_at("127.0.0.1");
	ask_many(1);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	for (size_t i = 1; i < SHARED; i++) { /* they share a socket */
		assert_int_equal(ask(i), MTS_OK);
		take(i);
	}
	assert_int_equal(ask(SHARED), MTS_ESYS);
	setrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(ask(SHARED), MTS_OK);
	close_all();
}

static void set_address(void)
{
	struct ifreq request = { .ifr_name = "lo:1" };
	struct sockaddr_in *address = (struct sockaddr_in *)&request.ifr_addr;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	address->sin_family = AF_INET;
	inet_pton(AF_INET, elsewhere, &address->sin_addr);
	if (ioctl(fd, SIOCSIFADDR, &request) != 0)
		abort();
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_questions_to_loopback_share_sockets),
		cmocka_unit_test(test_other_questions_have_a_socket_each),
		cmocka_unit_test(test_each_question_gets_its_own_answer),
		cmocka_unit_test(test_sockets_are_reused_and_closed),
		cmocka_unit_test(test_guesses_and_late_answers_are_ignored),
		cmocka_unit_test(test_closed_port_fails_all_questions),
		cmocka_unit_test(test_next_question_finds_the_closed_port),
		cmocka_unit_test(test_no_memory_for_a_question),
		cmocka_unit_test(test_no_memory_for_an_answer),
		cmocka_unit_test(test_cancelled_answer_is_not_called_back),
		cmocka_unit_test(test_no_descriptor),
	};

	if (!netns_enter())
		return netns_skip();
	set_address();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
