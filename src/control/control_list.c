/* SPDX-License-Identifier: BSD-2-Clause */
/* control_list.c - the commands list and show, which write what is cached. */
#include "control/control_job.h"

#include "sts/verdict.h"
#include "wire/answer.h"

#include <stdio.h>

enum {
	/* Policies visited in one step: it takes a fifth of a millisecond, for
	 * which an MTA's query may have to wait. */
	LIST_LOOKS = 250,
	/* Bytes of JSON written in one step, which takes about as long. */
	LIST_BYTES = 8192,
};

/* -- list ------------------------------------------------------------------ */

static bool list_matches(const struct control_job *job, const char *domain,
                         const struct cache_entry *entry)
{
	struct filter_item item = {
		.domain = domain,
		.mode = entry->policy.mode,
		.failures = entry->failures,
		.ends_in_s = schedule_end_s(entry) - control_job_now_s(job),
	};

	return filter_matches(&job->list.filter, &item);
}

static json_t *list_item(const struct control_job *job, const char *domain,
                         const struct cache_entry *entry)
{
	json_t *item;

	if (!job->list.filter.names)
		return control_json_list_item(domain, entry,
		                              control_job_now_s(job));
	item = json_object();
	control_put_text(&item, "domain", domain);
	return item;
}

/* cache_each()'s callback; false stops it. */
static bool list_one(void *arg, const char *domain,
                     const struct cache_entry *entry)
{
	struct control_job *job = arg;
	json_t *item;

	snprintf(job->list.after, sizeof(job->list.after), "%s", domain);
	if (filter_is_over(&job->list.filter, domain)) {
		job->list.over = true;
		return false;
	}
	if (!list_matches(job, domain, entry))
		return true;
	item = list_item(job, domain, entry);
	if (!control_job_say(job, &item))
		return false;
	job->list.found++;
	job->list.over = job->list.found == job->list.filter.limit;
	return !job->list.over && job->out->len < LIST_BYTES;
}

/* Parses the filter in the first step. False: the command has ended. */
static bool begin_list(struct control_job *job)
{
	struct fault why;

	if (job->next++ > 0)
		return true;
	if (filter_parse(&job->request, &job->list.filter, &why) != MTS_OK) {
		control_job_end(job, CONTROL_END_BAD, why.text);
		return false;
	}
	job->list.filter.pattern = control_job_arg(job, 0);
	filter_start(&job->list.filter, job->list.after,
	             sizeof(job->list.after));
	return true;
}

void control_step_list(struct control_job *job)
{
	bool more;

	if (!begin_list(job))
		return;
	more = cache_each(job->context->options.cache, job->list.after,
	                  LIST_LOOKS, list_one, job);
	if (job->state != CONTROL_JOB_READY || (more && !job->list.over))
		return;
	control_job_end(job,
	                control_end_if(job->list.found > 0 ||
	                               !filter_is_narrow(&job->list.filter)),
	                NULL);
}

/* -- show ------------------------------------------------------------------ */

/* What is known of DANE for mail to DOMAIN's MX hosts. */
static json_t *known_dane(struct control_job *job, const struct domain *domain,
                          const struct cache_entry *entry)
{
	struct domain_hop hop = { .domain = *domain, .port = SMTP_PORT };
	bool live = verdict_is_live(entry->policy.max_age_s, entry->fetched_s,
	                            control_job_now_s(job));
	struct ask_result result;

	(void)ask_peek(job->context->options.ask, &hop, live ? entry : NULL,
	               &result);
	return control_json_dane(&hop, &result);
}

/* Puts the policy as the text that its host would serve. */
static void put_cached_text(json_t **item, const struct policy *policy)
{
	struct buffer text;

	buffer_init(&text, (size_t)4 * POLICY_MAX);
	if (answer_write_policy(&text, policy) == MTS_OK)
		control_put_slice(item, "text", buffer_slice(&text));
	else
		control_put(item, "text", NULL);
	buffer_free(&text);
}

void control_step_show(struct control_job *job)
{
	struct cache_entry entry;
	struct domain_hop hop;
	struct fault why;
	json_t *item;

	if (!control_job_hop_arg(job, 0, &hop))
		return;
	if (cache_get(job->context->options.cache, &hop.domain, &entry) !=
	    MTS_OK) {
		fault_set(&why, MTS_ENOTFOUND, "no policy of %s is cached",
		          hop.domain.name);
		control_job_end(job, CONTROL_END_NO, why.text);
		return;
	}
	item = json_object();
	control_put_text(&item, "domain", hop.domain.name);
	control_put_entry(&item, &entry,
	                  lookups_schedule(job->context->options.lookups),
	                  control_job_now_s(job));
	control_put(&item, "dane", known_dane(job, &hop.domain, &entry));
	put_cached_text(&item, &entry.policy);
	if (control_job_say(job, &item))
		control_job_end(job, CONTROL_END_DONE, NULL);
}
