/* SPDX-License-Identifier: BSD-2-Clause */
/* control_explain.c - the control socket's answer to "why is this mail stuck?".
 *
 * First what an MTA is told now and what is known; then everything is looked up,
 * the MX hosts first, and each step shown; at last what that means. */
#include "control/control_answer.h"
#include "control/control_dane.h"
#include "control/control_hint.h"

#include "base/log.h"
#include "sts/verdict.h"

enum { MX_MS = 10 * 1000 }; /* for the MX hosts, before the walk begins */

static void wake(struct control_job *job)
{
	job->wake(job->arg);
}

/* Nothing is missing but that the policy is on disk: an MTA waits for that, but
 * is told the same. */
static bool is_unsaved_only(const struct ask_result *result)
{
	return !result->sts_known && result->sts.has_policy &&
	       result->dane.state != DANE_UNKNOWABLE &&
	       (!result->strict_mx || result->hosts.known);
}

/* What an MTA would be told at once; null where it would have to wait. */
static json_t *answer_now(struct control_job *job, int tried,
                          const struct ask_result *result)
{
	json_t *object;

	if (tried != MTS_OK && !is_unsaved_only(result))
		return json_null();
	object = json_object();
	control_put_result(&object, job, result, NULL);
	return object;
}

static json_t *cached_now(struct control_job *job)
{
	struct cache_entry entry;
	json_t *object;

	if (cache_get(job->context->options.cache, &job->question.hop.domain,
	              &entry) != MTS_OK)
		return json_null();
	object = json_object();
	control_put_entry(&object, &entry,
	                  lookups_schedule(job->context->options.lookups),
	                  control_job_now_s(job));
	return object;
}

static json_t *absent_now(struct control_job *job)
{
	const struct control_options *options = &job->context->options;
	struct absent_entry entry;

	if (absent_get(options->absent, &job->question.hop.domain, &entry) !=
	    MTS_OK)
		return json_null();
	return control_json_absent(&entry, clock_mono_ms(options->clock));
}

/* Says what is known before the walk, TRIED being what ask_try() said. */
static bool say_known(struct control_job *job, int tried,
                      const struct ask_result *result)
{
	json_t *item = json_object();

	control_put_text(&item, "domain", control_job_domain(job));
	control_put(&item, "now", answer_now(job, tried, result));
	control_put(&item, "cached", cached_now(job));
	control_put(&item, "absent", absent_now(job));
	return control_job_say(job, &item);
}

static bool say_steps(struct control_job *job,
                      const struct discover_result *discovery)
{
	for (size_t i = 0; discovery && i < discovery->step_count; i++) {
		json_t *item = json_object();

		control_put(&item, "step",
		            control_json_step(&discovery->steps[i]));
		if (!control_job_say(job, &item))
			return false;
	}
	return true;
}

static bool say_dane_steps(struct control_job *job,
                           const struct dane_result *walk)
{
	for (size_t i = 0; walk && i < walk->step_count; i++) {
		json_t *item = json_object();

		control_put(&item, "dane_step",
		            control_dane_step(&walk->steps[i]));
		if (!control_job_say(job, &item))
			return false;
	}
	return true;
}

/* -- what it means --------------------------------------------------------- */

/* The MX hosts, each with whether the policy names it; null: they could not be
 * looked up. */
static json_t *hosts_array(const struct control_case *it)
{
	const struct ask_result *result = it->result;
	struct slice names = it->hosts->names;
	json_t *array;

	if (!it->hosts->known)
		return json_null();
	array = json_array();
	for (size_t at = 0; array && at < names.len;
	     at += strlen(names.data + at) + 1) {
		json_t *host = json_object();

		control_put_text(&host, "name", names.data + at);
		if (result->sts.has_policy)
			control_put_bool(
			    &host, "covered",
			    verdict_mx_matches(&result->sts.entry.policy,
			                       slice_str(names.data + at)));
		if (json_array_append_new(array, host) != 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

/* What came of the look-up for the MX hosts, if there was one. */
static const struct mx_hosts *find_hosts(struct control_job *job,
                                         struct mx_hosts *hosts)
{
	const struct control_options *options = &job->context->options;

	if (job->question.hop.direct ||
	    mx_sets_get(options->mx_sets, &job->question.hop.domain, hosts) !=
	        MTS_OK)
		return NULL;
	return hosts;
}

static void put_conclusion(json_t **item, struct control_job *job,
                           const struct ask_result *result)
{
	struct control_case it = { .result = result };
	struct mx_hosts hosts;

	control_put_result(item, job, result, NULL);
	if (!result->override)
		it.hosts = find_hosts(job, &hosts);
	if (it.hosts) {
		control_put(item, "mx_hosts", hosts_array(&it));
		if (!it.hosts->known)
			control_put_text(item, "mx_reason", it.hosts->reason);
	}
	control_put_words(item, "mail", job, control_mail(&it), NULL);
	control_put_words(item, "hint", job, control_hint(&it),
	                  control_hint_more(&it));
}

/* -- the walk -------------------------------------------------------------- */

static void on_explain(void *arg, const struct ask_result *result)
{
	struct control_job *job = arg;
	json_t *item;

	job->waiter = NULL;
	if (say_steps(job, result->sts.discovery) &&
	    say_dane_steps(job, result->walk)) {
		item = json_object();
		control_put_outcome(&item, result);
		put_conclusion(&item, job, result);
		if (control_job_say(job, &item))
			control_job_end(
			    job, control_end_if(control_walk_is_good(result)),
			    NULL);
	}
	wake(job);
}

static void start_walk(struct control_job *job)
{
	control_job_wait(job, ask_refresh(job->context->options.ask,
	                                  &job->question, CONTROL_WALK_MS,
	                                  on_explain, job, &job->waiter));
}

/* What they are is asked for at the end; here it counts that they were looked
 * up. */
static void on_hosts(void *arg, const struct mx_hosts *result)
{
	struct control_job *job = arg;

	(void)result;
	start_walk(job);
	wake(job);
}

/* Has the MX hosts looked up; true if that is out. */
static bool ask_hosts(struct control_job *job)
{
	struct mx_sets *sets = job->context->options.mx_sets;
	const struct domain *domain = &job->question.hop.domain;

	if (job->question.hop.direct)
		return false;
	return mx_sets_wait(sets, domain, MX_MS, on_hosts, job,
	                    &job->mx_waiter) == MTS_OK;
}

static void explain_word(struct control_job *job,
                         const struct ask_result *result)
{
	json_t *item = json_object();

	control_put_word(&item);
	put_conclusion(&item, job, result);
	if (control_job_say(job, &item))
		control_job_end(job, CONTROL_END_DONE, NULL);
}

void control_job_explain(struct control_job *job)
{
	struct ask *ask = job->context->options.ask;
	struct ask_result result;
	int tried;

	if (!control_job_take_hop(job, CONTROL_END_DONE))
		return;
	tried = ask_try(ask, &job->question, &result);
	if (!say_known(job, tried, &result))
		return;
	if (result.override) {
		explain_word(job, &result);
		return;
	}
	/* The walk's result goes to the cache. */
	log_info("control_explain %s domain=%s", job->who,
	         control_job_domain(job));
	if (ask_hosts(job))
		job->state = CONTROL_JOB_WAITING;
	else
		start_walk(job);
}
