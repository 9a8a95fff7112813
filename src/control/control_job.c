/* SPDX-License-Identifier: BSD-2-Clause */
/* control_job.c - runs one command of the control socket: parses the request,
 * calls the command's function for each piece of the answer, and writes how it
 * ended. Also the helpers that all commands use. */
#include "control/control_job.h"

#include <stdlib.h>

/* -- for the commands ------------------------------------------------------ */

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

bool control_job_check_domains(struct control_job *job)
{
	struct domain_hop hop;

	for (size_t i = 0; i < job->request.argc; i++) {
		if (!control_job_hop_arg(job, i, &hop))
			return false;
	}
	return true;
}

int64_t control_job_now_s(const struct control_job *job)
{
	return clock_wall_s(job->context->options.clock);
}

/* -- for the connection ---------------------------------------------------- */

/* Puts a NUL after each word, in place of the blank or at the very end. */
static void end_arguments(struct control_job *job)
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
	end_arguments(job);
	job->state = CONTROL_JOB_READY;
}

void control_job_step(struct control_job *job)
{
	static void (*const steps[])(struct control_job *) = {
		[CONTROL_STATUS] = control_step_status,
		[CONTROL_STATS] = control_step_stats,
		[CONTROL_TOP] = control_step_top,
		[CONTROL_LOOKUP] = control_step_lookup,
		[CONTROL_EXPLAIN] = control_step_explain,
		[CONTROL_LIST] = control_step_list,
		[CONTROL_SHOW] = control_step_show,
		[CONTROL_REFRESH] = control_step_refresh,
		[CONTROL_FLUSH] = control_step_flush,
		[CONTROL_EXPORT] = control_step_export,
		[CONTROL_IMPORT] = control_step_import,
		[CONTROL_RELOAD] = control_step_reload,
	};

	steps[job->request.command](job);
}

void control_job_cancel(struct control_job *job)
{
	if (job->state == CONTROL_JOB_READING)
		control_import_break(job);
	ask_cancel(&job->lookup.waiter);
	mx_waiter_cancel(&job->lookup.mx_waiter);
	free(job->line);
	job->line = NULL;
	job->request.argc = 0;
	job->next = 0;
	job->missing = false;
	job->list.found = 0;
	job->list.over = false;
	job->list.after[0] = '\0';
	job->state = CONTROL_JOB_IDLE;
}
