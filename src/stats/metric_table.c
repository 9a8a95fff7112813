/* SPDX-License-Identifier: BSD-2-Clause */
/* metric_table.c - the table of metrics, one row each. */
#include "stats/metric_table.h"

#include "config.h"

#include <stdio.h>

/* -- labels ---------------------------------------------------------------- */

/* A label NAME with these values. */
#define LABEL(var, label, ...)                                                 \
	static const char *const var##_values[] = { __VA_ARGS__ };             \
	static const struct metric_label var = { label, var##_values,          \
		                                 sizeof(var##_values) /        \
		                                     sizeof(var##_values[0]) }

LABEL(version, "version", PACKAGE_VERSION);
LABEL(listener, "listener", "socketmap", "tcp_table", "exim");
LABEL(map, "map", "none", "postfix", "postfix-tlsrpt", "sts", "verdict");
LABEL(answer, "answer", "secure", "dane-only", "dane", "testing", "match",
      "mismatch", "none", "temporary_error", "permanent_error");
LABEL(source, "source", "hit", "negative", "miss", "coalesced", "refused");
LABEL(what, "what", "policy", "dane");
LABEL(connection, "result", "accepted", "refused", "dropped");
LABEL(outcome, "outcome", "policy", "unchanged", "no_record", "bad_record",
      "dns_failed", "fetch_failed", "no_memory");
LABEL(cause, "result", "ok", "connect", "timeout", "tls", "cert_name",
      "cert_expired", "cert_untrusted", "cert_invalid", "redirect", "status",
      "type", "too_large", "cut", "no_memory");
LABEL(load, "state", "running", "waiting");
LABEL(refresh, "result", "done", "failed");
LABEL(mode, "mode", "none", "testing", "enforce");
LABEL(dns, "result", "ok", "nodata", "nxdomain", "failed", "timeout");
LABEL(secure, "result", "secure", "insecure", "bogus", "failed", "timeout");
LABEL(dane, "state", "not_known", "none", "all", "some", "unusable",
      "insecure_mx", "unknowable");
LABEL(evicted, "kind", "expired", "weak", "live");
LABEL(reason, "reason", "cache", "dns", "refresh");
LABEL(memory, "kind", "resident", "private");

/* Which combinations of listener, map and answer can occur. Exim's protocol
 * has no maps; a query for an unknown map comes from a socketmap listener. */
static bool lookup_goes(const size_t at[METRIC_LABELS_MAX])
{
	if (at[0] == PROTOCOL_EXIM)
		return at[1] == MAP_UNKNOWN && at[2] != ANSWER_DANE &&
		       at[2] != ANSWER_DANE_ONLY && at[2] != ANSWER_MATCH &&
		       at[2] != ANSWER_MISMATCH && at[2] != ANSWER_PERMANENT;
	if (at[1] == MAP_UNKNOWN)
		return at[2] == ANSWER_PERMANENT ||
		       (at[0] == PROTOCOL_TCP_TABLE &&
		        at[2] == ANSWER_TEMPORARY);
	if (at[1] == MAP_VERDICT)
		return at[2] != ANSWER_SECURE && at[2] != ANSWER_DANE &&
		       at[2] != ANSWER_DANE_ONLY;
	if (at[2] == ANSWER_TESTING || at[2] == ANSWER_MATCH ||
	    at[2] == ANSWER_MISMATCH)
		return false;
	return at[1] != MAP_STS ||
	       (at[2] != ANSWER_DANE && at[2] != ANSWER_DANE_ONLY);
}

/* -- rows ------------------------------------------------------------------ */

#define IN(member)                                                             \
	.offset = offsetof(struct metric_values, member),                      \
	.size = sizeof(((struct metric_values *)0)->member)

static const struct metric_row rows[] = {
	{ "mtasts_build_info",
	  METRIC_GAUGE,
	  "",
	  1,
	  "version",
	  "The version of the running daemon",
	  { &version },
	  IN(build_info) },
	{ "mtasts_lookups",
	  METRIC_COUNTER,
	  "",
	  1,
	  "queries answered",
	  "Queries from MTAs that were answered, by listener, map and answer",
	  { &listener, &map, &answer },
	  IN(lookups),
	  .goes = lookup_goes },
	{ "mtasts_policy_lookups",
	  METRIC_COUNTER,
	  "",
	  1,
	  "where from",
	  "How the MTA-STS state of a domain was found: hit, in the cache; "
	  "negative, known to have no policy; miss, by a new discovery; "
	  "coalesced, by a discovery already under way; refused, not at all, "
	  "because too many were under way",
	  { &source },
	  IN(policy_lookups) },
	{ "mtasts_lookup_timeouts",
	  METRIC_COUNTER,
	  "",
	  1,
	  "timed out",
	  "Queries that reached lookup.timeout while they waited for a "
	  "discovery or a DANE look-up",
	  { &what },
	  IN(lookup_timeouts) },
	{ "mtasts_lookups_waiting",
	  METRIC_GAUGE,
	  "",
	  1,
	  "waiting now",
	  "Queries that are waiting for a discovery or a DANE look-up",
	  { &what },
	  IN(lookups_waiting) },
	{ "mtasts_clients", METRIC_GAUGE, "", 1, "clients now",
	  "Open connections from MTAs", IN(clients) },
	{ "mtasts_connections",
	  METRIC_COUNTER,
	  "",
	  1,
	  "connections",
	  "Connections from MTAs: accepted; refused, because limits.clients "
	  "was reached; dropped, because the client broke the protocol",
	  { &connection },
	  IN(connections) },
	{ "mtasts_discoveries",
	  METRIC_COUNTER,
	  "",
	  1,
	  "discoveries",
	  "Policy discoveries that ended, including refreshes and id checks, "
	  "by outcome",
	  { &outcome },
	  IN(discoveries) },
	{ "mtasts_discoveries_running", METRIC_GAUGE, "", 1, "discoveries now",
	  "Policy discoveries that are under way", IN(discoveries_running) },
	{ "mtasts_discovery_seconds", METRIC_HISTOGRAM, "seconds", 1000,
	  "time of discoveries", "Duration of policy discoveries",
	  IN(discovery_times) },
	{ "mtasts_fetches",
	  METRIC_COUNTER,
	  "",
	  1,
	  "HTTPS fetches",
	  "HTTPS fetches of policies that ended, by result",
	  { &cause },
	  IN(fetches) },
	{ "mtasts_fetches_open",
	  METRIC_GAUGE,
	  "",
	  1,
	  "fetches now",
	  "HTTPS fetches that are running or waiting for their turn",
	  { &load },
	  IN(fetches_open) },
	{ "mtasts_refreshes",
	  METRIC_COUNTER,
	  "",
	  1,
	  "refreshes",
	  "Refreshes of policies: done, or failed",
	  { &refresh },
	  IN(refreshes) },
	{ "mtasts_refreshes_running", METRIC_GAUGE, "", 1, "refreshes now",
	  "Refreshes of policies that are under way", IN(refreshes_running) },
	{ "mtasts_refreshes_due", METRIC_GAUGE, "", 1, "refreshes due",
	  "Policies whose refresh is due, under way or not; counted up to 100",
	  IN(refreshes_due) },
	{ "mtasts_refresh_delay_seconds", METRIC_GAUGE, "seconds", 1,
	  "refreshes are late by", "How late the most overdue refresh is",
	  IN(refresh_delay_s) },
	{ "mtasts_policies",
	  METRIC_GAUGE,
	  "",
	  1,
	  "policies on disk",
	  "Policies in the cache, by mode",
	  { &mode },
	  IN(policies) },
	{ "mtasts_policies_failing", METRIC_GAUGE, "", 1, "of these failing",
	  "Policies, except those in mode none, whose last refresh failed",
	  IN(policies_failing) },
	{ "mtasts_policies_ending", METRIC_GAUGE, "", 1, "and ending soon",
	  "Policies in force whose last refresh failed and that expire within "
	  "2 days; counted up to 1000",
	  IN(policies_ending) },
	{ "mtasts_policies_ended", METRIC_COUNTER, "", 1, "policies ended",
	  "Policies that were removed because they had expired",
	  IN(policies_ended) },
	{ "mtasts_absent_domains", METRIC_GAUGE, "", 1, "known absent",
	  "Domains that are known to have no usable policy",
	  IN(absent_domains) },
	{ "mtasts_dns_lookups",
	  METRIC_COUNTER,
	  "",
	  1,
	  "DNS look-ups",
	  "DNS look-ups that ended, by result",
	  { &dns },
	  IN(dns_lookups) },
	{ "mtasts_dns_secure_lookups",
	  METRIC_COUNTER,
	  "",
	  1,
	  "DNSSEC look-ups",
	  "DNS look-ups for DANE that ended, by how far the answer can be "
	  "trusted",
	  { &secure },
	  IN(dns_secure_lookups) },
	{ "mtasts_dane_walks",
	  METRIC_COUNTER,
	  "",
	  1,
	  "DANE look-ups",
	  "Completed checks of whether DANE applies to a next hop, by the "
	  "state that was found",
	  { &dane },
	  IN(dane_checks) },
	{ "mtasts_dane_walks_running", METRIC_GAUGE, "", 1, "DANE look-ups now",
	  "Look-ups for DANE that are under way", IN(dane_checks_running) },
	{ "mtasts_dane_hops", METRIC_GAUGE, "", 1, "DANE known",
	  "Next hops whose DANE state is known and that have no policy",
	  IN(dane_hops) },
	{ "mtasts_dane_on", METRIC_GAUGE, "", 1, "DANE is on",
	  "1 if DANE is looked up, 0 if it is off or the resolver delivers no "
	  "DNSSEC data",
	  IN(dane_on) },
	{ "mtasts_cache_bytes", METRIC_GAUGE, "bytes", 1, "cache in use",
	  "How much of the cache file is in use", IN(cache_bytes) },
	{ "mtasts_cache_max_bytes", METRIC_GAUGE, "bytes", 1, "cache limit",
	  "The size that the cache file may grow to", IN(cache_max_bytes) },
	{ "mtasts_cache_pending_writes", METRIC_GAUGE, "", 1, "not yet on disk",
	  "Changes to the cache that are not on disk yet", IN(cache_pending) },
	{ "mtasts_cache_commits", METRIC_COUNTER, "", 1, "cache commits",
	  "Transactions that were committed to the cache file",
	  IN(cache_commits) },
	{ "mtasts_cache_write_errors", METRIC_COUNTER, "", 1, "write errors",
	  "Attempts to write to the cache file that failed",
	  IN(cache_write_errors) },
	{ "mtasts_cache_evictions",
	  METRIC_COUNTER,
	  "",
	  1,
	  "evicted",
	  "Policies that were removed because the cache was full: expired; "
	  "weak, in mode none or testing; live, in mode enforce and not "
	  "expired",
	  { &evicted },
	  IN(cache_evictions) },
	{ "mtasts_unhealthy",
	  METRIC_GAUGE,
	  "",
	  1,
	  "unhealthy",
	  "1 for each reason why /healthz reports the daemon as unhealthy: the "
	  "cache can't be written, no name server answers, refreshes are late "
	  "by more than an hour",
	  { &reason },
	  IN(unhealthy) },
	{ "mtasts_process_cpu_seconds", METRIC_COUNTER, "seconds", 1000000,
	  "processor time", "Processor time used", IN(process_cpu_us) },
	{ "mtasts_process_memory_bytes",
	  METRIC_GAUGE,
	  "bytes",
	  1,
	  "memory",
	  "Memory in use: resident, including the pages of the cache file that "
	  "are in memory; private, without the pages of any file",
	  { &memory },
	  IN(process_memory) },
	{ "mtasts_process_open_fds", METRIC_GAUGE, "", 1, "descriptors open",
	  "Open file descriptors", IN(process_fds) },
	{ "mtasts_process_max_fds", METRIC_GAUGE, "", 1, "descriptors at most",
	  "Limit of open file descriptors", IN(process_max_fds) },
	{ "mtasts_process_start_time_seconds", METRIC_GAUGE, "seconds", 1,
	  "started", "When the daemon was started, in seconds since 1970",
	  IN(process_start_s) },
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

const struct metric_row *metric_at(size_t index)
{
	return index < ROWS ? &rows[index] : NULL;
}

const char *metric_name(const struct metric_row *row, char text[METRIC_NAME])
{
	snprintf(text, METRIC_NAME, "%s%s", row->name,
	         row->type == METRIC_COUNTER ? "_total" : "");
	return text;
}

/* -- series ---------------------------------------------------------------- */

size_t metric_label_count(const struct metric_row *row)
{
	size_t n = 0;

	while (n < METRIC_LABELS_MAX && row->labels[n])
		n++;
	return n;
}

/* The first label is the outermost. */
static size_t series_index(const struct metric_row *row,
                           const size_t at[METRIC_LABELS_MAX])
{
	size_t value = 0;

	for (size_t i = 0; i < metric_label_count(row); i++)
		value = value * row->labels[i]->count + at[i];
	return value;
}

/* Counts AT up, the last label first; false: it was the last series. */
static bool count_up(const struct metric_row *row, size_t at[METRIC_LABELS_MAX])
{
	for (size_t i = metric_label_count(row); i-- > 0;) {
		if (++at[i] < row->labels[i]->count)
			return true;
		at[i] = 0;
	}
	return false;
}

bool metric_next(const struct metric_row *row, size_t at[METRIC_LABELS_MAX],
                 size_t *value)
{
	while (count_up(row, at)) {
		if (row->goes && !row->goes(at))
			continue;
		*value = series_index(row, at);
		return true;
	}
	return false;
}

bool metric_first(const struct metric_row *row, size_t at[METRIC_LABELS_MAX],
                  size_t *value)
{
	*value = 0;
	for (size_t i = 0; i < METRIC_LABELS_MAX; i++)
		at[i] = 0;
	return !row->goes || row->goes(at) || metric_next(row, at, value);
}

uint64_t metric_value(const struct metric_values *values,
                      const struct metric_row *row, size_t value)
{
	const char *from = (const char *)values + row->offset;

	return ((const uint64_t *)(const void *)from)[value];
}

const struct histogram *metric_histogram(const struct metric_values *values,
                                         const struct metric_row *row)
{
	const char *from = (const char *)values + row->offset;

	return (const struct histogram *)(const void *)from;
}
