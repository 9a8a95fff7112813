/* SPDX-License-Identifier: BSD-2-Clause */
/* ask.h - what is an MTA to be told of this next hop?
 *
 * Puts together, for one question, the operator's word (sts/override.h), what
 * MTA-STS says (lookup/lookup.h) and what is known of DANE (lookup/dane_checks.h);
 * and, for answers that name them, the domain's MX hosts (lookup/mx_sets.h).
 * The word wins over everything, and nothing is looked up then; DANE comes
 * before MTA-STS (RFC 8461 2: validation of a policy must not override a
 * failing DANE validation), as sts/dane.h decides.
 *
 * As with look-ups, ask_try() answers at once if all that it takes is known,
 * and touches no network; otherwise ask_wait() has both looked up side by side,
 * the MX hosts after that, and calls back. */
#ifndef LOOKUP_ASK_H
#define LOOKUP_ASK_H

#include "lookup/dane_checks.h"
#include "lookup/lookup.h"
#include "lookup/mx_sets.h"
#include "sts/dane.h"
#include "sts/override.h"

struct ask;

/* Where DANE is looked at, in the order of the option's words. */
enum ask_dane {
	ASK_DANE_AUTO,       /* where the resolver hands out DNSSEC data */
	ASK_DANE_ON,         /* always */
	ASK_DANE_PRECEDENCE, /* as AUTO, and only where an enforce policy is in
	                      * force */
	ASK_DANE_OFF,
};

/* All pointers are borrowed and outlive the service. */
struct ask_options {
	const struct clock *clock;
	struct lookups *lookups;
	struct dane_checks *walks; /* NULL only if DANE is off */
	struct mx_sets *mx_sets;
	const struct overrides *overrides; /* may be NULL: none */
	enum ask_dane dane;
	bool leave_dane;     /* dane_answer: none */
	uint64_t timeout_ms; /* lookup.timeout */
};

/* MTS_ENOMEM. On MTS_OK *RET is the caller's: ask_close(), before which nobody
 * waits any more. */
int ask_new(const struct ask_options *options, struct ask **ret,
            struct fault *why);
void ask_close(struct ask **ask);

/* Goes by OPTIONS from now on, for who waits, too. */
void ask_set(struct ask *ask, const struct ask_options *options);

struct ask_question {
	struct domain_hop hop;
	bool with_dane;       /* false: the MTA sees to DANE itself */
	bool enforce_testing; /* the mode testing is taken for enforce */
	bool strict_mx;       /* the answer is to name MX hosts */
	/* It is to do so if there are more bytes of patterns than this; 0:
	 * however many there are, not for that. */
	size_t patterns_max;
	uint64_t timeout_ms; /* ask_wait(): if it is less; 0: as it is */
	bool again; /* ask_try() has told what MTA-STS says: it is counted */
};

/* Borrowed, all of it: good until the receiver returns to the loop. */
struct ask_result {
	/* The operator's word, or NULL. A pinned policy is in STS as well, with
	 * the id "pinned", as if it was fetched now. */
	const struct override *override;
	struct lookup_result sts;
	bool sts_known; /* false only after ask_try() */
	bool enforced;  /* there is an enforce policy, or one taken for it */
	/* Why DANE is not looked at, in words; NULL if it is. */
	const char *dane_off;
	struct dane_known dane;
	/* What came of DANE; with leave_dane still. */
	enum dane_verdict verdict;
	bool leave_dane;
	/* The answer is to name MX hosts, as a policy is enforced that is no
	 * pinned one (for those nothing is looked up) and DANE says nothing. */
	bool strict_mx;
	struct mx_hosts hosts; /* strict_mx: the domain's */
	/* ask_refresh(): the walk that just ended, or NULL. */
	const struct dane_result *walk;
};

/* "bypass", "pinned", or lookup_source_text(). */
const char *ask_source_text(const struct ask_result *result);

/* Answers at once if it can: MTS_OK. MTS_EMORE: only a look-up can tell; then
 * RET is what is to be said if even that can't be had. */
int ask_try(struct ask *ask, const struct ask_question *question,
            struct ask_result *ret);

/* True if the operator has his own word on it, which then is in RET: the part
 * of ask_try() that starts nothing. */
bool ask_override(struct ask *ask, const struct ask_question *question,
                  struct ask_result *ret);

struct ask_waiter;

typedef void ask_callback(void *arg, const struct ask_result *result);

/* Waits for what TRIED, which ask_try() gave in this turn of the loop, does not
 * know, for lookup.timeout at most. An error return (MTS_ENOMEM; MTS_EFULL: too
 * much is under way) means "not started". Otherwise CALLBACK comes exactly
 * once, never from inside the call, unless ask_cancel() comes first. */
int ask_wait(struct ask *ask, const struct ask_question *question,
             const struct ask_result *tried, ask_callback *callback, void *arg,
             struct ask_waiter **ret);

/* The same for an operator: whatever is known, all is looked up now, for
 * TIMEOUT_MS. But for domains that he has his own word on. */
int ask_refresh(struct ask *ask, const struct ask_question *question,
                uint64_t timeout_ms, ask_callback *callback, void *arg,
                struct ask_waiter **ret);

/* The callback will not come. Takes NULL, leaves NULL. */
void ask_cancel(struct ask_waiter **waiter);

/* What is known of DANE for a hop without asking, for show: as ask_try(), and
 * nothing is started. ENTRY may be NULL. Returns the age; why it is not looked
 * at is in RET->dane_off. */
enum dane_age ask_peek(struct ask *ask, const struct domain_hop *hop,
                       const struct cache_entry *entry, struct ask_result *ret);

#endif
