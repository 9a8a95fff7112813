/* SPDX-License-Identifier: BSD-2-Clause */
/* cleartext.c - checks whether the policy is also served over plain HTTP, on port
 * 80.
 *
 * Often no server listens there, so libcurl is not set up until a connection is
 * established. It then gets that connection and makes the same request as a fetch,
 * with the same limits (https/attempt.h), but without TLS. */
#include "probe/cleartext.h"

#include "https/attempt.h"
#include "https/curl_uv.h"
#include "sts/policy.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	ADDRESSES_MAX = 2,
	HTTP_PORT = 80,
};

/* A connection to one of the addresses. */
struct cleartext_call {
	uv_tcp_t tcp;
	uv_connect_t connect;
};

struct cleartext {
	uv_timer_t timer; /* limits the time to connect to an address */
	unsigned open;    /* handles not yet closed */
	struct cleartext_call calls[ADDRESSES_MAX];
	struct address addresses[ADDRESSES_MAX];
	size_t count;
	size_t at;       /* the address being tried */
	uint64_t end_ms; /* the time limit, by uv_now() */
	int socket;      /* connected and not yet owned by libcurl, or -1 */
	struct curl_uv *curl;
	struct attempt *attempt;
	char host[300];
	cleartext_callback *callback; /* NULL: cancelled, or called */
	void *arg;
};

/* -- the end --------------------------------------------------------------- */

static void cleartext_on_closed(uv_handle_t *handle)
{
	struct cleartext *c = handle->data;

	if (--c->open == 0)
		free(c);
}

static void cleartext_hang_up(struct cleartext *c)
{
	uv_handle_t *handle = (uv_handle_t *)&c->calls[c->at].tcp;

	if (handle->data && !uv_is_closing(handle))
		uv_close(handle, cleartext_on_closed);
}

static void cleartext_close(struct cleartext *c)
{
	c->callback = NULL;
	attempt_free(&c->attempt);
	curl_uv_close(&c->curl);
	if (c->socket >= 0)
		close(c->socket);
	cleartext_hang_up(c);
	uv_close((uv_handle_t *)&c->timer, cleartext_on_closed);
}

static void cleartext_finish(struct cleartext *c, bool served)
{
	cleartext_callback *callback = c->callback;
	void *callback_arg = c->arg;

	cleartext_close(c);
	callback(callback_arg, served);
}

void cleartext_cancel(struct cleartext **cleartext)
{
	if (!*cleartext)
		return;
	cleartext_close(*cleartext);
	*cleartext = NULL;
}

/* -- the request ----------------------------------------------------------- */

static void cleartext_on_response(void *arg, const struct fetch_result *result)
{
	struct cleartext *c = arg;

	/* Many web servers answer any request with some page of their own. */
	cleartext_finish(c, result->cause == FETCH_OK &&
	                        slice_starts(result->body, "version:"));
}

static int cleartext_start_request(struct cleartext *c, uint64_t now_ms)
{
	struct attempt_options options = {
		.host = c->host,
		.addresses = &c->addresses[c->at],
		.count = 1,
		.cleartext = true,
		.socket = &c->socket,
		/* 0 would mean no limit */
		.timeout_ms = now_ms < c->end_ms ? c->end_ms - now_ms : 1,
		.max_size = POLICY_MAX,
		.since_ns = uv_hrtime(),
	};
	int status = curl_uv_new(c->timer.loop, &c->curl);

	if (status != MTS_OK)
		return status;
	options.curl = c->curl;
	return attempt_start(&options, cleartext_on_response, c, &c->attempt);
}

/* -- the connection -------------------------------------------------------- */

static void cleartext_call_address(struct cleartext *c);

static void cleartext_call_next(struct cleartext *c)
{
	cleartext_hang_up(c);
	if (c->at + 1 == c->count) {
		cleartext_finish(c, false);
		return;
	}
	c->at++;
	cleartext_call_address(c);
}

static void cleartext_on_timer(uv_timer_t *timer)
{
	cleartext_call_next(timer->data);
}

/* libuv owns the descriptor, so libcurl gets a duplicate. */
static void cleartext_on_connect(uv_connect_t *connect, int status)
{
	struct cleartext *c = connect->data;
	uv_os_fd_t fd = -1;

	if (status == UV_ECANCELED || !c->callback)
		return;
	if (status == 0)
		status = uv_fileno((uv_handle_t *)&c->calls[c->at].tcp, &fd);
	if (status != 0) {
		cleartext_call_next(c);
		return;
	}
	uv_timer_stop(&c->timer);
	c->socket = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	cleartext_hang_up(c);
	if (c->socket < 0 ||
	    cleartext_start_request(c, uv_now(c->timer.loop)) != MTS_OK)
		cleartext_finish(c, false);
}

/* Each address gets an equal part of the remaining time. If connecting fails at
 * once, the timer moves on: the callback must not come from inside
 * cleartext_start(). */
static void cleartext_call_address(struct cleartext *c)
{
	struct cleartext_call *call = &c->calls[c->at];
	uint64_t now_ms = uv_now(c->timer.loop);
	uint64_t left_ms = now_ms < c->end_ms ? c->end_ms - now_ms : 0;
	struct sockaddr_storage to;

	uv_tcp_init(c->timer.loop, &call->tcp);
	call->tcp.data = call->connect.data = c;
	c->open++;
	address_socket(&c->addresses[c->at], HTTP_PORT, &to);
	if (uv_tcp_connect(&call->connect, &call->tcp, (struct sockaddr *)&to,
	                   cleartext_on_connect) != 0)
		left_ms = 0;
	uv_timer_start(&c->timer, cleartext_on_timer,
	               left_ms / (c->count - c->at), 0);
}

int cleartext_start(uv_loop_t *loop, const char *host,
                    const struct address *addresses, size_t count,
                    uint64_t timeout_ms, cleartext_callback *callback,
                    void *arg, struct cleartext **ret)
{
	struct cleartext *c = calloc(1, sizeof(*c));

	if (!c)
		return MTS_ENOMEM;
	c->callback = callback;
	c->arg = arg;
	c->socket = -1;
	c->count = count < ADDRESSES_MAX ? count : ADDRESSES_MAX;
	memcpy(c->addresses, addresses, c->count * sizeof(*c->addresses));
	strncpy(c->host, host, sizeof(c->host) - 1);
	uv_timer_init(loop, &c->timer);
	c->timer.data = c;
	c->open = 1;
	c->end_ms = uv_now(loop) + timeout_ms;
	cleartext_call_address(c);
	*ret = c;
	return MTS_OK;
}
