/* SPDX-License-Identifier: BSD-2-Clause */
/* reports_seen.c - what senders reported of domains.
 *
 * Only what a verdict needs is kept: failed sessions a policy domain. */
#include "check/reports_seen.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

struct reports_seen {
	json_t *domains; /* name: failed sessions under a policy of type sts */
};

/* RFC 8460 4.4: "policy-type": "sts", and summary's counts. */
static int take_policy(struct reports_seen *seen, const json_t *row)
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

static int read_file(struct reports_seen *seen, const char *path,
                     struct fault *why)
{
	json_error_t error;
	json_t *document = json_load_file(path, 0, &error);
	json_t *policies = json_object_get(document, "policies");
	json_t *row;
	size_t i;
	int status = MTS_OK;

	if (!json_is_array(policies)) {
		json_decref(document);
		return fault_set(why, MTS_ESYNTAX,
		                 "%s is no TLS report (RFC 8460, unpacked): %s",
		                 path,
		                 document ? "no \"policies\"" : error.text);
	}
	json_array_foreach(policies, i,
	                   row) if (status == MTS_OK &&
	                            take_policy(seen, row) != MTS_OK) status =
	    fault_set(why, MTS_ENOMEM, "out of memory");
	json_decref(document);
	return status;
}

static int read_folder(struct reports_seen *seen, const char *path,
                       struct fault *why)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	char *name = NULL;
	int status = MTS_OK;

	if (!dir)
		return fault_errno(why, errno, "%s can't be read", path);
	while (status == MTS_OK && (entry = readdir(dir)) != NULL) {
		size_t len = strlen(entry->d_name);

		if (len < 5 || strcmp(entry->d_name + len - 5, ".json") != 0)
			continue;
		if (asprintf(&name, "%s/%s", path, entry->d_name) < 0) {
			status = fault_set(why, MTS_ENOMEM, "out of memory");
			break;
		}
		status = read_file(seen, name, why);
		free(name);
	}
	closedir(dir);
	return status;
}

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
		status = read_folder(seen, path, why);
	else
		status = read_file(seen, path, why);
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
		           "Reports tell of %lld failed sessions",
		           (long long)failed);
}
