/* SPDX-License-Identifier: BSD-2-Clause */
/* test_dns_udp.c - which questions share a socket, and who gets which answer.
 *
 * Loopback is quick: what was sent is there when send() returns, so one turn of
 * the loop tells what came of it. */
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
	struct dns_udp *udp;
	struct dns_udp_question *questions[MANY];
	char got[MANY][40]; /* what each was told; "": nothing yet */
	struct asked asked[MANY];
} world;

/* -- both sides ------------------------------------------------------------ */

static void open_at(const char *address)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof(at);

	memset(&world, 0, sizeof(world));
	assert_int_equal(uv_loop_init(&world.loop), 0);
	assert_true(address_parse(slice_str(address), AF_INET, &world.address));
	at.sin_addr = world.address.v4;
	world.server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(world.server, (struct sockaddr *)&at, sizeof(at)),
	                 0);
	assert_int_equal(
	    getsockname(world.server, (struct sockaddr *)&at, &len), 0);
	world.port = ntohs(at.sin_port);
	assert_int_equal(
	    dns_udp_new(&world.loop, &world.address, world.port, &world.udp),
	    MTS_OK);
}

static void work_item(void)
{
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
	if (world.server >= 0)
		close_server();
	uv_run(&world.loop, UV_RUN_DEFAULT); /* no socket is left */
	assert_int_equal(uv_loop_close(&world.loop), 0);
}

static void on_message(void *arg, struct slice message)
{
	size_t i = (size_t)((char(*)[40])arg - world.got);

	assert_string_equal(world.got[i], "");
	world.questions[i] = NULL;
	snprintf(world.got[i], sizeof(world.got[i]), "%s",
	         message.len ? message.data + 12 : "unreachable");
}

static int ask(size_t i)
{
	struct dns_name name;

	assert_int_equal(dns_name_parse("x.example", &name), MTS_OK);
	return dns_udp_ask(world.udp, &name, TXT, false, on_message,
	                   world.got[i], &world.questions[i]);
}

/* What the server was asked next. */
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

/* An answer to what was asked as Ith: its head, and TEXT. */
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

/* -- who shares ------------------------------------------------------------ */

static void many_share(void **state)
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

/* RFC 5452 9.2: who is far away might be played by somebody else. */
static void others_have_their_own(void **state)
{
	(void)state;
	open_at(elsewhere);
	ask_many(MANY);
	assert_int_equal(count_ports(MANY), MANY);
	answer(3, "three");
	work_item();
	assert_string_equal(world.got[3], "three");
	close_all();
}

/* The last first, and all is told to whom it is for. */
static void each_gets_its_own(void **state)
{
	(void)state;
	open_at("127.0.0.1");
	ask_many(MANY);
	for (size_t i = MANY; i-- > 0;) {
		char text[20];

		snprintf(text, sizeof(text), "text %zu", i);
		answer(i, text);
	}
	work_item();
	for (size_t i = 0; i < MANY; i++) {
		char text[20];

		snprintf(text, sizeof(text), "text %zu", i);
		assert_string_equal(world.got[i], text);
	}
	close_all();
}

/* A port that has an end of a question has room, and one without any is over. */
static void room_is_taken_again(void **state)
{
	in_port_t first;

	(void)state;
	open_at("127.0.0.1");
	ask_many(SHARED);
	first = world.asked[0].from.sin_port;
	answer(5, "five");
	work_item();
	assert_int_equal(ask(SHARED), MTS_OK);
	take(SHARED);
	assert_int_equal(world.asked[SHARED].from.sin_port, first);
	assert_int_equal(ask(SHARED + 1), MTS_OK);
	take(SHARED + 1);
	assert_int_not_equal(world.asked[SHARED + 1].from.sin_port, first);
	for (size_t i = 0; i < SHARED + 2; i++)
		dns_udp_cancel(&world.questions[i]);
	work_item();
	assert_int_equal(uv_loop_alive(&world.loop), 0);
	close_all();
}

/* -- what is no answer ----------------------------------------------------- */

static void guesses_are_ignored(void **state)
{
	(void)state;
	open_at("127.0.0.1");
	ask_many(2);
	dns_udp_cancel(&world.questions[0]);
	answer(0, "late");
	world.asked[1].bytes[0] ^= 0x55; /* some id */
	answer(1, "guessed");
	work_item();
	assert_string_equal(world.got[0], "");
	assert_string_equal(world.got[1], "");
	world.asked[1].bytes[0] ^= 0x55;
	world.asked[1].len = 11;
	sendto(world.server, world.asked[1].bytes, 11, 0,
	       (struct sockaddr *)&world.asked[1].from,
	       sizeof(world.asked[1].from)); /* no whole head */
	work_item();
	assert_string_equal(world.got[1], "");
	answer(1, "right");
	work_item();
	assert_string_equal(world.got[1], "right");
	close_all();
}

/* -- a server that is gone ------------------------------------------------- */

static void all_learn_of_it(void **state)
{
	(void)state;
	open_at("127.0.0.1");
	ask_many(3);
	close_server();
	assert_int_equal(ask(3), MTS_OK); /* and that the kernel refuses */
	work_item();
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(world.got[i], "unreachable");
	close_all();
}

/* The kernel tells the next one who asks, and nobody else: */
static void all_learn_of_it_from_the_next(void **state)
{
	(void)state;
	open_at("127.0.0.1");
	ask_many(3);
	close_server();
	assert_int_equal(ask(3), MTS_OK);
	assert_int_equal(ask(4), MTS_ENOTFOUND);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(world.got[i], "unreachable");
	close_all();
}

/* -- what is short --------------------------------------------------------- */

static void no_memory(void **state)
{
	(void)state;
	open_at("127.0.0.1");
	for (size_t nth = 1; nth <= 2; nth++) { /* a question, a socket */
		alloc_fail_at(nth);
		assert_int_equal(ask(0), MTS_ENOMEM);
		alloc_fail_at(0);
	}
	ask_many(1);
	answer(0, "a");
	work_item();
	assert_string_equal(world.got[0], "a");
	close_all();
}

static void no_descriptor(void **state)
{
	struct rlimit before, none;

	(void)state;
	open_at("127.0.0.1");
	ask_many(1);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	for (size_t i = 1; i < SHARED; i++) { /* these need none */
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
		cmocka_unit_test(many_share),
		cmocka_unit_test(others_have_their_own),
		cmocka_unit_test(each_gets_its_own),
		cmocka_unit_test(room_is_taken_again),
		cmocka_unit_test(guesses_are_ignored),
		cmocka_unit_test(all_learn_of_it),
		cmocka_unit_test(all_learn_of_it_from_the_next),
		cmocka_unit_test(no_memory),
		cmocka_unit_test(no_descriptor),
	};

	if (!netns_enter())
		return netns_skip();
	set_address();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
