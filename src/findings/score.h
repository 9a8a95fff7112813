/* SPDX-License-Identifier: BSD-2-Clause */
/* score.h - computes a domain's state, score and exit status from its findings.
 *
 * Pure. */
#ifndef FINDINGS_SCORE_H
#define FINDINGS_SCORE_H

#include "findings/report.h"

/* How far the checks of a group got. */
enum group_run {
	RUN_DONE,
	RUN_BLOCKED, /* not possible, as an earlier group failed: scores 0 */
	RUN_UNKNOWN, /* no result could be had from here: not counted */
};

/* What the score depends on besides the findings. */
struct score_facts {
	bool record_known; /* false: it could not be looked up */
	enum group_run runs[SCORED_GROUPS];
};

/* Sets the report's state. All findings must still be there. */
void score_state(struct report *report, const struct score_facts *facts);

/* Sorts the findings and sets the report's score, score lines and exit status from
 * them. Findings dropped since score_state() do not count. A score below MIN_SCORE
 * is critical. */
void score_report(struct report *report, const struct score_facts *facts,
                  unsigned min_score);

/* Does both for a policy text alone, which has no score. */
void score_text(struct report *report);

/* The worse of two exit statuses; the order is critical, warning, unknown, ok. */
int score_worse(int a, int b);

#endif
