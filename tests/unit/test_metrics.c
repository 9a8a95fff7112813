/* SPDX-License-Identifier: BSD-2-Clause */
/* test_metrics.c - the table of metrics, and what is written of it. */
#include "tests.h"

#include "man_page.h"

#include "config.h"
#include "stats/daemon_health.h"
#include "stats/metrics.h"

static struct buffer out;

static int setup(void **state)
{
	(void)state;
	buffer_init(&out, 1024 * 1024);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	buffer_free(&out);
	return 0;
}

/* OUT as a string. */
static const char *text(void)
{
	assert_int_equal(buffer_put(&out, "", 1), MTS_OK);
	return out.data;
}

static bool is_plain(const char *word, const char *others)
{
	for (; *word; word++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789_", *word) &&
		    !strchr(others, *word))
			return false;
	return true;
}

/* -- the table ------------------------------------------------------------- */

static size_t series_of(const struct metric_row *row)
{
	size_t n = 1;

	for (size_t i = 0; i < metric_label_count(row); i++)
		n *= row->labels[i]->count;
	return n;
}

static void check_row(const struct metric_row *row)
{
	size_t len = strlen(row->name);
	size_t unit = strlen(row->unit);

	assert_int_equal(strncmp(row->name, "mtasts_", 7), 0);
	assert_true(is_plain(row->name, ""));
	assert_true(len + 6 < METRIC_NAME);
	assert_null(strstr(row->name, "_total"));
	if (unit)
		assert_string_equal(row->name + len - unit, row->unit);
	assert_true(row->title[0] && row->help[0]);
	assert_true(row->help[strlen(row->help) - 1] != '.');
	assert_true(row->offset + row->size <= sizeof(struct metric_values));
	if (row->type == METRIC_HISTOGRAM)
		assert_int_equal(row->size, sizeof(struct histogram));
	else
		assert_int_equal(row->size, series_of(row) * sizeof(uint64_t));
}

static void test_rows(void **state)
{
	const struct metric_row *row;
	size_t sum = 0;

	(void)state;
	for (size_t i = 0; (row = metric_at(i)); i++) {
		check_row(row);
		sum += row->size;
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(row->name, metric_at(k)->name);
	}
	/* Nothing is collected that is not shown. */
	assert_int_equal(sum, sizeof(struct metric_values));
}

static const struct metric_row *find(const char *name)
{
	const struct metric_row *row;

	for (size_t i = 0; (row = metric_at(i)); i++)
		if (strcmp(row->name, name) == 0)
			return row;
	fail_msg("no metric %s", name);
	return NULL;
}

/* Labels never name a domain, and are what the layers below call it. */
static void test_labels(void **state)
{
	const struct metric_row *row;

	(void)state;
	for (size_t i = 0; (row = metric_at(i)); i++) {
		for (size_t l = 0; l < metric_label_count(row); l++) {
			const struct metric_label *label = row->labels[l];

			assert_true(is_plain(label->name, ""));
			for (size_t v = 0; v < label->count; v++)
				assert_true(
				    is_plain(label->values[v], "-.") &&
				    (strcmp(label->name, "version") == 0 ||
				     !strchr(label->values[v], '.')));
		}
	}
	row = find("mtasts_dane_walks");
	for (size_t v = 0; v < DANE_STATES; v++)
		assert_string_equal(row->labels[0]->values[v],
		                    dane_state_text((enum dane_state)v));
	row = find("mtasts_policies");
	for (size_t v = 0; v < 3; v++)
		assert_string_equal(row->labels[0]->values[v],
		                    policy_mode_text((enum policy_mode)v));
	row = find("mtasts_dns_lookups");
	for (size_t v = 0; v < DNS_STATUSES; v++)
		assert_string_equal(row->labels[0]->values[v],
		                    dns_status_text((enum dns_status)v));
	row = find("mtasts_discoveries");
	for (size_t v = 0; v < DISCOVER_OUTCOMES; v++)
		assert_string_equal(
		    row->labels[0]->values[v],
		    discover_outcome_text((enum discover_outcome)v));
	row = find("mtasts_fetches");
	for (size_t v = 0; v < FETCH_CAUSES; v++)
		assert_string_equal(row->labels[0]->values[v],
		                    fetch_cause_text((enum fetch_cause)v));
	row = find("mtasts_unhealthy");
	for (size_t v = 0; v < HEALTH_REASONS; v++)
		assert_string_equal(row->labels[0]->values[v],
		                    daemon_health_name((enum health_reason)v));
}

/* Every combination that goes, once, in order of its place. */
static void test_series(void **state)
{
	const struct metric_row *row = find("mtasts_lookups");
	size_t at[METRIC_LABELS_MAX];
	size_t count = 0;
	size_t last = 0;
	size_t value;

	(void)state;
	for (bool more = metric_first(row, at, &value); more;
	     more = metric_next(row, at, &value)) {
		assert_true(count == 0 || value > last);
		assert_true(value < series_of(row));
		last = value;
		count++;
	}
	assert_in_range(count, 30, 60);
	assert_true(metric_first(find("mtasts_clients"), at, &value));
	assert_int_equal(value, 0);
	assert_false(metric_next(find("mtasts_clients"), at, &value));
}

/* -- histograms ------------------------------------------------------------ */

static void test_histogram(void **state)
{
	struct histogram histogram = { 0 };

	(void)state;
	for (size_t i = 1; i < HISTOGRAM_BOUNDS; i++)
		assert_true(histogram_bounds_ms[i] >
		            histogram_bounds_ms[i - 1]);
	histogram_add(&histogram, 0);
	histogram_add(&histogram, 5); /* a bound is the longest in it */
	histogram_add(&histogram, 6);
	histogram_add(&histogram, 60000);
	histogram_add(&histogram, 60001);
	assert_int_equal(histogram.counts[0], 2);
	assert_int_equal(histogram.counts[1], 1);
	assert_int_equal(histogram.counts[HISTOGRAM_BOUNDS - 1], 1);
	assert_int_equal(histogram.counts[HISTOGRAM_BOUNDS], 1);
	assert_int_equal(histogram.sum_ms, 120012);
	assert_int_equal(histogram_total(&histogram), 5);
}

/* -- texts ----------------------------------------------------------------- */

static struct metric_values some_values(void)
{
	struct metric_values values = {
		.build_info = 1,
		.clients = 7,
		.process_cpu_us = 1234567,
		.cache_bytes = UINT64_MAX,
	};

	values.lookups[PROTOCOL_SOCKETMAP][MAP_POSTFIX][ANSWER_SECURE] = 3;
	values.fetches[FETCH_CERT_EXPIRED] = 4;
	histogram_add(&values.discovery_times, 3);
	histogram_add(&values.discovery_times, 700);
	histogram_add(&values.discovery_times, 70000);
	return values;
}

static void expect(const char *line)
{
	if (!strstr(out.data, line))
		fail_msg("no \"%s\" in:\n%s", line, out.data);
}

static void test_prometheus(void **state)
{
	struct metric_values values = some_values();

	(void)state;
	assert_int_equal(metrics_write(&values, METRICS_PROMETHEUS, &out),
	                 MTS_OK);
	text();
	expect("# HELP mtasts_fetches_total HTTPS fetches of policies that "
	       "ended, by result.\n# TYPE mtasts_fetches_total counter\n"
	       "mtasts_fetches_total{result=\"ok\"} 0\n");
	expect("\nmtasts_fetches_total{result=\"cert_expired\"} 4\n");
	expect("\nmtasts_lookups_total{listener=\"socketmap\",map=\"postfix\","
	       "answer=\"secure\"} 3\n");
	expect("# TYPE mtasts_clients gauge\nmtasts_clients 7\n");
	expect("\nmtasts_process_cpu_seconds_total 1.234567\n");
	expect("\nmtasts_cache_bytes 18446744073709551615\n");
	expect("# TYPE mtasts_discovery_seconds histogram\n"
	       "mtasts_discovery_seconds_bucket{le=\"0.005\"} 1\n");
	expect("{le=\"0.5\"} 1\n"
	       "mtasts_discovery_seconds_bucket{le=\"1.0\"} 2\n"
	       "mtasts_discovery_seconds_bucket{le=\"2.5\"} 2\n");
	expect("{le=\"60.0\"} 2\n"
	       "mtasts_discovery_seconds_bucket{le=\"+Inf\"} 3\n"
	       "mtasts_discovery_seconds_sum 70.703\n"
	       "mtasts_discovery_seconds_count 3\n");
	assert_null(strstr(out.data, "# UNIT"));
	assert_null(strstr(out.data, "# EOF"));
}

static void test_openmetrics(void **state)
{
	struct metric_values values = some_values();

	(void)state;
	assert_int_equal(metrics_write(&values, METRICS_OPENMETRICS, &out),
	                 MTS_OK);
	text();
	expect("# HELP mtasts_fetches HTTPS fetches of policies that ended, by "
	       "result.\n# TYPE mtasts_fetches counter\n"
	       "mtasts_fetches_total{result=\"ok\"} 0\n");
	expect("# TYPE mtasts_process_cpu_seconds counter\n"
	       "# UNIT mtasts_process_cpu_seconds seconds\n"
	       "mtasts_process_cpu_seconds_total 1.234567\n");
	/* Nothing comes after it. */
	assert_string_equal(out.data + strlen(out.data) - 7, "\n# EOF\n");
}

static void test_escaping(void **state)
{
	(void)state;
	assert_int_equal(metrics_put_label(&out, "a\\b\"c\nd"), MTS_OK);
	assert_string_equal(text(), "a\\\\b\\\"c\\nd");
}

static void test_cap(void **state)
{
	struct metric_values values = some_values();
	struct buffer small;

	(void)state;
	buffer_init(&small, 100);
	assert_int_equal(metrics_write(&values, METRICS_PROMETHEUS, &small),
	                 MTS_ERANGE);
	buffer_free(&small);
}

/* -- JSON ------------------------------------------------------------------ */

static const json_t *at(const json_t *object, const char *path)
{
	char copy[100];
	char *rest = copy;
	char *key;

	snprintf(copy, sizeof(copy), "%s", path);
	while ((key = strsep(&rest, "/")))
		object = json_object_get(object, key);
	return object;
}

static void test_json(void **state)
{
	struct metric_values values = some_values();
	json_t *object = metrics_json(&values);
	const json_t *buckets;

	(void)state;
	assert_int_equal(
	    json_integer_value(
		at(object, "mtasts_lookups_total/socketmap/postfix/secure")),
	    3);
	assert_true(json_is_integer(at(object, "mtasts_lookups_total/exim/none/"
	                                       "testing")));
	assert_null(at(object, "mtasts_lookups_total/exim/sts"));
	assert_int_equal(json_integer_value(at(object, "mtasts_clients")), 7);
	assert_int_equal(json_integer_value(at(object, "mtasts_cache_bytes")),
	                 INT64_MAX);
	assert_true(
	    json_real_value(at(object, "mtasts_process_cpu_seconds_total")) ==
	    1.234567);
	assert_int_equal(json_integer_value(
			     at(object, "mtasts_build_info/" PACKAGE_VERSION)),
	                 1);
	assert_int_equal(
	    json_integer_value(at(object, "mtasts_discovery_seconds/count")),
	    3);
	buckets = at(object, "mtasts_discovery_seconds/buckets");
	assert_int_equal(json_array_size(buckets), HISTOGRAM_BOUNDS + 1);
	assert_true(json_real_value(json_object_get(json_array_get(buckets, 0),
	                                            "le")) == 0.005);
	assert_true(json_is_null(
	    json_object_get(json_array_get(buckets, HISTOGRAM_BOUNDS), "le")));
	json_decref(object);
}

static void test_health_json(void **state)
{
	json_t *object = daemon_health_json(0);
	const json_t *reasons;

	(void)state;
	assert_true(json_is_true(json_object_get(object, "healthy")));
	assert_int_equal(json_array_size(json_object_get(object, "reasons")),
	                 0);
	json_decref(object);
	object = daemon_health_json(1u << HEALTH_CACHE | 1u << HEALTH_REFRESH);
	assert_true(json_is_false(json_object_get(object, "healthy")));
	reasons = json_object_get(object, "reasons");
	assert_int_equal(json_array_size(reasons), 2);
	assert_string_equal(json_string_value(json_object_get(
				json_array_get(reasons, 1), "name")),
	                    "refresh");
	json_decref(object);
}

/* -- the manual ------------------------------------------------------------ */

static char *manual;

/* Copies what the manual has of ROW, its lines joined, to TO. */
static void find_item(const struct metric_row *row, char *to, size_t size)
{
	char item[METRIC_NAME + 10], name[METRIC_NAME];
	const char *end;
	char *start;

	snprintf(item, sizeof(item), "\n.It Va %s\n", metric_name(row, name));
	start = strstr(manual, item);
	if (!start)
		fail_msg("mtasts-metrics.7 does not mention %s", name);
	start += strlen(item);
	end = strstr(start, "\n.It Va ");
	if (!end)
		end = strstr(start, "\n.El");
	assert_non_null(end);
	snprintf(to, size, " %.*s ", (int)(end - start), start);
	for (char *p = to; *p; p++)
		if (*p == '\n')
			*p = ' ';
}

static void expect_text(const char *item, const char *name, const char *text)
{
	char padded[700];

	snprintf(padded, sizeof(padded), " %s ", text);
	if (!strstr(item, padded))
		fail_msg("mtasts-metrics.7, %s: no \"%s\" in:%s", name, text,
		         item);
}

/* Each metric with its type, its help to the letter, and its labels. */
static void test_manual_documents_each_metric(void **state)
{
	static const char *const types[] = { "Counter", "Gauge", "Histogram" };
	const struct metric_row *row;
	char item[2000], help[600];

	(void)state;
	manual = man_page_read("mtasts-metrics.7");
	for (size_t i = 0; (row = metric_at(i)); i++) {
		find_item(row, item, sizeof(item));
		snprintf(help, sizeof(help), "%s%s%s. %s.", types[row->type],
		         row->unit[0] ? ", in " : "", row->unit, row->help);
		expect_text(item, row->name, help);
		for (size_t l = 0; l < metric_label_count(row); l++) {
			expect_text(item, row->name, row->labels[l]->name);
			if (strcmp(row->labels[l]->name, "version") == 0)
				continue;
			for (size_t v = 0; v < row->labels[l]->count; v++)
				expect_text(item, row->name,
				            row->labels[l]->values[v]);
		}
	}
	free(manual);
}

/* And nothing else. */
static void test_manual_has_no_other_metrics(void **state)
{
	const char *at_;

	(void)state;
	manual = man_page_read("mtasts-metrics.7");
	at_ = manual;
	while ((at_ = strstr(at_, "\n.It Va mtasts_"))) {
		char name[METRIC_NAME], known[METRIC_NAME];
		const struct metric_row *row;
		size_t i = 0;

		at_ += strlen("\n.It Va ");
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(at_, "\n"),
		         at_);
		while ((row = metric_at(i++)))
			if (strcmp(metric_name(row, known), name) == 0)
				break;
		if (!row)
			fail_msg("there is no %s", name);
	}
	free(manual);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_rows),
		TEST(test_labels),
		TEST(test_series),
		TEST(test_histogram),
		TEST(test_prometheus),
		TEST(test_openmetrics),
		TEST(test_escaping),
		TEST(test_cap),
		TEST(test_json),
		TEST(test_health_json),
		TEST(test_manual_documents_each_metric),
		TEST(test_manual_has_no_other_metrics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
