/* SPDX-License-Identifier: BSD-2-Clause */
/* curl_uv.c - libcurl's multi interface on a libuv loop.
 *
 * libcurl says which sockets to watch and when to wake it; it is called back
 * from here and nowhere else, and what has ended is looked for after each
 * call.
 *
 * A step of a TLS hand-shake takes a millisecond of processor time. If fifty
 * servers answer at once, whoever asks for something that is in the cache would
 * wait for all of them. So a socket that is ready is only noted, and as many of
 * them are served in each turn of the loop as fit into half a millisecond: one,
 * if it is a long step. */
#include "net/curl_uv.h"

#include "base/list.h"

#include <stdlib.h>

enum { TURN_NS = 500 * 1000 };

struct curl_uv {
	uv_loop_t *loop;
	uv_timer_t timer;
	uv_idle_t idle;    /* runs while there is something to do */
	bool due;          /* libcurl's time has come */
	struct list ready; /* watches; the one that waited longest is first */
	struct watch *acting; /* whose turn it is; NULL if it is removed */
	size_t handles;       /* that libuv has not given back yet */
	CURLM *multi;         /* NULL: closed */
	curl_uv_callback *callback;
	void *arg;
};

/* A socket that libcurl wants watched. */
struct watch {
	struct list node; /* in its owner's READY, or in none */
	uv_poll_t poll;
	struct curl_uv *owner;
	curl_socket_t socket;
	int wanted; /* UV_READABLE, UV_WRITABLE: what libcurl waits for */
	int polled; /* what epoll was told; to tell it anew costs two calls */
	int found;  /* CURL_CSELECT_*: what it is told; while in READY */
};

static int mts_from_curlm(CURLMcode rc)
{
	if (rc == CURLM_OK)
		return MTS_OK;
	return rc == CURLM_OUT_OF_MEMORY ? MTS_ENOMEM : MTS_ELIB;
}

static void hand_out(struct curl_uv *owner)
{
	CURLMsg *message;
	int left;

	while (owner->multi &&
	       (message = curl_multi_info_read(owner->multi, &left)))
		if (message->msg == CURLMSG_DONE)
			owner->callback(owner->arg, message->easy_handle,
			                message->data.result);
}

static void act(struct curl_uv *owner, curl_socket_t socket, int events)
{
	int running;

	if (!owner->multi)
		return;
	(void)curl_multi_socket_action(owner->multi, socket, events, &running);
	hand_out(owner);
}

static void on_poll(uv_poll_t *poll, int status, int events);

static void follow(struct watch *watch)
{
	if (watch->wanted == watch->polled)
		return;
	watch->polled = watch->wanted;
	(void)uv_poll_start(&watch->poll, watch->polled, on_poll);
}

static void serve(struct curl_uv *owner, struct watch *watch)
{
	list_remove(&watch->node);
	owner->acting = watch;
	act(owner, watch->socket, watch->found);
	/* libcurl may have closed the socket, and the callback the multi. It
	 * also changes its mind back and forth within one step. */
	if (owner->acting)
		follow(owner->acting);
	owner->acting = NULL;
}

static bool is_busy(const struct curl_uv *owner)
{
	return owner->due || !list_empty(&owner->ready);
}

static void do_one(struct curl_uv *owner)
{
	struct list *first = list_first(&owner->ready);

	if (owner->due) {
		owner->due = false;
		act(owner, CURL_SOCKET_TIMEOUT, 0);
	} else if (first) {
		serve(owner, container_of(first, struct watch, node));
	}
}

static void on_idle(uv_idle_t *idle)
{
	struct curl_uv *owner = idle->data;
	uint64_t end_ns = uv_hrtime() + TURN_NS;

	do
		do_one(owner);
	while (is_busy(owner) && uv_hrtime() < end_ns);
	if (!is_busy(owner) && owner->multi)
		uv_idle_stop(idle);
}

/* Not by a timer of 0 ms: libuv before 1.45 runs one that is set again from its
 * callback over and over within one turn. */
static void set_due(struct curl_uv *owner)
{
	owner->due = true;
	uv_idle_start(&owner->idle, on_idle);
}

static void on_timer(uv_timer_t *timer)
{
	set_due(timer->data);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct watch *watch = poll->data;
	struct curl_uv *owner = watch->owner;

	watch->found = status < 0 ? CURL_CSELECT_ERR : 0;
	if (events & UV_READABLE)
		watch->found |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		watch->found |= CURL_CSELECT_OUT;
	/* It stays ready until it is served, and comes here in each turn. */
	if (!list_empty(&watch->node))
		return;
	list_append(&owner->ready, &watch->node);
	uv_idle_start(&owner->idle, on_idle);
}

static void on_watch_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void watch_end(struct watch *watch)
{
	list_remove(&watch->node);
	if (watch->owner->acting == watch)
		watch->owner->acting = NULL;
	/* Stops at once: the socket is closed right after. */
	uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
}

static struct watch *watch_begin(struct curl_uv *owner, curl_socket_t socket)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	if (uv_poll_init_socket(owner->loop, &watch->poll, socket) != 0) {
		free(watch);
		return NULL;
	}
	list_init(&watch->node);
	watch->poll.data = watch;
	watch->owner = owner;
	watch->socket = socket;
	return watch;
}

/* An error returned from here would end every transfer, for good; a socket that
 * can't be watched only ends its own, by time-out. */
static int on_socket(CURL *easy, curl_socket_t socket, int what, void *arg,
                     void *assigned)
{
	struct curl_uv *owner = arg;
	struct watch *watch = assigned;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (watch)
			watch_end(watch);
		(void)curl_multi_assign(owner->multi, socket, NULL);
		return 0;
	}
	if (!watch) {
		watch = watch_begin(owner, socket);
		if (!watch)
			return 0;
		(void)curl_multi_assign(owner->multi, socket, watch);
	}
	watch->wanted = 0;
	if (what != CURL_POLL_OUT)
		watch->wanted |= UV_READABLE;
	if (what != CURL_POLL_IN)
		watch->wanted |= UV_WRITABLE;
	if (watch != owner->acting)
		follow(watch);
	return 0;
}

static int on_timeout(CURLM *multi, long timeout_ms, void *arg)
{
	struct curl_uv *owner = arg;

	(void)multi;
	owner->due = false;
	uv_timer_stop(&owner->timer);
	if (timeout_ms == 0) /* not from inside of this */
		set_due(owner);
	else if (timeout_ms > 0)
		uv_timer_start(&owner->timer, on_timer, (uint64_t)timeout_ms,
		               0);
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct curl_uv *owner = handle->data;

	if (--owner->handles == 0)
		free(owner);
}

int curl_uv_new(uv_loop_t *loop, curl_uv_callback *callback, void *arg,
                struct curl_uv **ret)
{
	struct curl_uv *owner = calloc(1, sizeof(*owner));
	CURLMcode rc = CURLM_OK;

	if (!owner)
		return MTS_ENOMEM;
	owner->loop = loop;
	owner->callback = callback;
	owner->arg = arg;
	owner->multi = curl_multi_init();
	if (!owner->multi) {
		free(owner);
		return MTS_ENOMEM;
	}
	list_init(&owner->ready);
	owner->handles = 2;
	uv_timer_init(loop, &owner->timer);
	owner->timer.data = owner;
	uv_idle_init(loop, &owner->idle);
	owner->idle.data = owner;
#define SET(option, value)                                                     \
	(rc = rc ? rc : curl_multi_setopt(owner->multi, option, value))
	SET(CURLMOPT_SOCKETFUNCTION, on_socket);
	SET(CURLMOPT_SOCKETDATA, owner);
	SET(CURLMOPT_TIMERFUNCTION, on_timeout);
	SET(CURLMOPT_TIMERDATA, owner);
#undef SET
	if (rc != CURLM_OK) {
		curl_uv_close(&owner);
		return mts_from_curlm(rc);
	}
	*ret = owner;
	return MTS_OK;
}

void curl_uv_close(struct curl_uv **multi)
{
	struct curl_uv *owner = *multi;

	if (!owner)
		return;
	*multi = NULL;
	(void)curl_multi_cleanup(owner->multi);
	owner->multi = NULL;
	owner->due = false;
	uv_close((uv_handle_t *)&owner->timer, on_closed);
	uv_close((uv_handle_t *)&owner->idle, on_closed);
}

int curl_uv_add(struct curl_uv *multi, CURL *easy)
{
	return mts_from_curlm(curl_multi_add_handle(multi->multi, easy));
}

bool curl_uv_is_busy(const struct curl_uv *multi)
{
	return is_busy(multi);
}

void curl_uv_remove(struct curl_uv *multi, CURL *easy)
{
	(void)curl_multi_remove_handle(multi->multi, easy);
}
