/* SPDX-License-Identifier: BSD-2-Clause */
/* verdict.h - whether a policy is live, and whether it covers an MX host (RFC
 * 8461 4.1, 5.1).
 *
 * Pure: the time is passed in. */
#ifndef STS_VERDICT_H
#define STS_VERDICT_H

#include "sts/policy.h"

#include <stdbool.h>
#include <stdint.h>

/* True while a policy fetched at FETCHED_S with this max_age can be used (5.1:
 * "time-since-fetch has not exceeded its max_age"). Times are seconds since
 * 1970. If FETCHED_S is after NOW_S, because the clock was set back, the
 * distance between them counts just the same: so a small step loses no policy,
 * and a clock that was years ahead for a while makes no policy last forever. */
bool verdict_is_live(uint32_t max_age_s, int64_t fetched_s, int64_t now_s);

/* True if one of the policy's patterns covers MX (4.1). */
bool verdict_mx_matches(const struct policy *policy, struct slice mx);

#endif
