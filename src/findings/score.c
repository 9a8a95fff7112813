/* SPDX-License-Identifier: BSD-2-Clause */
/* score.c - computes a domain's state, score and exit status from its findings. */
#include "findings/score.h"

#include <stdlib.h>

enum {
	CAP_CRITICAL = 49,
	CAP_NONE = 30,
	CAP_TESTING = 89,
	FULL = 2, /* points are counted in halves */
};

/* -- state ----------------------------------------------------------------- */

/* True if FINDING means that a sender finds no usable policy or refuses a live
 * MX. */
static bool finding_breaks(const struct finding *finding)
{
	enum group group = finding_row(finding->id)->group;

	if (finding->severity != SEVERITY_CRITICAL ||
	    finding->id == FINDING_CERT_EXPIRING)
		return false;
	return group <= GROUP_MX;
}

static enum state score_find_state(const struct report *report,
                                   const struct score_facts *facts)
{
	if (!facts->record_known)
		return STATE_UNKNOWN;
	for (size_t i = 0; i < report->finding_count; i++)
		if (finding_breaks(&report->findings[i]))
			return STATE_BROKEN;
	if (!report->policy.policy)
		return report_find(report, FINDING_NOT_CONFIGURED)
		           ? STATE_NOT_CONFIGURED
		           : STATE_BROKEN;
	switch (report->policy.policy->mode) {
	case POLICY_ENFORCE:
		return STATE_ENFORCED;
	case POLICY_TESTING:
		return STATE_TESTING;
	case POLICY_NONE:
		break;
	}
	return STATE_OPTED_OUT;
}

/* -- score ----------------------------------------------------------------- */

/* A group's worst finding counts: critical gives nothing, a warning half, anything
 * else the full weight. */
static unsigned group_halves(const struct report *report, enum group group)
{
	unsigned halves = FULL;

	for (size_t i = 0; i < report->finding_count; i++) {
		const struct finding *finding = &report->findings[i];

		if (finding_row(finding->id)->group != group)
			continue;
		if (finding->severity == SEVERITY_CRITICAL)
			return 0;
		if (finding->severity == SEVERITY_WARNING)
			halves = 1;
	}
	return halves;
}

static int score_find_cap(const struct report *report)
{
	int cap = 100;

	if (report->state == STATE_TESTING)
		cap = CAP_TESTING;
	for (size_t i = 0; i < report->finding_count; i++)
		if (report->findings[i].severity == SEVERITY_CRITICAL)
			cap = CAP_CRITICAL;
	if (report->policy.policy && report->policy.policy->mode == POLICY_NONE)
		cap = CAP_NONE;
	return cap;
}

static void score_find(struct report *report, const struct score_facts *facts)
{
	unsigned points = 0;
	unsigned most = 0;

	for (size_t i = 0; i < SCORED_GROUPS; i++) {
		struct score_line *line = &report->lines[i];

		line->group = (enum group)i;
		line->weight = group_weight(line->group);
		line->counted = facts->runs[i] != RUN_UNKNOWN;
		line->points = 0;
		if (facts->runs[i] == RUN_DONE)
			line->points =
			    line->weight * group_halves(report, line->group);
		if (!line->counted)
			continue;
		points += line->points;
		most += FULL * line->weight;
	}
	report->score_cap = score_find_cap(report);
	report->score = -1;
	if (report->state == STATE_UNKNOWN ||
	    report->state == STATE_NOT_CONFIGURED || most == 0)
		return;
	report->score = (int)((points * 100 + most / 2) / most);
	if (report->score > report->score_cap)
		report->score = report->score_cap;
}

/* -- exit status ----------------------------------------------------------- */

static int score_find_exit_status(const struct report *report,
                                  unsigned min_score)
{
	int status = CHECK_EXIT_OK;

	if (report->score >= 0 && (unsigned)report->score < min_score)
		return CHECK_EXIT_CRITICAL;
	if (report->state == STATE_UNKNOWN)
		return CHECK_EXIT_UNKNOWN;
	for (size_t i = 0; i < report->finding_count; i++) {
		if (report->findings[i].severity == SEVERITY_CRITICAL)
			return CHECK_EXIT_CRITICAL;
		if (report->findings[i].severity == SEVERITY_WARNING)
			status = CHECK_EXIT_WARNING;
	}
	return status;
}

int score_worse(int a, int b)
{
	static const int ranks[] = {
		[CHECK_EXIT_OK] = 0,
		[CHECK_EXIT_UNKNOWN] = 1,
		[CHECK_EXIT_WARNING] = 2,
		[CHECK_EXIT_CRITICAL] = 3,
	};

	return ranks[a] >= ranks[b] ? a : b;
}

/* -- all of it ------------------------------------------------------------- */

/* The most severe first, then in the order of the table. Findings that are alike
 * keep their order, so the sort must be stable. */
static void score_sort_findings(struct report *report)
{
	for (size_t i = 1; i < report->finding_count; i++) {
		struct finding moved = report->findings[i];
		size_t at = i;

		while (at > 0) {
			const struct finding *before =
			    &report->findings[at - 1];

			if (before->severity > moved.severity ||
			    (before->severity == moved.severity &&
			     before->id <= moved.id))
				break;
			report->findings[at] = report->findings[at - 1];
			at--;
		}
		report->findings[at] = moved;
	}
}

void score_text(struct report *report)
{
	static const struct score_facts facts = { .record_known = true };

	score_sort_findings(report);
	report->state = score_find_state(report, &facts);
	report->score = -1;
	report->exit_status = score_find_exit_status(report, 0);
}

void score_state(struct report *report, const struct score_facts *facts)
{
	report->state = score_find_state(report, facts);
}

void score_report(struct report *report, const struct score_facts *facts,
                  unsigned min_score)
{
	score_sort_findings(report);
	score_find(report, facts);
	report->exit_status = score_find_exit_status(report, min_score);
}
