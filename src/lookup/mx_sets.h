/* SPDX-License-Identifier: BSD-2-Clause */
/* mx_sets.h - which MX hosts domains have, for answers that name hosts instead
 * of a policy's patterns (strict_mx).
 *
 * What a look-up found answers for its TTL, and is then looked up anew before
 * the next answer: the resolver gives the mail server the same records for just
 * as long. If that fails, what was known goes on for an hour at most. One
 * look-up serves everybody who waits for the same domain. */
#ifndef LOOKUP_MX_SETS_H
#define LOOKUP_MX_SETS_H

#include "base/clock.h"
#include "discover/mx_hosts.h"

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

/* MTS_OK: what is known of DOMAIN, which may be that a look-up has failed a
 * short while ago; good until the receiver returns to the loop. MTS_EMORE: only
 * a look-up can tell. */
int mx_sets_get(struct mx_sets *sets, const struct domain *domain,
                struct mx_hosts *ret);

struct mx_waiter;

/* RESULT is what mx_sets_get() gives; if the time was over first, or memory is
 * short, it says that. */
typedef void mx_waiter_callback(void *arg, const struct mx_hosts *result);

/* Joins the look-up for DOMAIN, or starts one, and waits for it, for TIMEOUT_MS
 * at most. An error return (MTS_ENOMEM; MTS_EFULL: too many are under way)
 * means "not started". Otherwise CALLBACK comes exactly once, never from inside
 * the call, unless mx_waiter_cancel() comes first. */
int mx_sets_wait(struct mx_sets *sets, const struct domain *domain,
                 uint64_t timeout_ms, mx_waiter_callback *callback, void *arg,
                 struct mx_waiter **ret);

/* The callback will not come. Takes NULL, leaves NULL. */
void mx_waiter_cancel(struct mx_waiter **waiter);

/* Forgets DOMAIN's hosts; all hosts. */
void mx_sets_forget(struct mx_sets *sets, const struct domain *domain);
void mx_sets_forget_all(struct mx_sets *sets);

#endif
