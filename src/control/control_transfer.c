/* SPDX-License-Identifier: BSD-2-Clause */
/* control_transfer.c - the commands export and import, which copy policies from
 * one cache to another.
 *
 * Both work line by line, so a million policies take no more memory than
 * ten. If an import breaks off, the lines before that have been imported; it
 * never removes a cached policy. */
#include "control/control_job.h"

#include "base/log.h"
#include "sts/verdict.h"
#include "wire/transfer.h"

#include <stdio.h>

enum {
	EXPORT_LOOKS = 100,  /* policies visited in one step */
	EXPORT_BYTES = 8192, /* a step ends after that many */
	/* Changes that may wait for the disk. Policies discovered meanwhile
	 * need a share of that queue, too. */
	IMPORT_PENDING_MAX = 2000,
};

/* -- export ---------------------------------------------------------------- */

/* cache_each()'s callback; false stops it. */
static bool export_one(void *arg, const char *domain,
                       const struct cache_entry *entry)
{
	struct control_job *job = arg;
	struct filter_item it = { .domain = domain };
	json_t *item;

	snprintf(job->list.after, sizeof(job->list.after), "%s", domain);
	if (filter_is_over(&job->list.filter, domain)) {
		job->list.over = true;
		return false;
	}
	if (!filter_matches(&job->list.filter, &it) ||
	    !verdict_is_live(entry->policy.max_age_s, entry->fetched_s,
	                     control_job_now_s(job)))
		return true;
	item = transfer_policy(domain, entry->id, &entry->policy,
	                       entry->fetched_s, entry->used_s);
	if (!control_job_say(job, &item))
		return false;
	job->list.found++;
	return job->out->len < EXPORT_BYTES;
}

static bool begin_export(struct control_job *job)
{
	const struct control_options *options = &job->context->options;
	char program[100];
	json_t *item;

	if (job->next++ > 0)
		return true;
	job->list.filter =
	    (struct filter){ .pattern = control_job_arg(job, 0) };
	filter_start(&job->list.filter, job->list.after,
	             sizeof(job->list.after));
	snprintf(program, sizeof(program), "mtastsd %s", options->version);
	item = transfer_header(control_job_now_s(job), program);
	return control_job_say(job, &item);
}

void control_step_export(struct control_job *job)
{
	json_t *item;
	bool more;

	if (!begin_export(job))
		return;
	more = cache_each(job->context->options.cache, job->list.after,
	                  EXPORT_LOOKS, export_one, job);
	if (job->state != CONTROL_JOB_READY || (more && !job->list.over))
		return;
	log_info("control_export %s policies=%llu", job->who,
	         (unsigned long long)job->list.found);
	item = transfer_end(job->list.found);
	if (control_job_say(job, &item))
		control_job_end(job,
		                control_end_if(job->list.found > 0 ||
		                               !job->list.filter.pattern),
		                NULL);
}

/* -- import ---------------------------------------------------------------- */

void control_step_import(struct control_job *job)
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

static int refuse_import_line(struct control_job *job, const char *why)
{
	json_t *item = json_object();

	job->import.refused++;
	control_put_count(&item, "line", job->import.line);
	control_put_text(&item, "refused", why);
	(void)control_job_say(job, &item);
	return MTS_OK;
}

static int import_policy(struct control_job *job, struct transfer_line *line)
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
		return refuse_import_line(job, mts_status_text(rc));
	import->imported += outcome == OUTCOME_IMPORTED;
	import->older += outcome == OUTCOME_OLDER;
	import->ended += outcome == OUTCOME_ENDED;
	return MTS_OK;
}

/* The first line must be the header of an export. */
static int import_header(struct control_job *job,
                         const struct transfer_line *line, int rc,
                         const struct fault *why)
{
	struct fault text;

	if (rc == MTS_OK && line->kind == TRANSFER_HEADER) {
		job->import.begun = true;
		return MTS_OK;
	}
	fault_set(&text, MTS_ESYNTAX,
	          "line 1 is not the header of an export (%s): nothing was "
	          "imported",
	          rc != MTS_OK ? why->text : "it is a later line");
	end_import(job, CONTROL_END_NO, text.text);
	return MTS_OK;
}

static int import_line(struct control_job *job, struct transfer_line *line)
{
	struct control_import *import = &job->import;

	if (line->kind == TRANSFER_POLICY)
		return import_policy(job, line);
	/* No error if more lines follow: a file may hold two exports. */
	if (line->kind == TRANSFER_END)
		import->complete = true;
	return MTS_OK;
}

/* False: too many changes wait for the disk. The import ends if the cache can't
 * be written at all. */
static bool disk_keeps_up(struct control_job *job)
{
	struct cache *cache = job->context->options.cache;
	struct cache_stats stats;

	if (job->import.credit > 0) {
		job->import.credit--;
		return true;
	}
	cache_get_stats(cache, &stats);
	if (stats.pending < IMPORT_PENDING_MAX) {
		job->import.credit =
		    (unsigned)(IMPORT_PENDING_MAX - stats.pending) / 2;
		return true;
	}
	if (!stats.writable)
		end_import(job, CONTROL_END_NO,
		           "the cache can't be written: see mtastsd's log");
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

	if (!disk_keeps_up(job))
		return MTS_EBUSY;
	import->line++;
	rc = transfer_parse(text, &line, &why);
	if (rc == MTS_ENOMEM) {
		control_job_fail(job);
		return MTS_OK;
	}
	if (!import->begun)
		rc = import_header(job, &line, rc, &why);
	else if (rc == MTS_OK)
		rc = import_line(job, &line);
	else if (text.len > 0) /* empty lines are allowed */
		rc = refuse_import_line(job, why.text);
	else
		rc = MTS_OK;
	policy_free(&line.policy);
	if (rc == MTS_EBUSY) /* the same line comes again */
		import->line--;
	return rc;
}

void control_import_eof(struct control_job *job)
{
	const struct control_import *import = &job->import;

	if (!import->begun)
		end_import(
		    job, CONTROL_END_NO,
		    "there is no input: an export has at least a header line");
	else if (!import->complete)
		end_import(
		    job, CONTROL_END_NO,
		    "the last line of the export is missing: the file was cut "
		    "off");
	else
		end_import(job, control_end_if(import->refused == 0), NULL);
}
