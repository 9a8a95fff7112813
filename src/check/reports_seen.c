/* SPDX-License-Identifier: BSD-2-Clause */
/* reports_seen.c - reads the TLS reports that senders sent, and keeps only the
 * number of failed sessions for each policy domain. */
#include "check/reports_seen.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

/* The limit for one report when decompressed: a few kilobytes of gzip can hold
 * gigabytes. */
enum { REPORT_MAX = 16 * 1024 * 1024 };

struct reports_seen {
	json_t *domains; /* name: failed sessions under MTA-STS policies */
};

/* RFC 8460 4.4: "policy-type": "sts", and summary's counts. */
static int reports_take_policy(struct reports_seen *seen, const json_t *row)
{
	const json_t *policy = json_object_get(row, "policy");
	const json_t *summary = json_object_get(row, "summary");
	const char *type =
	    json_string_value(json_object_get(policy, "policy-type"));
	const char *domain =
	    json_string_value(json_object_get(policy, "policy-domain"));
	json_int_t failed = json_integer_value(
	    json_object_get(summary, "total-failure-session-count"));
	struct domain name;
	struct fault why = { 0 };

	if (!type || !domain || strcmp(type, "sts") != 0 || failed <= 0 ||
	    domain_from_key(domain, strlen(domain), &name, &why) != MTS_OK)
		return MTS_OK;
	failed += json_integer_value(json_object_get(seen->domains, name.name));
	return json_object_set_new(seen->domains, name.name,
	                           json_integer(failed)) == 0
	           ? MTS_OK
	           : MTS_ENOMEM;
}

/* -- a file ---------------------------------------------------------------- */

struct source {
	gzFile file;
	size_t left;
	const char *reason; /* why reading failed; NULL: it did not */
};

/* jansson calls this for the next SIZE bytes. */
static size_t source_read(void *data, size_t size, void *arg)
{
	struct source *source = arg;
	int n = gzread(source->file, data, (unsigned)size);
	int code;

	if (n < 0)
		source->reason = gzerror(source->file, &code);
	else if ((size_t)n > source->left)
		source->reason = "it is larger than 16 MiB";
	else
		source->left -= (size_t)n;
	return source->reason ? (size_t)-1 : (size_t)n;
}

/* Reports are compressed with gzip (RFC 8460 5.1); zlib passes uncompressed files
 * through unchanged. */
static json_t *reports_load_file(const char *path, struct fault *why)
{
	struct source source = { gzopen(path, "rbe"), REPORT_MAX, NULL };
	json_error_t error = { .text = "" };
	json_t *document;

	if (!source.file) {
		fault_errno(why, errno ? errno : ENOMEM, "%s can't be read",
		            path);
		return NULL;
	}
	document = json_load_callback(source_read, &source, 0, &error);
	if (!document || source.reason) {
		fault_set(why, MTS_ESYNTAX,
		          "%s is not a TLS report (RFC 8460): %s", path,
		          source.reason ? source.reason : error.text);
		json_decref(document);
		document = NULL;
	}
	gzclose_r(source.file);
	return document;
}

static int reports_read_file(struct reports_seen *seen, const char *path,
                             struct fault *why)
{
	json_t *document = reports_load_file(path, why);
	json_t *policies = json_object_get(document, "policies");
	int status = MTS_OK;

	if (!document)
		return why->status;
	if (!json_is_array(policies)) {
		json_decref(document);
		return fault_set(why, MTS_ESYNTAX,
		                 "%s is not a TLS report (RFC 8460): it has no "
		                 "policies",
		                 path);
	}
	for (size_t i = 0; i < json_array_size(policies); i++)
		if (reports_take_policy(seen, json_array_get(policies, i)) !=
		    MTS_OK)
			status = fault_set(why, MTS_ENOMEM, "out of memory");
	json_decref(document);
	return status;
}

static bool is_report_name(const char *name)
{
	static const char *const ends[] = { ".json", ".json.gz" };
	size_t len = strlen(name);

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		size_t end = strlen(ends[i]);

		if (len > end && strcmp(name + len - end, ends[i]) == 0)
			return true;
	}
	return false;
}

static int reports_read_folder(struct reports_seen *seen, const char *path,
                               struct fault *why)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	char *name = NULL;
	int status = MTS_OK;

	if (!dir)
		return fault_errno(why, errno, "%s can't be read", path);
	while (status == MTS_OK && (entry = readdir(dir)) != NULL) {
		if (!is_report_name(entry->d_name))
			continue;
		if (asprintf(&name, "%s/%s", path, entry->d_name) < 0) {
			status = fault_set(why, MTS_ENOMEM, "out of memory");
			break;
		}
		status = reports_read_file(seen, name, why);
		free(name);
	}
	closedir(dir);
	return status;
}

/* -- all reports ----------------------------------------------------------- */

int reports_seen_read(const char *path, struct reports_seen **ret,
                      struct fault *why)
{
	struct reports_seen *seen = calloc(1, sizeof(*seen));
	struct stat stat_now;
	int status;

	if (seen)
		seen->domains = json_object();
	if (!seen || !seen->domains) {
		reports_seen_free(&seen);
		return fault_set(why, MTS_ENOMEM, "out of memory");
	}
	if (stat(path, &stat_now) != 0)
		status = fault_errno(why, errno, "%s can't be read", path);
	else if (S_ISDIR(stat_now.st_mode))
		status = reports_read_folder(seen, path, why);
	else
		status = reports_read_file(seen, path, why);
	if (status != MTS_OK)
		reports_seen_free(&seen);
	else
		*ret = seen;
	return status;
}

void reports_seen_free(struct reports_seen **seen)
{
	if (!*seen)
		return;
	json_decref((*seen)->domains);
	free(*seen);
	*seen = NULL;
}

void reports_seen_judge(const struct reports_seen *seen, struct report *report)
{
	json_int_t failed = json_integer_value(
	    json_object_get(seen->domains, report->domain.name));

	if (failed > 0)
		report_add(report, FINDING_PREMATURE_ENFORCE,
		           "TLS reports show %lld failed sessions",
		           (long long)failed);
}
