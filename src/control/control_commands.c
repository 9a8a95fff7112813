/* SPDX-License-Identifier: BSD-2-Clause */
/* control_commands.c - what each command of the control socket answers; those
 * that look something up are in control_lookup.c, those that show policies in
 * control_list.c.
 *
 * Whatever changes something is logged with the operator's name. */
#include "control/control_dane.h"
#include "control/control_job.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	/* Domains forgotten in one step. */
	FLUSH_CHUNK = 100,
};

/* -- what commands are made of --------------------------------------------- */

void control_job_fail(struct control_job *job)
{
	control_job_cancel(job);
	job->state = CONTROL_JOB_FAILED;
}

bool control_job_say(struct control_job *job, json_t **item)
{
	if (control_json_write(job->out, item) == MTS_OK)
		return true;
	control_job_fail(job);
	return false;
}

void control_job_end(struct control_job *job, enum control_end end,
                     const char *error)
{
	json_t *item = json_object();

	control_put_bool(&item, "end", true);
	control_put_int(&item, "status", end);
	if (error)
		control_put_text(&item, "error", error);
	if (control_job_say(job, &item))
		control_job_cancel(job);
}

const char *control_job_arg(const struct control_job *job, size_t i)
{
	return i < job->request.argc ? job->request.argv[i].data : NULL;
}

bool control_job_hop_arg(struct control_job *job, size_t i,
                         struct domain_hop *ret)
{
	struct slice arg = job->request.argv[i];
	struct fault why = { 0 };
	int rc = domain_hop_from_key(arg.data, arg.len, ret, &why);

	if (rc == MTS_OK)
		return true;
	if (rc == MTS_ENOMEM)
		control_job_fail(job);
	else
		control_job_end(job, CONTROL_END_BAD, why.text);
	return false;
}

bool control_job_domain_arg(struct control_job *job, size_t i,
                            struct domain *ret)
{
	struct domain_hop hop;

	if (!control_job_hop_arg(job, i, &hop))
		return false;
	*ret = hop.domain;
	return true;
}

bool control_job_check_domains(struct control_job *job)
{
	struct domain domain;

	for (size_t i = 0; i < job->request.argc; i++) {
		if (!control_job_domain_arg(job, i, &domain))
			return false;
	}
	return true;
}

int64_t control_job_now_s(const struct control_job *job)
{
	return clock_wall_s(job->context->options.clock);
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

/* What is wrong, as texts. */
static json_t *reasons_array(unsigned reasons)
{
	json_t *array = json_array();

	for (unsigned i = 0; array && i < HEALTH_REASONS; i++) {
		if (!(reasons >> i & 1) ||
		    json_array_append_new(array, json_string(health_text(i))) ==
		        0)
			continue;
		json_decref(array);
		array = NULL;
	}
	return array;
}

static void step_status(struct control_job *job)
{
	const struct control_options *options = &job->context->options;
	unsigned reasons = health_look(options->sources);
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
	control_put(&item, "dane", control_dane_status(options));
	control_put_count(&item, "domains",
	                  overrides_count(options->overrides));
	control_put(&item, "reload", control_last_reload(options));
	control_put(&item, "refreshes", refreshes_object(options->refresher));
	if (control_job_say(job, &item))
		control_job_end(job, control_end_if(reasons == 0), NULL);
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
	if (options->walks)
		dane_checks_forget_all(options->walks);
	mx_sets_forget_all(options->mx_sets);
	log_info("control_flush %s policies=all absent=all", job->who);
	if (control_job_say(job, &item))
		control_job_end(job, CONTROL_END_DONE, NULL);
}

/* Forgets the domain of HOP, and says what there was. */
static bool flush_domain(struct control_job *job, const struct domain_hop *hop)
{
	const struct control_options *options = &job->context->options;
	const struct domain *domain = &hop->domain;
	struct absent_entry entry;
	bool absent = absent_get(options->absent, domain, &entry) == MTS_OK;
	bool policy = cache_remove(options->cache, domain) == MTS_OK;
	bool dane = options->walks && dane_checks_forget(options->walks, hop);
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
	/* All are looked at before any is forgotten. */
	if (job->next == 0 && !control_job_check_domains(job))
		return;
	for (size_t n = 0; n < FLUSH_CHUNK; n++) {
		if (job->next == job->request.argc) {
			control_job_end(job, control_end_if(!job->missing),
			                NULL);
			return;
		}
		if (!control_job_hop_arg(job, job->next++,
		                         &job->question.hop) ||
		    !flush_domain(job, &job->question.hop))
			return;
	}
}

/* control_parse() has seen to it that there is one of the three. */
static void step_flush(struct control_job *job)
{
	if (control_has(&job->request, CONTROL_FLUSH_ALL))
		flush_all(job);
	else if (control_has(&job->request, CONTROL_FLUSH_NEGATIVE))
		flush_negative(job);
	else
		flush_domains(job);
}

/* -- the command as a whole ------------------------------------------------ */

/* Puts a NUL after each word: what stands there is a blank, or the end. */
static void end_words(struct control_job *job)
{
	for (size_t i = 0; i < job->request.argc; i++) {
		struct slice arg = job->request.argv[i];

		job->line[(size_t)(arg.data - job->line) + arg.len] = '\0';
	}
}

void control_job_start(struct control_job *job, struct slice line)
{
	struct fault why = { 0 };

	control_job_cancel(job);
	job->line = slice_copy(line);
	if (!job->line) {
		control_job_fail(job);
		return;
	}
	if (control_parse(slice_of(job->line, line.len), &job->request, &why) !=
	    MTS_OK) {
		control_job_end(job, CONTROL_END_BAD, why.text);
		return;
	}
	end_words(job);
	job->state = CONTROL_JOB_READY;
}

void control_job_step(struct control_job *job)
{
	switch (job->request.command) {
	case CONTROL_STATUS:
		step_status(job);
		return;
	case CONTROL_STATS:
		control_job_stats(job);
		return;
	case CONTROL_TOP:
		control_job_top(job);
		return;
	case CONTROL_LOOKUP:
		control_job_lookup(job);
		return;
	case CONTROL_EXPLAIN:
		control_job_explain(job);
		return;
	case CONTROL_LIST:
		control_job_list(job);
		return;
	case CONTROL_SHOW:
		control_job_show(job);
		return;
	case CONTROL_EXPORT:
		control_job_export(job);
		return;
	case CONTROL_IMPORT:
		control_job_import(job);
		return;
	case CONTROL_REFRESH:
		control_job_refresh(job);
		return;
	case CONTROL_FLUSH:
		step_flush(job);
		return;
	case CONTROL_RELOAD:
		control_job_reload(job);
		return;
	}
}

void control_job_cancel(struct control_job *job)
{
	if (job->state == CONTROL_JOB_READING)
		control_import_break(job);
	ask_cancel(&job->waiter);
	mx_waiter_cancel(&job->mx_waiter);
	free(job->line);
	job->line = NULL;
	job->request.argc = 0;
	job->next = 0;
	job->found = 0;
	job->over = false;
	job->missing = false;
	job->after[0] = '\0';
	job->state = CONTROL_JOB_IDLE;
}
