/* SPDX-License-Identifier: BSD-2-Clause */
/* judge.c - turns the facts about a domain into its report: calls the judges in
 * order, drops findings that do not apply or are not to be shown, and computes
 * state, score and exit status. */
#include "check/judge_internal.h"

#include "base/buffer.h"
#include "check/drift.h"
#include "check/reports_seen.h"

#include <stdlib.h>

enum { FIX_MAX = 4096 };

static void report_drop(struct report *report, size_t at)
{
	struct finding *all = report->findings;

	free(all[at].detail);
	free(all[at].fix);
	report->finding_count--;
	memmove(&all[at], &all[at + 1],
	        (report->finding_count - at) * sizeof(*all));
}

/* Drops all findings but those with ID. */
static void report_keep_only(struct report *report, enum finding_id id)
{
	for (size_t i = report->finding_count; i > 0; i--)
		if (report->findings[i - 1].id != id)
			report_drop(report, i - 1);
}

void judge_drop_hidden(struct report *report,
                       const struct check_options *options)
{
	for (size_t i = report->finding_count; i > 0; i--)
		if (!options->shown[report->findings[i - 1].id])
			report_drop(report, i - 1);
}

static void judge_syntax(struct judging *j)
{
	struct report *report = j->report;

	if (report->policy.text.data)
		judge_policy_text(report, j->options->expect);
	else
		j->score.runs[GROUP_SYNTAX] = RUN_BLOCKED;
}

static void judge_history(struct judging *j)
{
	struct report *report = j->report;
	const struct policy *policy = report->policy.policy;

	if (j->options->drift)
		drift_judge(j->options->drift, report);
	if (j->options->reports && policy && policy->mode == POLICY_ENFORCE)
		reports_seen_judge(j->options->reports, report);
}

/* Judges in order. A domain without MTA-STS gets one neutral finding and no
 * others. A domain whose record could not be looked up gets only that failure. */
static void judge_all(struct judging *j)
{
	struct report *report = j->report;

	/* First, because severities depend on the policy's mode. */
	judge_syntax(j);
	judge_record(j);
	if (!j->score.record_known) {
		report_keep_only(report, FINDING_DNS_ERROR);
		return;
	}
	if (report_find(report, FINDING_NOT_CONFIGURED)) {
		report_keep_only(report, FINDING_NOT_CONFIGURED);
		return;
	}
	judge_fetch(j);
	judge_cert(j);
	judge_mx(j);
	judge_delegation(j);
	judge_tls_rpt(j);
	judge_dnssec(j);
	judge_history(j);
}

/* Replaces DOMAIN in the table's fix with this domain's name, so that it can be
 * copied. */
static void fix_name_domain(struct report *report, struct finding *finding)
{
	static const char any[] = "DOMAIN";
	const char *text = finding_row(finding->id)->fix;
	const char *at;
	struct buffer out;

	if (finding->fix || !strstr(text, any))
		return;
	buffer_init(&out, FIX_MAX);
	for (; (at = strstr(text, any)) != NULL; text = at + strlen(any)) {
		buffer_put(&out, text, (size_t)(at - text));
		buffer_puts(&out, report->domain.name);
	}
	buffer_put(&out, text, strlen(text) + 1);
	if (buffer_status(&out) == MTS_OK)
		report_fix(report, finding, "%s", out.data);
	else
		report->status = MTS_ENOMEM;
	buffer_free(&out);
}

void judge(struct report *report, const struct facts *facts,
           const struct check_options *options)
{
	struct judging j = { .report = report,
		             .facts = facts,
		             .options = options };

	judge_all(&j);
	for (size_t i = 0; i < report->finding_count; i++)
		fix_name_domain(report, &report->findings[i]);
	suggest(&j);
	score_state(report, &j.score);
	judge_drop_hidden(report, options);
	score_report(report, &j.score, options->min_score);
}
