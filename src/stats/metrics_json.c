/* SPDX-License-Identifier: BSD-2-Clause */
/* metrics_json.c - the metrics as JSON. */
#include "stats/daemon_health.h"

#include "base/json_text.h"
#include "config.h"

#include <stdio.h>

static json_t *metric_number(uint64_t value, uint64_t scale)
{
	if (scale > 1)
		return json_real((double)value / (double)scale);
	return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}

/* The object that has the last label's values as members; created if it does
 * not exist. NULL: no memory. */
static json_t *parent_of(json_t *object, const struct metric_row *row,
                         const size_t at[METRIC_LABELS_MAX])
{
	size_t count = metric_label_count(row);

	for (size_t i = 0; object && i + 1 < count; i++) {
		const char *key = row->labels[i]->values[at[i]];
		json_t *inner = json_object_get(object, key);

		if (!inner) {
			inner = json_object();
			if (json_object_set_new(object, key, inner) != 0)
				return NULL;
		}
		object = inner;
	}
	return object;
}

static json_t *series(const struct metric_row *row,
                      const struct metric_values *values)
{
	size_t last = metric_label_count(row) - 1;
	json_t *object = json_object();
	size_t at[METRIC_LABELS_MAX];
	size_t value;

	for (bool more = metric_first(row, at, &value); more && object;
	     more = metric_next(row, at, &value)) {
		const char *key = row->labels[last]->values[at[last]];
		json_t *parent = parent_of(object, row, at);

		if (!parent ||
		    json_object_set_new(
			parent, key,
			metric_number(metric_value(values, row, value),
		                      row->scale)) != 0) {
			json_decref(object);
			object = NULL;
		}
	}
	return object;
}

/* {"le": 0.25, "count": 3}: 3 took at most 0.25 s; null: any time. */
static json_t *buckets(const struct histogram *histogram, uint64_t scale)
{
	json_t *array = json_array();
	uint64_t sum = 0;

	for (size_t i = 0; array && i <= HISTOGRAM_BOUNDS; i++) {
		json_t *le = i < HISTOGRAM_BOUNDS
		                 ? metric_number(histogram_bounds_ms[i], scale)
		                 : json_null();

		sum += histogram->counts[i];
		if (json_array_append_new(
			array, json_pack("{s:o, s:I}", "le", le, "count",
		                         (json_int_t)sum)) != 0) {
			json_decref(array);
			array = NULL;
		}
	}
	return array;
}

static json_t *histogram_object(const struct histogram *histogram,
                                uint64_t scale)
{
	json_t *array = buckets(histogram, scale);

	if (!array)
		return NULL;
	return json_pack(
	    "{s:I, s:o, s:o}", "count", (json_int_t)histogram_total(histogram),
	    "sum", metric_number(histogram->sum_ms, scale), "buckets", array);
}

static json_t *row_json(const struct metric_row *row,
                        const struct metric_values *values)
{
	if (row->type == METRIC_HISTOGRAM)
		return histogram_object(metric_histogram(values, row),
		                        row->scale);
	if (metric_label_count(row) > 0)
		return series(row, values);
	return metric_number(metric_value(values, row, 0), row->scale);
}

json_t *metrics_json(const struct metric_values *values)
{
	const struct metric_row *row;
	json_t *object = json_object();

	for (size_t i = 0; object && (row = metric_at(i)); i++) {
		char name[METRIC_NAME];

		if (json_object_set_new(object, metric_name(row, name),
		                        row_json(row, values)) == 0)
			continue;
		json_decref(object);
		object = NULL;
	}
	return object;
}

json_t *metrics_document(const struct metrics_sources *sources)
{
	json_t *document = daemon_health_json(daemon_health(sources));
	struct metric_values values;

	metrics_collect(sources, &values);
	if (document &&
	    json_object_set_new(document, "version",
	                        json_string(PACKAGE_VERSION)) == 0 &&
	    json_object_set_new(
		document, "time",
		json_integer((json_int_t)clock_wall_s(sources->clock))) == 0 &&
	    json_object_set_new(document, "metrics", metrics_json(&values)) ==
	        0)
		return document;
	json_decref(document);
	return NULL;
}

int metrics_put_json(struct buffer *out, json_t **document)
{
	int rc = json_text_put(out, *document, JSON_INDENT(2));

	*document = NULL;
	return rc == MTS_OK ? buffer_put(out, "\n", 1) : rc;
}
