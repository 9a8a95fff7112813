/* SPDX-License-Identifier: BSD-2-Clause */
/* fd_budget.c - how the file descriptors are divided. */
#include "prog/fd_budget.h"

#include <sys/resource.h>

enum {
	/* DNS questions in flight that are always possible. */
	QUESTIONS_LEAST = 96,
	/* Those, libunbound's sockets (64), readers of the metrics (32), the
	 * cache, listeners and operators. */
	DESCRIPTORS_OWN = QUESTIONS_LEAST + 128,
	/* Slow fetches for each of fetch.concurrency. */
	SLOW_LEAST = 4,
	SLOW_MOST = 16,
};

struct fd_budget fd_budget_of(const struct conf *conf)
{
	/* A slow fetch does not count towards fetch.concurrency: see
	 * https/fetch.h. */
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
	/* Silent policy hosts may take half of what is left. */
	most = fd_budget.questions / 2;
	if (fd_budget.slow > SLOW_LEAST * conf->fetch.concurrency + most)
		fd_budget.slow = SLOW_LEAST * conf->fetch.concurrency + most;
	fd_budget.questions -=
	    fd_budget.slow - SLOW_LEAST * conf->fetch.concurrency;
	return fd_budget;
}
