/* SPDX-License-Identifier: BSD-2-Clause */
/* dane_table.h - what is known of DANE for next hops, and for how long.
 *
 * A state that was learnt answers for its TTL. After that it still answers, for
 * at most an hour, while a new check runs in the background. When a check fails,
 * no other is started before the time that its result names.
 *
 * Where mail goes to the MX hosts of a domain with a cached policy, the state is
 * stored beside that policy, on disk. States of all other hops (domains without
 * a policy, smart hosts, other ports) and all failures are in memory, in a table
 * of bounded size that evicts the entry that was used least recently.
 *
 * All rules about the age of a state are here. No network. */
#ifndef LOOKUP_DANE_TABLE_H
#define LOOKUP_DANE_TABLE_H

#include "base/clock.h"
#include "cache/cache.h"
#include "discover/dane_check.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DANE_TABLE_MAX = 50000 }; /* hops in memory; some 7 MiB */

struct dane_table;

/* An empty table for MAX hops in memory; NULL if there is no memory. CLOCK and
 * CACHE are borrowed. The caller's: dane_table_free(), which takes NULL and
 * leaves NULL. */
struct dane_table *dane_table_new(const struct clock *clock,
                                  struct cache *cache, size_t max);
void dane_table_free(struct dane_table **table);

/* How good what is known is. */
enum dane_age {
	DANE_FRESH,   /* it answers; nothing else is to be done */
	DANE_OLD,     /* it answers; a new check should be started */
	DANE_UNKNOWN, /* only a check can tell */
};

/* What is known of one hop. */
struct dane_known {
	enum dane_state state; /* DANE_UNKNOWABLE: a check failed recently */
	uint32_t ttl_s;        /* UNKNOWABLE: until the next check */
	uint64_t age_s;
	const char *reason; /* UNKNOWABLE: why; else "". Borrowed: valid until
	                     * the receiver returns to the loop */
};

/* Finds what is known of HOP, whose live cached policy is ENTRY (NULL: it has
 * none). Takes one look into a hash table at most. */
enum dane_age dane_table_get(struct dane_table *table,
                             const struct domain_hop *hop,
                             const struct cache_entry *entry,
                             struct dane_known *ret);

/* Stores what a check found. A failure does not replace a state that still
 * answers. */
void dane_table_put(struct dane_table *table, const struct domain_hop *hop,
                    const struct dane_result *result);

/* Forgets what is in memory of HOP; true if there was anything. What is on disk
 * goes with the policy. */
bool dane_table_remove(struct dane_table *table, const struct domain_hop *hop);

/* Forgets everything in memory. */
void dane_table_remove_all(struct dane_table *table);

/* Hops in memory. */
size_t dane_table_count(const struct dane_table *table);

#endif
