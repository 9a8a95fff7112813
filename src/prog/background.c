/* SPDX-License-Identifier: BSD-2-Clause */
/* background.c - goes into the background, and writes down who is there. */
#include "prog/background.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Not through a link that somebody has laid there. */
int background_open_pid(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
}

void background_write_pid(int fd, pid_t pid)
{
	if (ftruncate(fd, 0) != 0 || dprintf(fd, "%ld\n", (long)pid) < 0)
		log_warning("pid_file reason=\"%s\"", strerror(errno));
	close(fd);
}

static void write_pid_file(const char *path, pid_t pid)
{
	int fd = background_open_pid(path);

	if (fd >= 0)
		background_write_pid(fd, pid);
	else
		log_warning("pid_file reason=\"%s: %s\"", path,
		            strerror(errno));
}

/* In the parent: waits until the daemon is ready or has ended. */
static int await_ready(int fd, pid_t pid, const char *pid_file)
{
	char byte;
	ssize_t n;
	int status;

	do {
		n = read(fd, &byte, 1);
	} while (n < 0 && errno == EINTR);
	if (n == 1) {
		if (pid_file)
			write_pid_file(pid_file, pid);
		return EXIT_SUCCESS;
	}
	if (waitpid(pid, &status, 0) == pid && WIFEXITED(status))
		return WEXITSTATUS(status);
	return EXIT_FAILURE;
}

int background_detach(const char *pid_file, int *ret_fd)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) != 0 || (pid = fork()) < 0) {
		log_error("start_failed reason=\"can't go into the background: "
		          "%s\"",
		          strerror(errno));
		return EXIT_FAILURE;
	}
	if (pid > 0) {
		close(fds[1]);
		return await_ready(fds[0], pid, pid_file);
	}
	close(fds[0]);
	setsid();
	if (chdir("/") != 0)
		log_debug("chdir_failed");
	*ret_fd = fds[1];
	return -1;
}

void background_tell_ready(int fd)
{
	int null;

	if (write(fd, "", 1) != 1)
		log_debug("parent_gone");
	close(fd);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return;
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	close(null);
}
