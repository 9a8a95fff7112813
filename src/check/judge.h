/* SPDX-License-Identifier: BSD-2-Clause */
/* judge.h - turns the facts about a domain, or a policy text, into findings.
 *
 * Allocates memory but is otherwise pure: no DNS, no network, no clock (the time
 * is in the report). */
#ifndef CHECK_JUDGE_H
#define CHECK_JUDGE_H

#include "check/facts.h"

/* Fills in REPORT's findings, suggestions, state, score and exit status. If memory
 * runs out, something is missing, and REPORT's status is MTS_ENOMEM. */
void judge(struct report *report, const struct facts *facts,
           const struct check_options *options);

/* Judges a policy text alone, REPORT's policy.text, and adds a finding for each
 * fault, and one if its mode is not EXPECT. Returns true if the policy is valid:
 * the parsed policy is then in REPORT. */
bool judge_policy_text(struct report *report, enum check_expect expect);

/* Drops the findings that OPTIONS does not show: --only and --skip. */
void judge_drop_hidden(struct report *report,
                       const struct check_options *options);

#endif
