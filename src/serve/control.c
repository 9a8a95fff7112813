/* SPDX-License-Identifier: BSD-2-Clause */
/* control.c - the connections of the control socket.
 *
 * A peer is read all the time, so that we notice when it goes away; what it
 * sends ahead is kept, up to one request. Its job (control_job.h) is asked for
 * more only when all that it said before is written.
 *
 * SECURITY: whoever may speak here can empty the cache. The socket's mode lets
 * in our own user and root, and more only where the configuration names them;
 * the credentials of each peer are checked in any case. */
#include "serve/control.h"

#include "base/list.h"
#include "base/log.h"
#include "base/user.h"
#include "serve/control_access.h"
#include "serve/control_job.h"
#include "serve/endpoint.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	PEERS_MAX = 16,             /* operators, scripts, monitoring */
	IDLE_MS = 60 * 1000,        /* without a request, or without reading */
	REFUSED_LOG_MS = 10 * 1000, /* between two lines on refused peers */
	READ_SIZE = 4096,           /* most requests are short */
	OUT_MAX = 1024 * 1024, /* the largest policy, escaped, and much more */
};

struct control {
	struct control_context context;
	struct endpoint *endpoint;
	struct control_access *access;
	struct list peers;
	size_t peer_count;
	uint64_t refused;    /* since the last log line, and with it */
	uint64_t refused_ms; /* when that was written */
};

struct peer {
	struct list node;
	struct control *control;
	uv_stream_t *stream;
	uv_timer_t timer; /* IDLE_MS, or 0 for a step that said nothing */
	size_t handles;   /* that libuv has not given back yet */
	bool closing;     /* libuv has the handles for closing */
	bool ended;       /* it sends no more, but may read on */
	bool last;        /* to be closed when all is written */
	char user[USER_NAME_MAX];
	struct buffer in;
	struct buffer out;     /* said, not yet handed to libuv */
	struct buffer sending; /* libuv's until on_written, else empty */
	uv_write_t write;
	struct control_job job;
};

static void go_on(struct peer *peer);

/* -- a peer's end ---------------------------------------------------------- */

static void on_handle_closed(uv_handle_t *handle)
{
	struct peer *peer = handle->data;

	if (--peer->handles > 0)
		return;
	buffer_free(&peer->in);
	buffer_free(&peer->out);
	buffer_free(&peer->sending);
	free(peer->stream);
	free(peer);
}

static void drop_peer(struct peer *peer)
{
	if (peer->closing)
		return;
	peer->closing = true;
	control_job_cancel(&peer->job);
	list_remove(&peer->node);
	peer->control->peer_count--;
	uv_close((uv_handle_t *)peer->stream, on_handle_closed);
	uv_close((uv_handle_t *)&peer->timer, on_handle_closed);
}

/* The end, with ERROR, for a stream that gets nothing more. It has taken
 * nothing yet, or all that was said before, so the socket has room for this; if
 * not, so be it. Needs no memory. */
static void say_last(uv_stream_t *stream, const char *error)
{
	char line[200]; /* libuv wants it writable */
	uv_buf_t buf;
	int n = snprintf(line, sizeof(line),
	                 "{\"end\":true,\"status\":%d,\"error\":\"%s\"}\n",
	                 CONTROL_END_REFUSED, error);

	if (n <= 0 || (size_t)n >= sizeof(line))
		return;
	buf = uv_buf_init(line, (unsigned)n);
	(void)uv_try_write(stream, &buf, 1);
}

/* -- the timer ------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer)
{
	struct peer *peer = timer->data;

	if (peer->job.state == CONTROL_JOB_READY && peer->sending.len == 0)
		go_on(peer);
	else
		drop_peer(peer);
}

static void start_timer(struct peer *peer, uint64_t timeout_ms)
{
	uv_timer_start(&peer->timer, on_timer, timeout_ms, 0);
}

/* -- writing --------------------------------------------------------------- */

static void on_written(uv_write_t *write, int status)
{
	struct peer *peer = write->data;

	if (peer->closing)
		return;
	if (status < 0) {
		drop_peer(peer);
		return;
	}
	buffer_clear(&peer->sending);
	go_on(peer);
}

static void send_out(struct peer *peer)
{
	struct buffer empty = peer->sending;
	uv_buf_t buf;

	peer->sending = peer->out;
	peer->out = empty;
	buf = uv_buf_init(peer->sending.data, (unsigned)peer->sending.len);
	peer->write.data = peer;
	start_timer(peer, IDLE_MS);
	if (uv_write(&peer->write, peer->stream, &buf, 1, on_written) != 0)
		drop_peer(peer);
}

/* -- requests -------------------------------------------------------------- */

/* Begins the next request, if it is here in full. */
static bool start_request(struct peer *peer)
{
	const char *end = NULL;
	size_t len;

	if (peer->in.len > 0)
		end = memchr(peer->in.data, '\n', peer->in.len);
	if (!end)
		return false;
	len = (size_t)(end - peer->in.data);
	control_job_start(&peer->job, slice_of(peer->in.data, len));
	buffer_consume(&peer->in, len + 1);
	return true;
}

static void start_or_wait(struct peer *peer)
{
	if (!peer->last && start_request(peer)) {
		/* Not from here: a row of requests shall not keep the loop. */
		start_timer(peer, 0);
		if (peer->job.state != CONTROL_JOB_READY)
			go_on(peer);
	} else if (!peer->last && peer->in.len > CONTROL_LINE_MAX) {
		peer->last = true;
		control_job_end(&peer->job, CONTROL_END_BAD,
		                "the request is too long");
		go_on(peer);
	} else if (peer->last || peer->ended) {
		drop_peer(peer);
	} else {
		start_timer(peer, IDLE_MS);
	}
}

/* Does what can be done now: writes what was said, lets the job say more, or
 * begins the next request. */
static void go_on(struct peer *peer)
{
	if (peer->closing || peer->sending.len > 0)
		return;
	if (peer->out.len > 0) {
		send_out(peer);
		return;
	}
	switch (peer->job.state) {
	case CONTROL_JOB_IDLE:
		start_or_wait(peer);
		return;
	case CONTROL_JOB_READY:
		control_job_step(&peer->job);
		break;
	case CONTROL_JOB_WAITING:
		/* The look-up has its own time-out. */
		uv_timer_stop(&peer->timer);
		return;
	case CONTROL_JOB_FAILED:
		say_last(peer->stream, "out of memory");
		drop_peer(peer);
		return;
	}
	if (peer->job.state == CONTROL_JOB_READY && peer->out.len == 0)
		start_timer(peer, 0); /* let others have the loop */
	else
		go_on(peer);
}

static void on_wake(void *arg)
{
	go_on(arg);
}

/* -- reading --------------------------------------------------------------- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct peer *peer = handle->data;

	(void)suggested;
	/* No room or no memory: libuv then reports UV_ENOBUFS. */
	if (buffer_reserve(&peer->in, READ_SIZE) != MTS_OK)
		*buf = uv_buf_init(NULL, 0);
	else
		*buf = uv_buf_init(peer->in.data + peer->in.len, READ_SIZE);
}

/* True if the peer is gone altogether, rather than only done with sending. */
static bool is_hung_up(uv_stream_t *stream)
{
	struct pollfd pollfd = { .events = 0 };

	return uv_fileno((uv_handle_t *)stream, &pollfd.fd) != 0 ||
	       poll(&pollfd, 1, 0) < 0 ||
	       (pollfd.revents & (POLLHUP | POLLERR));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct peer *peer = stream->data;

	(void)buf;
	if (n == 0)
		return;
	if (n == UV_EOF && !is_hung_up(stream)) {
		peer->ended = true;
		uv_read_stop(stream);
	} else if (n < 0) {
		drop_peer(peer);
		return;
	} else {
		peer->in.len += (size_t)n;
	}
	if (peer->job.state == CONTROL_JOB_IDLE)
		go_on(peer);
}

/* -- peers coming ---------------------------------------------------------- */

/* Whoever can connect can make us refuse him as often as he likes. */
static void log_refused(struct control *control,
                        const struct control_peer *peer)
{
	uint64_t now_ms = clock_mono_ms(control->context.options.clock);
	char user[USER_NAME_MAX] = "";

	if (control->refused > 0 &&
	    now_ms - control->refused_ms < REFUSED_LOG_MS) {
		control->refused++;
		return;
	}
	if (peer->uid >= 0)
		user_name((uid_t)peer->uid, user);
	fault_scrub(user);
	log_warning(
	    "control_refused uid=%ld user=\"%s\" pid=%ld unlogged=%llu",
	    peer->uid, user, peer->pid,
	    (unsigned long long)(control->refused ? control->refused - 1 : 0));
	control->refused = 1;
	control->refused_ms = now_ms;
}

/* True if the one at the other end may speak; USER is then his name. */
static bool may_speak(struct control *control, uv_stream_t *stream,
                      char user[USER_NAME_MAX])
{
	struct control_peer peer = { -1, -1 };
	int fd;

	if (uv_fileno((uv_handle_t *)stream, &fd) != 0 ||
	    !control_access_allows(control->access, fd, &peer)) {
		log_refused(control, &peer);
		return false;
	}
	user_name((uid_t)peer.uid, user);
	return true;
}

static struct peer *new_peer(struct control *control, uv_stream_t *stream)
{
	struct peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		return NULL;
	peer->control = control;
	peer->stream = stream;
	buffer_init(&peer->in, CONTROL_LINE_MAX + 2 * READ_SIZE);
	buffer_init(&peer->out, OUT_MAX);
	buffer_init(&peer->sending, OUT_MAX);
	peer->job.context = &control->context;
	peer->job.user = peer->user;
	peer->job.out = &peer->out;
	peer->job.wake = on_wake;
	peer->job.arg = peer;
	return peer;
}

static void refuse(uv_stream_t *stream, const char *error)
{
	say_last(stream, error);
	endpoint_drop_stream(stream);
}

static void take_peer(struct control *control, struct peer *peer)
{
	peer->stream->data = peer;
	peer->timer.data = peer;
	peer->handles = 2;
	uv_timer_init(control->context.options.loop, &peer->timer);
	list_append(&control->peers, &peer->node);
	control->peer_count++;
	start_timer(peer, IDLE_MS);
	if (uv_read_start(peer->stream, on_alloc, on_read) != 0)
		drop_peer(peer);
}

static void on_connection(void *arg, uv_stream_t *stream)
{
	struct control *control = arg;
	char user[USER_NAME_MAX];
	struct peer *peer;

	if (!may_speak(control, stream, user)) {
		refuse(stream,
		       "permission denied: be root or the user that mtastsd "
		       "runs as, or be named by control_users or "
		       "control_group");
		return;
	}
	if (control->peer_count >= PEERS_MAX) {
		refuse(stream, "too many control connections");
		return;
	}
	peer = new_peer(control, stream);
	if (!peer) {
		refuse(stream, "out of memory");
		return;
	}
	memcpy(peer->user, user, sizeof(user));
	take_peer(control, peer);
}

/* -- the service ----------------------------------------------------------- */

static int listen_for_peers(struct control *control, struct fault *why)
{
	const struct control_options *options = &control->context.options;
	struct endpoint_options endpoint = {
		.loop = options->loop,
		.address = options->address,
		.mode = control_access_mode(control->access),
		.group = options->group,
	};

	return endpoint_listen(&endpoint, on_connection, control,
	                       &control->endpoint, why);
}

int control_open(const struct control_options *options, struct control **ret,
                 struct fault *why)
{
	struct control *control = calloc(1, sizeof(*control));
	int rc;

	if (!control)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	control->context.options = *options;
	control->context.started_ms = clock_mono_ms(options->clock);
	list_init(&control->peers);
	rc = control_access_new(options->users, options->user_count,
	                        options->group, &control->access, why);
	if (rc == MTS_OK)
		rc = listen_for_peers(control, why);
	if (rc == MTS_OK) {
		*ret = control;
		return MTS_OK;
	}
	control_access_free(&control->access);
	free(control);
	return rc;
}

void control_close(struct control **control)
{
	struct control *c = *control;

	if (!c)
		return;
	endpoint_close(&c->endpoint);
	list_each_safe (node, &c->peers)
		drop_peer(container_of(node, struct peer, node));
	control_access_free(&c->access);
	free(c);
	*control = NULL;
}
