/* SPDX-License-Identifier: BSD-2-Clause */
/* validator_thread.c - the thread on which libunbound works.
 *
 * libunbound can have a thread by itself, ub_resolve_async(). It is not used: the
 * pipe to that is written to with no regard to whether it is full, which stops our
 * loop while a signature takes long; that thread ends for good when it is refused
 * memory for what it reads, and ub_ctx_delete() then waits for ever. So libunbound
 * runs on an event loop of libevent's here, and questions and answers change hands
 * in lists under a lock. */
#include "base/shortage.h"
#include "dnssec/validator_internal.h"

#include <event2/event.h>
#include <getdns/getdns_extra.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unbound-event.h>
#include <unbound.h>
#include <unistd.h>

struct validator_thread {
	uv_mutex_t lock; /* for these: */
	uv_cond_t over;
	struct list asked;    /* nobody has begun them */
	struct list answered; /* the loop has not taken them */
	uv_async_t *async;    /* NULL: nobody listens any more */
	uint64_t work_queue;
	bool ending;
	bool ended;
	bool left_behind; /* who ends frees it */

	pthread_t id;
	bool runs; /* it was started */
	int wake_fd;

	/* The thread's, once it runs. */
	struct event_base *base;
	struct validator_events *events;
	struct event *wake;
	struct ub_ctx *context;
	struct list begun; /* libunbound has them */
};

static _Atomic unsigned left_behind;

unsigned validator_threads_left_behind(void)
{
	return left_behind;
}

void validator_question_free(struct validator_question *question)
{
	free(question->result.why_bogus);
	free(question->result.packet);
	free(question->text);
	free(question);
}

static void free_questions(struct list *questions)
{
	list_each_safe (node, questions) {
		struct validator_question *question =
		    container_of(node, struct validator_question, node);

		list_remove(node);
		validator_question_free(question);
	}
}

/* Nobody else has THREAD any more, and it does not run. */
static void free_thread(struct validator_thread *thread)
{
	if (thread->context)
		ub_ctx_delete(thread->context); /* fails what was begun */
	free_questions(&thread->asked);
	free_questions(&thread->begun);
	free_questions(&thread->answered);
	validator_events_free(thread->events);
	if (thread->wake)
		event_free(thread->wake);
	if (thread->base)
		event_base_free(thread->base);
	if (thread->wake_fd >= 0)
		close(thread->wake_fd);
	uv_cond_destroy(&thread->over);
	uv_mutex_destroy(&thread->lock);
	free(thread);
}

/* -- on the thread --------------------------------------------------------- */

/* UB_INITFAIL may be for want of memory, too. */
static void fail(struct validator_result *result, int error)
{
	result->error = error;
	if (error == UB_NOMEM)
		shortage_note();
	else if (error == UB_INITFAIL)
		shortage_look();
}

static void keep_packet(struct validator_result *result, const void *packet,
                        size_t len)
{
	result->packet = malloc(len);
	if (!result->packet) {
		fail(result, UB_NOMEM);
		return;
	}
	memcpy(result->packet, packet, len);
	result->packet_len = len;
}

/* Under the lock. */
static void end_if_asked(struct validator_thread *thread)
{
	if (thread->ending)
		event_base_loopbreak(thread->base);
}

static void hand_back(struct validator_question *question)
{
	struct validator_thread *thread = question->thread;

	list_remove(&question->node);
	uv_mutex_lock(&thread->lock);
	list_append(&thread->answered, &question->node);
	if (thread->async)
		uv_async_send(thread->async);
	end_if_asked(thread);
	uv_mutex_unlock(&thread->lock);
}

static void on_result(void *arg, int rcode, void *packet, int len, int security,
                      char *why_bogus, int was_limited)
{
	struct validator_question *question = arg;
	struct validator_result *result = &question->result;

	(void)was_limited;
	result->rcode = rcode;
	result->bogus = security == 1;
	result->secure = security == 2;
	if (result->bogus && why_bogus) /* without it if there is no memory */
		result->why_bogus = strdup(why_bogus);
	if (rcode == GETDNS_RCODE_NOERROR && packet && len > 0)
		keep_packet(result, packet, (size_t)len);
	hand_back(question);
}

static void begin(struct validator_thread *thread,
                  struct validator_question *question)
{
	int error;

	list_append(&thread->begun, &question->node);
	error =
	    ub_resolve_event(thread->context, question->text, question->type,
	                     GETDNS_RRCLASS_IN, question, on_result, NULL);
	if (error) {
		fail(&question->result, error);
		hand_back(question);
	}
}

/* The next one that was asked, or NULL: so that one which takes long keeps no other
 * from being asked elsewhere. */
static struct validator_question *take_asked(struct validator_thread *thread)
{
	struct validator_question *question = NULL;
	struct list *node;

	uv_mutex_lock(&thread->lock);
	thread->work_queue++;
	node = list_first(&thread->asked);
	if (node && !thread->ending) {
		question = container_of(node, struct validator_question, node);
		question->taken = true;
		list_remove(node);
	}
	end_if_asked(thread);
	uv_mutex_unlock(&thread->lock);
	return question;
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct validator_thread *thread = arg;
	struct validator_question *question;
	uint64_t count;

	(void)what;
	(void)!read(fd, &count, sizeof(count));
	while ((question = take_asked(thread)))
		begin(thread, question);
}

static void *work(void *arg)
{
	struct validator_thread *thread = arg;
	bool alone;

	(void)event_base_dispatch(thread->base);
	uv_mutex_lock(&thread->lock);
	alone = thread->left_behind;
	thread->ended = true;
	uv_cond_signal(&thread->over);
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
	if (uv_cond_init(&thread->over) == 0)
		return true;
	uv_mutex_destroy(&thread->lock);
	return false;
}

static bool make_base(struct validator_thread *thread)
{
	thread->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (thread->wake_fd < 0)
		return false;
	thread->base = event_base_new();
	if (!thread->base)
		return false;
	thread->events = validator_events_new(thread->base);
	if (!thread->events)
		return false;
	thread->wake = event_new(thread->base, thread->wake_fd,
	                         EV_READ | EV_PERSIST, on_wake, thread);
	return thread->wake && event_add(thread->wake, NULL) == 0;
}

int validator_thread_new(const struct validator_options *options,
                         uv_async_t *async, struct validator_thread **ret,
                         struct fault *why)
{
	struct validator_thread *thread = calloc(1, sizeof(*thread));
	int status;

	if (!thread || !init_lock(thread)) {
		free(thread);
		shortage_note();
		return fault_set(why, MTS_ENOMEM, "out of memory");
	}
	list_init(&thread->asked);
	list_init(&thread->begun);
	list_init(&thread->answered);
	thread->async = async;
	thread->wake_fd = -1;
	if (make_base(thread)) {
		status = validator_context_new(
		    options, validator_events_get(thread->events),
		    &thread->context, why);
	} else {
		shortage_look();
		status = fault_set(why, MTS_ENOMEM,
		                   "libevent: no memory or no descriptor is "
		                   "left");
	}
	if (status == MTS_OK)
		*ret = thread;
	else
		free_thread(thread);
	return status;
}

/* No signal is for it. */
static int run(struct validator_thread *thread)
{
	sigset_t all, before;

	if (thread->runs)
		return MTS_OK;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	thread->runs = pthread_create(&thread->id, NULL, work, thread) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (thread->runs)
		return MTS_OK;
	shortage_note();
	return MTS_ENOMEM;
}

/* Room for another number there is always: it adds up to a few. */
void validator_thread_wake(struct validator_thread *thread)
{
	uint64_t one = 1;

	(void)!write(thread->wake_fd, &one, sizeof(one));
}

int validator_thread_put(struct validator_thread *thread,
                         struct validator_question *question)
{
	int status = run(thread);
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

bool validator_thread_withdraw(struct validator_question *question)
{
	struct validator_thread *thread = question->thread;
	bool taken;

	uv_mutex_lock(&thread->lock);
	taken = question->taken;
	if (!taken)
		list_remove(&question->node);
	uv_mutex_unlock(&thread->lock);
	return !taken;
}

bool validator_thread_take(struct validator_thread *thread, struct list *list)
{
	bool ended;

	uv_mutex_lock(&thread->lock);
	list_take(list, &thread->answered);
	ended = thread->ended;
	uv_mutex_unlock(&thread->lock);
	return !ended;
}

uint64_t validator_thread_turns(struct validator_thread *thread)
{
	uint64_t work_queue;

	uv_mutex_lock(&thread->lock);
	work_queue = thread->work_queue;
	uv_mutex_unlock(&thread->lock);
	return work_queue;
}

void validator_thread_end(struct validator_thread **thread, unsigned wait_ms)
{
	struct validator_thread *t = *thread;
	uint64_t wait_ns = (uint64_t)wait_ms * 1000000;
	pthread_t id = t->id;
	bool ended;

	*thread = NULL;
	if (!t->runs) {
		free_thread(t);
		return;
	}
	uv_mutex_lock(&t->lock);
	t->async = NULL;
	t->ending = true;
	validator_thread_wake(t);
	while (!t->ended && uv_cond_timedwait(&t->over, &t->lock, wait_ns) == 0)
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
