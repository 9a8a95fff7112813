/* SPDX-License-Identifier: BSD-2-Clause */
/* drift.c - compares a domain with what earlier runs saw. The state file:
 *
 *     { "schema": 1, "domains": { "example.com": { "id": "...",
 *       "sha256": "...", "mode": "testing", "mode_since_s": 1700000000 } } }
 *
 * id and sha256 are the last pair that belonged together. While a new text is
 * served under the old id they stay unchanged, so the finding comes in every run
 * until the id changes. */
#include "check/drift.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	STATE_SCHEMA = 1,
	DAY_S = 24 * 60 * 60,
	TESTING_DAYS = 90,
	FILE_MAX = 256 * 1024 * 1024,
};

struct drift {
	char *file;
	json_t *domains; /* as read from the file */
	json_t *changes; /* by this run */
};

/* -- the file -------------------------------------------------------------- */

static bool state_is_empty(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0;
}

/* The "domains" of the file, or {} if it does not exist or is empty: an
 * administrator may have created it to set its owner and mode. */
static int state_load(const char *file, json_t **ret, struct fault *why)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	json_error_t error;
	json_t *document;
	json_t *domains;

	if (fd < 0 && errno != ENOENT)
		return fault_errno(why, errno, "state file %s can't be read",
		                   file);
	if (fd < 0 || state_is_empty(fd)) {
		if (fd >= 0)
			close(fd);
		*ret = json_object();
		return *ret ? MTS_OK
		            : fault_set(why, MTS_ENOMEM, "out of memory");
	}
	document = json_loadfd(fd, JSON_REJECT_DUPLICATES, &error);
	close(fd);
	domains = json_object_get(document, "domains");
	if (json_integer_value(json_object_get(document, "schema")) !=
	        STATE_SCHEMA ||
	    !json_is_object(domains)) {
		json_decref(document);
		return fault_set(
		    why, MTS_EDAMAGED,
		    "%s is not a state file of mtasts-check: move it "
		    "away",
		    file);
	}
	*ret = json_incref(domains);
	json_decref(document);
	return MTS_OK;
}

int drift_open(const char *file, struct drift **ret, struct fault *why)
{
	struct drift *drift = calloc(1, sizeof(*drift));
	int status = MTS_ENOMEM;

	if (drift) {
		/* Follow symbolic links: saving replaces the file itself. */
		drift->file = realpath(file, NULL);
		if (!drift->file)
			drift->file = strdup(file);
		drift->changes = json_object();
	}
	if (!drift || !drift->file || !drift->changes)
		fault_set(why, MTS_ENOMEM, "out of memory");
	else
		status = state_load(file, &drift->domains, why);
	if (status != MTS_OK)
		drift_free(&drift);
	else
		*ret = drift;
	return status;
}

void drift_free(struct drift **drift)
{
	struct drift *d = *drift;

	if (!d)
		return;
	*drift = NULL;
	json_decref(d->domains);
	json_decref(d->changes);
	free(d->file);
	free(d);
}

/* Two runs may save at once: the one that holds the lock reads the file again and
 * adds its own domains. The lock file is not removed: otherwise a third run could
 * lock a new one while the second still waits for the old. */
static int state_lock(const char *file, int *ret_fd, struct fault *why)
{
	char *name = NULL;
	int fd;
	int status = MTS_OK;

	if (asprintf(&name, "%s.lock", file) < 0)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || flock(fd, LOCK_EX) != 0) {
		status = fault_errno(why, errno, "%s can't be locked", name);
		if (fd >= 0)
			close(fd);
	}
	*ret_fd = fd;
	free(name);
	return status;
}

static int state_write(const char *name, json_t *document, struct fault *why)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	bool good =
	    fd >= 0 &&
	    json_dumpfd(document, fd, JSON_INDENT(1) | JSON_SORT_KEYS) == 0 &&
	    fsync(fd) == 0;
	int error = errno;

	if (fd >= 0 && close(fd) != 0 && good) {
		error = errno;
		good = false;
	}
	if (good)
		return MTS_OK;
	(void)unlink(name);
	return fault_errno(why, error ? error : EIO, "%s can't be written",
	                   name);
}

static int state_replace(const char *file, json_t *domains, struct fault *why)
{
	json_t *document =
	    json_pack("{s:i, s:O}", "schema", STATE_SCHEMA, "domains", domains);
	char *name = NULL;
	int status;

	if (!document || asprintf(&name, "%s.new", file) < 0) {
		json_decref(document);
		return fault_set(why, MTS_ENOMEM, "out of memory");
	}
	errno = 0;
	status = state_write(name, document, why);
	if (status == MTS_OK && rename(name, file) != 0)
		status = fault_errno(why, errno, "%s can't be replaced", file);
	free(name);
	json_decref(document);
	return status;
}

int drift_save(struct drift *drift, struct fault *why)
{
	json_t *domains = NULL;
	int fd = -1;
	int status;

	if (json_object_size(drift->changes) == 0)
		return MTS_OK;
	status = state_lock(drift->file, &fd, why);
	if (status != MTS_OK)
		return status;
	status = state_load(drift->file, &domains, why);
	if (status == MTS_OK &&
	    json_object_update(domains, drift->changes) != 0)
		status = fault_set(why, MTS_ENOMEM, "out of memory");
	if (status == MTS_OK)
		status = state_replace(drift->file, domains, why);
	close(fd);
	if (status == MTS_OK) {
		json_decref(drift->domains);
		drift->domains = json_incref(domains);
		json_object_clear(drift->changes);
	}
	json_decref(domains);
	return status;
}

/* -- comparing ------------------------------------------------------------- */

struct before {
	const char *id, *sha256, *mode;
	int64_t mode_since_s;
};

/* False: the domain was not recorded before. */
static bool drift_find(const struct drift *drift, const char *domain,
                       struct before *ret)
{
	json_t *entry = json_object_get(drift->changes, domain);

	if (!entry)
		entry = json_object_get(drift->domains, domain);
	ret->id = json_string_value(json_object_get(entry, "id"));
	ret->sha256 = json_string_value(json_object_get(entry, "sha256"));
	ret->mode = json_string_value(json_object_get(entry, "mode"));
	ret->mode_since_s =
	    json_integer_value(json_object_get(entry, "mode_since_s"));
	return ret->id && ret->sha256 && ret->mode;
}

static void drift_compare(struct report *report, const struct before *before,
                          bool *ret_stale)
{
	bool same_id = strcmp(before->id, report->record.id) == 0;
	bool same_text = strcmp(before->sha256, report->policy.sha256) == 0;
	struct finding *finding;

	*ret_stale = same_id && !same_text;
	if (*ret_stale) {
		finding = report_add(
		    report, FINDING_POLICY_ID_STALE,
		    "The id is still %s, but the policy's SHA-256 changed from "
		    "%.16s... to %.16s...",
		    before->id, before->sha256, report->policy.sha256);
		report_fix(report, finding,
		           "Change the id in the TXT record at _mta-sts.%s.",
		           report->domain.name);
	} else if (!same_id && same_text) {
		report_add(report, FINDING_ID_CHANGED_SAME_BODY,
		           "The id changed from %s to %s", before->id,
		           report->record.id);
	}
}

/* Mode testing is meant to be temporary: after TESTING_DAYS it is a warning. */
static void drift_judge_testing(struct report *report, int64_t since_s)
{
	int64_t days = (report->time_s - since_s) / DAY_S;

	for (size_t i = 0; i < report->finding_count; i++) {
		struct finding *finding = &report->findings[i];

		if (finding->id == FINDING_MODE_TESTING && days > TESTING_DAYS)
			finding->severity = SEVERITY_WARNING;
	}
}

static void drift_record(struct drift *drift, struct report *report,
                         const struct before *before, bool stale,
                         int64_t since_s)
{
	const char *mode = policy_mode_text(report->policy.policy->mode);
	json_t *entry =
	    json_pack("{s:s, s:s, s:s, s:I}", "id",
	              stale ? before->id : report->record.id, "sha256",
	              stale ? before->sha256 : report->policy.sha256, "mode",
	              mode, "mode_since_s", (json_int_t)since_s);

	if (!entry || json_object_set_new(drift->changes, report->domain.name,
	                                  entry) != 0)
		report->status = MTS_ENOMEM;
}

void drift_judge(struct drift *drift, struct report *report)
{
	struct before before;
	int64_t since_s = report->time_s;
	bool stale = false;
	bool known;

	if (!report->record.id[0] || !report->policy.policy)
		return;
	known = drift_find(drift, report->domain.name, &before);
	if (known)
		drift_compare(report, &before, &stale);
	else
		report_add(report, FINDING_BASELINE, "id %s, SHA-256 %.16s...",
		           report->record.id, report->policy.sha256);
	if (known && strcmp(before.mode,
	                    policy_mode_text(report->policy.policy->mode)) == 0)
		since_s = before.mode_since_s;
	drift_judge_testing(report, since_s);
	drift_record(drift, report, &before, stale, since_s);
}
