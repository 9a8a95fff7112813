/* SPDX-License-Identifier: BSD-2-Clause */
/* validator.c - DNSSEC validation by libunbound, on a thread of its own.
 *
 * This file asks the thread (validator_thread.c), reads its answers, and replaces
 * it when it is stuck or has ended.
 *
 * Why not getdns, which we use for TCP? It validates on the calling thread, our
 * loop, and asks for the whole chain each time. It does not limit the work that
 * a hostile zone can cause (CVE-2023-50387, NSEC3 iterations). And when a DNSKEY
 * answer times out, it reads freed memory. libunbound has none of these faults,
 * caches keys, and says why an answer is bogus. Never turn on getdns' DNSSEC
 * extensions.
 *
 * libunbound has limits of its own:
 *
 * - It can't give up a question that it has begun. So a cancelled question stays
 *   counted until its answer comes.
 * - It accepts an empty trust anchor file. So trust_anchor.c checks the file first.
 * - It avoids a server that was silent for up to two minutes. Our settings reduce
 *   that to seconds.
 * - Built with nettle, as in Debian, it does not limit the size of an RSA key's
 *   exponent, so a single signature can take minutes. A thread that makes no
 *   progress for seconds is left behind, and a new one takes over. */
#include "dnssec/validator.h"

#include "base/log.h"
#include "dnssec/validator_thread.h"

#include <getdns/getdns_extra.h>
#include <stdlib.h>
#include <string.h>

enum {
	/* A thread without a heartbeat in two periods in a row is stuck: no
	 * ordinary signature takes a tenth of that. One period is not enough,
	 * since the whole process may have been suspended. */
	WATCH_MS = 2500,
	WATCH_PERIODS = 2,
	CLOSE_MS = 1000,
	LEFT_BEHIND_MAX = 4, /* each uses a processor */
};

struct validator {
	struct validator_thread *thread;  /* NULL: could not be made; the next
	                                  * question tries again */
	struct list questions;            /* all that the thread has */
	size_t load;                      /* their number */
	uv_async_t async;                 /* the thread signals answers */
	uv_timer_t watchdog;              /* runs while there are questions */
	uint64_t heartbeats;              /* at the last watchdog */
	unsigned silent_periods;          /* since then */
	struct validator_options options; /* our copy, for the next thread */
	unsigned handles;                 /* not closed yet */
};

struct validator_question {
	struct list node; /* in the validator's questions */
	struct validator *validator;
	struct thread_question *asked; /* the thread's */
	struct dns_name name;
	validator_callback *callback; /* NULL: cancelled */
	void *arg;
};

/* -- answers --------------------------------------------------------------- */

static void read_packet(const struct validator_question *question,
                        const struct thread_question *answer,
                        struct dns_reply *reply)
{
	struct slice message = slice_of(answer->packet, answer->packet_len);

	/* If this fails, REPLY says why. */
	(void)dns_reply_read(message, &question->name, answer->type, false,
	                     reply);
	/* libunbound has followed the alias to its end. */
	if (reply->kind == DNS_REPLY_ALIAS)
		reply->kind = DNS_REPLY_NODATA;
}

static bool is_servfail(const struct thread_question *answer)
{
	enum { RCODE_AT = 3, RCODE_MASK = 15 }; /* RFC 1035 4.1.1 */

	if (answer->rcode == GETDNS_RCODE_SERVFAIL)
		return true;
	return answer->packet_len > RCODE_AT &&
	       (answer->packet[RCODE_AT] & RCODE_MASK) == GETDNS_RCODE_SERVFAIL;
}

static void read_thread_answer(const struct validator_question *question,
                               const struct thread_question *answer,
                               struct dns_reply *reply)
{
	*reply = (struct dns_reply){ .kind = DNS_REPLY_BAD };
	if (answer->error)
		dns_reply_bad(reply, "libunbound: %s", answer->error);
	else if (answer->bogus)
		dns_reply_bad(reply, "bogus: %s",
		              answer->why_bogus ? answer->why_bogus
		                                : "not authentic");
	else if (is_servfail(answer))
		dns_reply_bad(reply, "SERVFAIL, or no server answers");
	else if (!answer->packet)
		dns_reply_bad(reply, "there is no answer");
	else
		read_packet(question, answer, reply);
}

static void free_question(struct validator_question *question)
{
	list_remove(&question->node);
	question->validator->load--;
	free(question);
}

static void deliver_answer(struct validator_question *question,
                           const struct thread_question *answer)
{
	struct dns_reply reply;
	struct validator_reply out = { .reply = &reply };

	if (!question->callback)
		return;
	read_thread_answer(question, answer, &reply);
	out.bogus = !answer->error && answer->bogus;
	out.secure = !answer->error && !out.bogus && answer->secure;
	question->callback(question->arg, &out);
	dns_reply_clear(&reply);
}

static void deliver_failure(struct validator_question *question,
                            const char *reason)
{
	struct dns_reply reply = { .kind = DNS_REPLY_BAD };
	struct validator_reply out = { .reply = &reply };

	if (!question->callback)
		return;
	dns_reply_bad(&reply, "%s", reason);
	question->callback(question->arg, &out);
	dns_reply_clear(&reply);
}

/* -- replacing the thread -------------------------------------------------- */

static int make_thread(struct validator *validator, struct fault *why)
{
	return validator_thread_new(&validator->options, &validator->async,
	                            &validator->thread, why);
}

/* Ends the thread, which frees the questions that it has. */
static void drop_thread(struct validator *validator, unsigned wait_ms)
{
	list_each_safe (node, &validator->questions)
		free_question(
		    container_of(node, struct validator_question, node));
	if (validator->thread)
		validator_thread_end(&validator->thread, wait_ms);
}

static void warn_stuck(const char *reason, bool replaced)
{
	static uint64_t next_ms[2];

	if (log_limit_one(&next_ms[replaced], uv_hrtime() / 1000000))
		log_warning("validation_stuck replaced=%s reason=\"%s\"",
		            replaced ? "yes" : "no", reason);
}

/* Moves the questions that the thread has not begun to SPARED, and fails the
 * others: one of these is what the thread is stuck at. */
static void fail_begun(struct validator *validator, const char *reason,
                       struct list *spared)
{
	list_each_safe (node, &validator->questions) {
		struct validator_question *question =
		    container_of(node, struct validator_question, node);

		if (validator_thread_withdraw(question->asked)) {
			list_remove(node);
			list_append(spared, node);
		} else {
			deliver_failure(question, reason);
		}
	}
}

/* If no new thread can be made, the next question tries again. */
static void replace_thread(struct validator *validator, const char *reason)
{
	struct list spared;
	struct fault why;

	list_init(&spared);
	fail_begun(validator, reason, &spared);
	drop_thread(validator, 0);
	if (make_thread(validator, &why) == MTS_OK)
		warn_stuck(reason, true);
	else
		warn_stuck(why.text, false);
	list_each_safe (node, &spared) {
		struct validator_question *question =
		    container_of(node, struct validator_question, node);

		if (validator->thread &&
		    validator_thread_put(validator->thread, question->asked) ==
		        MTS_OK) {
			list_remove(node);
			list_append(&validator->questions, node);
		} else {
			deliver_failure(question, reason);
			thread_question_free(question->asked);
			free_question(question);
		}
	}
}

static void validator_on_async(uv_async_t *async)
{
	struct validator *validator = async->data;
	struct list answered;
	bool runs;

	if (!validator->thread)
		return;
	list_init(&answered);
	runs = validator_thread_take(validator->thread, &answered);
	list_each_safe (node, &answered) {
		struct thread_question *answer =
		    container_of(node, struct thread_question, node);
		struct validator_question *question = answer->owner;

		list_remove(node);
		deliver_answer(question, answer);
		free_question(question);
		thread_question_free(answer);
	}
	if (!runs)
		replace_thread(validator, "libunbound's event loop ended");
}

static void validator_on_watchdog(uv_timer_t *timer)
{
	static const char reason[] =
	    "libunbound has been working on one answer for seconds";
	struct validator *validator = timer->data;
	uint64_t heartbeats;

	if (!validator->thread || list_empty(&validator->questions)) {
		uv_timer_stop(timer);
		return;
	}
	heartbeats = validator_thread_heartbeats(validator->thread);
	if (heartbeats != validator->heartbeats) {
		validator->heartbeats = heartbeats;
		validator->silent_periods = 0;
		validator_thread_wake(validator->thread);
	} else if (++validator->silent_periods == WATCH_PERIODS) {
		uv_timer_stop(timer);
		if (validator_threads_left_behind() < LEFT_BEHIND_MAX)
			replace_thread(validator, reason);
		else
			warn_stuck(reason, false);
	}
}

/* The thread had so many HEARTBEATS before it got its first question. */
static void start_watchdog(struct validator *validator, uint64_t heartbeats)
{
	if (uv_is_active((uv_handle_t *)&validator->watchdog))
		return;
	validator->heartbeats = heartbeats;
	validator->silent_periods = 0;
	uv_timer_start(&validator->watchdog, validator_on_watchdog, WATCH_MS,
	               WATCH_MS);
	/* The callers' timers keep the loop alive. */
	uv_unref((uv_handle_t *)&validator->watchdog);
}

/* -- questions ------------------------------------------------------------- */

static int put_question(struct validator *validator,
                        struct thread_question *question)
{
	struct fault why;
	uint64_t heartbeats;
	int status = MTS_OK;

	if (!validator->thread)
		status = make_thread(validator, &why);
	if (status != MTS_OK)
		return status;
	heartbeats = validator_thread_heartbeats(validator->thread);
	status = validator_thread_put(validator->thread, question);
	if (status == MTS_OK)
		start_watchdog(validator, heartbeats);
	return status;
}

int validator_ask(struct validator *validator, const struct dns_name *name,
                  uint16_t type, validator_callback *callback, void *arg,
                  struct validator_question **ret)
{
	struct validator_question *question = calloc(1, sizeof(*question));
	int status = MTS_ENOMEM;

	if (!question)
		return MTS_ENOMEM;
	question->validator = validator;
	question->name = *name;
	question->callback = callback;
	question->arg = arg;
	question->asked = thread_question_new(name, type, question);
	if (question->asked)
		status = put_question(validator, question->asked);
	if (status != MTS_OK) {
		if (question->asked)
			thread_question_free(question->asked);
		free(question);
		return status;
	}
	list_append(&validator->questions, &question->node);
	validator->load++;
	*ret = question;
	return MTS_OK;
}

void validator_cancel(struct validator_question **question)
{
	struct validator_question *q = *question;

	if (!q)
		return;
	*question = NULL;
	q->callback = NULL;
	if (!validator_thread_withdraw(q->asked))
		return;
	thread_question_free(q->asked);
	free_question(q);
}

size_t validator_load(const struct validator *validator)
{
	return validator->load;
}

/* -- new and close --------------------------------------------------------- */

static int copy_options(struct validator *validator,
                        const struct validator_options *options)
{
	size_t size = options->server_count * sizeof(*options->servers);
	struct resolver_server *servers = malloc(size ? size : 1);

	validator->options = *options;
	validator->options.servers = servers;
	validator->options.trust_anchor = strdup(options->trust_anchor);
	if (!servers || !validator->options.trust_anchor)
		return MTS_ENOMEM;
	memcpy(servers, options->servers, size);
	return MTS_OK;
}

static int init_handles(struct validator *validator)
{
	uv_loop_t *loop = validator->options.loop;

	if (uv_async_init(loop, &validator->async, validator_on_async) != 0)
		return MTS_ELIB;
	uv_timer_init(loop, &validator->watchdog);
	validator->async.data = validator;
	validator->watchdog.data = validator;
	validator->handles = 2;
	uv_unref((uv_handle_t *)&validator->async);
	return MTS_OK;
}

int validator_new(const struct validator_options *options,
                  struct validator **ret, struct fault *why)
{
	struct validator *validator = calloc(1, sizeof(*validator));
	int status;

	if (!validator)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	list_init(&validator->questions);
	status = copy_options(validator, options);
	if (status == MTS_OK)
		status = init_handles(validator);
	if (status != MTS_OK)
		fault_set(why, status, "validation can't be set up: %s",
		          mts_status_text(status));
	else
		status = make_thread(validator, why);
	if (status != MTS_OK)
		validator_close(&validator);
	else
		*ret = validator;
	return status;
}

static void validator_on_closed(uv_handle_t *handle)
{
	struct validator *validator = handle->data;

	if (--validator->handles == 0)
		free(validator);
}

void validator_close(struct validator **validator)
{
	struct validator *v = *validator;

	if (!v)
		return;
	*validator = NULL;
	drop_thread(v, CLOSE_MS);
	free((void *)v->options.servers);
	free((void *)v->options.trust_anchor);
	if (v->handles == 0) {
		free(v);
		return;
	}
	uv_close((uv_handle_t *)&v->async, validator_on_closed);
	uv_close((uv_handle_t *)&v->watchdog, validator_on_closed);
}
