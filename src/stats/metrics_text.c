/* SPDX-License-Identifier: BSD-2-Clause */
/* metrics_text.c - the metrics as text for Prometheus and similar tools.
 *
 * OpenMetrics 1.0.0 names a family of counters without "_total" where the
 * format of Prometheus, 0.0.4, names it with; that, and the unit, is all
 * that differs. */
#include "stats/metrics.h"

#include <stdio.h>
#include <string.h>

/* -- texts ----------------------------------------------------------------- */

static void put_escaped(struct buffer *out, const char *text, bool quotes)
{
	for (; *text; text++) {
		if (*text == '\n')
			buffer_puts(out, "\\n");
		else if (*text == '\\' || (quotes && *text == '"'))
			buffer_printf(out, "\\%c", *text);
		else
			buffer_put(out, text, 1);
	}
}

int metrics_put_label(struct buffer *out, const char *text)
{
	put_escaped(out, text, true);
	return buffer_status(out);
}

/* VALUE / SCALE, which is a power of ten, without rounding. */
static void put_number(struct buffer *out, uint64_t value, uint64_t scale)
{
	int digits = 0;

	for (uint64_t i = scale; i > 1; i /= 10)
		digits++;
	if (digits == 0)
		buffer_printf(out, "%llu", (unsigned long long)value);
	else
		buffer_printf(out, "%llu.%0*llu",
		              (unsigned long long)(value / scale), digits,
		              (unsigned long long)(value % scale));
}

/* 2500 of 1000 are 2.5: bounds are written as short as they can be. */
static void put_bound(struct buffer *out, uint64_t value, uint64_t scale)
{
	put_number(out, value, scale);
	while (out->len > 0 && out->data[out->len - 1] == '0' && scale > 1)
		out->len--;
	if (out->len > 0 && out->data[out->len - 1] == '.')
		buffer_puts(out, "0");
}

/* -- a row ----------------------------------------------------------------- */

static void put_metric_head(struct buffer *out, const struct metric_row *row,
                            enum metrics_format format)
{
	static const char *const types[] = {
		[METRIC_COUNTER] = "counter",
		[METRIC_GAUGE] = "gauge",
		[METRIC_HISTOGRAM] = "histogram",
	};
	bool open = format == METRICS_OPENMETRICS;
	char text[METRIC_NAME];
	const char *name = open ? row->name : metric_name(row, text);

	buffer_printf(out, "# HELP %s ", name);
	put_escaped(out, row->help, open);
	buffer_printf(out, ".\n# TYPE %s %s\n", name, types[row->type]);
	if (open && row->unit[0])
		buffer_printf(out, "# UNIT %s %s\n", name, row->unit);
}

static void put_labels(struct buffer *out, const struct metric_row *row,
                       const size_t at[METRIC_LABELS_MAX])
{
	size_t count = metric_label_count(row);

	for (size_t i = 0; i < count; i++) {
		buffer_printf(out, "%s%s=\"", i ? "," : "{",
		              row->labels[i]->name);
		metrics_put_label(out, row->labels[i]->values[at[i]]);
		buffer_puts(out, "\"");
	}
	if (count)
		buffer_puts(out, "}");
}

static void put_metric_series(struct buffer *out, const struct metric_row *row,
                              const struct metric_values *values)
{
	size_t at[METRIC_LABELS_MAX];
	char name[METRIC_NAME];
	size_t value;

	metric_name(row, name);
	for (bool more = metric_first(row, at, &value); more;
	     more = metric_next(row, at, &value)) {
		buffer_puts(out, name);
		put_labels(out, row, at);
		buffer_puts(out, " ");
		put_number(out, metric_value(values, row, value), row->scale);
		buffer_puts(out, "\n");
	}
}

static void put_histogram(struct buffer *out, const struct metric_row *row,
                          const struct histogram *histogram)
{
	uint64_t sum = 0;

	for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++) {
		sum += histogram->counts[i];
		buffer_printf(out, "%s_bucket{le=\"", row->name);
		if (i < HISTOGRAM_BOUNDS)
			put_bound(out, histogram_bounds_ms[i], row->scale);
		else
			buffer_puts(out, "+Inf");
		buffer_printf(out, "\"} %llu\n", (unsigned long long)sum);
	}
	buffer_printf(out, "%s_sum ", row->name);
	put_number(out, histogram->sum_ms, row->scale);
	buffer_printf(out, "\n%s_count %llu\n", row->name,
	              (unsigned long long)sum);
}

int metrics_write(const struct metric_values *values,
                  enum metrics_format format, struct buffer *out)
{
	const struct metric_row *row;

	for (size_t i = 0; (row = metric_at(i)); i++) {
		put_metric_head(out, row, format);
		if (row->type == METRIC_HISTOGRAM)
			put_histogram(out, row, metric_histogram(values, row));
		else
			put_metric_series(out, row, values);
	}
	if (format == METRICS_OPENMETRICS)
		buffer_puts(out, "# EOF\n");
	return buffer_status(out);
}
