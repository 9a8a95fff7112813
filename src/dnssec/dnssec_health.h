/* SPDX-License-Identifier: BSD-2-Clause */
/* dnssec_health.h - does DNSSEC work with the current name servers?
 *
 * A test asks for the root zone's NS records: the root is signed and always there.
 * If the answer is not secure, a second question without DNSSEC tells a dead
 * resolver from one that withholds DNSSEC. A test starts only when a caller asks
 * for the state and a test is due, so an idle daemon sleeps. */
#ifndef DNSSEC_DNSSEC_HEALTH_H
#define DNSSEC_DNSSEC_HEALTH_H

#include "dnssec/secure_dns.h"
#include "dnssec/validator.h"

/* How authenticated answers are obtained. Belongs to secure_dns.c. */
struct dnssec_method {
	struct validator *validator; /* NULL: the resolver's AD bit */
	const char *servers;         /* for texts and the log */
	const char *trust_anchor;    /* for texts; NULL: there is none */
	uint64_t timeout_ms;         /* of one question */
};

struct dnssec_health_options {
	struct resolver *resolver;
	const struct dnssec_method *method; /* read whenever it is needed */
	const struct clock *clock;
	/* Makes a validator with an empty cache, for one test. As
	 * validator_new(). */
	int (*new_validator)(void *arg, struct validator **ret);
	/* The resolver sets no AD bit. True: the method is another one now, and
	 * dnssec_health_restart() has been called. */
	bool (*on_no_ad)(void *arg);
	void *arg; /* of both */
};

struct dnssec_health;

/* All that OPTIONS points to must outlive it. The first test starts with
 * dnssec_health_restart(). MTS_ENOMEM. On MTS_OK the caller owns *RET:
 * dnssec_health_free(). */
int dnssec_health_new(const struct dnssec_health_options *options,
                      struct dnssec_health **ret);

/* Accepts a pointer to NULL; sets *HEALTH to NULL. The loop must run once more
 * before it is closed. */
void dnssec_health_free(struct dnssec_health **health);

/* Stops the current test: to be called before the method's validator is
 * closed. */
void dnssec_health_stop(struct dnssec_health *health);

/* Forgets the state and starts the first test of a new method or new servers. */
void dnssec_health_restart(struct dnssec_health *health);

/* There is nothing to test, for this REASON: the state is NONE. WARN: log it. */
void dnssec_health_set_none(struct dnssec_health *health, const char *reason,
                            bool warn);

/* Starts a test if one is due, and returns the state. */
enum secure_dns_health dnssec_health_get(struct dnssec_health *health);

/* Why the state is what it is, and one line for status. Valid until the loop
 * runs. */
const char *dnssec_health_reason(const struct dnssec_health *health);
const char *dnssec_health_describe(const struct dnssec_health *health);

/* A look-up ended so. A failure, or many insecure answers in a row by the AD bit,
 * may be the resolver's fault: then the next test is due a minute after the last
 * one. */
void dnssec_health_note(struct dnssec_health *health,
                        enum secure_dns_result result);

/* -- the verdict of one test ----------------------------------------------- */

enum { DNSSEC_REASON = 240 };

/* The outcome of one question: the part of struct dns_answer that matters. */
struct dnssec_test_answer {
	enum dns_status status;
	bool authenticated;
	bool bogus;
	char reason[DNSSEC_REASON];
};

struct dnssec_test_result {
	enum secure_dns_health health; /* GOOD, STRIPPED, FAILING or DEAD */
	char reason[DNSSEC_REASON];
};

/* Pure: judges SECURE, the answer to the question with DNSSEC, and PLAIN, the
 * answer to the one without. VALIDATES: signatures were checked here. */
void dnssec_test_judge(const struct dnssec_test_answer *secure,
                       const struct dnssec_test_answer *plain, bool validates,
                       struct dnssec_test_result *ret);

#endif
