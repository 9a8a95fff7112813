/* SPDX-License-Identifier: BSD-2-Clause */
/* report.c - everything that was found out about one domain. */
#include "findings/report.h"

#include "findings/safe.h"

#include <stdlib.h>

/* A hostile policy may have thousands of bad lines. */
enum { FINDINGS_MAX = 200 };

const char *state_text(enum state state)
{
	static const char *const texts[] = {
		[STATE_UNKNOWN] = "unknown",
		[STATE_NOT_CONFIGURED] = "not_configured",
		[STATE_BROKEN] = "broken",
		[STATE_OPTED_OUT] = "opted_out",
		[STATE_TESTING] = "testing",
		[STATE_ENFORCED] = "enforced",
	};

	return texts[state];
}

struct report *report_new(const struct domain *domain)
{
	struct report *report = calloc(1, sizeof(*report));

	if (!report)
		return NULL;
	report->domain = *domain;
	report->score = -1;
	return report;
}

void mx_host_unref(struct mx_host **host)
{
	struct mx_host *h = *host;

	*host = NULL;
	if (!h || --h->references > 0)
		return;
	for (size_t i = 0; i < h->count; i++)
		tls_view_free(&h->addresses[i].view);
	free(h->addresses);
	free(h);
}

static void strings_free(char **strings, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(strings[i]);
	free(strings);
}

void report_free(struct report **report)
{
	struct report *r = *report;

	if (!r)
		return;
	*report = NULL;
	for (size_t i = 0; i < r->finding_count; i++) {
		free(r->findings[i].detail);
		free(r->findings[i].fix);
	}
	free(r->findings);
	for (size_t i = 0; i < r->mx_count; i++)
		mx_host_unref(&r->mx[i].host);
	free(r->mx);
	free(r->record.text);
	free((char *)r->policy.text.data);
	policy_free(&r->policy.policy);
	tls_view_free(&r->policy.view);
	free(r->tls_rpt.text);
	strings_free(r->tls_rpt.rua, r->tls_rpt.rua_count);
	free(r->suggested_record);
	free(r->suggested_policy);
	free(r);
}

__attribute__((format(printf, 4, 0))) static struct finding *report_add_va(
    struct report *report, enum finding_id id, enum severity severity,
    const char *format, va_list ap)
{
	size_t count = report->finding_count;
	struct finding *all;
	char *detail;

	if (count == FINDINGS_MAX)
		return NULL;
	all = reallocarray(report->findings, count + 1, sizeof(*all));
	if (all)
		report->findings = all;
	detail = safe_vformat(false, format, ap);
	if (!all || !detail) {
		free(detail);
		report->status = MTS_ENOMEM;
		return NULL;
	}
	all[count] = (struct finding){ id, severity, detail, NULL };
	report->finding_count++;
	return &all[count];
}

/* Lowers the severity if the row's applies in mode enforce only. */
static enum severity report_severity(const struct report *report,
                                     const struct finding_row *row)
{
	const struct policy *policy = report->policy.policy;

	if (!row->enforce || (policy && policy->mode == POLICY_ENFORCE))
		return row->severity;
	return policy && policy->mode == POLICY_NONE ? SEVERITY_INFO
	                                             : SEVERITY_WARNING;
}

struct finding *report_add(struct report *report, enum finding_id id,
                           const char *format, ...)
{
	struct finding *finding;
	va_list ap;

	va_start(ap, format);
	finding = report_add_va(
	    report, id, report_severity(report, finding_row(id)), format, ap);
	va_end(ap);
	return finding;
}

struct finding *report_add_as(struct report *report, enum finding_id id,
                              enum severity severity, const char *format, ...)
{
	struct finding *finding;
	va_list ap;

	va_start(ap, format);
	finding = report_add_va(report, id, severity, format, ap);
	va_end(ap);
	return finding;
}

void report_fix(struct report *report, struct finding *finding,
                const char *format, ...)
{
	va_list ap;

	if (!finding)
		return;
	free(finding->fix);
	va_start(ap, format);
	finding->fix = safe_vformat(true, format, ap);
	va_end(ap);
	if (!finding->fix)
		report->status = MTS_ENOMEM;
}

const char *finding_fix(const struct finding *finding)
{
	return finding->fix ? finding->fix : finding_row(finding->id)->fix;
}

const struct finding *report_find(const struct report *report,
                                  enum finding_id id)
{
	for (size_t i = 0; i < report->finding_count; i++)
		if (report->findings[i].id == id)
			return &report->findings[i];
	return NULL;
}
