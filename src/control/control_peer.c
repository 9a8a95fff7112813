/* SPDX-License-Identifier: BSD-2-Clause */
/* control_peer.c - one connection of the control socket.
 *
 * We always read from a peer, so that we notice when it goes away. Data that
 * arrives early is buffered, up to one request or some lines of an import; then
 * reading stops until the data is used. The job (control_job.h) is called again
 * only when its previous piece has been written. */
#include "control/control_peer.h"

#include "control/control_job.h"
#include "wire/transfer.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	IDLE_MS = 60 * 1000, /* without a request */
	READ_SIZE = 4096,    /* most requests are short */
	/* Without reading: a person may read a long list page by page. */
	UNREAD_MS = 10 * 60 * 1000,
	/* A new peer gets at least that long to send its request. */
	DROP_MIN_MS = 1000,
	/* Between two lines of an import, which a program may write slowly. */
	READING_IDLE_MS = 5 * 60 * 1000,
	READING_CHUNK = 25, /* lines taken in one iteration of the loop */
	READING_BUSY_MS =
	    20, /* before a line that got MTS_EBUSY is tried again */
	OUT_MAX = 1024 * 1024, /* the largest policy, escaped, and much more */
};

struct peer {
	struct list node;
	struct control_peers *peers;
	uv_stream_t *stream;
	uv_timer_t timer;  /* IDLE_MS, or 0 for a step that said nothing */
	uint64_t since_ms; /* since when we wait for the peer; 0: we don't */
	size_t handles;    /* not closed by libuv yet */
	bool closing;      /* libuv has the handles for closing */
	bool ended;        /* it has shut down its side, but may still read */
	bool last;         /* close when everything is written */
	bool paused; /* not reading: the buffered data must be used first */
	char who[CONTROL_WHO_MAX];
	struct buffer in;
	struct buffer out;     /* not yet handed to libuv */
	struct buffer sending; /* libuv's until on_written, else empty */
	uv_write_t write;
	struct control_job job;
};

static void peer_go_on(struct peer *peer);

/* -- a peer's end ---------------------------------------------------------- */

static void peer_on_close(uv_handle_t *handle)
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
	peer->peers->count--;
	uv_close((uv_handle_t *)peer->stream, peer_on_close);
	uv_close((uv_handle_t *)&peer->timer, peer_on_close);
}

void control_say_last(uv_stream_t *stream, const char *error)
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

/* -- lines ----------------------------------------------------------------- */

/* The first line received past OFFSET, without its newline. */
static bool find_line(const struct peer *peer, size_t offset, struct slice *ret)
{
	const char *start = peer->in.data + offset;
	const char *end = NULL;

	if (peer->in.len > offset)
		end = memchr(start, '\n', peer->in.len - offset);
	if (end)
		*ret = slice_of(start, (size_t)(end - start));
	return end != NULL;
}

static bool has_line(const struct peer *peer)
{
	struct slice line;

	return find_line(peer, 0, &line);
}

/* -- the timer ------------------------------------------------------------- */

/* True if the job can continue without the peer. */
static bool can_go_on(const struct peer *peer)
{
	if (peer->sending.len > 0)
		return false;
	return peer->job.state == CONTROL_JOB_READY ||
	       (peer->job.state == CONTROL_JOB_READING && has_line(peer));
}

static void peer_on_timer(uv_timer_t *timer)
{
	struct peer *peer = timer->data;

	if (can_go_on(peer))
		peer_go_on(peer);
	else
		drop_peer(peer);
}

static void start_peer_timer(struct peer *peer, uint64_t timeout_ms)
{
	peer->since_ms = 0;
	uv_timer_start(&peer->timer, peer_on_timer, timeout_ms, 0);
}

/* Waits for the peer to send a request, or to read. Part of a request does
 * not restart the wait. */
static void await_peer(struct peer *peer, uint64_t timeout_ms)
{
	uint64_t since_ms = peer->since_ms;

	start_peer_timer(peer, timeout_ms);
	peer->since_ms = since_ms ? since_ms : uv_now(peer->timer.loop);
}

/* -- writing --------------------------------------------------------------- */

static void peer_on_written(uv_write_t *write, int status)
{
	struct peer *peer = write->data;

	if (peer->closing)
		return;
	if (status < 0) {
		drop_peer(peer);
		return;
	}
	buffer_clear(&peer->sending);
	peer->since_ms = 0;
	peer_go_on(peer);
}

static void send_out(struct peer *peer)
{
	struct buffer empty = peer->sending;
	uv_buf_t buf;

	peer->sending = peer->out;
	peer->out = empty;
	buf = uv_buf_init(peer->sending.data, (unsigned)peer->sending.len);
	peer->write.data = peer;
	peer->since_ms = 0;
	await_peer(peer, UNREAD_MS);
	if (uv_write(&peer->write, peer->stream, &buf, 1, peer_on_written) != 0)
		drop_peer(peer);
}

/* -- reading on ------------------------------------------------------------ */

static void peer_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf);
static void peer_on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);

/* Reads again, once the buffered data has been used. */
static void resume_reading(struct peer *peer)
{
	if (!peer->paused || peer->ended || peer->in.len > TRANSFER_LINE_MAX)
		return;
	peer->paused = false;
	if (uv_read_start(peer->stream, peer_on_alloc, peer_on_read) != 0)
		drop_peer(peer);
}

/* -- requests -------------------------------------------------------------- */

/* Begins the next request, if all of it has arrived. */
static bool start_peer_request(struct peer *peer)
{
	struct slice line;

	if (!find_line(peer, 0, &line))
		return false;
	control_job_start(&peer->job, line);
	buffer_consume(&peer->in, line.len + 1);
	return true;
}

static void start_or_wait(struct peer *peer)
{
	bool started = !peer->last && start_peer_request(peer);

	resume_reading(peer);
	if (peer->closing)
		return;
	if (started) {
		/* From the timer: many requests in a row must not block the
		 * loop. */
		start_peer_timer(peer, 0);
		if (peer->job.state != CONTROL_JOB_READY)
			peer_go_on(peer);
	} else if (!peer->last && peer->in.len > CONTROL_LINE_MAX) {
		peer->last = true;
		control_job_end(&peer->job, CONTROL_END_BAD,
		                "the request is too long");
		peer_go_on(peer);
	} else if (peer->last || peer->ended) {
		drop_peer(peer);
	} else {
		await_peer(peer, IDLE_MS);
	}
}

/* -- lines that are no requests -------------------------------------------- */

/* Gives the job a few lines. MTS_EBUSY: it takes none now. */
static int take_lines(struct peer *peer)
{
	struct slice line;
	size_t used = 0;
	int rc = MTS_OK;

	for (int n = 0; n < READING_CHUNK; n++) {
		if (peer->job.state != CONTROL_JOB_READING ||
		    !find_line(peer, used, &line))
			break;
		rc = control_import_line(&peer->job, line);
		if (rc != MTS_OK)
			break;
		used += line.len + 1;
	}
	buffer_consume(&peer->in, used);
	return rc;
}

/* Takes the last line, which may lack its newline. */
static int take_rest(struct peer *peer)
{
	int rc = MTS_OK;

	if (peer->in.len > 0)
		rc = control_import_line(&peer->job, buffer_slice(&peer->in));
	if (rc != MTS_OK || peer->job.state != CONTROL_JOB_READING)
		return rc;
	control_import_eof(&peer->job);
	return MTS_OK;
}

/* Takes lines, and waits for more. */
static void read_lines(struct peer *peer)
{
	int rc = take_lines(peer);

	/* What follows an import is not a request. */
	peer->last = true;
	if (peer->job.state == CONTROL_JOB_READING && rc == MTS_OK &&
	    !has_line(peer)) {
		if (peer->ended)
			rc = take_rest(peer);
		else if (peer->in.len > TRANSFER_LINE_MAX)
			control_job_end(&peer->job, CONTROL_END_BAD,
			                "a line is too long");
	}
	if (peer->job.state != CONTROL_JOB_READING || peer->out.len > 0) {
		peer_go_on(peer);
		return;
	}
	resume_reading(peer);
	if (peer->closing)
		return;
	if (rc != MTS_OK)
		start_peer_timer(peer, READING_BUSY_MS);
	else if (has_line(peer))
		start_peer_timer(peer, 0);
	else
		start_peer_timer(peer, READING_IDLE_MS);
}

/* Does what can be done now: writes the output, calls the job, or begins the
 * next request. */
static void peer_go_on(struct peer *peer)
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
		peer->since_ms = 0;
		return;
	case CONTROL_JOB_READING:
		read_lines(peer);
		return;
	case CONTROL_JOB_FAILED:
		control_say_last(peer->stream, "out of memory");
		drop_peer(peer);
		return;
	}
	if (peer->job.state == CONTROL_JOB_READY && peer->out.len == 0)
		start_peer_timer(peer, 0); /* let others have the loop */
	else
		peer_go_on(peer);
}

static void peer_on_wake(void *arg)
{
	peer_go_on(arg);
}

/* -- reading --------------------------------------------------------------- */

static void peer_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct peer *peer = handle->data;

	(void)suggested;
	/* The buffer is full, or no memory: libuv then reports UV_ENOBUFS. */
	if (buffer_reserve(&peer->in, READ_SIZE) != MTS_OK)
		*buf = uv_buf_init(NULL, 0);
	else
		*buf = uv_buf_init(peer->in.data + peer->in.len, READ_SIZE);
}

/* True if the peer has closed the connection, rather than only its side of
 * it. */
static bool is_hung_up(uv_stream_t *stream)
{
	struct pollfd pollfd = { .events = 0 };

	return uv_fileno((uv_handle_t *)stream, &pollfd.fd) != 0 ||
	       poll(&pollfd, 1, 0) < 0 ||
	       (pollfd.revents & (POLLHUP | POLLERR));
}

static void peer_on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
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
	/* Further requests and lines of an import must not fill our memory. */
	if (peer->job.state != CONTROL_JOB_IDLE &&
	    peer->in.len > TRANSFER_LINE_MAX && !peer->ended) {
		peer->paused = true;
		uv_read_stop(stream);
	}
	if (peer->job.state == CONTROL_JOB_IDLE ||
	    peer->job.state == CONTROL_JOB_READING)
		peer_go_on(peer);
}

/* -- peers come and go ----------------------------------------------------- */

static struct peer *new_peer(struct control_peers *peers, uv_stream_t *stream,
                             const char *who)
{
	struct peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		return NULL;
	peer->peers = peers;
	peer->stream = stream;
	snprintf(peer->who, sizeof(peer->who), "%s", who);
	buffer_init(&peer->in, TRANSFER_LINE_MAX + 2 * READ_SIZE);
	buffer_init(&peer->out, OUT_MAX);
	buffer_init(&peer->sending, OUT_MAX);
	peer->job.context = &peers->context;
	peer->job.who = peer->who;
	peer->job.out = &peer->out;
	peer->job.wake = peer_on_wake;
	peer->job.arg = peer;
	return peer;
}

int control_peer_take(struct control_peers *peers, uv_stream_t *stream,
                      const char *who)
{
	struct peer *peer = new_peer(peers, stream, who);

	if (!peer)
		return MTS_ENOMEM;
	peer->stream->data = peer;
	peer->timer.data = peer;
	peer->handles = 2;
	uv_timer_init(peers->context.options.loop, &peer->timer);
	list_append(&peers->list, &peer->node);
	peers->count++;
	await_peer(peer, IDLE_MS);
	if (uv_read_start(peer->stream, peer_on_alloc, peer_on_read) != 0)
		drop_peer(peer);
	return MTS_OK;
}

bool control_peers_drop_slowest(struct control_peers *peers)
{
	uint64_t now_ms = uv_now(peers->context.options.loop);
	struct peer *slowest = NULL;

	list_each_safe (node, &peers->list) {
		struct peer *peer = container_of(node, struct peer, node);

		if (peer->since_ms > 0 &&
		    (!slowest || peer->since_ms < slowest->since_ms))
			slowest = peer;
	}
	if (!slowest || now_ms - slowest->since_ms < DROP_MIN_MS)
		return false;
	/* In the middle of an answer it would not be a line of its own. */
	if (slowest->sending.len == 0)
		control_say_last(slowest->stream, CONTROL_TOO_MANY);
	drop_peer(slowest);
	return true;
}

void control_peers_drop(struct control_peers *peers)
{
	list_each_safe (node, &peers->list)
		drop_peer(container_of(node, struct peer, node));
}
