/* SPDX-License-Identifier: BSD-2-Clause */
/* suggest.c - makes a correct TXT record and a correct policy to copy. */
#include "check/judge_internal.h"

#include "base/buffer.h"
#include "findings/safe.h"
#include "sts/mx.h"

#include <stdio.h>
#include <time.h>

enum { SUGGEST_MAX = 64 * 1024, MAX_AGE_S = 604800 };

const char *suggest_id(int64_t time_s, char id[SUGGEST_ID])
{
	time_t when = (time_t)time_s;
	struct tm tm;

	if (!gmtime_r(&when, &tm) ||
	    strftime(id, SUGGEST_ID, "%Y%m%dT%H%M%S", &tm) == 0)
		snprintf(id, SUGGEST_ID, "%lld", (long long)time_s);
	return id;
}

/* Adds the pattern that covers MX, once: a known provider's pattern, or the name
 * of the host. A name that no pattern can match is left out: senders would ignore
 * such a line, or reject the policy because of it. */
static void suggest_put_pattern(struct buffer *out, const char *mx)
{
	const char *provider;
	const char *pattern = provider_pattern(mx, &provider);
	const char *dot = strchr(mx, '.');
	char line[DOMAIN_MAX + sizeof("mx: *.\n")];
	size_t len;

	if (!mx_pattern_is_valid(slice_str(mx)))
		return;
	snprintf(line, sizeof(line), "mx: %s%s\n",
	         pattern && dot && dot + 1 == pattern ? "*." : "",
	         pattern ? pattern : mx);
	len = strlen(line);
	if (!out->len || !memmem(out->data, out->len, line, len))
		buffer_put(out, line, len);
}

char *suggest_policy(const struct report *report, const char *mode,
                     uint32_t max_age_s)
{
	struct buffer out;

	buffer_init(&out, SUGGEST_MAX);
	buffer_printf(&out, "version: STSv1\nmode: %s\n", mode);
	for (size_t i = 0; i < report->mx_count; i++)
		suggest_put_pattern(&out, report->mx[i].name);
	buffer_printf(&out, "max_age: %u\n", (unsigned)max_age_s);
	if (buffer_put(&out, "", 1) != MTS_OK)
		buffer_free(&out);
	return out.data;
}

/* True if a pattern can match any of the MX hosts. */
static bool suggest_has_hosts(const struct report *report)
{
	for (size_t i = 0; i < report->mx_count; i++)
		if (mx_pattern_is_valid(slice_str(report->mx[i].name)))
			return true;
	return false;
}

/* True if the policy has to change, or there is none. */
static bool suggest_needs_policy(const struct report *report)
{
	for (size_t i = 0; i < report->finding_count; i++) {
		const struct finding *finding = &report->findings[i];
		enum group group = finding_row(finding->id)->group;

		if (finding->id == FINDING_NOT_CONFIGURED ||
		    finding->id == FINDING_MX_PARTIAL_MATCH ||
		    finding->id == FINDING_MX_WILDCARD_MISSING ||
		    finding->id == FINDING_HTTP_STATUS ||
		    finding->id == FINDING_POLICY_FETCH_FAILED ||
		    (group == GROUP_SYNTAX &&
		     finding->severity == SEVERITY_CRITICAL))
			return true;
	}
	return false;
}

/* True if the record has to change: a new policy needs a new id. */
static bool suggest_needs_record(const struct report *report, bool new_policy)
{
	for (size_t i = 0; i < report->finding_count; i++) {
		const struct finding *finding = &report->findings[i];

		if (finding->id == FINDING_NOT_CONFIGURED ||
		    finding->id == FINDING_POLICY_ID_STALE ||
		    (finding_row(finding->id)->group == GROUP_RECORD &&
		     finding->id != FINDING_DNS_ERROR &&
		     finding->severity == SEVERITY_CRITICAL))
			return true;
	}
	return new_policy && report->record.id[0];
}

void suggest(struct judging *j)
{
	struct report *report = j->report;
	const struct policy *policy = report->policy.policy;
	const char *mode = policy ? policy_mode_text(policy->mode) : "testing";
	uint32_t max_age_s = MAX_AGE_S;
	bool new_policy =
	    suggest_needs_policy(report) && suggest_has_hosts(report);
	char id[SUGGEST_ID];

	if (policy && policy->max_age_s >= MAX_AGE_S)
		max_age_s = policy->max_age_s;
	if (new_policy)
		report->suggested_policy =
		    suggest_policy(report, mode, max_age_s);
	if (suggest_needs_record(report, new_policy)) {
		report->suggested_record = safe_format(
		    false, "_mta-sts.%s. IN TXT \"v=STSv1; id=%s;\"",
		    report->domain.name, suggest_id(report->time_s, id));
		if (!report->suggested_record)
			report->status = MTS_ENOMEM;
	}
	if (new_policy && !report->suggested_policy)
		report->status = MTS_ENOMEM;
}
