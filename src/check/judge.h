/* SPDX-License-Identifier: BSD-2-Clause */
/* judge.h - from what was gathered about a domain to findings.
 *
 * Pure, but for memory: no DNS, no network; the time stands in the report. */
#ifndef CHECK_JUDGE_H
#define CHECK_JUDGE_H

#include "check/facts.h"

/* Fills in findings, suggestions, state, score and exit status. */
void judge(struct report *report, const struct facts *facts,
           const struct check_options *options);

/* A policy text by itself: adds what is wrong with it to the report, whose
 * policy.text it is, and that its mode is not the one of EXPECT (as in
 * check_options); true if it is a policy. */
bool judge_policy_text(struct report *report, enum check_expect expect);

/* Takes the findings away that are not to be told of: --only and --skip. */
void judge_drop_hidden(struct report *report,
                       const struct check_options *options);

#endif
