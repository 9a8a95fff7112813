/* SPDX-License-Identifier: BSD-2-Clause */
/* validator_internal.h - what validator.c and its validator_*.c share. Nobody else
 * includes it. */
#ifndef DNSSEC_VALIDATOR_INTERNAL_H
#define DNSSEC_VALIDATOR_INTERNAL_H

#include "base/list.h"
#include "dnssec/validator.h"

struct event_base;
struct ub_ctx;
struct ub_event_base;
struct validator_events;
struct validator_thread;

/* What libunbound made of a question. */
struct validator_result {
	int error; /* UB_*; 0: the rest counts */
	int rcode; /* its own: SERVFAIL if it came to no answer */
	bool secure, bogus;
	char *why_bogus; /* or NULL */
	char *packet;    /* or NULL */
	size_t packet_len;
};

struct validator_question {
	/* The thread's, from validator_thread_put() to validator_thread_take(). */
	struct validator_result result;
	uint16_t type;
	char *text; /* the name */

	/* Under the thread's lock meanwhile. */
	struct list node;
	bool taken; /* begun by the thread */

	/* The loop's at all times; the thread reads `thread`. */
	struct validator_thread *thread;
	struct list link; /* in the validator's questions */
	struct validator *validator;
	struct dns_name name;
	validator_callback *callback; /* NULL: nobody waits any more */
	void *arg;
};

void validator_question_free(struct validator_question *question);

/* -- validator_setup.c ----------------------------------------------------- */

/* MTS_OK, MTS_ENOMEM, which is noted as a shortage, or MTS_ELIB. */
int validator_status(int unbound_error);

/* One that runs on BASE; as validator_new(). */
int validator_context_new(const struct validator_options *options,
                          struct ub_event_base *base, struct ub_ctx **ret,
                          struct fault *why);

/* -- validator_events.c ---------------------------------------------------- */

/* For libunbound to run on BASE, which is borrowed. To be freed after the context
 * that it is given to. NULL: out of memory. */
struct validator_events *validator_events_new(struct event_base *base);
void validator_events_free(struct validator_events *events);

/* What libunbound takes. */
struct ub_event_base *validator_events_get(struct validator_events *events);

/* -- validator_thread.c ---------------------------------------------------- */

/* ASYNC is told of answers, and if the thread ends by itself, until
 * validator_thread_end(). As validator_new(). */
int validator_thread_new(const struct validator_options *options,
                         uv_async_t *async, struct validator_thread **ret,
                         struct fault *why);

/* Hands QUESTION over. MTS_ENOMEM: it can't be started. Never waits. */
int validator_thread_put(struct validator_thread *thread,
                         struct validator_question *question);

/* Whether QUESTION was not begun yet, and is the caller's again. */
bool validator_thread_withdraw(struct validator_question *question);

/* Moves what is answered to LIST. False: it has ended by itself. */
bool validator_thread_take(struct validator_thread *thread, struct list *list);

/* Goes up each time the thread comes to look for questions, which wake() has it
 * do. */
uint64_t validator_thread_turns(struct validator_thread *thread);
void validator_thread_wake(struct validator_thread *thread);

/* Ends it and frees all it has, questions too; leaves NULL. Waits for that for
 * WAIT_MS at most: else it is left behind, and ends when libunbound comes back. */
void validator_thread_end(struct validator_thread **thread, unsigned wait_ms);

/* How many were left behind, in this process, and have not ended. */
unsigned validator_threads_left_behind(void);

#endif
