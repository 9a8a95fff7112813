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

/* REPORT is the callback's: report_free(). */
typedef void walk_callback(void *arg, struct report *report);

/* Starts the walk for DOMAIN, which is copied; the others outlive it.
 * An error return means "not started": MTS_ENOMEM. Otherwise CALLBACK comes
 * exactly once, never from inside the call, unless walk_cancel() comes first.
 * Whatever the domain's servers do, it comes within walk_limit_ms(). */
int walk_start(const struct check_options *options, struct prober *prober,
               struct direct *direct, const struct domain *domain,
               walk_callback *callback, void *arg, struct walk **ret);

uint64_t walk_limit_ms(const struct check_options *options);

/* The callback will not come. Takes NULL, leaves NULL. */
void walk_cancel(struct walk **walk);

#endif
