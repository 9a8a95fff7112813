/* SPDX-License-Identifier: BSD-2-Clause */
/* control_reload.c - the command reload, and what status tells of the last
 * one. */
#include "control/control_job.h"

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

void control_job_reload(struct control_job *job)
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

json_t *control_last_reload(const struct control_options *options)
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
