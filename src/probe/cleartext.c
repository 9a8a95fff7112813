/* SPDX-License-Identifier: BSD-2-Clause */
/* cleartext.c - is the policy served by HTTP at port 80, too?
 *
 * Often nobody listens there, so libcurl is not set up before there is a
 * connection. It is then given that one, and makes the same request as a fetch
 * does, under the same limits (https/attempt.h), but without TLS. */
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
struct call {
	uv_tcp_t tcp;
	uv_connect_t connect;
};

struct cleartext {
	uv_timer_t timer; /* the call's, or the end of its time */
	unsigned open;    /* handles that are not yet closed */
	struct call calls[ADDRESSES_MAX];
	struct address addresses[ADDRESSES_MAX];
	size_t count;
	size_t at;       /* the call that is under way */
	uint64_t end_ms; /* by uv_now() */
	int socket;      /* connected, and not yet libcurl's; or -1 */
	struct curl_uv *curl;
	struct attempt *attempt;
	char host[300];
	cleartext_callback *callback; /* NULL: cancelled, or called */
	void *arg;
};

/* -- the end --------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
	struct cleartext *c = handle->data;

	if (--c->open == 0)
		free(c);
}

static void hang_up(struct cleartext *c)
{
	uv_handle_t *handle = (uv_handle_t *)&c->calls[c->at].tcp;

	if (handle->data && !uv_is_closing(handle))
		uv_close(handle, on_closed);
}

static void close_all(struct cleartext *c)
{
	c->callback = NULL;
	attempt_free(&c->attempt);
	curl_uv_close(&c->curl);
	if (c->socket >= 0)
		close(c->socket);
	hang_up(c);
	uv_close((uv_handle_t *)&c->timer, on_closed);
}

static void finish(struct cleartext *c, bool served)
{
	cleartext_callback *callback = c->callback;
	void *callback_arg = c->arg;

	close_all(c);
	callback(callback_arg, served);
}

void cleartext_cancel(struct cleartext **cleartext)
{
	if (!*cleartext)
		return;
	close_all(*cleartext);
	*cleartext = NULL;
}

/* -- the request ----------------------------------------------------------- */

static void on_attempt(void *arg, const struct fetch_result *result)
{
	struct cleartext *c = arg;

	/* A web server may answer anything with a page of its own. */
	finish(c, result->cause == FETCH_OK &&
	              slice_starts(result->body, "version:"));
}

static int start_request(struct cleartext *c, uint64_t now_ms)
{
	struct attempt_options options = {
		.host = c->host,
		.addresses = &c->addresses[c->at],
		.count = 1,
		.cleartext = true,
		.socket = &c->socket,
		/* 0 would be no limit at all */
		.timeout_ms = now_ms < c->end_ms ? c->end_ms - now_ms : 1,
		.max_size = POLICY_MAX,
		.since_ns = uv_hrtime(),
	};
	int status = curl_uv_new(c->timer.loop, &c->curl);

	if (status != MTS_OK)
		return status;
	options.curl = c->curl;
	return attempt_start(&options, on_attempt, c, &c->attempt);
}

/* -- the connection -------------------------------------------------------- */

static void call_address(struct cleartext *c);

static void call_next(struct cleartext *c)
{
	hang_up(c);
	if (c->at + 1 == c->count) {
		finish(c, false);
		return;
	}
	c->at++;
	call_address(c);
}

static void on_timer(uv_timer_t *timer)
{
	call_next(timer->data);
}

/* The descriptor is libuv's: libcurl gets a copy. */
static void on_connect(uv_connect_t *connect, int status)
{
	struct cleartext *c = connect->data;
	uv_os_fd_t fd = -1;

	if (status == UV_ECANCELED || !c->callback)
		return;
	if (status == 0)
		status = uv_fileno((uv_handle_t *)&c->calls[c->at].tcp, &fd);
	if (status != 0) {
		call_next(c);
		return;
	}
	uv_timer_stop(&c->timer);
	c->socket = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	hang_up(c);
	if (c->socket < 0 || start_request(c, uv_now(c->timer.loop)) != MTS_OK)
		finish(c, false);
}

/* Each address gets its share of the time that is left. What fails at once is
 * told by the timer, as nothing may be told from inside of cleartext_start(). */
static void call_address(struct cleartext *c)
{
	struct call *call = &c->calls[c->at];
	uint64_t now_ms = uv_now(c->timer.loop);
	uint64_t left_ms = now_ms < c->end_ms ? c->end_ms - now_ms : 0;
	struct sockaddr_storage to;

	uv_tcp_init(c->timer.loop, &call->tcp);
	call->tcp.data = call->connect.data = c;
	c->open++;
	address_socket(&c->addresses[c->at], HTTP_PORT, &to);
	if (uv_tcp_connect(&call->connect, &call->tcp, (struct sockaddr *)&to,
	                   on_connect) != 0)
		left_ms = 0;
	uv_timer_start(&c->timer, on_timer, left_ms / (c->count - c->at), 0);
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
	call_address(c);
	*ret = c;
	return MTS_OK;
}
