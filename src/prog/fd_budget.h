/* SPDX-License-Identifier: BSD-2-Clause */
/* fd_budget.h - how the process's file descriptors are divided among clients, DNS
 * questions and fetches. */
#ifndef PROG_FD_BUDGET_H
#define PROG_FD_BUDGET_H

#include "conf/conf.h"

#include <stdint.h>

struct fd_budget {
	uint64_t limit; /* RLIMIT_NOFILE; 0: unlimited */
	uint64_t clients;
	uint64_t questions; /* to name servers, in flight; 0: unlimited */
	uint64_t slow;      /* slow fetches */
};

/* Clients get as many as limits.clients says, if that leaves enough for look-ups.
 * Otherwise clients could use up all descriptors, look-ups would fail, and mail would
 * go out without the policies. DNS questions and slow fetches get the rest, but no
 * more: silent name servers must not use up the descriptors of the clients. */
struct fd_budget fd_budget_of(const struct conf *conf);

#endif
