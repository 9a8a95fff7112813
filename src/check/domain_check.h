/* SPDX-License-Identifier: BSD-2-Clause */
/* domain_check.h - checks one domain: gathers everything about it, with all
 * queries and connections running side by side, then judges what was found. */
#ifndef CHECK_DOMAIN_CHECK_H
#define CHECK_DOMAIN_CHECK_H

#include "check/check_options.h"
#include "findings/report.h"
#include "probe/ns_query.h"
#include "probe/prober.h"

struct domain_check;

/* Both callbacks come from the event loop, never from inside another call. */
struct domain_check_owner {
	/* The check is done. REPORT belongs to the callback: report_free(). */
	void (*done)(void *arg, struct report *report);
	/* Comes at most once: the check has nothing left to do but wait for
	 * mail hosts that the prober is already calling for another domain. */
	void (*waits)(void *arg);
	void *arg;
};

/* Starts a check of DOMAIN, which is copied. The other arguments must outlive
 * the check. An error return means "not started": MTS_ENOMEM. Otherwise OWNER's
 * `done` comes exactly once, unless domain_check_cancel() comes first. It comes
 * within domain_check_limit_ms(), whatever the domain's servers do. */
int domain_check_start(const struct check_options *options,
                       struct prober *prober, struct ns_pool *name_servers,
                       const struct domain *domain,
                       const struct domain_check_owner *owner,
                       struct domain_check **ret);

/* The longest time that a check can take, in milliseconds. */
uint64_t domain_check_limit_ms(const struct check_options *options);

/* The callbacks will not come. Takes NULL, leaves NULL. */
void domain_check_cancel(struct domain_check **check);

#endif
