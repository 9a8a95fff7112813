/* SPDX-License-Identifier: BSD-2-Clause */
/* control_stats.c - the commands stats and top. */
#include "control/control_job.h"

#include "lookup/top.h"
#include "wire/top_span.h"

_Static_assert((int)TOP_SPAN_MINUTES_MAX == (int)TOP_MINUTES &&
                   (int)TOP_SPAN_ROWS_MAX == (int)TOP_SLOTS,
               "what may be asked for is there");

void control_job_stats(struct control_job *job)
{
	json_t *document = metrics_document(job->context->options.sources);

	if (control_job_say(job, &document))
		control_job_end(job, CONTROL_END_DONE, NULL);
}

/* -- top ------------------------------------------------------------------- */

static json_t *row_object(const struct top_row *row)
{
	json_t *object = json_object();

	control_put_text(&object, "domain", row->domain);
	if (row->cause)
		control_put_text(&object, "cause", row->cause);
	control_put_count(&object, "count", row->count);
	control_put_count(&object, "error", row->error);
	return object;
}

static json_t *rows_array(const struct top *top, enum top_kind kind,
                          const struct top_span *span)
{
	static struct top_row rows[TOP_SLOTS];
	size_t count = top_list(top, kind, span->minutes, rows, span->rows);
	json_t *array = json_array();

	for (size_t i = 0; array && i < count; i++) {
		if (json_array_append_new(array, row_object(&rows[i])) == 0)
			continue;
		json_decref(array);
		array = NULL;
	}
	return array;
}

/* What goes on now, and since the start: a screen tells the rates. */
static void put_now(json_t **item, const struct metrics_sources *sources)
{
	struct lookup_counts lookups = { 0 };
	struct server_counts server = { 0 };

	if (sources->server)
		server_get_counts(sources->server, &server);
	lookups_get_counts(sources->lookups, &lookups);
	control_put_count(item, "time_ms", clock_mono_ms(sources->clock));
	control_put_count(item, "requests", server.requests);
	control_put_count(item, "clients", server.clients);
	control_put_count(item, "waiting", lookups.waiting);
	control_put_count(item, "under_way", lookups.under_way);
	control_put_count(item, "hits", lookups.hits);
	control_put_count(item, "absent", lookups.absent);
	control_put_count(item, "discoveries", lookups.discoveries);
}

void control_job_top(struct control_job *job)
{
	const struct control_options *options = &job->context->options;
	struct top_span span;
	json_t *item = json_object();

	/* control_parse() has seen to it that it is good. */
	(void)top_span_parse(&job->request, &span, NULL);
	control_put_count(&item, "minutes", span.minutes);
	control_put_count(&item, "asked",
	                  top_total(options->top, TOP_LOOKUPS, span.minutes));
	control_put_count(&item, "failed",
	                  top_total(options->top, TOP_FAILURES, span.minutes));
	put_now(&item, options->sources);
	control_put(&item, "busiest",
	            rows_array(options->top, TOP_LOOKUPS, &span));
	control_put(&item, "failing",
	            rows_array(options->top, TOP_FAILURES, &span));
	if (control_job_say(job, &item))
		control_job_end(job, CONTROL_END_DONE, NULL);
}
