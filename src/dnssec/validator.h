/* SPDX-License-Identifier: BSD-2-Clause */
/* validator.h - DNSSEC validation by libunbound, on a thread of its own.
 *
 * It forwards to the servers it is given and caches what it learns. Bounds on
 * what is asked at once, and time-outs, are the caller's (secure_dns.c). */
#ifndef DNSSEC_VALIDATOR_H
#define DNSSEC_VALIDATOR_H

#include "dns/dns_reply.h"
#include "dns/resolver.h"

#include <uv.h>

struct validator;
struct validator_question;

struct validator_options {
	uv_loop_t *loop;
	const struct resolver_server *servers;
	size_t server_count;
	const char *trust_anchor; /* a file; see trust_anchor.h */
};

/* MTS_ENOMEM; MTS_ELIB: libunbound can't be set up, or can't make sense of the
 * anchor file. On MTS_OK *RET is the caller's: validator_close(). */
int validator_new(const struct validator_options *options,
                  struct validator **ret, struct fault *why);

/* Drops all questions and ends the thread, which takes as long as what that does
 * at the moment: some milliseconds; after a second it is left to end by itself. Not
 * from inside a callback. Takes NULL, leaves NULL. The loop must run once more before
 * it is closed. */
void validator_close(struct validator **validator);

/* Lives only while the callback runs. */
struct validator_reply {
	struct dns_reply *reply; /* the callback may take what it holds */
	bool secure;
	bool bogus; /* REPLY is a BAD one and says why */
};

/* Must not ask the validator, nor cancel another question. */
typedef void validator_callback(void *arg, const struct validator_reply *reply);

/* Asks for the TYPE records of NAME. An error return means "not asked":
 * MTS_ENOMEM, MTS_ELIB. Otherwise CALLBACK comes once, never from inside the
 * call, unless validator_cancel() comes first. There is no time-out: libunbound
 * itself gives up after a minute or so. */
int validator_ask(struct validator *validator, const struct dns_name *name,
                  uint16_t type, validator_callback *callback, void *arg,
                  struct validator_question **ret);

/* The callback will not come; libunbound goes on with it for a while. Takes
 * NULL, leaves NULL. */
void validator_cancel(struct validator_question **question);

/* How many questions libunbound is at work on, with those that were
 * cancelled. */
size_t validator_load(const struct validator *validator);

#endif
