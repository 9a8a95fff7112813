/* SPDX-License-Identifier: BSD-2-Clause */
/* secure_dns.h - DNS look-ups that say whether the answer is authenticated (RFC
 * 4033), validated here or by a resolver that is trusted.
 *
 * Validation is libunbound's, on a thread of its own: it costs milliseconds of
 * processor time, and strangers' zones decide how many. */
#ifndef DNSSEC_SECURE_DNS_H
#define DNSSEC_SECURE_DNS_H

#include "base/clock.h"
#include "dns/resolver.h"

#include <stdbool.h>

struct secure_dns;

enum secure_dns_mode {
	SECURE_DNS_AUTO,     /* trust AD from resolvers on loopback addresses
	                      * only, and if they set it; validate otherwise */
	SECURE_DNS_VALIDATE, /* from the trust anchor down */
	SECURE_DNS_TRUST_AD, /* the resolver's AD bit (RFC 6840 5.8) */
	SECURE_DNS_OFF,
};

struct secure_dns_options {
	uv_loop_t *loop;
	struct resolver *resolver; /* borrowed: servers, and how AD is asked */
	enum secure_dns_mode mode;
	const char *trust_anchor;  /* a file; "": the system's */
	uint64_t timeout_ms;       /* of one look-up */
	const struct clock *clock; /* says when the next test is due */
};

/* Begins to test what the resolver hands out. Unless mode is trust-ad or off:
 * MTS_ESYS, MTS_ESYNTAX, MTS_ENOTFOUND, MTS_ERANGE: the trust anchor is no good
 * (that the system has none is under auto no error but as if there were no
 * DNSSEC). MTS_ENOMEM, MTS_ELIB. On MTS_OK *RET is the caller's:
 * secure_dns_close(). */
int secure_dns_new(const struct secure_dns_options *options,
                   struct secure_dns **ret, struct fault *why);

/* Prepares other OPTIONS (of the same loop, resolver and clock), for the servers
 * that resolver_prepare() has prepared; secure_dns_new()'s errors.
 * secure_dns_settle(), after the resolver's, then puts them in force, or drops
 * them. What is asked is asked anew if it has to be of others, or otherwise. */
int secure_dns_prepare(struct secure_dns *dns,
                       const struct secure_dns_options *options,
                       struct fault *why);
void secure_dns_settle(struct secure_dns *dns, bool good);

/* Cancels every look-up. Takes NULL, leaves NULL. The loop must run once more
 * before it is closed. */
void secure_dns_close(struct secure_dns **dns);

/* -- is there anything to be had? ------------------------------------------ */

/* Whether authenticated answers are to be had, found out at start and again
 * from time to time; changes are logged. */
enum secure_dns_health {
	SECURE_DNS_UNTESTED, /* the first test is still under way */
	SECURE_DNS_GOOD,
	SECURE_DNS_STRIPPED, /* answers come, but no signatures (or no AD) */
	SECURE_DNS_FAILING,  /* no answers to questions with DNSSEC */
	SECURE_DNS_DEAD,     /* nor to any other, and it was never good */
	SECURE_DNS_NONE,     /* mode off, or no anchor */
};

/* Ask each time before a look-up that may be left out: this also begins the next
 * test when it is due. (Nothing is tested while nobody asks.) */
enum secure_dns_health secure_dns_health(struct secure_dns *dns);

/* "good", "stripped", ... and, for status, one line of plain words on what is
 * done and what came of the last test. Valid until the loop runs. */
const char *secure_dns_health_text(enum secure_dns_health health);
const char *secure_dns_text(const struct secure_dns *dns);

/* How look-ups ended. */
enum secure_dns_result {
	SECURE_DNS_SECURE,   /* authenticated, absence too */
	SECURE_DNS_INSECURE, /* from a zone without signatures */
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

/* Looks up the TYPE records of NAME, whatever the last test said; CNAMEs are
 * followed. An error return means "not started": MTS_ENOMEM; MTS_EFULL: too many
 * wait. Otherwise CALLBACK comes exactly once, never from inside the call,
 * within the options' time-out, unless secure_query_cancel() comes first. */
int secure_dns_ask(struct secure_dns *dns, const struct dns_name *name,
                   uint16_t type, dns_callback *callback, void *arg,
                   struct secure_query **ret);

/* The callback will not come. Takes NULL, leaves NULL. */
void secure_query_cancel(struct secure_query **query);

/* The loop and the time-out it was given. */
uv_loop_t *secure_dns_loop(const struct secure_dns *dns);
uint64_t secure_dns_timeout_ms(const struct secure_dns *dns);

#endif
