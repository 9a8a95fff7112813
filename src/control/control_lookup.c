/* SPDX-License-Identifier: BSD-2-Clause */
/* control_lookup.c - the commands that look something up: lookup (as an MTA
 * would), refresh (now) and explain (why is this mail stuck?).
 *
 * All three write the answer that Postfix would get, with the code that
 * writes it for Postfix (reply_write()). explain first writes what is known,
 * then looks up the MX hosts and the policy and writes each step, and ends
 * with what that means for the mail. */
#include "control/control_hint.h"
#include "control/control_job.h"

#include "base/log.h"
#include "serve/reply.h"
#include "sts/verdict.h"
#include "wire/answer.h"

#include <stdio.h>

enum {
	/* An operator may wait longer than an MTA would, but the look-up, and
	 * that of the MX hosts before it, must end before mtasts-ctl gives up
	 * after 120 s. */
	LOOKUP_MS = 100 * 1000,
	MX_MS = 10 * 1000,
	SENTENCE_MAX = 4096, /* a few sentences, each with a domain or two */
};

/* The policy domain that is being looked up. */
static const char *job_domain(const struct control_job *job)
{
	return job->lookup.question.hop.domain.name;
}

static void wake_peer(struct control_job *job)
{
	job->wake(job->arg);
}

/* -- an answer ------------------------------------------------------------- */

/* Puts the reply to QUESTION under KEY, as a socketmap client would get it. */
static void put_mta_reply(json_t **item, const char *key,
                          struct control_job *job,
                          const struct reply_question *question,
                          const struct ask_result *result)
{
	struct buffer reply;

	buffer_init(&reply, SOCKETMAP_REPLY_MAX);
	if (reply_write(question, result, job->context->options.clock,
	                &reply) == MTS_OK)
		control_put_slice(item, key, buffer_slice(&reply));
	else
		control_put(item, key, NULL);
	buffer_free(&reply);
}

/* Puts whether the policy allows mail to the host MX. */
static void put_mx_verdict(json_t **item, struct control_job *job,
                           const struct ask_result *result, const char *mx)
{
	struct reply_question question = { .map = MAP_VERDICT,
		                           .how = job->context->options.how,
		                           .ask = job->lookup.question };

	snprintf(question.mx, sizeof(question.mx), "%s", mx);
	control_put_text(item, "mx_host", mx);
	if (result->sts.has_policy)
		control_put_bool(item, "match",
		                 verdict_mx_matches(&result->sts.entry.policy,
		                                    slice_str(mx)));
	put_mta_reply(item, "verdict", job, &question, result);
}

/* A policy pinned in the configuration has no record, was never fetched and
 * does not expire. */
static void put_policy_in_force(json_t **item, struct control_job *job,
                                const struct ask_result *result)
{
	const struct cache_entry *entry = &result->sts.entry;

	if (result->override) {
		control_put_text(item, "mode",
		                 policy_mode_text(entry->policy.mode));
		control_put_text(item, "id", entry->id);
	} else {
		control_put_policy(item, entry, control_job_now_s(job));
	}
	control_put_mx(item, &entry->policy);
}

/* Appends SENTENCE with the domain in place of each "DOMAIN". */
static void put_named_sentence(struct buffer *out, const char *sentence,
                               const char *domain)
{
	static const char name[] = "DOMAIN";
	const char *at;

	while ((at = strstr(sentence, name))) {
		buffer_put(out, sentence, (size_t)(at - sentence));
		buffer_puts(out, domain);
		sentence = at + strlen(name);
	}
	buffer_puts(out, sentence);
}

/* Puts SENTENCE (of control_hint.h) under KEY, and MORE (may be NULL) behind
 * it. */
static void put_sentence(json_t **item, const char *key,
                         const struct control_job *job, const char *sentence,
                         const char *more)
{
	struct buffer text;

	buffer_init(&text, SENTENCE_MAX);
	put_named_sentence(&text, sentence, job_domain(job));
	if (more) {
		buffer_puts(&text, "; ");
		put_named_sentence(&text, more, job_domain(job));
	}
	if (buffer_status(&text) == MTS_OK)
		control_put_slice(item, key, buffer_slice(&text));
	else
		control_put(item, key, NULL);
	buffer_free(&text);
}

/* Puts everything that a look-up has found. MX may be NULL. */
static void put_result(json_t **item, struct control_job *job,
                       const struct ask_result *result, const char *mx)
{
	struct reply_question question = { .map = MAP_POSTFIX,
		                           .how = job->context->options.how,
		                           .ask = job->lookup.question };

	control_put_text(item, "source", ask_source_text(result));
	control_put_bool(item, "has_policy", result->sts.has_policy);
	if (result->sts.has_policy)
		put_policy_in_force(item, job, result);
	else
		control_put_text(item, "reason", result->sts.reason);
	control_put(item, "dane",
	            control_json_dane(&job->lookup.question.hop, result));
	put_mta_reply(item, "answer", job, &question, result);
	put_sentence(item, "why", job, control_why(result),
	             control_why_still(result));
	if (mx)
		put_mx_verdict(item, job, result, mx);
}

/* Asks as the map postfix asks. */
static void set_question_options(struct control_job *job)
{
	const struct answer_manner *how = &job->context->options.how;

	job->lookup.question.with_dane = true;
	job->lookup.question.enforce_testing = how->enforce_testing;
	job->lookup.question.strict_mx = how->strict_mx;
}

/* Takes argument 0 as the next hop. A key that is not a domain is no error:
 * an MTA that asks for it gets "no policy", and so does the operator. That
 * ends the command as END and returns false. */
static bool take_next_hop(struct control_job *job, enum control_end end)
{
	struct slice key = job->request.argv[0];
	struct fault why = { 0 };
	int rc = domain_hop_from_key(key.data, key.len,
	                             &job->lookup.question.hop, &why);
	json_t *item;

	set_question_options(job);
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

/* Waits for a look-up, or ends the command if RC says that none was started. */
static void await_lookup_result(struct control_job *job, int rc)
{
	if (rc == MTS_OK)
		job->state = CONTROL_JOB_WAITING;
	else if (rc == MTS_ENOMEM)
		control_job_fail(job);
	else
		control_job_end(job, CONTROL_END_NO, mts_status_text(rc));
}

/* -- how a look-up ended
 * ----------------------------------------------------- */

/* True if the look-up was conclusive: a policy, or proof that there is none. */
static bool is_conclusive(const struct ask_result *result)
{
	const struct discover_result *discovery = result->sts.discovery;

	if (result->dane_check && result->dane_check->state == DANE_UNKNOWABLE)
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
	if (result->dane_check)
		control_put_text(item, "dane_detail",
		                 result->dane_check->reason);
}

/* The same where the configuration overrides the look-up. */
static void put_override(json_t **item)
{
	control_put_text(item, "outcome", "operator");
	control_put_text(
	    item, "detail",
	    "not looked up: the configuration (domains:) overrides the "
	    "domain's policy");
}

/* -- lookup ---------------------------------------------------------------- */

static void end_lookup(struct control_job *job, const struct ask_result *result)
{
	json_t *item = json_object();

	control_put_text(&item, "domain", job_domain(job));
	put_result(&item, job, result, control_job_arg(job, 1));
	if (control_job_say(job, &item))
		control_job_end(job, control_end_if(result->sts.has_policy),
		                NULL);
}

static void lookup_on_answer(void *arg, const struct ask_result *result)
{
	struct control_job *job = arg;

	job->lookup.waiter = NULL;
	end_lookup(job, result);
	wake_peer(job);
}

void control_step_lookup(struct control_job *job)
{
	struct ask *ask = job->context->options.ask;
	struct ask_result result;

	if (!take_next_hop(job, CONTROL_END_NO))
		return;
	if (ask_try(ask, &job->lookup.question, &result) == MTS_OK)
		end_lookup(job, &result);
	else
		await_lookup_result(job, ask_wait(ask, &job->lookup.question,
		                                  &result, lookup_on_answer,
		                                  job, &job->lookup.waiter));
}

/* -- refresh --------------------------------------------------------------- */

static void refresh_on_answer(void *arg, const struct ask_result *result)
{
	struct control_job *job = arg;
	json_t *item = json_object();

	job->lookup.waiter = NULL;
	if (!is_conclusive(result))
		job->missing = true;
	control_put_text(&item, "domain", job_domain(job));
	put_outcome(&item, result);
	put_result(&item, job, result, NULL);
	if (control_job_say(job, &item))
		job->state = CONTROL_JOB_READY;
	wake_peer(job);
}

static void refresh_override(struct control_job *job,
                             const struct ask_result *result)
{
	json_t *item = json_object();

	control_put_text(&item, "domain", job_domain(job));
	put_override(&item);
	put_result(&item, job, result, NULL);
	(void)control_job_say(job, &item);
}

/* One domain a step, so that they are looked up one after the other. */
void control_step_refresh(struct control_job *job)
{
	struct ask *ask = job->context->options.ask;
	struct ask_result result;

	if (job->next == 0 && !control_job_check_domains(job))
		return;
	if (job->next == job->request.argc) {
		control_job_end(job, control_end_if(!job->missing), NULL);
		return;
	}
	if (!control_job_hop_arg(job, job->next++, &job->lookup.question.hop))
		return;
	set_question_options(job);
	if (ask_override(ask, &job->lookup.question, &result)) {
		refresh_override(job, &result);
		return;
	}
	log_info("control_refresh %s domain=%s", job->who, job_domain(job));
	await_lookup_result(job, ask_refresh(ask, &job->lookup.question,
	                                     LOOKUP_MS, refresh_on_answer, job,
	                                     &job->lookup.waiter));
}

/* -- explain --------------------------------------------------------------- */

/* Everything is known, but the policy is not on disk yet. An MTA waits for
 * that, and then gets this answer. */
static bool is_unsaved_only(const struct ask_result *result)
{
	return !result->sts_known && result->sts.has_policy &&
	       result->dane.state != DANE_UNKNOWABLE &&
	       (!result->strict_mx || result->hosts.known);
}

/* What an MTA would be told at once; null if it would have to wait. */
static json_t *answer_now(struct control_job *job, int tried,
                          const struct ask_result *result)
{
	json_t *object;

	if (tried != MTS_OK && !is_unsaved_only(result))
		return json_null();
	object = json_object();
	put_result(&object, job, result, NULL);
	return object;
}

static json_t *cached_now(struct control_job *job)
{
	struct cache_entry entry;
	json_t *object;

	if (cache_get(job->context->options.cache,
	              &job->lookup.question.hop.domain, &entry) != MTS_OK)
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

	if (absent_get(options->absent, &job->lookup.question.hop.domain,
	               &entry) != MTS_OK)
		return json_null();
	return control_json_absent(&entry, clock_mono_ms(options->clock));
}

/* Writes what is known before the look-up. TRIED is what ask_try() returned. */
static bool say_known(struct control_job *job, int tried,
                      const struct ask_result *result)
{
	json_t *item = json_object();

	control_put_text(&item, "domain", job_domain(job));
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
                           const struct dane_result *dane)
{
	for (size_t i = 0; dane && i < dane->step_count; i++) {
		json_t *item = json_object();

		control_put(&item, "dane_step",
		            control_json_dane_step(&dane->steps[i]));
		if (!control_job_say(job, &item))
			return false;
	}
	return true;
}

/* -- explain: what it means
 * --------------------------------------------------------- */

/* The MX hosts, each with whether the policy covers it; null: they could not be
 * looked up. */
static json_t *mx_hosts_array(const struct control_case *it)
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

/* The MX hosts, if they were looked up; NULL if not. */
static const struct mx_hosts *find_mx_hosts(struct control_job *job,
                                            struct mx_hosts *hosts)
{
	const struct control_options *options = &job->context->options;

	if (job->lookup.question.hop.direct ||
	    mx_sets_get(options->mx_sets, &job->lookup.question.hop.domain,
	                hosts) != MTS_OK)
		return NULL;
	return hosts;
}

static void put_conclusion(json_t **item, struct control_job *job,
                           const struct ask_result *result)
{
	struct control_case it = { .result = result };
	struct mx_hosts hosts;

	put_result(item, job, result, NULL);
	if (!result->override)
		it.hosts = find_mx_hosts(job, &hosts);
	if (it.hosts) {
		control_put(item, "mx_hosts", mx_hosts_array(&it));
		if (!it.hosts->known)
			control_put_text(item, "mx_reason", it.hosts->reason);
	}
	put_sentence(item, "mail", job, control_mail(&it), NULL);
	put_sentence(item, "hint", job, control_hint(&it),
	             control_hint_more(&it));
}

/* -- explain: the look-up
 * -------------------------------------------------------------- */

static void explain_on_answer(void *arg, const struct ask_result *result)
{
	struct control_job *job = arg;
	json_t *item;

	job->lookup.waiter = NULL;
	if (say_steps(job, result->sts.discovery) &&
	    say_dane_steps(job, result->dane_check)) {
		item = json_object();
		put_outcome(&item, result);
		put_conclusion(&item, job, result);
		if (control_job_say(job, &item))
			control_job_end(
			    job, control_end_if(is_conclusive(result)), NULL);
	}
	wake_peer(job);
}

static void start_explain_lookup(struct control_job *job)
{
	await_lookup_result(job, ask_refresh(job->context->options.ask,
	                                     &job->lookup.question, LOOKUP_MS,
	                                     explain_on_answer, job,
	                                     &job->lookup.waiter));
}

/* The hosts are remembered; find_mx_hosts() gets them at the end. */
static void explain_on_mx_hosts(void *arg, const struct mx_hosts *result)
{
	struct control_job *job = arg;

	(void)result;
	start_explain_lookup(job);
	wake_peer(job);
}

/* Starts the look-up of the MX hosts; true if it is under way. */
static bool start_mx_lookup(struct control_job *job)
{
	struct mx_sets *sets = job->context->options.mx_sets;
	const struct domain *domain = &job->lookup.question.hop.domain;

	if (job->lookup.question.hop.direct)
		return false;
	return mx_sets_wait(sets, domain, MX_MS, explain_on_mx_hosts, job,
	                    &job->lookup.mx_waiter) == MTS_OK;
}

static void explain_override(struct control_job *job,
                             const struct ask_result *result)
{
	json_t *item = json_object();

	put_override(&item);
	put_conclusion(&item, job, result);
	if (control_job_say(job, &item))
		control_job_end(job, CONTROL_END_DONE, NULL);
}

void control_step_explain(struct control_job *job)
{
	struct ask *ask = job->context->options.ask;
	struct ask_result result;
	int tried;

	if (!take_next_hop(job, CONTROL_END_DONE))
		return;
	tried = ask_try(ask, &job->lookup.question, &result);
	if (!say_known(job, tried, &result))
		return;
	if (result.override) {
		explain_override(job, &result);
		return;
	}
	/* Logged, since it may change the cache. */
	log_info("control_explain %s domain=%s", job->who, job_domain(job));
	if (start_mx_lookup(job))
		job->state = CONTROL_JOB_WAITING;
	else
		start_explain_lookup(job);
}
