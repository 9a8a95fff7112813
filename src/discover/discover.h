/* SPDX-License-Identifier: BSD-2-Clause */
/* discover.h - policy discovery for one domain (RFC 8461 3): TXT record, then
 * addresses of the policy host, then HTTPS, then the policy text.
 *
 * Knows nothing of caches and of who asks: the same walk serves a look-up, a
 * refresh, mtasts-ctl explain and mtasts-check. Every step leaves a line in the
 * trace. */
#ifndef DISCOVER_DISCOVER_H
#define DISCOVER_DISCOVER_H

#include "base/clock.h"
#include "dns/resolver.h"
#include "https/fetch.h"
#include "sts/domain.h"
#include "sts/policy.h"
#include "sts/record.h"

#include <stdbool.h>
#include <stdint.h>

enum { DISCOVER_STEPS_MAX = 8 };

/* One line of the trace. */
struct discover_step {
	const char *name; /* "record", "address", "connect", "tls", "http",
	                   * "policy": a constant */
	bool ok;
	uint64_t ms;    /* it took */
	char text[200]; /* what came of it; safe to print */
};

enum discover_outcome {
	DISCOVER_POLICY,     /* a policy, fetched now */
	DISCOVER_UNCHANGED,  /* the record's id is KNOWN_ID; nothing fetched */
	DISCOVER_NO_RECORD,  /* DNS says that there is no MTA-STS record */
	DISCOVER_BAD_RECORD, /* several, or one that is no good */
	DISCOVER_DNS_FAILED, /* DNS gave no answer for the record */
	DISCOVER_FETCH_FAILED, /* the record is good, the policy can't be had:
	                        * no address, no HTTPS, a text that is bad */
	DISCOVER_NO_MEMORY,
};

enum { DISCOVER_OUTCOMES = DISCOVER_NO_MEMORY + 1 };

/* "policy", "unchanged", ... */
const char *discover_outcome_text(enum discover_outcome outcome);

/* Lives only while the callback runs, but for what is said below. */
struct discover_result {
	enum discover_outcome outcome;
	struct sts_record record; /* POLICY, UNCHANGED, FETCH_FAILED */
	uint32_t record_ttl_s;    /* of the TXT answer, or of its absence */
	struct policy *policy;    /* POLICY: borrowed */
	struct slice text;        /* POLICY: the body; borrowed */
	enum fetch_cause cause;   /* FETCH_FAILED: FETCH_OK if HTTPS was good or
	                           * was not reached */
	const char *reason;       /* one line; never NULL */
	/* What came of the record, and why: DISCOVER_POLICY if it is good. Only
	 * with .despite_record it differs from OUTCOME where that is POLICY or
	 * FETCH_FAILED; record.id is "" then. */
	enum discover_outcome record_outcome;
	const char *record_reason; /* never NULL */
	const struct discover_step *steps;
	size_t step_count;
};

struct discover_options {
	struct resolver *resolver;
	struct fetcher *fetcher;
	const struct clock *clock;
	bool allow_private_addresses;
	/* The policy is fetched even if there is no good record: for those who
	 * have one already (10.2: "regardless of the state of the "_mta-sts"
	 * TXT record"). */
	bool despite_record;
};

struct discovery;

typedef void discover_callback(void *arg, const struct discover_result *result);

/* Starts the walk for DOMAIN. If the record's id is KNOWN_ID (NULL: none is) it
 * ends there as UNCHANGED. OPTIONS is copied; what it points to outlives the
 * walk. An error return means "not started": MTS_ENOMEM. Otherwise CALLBACK
 * comes exactly once, never from inside the call, unless discovery_cancel()
 * comes first. */
int discovery_start(const struct discover_options *options,
                    const struct domain *domain, const char *known_id,
                    discover_callback *callback, void *arg,
                    struct discovery **ret);

/* The callback will not come. Takes NULL, leaves NULL. */
void discovery_cancel(struct discovery **discovery);

#endif
