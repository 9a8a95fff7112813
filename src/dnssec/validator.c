/* SPDX-License-Identifier: BSD-2-Clause */
/* validator.c - DNSSEC validation by libunbound, on a thread of its own.
 *
 * Why not getdns, which asks by TCP: getdns validates on the thread that calls it,
 * our loop, and asks for the whole chain each time; it has no bound for the work
 * that a hostile zone makes (CVE-2023-50387, NSEC3 iterations); and a DNSKEY that
 * is not answered in time makes it read freed memory. libunbound has none of these
 * faults, caches keys, and says why an answer is bogus. getdns' DNSSEC extensions
 * must not be turned on.
 *
 * Held with care as well:
 *
 * - A cancelled question that libunbound has begun stays with it until it is over,
 *   and would still take memory and sockets there: so it is not cancelled but
 *   forgotten, and counted until its answer comes.
 * - It reads no file but the anchor's, which it takes as good when it is empty:
 *   so that is looked into first (trust_anchor.c).
 * - It answers some names by itself (RFC 6303, RFC 6761). A private network's
 *   "test" and "home.arpa" are asked for like others.
 * - A server that keeps silent is left alone for up to two minutes, and probed
 *   less and less: here it is asked anew within seconds.
 * - Built with nettle, it has no bound for the size of an RSA key's exponent: one
 *   signature can take it minutes. A thread that does not come back for seconds is
 *   left to itself, and another one takes its place; so is one that has ended. */
#include "base/log.h"
#include "dnssec/validator_internal.h"

#include <getdns/getdns_extra.h>
#include <stdlib.h>
#include <string.h>
#include <unbound.h>

enum {
	/* A thread that has not come back at two looks in a row is stuck: no
	 * name that anybody uses takes a tenth of that. Not at one: the whole
	 * process may have been stopped. */
	LOOK_MS = 2500,
	LOOKS = 2,
	CLOSE_MS = 1000,
	LEFT_BEHIND_MAX = 4, /* each takes a processor's time */
};

struct validator {
	struct validator_thread *thread;  /* NULL: none was to be had */
	struct list questions;            /* all that it has */
	size_t load;                      /* how many these are */
	uv_async_t async;                 /* it has answered */
	uv_timer_t timer;                 /* has it come back? */
	uint64_t work_queue;              /* when the timer was started */
	unsigned looks;                   /* since then */
	struct validator_options options; /* for the next one; ours */
	unsigned handles;                 /* that are not closed */
};

/* -- answers --------------------------------------------------------------- */

static void read_packet(const struct validator_question *question,
                        const struct validator_result *result,
                        struct dns_reply *reply)
{
	struct slice message = slice_of(result->packet, result->packet_len);

	/* Out of memory is a reason like others, and stands in the reply. */
	(void)dns_reply_read(message, &question->name, question->type, false,
	                     reply);
	/* libunbound has followed it to its end. */
	if (reply->kind == DNS_REPLY_ALIAS)
		reply->kind = DNS_REPLY_NODATA;
}

static bool is_failure(const struct validator_result *result)
{
	enum { RCODE_AT = 3, RCODE_MASK = 15 }; /* RFC 1035 4.1.1 */

	if (result->rcode == GETDNS_RCODE_SERVFAIL)
		return true;
	return result->packet_len > RCODE_AT &&
	       (result->packet[RCODE_AT] & RCODE_MASK) == GETDNS_RCODE_SERVFAIL;
}

static void read_result(const struct validator_question *question,
                        struct dns_reply *reply)
{
	const struct validator_result *result = &question->result;

	*reply = (struct dns_reply){ .kind = DNS_REPLY_BAD };
	if (result->error)
		dns_reply_bad(reply, "libunbound: %s",
		              ub_strerror(result->error));
	else if (result->bogus)
		dns_reply_bad(reply, "bogus: %s",
		              result->why_bogus ? result->why_bogus
		                                : "not authentic");
	else if (is_failure(result))
		dns_reply_bad(reply, "SERVFAIL, or no server answers");
	else if (!result->packet)
		dns_reply_bad(reply, "there is no answer");
	else
		read_packet(question, result, reply);
}

/* QUESTION is nobody's any more but for its memory. */
static void leave(struct validator_question *question)
{
	list_remove(&question->link);
	question->validator->load--;
}

/* What libunbound made of it; or, with a REASON, that it failed for that. */
static void tell(struct validator_question *question, const char *reason)
{
	const struct validator_result *result = &question->result;
	struct dns_reply reply = { .kind = DNS_REPLY_BAD };
	struct validator_reply out = { .reply = &reply };

	if (!question->callback)
		return;
	if (reason) {
		dns_reply_bad(&reply, "%s", reason);
	} else {
		read_result(question, &reply);
		out.bogus = !result->error && result->bogus;
		out.secure = !result->error && !out.bogus && result->secure;
	}
	question->callback(question->arg, &out);
	dns_reply_clear(&reply);
}

/* -- the thread ------------------------------------------------------------ */

static int get_thread(struct validator *validator, struct fault *why)
{
	return validator_thread_new(&validator->options, &validator->async,
	                            &validator->thread, why);
}

/* Its questions are its own from then on. */
static void drop_thread(struct validator *validator, unsigned wait_ms)
{
	list_each_safe (node, &validator->questions)
		leave(container_of(node, struct validator_question, link));
	if (validator->thread)
		validator_thread_end(&validator->thread, wait_ms);
}

static void warn(const char *reason, bool replaced)
{
	static uint64_t next_ms[2];

	if (log_limit_one(&next_ms[replaced], uv_hrtime() / 1000000))
		log_warning("validation_stuck replaced=%s reason=\"%s\"",
		            replaced ? "yes" : "no", reason);
}

/* Moves the questions that the thread has not begun to SPARED, and fails the
 * others. What it is stuck at is among these, if not alone. */
static void give_up_begun(struct validator *validator, const char *reason,
                          struct list *spared)
{
	list_each_safe (node, &validator->questions) {
		struct validator_question *question =
		    container_of(node, struct validator_question, link);

		if (validator_thread_withdraw(question)) {
			list_remove(node);
			list_append(spared, node);
		} else {
			tell(question, reason);
		}
	}
}

/* Another one takes the thread's place; if none can be had the next question tries
 * again. */
static void replace_thread(struct validator *validator, const char *reason)
{
	struct list spared;
	struct fault why;

	list_init(&spared);
	give_up_begun(validator, reason, &spared);
	drop_thread(validator, 0);
	if (get_thread(validator, &why) == MTS_OK)
		warn(reason, true);
	else
		warn(why.text, false);
	list_each_safe (node, &spared) {
		struct validator_question *question =
		    container_of(node, struct validator_question, link);

		if (validator->thread &&
		    validator_thread_put(validator->thread, question) ==
		        MTS_OK) {
			list_remove(node);
			list_append(&validator->questions, node);
		} else {
			tell(question, reason);
			leave(question);
			validator_question_free(question);
		}
	}
}

static void on_async(uv_async_t *async)
{
	struct validator *validator = async->data;
	struct list answered;
	bool runs;

	if (!validator->thread)
		return;
	list_init(&answered);
	runs = validator_thread_take(validator->thread, &answered);
	list_each_safe (node, &answered) {
		struct validator_question *question =
		    container_of(node, struct validator_question, node);

		list_remove(node);
		leave(question);
		tell(question, NULL);
		validator_question_free(question);
	}
	if (!runs)
		replace_thread(validator, "libunbound's event loop ended");
}

static void on_timer(uv_timer_t *timer)
{
	static const char reason[] = "libunbound has been at work on one "
				     "answer for seconds";
	struct validator *validator = timer->data;
	uint64_t work_queue;

	if (!validator->thread || list_empty(&validator->questions)) {
		uv_timer_stop(timer);
		return;
	}
	work_queue = validator_thread_turns(validator->thread);
	if (work_queue != validator->work_queue) {
		validator->work_queue = work_queue;
		validator->looks = 0;
		validator_thread_wake(validator->thread);
	} else if (++validator->looks == LOOKS) {
		uv_timer_stop(timer);
		if (validator_threads_left_behind() < LEFT_BEHIND_MAX)
			replace_thread(validator, reason);
		else
			warn(reason, false);
	}
}

/* It has a question since its counter was at TURNS. */
static void watch_thread(struct validator *validator, uint64_t work_queue)
{
	if (uv_is_active((uv_handle_t *)&validator->timer))
		return;
	validator->work_queue = work_queue;
	validator->looks = 0;
	uv_timer_start(&validator->timer, on_timer, LOOK_MS, LOOK_MS);
	/* Questions have timers, which keep the loop alive. */
	uv_unref((uv_handle_t *)&validator->timer);
}

/* -- questions ------------------------------------------------------------- */

static int put(struct validator *validator, struct validator_question *question)
{
	struct fault why;
	uint64_t work_queue;
	int status = MTS_OK;

	if (!validator->thread)
		status = get_thread(validator, &why);
	if (status != MTS_OK)
		return status;
	work_queue = validator_thread_turns(validator->thread);
	status = validator_thread_put(validator->thread, question);
	if (status == MTS_OK)
		watch_thread(validator, work_queue);
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
	question->text = dns_name_format(name);
	question->validator = validator;
	question->name = *name;
	question->type = type;
	question->callback = callback;
	question->arg = arg;
	if (question->text)
		status = put(validator, question);
	if (status != MTS_OK) {
		validator_question_free(question);
		return status;
	}
	list_append(&validator->questions, &question->link);
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
	if (!validator_thread_withdraw(q))
		return;
	leave(q);
	validator_question_free(q);
}

size_t validator_load(const struct validator *validator)
{
	return validator->load;
}

/* -- the validator --------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
	struct validator *validator = handle->data;

	if (--validator->handles == 0)
		free(validator);
}

static int keep_options(struct validator *validator,
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

static int add_handles(struct validator *validator)
{
	uv_loop_t *loop = validator->options.loop;

	if (uv_async_init(loop, &validator->async, on_async) != 0)
		return MTS_ELIB;
	uv_timer_init(loop, &validator->timer);
	validator->async.data = validator;
	validator->timer.data = validator;
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
	status = keep_options(validator, options);
	if (status == MTS_OK)
		status = add_handles(validator);
	if (status != MTS_OK)
		fault_set(why, status, "validation can't be set up: %s",
		          mts_status_text(status));
	else
		status = get_thread(validator, why);
	if (status != MTS_OK)
		validator_close(&validator);
	else
		*ret = validator;
	return status;
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
	uv_close((uv_handle_t *)&v->async, on_closed);
	uv_close((uv_handle_t *)&v->timer, on_closed);
}
