/* SPDX-License-Identifier: BSD-2-Clause */
/* test_control_access.c - who may speak at the control socket. */
#include "tests.h"

#include "control/control_access.h"

#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* As every Debian has them; by number, for the peers. */
enum { DAEMON = 1, BIN = 2, MAIL = 8, NOBODY = 65534 };

static struct control_access *open_access(const char *user, const char *group)
{
	const char *users[] = { "games", user };
	struct control_access *access = NULL;
	struct fault why;

	assert_int_equal(
	    control_access_new(users, user ? 2 : 0, group, &access, &why),
	    MTS_OK);
	return access;
}

static void test_mode(void **state)
{
	static const struct {
		const char *user, *group;
		mode_t mode;
	} rows[] = {
		{ NULL, NULL, 0600 },
		{ NULL, "mail", 0660 },
		{ "daemon", NULL, 0666 },
		{ "daemon", "mail", 0666 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct control_access *access =
		    open_access(rows[i].user, rows[i].group);

		assert_int_equal(control_access_mode(access), rows[i].mode);
		control_access_free(&access);
	}
}

static void test_unknown(void **state)
{
	static const char *const users[] = { "root", "no-such-user" };
	struct control_access *access = NULL;
	struct fault why;

	(void)state;
	assert_int_equal(control_access_new(users, 2, NULL, &access, &why),
	                 MTS_ENOTFOUND);
	assert_string_equal(why.text,
	                    "control_users: there is no user no-such-user");
	assert_int_equal(
	    control_access_new(users, 1, "no-such-group", &access, &why),
	    MTS_ENOTFOUND);
	assert_string_equal(why.text,
	                    "control_group: there is no group no-such-group");
	assert_null(access);
}

/* -- peers ----------------------------------------------------------------- */

struct peer {
	uid_t uid;
	gid_t gid;
	gid_t groups[3];
	size_t group_count;
};

/* A child that connects to PATH as PEER, and waits for the close. */
static _Noreturn void be_peer(const struct peer *peer,
                              const struct sockaddr_un *sun)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char c;

	if (setgroups(peer->group_count, peer->groups) != 0 ||
	    setgid(peer->gid) != 0 || setuid(peer->uid) != 0 ||
	    connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) != 0)
		_exit(1);
	(void)!read(fd, &c, 1);
	_exit(0);
}

/* Whether ACCESS lets PEER in. */
static bool allows(const struct control_access *access, const struct peer *peer)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char folder[] = "/tmp/mtasts-test.XXXXXX";
	struct control_who who;
	int status = -1;
	bool allowed;
	pid_t pid;
	int fd;

	assert_non_null(mkdtemp(folder));
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/s", folder);
	assert_int_equal(bind(listener, (struct sockaddr *)&sun, sizeof(sun)),
	                 0);
	assert_int_equal(chmod(folder, 0755), 0);
	assert_int_equal(chmod(sun.sun_path, 0666), 0);
	assert_int_equal(listen(listener, 1), 0);
	pid = fork();
	if (pid == 0)
		be_peer(peer, &sun);
	fd = accept(listener, NULL, NULL);
	assert_true(fd >= 0);
	allowed = control_access_allows(access, fd, &who);
	assert_int_equal(who.uid, peer->uid);
	assert_int_equal(who.pid, pid);
	close(fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(listener);
	unlink(sun.sun_path);
	rmdir(folder);
	return allowed;
}

static const struct {
	const char *user, *group; /* that the configuration names */
	struct peer peer;
	bool allowed;
} peer_rows[] = {
	{ NULL, NULL, { 0, 0, { 0 }, 0 }, true },
	{ NULL, NULL, { 0, NOBODY, { 0 }, 0 }, true },
	{ NULL, NULL, { NOBODY, NOBODY, { 0 }, 0 }, false },
	/* Root's group is not root. */
	{ NULL, NULL, { NOBODY, 0, { 0 }, 1 }, false },
	{ "daemon", NULL, { DAEMON, NOBODY, { 0 }, 0 }, true },
	{ "daemon", NULL, { NOBODY, DAEMON, { DAEMON }, 1 }, false },
	{ "daemon", NULL, { 0, 0, { 0 }, 0 }, true },
	{ NULL, "mail", { NOBODY, MAIL, { 0 }, 0 }, true },
	{ NULL, "mail", { NOBODY, NOBODY, { MAIL }, 1 }, true },
	{ NULL, "mail", { NOBODY, NOBODY, { BIN, DAEMON, MAIL }, 3 }, true },
	{ NULL, "mail", { NOBODY, NOBODY, { BIN, DAEMON }, 2 }, false },
	/* A user's number is not a group's. */
	{ NULL, "mail", { MAIL, NOBODY, { 0 }, 0 }, false },
	{ "daemon", "mail", { DAEMON, NOBODY, { 0 }, 0 }, true },
	{ "daemon", "mail", { NOBODY, NOBODY, { MAIL }, 1 }, true },
	{ "daemon", "mail", { NOBODY, NOBODY, { BIN }, 1 }, false },
};

static void test_peers(void **state)
{
	(void)state;
	if (geteuid() != 0 || setgroups(0, NULL) != 0)
		skip();
	for (size_t i = 0; i < ARRAY_LEN(peer_rows); i++) {
		struct control_access *access =
		    open_access(peer_rows[i].user, peer_rows[i].group);

		if (allows(access, &peer_rows[i].peer) != peer_rows[i].allowed)
			fail_msg("row %zu", i);
		control_access_free(&access);
	}
}

/* Of what is no socket nothing can be learnt. */
static void test_no_socket(void **state)
{
	struct control_access *access = open_access(NULL, NULL);
	struct control_who who;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_false(control_access_allows(access, fds[0], &who));
	assert_int_equal(who.uid, -1);
	assert_int_equal(who.pid, -1);
	close(fds[0]);
	close(fds[1]);
	control_access_free(&access);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mode),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_peers),
		cmocka_unit_test(test_no_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
