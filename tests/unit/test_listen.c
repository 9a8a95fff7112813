/* SPDX-License-Identifier: BSD-2-Clause */
/* test_listen.c - listeners change all together or not at all; and sockets that were
 * bound before. */
#include "tests.h"

#include "alloc.h"
#include "folder.h"
#include "serve/activation.h"
#include "serve/server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct fixture {
	uv_loop_t loop;
	char folder[64];
	char first[96], second[96], nowhere[96]; /* addresses */
	struct maps *maps;
	struct server *server;
};

static struct server_socket socket_at(const char *address, mode_t mode)
{
	return (struct server_socket){
		.protocol = &protocol_socketmap,
		.map = "postfix",
		.bind = { .address = address, .mode = mode },
	};
}

/* Prepares listeners at the addresses, up to a NULL. */
static int prepare(struct fixture *f, mode_t mode, struct server_setup *setup,
                   struct server_socket sockets[3], const char *a,
                   const char *b, struct fault *why)
{
	*setup = (struct server_setup){ .sockets = sockets,
		                        .maps = f->maps,
		                        .max_clients = 10 };
	sockets[0] = socket_at(a, mode);
	setup->socket_count = 1;
	if (b) {
		sockets[1] = socket_at(b, 0660);
		setup->socket_count = 2;
	}
	return server_prepare(f->server, setup, why);
}

static mode_t mode_of(const char *address)
{
	struct stat st;

	return stat(address + 5, &st) == 0 ? st.st_mode & 07777 : 0;
}

static int setup(void **state)
{
	static const struct answer_manner how;
	struct fixture *f = calloc(1, sizeof(*f));
	struct server_options options = { .clock = &clock_system };
	struct server_socket sockets[3];
	struct server_setup plan;
	struct fault why;

	assert_non_null(f);
	assert_int_equal(uv_loop_init(&f->loop), 0);
	snprintf(f->folder, sizeof(f->folder), "/tmp/mtasts-test.XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->first, sizeof(f->first), "unix:%s/1", f->folder);
	snprintf(f->second, sizeof(f->second), "unix:%s/2", f->folder);
	snprintf(f->nowhere, sizeof(f->nowhere), "unix:%s/no/3", f->folder);
	f->maps = maps_new(&how, NULL, 0);
	assert_non_null(f->maps);
	options.loop = &f->loop;
	assert_int_equal(server_new(&options, &f->server, &why), MTS_OK);
	assert_int_equal(prepare(f, 0600, &plan, sockets, f->first, NULL, &why),
	                 MTS_OK);
	server_settle(f->server, true);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	server_close(&f->server);
	maps_free(&f->maps);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	assert_int_equal(mode_of(f->first), 0);
	assert_int_equal(mode_of(f->second), 0);
	folder_remove(f->folder);
	free(f);
	return 0;
}

/* A second listener is added, and the first gets another mode. Whichever allocation
 * fails, both happen or neither. */
static void test_out_of_memory(void **state)
{
	struct fixture *f = *state;
	struct server_socket sockets[3];
	struct server_setup plan;
	struct fault why;
	size_t n = 0;
	int rc;

	do {
		alloc_fail_at(++n);
		rc =
		    prepare(f, 0640, &plan, sockets, f->first, f->second, &why);
		alloc_fail_at(0);
		if (rc == MTS_OK)
			break;
		assert_int_equal(rc, MTS_ENOMEM);
		assert_int_equal(mode_of(f->first), 0600);
		assert_int_equal(mode_of(f->second), 0);
		uv_run(&f->loop, UV_RUN_NOWAIT);
	} while (n < 100);
	assert_int_equal(rc, MTS_OK);
	assert_true(n > 3);
	server_settle(f->server, true);
	assert_int_equal(mode_of(f->first), 0640);
	assert_int_equal(mode_of(f->second), 0660);
}

static void test_prepared_setup_is_taken_back(void **state)
{
	struct fixture *f = *state;
	struct server_socket sockets[3];
	struct server_setup plan;
	struct fault why;

	assert_int_equal(
	    prepare(f, 0640, &plan, sockets, f->first, f->second, &why),
	    MTS_OK);
	server_settle(f->server, false);
	assert_int_equal(mode_of(f->first), 0600);
	assert_int_equal(mode_of(f->second), 0);
	/* The same happens if one can't be opened. */
	assert_int_equal(
	    prepare(f, 0640, &plan, sockets, f->second, f->nowhere, &why),
	    MTS_ESYS);
	assert_non_null(strstr(why.text, f->nowhere));
	assert_int_equal(mode_of(f->first), 0600);
	assert_int_equal(mode_of(f->second), 0);
	server_settle(f->server, true); /* nothing was prepared */
	assert_int_equal(mode_of(f->first), 0600);
}

static void test_removed_listener_goes(void **state)
{
	struct fixture *f = *state;
	struct server_socket sockets[3];
	struct server_setup plan;
	struct fault why;

	assert_int_equal(
	    prepare(f, 0600, &plan, sockets, f->second, NULL, &why), MTS_OK);
	assert_int_equal(mode_of(f->first), 0600);
	server_settle(f->server, true);
	assert_int_equal(mode_of(f->first), 0);
	assert_int_equal(mode_of(f->second), 0600);
}

/* -- activation ------------------------------------------------------------ */

static int bound_socket(uint16_t *ret_port, bool listens)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		                  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, len), 0);
	if (listens)
		assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	*ret_port = in.sin_port;
	return fd;
}

static int take(struct activation *activation, uint32_t host, uint16_t port,
                bool *ret_passed)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		                  .sin_port = port,
		                  .sin_addr = { htonl(host) } };

	return activation_take(activation, (struct sockaddr *)&in, ret_passed);
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* A passed socket can be taken again; our own can be taken once. */
static void test_activation(void **state)
{
	struct activation *activation;
	struct fault why;
	uint16_t passed_port, own_port, port;
	bool passed = false;
	int fd, own, unused, datagrams, mute;

	(void)state;
	assert_int_equal(activation_new(&activation, &why), MTS_OK);
	fd = bound_socket(&passed_port, true);
	own = bound_socket(&own_port, false);
	unused = bound_socket(&port, true);
	mute = bound_socket(&port, false);
	datagrams = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(activation_pass(activation, fd, "a", &why), MTS_OK);
	assert_int_equal(activation_pass(activation, unused, NULL, &why),
	                 MTS_OK);
	assert_int_equal(activation_add_own(activation, own, &why), MTS_OK);
	assert_int_equal(activation_pass(activation, mute, "m", &why),
	                 MTS_ESYNTAX);
	assert_int_equal(activation_pass(activation, datagrams, "d", &why),
	                 MTS_ESYNTAX);
	assert_false(is_open(mute) || is_open(datagrams));
	assert_int_equal(take(activation, INADDR_ANY, passed_port, &passed),
	                 -1);
	for (int i = 0; i < 2; i++) {
		int copy =
		    take(activation, INADDR_LOOPBACK, passed_port, &passed);

		assert_true(copy >= 0 && copy != fd && passed);
		close(copy);
	}
	assert_int_equal(take(activation, INADDR_LOOPBACK, own_port, &passed),
	                 own);
	assert_false(passed);
	assert_int_equal(take(activation, INADDR_LOOPBACK, own_port, &passed),
	                 -1);
	activation_close_unused(activation);
	assert_true(is_open(fd) && !is_open(unused));
	activation_free(&activation);
	assert_false(is_open(fd));
	close(own);
	assert_int_equal(take(NULL, INADDR_LOOPBACK, own_port, &passed), -1);
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(test_out_of_memory),
		ROW(test_prepared_setup_is_taken_back),
		ROW(test_removed_listener_goes),
		cmocka_unit_test(test_activation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
