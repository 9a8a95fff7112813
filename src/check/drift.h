/* SPDX-License-Identifier: BSD-2-Clause */
/* drift.h - compares a domain with what earlier runs saw: --state FILE.
 *
 * A policy text does not contain its id, so only a comparison over time shows
 * whether the id changed together with the text. The file is JSON and is replaced
 * as a whole. Two runs at once each add their own domains to it. */
#ifndef CHECK_DRIFT_H
#define CHECK_DRIFT_H

#include "findings/report.h"

struct drift;

/* Reads FILE, which need not exist yet. MTS_ESYS: it cannot be read;
 * MTS_EDAMAGED: it is not a state file; MTS_ENOMEM. On MTS_OK *RET is the
 * caller's: drift_free(), which takes NULL and leaves NULL. */
int drift_open(const char *file, struct drift **ret, struct fault *why);
void drift_free(struct drift **drift);

/* Compares the report's record and policy with what was recorded before, adds a
 * finding if they drifted apart, and records them. If the record or the policy is
 * missing, or the text changed under the same id, what was recorded stays: an
 * outage or a stale id must not become the new baseline. */
void drift_judge(struct drift *drift, struct report *report);

/* Saves what was recorded to the file. MTS_ESYS, MTS_EDAMAGED, MTS_ENOMEM. */
int drift_save(struct drift *drift, struct fault *why);

#endif
