/* SPDX-License-Identifier: BSD-2-Clause */
/* reports_seen.h - reads the TLS reports that senders sent: --reports PATH.
 *
 * TLS reports (RFC 8460 4.4) are JSON, plain or compressed with gzip. */
#ifndef CHECK_REPORTS_SEEN_H
#define CHECK_REPORTS_SEEN_H

#include "findings/report.h"

struct reports_seen;

/* Reads the file PATH, or all files in the folder PATH whose names end in ".json"
 * or ".json.gz". MTS_ESYS, MTS_ESYNTAX (not a TLS report), MTS_ENOMEM. On MTS_OK
 * *RET is the caller's: reports_seen_free(), which takes NULL and leaves NULL. */
int reports_seen_read(const char *path, struct reports_seen **ret,
                      struct fault *why);
void reports_seen_free(struct reports_seen **seen);

/* Adds premature_enforce if reports show failures for the report's domain. */
void reports_seen_judge(const struct reports_seen *seen, struct report *report);

#endif
