/* SPDX-License-Identifier: BSD-2-Clause */
/* drift.h - what earlier runs saw: --state FILE.
 *
 * A policy text has no id of its own, so whether the id keeps up with the text
 * shows only in time. The file is JSON, replaced as a whole; two runs at once
 * each put their domains into it. */
#ifndef CHECK_DRIFT_H
#define CHECK_DRIFT_H

#include "findings/report.h"

struct drift;

/* Reads FILE; that there is none yet is all right. MTS_ESYS: it can't be read;
 * MTS_EDAMAGED: it is no state file; MTS_ENOMEM. On MTS_OK *RET is the caller's:
 * drift_free(), which takes NULL and leaves NULL. */
int drift_open(const char *file, struct drift **ret, struct fault *why);
void drift_free(struct drift **drift);

/* Compares the report's record and policy with what was seen before, and adds
 * what differs to the report; remembers them. A domain whose record or policy
 * was not had is left as it was: an outage is no new beginning, nor is a text
 * that changed under the same id. */
void drift_judge(struct drift *drift, struct report *report);

/* Puts what was remembered into the file. MTS_ESYS, MTS_EDAMAGED, MTS_ENOMEM. */
int drift_save(struct drift *drift, struct fault *why);

#endif
