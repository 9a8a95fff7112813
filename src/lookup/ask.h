/* SPDX-License-Identifier: BSD-2-Clause */
/* ask.h - the answer for an MTA that asks about one next hop.
 *
 * An answer is put together from the operator's override (sts/override.h), what
 * MTA-STS says (lookup/lookup.h), what is known of DANE (lookup/dane_table.h,
 * lookup/dane_checks.h) and, if it is to name them, the domain's MX hosts
 * (lookup/mx_sets.h). If there is an override, it is the answer and nothing is
 * looked up. DANE comes before MTA-STS, as sts/dane.h decides (RFC 8461 2:
 * validation of a policy must not override a failing DANE validation).
 *
 * ask_try() answers at once if everything is known, and uses no network.
 * Otherwise ask_wait() looks up MTA-STS and DANE side by side, then the MX
 * hosts, and calls back. */
#ifndef LOOKUP_ASK_H
#define LOOKUP_ASK_H

#include "lookup/dane_checks.h"
#include "lookup/lookup.h"
#include "lookup/mx_sets.h"
#include "sts/dane.h"
#include "sts/override.h"

struct ask;

/* When DANE is considered, in the order of the option's values. */
enum ask_dane {
	ASK_DANE_AUTO,       /* if the resolver delivers DNSSEC data */
	ASK_DANE_ON,         /* always */
	ASK_DANE_PRECEDENCE, /* as AUTO, and only if an enforce policy is in
	                      * force */
	ASK_DANE_OFF,
};

/* All pointers are borrowed and outlive the service. */
struct ask_options {
	const struct clock *clock;
	struct lookups *lookups;
	struct dane_table *dane_table;   /* NULL only if DANE is off */
	struct dane_checks *dane_checks; /* NULL only if DANE is off */
	struct mx_sets *mx_sets;
	const struct overrides *overrides; /* may be NULL: none */
	enum ask_dane dane;
	bool leave_dane;     /* dane_answer: none */
	uint64_t timeout_ms; /* lookup.timeout */
};

/* MTS_ENOMEM. On MTS_OK *RET is the caller's: ask_close(), once there are no
 * waiters. */
int ask_new(const struct ask_options *options, struct ask **ret,
            struct fault *why);
void ask_close(struct ask **ask);

/* Uses OPTIONS from now on, also for questions that wait. */
void ask_set(struct ask *ask, const struct ask_options *options);

struct ask_question {
	struct domain_hop hop;
	bool with_dane;       /* false: the MTA does DANE itself */
	bool enforce_testing; /* treat the mode testing as enforce */
	bool strict_mx;       /* the answer is to name MX hosts */
	/* It is to name them as well if there are more bytes of MX patterns
	 * than this; 0: no limit. */
	size_t patterns_max;
	uint64_t timeout_ms; /* ask_wait(): if less than lookup.timeout; 0: none
	                      * of its own */
	bool again; /* ask_try() has said before what MTA-STS says: that is
	             * counted already */
};

/* All of it is borrowed and valid until the receiver returns to the loop. */
struct ask_result {
	/* The operator's override, or NULL. A pinned policy is in STS as well,
	 * with the id "pinned", as if it was fetched now. */
	const struct override *override;
	struct lookup_result sts;
	bool sts_known; /* false only after ask_try() */
	bool enforced;  /* there is an enforce policy, or one treated as such */
	/* Why DANE is not considered, for a person to read; NULL if it is. */
	const char *dane_off;
	struct dane_known dane;
	/* What follows from DANE, whether or not LEAVE_DANE. */
	enum dane_verdict verdict;
	bool leave_dane;
	/* The answer is to name MX hosts: a policy is enforced, it is not a
	 * pinned one (for those nothing is looked up), and DANE says nothing. */
	bool strict_mx;
	struct mx_hosts hosts; /* strict_mx: the domain's */
	/* ask_refresh(): the DANE check that has just ended, or NULL. */
	const struct dane_result *dane_check;
};

/* "bypass", "pinned", or lookup_source_text(). */
const char *ask_source_text(const struct ask_result *result);

/* MTS_OK: RET is the answer. MTS_EMORE: only a look-up can tell; RET is what to
 * answer if no look-up can be started. */
int ask_try(struct ask *ask, const struct ask_question *question,
            struct ask_result *ret);

/* True if the operator has an override for it, which RET then describes: the
 * part of ask_try() that starts nothing. */
bool ask_override(struct ask *ask, const struct ask_question *question,
                  struct ask_result *ret);

struct ask_waiter;

typedef void ask_callback(void *arg, const struct ask_result *result);

/* Looks up what TRIED does not know, for lookup.timeout at most. TRIED comes from
 * ask_try() in this round of the loop. An error return (MTS_ENOMEM; MTS_EFULL:
 * too much is under way) means "not started". Otherwise CALLBACK comes exactly
 * once, never from inside the call, unless ask_cancel() comes first. */
int ask_wait(struct ask *ask, const struct ask_question *question,
             const struct ask_result *tried, ask_callback *callback, void *arg,
             struct ask_waiter **ret);

/* The same for an operator: looks up everything now, whatever is known, for
 * TIMEOUT_MS at most. Overrides are not considered: see ask_override(). */
int ask_refresh(struct ask *ask, const struct ask_question *question,
                uint64_t timeout_ms, ask_callback *callback, void *arg,
                struct ask_waiter **ret);

/* The callback will not come. Takes NULL, leaves NULL. */
void ask_cancel(struct ask_waiter **waiter);

/* What is known of DANE for HOP, for display: as ask_try(), but starts nothing.
 * ENTRY may be NULL. Returns the age; RET->dane_off says why DANE is not
 * considered. */
enum dane_age ask_peek(struct ask *ask, const struct domain_hop *hop,
                       const struct cache_entry *entry, struct ask_result *ret);

#endif
