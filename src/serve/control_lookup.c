/* SPDX-License-Identifier: BSD-2-Clause */
/* control_lookup.c - the control socket's commands that look something up:
 * lookup (as an MTA would), explain (and why), refresh (now).
 *
 * What Postfix is told is written by reply_write(), as for Postfix itself. */
#include "serve/control_dane.h"
#include "serve/control_hint.h"
#include "serve/control_job.h"

#include "base/log.h"
#include "serve/reply.h"
#include "sts/verdict.h"
#include "wire/answer.h"

#include <stdio.h>

enum {
	/* A walk for an operator may take longer than an MTA would wait, but
	 * must end before mtasts-ctl gives up, after 120 s. */
	WALK_MS = 100 * 1000,
};

static void wake(struct control_job *job)
{
	job->wake(job->arg);
}

/* -- an answer ------------------------------------------------------------- */

/* Puts the reply of MAP under KEY, as socketmap clients get it. */
static void put_reply(json_t **item, const char *key, struct control_job *job,
                      const struct reply_question *question,
                      const struct ask_result *result)
{
	struct buffer reply;

	buffer_init(&reply, SOCKETMAP_REPLY_MAX);
	if (reply_write(question, result, control_job_now_s(job), &reply) ==
	    MTS_OK)
		control_put_slice(item, key, buffer_slice(&reply));
	else
		control_put(item, key, NULL);
	buffer_free(&reply);
}

/* Puts what RESULT means for MX: may mail go there? */
static void put_verdict(json_t **item, struct control_job *job,
                        const struct ask_result *result, const char *mx)
{
	struct reply_question question = { .map = MAP_VERDICT,
		                           .how = job->context->options.how,
		                           .ask = job->question };

	snprintf(question.mx, sizeof(question.mx), "%s", mx);
	control_put_text(item, "mx_host", mx);
	if (result->sts.has_policy)
		control_put_bool(item, "match",
		                 verdict_mx_matches(&result->sts.entry.policy,
		                                    slice_str(mx)));
	put_reply(item, "verdict", job, &question, result);
}

/* A pinned policy has neither record nor fetch nor end. */
static void put_policy(json_t **item, struct control_job *job,
                       const struct ask_result *result)
{
	const struct cache_entry *entry = &result->sts.entry;

	if (result->word) {
		control_put_text(item, "mode",
		                 policy_mode_text(entry->policy.mode));
		control_put_text(item, "id", entry->id);
	} else {
		control_put_policy(item, entry, control_job_now_s(job));
	}
	control_put_mx(item, &entry->policy);
}

/* Puts all that a look-up tells. MX may be NULL. */
static void put_result(json_t **item, struct control_job *job,
                       const struct ask_result *result, const char *mx)
{
	struct reply_question question = { .map = MAP_POSTFIX,
		                           .how = job->context->options.how,
		                           .ask = job->question };

	control_put_text(item, "source", ask_source_text(result));
	control_put_bool(item, "has_policy", result->sts.has_policy);
	if (result->sts.has_policy)
		put_policy(item, job, result);
	else
		control_put_text(item, "reason", result->sts.reason);
	control_put(item, "dane",
	            control_dane_known(&job->question.hop, result));
	put_reply(item, "answer", job, &question, result);
	control_put_text(item, "why", control_why(result));
	if (mx)
		put_verdict(item, job, result, mx);
}

/* As map postfix asks. */
static void set_manner(struct control_job *job)
{
	const struct answer_manner *how = &job->context->options.how;

	job->question.with_dane = true;
	job->question.enforce_testing = how->enforce_testing;
	job->question.strict_mx = how->strict_mx;
}

/* Takes argument 0 as the next hop. A key that names none is not the operator's
 * error: an MTA that asks with it is told that there is no policy, and so is
 * he. That ends the command as END, and returns false. */
static bool take_hop(struct control_job *job, enum control_end end)
{
	struct slice key = job->request.argv[0];
	struct fault why = { 0 };
	int rc =
	    domain_hop_from_key(key.data, key.len, &job->question.hop, &why);
	json_t *item;

	set_manner(job);
	if (rc == MTS_OK)
		return true;
	item = rc == MTS_ENOMEM ? NULL : json_object();
	control_put_slice(&item, "domain", key);
	control_put_text(&item, "source", "no_domain");
	control_put_bool(&item, "has_policy", false);
	control_put_text(&item, "reason", why.text);
	control_put_text(&item, "answer", ANSWER_NOT_FOUND);
	if (control_job_say(job, &item))
		control_job_end(job, end, NULL);
	return false;
}

static const char *domain_name(const struct control_job *job)
{
	return job->question.hop.domain.name;
}

/* Notes that a look-up is out, or that it could not be started. */
static void wait_for(struct control_job *job, int rc)
{
	if (rc == MTS_OK)
		job->state = CONTROL_JOB_WAITING;
	else if (rc == MTS_ENOMEM)
		control_job_fail(job);
	else
		control_job_end(job, CONTROL_END_NO, mts_status_text(rc));
}

/* -- lookup ---------------------------------------------------------------- */

static void end_lookup(struct control_job *job, const struct ask_result *result)
{
	json_t *item = json_object();

	control_put_text(&item, "domain", domain_name(job));
	put_result(&item, job, result, control_job_arg(job, 1));
	if (control_job_say(job, &item))
		control_job_end(job, control_end_if(result->sts.has_policy),
		                NULL);
}

static void on_answer(void *arg, const struct ask_result *result)
{
	struct control_job *job = arg;

	job->waiter = NULL;
	end_lookup(job, result);
	wake(job);
}

void control_job_lookup(struct control_job *job)
{
	struct ask *ask = job->context->options.ask;
	struct ask_result result;

	if (!take_hop(job, CONTROL_END_NO))
		return;
	if (ask_try(ask, &job->question, &result) == MTS_OK)
		end_lookup(job, &result);
	else
		wait_for(job, ask_wait(ask, &job->question, &result, on_answer,
		                       job, &job->waiter));
}

/* -- a walk ---------------------------------------------------------------- */

/* True if the walk came to its end: a policy, or a proof that there is none. */
static bool walk_is_good(const struct ask_result *result)
{
	const struct discover_result *discovery = result->sts.discovery;

	if (result->walk && result->walk->state == DANE_UNKNOWABLE)
		return false;
	return discovery && (discovery->outcome == DISCOVER_POLICY ||
	                     discovery->outcome == DISCOVER_UNCHANGED ||
	                     discovery->outcome == DISCOVER_NO_RECORD);
}

static void put_outcome(json_t **item, const struct ask_result *result)
{
	const struct discover_result *discovery = result->sts.discovery;

	control_put_text(item, "outcome",
	                 discovery ? discover_outcome_text(discovery->outcome)
	                           : "timed_out");
	control_put_text(item, "detail",
	                 discovery ? discovery->reason : result->sts.reason);
	if (discovery && discovery->outcome == DISCOVER_FETCH_FAILED)
		control_put_text(item, "cause",
		                 fetch_cause_text(discovery->cause));
	if (result->walk)
		control_put_text(item, "dane_detail", result->walk->reason);
}

/* Puts the outcome where the operator's word stands: there is no walk. */
static void put_word(json_t **item)
{
	control_put_text(item, "outcome", "operator");
	control_put_text(
	    item, "detail",
	    "nothing is looked up: the configuration (domains:) says "
	    "what counts");
}

/* -- explain --------------------------------------------------------------- */

/* What an MTA would be told at once; null where it would have to wait. */
static json_t *answer_now(struct control_job *job, int tried,
                          const struct ask_result *result)
{
	json_t *object;

	if (tried != MTS_OK)
		return json_null();
	object = json_object();
	put_result(&object, job, result, NULL);
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

	control_put_text(&item, "domain", domain_name(job));
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

static void on_explain(void *arg, const struct ask_result *result)
{
	struct control_job *job = arg;
	json_t *item;

	job->waiter = NULL;
	if (say_steps(job, result->sts.discovery) &&
	    say_dane_steps(job, result->walk)) {
		item = json_object();
		put_outcome(&item, result);
		put_result(&item, job, result, NULL);
		control_put_text(&item, "hint", control_hint(result));
		if (control_job_say(job, &item))
			control_job_end(
			    job, control_end_if(walk_is_good(result)), NULL);
	}
	wake(job);
}

static void explain_word(struct control_job *job,
                         const struct ask_result *result)
{
	json_t *item = json_object();

	put_word(&item);
	put_result(&item, job, result, NULL);
	control_put_text(&item, "hint",
	                 "to have it looked up again, take the domain out of "
	                 "domains: in the configuration");
	if (control_job_say(job, &item))
		control_job_end(job, CONTROL_END_DONE, NULL);
}

void control_job_explain(struct control_job *job)
{
	struct ask *ask = job->context->options.ask;
	struct ask_result result;
	int tried;

	if (!take_hop(job, CONTROL_END_DONE))
		return;
	tried = ask_try(ask, &job->question, &result);
	if (!say_known(job, tried, &result))
		return;
	if (result.word) {
		explain_word(job, &result);
		return;
	}
	/* The walk's result goes to the cache. */
	log_info("control_explain user=%s domain=%s", job->user,
	         domain_name(job));
	wait_for(job, ask_refresh(ask, &job->question, WALK_MS, on_explain, job,
	                          &job->waiter));
}

/* -- refresh --------------------------------------------------------------- */

static void on_refresh(void *arg, const struct ask_result *result)
{
	struct control_job *job = arg;
	json_t *item = json_object();

	job->waiter = NULL;
	if (!walk_is_good(result))
		job->missing = true;
	control_put_text(&item, "domain", domain_name(job));
	put_outcome(&item, result);
	put_result(&item, job, result, NULL);
	if (control_job_say(job, &item))
		job->state = CONTROL_JOB_READY;
	wake(job);
}

static void refresh_word(struct control_job *job,
                         const struct ask_result *result)
{
	json_t *item = json_object();

	control_put_text(&item, "domain", domain_name(job));
	put_word(&item);
	put_result(&item, job, result, NULL);
	(void)control_job_say(job, &item);
}

/* One domain a step, one after the other. */
void control_job_refresh(struct control_job *job)
{
	struct ask *ask = job->context->options.ask;
	struct ask_result result;

	if (job->next == 0 && !control_job_check_domains(job))
		return;
	if (job->next == job->request.argc) {
		control_job_end(job, control_end_if(!job->missing), NULL);
		return;
	}
	if (!control_job_hop_arg(job, job->next++, &job->question.hop))
		return;
	set_manner(job);
	if (ask_word(ask, &job->question, &result)) {
		refresh_word(job, &result);
		return;
	}
	log_info("control_refresh user=%s domain=%s", job->user,
	         domain_name(job));
	wait_for(job, ask_refresh(ask, &job->question, WALK_MS, on_refresh, job,
	                          &job->waiter));
}
