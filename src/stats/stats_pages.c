/* SPDX-License-Identifier: BSD-2-Clause */
/* stats_pages.c - the pages of the monitoring socket. */
#include "stats/stats_pages.h"

#include <string.h>

enum {
	TEXT_MAX = 1024 * 1024, /* they have some 20 KiB */
	/* BURST texts in a row, and then one in COST_MS. */
	BURST = 20,
	COST_MS = 50,
};

#define TYPE_OPENMETRICS                                                       \
	"application/openmetrics-text; version=1.0.0; charset=utf-8"

enum text { TEXT_OPENMETRICS, TEXT_PROMETHEUS, TEXT_JSON };

void stats_pages_init(struct stats_pages *pages,
                      const struct metrics_sources *sources)
{
	*pages = (struct stats_pages){ .sources = sources,
		                       .credit_ms = (uint64_t)BURST * COST_MS };
	pages->credit_at_ms = clock_mono_ms(sources->clock);
	buffer_init(&pages->health, TEXT_MAX);
	for (size_t i = 0; i < STATS_TEXTS; i++)
		buffer_init(&pages->texts[i], TEXT_MAX);
}

void stats_pages_free(struct stats_pages *pages)
{
	buffer_free(&pages->health);
	for (size_t i = 0; i < STATS_TEXTS; i++)
		buffer_free(&pages->texts[i]);
}

/* -- texts ----------------------------------------------------------------- */

/* True if another text may be written now. */
static bool pay(struct stats_pages *pages)
{
	uint64_t now_ms = clock_mono_ms(pages->sources->clock);

	pages->credit_ms += now_ms - pages->credit_at_ms;
	pages->credit_at_ms = now_ms;
	if (pages->credit_ms > (uint64_t)BURST * COST_MS)
		pages->credit_ms = (uint64_t)BURST * COST_MS;
	if (pages->credit_ms < COST_MS)
		return false;
	pages->credit_ms -= COST_MS;
	return true;
}

static int make_stats_text(struct stats_pages *pages, enum text text,
                           struct buffer *out)
{
	struct metric_values values;
	json_t *document;

	buffer_clear(out);
	if (text == TEXT_JSON) {
		document = metrics_document(pages->sources);
		return metrics_put_json(out, &document);
	}
	metrics_collect(pages->sources, &values);
	return metrics_write(&values,
	                     text == TEXT_OPENMETRICS ? METRICS_OPENMETRICS
	                                              : METRICS_PROMETHEUS,
	                     out);
}

static int put_stats_text(struct stats_pages *pages, enum text text,
                          struct stats_page *ret)
{
	static const char *const types[] = {
		[TEXT_OPENMETRICS] = TYPE_OPENMETRICS,
		[TEXT_PROMETHEUS] = "text/plain; version=0.0.4; charset=utf-8",
		[TEXT_JSON] = "application/json",
	};
	struct buffer *out = &pages->texts[text];
	int rc = MTS_OK;

	if (pay(pages) || out->len == 0)
		rc = make_stats_text(pages, text, out);
	if (rc != MTS_OK)
		buffer_clear(out);
	ret->type = types[text];
	ret->body = buffer_slice(out);
	return rc;
}

/* -- pages ----------------------------------------------------------------- */

static int put_metrics_page(struct stats_pages *pages, const char *accept,
                            struct stats_page *ret)
{
	bool open = strstr(accept, "application/openmetrics-text") != NULL;

	return put_stats_text(pages, open ? TEXT_OPENMETRICS : TEXT_PROMETHEUS,
	                      ret);
}

static int put_json_page(struct stats_pages *pages, const char *accept,
                         struct stats_page *ret)
{
	(void)accept;
	return put_stats_text(pages, TEXT_JSON, ret);
}

/* Never cached: it takes microseconds. */
static int put_health_page(struct stats_pages *pages, const char *accept,
                           struct stats_page *ret)
{
	struct buffer *out = &pages->health;
	unsigned reasons = daemon_health(pages->sources);
	json_t *document = daemon_health_json(reasons);
	int rc;

	(void)accept;
	buffer_clear(out);
	rc = metrics_put_json(out, &document);
	ret->status = reasons ? 503 : 200;
	ret->type = "application/json";
	ret->body = buffer_slice(out);
	return rc;
}

static int put_index_page(struct stats_pages *pages, const char *accept,
                          struct stats_page *ret)
{
	(void)pages;
	(void)accept;
	ret->body = slice_str("mtastsd\n"
	                      "/metrics     for Prometheus\n"
	                      "/stats.json  the same as JSON\n"
	                      "/healthz     200 if all is well, else 503\n");
	return MTS_OK;
}

static void put_error_page(unsigned status, const char *text,
                           struct stats_page *ret)
{
	ret->status = status;
	ret->body = slice_str(text);
}

/* A proxy sends an absolute URL (RFC 9112 section 3.2.2). */
static const char *path_of(const char *target)
{
	const char *path;

	if (strncasecmp(target, "http://", 7) != 0)
		return target;
	path = strchr(target + 7, '/');
	return path ? path : "/";
}

int stats_pages_get(struct stats_pages *pages, const char *method,
                    const char *target, const char *accept,
                    struct stats_page *ret)
{
	static const struct {
		const char *path;
		int (*put)(struct stats_pages *, const char *,
		           struct stats_page *);
	} rows[] = {
		{ "/metrics", put_metrics_page },
		{ "/stats.json", put_json_page },
		{ "/healthz", put_health_page },
		{ "/", put_index_page },
	};
	const char *path = path_of(target);

	*ret = (struct stats_page){ .status = 200,
		                    .type = "text/plain; charset=utf-8" };
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
		put_error_page(405, "only GET and HEAD are supported\n", ret);
		return MTS_OK;
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(path, rows[i].path) == 0)
			return rows[i].put(pages, accept, ret);
	put_error_page(404, "no such page; see /\n", ret);
	return MTS_OK;
}
