/* SPDX-License-Identifier: BSD-2-Clause */
/* fd_budget.c - who may have how many file descriptors. */
#include "prog/fd_budget.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	/* DNS questions that are out, whatever else there is. */
	QUESTIONS_LEAST = 96,
	/* Those, libunbound's (64), readers of statistics (32), the cache,
	 * listeners and operators. */
	DESCRIPTORS_OWN = QUESTIONS_LEAST + 128,
	/* Fetches that have been at it for long, for each of
	 * fetch.concurrency. */
	SLOW_LEAST = 4,
	SLOW_MOST = 16,
	/* Whoever has many more name servers to ask than that waits a little
	 * when the table grows. */
	QUESTIONS_LIKELY = 1024,
};

struct fd_budget fd_budget_of(const struct conf *conf)
{
	/* A fetch that is slow makes room for another one; see https/fetch.h. */
	uint64_t reserve =
	    DESCRIPTORS_OWN + (1 + SLOW_LEAST) * conf->fetch.concurrency;
	struct fd_budget fd_budget = { .clients = conf->limits.clients,
		                       .slow = SLOW_MOST *
		                               conf->fetch.concurrency };
	struct rlimit limit;
	uint64_t most;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
	    limit.rlim_cur == RLIM_INFINITY)
		return fd_budget;
	fd_budget.limit = limit.rlim_cur;
	most = fd_budget.limit > 2 * reserve ? fd_budget.limit - reserve
	                                     : fd_budget.limit / 2;
	if (fd_budget.clients > most)
		fd_budget.clients = most;
	fd_budget.questions = fd_budget.limit / 4;
	if (fd_budget.questions > QUESTIONS_LEAST)
		fd_budget.questions = QUESTIONS_LEAST;
	if (fd_budget.limit > fd_budget.clients + reserve)
		fd_budget.questions +=
		    fd_budget.limit - fd_budget.clients - reserve;
	/* Hosts that keep silent may take half of what is to spare. */
	most = fd_budget.questions / 2;
	if (fd_budget.slow > SLOW_LEAST * conf->fetch.concurrency + most)
		fd_budget.slow = SLOW_LEAST * conf->fetch.concurrency + most;
	fd_budget.questions -=
	    fd_budget.slow - SLOW_LEAST * conf->fetch.concurrency;
	return fd_budget;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	(void)poll;
	(void)status;
	(void)events;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle);
}

/* libuv's table of watchers goes as far as the highest descriptor that was ever
 * watched. */
static void watch_once(uv_loop_t *loop, int fd)
{
	uv_poll_t *poll = malloc(sizeof(*poll));

	if (!poll || uv_poll_init(loop, poll, fd) != 0) {
		free(poll);
		return;
	}
	(void)uv_poll_start(poll, UV_READABLE, on_poll);
	uv_close((uv_handle_t *)poll, on_closed);
}

void fd_budget_make_room(const struct conf *conf, uv_loop_t *loop)
{
	struct fd_budget fd_budget = fd_budget_of(conf);
	uint64_t most = DESCRIPTORS_OWN + fd_budget.clients + fd_budget.slow +
	                QUESTIONS_LIKELY;
	int ends[2];
	int fd;

	if (fd_budget.limit != 0 && most > fd_budget.limit)
		most = fd_budget.limit;
	if (pipe(ends) != 0)
		return;
	fd = fcntl(ends[0], F_DUPFD_CLOEXEC, (int)most - 1);
	if (fd >= 0) {
		watch_once(loop, fd);
		close(fd);
	}
	close(ends[0]);
	close(ends[1]);
}
