/* SPDX-License-Identifier: BSD-2-Clause */
/* metric_table.h - the table of metrics, one row each.
 *
 * Everything about metrics uses these rows: the text of "/metrics", the JSON
 * document, mtasts-ctl, and the tests that compare the table with the manual,
 * the dashboard and the alert rules. Labels have fixed sets of values, never a
 * domain name. */
#ifndef STATS_METRIC_TABLE_H
#define STATS_METRIC_TABLE_H

#include "base/histogram.h"
#include "discover/discover.h"
#include "dnssec/secure_dns.h"
#include "serve/protocol.h"
#include "sts/dane.h"
#include "wire/answer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	METRIC_SOURCES = 5,
	METRIC_REASONS = 3, /* enum health_reason */
	METRIC_LABELS_MAX = 3,
};

/* One value a series, in the order of the labels' values. */
struct metric_values {
	uint64_t build_info;
	uint64_t lookups[PROTOCOL_KINDS][MAPS][ANSWER_KINDS];
	uint64_t policy_lookups[METRIC_SOURCES];
	uint64_t lookup_timeouts[2]; /* policy, dane */
	uint64_t lookups_waiting[2]; /* the same */
	uint64_t clients;
	uint64_t connections[3]; /* accepted, refused, dropped */
	uint64_t discoveries[DISCOVER_OUTCOMES];
	uint64_t discoveries_running;
	struct histogram discovery_times;
	uint64_t fetches[FETCH_CAUSES];
	uint64_t fetches_open[2]; /* running, waiting */
	uint64_t refreshes[2];    /* done, failed */
	uint64_t refreshes_running;
	uint64_t refreshes_due;
	uint64_t refresh_delay_s;
	uint64_t policies[3]; /* enum policy_mode */
	uint64_t policies_failing;
	uint64_t policies_ending;
	uint64_t policies_ended;
	uint64_t absent_domains;
	uint64_t dns_lookups[DNS_STATUSES];
	uint64_t dns_secure_lookups[SECURE_DNS_RESULTS];
	uint64_t dane_checks[DANE_STATES];
	uint64_t dane_checks_running;
	uint64_t dane_hops;
	uint64_t dane_on;
	uint64_t cache_bytes;
	uint64_t cache_max_bytes;
	uint64_t cache_pending;
	uint64_t cache_commits;
	uint64_t cache_write_errors;
	uint64_t cache_evictions[3]; /* expired, weak, live */
	uint64_t unhealthy[METRIC_REASONS];
	uint64_t process_cpu_us;
	uint64_t process_memory[2]; /* resident, private */
	uint64_t process_fds;
	uint64_t process_max_fds;
	uint64_t process_start_s;
};

enum metric_type {
	METRIC_COUNTER,
	METRIC_GAUGE,
	METRIC_HISTOGRAM, /* a struct histogram; no labels */
};

struct metric_label {
	const char *name;
	const char *const *values;
	size_t count;
};

struct metric_row {
	const char *name; /* without "_total" */
	enum metric_type type;
	const char *unit;  /* the name ends with it; "" if it has none */
	uint64_t scale;    /* how many of the value make one UNIT */
	const char *title; /* two or three words, for tables */
	const char *help;  /* one sentence, without its dot */
	const struct metric_label *labels[METRIC_LABELS_MAX]; /* or NULL */
	size_t offset; /* in struct metric_values */
	size_t size;   /* there, in bytes */
	/* Whether this combination of label values can occur; NULL: all can. */
	bool (*goes)(const size_t at[METRIC_LABELS_MAX]);
};

/* The rows, from index 0; NULL past the end. */
const struct metric_row *metric_at(size_t index);

/* The name that ROW's samples have: with "_total" for counters. Returns
 * TEXT. */
enum { METRIC_NAME = 64 };
const char *metric_name(const struct metric_row *row, char text[METRIC_NAME]);

/* How many labels ROW has. */
size_t metric_label_count(const struct metric_row *row);

/* Walks the series of ROW: AT, which begins as zeroes, has the values' indices.
 * metric_next() moves on to the next that goes, metric_first() to the first;
 * false: there is none. *VALUE is its place in a flat array of uint64_t. */
bool metric_first(const struct metric_row *row, size_t at[METRIC_LABELS_MAX],
                  size_t *value);
bool metric_next(const struct metric_row *row, size_t at[METRIC_LABELS_MAX],
                 size_t *value);

/* The value in VALUES of the series that metric_next() told. */
uint64_t metric_value(const struct metric_values *values,
                      const struct metric_row *row, size_t value);

/* ROW's, which is a METRIC_HISTOGRAM. */
const struct histogram *metric_histogram(const struct metric_values *values,
                                         const struct metric_row *row);

#endif
