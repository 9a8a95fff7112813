/* SPDX-License-Identifier: BSD-2-Clause */
/* stats_pages.h - the pages of the monitoring socket, without HTTP. */
#ifndef STATS_STATS_PAGES_H
#define STATS_STATS_PAGES_H

#include "stats/daemon_health.h"

enum { STATS_TEXTS = 3 }; /* both formats, and JSON */

struct stats_pages {
	const struct metrics_sources *sources;
	/* The last texts, sent again if clients ask too often. */
	struct buffer texts[STATS_TEXTS];
	struct buffer health;
	uint64_t credit_ms; /* grows with time; each text costs COST_MS */
	uint64_t credit_at_ms;
};

struct stats_page {
	unsigned status; /* 200, 404, 405, 503 */
	const char *type;
	struct slice body; /* borrowed: good until the next call */
};

/* SOURCES is borrowed. */
void stats_pages_init(struct stats_pages *pages,
                      const struct metrics_sources *sources);
void stats_pages_free(struct stats_pages *pages);

/* The answer to METHOD of TARGET, a path or a URL; ACCEPT is that header, or
 * "". MTS_ENOMEM. */
int stats_pages_get(struct stats_pages *pages, const char *method,
                    const char *target, const char *accept,
                    struct stats_page *ret);

#endif
