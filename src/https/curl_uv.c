/* SPDX-License-Identifier: BSD-2-Clause */
/* curl_uv.c - the adapter between libcurl's multi interface and libuv.
 *
 * libcurl tells us which sockets to watch (curl_on_socket) and when to call it
 * next (curl_on_timeout). When a socket is ready or the time has come, we do
 * not call libcurl at once but add a work item: one TLS handshake step takes a
 * millisecond, and answers from the cache must not wait for fifty of them
 * (base/work_queue.h). After each call into libcurl we look for transfers that
 * have ended. */
#include "https/curl_uv.h"

#include "base/work_queue.h"

#include <stdlib.h>

struct curl_uv {
	uv_loop_t *loop;
	uv_timer_t timer;
	struct work_queue *work_queue;
	struct work_item timeout_work; /* libcurl's timer has expired */
	struct curl_socket *serving;   /* libcurl is being called for it; NULL:
	                                * for none, or it was removed */
	CURLM *multi;                  /* NULL: closed */
};

/* A socket that libcurl wants us to watch. */
struct curl_socket {
	struct work_item work;
	uv_poll_t poll;
	struct curl_uv *owner;
	curl_socket_t fd;
	int wanted; /* UV_READABLE, UV_WRITABLE: what libcurl waits for */
	int polled; /* what the kernel was asked for */
	int ready;  /* CURL_CSELECT_*: what to tell libcurl */
};

static int mts_from_curlm(CURLMcode rc)
{
	if (rc == CURLM_OK)
		return MTS_OK;
	return rc == CURLM_OUT_OF_MEMORY ? MTS_ENOMEM : MTS_ELIB;
}

/* -- calling libcurl ------------------------------------------------------- */

static void report_ended(struct curl_uv *curl)
{
	struct curl_transfer *transfer;
	CURLMsg *message;
	int left;

	/* A callback may close it. */
	while (curl->multi &&
	       (message = curl_multi_info_read(curl->multi, &left))) {
		if (message->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE,
		                        (char **)&transfer);
		transfer->callback(transfer, message->data.result);
	}
}

static void call_libcurl(struct curl_uv *curl, curl_socket_t fd, int events)
{
	int running;

	(void)curl_multi_socket_action(curl->multi, fd, events, &running);
	report_ended(curl);
}

static void curl_on_timer(uv_timer_t *timer)
{
	struct curl_uv *curl = timer->data;

	work_queue_add(curl->work_queue, &curl->timeout_work);
}

static void curl_on_timeout_work(struct work_item *work)
{
	call_libcurl(container_of(work, struct curl_uv, timeout_work),
	             CURL_SOCKET_TIMEOUT, 0);
}

/* -- sockets --------------------------------------------------------------- */

static void curl_socket_on_poll(uv_poll_t *poll, int status, int events)
{
	struct curl_socket *s = poll->data;

	s->ready = status < 0 ? CURL_CSELECT_ERR : 0;
	if (events & UV_READABLE)
		s->ready |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		s->ready |= CURL_CSELECT_OUT;
	work_queue_add(s->owner->work_queue, &s->work);
}

/* Each change costs two system calls, so it is only made if there is one. */
static void curl_socket_poll(struct curl_socket *s)
{
	if (s->wanted == s->polled)
		return;
	s->polled = s->wanted;
	(void)uv_poll_start(&s->poll, s->polled, curl_socket_on_poll);
}

static void curl_socket_on_work(struct work_item *work)
{
	struct curl_socket *s = container_of(work, struct curl_socket, work);
	struct curl_uv *curl = s->owner;

	curl->serving = s;
	call_libcurl(curl, s->fd, s->ready);
	/* libcurl may have closed the socket. While it is being called it can
	 * change its mind several times, so only the last wish counts. */
	if (curl->serving)
		curl_socket_poll(curl->serving);
	curl->serving = NULL;
}

static void curl_socket_on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void curl_socket_free(struct curl_socket *s)
{
	work_item_cancel(&s->work);
	if (s->owner->serving == s)
		s->owner->serving = NULL;
	/* uv_close() stops polling at once; libcurl closes the descriptor
	 * right after this. */
	uv_close((uv_handle_t *)&s->poll, curl_socket_on_closed);
}

static struct curl_socket *curl_socket_new(struct curl_uv *owner,
                                           curl_socket_t fd)
{
	struct curl_socket *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	if (uv_poll_init_socket(owner->loop, &s->poll, fd) != 0) {
		free(s);
		return NULL;
	}
	work_item_init(&s->work, curl_socket_on_work);
	s->poll.data = s;
	s->owner = owner;
	s->fd = fd;
	return s;
}

/* -- libcurl's callbacks --------------------------------------------------- */

/* Always returns 0: an error would end all transfers for good. Without memory
 * to watch a socket, only that socket's transfer fails, by its time limit. */
static int curl_on_socket(CURL *easy, curl_socket_t fd, int what, void *arg,
                          void *assigned)
{
	struct curl_uv *curl = arg;
	struct curl_socket *s = assigned;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (s)
			curl_socket_free(s);
		(void)curl_multi_assign(curl->multi, fd, NULL);
		return 0;
	}
	if (!s) {
		s = curl_socket_new(curl, fd);
		if (!s)
			return 0;
		(void)curl_multi_assign(curl->multi, fd, s);
	}
	s->wanted = 0;
	if (what != CURL_POLL_OUT)
		s->wanted |= UV_READABLE;
	if (what != CURL_POLL_IN)
		s->wanted |= UV_WRITABLE;
	if (s != curl->serving)
		curl_socket_poll(s);
	return 0;
}

/* -1: no timer is needed. */
static int curl_on_timeout(CURLM *multi, long timeout_ms, void *arg)
{
	struct curl_uv *curl = arg;

	(void)multi;
	work_item_cancel(&curl->timeout_work);
	uv_timer_stop(&curl->timer);
	if (timeout_ms == 0) /* libcurl must not be called from here */
		work_queue_add(curl->work_queue, &curl->timeout_work);
	else if (timeout_ms > 0)
		uv_timer_start(&curl->timer, curl_on_timer,
		               (uint64_t)timeout_ms, 0);
	return 0;
}

/* -- the adapter ----------------------------------------------------------- */

static void curl_uv_on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static CURLMcode set_multi_options(struct curl_uv *curl)
{
	CURLMcode rc = CURLM_OK;

#define SET(option, value)                                                     \
	(rc = rc ? rc : curl_multi_setopt(curl->multi, option, value))
	SET(CURLMOPT_SOCKETFUNCTION, curl_on_socket);
	SET(CURLMOPT_SOCKETDATA, curl);
	SET(CURLMOPT_TIMERFUNCTION, curl_on_timeout);
	SET(CURLMOPT_TIMERDATA, curl);
#undef SET
	return rc;
}

int curl_uv_new(uv_loop_t *loop, struct curl_uv **ret)
{
	struct curl_uv *curl = calloc(1, sizeof(*curl));
	CURLMcode rc;

	if (!curl)
		return MTS_ENOMEM;
	curl->loop = loop;
	curl->multi = curl_multi_init();
	if (!curl->multi || work_queue_ref(loop, &curl->work_queue) != MTS_OK) {
		(void)curl_multi_cleanup(curl->multi);
		free(curl);
		return MTS_ENOMEM;
	}
	work_item_init(&curl->timeout_work, curl_on_timeout_work);
	uv_timer_init(loop, &curl->timer);
	curl->timer.data = curl;
	rc = set_multi_options(curl);
	if (rc != CURLM_OK)
		curl_uv_close(&curl);
	else
		*ret = curl;
	return mts_from_curlm(rc);
}

void curl_uv_close(struct curl_uv **curl)
{
	struct curl_uv *c = *curl;

	if (!c)
		return;
	*curl = NULL;
	(void)curl_multi_cleanup(c->multi);
	c->multi = NULL;
	work_item_cancel(&c->timeout_work);
	work_queue_unref(&c->work_queue);
	uv_close((uv_handle_t *)&c->timer, curl_uv_on_closed);
}

int curl_uv_add(struct curl_uv *curl, struct curl_transfer *transfer)
{
	CURLcode rc =
	    curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer);

	if (rc != CURLE_OK)
		return MTS_ELIB;
	return mts_from_curlm(
	    curl_multi_add_handle(curl->multi, transfer->easy));
}

void curl_uv_remove(struct curl_uv *curl, struct curl_transfer *transfer)
{
	(void)curl_multi_remove_handle(curl->multi, transfer->easy);
}
