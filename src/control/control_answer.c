/* SPDX-License-Identifier: BSD-2-Clause */
/* control_answer.c - what the control socket says of a look-up, as JSON.
 *
 * What Postfix is told is written by reply_write(), as for Postfix itself. */
#include "control/control_answer.h"

#include "control/control_dane.h"
#include "control/control_hint.h"
#include "serve/reply.h"
#include "sts/verdict.h"
#include "wire/answer.h"

#include <stdio.h>

enum { WORDS_MAX = 4096 }; /* a few sentences, each with a domain or two */

/* -- an answer ------------------------------------------------------------- */

/* Puts the reply of MAP under KEY, as socketmap clients get it. */
static void put_reply(json_t **item, const char *key, struct control_job *job,
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

	if (result->override) {
		control_put_text(item, "mode",
		                 policy_mode_text(entry->policy.mode));
		control_put_text(item, "id", entry->id);
	} else {
		control_put_policy(item, entry, control_job_now_s(job));
	}
	control_put_mx(item, &entry->policy);
}

/* Appends WORDS with the domain for each DOMAIN. */
static void put_named(struct buffer *out, const char *sentence,
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

void control_put_words(json_t **item, const char *key,
                       const struct control_job *job, const char *sentence,
                       const char *more)
{
	struct buffer text;

	buffer_init(&text, WORDS_MAX);
	put_named(&text, sentence, control_job_domain(job));
	if (more) {
		buffer_puts(&text, "; ");
		put_named(&text, more, control_job_domain(job));
	}
	if (buffer_status(&text) == MTS_OK)
		control_put_slice(item, key, buffer_slice(&text));
	else
		control_put(item, key, NULL);
	buffer_free(&text);
}

void control_put_result(json_t **item, struct control_job *job,
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
	control_put_words(item, "why", job, control_why(result),
	                  control_why_still(result));
	if (mx)
		put_verdict(item, job, result, mx);
}

void control_job_set_manner(struct control_job *job)
{
	const struct answer_manner *how = &job->context->options.how;

	job->question.with_dane = true;
	job->question.enforce_testing = how->enforce_testing;
	job->question.strict_mx = how->strict_mx;
}

bool control_job_take_hop(struct control_job *job, enum control_end end)
{
	struct slice key = job->request.argv[0];
	struct fault why = { 0 };
	int rc =
	    domain_hop_from_key(key.data, key.len, &job->question.hop, &why);
	json_t *item;

	control_job_set_manner(job);
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

const char *control_job_domain(const struct control_job *job)
{
	return job->question.hop.domain.name;
}

void control_job_wait(struct control_job *job, int rc)
{
	if (rc == MTS_OK)
		job->state = CONTROL_JOB_WAITING;
	else if (rc == MTS_ENOMEM)
		control_job_fail(job);
	else
		control_job_end(job, CONTROL_END_NO, mts_status_text(rc));
}

/* -- a walk ---------------------------------------------------------------- */

bool control_walk_is_good(const struct ask_result *result)
{
	const struct discover_result *discovery = result->sts.discovery;

	if (result->walk && result->walk->state == DANE_UNKNOWABLE)
		return false;
	return discovery && (discovery->outcome == DISCOVER_POLICY ||
	                     discovery->outcome == DISCOVER_UNCHANGED ||
	                     discovery->outcome == DISCOVER_NO_RECORD);
}

void control_put_outcome(json_t **item, const struct ask_result *result)
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

void control_put_word(json_t **item)
{
	control_put_text(item, "outcome", "operator");
	control_put_text(
	    item, "detail",
	    "nothing is looked up: the configuration (domains:) says "
	    "what counts");
}
