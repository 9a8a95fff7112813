/* SPDX-License-Identifier: BSD-2-Clause */
/* control_transfer.c - the control socket's commands that take policies from one
 * cache to another.
 *
 * Both work line by line: whether it is ten policies or a million makes no
 * difference to memory. An import that breaks off has taken in what came before,
 * and nothing that was cached is lost by it. */
#include "control/control_job.h"

#include "base/log.h"
#include "sts/verdict.h"
#include "wire/transfer.h"

#include <stdio.h>

enum {
	EXPORT_LOOKS = 100,  /* policies looked at in one step */
	EXPORT_BYTES = 8192, /* after which a step ends */
	/* Changes that may wait for the disk: what is discovered meanwhile has
	 * to find room besides. */
	IMPORT_PENDING_MAX = 2000,
};

/* -- export ---------------------------------------------------------------- */

/* cache_each()'s callback; false stops the walk. */
static bool export_one(void *arg, const char *domain,
                       const struct cache_entry *entry)
{
	struct control_job *job = arg;
	struct filter_item it = { .domain = domain };
	json_t *item;

	snprintf(job->after, sizeof(job->after), "%s", domain);
	if (filter_is_over(&job->filter, domain)) {
		job->over = true;
		return false;
	}
	if (!filter_matches(&job->filter, &it) ||
	    !verdict_is_live(entry->policy.max_age_s, entry->fetched_s,
	                     control_job_now_s(job)))
		return true;
	item = transfer_policy(domain, entry->id, &entry->policy,
	                       entry->fetched_s, entry->used_s);
	if (!control_job_say(job, &item))
		return false;
	job->found++;
	return job->out->len < EXPORT_BYTES;
}

static bool begin_export(struct control_job *job)
{
	const struct control_options *options = &job->context->options;
	char program[100];
	json_t *item;

	if (job->next++ > 0)
		return true;
	job->filter = (struct filter){ .pattern = control_job_arg(job, 0) };
	filter_start(&job->filter, job->after, sizeof(job->after));
	snprintf(program, sizeof(program), "mtastsd %s", options->version);
	item = transfer_header(control_job_now_s(job), program);
	return control_job_say(job, &item);
}

void control_job_export(struct control_job *job)
{
	json_t *item;
	bool more;

	if (!begin_export(job))
		return;
	more = cache_each(job->context->options.cache, job->after, EXPORT_LOOKS,
	                  export_one, job);
	if (job->state != CONTROL_JOB_READY || (more && !job->over))
		return;
	log_info("control_export %s policies=%llu", job->who,
	         (unsigned long long)job->found);
	item = transfer_end(job->found);
	if (control_job_say(job, &item))
		control_job_end(
		    job, control_end_if(job->found > 0 || !job->filter.pattern),
		    NULL);
}

/* -- import ---------------------------------------------------------------- */

void control_job_import(struct control_job *job)
{
	job->import = (struct control_import){ 0 };
	job->state = CONTROL_JOB_READING;
}

static void log_import(const struct control_job *job, bool complete)
{
	const struct control_import *import = &job->import;

	log_info("control_import %s imported=%llu older=%llu ended=%llu "
	         "refused=%llu complete=%s",
	         job->who, (unsigned long long)import->imported,
	         (unsigned long long)import->older,
	         (unsigned long long)import->ended,
	         (unsigned long long)import->refused, complete ? "yes" : "no");
}

static void end_import(struct control_job *job, enum control_end end,
                       const char *error)
{
	const struct control_import *import = &job->import;
	json_t *item = json_object();

	log_import(job, import->complete);
	cache_hurry(job->context->options.cache);
	control_put_count(&item, "imported", import->imported);
	control_put_count(&item, "older", import->older);
	control_put_count(&item, "ended", import->ended);
	control_put_count(&item, "refused", import->refused);
	control_put_bool(&item, "complete", import->complete);
	job->state = CONTROL_JOB_READY;
	if (control_job_say(job, &item))
		control_job_end(job, end, error);
}

void control_import_break(struct control_job *job)
{
	log_import(job, false);
	job->state = CONTROL_JOB_READY;
}

static int refuse(struct control_job *job, const char *why)
{
	json_t *item = json_object();

	job->import.refused++;
	control_put_count(&item, "line", job->import.line);
	control_put_text(&item, "refused", why);
	(void)control_job_say(job, &item);
	return MTS_OK;
}

static int take_policy(struct control_job *job, struct transfer_line *line)
{
	struct cache_entry entry = {
		.policy = *line->policy,
		.fetched_s = line->fetched_s,
		.used_s = line->used_s,
	};
	struct control_import *import = &job->import;
	enum outcome_import outcome;
	int rc;

	memcpy(entry.id, line->id, sizeof(entry.id));
	rc = lookups_import(job->context->options.lookups, &line->domain,
	                    &entry, &outcome);
	if (rc == MTS_EFULL)
		return MTS_EBUSY;
	if (rc != MTS_OK)
		return refuse(job, mts_status_text(rc));
	import->imported += outcome == OUTCOME_IMPORTED;
	import->older += outcome == OUTCOME_OLDER;
	import->ended += outcome == OUTCOME_ENDED;
	return MTS_OK;
}

/* The first line has to say what the others are. */
static int take_header(struct control_job *job,
                       const struct transfer_line *line, int rc,
                       const struct fault *why)
{
	struct fault text;

	if (rc == MTS_OK && line->kind == TRANSFER_HEADER) {
		job->import.begun = true;
		return MTS_OK;
	}
	fault_set(&text, MTS_ESYNTAX,
	          "line 1 is not that of an export (%s): nothing is taken",
	          rc != MTS_OK ? why->text : "it is another line of one");
	end_import(job, CONTROL_END_NO, text.text);
	return MTS_OK;
}

static int take_line(struct control_job *job, struct transfer_line *line)
{
	struct control_import *import = &job->import;

	if (line->kind == TRANSFER_POLICY)
		return take_policy(job, line);
	/* Two exports may be one file. */
	if (line->kind == TRANSFER_END)
		import->complete = true;
	return MTS_OK;
}

/* Whether the disk keeps up; if it takes nothing, the import ends. */
static bool has_room(struct control_job *job)
{
	struct cache *cache = job->context->options.cache;
	struct cache_stats stats;

	if (job->import.room > 0) {
		job->import.room--;
		return true;
	}
	cache_get_stats(cache, &stats);
	if (stats.pending < IMPORT_PENDING_MAX) {
		job->import.room =
		    (unsigned)(IMPORT_PENDING_MAX - stats.pending) / 2;
		return true;
	}
	if (!stats.writable)
		end_import(job, CONTROL_END_NO,
		           "the cache can't be written: see the log");
	else
		cache_hurry(cache);
	return false;
}

int control_import_line(struct control_job *job, struct slice text)
{
	struct control_import *import = &job->import;
	struct transfer_line line = { 0 };
	struct fault why;
	int rc;

	if (!has_room(job))
		return MTS_EBUSY;
	import->line++;
	rc = transfer_parse(text, &line, &why);
	if (rc == MTS_ENOMEM) {
		control_job_fail(job);
		return MTS_OK;
	}
	if (!import->begun)
		rc = take_header(job, &line, rc, &why);
	else if (rc == MTS_OK)
		rc = take_line(job, &line);
	else if (text.len > 0) /* an empty line says nothing */
		rc = refuse(job, why.text);
	else
		rc = MTS_OK;
	policy_free(&line.policy);
	if (rc == MTS_EBUSY) /* it comes again */
		import->line--;
	return rc;
}

void control_import_eof(struct control_job *job)
{
	const struct control_import *import = &job->import;

	if (!import->begun)
		end_import(job, CONTROL_END_NO,
		           "there is nothing: an export has a first line");
	else if (!import->complete)
		end_import(job, CONTROL_END_NO,
		           "the last line of an export is missing: it was cut "
		           "off");
	else
		end_import(job, control_end_if(import->refused == 0), NULL);
}
