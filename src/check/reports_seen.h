/* SPDX-License-Identifier: BSD-2-Clause */
/* reports_seen.h - what senders reported of domains: --reports PATH.
 *
 * Reads TLS reports (RFC 8460 4.4): JSON, as it is or packed by gzip, in which form
 * reports are mailed. */
#ifndef CHECK_REPORTS_SEEN_H
#define CHECK_REPORTS_SEEN_H

#include "findings/report.h"

struct reports_seen;

/* Reads the file PATH, or in the folder PATH all whose names end in ".json"
 * or ".json.gz". MTS_ESYS, MTS_ESYNTAX (it is no report), MTS_ENOMEM. On MTS_OK
 * *RET is the caller's: reports_seen_free(), which takes NULL and leaves NULL. */
int reports_seen_read(const char *path, struct reports_seen **ret,
                      struct fault *why);
void reports_seen_free(struct reports_seen **seen);

/* Adds premature_enforce, if there are reports of failures for the domain. */
void reports_seen_judge(const struct reports_seen *seen, struct report *report);

#endif
