/* SPDX-License-Identifier: BSD-2-Clause */
/* validator_thread.h - a thread on which libunbound validates.
 *
 * Questions go in and answers come out, each through a list under a lock. A
 * question belongs to the thread from validator_thread_put() until it comes back,
 * by validator_thread_take() or validator_thread_withdraw(). Everything here is
 * called from the loop's thread. */
#ifndef DNSSEC_VALIDATOR_THREAD_H
#define DNSSEC_VALIDATOR_THREAD_H

#include "base/list.h"
#include "dnssec/validator.h"

struct validator_thread;

/* A question, and what libunbound made of it. */
struct thread_question {
	struct list node; /* in the list of validator_thread_take() */
	char *name;
	uint16_t type;
	void *owner; /* for the caller; the thread does not use it */

	/* The answer. */
	const char *error; /* why libunbound failed, a constant; or NULL */
	int rcode;         /* libunbound's own: SERVFAIL: there is no answer */
	bool secure, bogus;
	char *why_bogus; /* or NULL */
	char *packet;    /* in DNS wire format; or NULL */
	size_t packet_len;

	/* The thread's own. */
	struct validator_thread *thread;
	bool begun; /* libunbound has it; under the thread's lock */
};

/* NULL: out of memory. */
struct thread_question *thread_question_new(const struct dns_name *name,
                                            uint16_t type, void *owner);
void thread_question_free(struct thread_question *question);

/* Sets up libunbound with OPTIONS; the thread itself starts with the first
 * question. ASYNC is signalled when there are answers, and if the thread ends by
 * itself, until validator_thread_end(). MTS_ENOMEM, MTS_ELIB. */
int validator_thread_new(const struct validator_options *options,
                         uv_async_t *async, struct validator_thread **ret,
                         struct fault *why);

/* Passes QUESTION to the thread. Never waits for it. MTS_ENOMEM: the thread can't
 * be started; the question stays the caller's. */
int validator_thread_put(struct validator_thread *thread,
                         struct thread_question *question);

/* True: the thread had not begun QUESTION, which is the caller's again. */
bool validator_thread_withdraw(struct thread_question *question);

/* Moves the answered questions to ANSWERED. False: the thread has ended by
 * itself. */
bool validator_thread_take(struct validator_thread *thread,
                           struct list *answered);

/* To find out if the thread is stuck: wake() makes it look for questions, and each
 * time it does the number of heartbeats goes up. */
void validator_thread_wake(struct validator_thread *thread);
uint64_t validator_thread_heartbeats(struct validator_thread *thread);

/* Ends the thread and frees it with all its questions; sets *THREAD to NULL. Waits
 * for at most WAIT_MS: after that the thread is left behind, and frees itself when
 * libunbound returns. */
void validator_thread_end(struct validator_thread **thread, unsigned wait_ms);

/* How many threads of this process were left behind and still run. */
unsigned validator_threads_left_behind(void);

#endif
