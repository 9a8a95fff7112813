/* SPDX-License-Identifier: BSD-2-Clause */
/* walk.h - checks one domain: gathers all there is to know, side by side, then
 * judges it. */
#ifndef CHECK_WALK_H
#define CHECK_WALK_H

#include "check/direct.h"
#include "check/options.h"
#include "check/prober.h"
#include "check/report.h"

struct walk;

/* Both come from the loop, from inside of nothing else. */
struct walk_owner {
	/* It is done. REPORT is the callback's: report_free(). */
	void (*done)(void *arg, struct report *report);
	/* At most once: all that is left is to wait for mail hosts that others
	 * asked for first. */
	void (*waits)(void *arg);
	void *arg;
};

/* Starts the walk for DOMAIN, which is copied; the others outlive it.
 * An error return means "not started": MTS_ENOMEM. Otherwise OWNER's `done` comes
 * exactly once, unless walk_cancel() comes first. Whatever the domain's servers
 * do, it comes within walk_limit_ms(). */
int walk_start(const struct check_options *options, struct prober *prober,
               struct direct *direct, const struct domain *domain,
               const struct walk_owner *owner, struct walk **ret);

uint64_t walk_limit_ms(const struct check_options *options);

/* The callbacks will not come. Takes NULL, leaves NULL. */
void walk_cancel(struct walk **walk);

#endif
