/* SPDX-License-Identifier: BSD-2-Clause */
/* kept.h - what a look-up told, kept for longer than the call: for who waits
 * for something else besides. */
#ifndef LOOKUP_KEPT_H
#define LOOKUP_KEPT_H

#include "discover/dane_check.h"
#include "lookup/lookup.h"

/* A copy that borrows nothing. Of a discovery the policy is left out, which the
 * entry has. */
struct kept_lookup {
	struct lookup_result result;
	struct discover_result discovery;
	char reason[FAULT_TEXT];
	char discovery_reason[FAULT_TEXT];
	/* The steps of the discovery, and behind them the policy's patterns. */
	struct discover_step steps[];
};

/* The discovery is copied only WITH_DISCOVERY. NULL if memory is short. The
 * caller's: free(). */
struct kept_lookup *kept_lookup_new(const struct lookup_result *result,
                                    bool with_discovery);

/* The same of a walk. */
struct kept_dane {
	struct dane_result result;
	char reason[FAULT_TEXT];
	struct dane_step steps[];
};

struct kept_dane *kept_dane_new(const struct dane_result *result);

#endif
