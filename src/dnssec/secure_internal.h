/* SPDX-License-Identifier: BSD-2-Clause */
/* secure_internal.h - what secure_dns.c, secure_setup.c and secure_health.c
 * share. Nobody else includes it. */
#ifndef DNSSEC_SECURE_INTERNAL_H
#define DNSSEC_SECURE_INTERNAL_H

#include "base/list.h"
#include "dns/server_set.h"
#include "dnssec/dnssec_test.h"
#include "dnssec/secure_dns.h"
#include "dnssec/validator.h"

enum { SECURE_TEXT = SERVERS_TEXT + DNSSEC_TEST_REASON + 200 };

struct secure_health {
	enum secure_dns_health state;
	uint64_t tested_ms;       /* when the last test ended */
	uint64_t due_ms;          /* of the next one */
	unsigned failures;        /* tests in a row */
	unsigned insecure;        /* answers in a row, since the last test */
	uint64_t shortages;       /* when the last test began */
	struct dnssec_test *test; /* that is under way; or NULL */
	struct validator *fresh;  /* for that test alone; or NULL */
	char reason[DNSSEC_TEST_REASON];
	char text[SECURE_TEXT];
};

/* What is to be, between prepare and settle. */
struct secure_next {
	bool prepared;
	bool changes; /* else only the time-out does */
	enum secure_dns_mode mode;
	uint64_t timeout_ms;
	char *anchor;
	bool validates;
	struct validator *validator;
};

struct secure_dns {
	uv_loop_t *loop;
	struct resolver *resolver;
	enum secure_dns_mode mode;
	uint64_t timeout_ms;
	const struct clock *clock;
	char *anchor;                /* NULL: there is none */
	bool validates;              /* else: the resolver's AD bit */
	struct validator *validator; /* if it validates */
	char servers[SERVERS_TEXT];  /* that all this is for */
	struct list queries;         /* all that are not over */
	struct list waiting; /* of those, the ones nobody is asked yet */
	size_t waiting_count;
	size_t asked_count;
	bool closing; /* nobody is asked any more */
	struct secure_dns_counts counts;
	struct secure_health health;
	struct secure_next next;
};

/* -- secure_dns.c: look-ups ------------------------------------------------ */

/* What is asked, is to be asked anew: of others, or otherwise. */
void secure_dns_ask_again(struct secure_dns *dns);

/* All that is not over fails, for this reason. */
void secure_dns_fail_all(struct secure_dns *dns, const char *reason);

/* Asks for what waits, as far as there is room. */
void secure_dns_pump(struct secure_dns *dns);

/* -- secure_setup.c: whom they are had from -------------------------------- */

/* secure_dns_new()'s errors. */
int secure_setup_begin(struct secure_dns *dns, const char *trust_anchor,
                       struct fault *why);

/* Looks whether resolv.conf has changed. */
void secure_setup_look(struct secure_dns *dns);

/* A validator for the servers of now. As validator_new(). */
int secure_dns_validator(struct secure_dns *dns, struct validator **ret,
                         struct fault *why);

/* The resolver on a loopback address sets no AD bit: from now on, and for all
 * look-ups under way, validate here. */
int secure_dns_validate_instead(struct secure_dns *dns);

/* -- secure_health.c: is there anything to be had? ------------------------- */

/* Begins the first test, for a new set of servers too. */
void secure_health_begin(struct secure_dns *dns);

/* Begins another test if one is due. */
void secure_health_look(struct secure_dns *dns);

/* A look-up failed, by its zone's fault or by the resolver's: the next test is
 * due a minute after the last one. */
void secure_health_doubt(struct secure_dns *dns);

/* An answer is insecure, by its zone or by the resolver; or it is not. Many of
 * the former in a row are reason to doubt: a resolver that ceases to validate
 * fails in nothing else. */
void secure_health_note(struct secure_dns *dns, bool secure);

/* Nothing is tested any more. */
void secure_health_stop(struct secure_dns *dns);

/* There is nothing to test, for this reason. */
void secure_health_none(struct secure_dns *dns, const char *reason);

#endif
