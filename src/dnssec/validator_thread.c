/* SPDX-License-Identifier: BSD-2-Clause */
/* validator_thread.c - a thread on which libunbound validates.
 *
 * libunbound can make a thread of its own, ub_resolve_async(). We don't use it: it
 * writes questions to a pipe and blocks when the pipe is full, which stops our
 * loop while one signature takes long to verify. So libunbound runs on a libevent
 * loop here, and we pass it the questions. */
#include "dnssec/validator_thread.h"

#include <event2/event.h>
#include <getdns/getdns_extra.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unbound-event.h>
#include <unbound.h>
#include <unistd.h>

struct validator_thread {
	/* Under the lock. */
	uv_mutex_t lock;
	uv_cond_t ended_cond; /* signalled when .ended is set */
	struct list asked;    /* questions not begun yet */
	struct list answered; /* questions the loop has not taken back yet */
	uv_async_t *async;    /* NULL: answers are no longer wanted */
	uint64_t heartbeats;
	bool ending; /* it is to end */
	bool ended;
	bool left_behind; /* it frees itself when it ends */

	/* The loop's. */
	pthread_t id;
	bool started;

	int wake_fd; /* an eventfd: the loop writes, the thread reads */

	/* The thread's, once it has started. */
	struct event_base *base;
	struct event *wake;
	struct ub_ctx *context;
	struct list begun; /* questions that libunbound has */
};

static _Atomic unsigned left_behind;

unsigned validator_threads_left_behind(void)
{
	return left_behind;
}

/* -- questions ------------------------------------------------------------- */

struct thread_question *thread_question_new(const struct dns_name *name,
                                            uint16_t type, void *owner)
{
	struct thread_question *question = calloc(1, sizeof(*question));

	if (!question)
		return NULL;
	question->name = dns_name_format(name);
	question->type = type;
	question->owner = owner;
	if (question->name)
		return question;
	free(question);
	return NULL;
}

void thread_question_free(struct thread_question *question)
{
	free(question->why_bogus);
	free(question->packet);
	free(question->name);
	free(question);
}

static void free_questions(struct list *questions)
{
	list_each_safe (node, questions) {
		list_remove(node);
		thread_question_free(
		    container_of(node, struct thread_question, node));
	}
}

/* -- setting up libunbound ------------------------------------------------- */

static int mts_from_unbound(int rc)
{
	return rc == UB_NOERROR ? MTS_OK
	       : rc == UB_NOMEM ? MTS_ENOMEM
	                        : MTS_ELIB;
}

static const struct {
	const char *name;
	const char *value;
	bool required; /* else: libunbound may not know it */
} settings[] = {
	{ "module-config:", "validator iterator", true },
	{ "use-syslog:", "no", true },
	{ "verbosity:", "0", true },
	{ "do-not-query-localhost:", "no", true },
	/* Memory: a megabyte and a half in all. */
	{ "msg-cache-size:", "512k", true },
	{ "rrset-cache-size:", "512k", true },
	{ "key-cache-size:", "384k", true },
	{ "neg-cache-size:", "64k", true },
	{ "infra-cache-numhosts:", "64", true },
	/* Sockets; 128 descriptors are reserved for everything but clients. */
	{ "outgoing-range:", "48", true },
	{ "outgoing-num-tcp:", "8", true },
	{ "edns-buffer-size:", "1232", true },
	/* Ask a server again soon after it was silent. */
	{ "infra-host-ttl:", "5", true },
	{ "infra-keep-probing:", "yes", false },
	/* Try again soon what failed. */
	{ "val-bogus-ttl:", "10", true },
	{ "cache-max-ttl:", "86400", true },
	{ "cache-max-negative-ttl:", "3600", true },
	{ "harden-glue:", "yes", true },
	{ "harden-dnssec-stripped:", "yes", true },
	{ "harden-below-nxdomain:", "yes", true },
	/* A zone that changes its algorithm may be signed with only one of
	 * those in its DS records (RFC 6840 5.11). */
	{ "harden-algo-downgrade:", "no", true },
	/* Denials must come with their proof; see dns_denial.h. */
	{ "minimal-responses:", "no", true },
	{ "aggressive-nsec:", "no", false },
	{ "prefetch:", "no", true },
	{ "prefetch-key:", "no", true },
	{ "serve-expired:", "no", true },
	{ "qname-minimisation:", "no", true },
	{ "trust-anchor-signaling:", "no", false },
	{ "root-key-sentinel:", "no", false },
	{ "val-log-level:", "2", false }, /* fills in why_bogus */
};

static int apply_settings(struct ub_ctx *context, struct fault *why)
{
	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
		int rc = ub_ctx_set_option(context, settings[i].name,
		                           settings[i].value);

		if (rc && (settings[i].required || rc == UB_NOMEM))
			return fault_set(why, mts_from_unbound(rc),
			                 "libunbound: %s %s: %s",
			                 settings[i].name, settings[i].value,
			                 ub_strerror(rc));
	}
	return MTS_OK;
}

static int add_servers(struct ub_ctx *context,
                       const struct validator_options *options,
                       struct fault *why)
{
	for (size_t i = 0; i < options->server_count; i++) {
		const struct resolver_server *server = &options->servers[i];
		char address[ADDRESS_TEXT];
		char text[ADDRESS_TEXT + 8];
		int rc;

		snprintf(text, sizeof(text), "%s@%u",
		         address_text(&server->address, address),
		         (unsigned)server->port);
		rc = ub_ctx_set_fwd(context, text);
		if (rc)
			return fault_set(why, mts_from_unbound(rc),
			                 "libunbound: server %s: %s", text,
			                 ub_strerror(rc));
	}
	return MTS_OK;
}

/* libunbound answers some names itself (RFC 6303, RFC 6761), but private networks
 * do use these two. Removing them also makes libunbound read the trust anchor now
 * and not with the first question. */
static int remove_local_zones(struct ub_ctx *context,
                              const struct validator_options *options,
                              struct fault *why)
{
	static const char *const zones[] = { "test.", "home.arpa." };
	int rc = UB_NOERROR;

	for (size_t i = 0; i < 2 && !rc; i++)
		rc = ub_ctx_zone_remove(context, zones[i]);
	if (!rc)
		return MTS_OK;
	return fault_set(why, mts_from_unbound(rc),
	                 "libunbound can't be set up with trust anchor %s: %s",
	                 options->trust_anchor, ub_strerror(rc));
}

static int set_up_context(struct ub_ctx *context,
                          const struct validator_options *options,
                          struct fault *why)
{
	int rc = ub_ctx_debugout(context, NULL);
	int status;

	if (!rc)
		rc = ub_ctx_add_ta_file(context, options->trust_anchor);
	if (rc)
		return fault_set(why, mts_from_unbound(rc), "libunbound: %s",
		                 ub_strerror(rc));
	status = apply_settings(context, why);
	if (status == MTS_OK)
		status = add_servers(context, options, why);
	if (status == MTS_OK)
		status = remove_local_zones(context, options, why);
	return status;
}

/* -- on the thread --------------------------------------------------------- */

/* Under the lock. */
static void end_if_requested(struct validator_thread *thread)
{
	if (thread->ending)
		event_base_loopbreak(thread->base);
}

static void hand_back(struct thread_question *question)
{
	struct validator_thread *thread = question->thread;

	list_remove(&question->node);
	uv_mutex_lock(&thread->lock);
	list_append(&thread->answered, &question->node);
	if (thread->async)
		uv_async_send(thread->async);
	end_if_requested(thread);
	uv_mutex_unlock(&thread->lock);
}

static void copy_packet(struct thread_question *question, const void *packet,
                        size_t len)
{
	question->packet = malloc(len);
	if (!question->packet) {
		question->error = ub_strerror(UB_NOMEM);
		return;
	}
	memcpy(question->packet, packet, len);
	question->packet_len = len;
}

static void thread_on_result(void *arg, int rcode, void *packet, int len,
                             int security, char *why_bogus, int was_limited)
{
	struct thread_question *question = arg;

	(void)was_limited;
	question->rcode = rcode;
	question->bogus = security == 1;
	question->secure = security == 2;
	if (question->bogus && why_bogus)
		question->why_bogus = strdup(why_bogus);
	if (rcode == GETDNS_RCODE_NOERROR && packet && len > 0)
		copy_packet(question, packet, (size_t)len);
	hand_back(question);
}

static void begin_question(struct validator_thread *thread,
                           struct thread_question *question)
{
	int rc;

	list_append(&thread->begun, &question->node);
	rc = ub_resolve_event(thread->context, question->name, question->type,
	                      GETDNS_RRCLASS_IN, question, thread_on_result,
	                      NULL);
	if (rc) {
		question->error = ub_strerror(rc);
		hand_back(question);
	}
}

/* Takes one question at a time: if it takes long, the others can still be
 * withdrawn and asked elsewhere. */
static struct thread_question *next_question(struct validator_thread *thread)
{
	struct thread_question *question = NULL;
	struct list *node;

	uv_mutex_lock(&thread->lock);
	thread->heartbeats++;
	node = list_first(&thread->asked);
	if (node && !thread->ending) {
		question = container_of(node, struct thread_question, node);
		question->begun = true;
		list_remove(node);
	}
	end_if_requested(thread);
	uv_mutex_unlock(&thread->lock);
	return question;
}

static void thread_on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct validator_thread *thread = arg;
	struct thread_question *question;
	uint64_t count;

	(void)what;
	(void)!read(fd, &count, sizeof(count));
	while ((question = next_question(thread)))
		begin_question(thread, question);
}

/* Only the thread itself, or the loop once the thread has ended. */
static void free_thread(struct validator_thread *thread)
{
	if (thread->context)
		ub_ctx_delete(thread->context); /* ends what was begun */
	free_questions(&thread->asked);
	free_questions(&thread->begun);
	free_questions(&thread->answered);
	if (thread->wake)
		event_free(thread->wake);
	if (thread->base)
		event_base_free(thread->base);
	if (thread->wake_fd >= 0)
		close(thread->wake_fd);
	uv_cond_destroy(&thread->ended_cond);
	uv_mutex_destroy(&thread->lock);
	free(thread);
}

static void *run_thread(void *arg)
{
	struct validator_thread *thread = arg;
	bool alone;

	(void)event_base_dispatch(thread->base);
	uv_mutex_lock(&thread->lock);
	alone = thread->left_behind;
	thread->ended = true;
	uv_cond_signal(&thread->ended_cond);
	if (thread->async)
		uv_async_send(thread->async);
	uv_mutex_unlock(&thread->lock);
	if (alone) {
		free_thread(thread);
		left_behind--;
	}
	return NULL;
}

/* -- on the loop ----------------------------------------------------------- */

static bool init_lock(struct validator_thread *thread)
{
	if (uv_mutex_init(&thread->lock) != 0)
		return false;
	if (uv_cond_init(&thread->ended_cond) == 0)
		return true;
	uv_mutex_destroy(&thread->lock);
	return false;
}

static bool make_event_loop(struct validator_thread *thread)
{
	thread->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (thread->wake_fd < 0)
		return false;
	thread->base = event_base_new();
	if (!thread->base)
		return false;
	thread->wake = event_new(thread->base, thread->wake_fd,
	                         EV_READ | EV_PERSIST, thread_on_wake, thread);
	return thread->wake && event_add(thread->wake, NULL) == 0;
}

static int make_context(struct validator_thread *thread,
                        const struct validator_options *options,
                        struct fault *why)
{
	if (!make_event_loop(thread))
		return fault_set(why, MTS_ENOMEM,
		                 "libevent: out of memory or descriptors");
	thread->context = ub_ctx_create_event(thread->base);
	if (!thread->context)
		return fault_set(why, MTS_ELIB,
		                 "libunbound does not start: out of memory or "
		                 "descriptors, or built without libevent");
	return set_up_context(thread->context, options, why);
}

int validator_thread_new(const struct validator_options *options,
                         uv_async_t *async, struct validator_thread **ret,
                         struct fault *why)
{
	struct validator_thread *thread = calloc(1, sizeof(*thread));
	int status;

	if (!thread || !init_lock(thread)) {
		free(thread);
		return fault_set(why, MTS_ENOMEM, "out of memory");
	}
	list_init(&thread->asked);
	list_init(&thread->begun);
	list_init(&thread->answered);
	thread->async = async;
	thread->wake_fd = -1;
	status = make_context(thread, options, why);
	if (status == MTS_OK)
		*ret = thread;
	else
		free_thread(thread);
	return status;
}

/* The thread inherits the signal mask: it must take no signals. */
static int start_thread(struct validator_thread *thread)
{
	sigset_t all, before;

	if (thread->started)
		return MTS_OK;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	thread->started =
	    pthread_create(&thread->id, NULL, run_thread, thread) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return thread->started ? MTS_OK : MTS_ENOMEM;
}

void validator_thread_wake(struct validator_thread *thread)
{
	uint64_t one = 1;

	(void)!write(thread->wake_fd, &one, sizeof(one));
}

int validator_thread_put(struct validator_thread *thread,
                         struct thread_question *question)
{
	int status = start_thread(thread);
	bool first;

	if (status != MTS_OK)
		return status;
	question->thread = thread;
	uv_mutex_lock(&thread->lock);
	first = list_empty(&thread->asked);
	list_append(&thread->asked, &question->node);
	uv_mutex_unlock(&thread->lock);
	if (first)
		validator_thread_wake(thread);
	return MTS_OK;
}

bool validator_thread_withdraw(struct thread_question *question)
{
	struct validator_thread *thread = question->thread;
	bool begun;

	uv_mutex_lock(&thread->lock);
	begun = question->begun;
	if (!begun)
		list_remove(&question->node);
	uv_mutex_unlock(&thread->lock);
	return !begun;
}

bool validator_thread_take(struct validator_thread *thread,
                           struct list *answered)
{
	bool ended;

	uv_mutex_lock(&thread->lock);
	list_take(answered, &thread->answered);
	ended = thread->ended;
	uv_mutex_unlock(&thread->lock);
	return !ended;
}

uint64_t validator_thread_heartbeats(struct validator_thread *thread)
{
	uint64_t heartbeats;

	uv_mutex_lock(&thread->lock);
	heartbeats = thread->heartbeats;
	uv_mutex_unlock(&thread->lock);
	return heartbeats;
}

void validator_thread_end(struct validator_thread **thread, unsigned wait_ms)
{
	struct validator_thread *t = *thread;
	uint64_t wait_ns = (uint64_t)wait_ms * 1000000;
	pthread_t id = t->id;
	bool ended;

	*thread = NULL;
	if (!t->started) {
		free_thread(t);
		return;
	}
	uv_mutex_lock(&t->lock);
	t->async = NULL;
	t->ending = true;
	validator_thread_wake(t);
	while (!t->ended &&
	       uv_cond_timedwait(&t->ended_cond, &t->lock, wait_ns) == 0)
		;
	ended = t->ended;
	t->left_behind = !ended;
	left_behind += !ended;
	uv_mutex_unlock(&t->lock);
	if (!ended) {
		pthread_detach(id);
		return;
	}
	pthread_join(id, NULL);
	free_thread(t);
}
