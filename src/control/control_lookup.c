/* SPDX-License-Identifier: BSD-2-Clause */
/* control_lookup.c - the control socket's commands that look something up: lookup
 * (as an MTA would) and refresh (now). */
#include "control/control_answer.h"

#include "base/log.h"

static void wake(struct control_job *job)
{
	job->wake(job->arg);
}

/* -- lookup ---------------------------------------------------------------- */

static void end_lookup(struct control_job *job, const struct ask_result *result)
{
	json_t *item = json_object();

	control_put_text(&item, "domain", control_job_domain(job));
	control_put_result(&item, job, result, control_job_arg(job, 1));
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

	if (!control_job_take_hop(job, CONTROL_END_NO))
		return;
	if (ask_try(ask, &job->question, &result) == MTS_OK)
		end_lookup(job, &result);
	else
		control_job_wait(job, ask_wait(ask, &job->question, &result,
		                               on_answer, job, &job->waiter));
}

/* -- refresh --------------------------------------------------------------- */

static void on_refresh(void *arg, const struct ask_result *result)
{
	struct control_job *job = arg;
	json_t *item = json_object();

	job->waiter = NULL;
	if (!control_walk_is_good(result))
		job->missing = true;
	control_put_text(&item, "domain", control_job_domain(job));
	control_put_outcome(&item, result);
	control_put_result(&item, job, result, NULL);
	if (control_job_say(job, &item))
		job->state = CONTROL_JOB_READY;
	wake(job);
}

static void refresh_word(struct control_job *job,
                         const struct ask_result *result)
{
	json_t *item = json_object();

	control_put_text(&item, "domain", control_job_domain(job));
	control_put_word(&item);
	control_put_result(&item, job, result, NULL);
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
	control_job_set_manner(job);
	if (ask_override(ask, &job->question, &result)) {
		refresh_word(job, &result);
		return;
	}
	log_info("control_refresh %s domain=%s", job->who,
	         control_job_domain(job));
	control_job_wait(job, ask_refresh(ask, &job->question, CONTROL_WALK_MS,
	                                  on_refresh, job, &job->waiter));
}
