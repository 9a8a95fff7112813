/* SPDX-License-Identifier: BSD-2-Clause */
/* transfer.h - exported policies, which another host can import: JSON, one
 * object a line.
 *
 *   {"format": "mtasts-policies", "version": 1, ...}           the first line
 *   {"domain": "example.org", "id": "20240229", "fetched": 1700000000,
 *    "max_age": 604800, "mode": "enforce", "mx": ["mx1.example.org"],
 *    "used": 1700003600}                                        one a policy
 *   {"policies": 1}                                             the last line
 *
 * Pure codec: no clock, no cache. Unknown members are ignored, so that later
 * versions of the format can add some. */
#ifndef WIRE_TRANSFER_H
#define WIRE_TRANSFER_H

#include "base/slice.h"
#include "base/status.h"
#include "sts/domain.h"
#include "sts/policy.h"
#include "sts/record.h"

#include <jansson.h>
#include <stdint.h>

#define TRANSFER_FORMAT "mtasts-policies"

enum {
	TRANSFER_VERSION = 1,
	/* The patterns of the largest policy as JSON, and the rest. */
	TRANSFER_LINE_MAX = POLICY_MAX + 4096,
};

enum transfer_kind { TRANSFER_HEADER, TRANSFER_POLICY, TRANSFER_END };

/* What a line says. */
struct transfer_line {
	enum transfer_kind kind;
	uint64_t count; /* TRANSFER_END: how many policies there were */
	/* TRANSFER_POLICY: */
	struct domain domain;
	char id[RECORD_ID_MAX + 1];
	struct policy *policy; /* the caller's: policy_free() */
	int64_t fetched_s;     /* above 0 */
	int64_t used_s;        /* 0: never */
};

/* Reads LINE, without its newline. MTS_ESYNTAX, MTS_ERANGE: WHY says which
 * member is invalid, and RET holds nothing to free; MTS_ENOMEM. A policy must
 * obey the rules for a fetched one; the same code checks it. In addition each
 * pattern must be valid and occur only once: nothing is ignored silently. */
int transfer_parse(struct slice line, struct transfer_line *ret,
                   struct fault *why);

/* The objects to be written as lines; NULL: out of memory. */
json_t *transfer_header(int64_t now_s, const char *program);
json_t *transfer_policy(const char *domain, const char *id,
                        const struct policy *policy, int64_t fetched_s,
                        int64_t used_s);
json_t *transfer_end(uint64_t count);

#endif
