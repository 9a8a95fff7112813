/* SPDX-License-Identifier: BSD-2-Clause */
/* test_control_peers.c - connections of the control socket: many requests at
 * once, peers that come, go away, do not read or may not speak, and too little
 * memory. */
#include "control_world.h"

#include "wire/control_protocol.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* -- connections ----------------------------------------------------------- */

/* Many requests in one packet, one in many, and no more after them. */
static void test_pipeline(void **state)
{
	struct fixture *f = *state;
	struct client *client = new_client(f);

	put_policy(f, "a.example", NOW_S);
	send_text(client, "lookup a.example\nshow nobody.example\nlook");
	work_item_loop(f, 10);
	send_text(client, "up a.example\n");
	assert_int_equal(shutdown(client->fd, SHUT_WR), 0);
	json_decref(next_object(f, client));
	expect_end(f, client, 0);
	expect_end(f, client, 1);
	json_decref(next_object(f, client));
	expect_end(f, client, 0);
	assert_null(next_object(f, client));
	end_client(client);
}

static void test_half_closed_waits(void **state)
{
	struct fixture *f = *state;
	struct client *client = new_client(f);

	send_text(client, "lookup a.example\n");
	shutdown(client->fd, SHUT_WR);
	await_discovery(f);
	work_item_loop(f, 10);
	finish(DISCOVER_POLICY);
	json_decref(next_object(f, client));
	expect_end(f, client, 0);
	end_client(client);
}

static void test_too_long(void **state)
{
	struct fixture *f = *state;
	struct client *client = new_client(f);
	size_t len = CONTROL_LINE_MAX + 1;
	char *line = malloc(len + 1);

	memset(line, 'x', len);
	line[len] = '\0';
	send_text(client, line);
	free(line);
	work_item_loop(f, 10);
	/* What follows is not answered any more. */
	send(client->fd, "\nstatus\n", 8, MSG_NOSIGNAL);
	expect_end(f, client, 2);
	assert_null(next_object(f, client));
	end_client(client);
}

/* Its look-up is no longer waited for; the discovery goes on. */
static void test_peer_goes_away(void **state)
{
	struct fixture *f = *state;
	struct client *client = new_client(f);

	send_text(client, "lookup a.example\n");
	await_discovery(f);
	assert_int_equal(waiting(f), 1);
	end_client(client);
	work_item_loop(f, 10);
	assert_int_equal(waiting(f), 0);
	finish(DISCOVER_POLICY);
	json_decref(ask_one(f, "show a.example\n", 0));
}

static void test_too_many(void **state)
{
	enum { MOST = 16 };
	struct fixture *f = *state;
	struct client *clients[MOST];
	struct client *one_more;

	for (size_t i = 0; i < MOST; i++)
		clients[i] = new_client(f);
	work_item_loop(f, 10);
	one_more = new_client(f);
	expect_end(f, one_more, 3);
	assert_null(next_object(f, one_more));
	end_client(one_more);
	for (size_t i = 0; i < MOST; i++)
		end_client(clients[i]);
	work_item_loop(f, 10);
	json_decref(ask_one(f, "status\n", 0));
}

/* Those who came and said nothing don't keep the operator out. */
static void test_room_for_one_more(void **state)
{
	enum { MOST = 16 };
	struct fixture *f = *state;
	struct client *clients[MOST];
	struct client *one_more;

	put_policy(f, "b.example", NOW_S);
	for (size_t i = 0; i < MOST; i++)
		clients[i] = new_client(f);
	send_text(clients[0], "lookup a.example\n"); /* waits */
	await_discovery(f);
	usleep(1100 * 1000);
	send_text(clients[1], "show b.example\n"); /* is idle since now */
	json_decref(next_object(f, clients[1]));
	expect_end(f, clients[1], 0);
	one_more = new_client(f);
	send_text(one_more, "show b.example\n");
	json_decref(next_object(f, one_more));
	expect_end(f, one_more, 0);
	end_client(one_more);
	expect_end(f, clients[2], 3);
	assert_null(next_object(f, clients[2]));
	finish(DISCOVER_POLICY);
	for (size_t i = 0; i < MOST; i++) {
		if (i != 2) {
			/* The first one's look-up, the others' policy. */
			if (i > 0)
				send_text(clients[i], "show b.example\n");
			json_decref(next_object(f, clients[i]));
			expect_end(f, clients[i], 0);
		}
		end_client(clients[i]);
	}
}

/* control_teardown() checks that nothing is left. */
static void test_close_while_waiting(void **state)
{
	struct fixture *f = *state;
	struct client *client = new_client(f);

	send_text(client, "explain a.example\n");
	await_discovery(f);
	control_close(&f->control);
	assert_int_equal(waiting(f), 0);
	work_item_loop(f, 10);
	end_client(client);
}

/* -- access ---------------------------------------------------------------- */

/* In a child process that runs as the user nobody: 0 if it is refused. */
static int try_as_nobody(struct fixture *f)
{
	char line[200] = "";
	int fd;

	if (setgid(65534) != 0 || setuid(65534) != 0)
		return 2;
	fd = connect_to(f);
	if (fd < 0)
		return 3;
	if (recv(fd, line, sizeof(line) - 1, 0) <= 0)
		return 4;
	return strstr(line, "permission denied") ? 0 : 1;
}

static void test_credentials(void **state)
{
	struct fixture *f = *state;
	int status = -1;
	pid_t pid, ended = 0;

	if (geteuid() != 0)
		skip();
	/* As if the system disregarded the socket's mode. */
	assert_int_equal(chmod(f->address + 5, 0666), 0);
	assert_int_equal(chmod(f->directory, 0755), 0);
	pid = fork();
	if (pid == 0)
		_exit(try_as_nobody(f));
	for (int i = 0; i < 500 && ended == 0; i++) {
		work_item_loop(f, 1);
		usleep(10000);
		ended = waitpid(pid, &status, WNOHANG);
	}
	if (ended == 0)
		kill(pid, SIGKILL);
	assert_int_equal(ended, pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_mode(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	assert_int_equal(stat(f->address + 5, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

/* -- memory ---------------------------------------------------------------- */

static size_t json_left; /* 0: all are granted; 1: the next one is not */

static void *json_malloc(size_t size)
{
	if (json_left > 0 && --json_left == 0)
		return NULL;
	return malloc(size);
}

/* Each allocation of Jansson's fails once: there is an answer in any case, and
 * the next connection is as good as ever. */
static void check_memory(struct fixture *f, const char *request, int status)
{
	for (size_t n = 1;; n++) {
		struct client *client = new_client(f);
		json_t *item;
		bool failed;

		send_text(client, request);
		json_left = n;
		/* Parses nothing before all is said. */
		for (int i = 0; i < 20; i++) {
			work_item_loop(f, 1);
			receive(client);
		}
		failed = json_left == 0;
		json_left = 0;
		if (!failed) {
			json_decref(next_object(f, client));
			expect_end(f, client, status);
			end_client(client);
			return;
		}
		while ((item = next_object(f, client)) &&
		       !json_object_get(item, "end"))
			json_decref(item);
		/* A text that could not be made may have become "?". */
		if (item && int_of(item, "status") == 3)
			assert_string_equal(text_of(item, "error"),
			                    "out of memory");
		assert_non_null(item);
		json_decref(item);
		end_client(client);
		assert_true(n < 1000);
	}
}

static void test_memory(void **state)
{
	struct fixture *f = *state;

	put_policy(f, "example.org", NOW_S);
	check_memory(f, "status\n", 0);
	check_memory(f, "lookup example.org mx1.example.org\n", 0);
	check_memory(f, "list\n", 0);
	check_memory(f, "show example.org\n", 0);
	check_memory(f, "lookup [192.0.2.1]\n", 1);
}

#define ROW(test)                                                              \
	cmocka_unit_test_setup_teardown(test, control_setup, control_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ROW(test_pipeline),
		ROW(test_half_closed_waits),
		ROW(test_too_long),
		ROW(test_peer_goes_away),
		ROW(test_too_many),
		ROW(test_room_for_one_more),
		ROW(test_close_while_waiting),
		ROW(test_credentials),
		ROW(test_mode),
		ROW(test_memory),
	};

	json_set_alloc_funcs(json_malloc, free);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
