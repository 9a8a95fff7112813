/* SPDX-License-Identifier: BSD-2-Clause */
/* verdict.c - whether a policy is live, and whether it covers an MX host. */
#include "sts/verdict.h"

#include "sts/mx.h"

bool verdict_is_live(uint32_t max_age_s, int64_t fetched_s, int64_t now_s)
{
	/* Unsigned, since stored times may be anything. */
	uint64_t age_s = now_s >= fetched_s
	                     ? (uint64_t)now_s - (uint64_t)fetched_s
	                     : (uint64_t)fetched_s - (uint64_t)now_s;

	return age_s <= max_age_s;
}

bool verdict_mx_matches(const struct policy *policy, struct slice mx)
{
	const char *pattern;
	size_t offset = 0;

	while ((pattern = policy_next_mx(policy, &offset)))
		if (mx_pattern_matches(pattern, mx))
			return true;
	return false;
}
