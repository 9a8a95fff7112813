/* SPDX-License-Identifier: BSD-2-Clause */
/* kept.c - what a look-up told, kept for longer than the call. */
#include "lookup/kept.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void keep_discovery(struct kept_lookup *kept,
                           const struct discover_result *from)
{
	struct discover_result *to = &kept->discovery;

	*to = *from;
	to->policy = NULL;
	to->text = slice_of("", 0);
	snprintf(kept->discovery_reason, sizeof(kept->discovery_reason), "%s",
	         from->reason);
	to->reason = kept->discovery_reason;
	if (to->step_count)
		memcpy(kept->steps, from->steps,
		       to->step_count * sizeof(*from->steps));
	to->steps = kept->steps;
	kept->result.discovery = to;
}

struct kept_lookup *kept_lookup_new(const struct lookup_result *result,
                                    bool with_discovery)
{
	const struct discover_result *discovery =
	    with_discovery ? result->discovery : NULL;
	size_t steps = discovery ? discovery->step_count : 0;
	struct slice mx =
	    result->has_policy ? result->entry.policy.mx : slice_of("", 0);
	struct kept_lookup *kept =
	    malloc(sizeof(*kept) + steps * sizeof(*discovery->steps) + mx.len);
	char *to;

	if (!kept)
		return NULL;
	to = (char *)(kept->steps + steps);
	kept->result = *result;
	snprintf(kept->reason, sizeof(kept->reason), "%s", result->reason);
	kept->result.reason = kept->reason;
	if (mx.len)
		memcpy(to, mx.data, mx.len);
	kept->result.entry.policy.mx = slice_of(to, mx.len);
	kept->result.discovery = NULL;
	if (discovery)
		keep_discovery(kept, discovery);
	return kept;
}

struct kept_dane *kept_dane_new(const struct dane_result *result)
{
	size_t size = result->step_count * sizeof(*result->steps);
	struct kept_dane *kept = malloc(sizeof(*kept) + size);

	if (!kept)
		return NULL;
	kept->result = *result;
	snprintf(kept->reason, sizeof(kept->reason), "%s", result->reason);
	kept->result.reason = kept->reason;
	if (size)
		memcpy(kept->steps, result->steps, size);
	kept->result.steps = kept->steps;
	return kept;
}
