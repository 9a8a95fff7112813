/* SPDX-License-Identifier: BSD-2-Clause */
/* score.h - from what was found to state, score and exit status.
 *
 * Pure. */
#ifndef FINDINGS_SCORE_H
#define FINDINGS_SCORE_H

#include "findings/report.h"

/* Which groups of checks were walked. */
enum group_run {
	RUN_DONE,
	RUN_BLOCKED, /* an earlier group failed: it scores 0 */
	RUN_UNKNOWN, /* it could not be learnt: left out */
};

/* What is known of the domain besides the findings. */
struct score_facts {
	bool record_known; /* false: it could not be looked up */
	enum group_run runs[SCORED_GROUPS];
};

/* Sets the report's state, by all that was found. */
void score_state(struct report *report, const struct score_facts *facts);

/* Sorts the findings, of which some may have been taken away since, and sets the
 * report's score, its lines, and exit status by those that are left. MIN_SCORE: a
 * lower score is critical; 0: none is. */
void score_report(struct report *report, const struct score_facts *facts,
                  unsigned min_score);

/* The same for a policy's text by itself, which has no score. */
void score_text(struct report *report);

/* The worse of two exit statuses: critical, warning, unknown, ok. */
int score_worse(int a, int b);

#endif
