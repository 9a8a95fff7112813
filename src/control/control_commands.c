/* SPDX-License-Identifier: BSD-2-Clause */
/* control_commands.c - the commands that need neither the network nor a scan of
 * the cache: status, stats, top, flush and reload.
 *
 * SECURITY: every change is logged with the name of the operator who made
 * it. */
#include "control/control_job.h"

#include "base/log.h"
#include "lookup/top.h"
#include "stats/daemon_health.h"
#include "wire/control_protocol.h"

#include <stdio.h>
#include <unistd.h>

_Static_assert((int)TOP_SPAN_MINUTES_MAX == (int)TOP_MINUTES &&
                   (int)TOP_SPAN_ROWS_MAX == (int)TOP_SLOTS,
               "a request can ask for all that is recorded");

enum {
	FLUSH_CHUNK = 100, /* domains forgotten in one step */
};

/* -- reload ---------------------------------------------------------------- */

/* "a, b" as an array. */
static json_t *names_array(const char *names)
{
	json_t *array = json_array();

	while (array && *names) {
		size_t len = strcspn(names, ",");

		if (json_array_append_new(array, json_stringn(names, len)) <
		    0) {
			json_decref(array);
			return NULL;
		}
		names += len;
		names += strspn(names, ", ");
	}
	return array;
}

void control_step_reload(struct control_job *job)
{
	const struct control_options *options = &job->context->options;
	const struct control_reload *result =
	    options->reload(options->arg, job->who);
	json_t *item;

	if (result->fault.status != MTS_OK) {
		control_job_end(job, CONTROL_END_NO, result->fault.text);
		return;
	}
	item = json_object();
	control_put_text(&item, "config", options->config);
	control_put(&item, "restart", names_array(result->options));
	if (control_job_say(job, &item))
		control_job_end(job, CONTROL_END_DONE, NULL);
}

/* How the last reload went; null if there was none. */
static json_t *last_reload_object(const struct control_options *options)
{
	const struct control_reload *last = options->last_reload;
	json_t *object;

	if (last->when_s == 0)
		return json_null();
	object = json_object();
	control_put_time(&object, "at", last->when_s);
	control_put_bool(&object, "ok", last->fault.status == MTS_OK);
	if (last->fault.status != MTS_OK)
		control_put_text(&object, "error", last->fault.text);
	control_put(&object, "restart", names_array(last->options));
	return object;
}

/* -- status ---------------------------------------------------------------- */

static json_t *clients_object(const struct control_options *options)
{
	struct control_clients clients = { 0 };
	json_t *object = json_object();

	if (options->count_clients)
		options->count_clients(options->arg, &clients);
	control_put_count(&object, "now", clients.now);
	control_put_count(&object, "max", clients.most);
	control_put_count(&object, "total", clients.total);
	control_put_count(&object, "refused", clients.refused);
	return object;
}

static json_t *cache_object(const struct cache_stats *stats)
{
	json_t *object = json_object();

	control_put_count(&object, "policies", stats->policies);
	control_put_count(&object, "bytes_used", stats->bytes_used);
	control_put_count(&object, "bytes_max", stats->bytes_max);
	control_put_count(&object, "pending", stats->pending);
	control_put_count(&object, "commits", stats->commits);
	control_put_count(&object, "write_errors", stats->write_errors);
	control_put_bool(&object, "writable", stats->writable);
	control_put_count(&object, "evicted_expired", stats->evicted_expired);
	control_put_count(&object, "evicted_weak", stats->evicted_weak);
	control_put_count(&object, "evicted_live", stats->evicted_live);
	return object;
}

static json_t *fetcher_object(const struct fetcher *fetcher)
{
	size_t running = 0, waiting = 0;
	json_t *object = json_object();

	fetcher_load(fetcher, &running, &waiting);
	control_put_count(&object, "running", running);
	control_put_count(&object, "waiting", waiting);
	return object;
}

static json_t *lookups_object(const struct lookups *lookups)
{
	struct lookup_counts counts = { 0 };
	json_t *object = json_object();

	lookups_get_counts(lookups, &counts);
	control_put_count(&object, "hits", counts.hits);
	control_put_count(&object, "absent", counts.absent);
	control_put_count(&object, "misses", counts.misses);
	control_put_count(&object, "joined", counts.joined);
	control_put_count(&object, "timed_out", counts.timed_out);
	control_put_count(&object, "discoveries", counts.discoveries);
	control_put_count(&object, "fetched", counts.fetched);
	control_put_count(&object, "fetch_failed", counts.fetch_failed);
	control_put_count(&object, "dns_failed", counts.dns_failed);
	control_put_count(&object, "refused", counts.refused);
	control_put_count(&object, "under_way", counts.under_way);
	control_put_count(&object, "waiting", counts.waiting);
	return object;
}

static json_t *refreshes_object(struct refresher *refresher)
{
	struct refresher_state state = { 0 };
	json_t *object = json_object();

	refresher_get_state(refresher, &state);
	control_put_count(&object, "done", state.done);
	control_put_count(&object, "failed", state.failed);
	control_put_count(&object, "removed", state.removed);
	control_put_count(&object, "under_way", state.under_way);
	control_put_count(&object, "due", state.due);
	control_put_bool(&object, "due_more", state.due >= REFRESHER_DUE_MAX);
	control_put_time(&object, "next", state.next_s);
	return object;
}

static const char *dane_option_text(enum ask_dane mode)
{
	switch (mode) {
	case ASK_DANE_AUTO:
		return "auto";
	case ASK_DANE_ON:
		return "on";
	case ASK_DANE_PRECEDENCE:
		return "precedence";
	case ASK_DANE_OFF:
		break;
	}
	return "off";
}

/* "auto, off now: the resolver strips signatures" */
static void put_dane_summary(json_t **object, enum ask_dane mode, bool on,
                             const char *dns)
{
	struct fault text;

	if (mode == ASK_DANE_OFF)
		fault_set(&text, MTS_OK, "off");
	else
		fault_set(&text, MTS_OK, "%s, %s now: %s",
		          dane_option_text(mode), on ? "on" : "off", dns);
	control_put_text(object, "summary", text.text);
}

static void put_dane_counts(json_t **object,
                            const struct dane_checks *dane_checks)
{
	struct dane_counts counts = { 0 };

	if (dane_checks)
		dane_checks_get_counts(dane_checks, &counts);
	control_put_count(object, "walks", counts.checks);
	control_put_count(object, "unknowable", counts.unknowable);
	control_put_count(object, "joined", counts.joined);
	control_put_count(object, "timed_out", counts.timed_out);
	control_put_count(object, "under_way", counts.under_way);
	control_put_count(object, "waiting", counts.waiting);
	control_put_count(object, "known", counts.known);
}

static json_t *dane_object(const struct control_options *options)
{
	struct secure_dns *dns = options->dns;
	enum secure_dns_health health =
	    dns ? secure_dns_health(dns) : SECURE_DNS_NONE;
	const char *text = dns ? secure_dns_text(dns) : "";
	bool on = options->dane_checks &&
	          dane_checks_reach(options->dane_checks) == DANE_REACH_ON;
	json_t *object = json_object();

	control_put_text(&object, "mode", dane_option_text(options->dane));
	control_put_bool(&object, "on", on);
	control_put_text(&object, "dnssec", secure_dns_health_text(health));
	put_dane_summary(&object, options->dane, on, text);
	put_dane_counts(&object, options->dane_checks);
	return object;
}

static json_t *listeners_array(const struct control_options *options)
{
	json_t *array = json_array();

	for (size_t i = 0; i < options->listener_count; i++) {
		if (json_array_append_new(
			array, json_string(options->listeners[i])) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static void put_process(json_t **item, const struct control_context *context)
{
	const struct control_options *options = &context->options;
	uint64_t up_ms = clock_mono_ms(options->clock) - context->started_ms;

	control_put_text(item, "version", options->version);
	control_put_int(item, "pid", getpid());
	control_put_count(item, "uptime", up_ms / 1000);
	control_put_text(item, "config", options->config);
	control_put_text(item, "control", options->address);
	control_put(item, "listeners", listeners_array(options));
	control_put(item, "clients", clients_object(options));
}

/* What is wrong, in words. */
static json_t *reasons_array(unsigned reasons)
{
	json_t *array = json_array();

	for (unsigned i = 0; array && i < HEALTH_REASONS; i++) {
		if (!(reasons >> i & 1) ||
		    json_array_append_new(
			array, json_string(daemon_health_text(i))) == 0)
			continue;
		json_decref(array);
		array = NULL;
	}
	return array;
}

void control_step_status(struct control_job *job)
{
	const struct control_options *options = &job->context->options;
	unsigned reasons = daemon_health(options->sources);
	struct cache_stats stats = { 0 };
	json_t *item = json_object();

	cache_get_stats(options->cache, &stats);
	control_put_bool(&item, "ok", reasons == 0);
	control_put(&item, "reasons", reasons_array(reasons));
	put_process(&item, job->context);
	control_put(&item, "cache", cache_object(&stats));
	control_put_count(&item, "absent", absent_count(options->absent));
	control_put_text(&item, "resolver",
	                 resolver_servers(options->resolver));
	control_put(&item, "fetcher", fetcher_object(options->fetcher));
	control_put(&item, "lookups", lookups_object(options->lookups));
	control_put(&item, "dane", dane_object(options));
	control_put_count(&item, "domains",
	                  overrides_count(options->overrides));
	control_put(&item, "reload", last_reload_object(options));
	control_put(&item, "refreshes", refreshes_object(options->refresher));
	if (control_job_say(job, &item))
		control_job_end(job, control_end_if(reasons == 0), NULL);
}

/* -- stats ----------------------------------------------------------------- */

void control_step_stats(struct control_job *job)
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

/* Gauges, and counters since the start, from which a screen computes rates. */
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

void control_step_top(struct control_job *job)
{
	const struct control_options *options = &job->context->options;
	struct top_span span;
	json_t *item = json_object();

	/* control_parse() has checked it. */
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

/* -- flush ----------------------------------------------------------------- */

static void flush_negative(struct control_job *job)
{
	struct absent *absent = job->context->options.absent;
	json_t *item = json_object();

	control_put_count(&item, "absent", absent_count(absent));
	absent_remove_all(absent);
	log_info("control_flush %s absent=all", job->who);
	if (control_job_say(job, &item))
		control_job_end(job, CONTROL_END_DONE, NULL);
}

static void flush_all(struct control_job *job)
{
	const struct control_options *options = &job->context->options;
	uint64_t count = 0;
	json_t *item;
	int rc;

	rc = cache_remove_all(options->cache, &count);
	if (rc != MTS_OK) {
		control_job_end(job, CONTROL_END_NO, mts_status_text(rc));
		return;
	}
	item = json_object();
	control_put_count(&item, "policies", count);
	control_put_count(&item, "absent", absent_count(options->absent));
	absent_remove_all(options->absent);
	if (options->dane_table)
		dane_table_remove_all(options->dane_table);
	mx_sets_forget_all(options->mx_sets);
	log_info("control_flush %s policies=all absent=all", job->who);
	if (control_job_say(job, &item))
		control_job_end(job, CONTROL_END_DONE, NULL);
}

/* Forgets the domain of HOP and writes what was known. */
static bool flush_domain(struct control_job *job, const struct domain_hop *hop)
{
	const struct control_options *options = &job->context->options;
	const struct domain *domain = &hop->domain;
	struct absent_entry entry;
	bool absent = absent_get(options->absent, domain, &entry) == MTS_OK;
	bool policy = cache_remove(options->cache, domain) == MTS_OK;
	bool dane =
	    options->dane_table && dane_table_remove(options->dane_table, hop);
	json_t *item = json_object();

	absent_remove(options->absent, domain);
	mx_sets_forget(options->mx_sets, domain);
	if (policy || absent || dane)
		log_info("control_flush %s domain=%s policy=%s absent=%s",
		         job->who, domain->name, policy ? "yes" : "no",
		         absent ? "yes" : "no");
	else
		job->missing = true;
	control_put_text(&item, "domain", domain->name);
	control_put_bool(&item, "policy", policy);
	control_put_bool(&item, "absent", absent);
	control_put_bool(&item, "dane", dane);
	return control_job_say(job, &item);
}

static void flush_domains(struct control_job *job)
{
	struct domain_hop hop;

	/* Check all arguments before any domain is forgotten. */
	if (job->next == 0 && !control_job_check_domains(job))
		return;
	for (size_t n = 0; n < FLUSH_CHUNK; n++) {
		if (job->next == job->request.argc) {
			control_job_end(job, control_end_if(!job->missing),
			                NULL);
			return;
		}
		if (!control_job_hop_arg(job, job->next++, &hop) ||
		    !flush_domain(job, &hop))
			return;
	}
}

/* control_parse() has checked that one of the three is given. */
void control_step_flush(struct control_job *job)
{
	if (control_has(&job->request, CONTROL_FLUSH_ALL))
		flush_all(job);
	else if (control_has(&job->request, CONTROL_FLUSH_NEGATIVE))
		flush_negative(job);
	else
		flush_domains(job);
}
