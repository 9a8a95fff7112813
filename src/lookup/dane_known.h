/* SPDX-License-Identifier: BSD-2-Clause */
/* dane_known.h - what is known of DANE for a next hop, and for how long.
 *
 * A state that was learnt answers for its TTL; then it is to be learnt anew in
 * the background and still answers meanwhile, for at most an hour. Where mail
 * goes to the MX hosts of a domain with a cached policy the state lives beside
 * that, on disk; for all other hops in memory, bounded. What can't be learnt is
 * not tried again before the time that the walk says.
 *
 * The rules in one place, and without a network. */
#ifndef LOOKUP_DANE_KNOWN_H
#define LOOKUP_DANE_KNOWN_H

#include "base/clock.h"
#include "cache/cache.h"
#include "cache/dane_states.h"
#include "discover/dane_check.h"

#include <stdbool.h>
#include <stdint.h>

/* Borrowed, all of it. */
struct dane_rules {
	const struct clock *clock;
	struct cache *cache;
	struct dane_states *states;
};

/* How good what is known is. */
enum dane_age {
	DANE_FRESH,   /* it answers; there is nothing to be done */
	DANE_OLD,     /* it answers; it is to be learnt anew */
	DANE_UNKNOWN, /* only a walk can tell */
};

struct dane_known {
	enum dane_state state; /* DANE_UNKNOWABLE: a walk failed a while ago */
	uint32_t ttl_s;        /* UNKNOWABLE: until it is tried again */
	uint64_t age_s;
	const char *reason; /* UNKNOWABLE: why; else ""; borrowed: good until
	                     * the receiver returns to the loop */
};

/* What is known of HOP, of which ENTRY (NULL: none) is the live cached
 * policy. Costs a look into a table at most. */
enum dane_age dane_known_get(const struct dane_rules *rules,
                             const struct domain_hop *hop,
                             const struct cache_entry *entry,
                             struct dane_known *ret);

/* A walk ended: remembers what came of it. A failure takes nothing away that
 * still answers. */
void dane_known_put(const struct dane_rules *rules,
                    const struct domain_hop *hop,
                    const struct dane_result *result);

#endif
