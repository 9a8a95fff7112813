/* SPDX-License-Identifier: BSD-2-Clause */
/* validator.h - DNSSEC validation by libunbound, on a thread of its own.
 *
 * libunbound forwards to the given servers and caches what it learns. The caller
 * (secure_dns.c) limits the number of questions and the time they may take. */
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

/* OPTIONS is copied. MTS_ENOMEM; MTS_ELIB: libunbound can't be set up, or rejects
 * the trust anchor. On MTS_OK the caller owns *RET: validator_close(). */
int validator_new(const struct validator_options *options,
                  struct validator **ret, struct fault *why);

/* Drops all questions and ends the thread. That takes as long as the signature the
 * thread is verifying, usually milliseconds; after a second the thread is left
 * behind, to end by itself. Must not be called from a callback of this validator.
 * Accepts a pointer to NULL; sets *VALIDATOR to NULL. The loop must run once more
 * before it is closed. */
void validator_close(struct validator **validator);

/* Valid only during the callback. */
struct validator_reply {
	struct dns_reply *reply; /* the callback may take its memory over */
	bool secure;
	bool bogus; /* REPLY is a BAD one and says why */
};

/* Must not ask this validator, nor cancel another of its questions. */
typedef void validator_callback(void *arg, const struct validator_reply *reply);

/* Asks for the TYPE records of NAME. An error return means "not asked":
 * MTS_ENOMEM, MTS_ELIB. Otherwise CALLBACK is called once, never from inside this
 * call, unless validator_cancel() is called first. There is no time limit, but
 * libunbound gives up after about a minute. */
int validator_ask(struct validator *validator, const struct dns_name *name,
                  uint16_t type, validator_callback *callback, void *arg,
                  struct validator_question **ret);

/* The callback will not be called. libunbound may continue to work on the question
 * for a while, and validator_load() counts it until then. Accepts a pointer to
 * NULL; sets *QUESTION to NULL. */
void validator_cancel(struct validator_question **question);

/* The number of open questions, including cancelled ones that libunbound still
 * works on. */
size_t validator_load(const struct validator *validator);

#endif
