/* SPDX-License-Identifier: BSD-2-Clause */
/* dane_checks.h - how it is learnt whether DANE applies to a next hop.
 *
 * One walk (discover/dane_check.h) serves everybody who asks for the same hop, and what it
 * finds is kept by the rules of dane_known.h. */
#ifndef LOOKUP_DANE_CHECKS_H
#define LOOKUP_DANE_CHECKS_H

#include "lookup/dane_known.h"
#include "lookup/top.h"

#include <uv.h>

struct dane_checks;

/* All pointers are borrowed and outlive the service. */
struct dane_checks_options {
	uv_loop_t *loop;
	const struct clock *clock;
	struct cache *cache;
	struct dane_states *states;
	struct secure_dns *dns;
	struct top *top; /* is told of failures; NULL: nobody watches */
	bool always; /* walk even where the resolver hands out no DNSSEC data */
};

/* MTS_ENOMEM. On MTS_OK *RET is the caller's: dane_checks_close(). */
int dane_checks_new(const struct dane_checks_options *options,
                    struct dane_checks **ret, struct fault *why);

/* Changes the option ALWAYS. */
void dane_checks_set_always(struct dane_checks *walks, bool always);

/* Cancels every walk; no waiter is called back. Takes NULL, leaves NULL. The
 * loop must run once more before it is closed. */
void dane_checks_close(struct dane_checks **walks);

/* Whether there is anything to be learnt now. */
enum dane_reach {
	/* The resolver hands out DNSSEC data, or that is not known yet, or
	 * "always". */
	DANE_REACH_ON,
	/* It does not. What is known does not count either: an MTA behind the
	 * same resolver could do nothing with it. */
	DANE_REACH_OFF,
	/* No resolver answers at all. That says nothing against what is known:
	 * it was learnt by a run before this one. */
	DANE_REACH_CUT_OFF,
};

enum dane_reach dane_checks_reach(const struct dane_checks *walks);

/* Remembers what a walk has found: once more, if there was no policy then. */
void dane_checks_keep(struct dane_checks *walks, const struct domain_hop *hop,
                      const struct dane_result *result);

/* dane_known_get(). */
enum dane_age dane_checks_get(struct dane_checks *walks,
                              const struct domain_hop *hop,
                              const struct cache_entry *entry,
                              struct dane_known *ret);

/* Starts a walk in the background, unless one is under way; if there is no room
 * or memory for it, the next who asks tries again. */
void dane_checks_learn(struct dane_checks *walks, const struct domain_hop *hop);

struct dane_waiter;

/* RESULT is NULL if the time was over first, or if there turned out to be no
 * DNSSEC data to be had; the walk's is stored already. */
typedef void dane_waiter_callback(void *arg, const struct dane_result *result);

/* Joins the walk for HOP, or starts one, and waits for it, for TIMEOUT_MS at
 * most. An error return (MTS_ENOMEM; MTS_EFULL: too many walks are under way)
 * means "not started". Otherwise CALLBACK comes exactly once, never from inside
 * the call, unless dane_waiter_cancel() comes first. */
int dane_checks_wait(struct dane_checks *walks, const struct domain_hop *hop,
                     uint64_t timeout_ms, dane_waiter_callback *callback,
                     void *arg, struct dane_waiter **ret);

/* The callback will not come. Takes NULL, leaves NULL. */
void dane_waiter_cancel(struct dane_waiter **waiter);

/* Forgets what is in memory of HOP; true if anything was. */
bool dane_checks_forget(struct dane_checks *walks,
                        const struct domain_hop *hop);

/* Forgets all that is in memory. */
void dane_checks_forget_all(struct dane_checks *walks);

struct dane_counts {
	uint64_t walks; /* ended, since the start */
	uint64_t unknowable;
	uint64_t by_state[DANE_STATES]; /* walks that ended, one by one */
	uint64_t joined;
	uint64_t timed_out; /* waiters whose time was over */
	uint64_t under_way; /* now */
	uint64_t waiting;   /* waiters now */
	uint64_t known;     /* hops in memory now */
};

void dane_checks_get_counts(const struct dane_checks *walks,
                            struct dane_counts *ret);

#endif
