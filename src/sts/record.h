/* SPDX-License-Identifier: BSD-2-Clause */
/* record.h - the "_mta-sts" TXT record (RFC 8461 3.1).
 *
 * Pure: no DNS. The caller has joined the strings of each record. */
#ifndef STS_RECORD_H
#define STS_RECORD_H

#include "base/slice.h"
#include "base/status.h"

enum { RECORD_ID_MAX = 32 }; /* 3.1: 1*32(ALPHA / DIGIT) */

struct sts_record {
	char id[RECORD_ID_MAX + 1]; /* NUL-terminated, as published */
};

/* Parses one record, strictly by the ABNF of 3.1. MTS_ESYNTAX: WHY names the
 * first fault, for a person to read. */
int record_parse(struct slice text, struct sts_record *ret, struct fault *why);

/* Finds the one MTA-STS record among all TXT records of the name, and parses
 * it. Ignores records that do not begin with "v=STSv1;". MTS_ENOTFOUND: none is
 * left. MTS_ESYNTAX: more than one is left, or the one that is left is invalid.
 * Either way the domain has no usable record (3.1). */
int record_select(const struct slice *texts, size_t count,
                  struct sts_record *ret, struct fault *why);

#endif
