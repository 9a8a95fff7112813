/* SPDX-License-Identifier: BSD-2-Clause */
/* metrics.h - collects the values of all metrics and writes them.
 *
 * Each part of the daemon keeps plain counters; they are gathered only when a
 * client asks for them. */
#ifndef STATS_METRICS_H
#define STATS_METRICS_H

#include "base/buffer.h"
#include "cache/absent.h"
#include "cache/cache.h"
#include "lookup/dane_checks.h"
#include "lookup/lookup.h"
#include "lookup/refresher.h"
#include "serve/server.h"
#include "stats/metric_table.h"

#include <jansson.h>

/* The parts to ask, all borrowed. One may be NULL: its values are 0. */
struct metrics_sources {
	const struct clock *clock;
	const struct server *server;
	const struct lookups *lookups;
	const struct dane_checks *dane_checks;
	const struct secure_dns *dns;
	struct refresher *refresher;
	struct cache *cache;
	const struct absent *absent;
	struct resolver *resolver;
	const struct fetcher *fetcher;
	int64_t started_s; /* when the daemon was started */
};

/* Gathers everything, in a fraction of a millisecond even with a million
 * policies. */
void metrics_collect(const struct metrics_sources *sources,
                     struct metric_values *ret);

/* As texts. Each appends to OUT and returns buffer_status(). */
enum metrics_format {
	METRICS_OPENMETRICS, /* application/openmetrics-text; version=1.0.0 */
	METRICS_PROMETHEUS,  /* text/plain; version=0.0.4 */
};

int metrics_write(const struct metric_values *values,
                  enum metrics_format format, struct buffer *out);

/* TEXT as the value of a label, without the quotes. */
int metrics_put_label(struct buffer *out, const char *text);

/* As an object: a member for each row, its name as in the Prometheus format. A
 * label's values are members in turn. A histogram has "count", "sum" and
 * "buckets". NULL: no memory. The caller's: json_decref(). */
json_t *metrics_json(const struct metric_values *values);

/* Everything for monitoring in one document: "version", "time", "metrics",
 * and "healthy" and "reasons" of daemon_health_json(). NULL: no memory. The
 * caller's: json_decref(). */
json_t *metrics_document(const struct metrics_sources *sources);

/* Appends *DOCUMENT, readable, and a newline to OUT; drops it and leaves NULL.
 * MTS_ENOMEM (also where it is NULL), or buffer_status(). */
int metrics_put_json(struct buffer *out, json_t **document);

#endif
