/* SPDX-License-Identifier: BSD-2-Clause */
/* dane_states.h - what was learnt of DANE for next hops, in memory, bounded.
 *
 * For what has no place beside a policy on disk: domains without one, smart
 * hosts, other ports; and failures. The table holds DANE_STATES_MAX hops at
 * most; when it is full, the one that was used longest ago makes room. Times
 * are monotonic milliseconds. */
#ifndef CACHE_DANE_STATES_H
#define CACHE_DANE_STATES_H

#include "base/status.h"
#include "sts/dane.h"
#include "sts/domain.h"

#include <stddef.h>
#include <stdint.h>

enum { DANE_STATES_MAX = 50000 }; /* some 7 MiB */

struct dane_states;

struct dane_states_entry {
	enum dane_state state; /* what was learnt last; DANE_NOT_KNOWN: it
	                        * never was, there is only a failure */
	uint32_t ttl_s;
	uint64_t learnt_ms;
	/* Learning it anew failed, and is not tried again before this; 0: it
	 * has not failed since. */
	uint64_t barred_ms;
	const char *reason; /* of the failure, one line; borrowed */
};

/* An empty table for MAX hops; NULL if memory is short. The caller's:
 * dane_states_free(), which takes NULL and leaves NULL. */
struct dane_states *dane_states_new(size_t max);
void dane_states_free(struct dane_states **states);

/* Finds HOP, even if its times are over: the caller looks. RET->reason is valid
 * until the table changes. MTS_ENOTFOUND. */
int dane_states_get(struct dane_states *states, const struct domain_hop *hop,
                    struct dane_states_entry *ret);

/* Remembers ENTRY for HOP (reason is copied and cut to about 100 bytes; NULL:
 * none), instead of what was known before. MTS_ENOMEM: nothing is remembered
 * anew. */
int dane_states_put(struct dane_states *states, const struct domain_hop *hop,
                    const struct dane_states_entry *entry);

/* Forgets HOP; true if it was known. */
bool dane_states_remove(struct dane_states *states,
                        const struct domain_hop *hop);

void dane_states_remove_all(struct dane_states *states);

size_t dane_states_count(const struct dane_states *states);

#endif
