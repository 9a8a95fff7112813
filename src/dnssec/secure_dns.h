/* SPDX-License-Identifier: BSD-2-Clause */
/* secure_dns.h - DNS look-ups that say whether the answer is authenticated (RFC
 * 4033).
 *
 * Answers are validated here, by libunbound on a thread of its own, or by
 * a trusted resolver that sets the AD bit. */
#ifndef DNSSEC_SECURE_DNS_H
#define DNSSEC_SECURE_DNS_H

#include "base/clock.h"
#include "dns/resolver.h"

#include <stdbool.h>

struct secure_dns;

enum secure_dns_mode {
	SECURE_DNS_AUTO,     /* trust the AD bit if all resolvers are on
	                      * loopback addresses and set it; else validate */
	SECURE_DNS_VALIDATE, /* validate from the trust anchor down */
	SECURE_DNS_TRUST_AD, /* trust the resolver's AD bit (RFC 6840 5.8) */
	SECURE_DNS_OFF,
};

struct secure_dns_options {
	uv_loop_t *loop;
	struct resolver *resolver; /* borrowed: its servers are asked */
	enum secure_dns_mode mode;
	const char *trust_anchor; /* a file; "": the system's */
	uint64_t timeout_ms; /* of one look-up, time in the queue included */
	const struct clock *clock; /* says when the next test is due */
};

/* Sets up the service and starts the first test of the resolver. Errors:
 * MTS_ENOMEM, MTS_ELIB; with VALIDATE, or AUTO and a configured trust anchor:
 * MTS_ESYS, MTS_ESYNTAX, MTS_ENOTFOUND, MTS_ERANGE: the trust anchor can't be used.
 * (If AUTO finds no trust anchor on the system, it works as if no zone were
 * signed.) On MTS_OK the caller owns *RET: secure_dns_close(). */
int secure_dns_new(const struct secure_dns_options *options,
                   struct secure_dns **ret, struct fault *why);

/* Prepares other OPTIONS (with the same loop, resolver and clock) for the servers
 * that resolver_prepare() has prepared. Errors as for secure_dns_new().
 * secure_dns_settle(), called after resolver_settle(), makes them effective if
 * GOOD, else drops them. Open questions are asked again if servers or mode have
 * changed. */
int secure_dns_prepare(struct secure_dns *dns,
                       const struct secure_dns_options *options,
                       struct fault *why);
void secure_dns_settle(struct secure_dns *dns, bool good);

/* Cancels every look-up. Accepts a pointer to NULL; sets *DNS to NULL. The loop
 * must run once more before it is closed. */
void secure_dns_close(struct secure_dns **dns);

/* -- does DNSSEC work? ----------------------------------------------------- */

/* Whether authenticated answers can be had: tested at start and again from time to
 * time; changes are logged. */
enum secure_dns_health {
	SECURE_DNS_UNTESTED, /* the first test is running */
	SECURE_DNS_GOOD,
	SECURE_DNS_STRIPPED, /* answers without signatures, or without AD */
	SECURE_DNS_FAILING,  /* no answers to queries with DNSSEC */
	SECURE_DNS_DEAD,     /* no answers at all, and it was never GOOD */
	SECURE_DNS_NONE,     /* mode OFF, or there is no trust anchor */
};

/* To be called before each look-up that depends on it: starts the next test if it
 * is due. (Without calls, nothing is tested.) */
enum secure_dns_health secure_dns_health(struct secure_dns *dns);

/* "good", "stripped", ... */
const char *secure_dns_health_text(enum secure_dns_health health);

/* One line for status: the state, the method, and the result of the last test.
 * Valid until the loop runs. */
const char *secure_dns_text(const struct secure_dns *dns);

/* How look-ups ended. */
enum secure_dns_result {
	SECURE_DNS_SECURE,   /* authenticated, absence too */
	SECURE_DNS_INSECURE, /* from an unsigned zone */
	SECURE_DNS_BOGUS,    /* the signatures are wrong or missing */
	SECURE_DNS_FAILED,   /* there was no usable answer */
	SECURE_DNS_TIMEOUT,
	SECURE_DNS_RESULTS,
};

struct secure_dns_counts {
	uint64_t by_result[SECURE_DNS_RESULTS];
};

/* Since the start. */
void secure_dns_get_counts(const struct secure_dns *dns,
                           struct secure_dns_counts *ret);

/* -- look-ups -------------------------------------------------------------- */

struct secure_query;

/* Looks up the TYPE records of NAME, whatever the state of the tests; CNAMEs are
 * followed. An error return means "not started": MTS_ENOMEM; MTS_EFULL: too many
 * look-ups are queued. Otherwise CALLBACK is called exactly once, never from
 * inside this call, within the options' time limit, unless secure_query_cancel()
 * is called first. */
int secure_dns_ask(struct secure_dns *dns, const struct dns_name *name,
                   uint16_t type, dns_callback *callback, void *arg,
                   struct secure_query **ret);

/* The callback will not be called. Accepts a pointer to NULL; sets *QUERY to
 * NULL. */
void secure_query_cancel(struct secure_query **query);

/* The loop and the time limit that were given to it. */
uv_loop_t *secure_dns_loop(const struct secure_dns *dns);
uint64_t secure_dns_timeout_ms(const struct secure_dns *dns);

#endif
