/* SPDX-License-Identifier: BSD-2-Clause */
/* discover.h - policy discovery for one domain (RFC 8461 3): the TXT record, then
 * the addresses of the policy host, then HTTPS, then the policy text.
 *
 * A discovery knows nothing of caches or of who asks. Look-ups, refreshes,
 * mtasts-ctl explain and mtasts-check all use it. Every step adds a line to the
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
	uint64_t ms;    /* how long it took */
	char text[200]; /* the outcome; safe to print */
};

enum discover_outcome {
	DISCOVER_POLICY,     /* a policy, fetched now */
	DISCOVER_UNCHANGED,  /* the record's id is KNOWN_ID; nothing fetched */
	DISCOVER_NO_RECORD,  /* DNS says that there is no MTA-STS record */
	DISCOVER_BAD_RECORD, /* several records, or an invalid one */
	DISCOVER_DNS_FAILED, /* DNS gave no answer for the record */
	DISCOVER_FETCH_FAILED, /* the record is valid, but there is no policy:
	                        * no address, HTTPS failed, invalid text */
	DISCOVER_NO_MEMORY,
};

enum { DISCOVER_OUTCOMES = DISCOVER_NO_MEMORY + 1 };

/* "policy", "unchanged", ... */
const char *discover_outcome_text(enum discover_outcome outcome);

/* Valid only during the callback. */
struct discover_result {
	enum discover_outcome outcome;
	struct sts_record record; /* POLICY, UNCHANGED, FETCH_FAILED */
	uint32_t record_ttl_s;    /* of the TXT answer, or of its absence */
	struct policy *policy;    /* POLICY: borrowed */
	struct slice text;        /* POLICY: the body; borrowed */
	enum fetch_cause cause;   /* FETCH_FAILED: what went wrong; FETCH_OK if
	                           * HTTPS worked or was not tried */
	const char *reason;       /* one line; never NULL */
	/* The outcome for the record alone: DISCOVER_POLICY if it is valid. It
	 * differs from OUTCOME only with .despite_record, when OUTCOME is
	 * POLICY or FETCH_FAILED; record.id is "" then. */
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
	/* Fetch the policy even without a valid record. For refreshes of a
	 * cached policy (10.2: "regardless of the state of the "_mta-sts" TXT
	 * record"). */
	bool despite_record;
};

struct discovery;

typedef void discover_callback(void *arg, const struct discover_result *result);

/* Starts a discovery for DOMAIN. If the record's id equals KNOWN_ID (may be NULL),
 * it ends there as UNCHANGED. OPTIONS is copied; what it points to must outlive
 * the discovery. An error return means "not started": MTS_ENOMEM. Otherwise
 * CALLBACK is called exactly once, never from inside this call, unless
 * discovery_cancel() is called first. */
int discovery_start(const struct discover_options *options,
                    const struct domain *domain, const char *known_id,
                    discover_callback *callback, void *arg,
                    struct discovery **ret);

/* The callback will not be called. Accepts a pointer to NULL; sets *DISCOVERY to
 * NULL. */
void discovery_cancel(struct discovery **discovery);

#endif
