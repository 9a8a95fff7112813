/* SPDX-License-Identifier: BSD-2-Clause */
/* mx_sets.h - which MX hosts a domain has, for answers that name hosts instead
 * of a policy's MX patterns (strict_mx).
 *
 * The result of a look-up answers for its TTL. The next question after that
 * causes a new look-up: the resolver gives the mail server the same records for
 * just as long. If the new look-up fails, the old hosts go on to answer for an
 * hour at most. One look-up serves everybody who waits for the same domain
 * (lookup/flight.h). */
#ifndef LOOKUP_MX_SETS_H
#define LOOKUP_MX_SETS_H

#include "base/clock.h"
#include "discover/mx_hosts.h"
#include "lookup/flight.h"

enum { MX_SETS_MAX = 4096 }; /* domains; 32 MiB if all have the most hosts */

struct mx_sets;

/* All pointers are borrowed and outlive the service. */
struct mx_sets_options {
	uv_loop_t *loop;
	const struct clock *clock;
	struct resolver *resolver;
	size_t max; /* domains that are remembered */
};

/* MTS_ENOMEM. On MTS_OK *RET is the caller's: mx_sets_close(). */
int mx_sets_new(const struct mx_sets_options *options, struct mx_sets **ret,
                struct fault *why);

/* Cancels every look-up; no waiter is called back. Takes NULL, leaves NULL. The
 * loop must run once more before it is closed. */
void mx_sets_close(struct mx_sets **sets);

/* MTS_OK: RET is what is known of DOMAIN, or says that a look-up has failed a
 * short while ago; valid until the receiver returns to the loop. MTS_EMORE: only
 * a look-up can tell. */
int mx_sets_get(struct mx_sets *sets, const struct domain *domain,
                struct mx_hosts *ret);

/* RESULT is what mx_sets_get() would return. If the time limit expired first, or
 * there is no memory, it says so. */
typedef void mx_waiter_callback(void *arg, const struct mx_hosts *result);

/* The caller's memory, which must stay where it is while it waits. The members
 * belong to mx_sets.c. All zeroes: it does not wait. */
struct mx_waiter {
	struct flight_waiter wait;
	struct mx_sets *sets;
	struct domain domain;
	mx_waiter_callback *callback;
	void *arg;
};

/* Joins the look-up for DOMAIN, or starts one, and waits for it, for TIMEOUT_MS
 * (not 0) at most. An error return (MTS_ENOMEM; MTS_EFULL: too many are under
 * way) means "not started". Otherwise CALLBACK comes exactly once, never from
 * inside the call, unless mx_waiter_cancel() comes first. WAITER is the caller's
 * again when CALLBACK begins. */
int mx_sets_wait(struct mx_sets *sets, const struct domain *domain,
                 uint64_t timeout_ms, mx_waiter_callback *callback, void *arg,
                 struct mx_waiter *waiter);

/* The callback will not come. Does nothing if WAITER does not wait. */
void mx_waiter_cancel(struct mx_waiter *waiter);

/* Forgets DOMAIN's hosts; all hosts. */
void mx_sets_forget(struct mx_sets *sets, const struct domain *domain);
void mx_sets_forget_all(struct mx_sets *sets);

#endif
