/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl_stats.c - shows the answers to "stats" and "top".
 *
 * The table of metrics says which values there are and how they are called.
 * mtastsd may send others, if it has another version. */
#include "ctl/ctl_stats.h"

#include "ctl/ctl_lines.h"
#include "ctl/ctl_text.h"
#include "stats/metric_table.h"

enum {
	TITLE_WIDTH = 56,
	COUNT_WIDTH = 9,
	CAUSE_WIDTH = 16,
	DOMAIN_LEAST = 20,
};

/* -- stats ----------------------------------------------------------------- */

static void put_ago(struct buffer *out, int64_t span_s)
{
	if (span_s <= 0) {
		buffer_puts(out, "now");
		return;
	}
	text_put_span(out, (uint64_t)span_s);
	buffer_puts(out, " ago");
}

static void put_metric_value(struct view *view, const struct metric_row *row,
                             const json_t *value)
{
	struct buffer *out = &view->out;
	int64_t n = json_integer_value(value);

	if (row->scale > 1)
		buffer_printf(out, "%.2f s", json_number_value(value));
	else if (strcmp(row->unit, "bytes") == 0)
		text_put_size(out, n > 0 ? (uint64_t)n : 0);
	else if (strstr(row->name, "_time_seconds"))
		put_ago(out, view->now_s - n);
	else if (strcmp(row->unit, "seconds") == 0)
		text_put_span(out, n > 0 ? (uint64_t)n : 0);
	else
		buffer_printf(out, "%lld", (long long)n);
	buffer_puts(out, "\n");
}

static void put_title(struct view *view, struct slice title)
{
	text_put_cell(&view->out, title, TITLE_WIDTH, false);
	view_put(view, " ");
}

/* "discoveries: policy" */
static void put_series_value(struct view *view, const struct metric_row *row,
                             const size_t at[METRIC_LABELS_MAX],
                             const json_t *value)
{
	struct buffer title;

	buffer_init(&title, 1024);
	buffer_puts(&title, row->title);
	for (size_t i = 0; i < metric_label_count(row); i++)
		buffer_printf(&title, "%s%s", i ? ", " : ": ",
		              row->labels[i]->values[at[i]]);
	put_title(view, buffer_slice(&title));
	put_metric_value(view, row, value);
	buffer_free(&title);
}

static const json_t *series_value(const struct metric_row *row,
                                  const size_t at[METRIC_LABELS_MAX],
                                  const json_t *value)
{
	for (size_t i = 0; i < metric_label_count(row); i++)
		value = json_object_get(value, row->labels[i]->values[at[i]]);
	return value;
}

static void show_series(struct view *view, const struct metric_row *row,
                        const json_t *values)
{
	size_t at[METRIC_LABELS_MAX];
	bool any = false;
	size_t index;

	for (bool more = metric_first(row, at, &index); more;
	     more = metric_next(row, at, &index)) {
		const json_t *value = series_value(row, at, values);

		if (json_number_value(value) <= 0)
			continue;
		put_series_value(view, row, at, value);
		any = true;
	}
	if (any)
		return;
	put_title(view, slice_str(row->title));
	view_put(view, "0\n");
}

/* The bound under which a share of PERCENT was; a negative number: under
 * none. */
static double bound_of(const json_t *buckets, int64_t count, int64_t percent)
{
	for (size_t i = 0; i < json_array_size(buckets); i++) {
		const json_t *bucket = json_array_get(buckets, i);
		const json_t *le = json_object_get(bucket, "le");

		if (item_int(bucket, "count") * 100 >= count * percent)
			return json_is_number(le) ? json_number_value(le) : -1;
	}
	return -1;
}

/* "time of discoveries: mean" */
static void put_part(struct view *view, const struct metric_row *row,
                     const char *part)
{
	struct buffer title;

	buffer_init(&title, 1024);
	buffer_printf(&title, "%s: %s", row->title, part);
	put_title(view, buffer_slice(&title));
	buffer_free(&title);
}

static void put_share(struct view *view, const struct metric_row *row,
                      const json_t *value, int64_t percent)
{
	double bound = bound_of(json_object_get(value, "buckets"),
	                        item_int(value, "count"), percent);
	char part[32];

	if (bound < 0)
		return;
	snprintf(part, sizeof(part), "%lld%% within", (long long)percent);
	put_part(view, row, part);
	buffer_printf(&view->out, "%g s\n", bound);
}

static void show_histogram(struct view *view, const struct metric_row *row,
                           const json_t *value)
{
	int64_t count = item_int(value, "count");
	double sum = json_number_value(json_object_get(value, "sum"));

	if (count <= 0) {
		put_title(view, slice_str(row->title));
		view_put(view, "none yet\n");
		return;
	}
	put_part(view, row, "mean");
	buffer_printf(&view->out, "%.3f s\n", sum / (double)count);
	put_share(view, row, value, 50);
	put_share(view, row, value, 99);
}

static void show_row(struct view *view, const struct metric_row *row,
                     const json_t *metrics)
{
	char name[METRIC_NAME];
	const json_t *value = json_object_get(metrics, metric_name(row, name));

	if (!value)
		return;
	if (row->type == METRIC_HISTOGRAM) {
		show_histogram(view, row, value);
	} else if (metric_label_count(row) > 0) {
		show_series(view, row, value);
	} else {
		put_title(view, slice_str(row->title));
		put_metric_value(view, row, value);
	}
}

void view_put_stats(struct view *view, const json_t *item)
{
	const json_t *metrics = json_object_get(item, "metrics");
	const json_t *reasons = json_object_get(item, "reasons");
	const struct metric_row *row;

	put_title(view, slice_str("health"));
	view_put(view, item_true(item, "healthy") ? "ok\n" : "FAILED\n");
	for (size_t i = 0; i < json_array_size(reasons); i++) {
		view_put(view, "  ");
		view_put_wrapped(
		    view, item_text(json_array_get(reasons, i), "text"), 2);
		view_put(view, "\n");
	}
	for (size_t i = 0; (row = metric_at(i)); i++)
		show_row(view, row, metrics);
}

/* -- top ------------------------------------------------------------------- */

static void put_top_titles(struct view *view, const char *title, size_t width,
                           bool causes)
{
	buffer_printf(&view->out, "%*s  ", COUNT_WIDTH, "COUNT");
	if (causes)
		text_put_cell(&view->out, slice_str("CAUSE"), CAUSE_WIDTH,
		              false);
	text_put_cell(&view->out, slice_str(title), width, false);
	view_put(view, "\n");
}

/* "~12": the count may be too high. */
static void put_top_row(struct view *view, const json_t *row, size_t width,
                        bool causes)
{
	char count[32];
	struct buffer cell;

	snprintf(count, sizeof(count), "%s%llu",
	         item_count(row, "error") ? "~" : "",
	         (unsigned long long)item_count(row, "count"));
	buffer_printf(&view->out, "%*s  ", COUNT_WIDTH, count);
	buffer_init(&cell, 1024);
	if (causes) {
		text_put_safe(&cell, item_text(row, "cause"), false);
		text_put_cell(&view->out, buffer_slice(&cell), CAUSE_WIDTH,
		              false);
		buffer_clear(&cell);
	}
	text_put_safe(&cell, item_text(row, "domain"), false);
	text_put_cell(&view->out, buffer_slice(&cell), view->cut ? width : 0,
	              view->cut);
	buffer_free(&cell);
	while (view->out.len > 0 && view->out.data[view->out.len - 1] == ' ')
		view->out.len--;
	view_put(view, "\n");
}

static void put_top_rows(struct view *view, const char *title,
                         const json_t *rows, bool causes)
{
	size_t taken = COUNT_WIDTH + 2 + (causes ? CAUSE_WIDTH : 0);
	size_t width = view->width > taken + DOMAIN_LEAST ? view->width - taken
	                                                  : DOMAIN_LEAST;

	put_top_titles(view, title, 0, causes);
	for (size_t i = 0; i < json_array_size(rows); i++)
		put_top_row(view, json_array_get(rows, i), width, causes);
	if (json_array_size(rows) == 0)
		buffer_printf(&view->out, "%*s  none\n", COUNT_WIDTH, "");
}

void view_put_top(struct view *view, const json_t *item)
{
	buffer_printf(&view->out,
	              "last %llu minutes: %llu asked, %llu failed; now: %llu "
	              "clients, %llu waiting, %llu discoveries\n\n",
	              (unsigned long long)item_count(item, "minutes"),
	              (unsigned long long)item_count(item, "asked"),
	              (unsigned long long)item_count(item, "failed"),
	              (unsigned long long)item_count(item, "clients"),
	              (unsigned long long)item_count(item, "waiting"),
	              (unsigned long long)item_count(item, "under_way"));
	put_top_rows(view, "BUSIEST DOMAINS", json_object_get(item, "busiest"),
	             false);
	view_put(view, "\n");
	put_top_rows(view, "FAILING DOMAINS", json_object_get(item, "failing"),
	             true);
}
