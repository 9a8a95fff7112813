/* SPDX-License-Identifier: BSD-2-Clause */
/* verdict.h - what a policy says of one MX host (RFC 8461 4.1, 5).
 *
 * Pure: the time is passed in. */
#ifndef STS_VERDICT_H
#define STS_VERDICT_H

#include "sts/policy.h"

#include <stdbool.h>
#include <stdint.h>

/* True while a policy fetched at FETCHED_S with this max_age may be used (5.1:
 * "time-since-fetch has not exceeded its max_age"). Times in seconds since
 * 1970. A fetch that lies ahead of NOW_S, since the clock was set back, counts
 * by its distance too: a small step loses no policy, and a clock that was years
 * ahead for a while makes none eternal. */
bool verdict_is_live(uint32_t max_age_s, int64_t fetched_s, int64_t now_s);

/* True if one of the policy's patterns covers MX (4.1). */
bool verdict_mx_matches(const struct policy *policy, struct slice mx);

#endif
