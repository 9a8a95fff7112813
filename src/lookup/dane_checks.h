/* SPDX-License-Identifier: BSD-2-Clause */
/* dane_checks.h - finds out whether DANE applies to a next hop.
 *
 * One check (discover/dane_check.h) serves everybody who asks for the same hop
 * (lookup/flight.h). What it finds is stored in the table of dane_table.h. */
#ifndef LOOKUP_DANE_CHECKS_H
#define LOOKUP_DANE_CHECKS_H

#include "lookup/dane_table.h"
#include "lookup/flight.h"
#include "lookup/top.h"

#include <uv.h>

struct dane_checks;

/* All pointers are borrowed and outlive the service. */
struct dane_checks_options {
	uv_loop_t *loop;
	struct dane_table *table;
	struct secure_dns *dns;
	struct top *top; /* counts failures by domain; may be NULL */
	bool always; /* check even if the resolver delivers no DNSSEC data */
};

/* MTS_ENOMEM. On MTS_OK *RET is the caller's: dane_checks_close(). */
int dane_checks_new(const struct dane_checks_options *options,
                    struct dane_checks **ret, struct fault *why);

/* Changes the option ALWAYS. */
void dane_checks_set_always(struct dane_checks *checks, bool always);

/* Cancels every check; no waiter is called back. Takes NULL, leaves NULL. The
 * loop must run once more before it is closed. */
void dane_checks_close(struct dane_checks **checks);

/* Whether DANE can be checked now. */
enum dane_reach {
	/* The resolver delivers DNSSEC data, or that is not known yet, or
	 * "always". */
	DANE_REACH_ON,
	/* It does not. Then what is known does not count either: an MTA behind
	 * the same resolver can't use it. */
	DANE_REACH_OFF,
	/* No resolver answers at all. What was learnt before, even by an earlier
	 * run of the daemon, still counts. */
	DANE_REACH_CUT_OFF,
};

enum dane_reach dane_checks_reach(const struct dane_checks *checks);

/* Stores what a check found, unless it failed because of the resolver, which
 * says nothing about the domain. Every check that ends does this. Call it again
 * if the domain's policy has been stored only after its check ended: then the
 * state goes to disk beside the policy. */
void dane_checks_store(struct dane_checks *checks, const struct domain_hop *hop,
                       const struct dane_result *result);

/* Starts a check in the background, unless one is under way. If it can't be
 * started, the next asker tries again. */
void dane_checks_refresh(struct dane_checks *checks,
                         const struct domain_hop *hop);

/* RESULT is NULL if the time limit expired first, or if it turned out that the
 * resolver delivers no DNSSEC data. The result is in the table already. */
typedef void dane_waiter_callback(void *arg, const struct dane_result *result);

/* The caller's memory, which must stay where it is while it waits. The members
 * belong to dane_checks.c. All zeroes: it does not wait. */
struct dane_waiter {
	struct flight_waiter wait;
	dane_waiter_callback *callback;
	void *arg;
};

/* Joins the check for HOP, or starts one, and waits for it, for TIMEOUT_MS (not
 * 0) at most. An error return (MTS_ENOMEM; MTS_EFULL: too many checks are under
 * way) means "not started". Otherwise CALLBACK comes exactly once, never from
 * inside the call, unless dane_waiter_cancel() comes first. WAITER is the
 * caller's again when CALLBACK begins. */
int dane_checks_wait(struct dane_checks *checks, const struct domain_hop *hop,
                     uint64_t timeout_ms, dane_waiter_callback *callback,
                     void *arg, struct dane_waiter *waiter);

/* The callback will not come. Does nothing if WAITER does not wait. */
void dane_waiter_cancel(struct dane_waiter *waiter);

struct dane_counts {
	uint64_t checks; /* ended, since the start */
	uint64_t unknowable;
	uint64_t by_state[DANE_STATES]; /* checks that ended, by result */
	uint64_t joined;
	uint64_t timed_out; /* waiters whose time limit expired */
	uint64_t under_way; /* now */
	uint64_t waiting;   /* waiters now */
	uint64_t known;     /* hops in memory now */
};

void dane_checks_get_counts(const struct dane_checks *checks,
                            struct dane_counts *ret);

#endif
