/* SPDX-License-Identifier: BSD-2-Clause */
/* daemon_health.h - is anything wrong that an operator has to fix? /healthz,
 * status and the metric mtasts_unhealthy all report the answer. */
#ifndef STATS_DAEMON_HEALTH_H
#define STATS_DAEMON_HEALTH_H

#include "stats/metrics.h"

enum health_reason {
	HEALTH_CACHE,   /* the cache can't be written */
	HEALTH_DNS,     /* no name server answers */
	HEALTH_REFRESH, /* refreshes are late by more than an hour */
	HEALTH_REASONS,
};

/* What is wrong, a bit for each health_reason; 0: nothing. Also starts a
 * test of name servers that were silent. */
unsigned daemon_health(const struct metrics_sources *sources);

/* "cache", "dns", "refresh". */
const char *daemon_health_name(enum health_reason reason);

/* The problem and what to do about it, as a sentence. */
const char *daemon_health_text(enum health_reason reason);

/* {"healthy": false, "reasons": [{"name": "cache", "text": "..."}]}; NULL: no
 * memory. The caller's: json_decref(). */
json_t *daemon_health_json(unsigned reasons);

#endif
