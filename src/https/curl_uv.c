/* SPDX-License-Identifier: BSD-2-Clause */
/* curl_uv.c - libcurl's multi interface on a libuv loop.
 *
 * libcurl says which sockets to watch and when to wake it; it is called back
 * from here and nowhere else, and what has ended is looked for after each
 * call.
 *
 * A socket that is ready is only noted, and served when its turn comes; so is
 * libcurl's time (turns.h). */
#include "https/curl_uv.h"

#include "base/shortage.h"
#include "base/work_queue.h"
#include "https/tls_lib.h"

#include <stdlib.h>

enum { STUCK_MS = 100 };

struct curl_uv {
	uv_loop_t *loop;
	uv_timer_t timer;
	struct work_queue *work_queue;
	struct work_item due; /* libcurl's time has come */
	struct watch *acting; /* whose turn it is; NULL if it is removed */
	bool stuck;           /* its last step ended in mid-way */
	CURLM *multi;         /* NULL: closed */
	curl_uv_callback *callback;
	void *arg;
};

/* A socket that libcurl wants watched. */
struct watch {
	struct work_item work_item;
	uv_poll_t poll;
	struct curl_uv *owner;
	curl_socket_t socket;
	int wanted; /* UV_READABLE, UV_WRITABLE: what libcurl waits for */
	int polled; /* what epoll was told; to tell it anew costs two calls */
	int found;  /* CURL_CSELECT_*: what it is told when its turn comes */
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

static void on_timer(uv_timer_t *timer)
{
	struct curl_uv *owner = timer->data;

	work_queue_add(owner->work_queue, &owner->due);
}

static void set_timer(struct curl_uv *owner, long timeout_ms)
{
	work_item_cancel(&owner->due);
	uv_timer_start(&owner->timer, on_timer, (uint64_t)timeout_ms, 0);
}

/* Where memory is refused libcurl ends its step in mid-way, and says nothing of
 * sockets and times from there on. So it is called again soon, and asked for its
 * time, which it only tells by itself when that changes. */
static void follow_time(struct curl_uv *owner)
{
	long timeout_ms = -1;

	(void)curl_multi_timeout(owner->multi, &timeout_ms);
	if (owner->stuck)
		set_timer(owner, STUCK_MS);
	else if (timeout_ms >= 0)
		set_timer(owner, timeout_ms);
}

static void act(struct curl_uv *owner, curl_socket_t socket, int events)
{
	bool was_stuck = owner->stuck;
	void *before;
	int running;

	if (!owner->multi)
		return;
	before = tls_lib_enter();
	owner->stuck = curl_multi_socket_action(owner->multi, socket, events,
	                                        &running) != CURLM_OK;
	tls_lib_leave(before);
	if (owner->stuck)
		shortage_note();
	if (owner->stuck || was_stuck)
		follow_time(owner);
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

static void serve(struct work_item *work_item)
{
	struct watch *watch = container_of(work_item, struct watch, work_item);
	struct curl_uv *owner = watch->owner;

	owner->acting = watch;
	act(owner, watch->socket, watch->found);
	/* libcurl may have closed the socket, and the callback the multi. It
	 * also changes its mind back and forth within one step. */
	if (owner->acting)
		follow(owner->acting);
	owner->acting = NULL;
}

static void on_due(struct work_item *work_item)
{
	act(container_of(work_item, struct curl_uv, due), CURL_SOCKET_TIMEOUT,
	    0);
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
	work_queue_add(owner->work_queue, &watch->work_item);
}

static void on_watch_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void watch_end(struct watch *watch)
{
	work_item_cancel(&watch->work_item);
	if (watch->owner->acting == watch)
		watch->owner->acting = NULL;
	/* Stops at once: the socket is closed right after. */
	uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
}

static struct watch *watch_begin(struct curl_uv *owner, curl_socket_t socket)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (!watch) {
		shortage_note();
		return NULL;
	}
	if (uv_poll_init_socket(owner->loop, &watch->poll, socket) != 0) {
		free(watch);
		return NULL;
	}
	work_item_init(&watch->work_item, serve);
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
	work_item_cancel(&owner->due);
	uv_timer_stop(&owner->timer);
	if (timeout_ms == 0) /* not from inside of this */
		work_queue_add(owner->work_queue, &owner->due);
	else if (timeout_ms > 0)
		set_timer(owner, timeout_ms);
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
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
	if (!owner->multi ||
	    work_queue_ref(loop, &owner->work_queue) != MTS_OK) {
		(void)curl_multi_cleanup(owner->multi);
		free(owner);
		return MTS_ENOMEM;
	}
	work_item_init(&owner->due, on_due);
	uv_timer_init(loop, &owner->timer);
	owner->timer.data = owner;
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
	work_item_cancel(&owner->due);
	work_queue_unref(&owner->work_queue);
	uv_close((uv_handle_t *)&owner->timer, on_closed);
}

int curl_uv_add(struct curl_uv *multi, CURL *easy)
{
	return mts_from_curlm(curl_multi_add_handle(multi->multi, easy));
}

void curl_uv_remove(struct curl_uv *multi, CURL *easy)
{
	(void)curl_multi_remove_handle(multi->multi, easy);
}
