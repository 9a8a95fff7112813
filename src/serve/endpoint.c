/* SPDX-License-Identifier: BSD-2-Clause */
/* endpoint.c - listens at one address, and accepts the connections.
 *
 * A host name may have several addresses: there is an acceptor for each. libuv
 * announces no further connection before the last one has been accepted. So when
 * memory runs out, the connection is accepted into a reserved handle, and closed. */
#include "serve/endpoint.h"

#include "base/log.h"
#include "base/slice.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	/* Larger than the default of limits.clients: if the backlog is full,
	 * connect() to a unix socket fails at once, and Postfix defers the
	 * mail. The system may cut it down to net.core.somaxconn. */
	ENDPOINT_BACKLOG = 4096,
	ENDPOINT_KEEPALIVE_S =
	    60, /* to notice peers that vanish without a FIN */
	ENDPOINT_WARN_MS = 60000,
	/* Accepted in one iteration of the loop. libuv would accept all that
	 * wait: ten thousand take 100 ms, in which no question is
	 * answered. */
	ACCEPT_MAX = 32,
};

union stream_handle {
	uv_handle_t handle;
	uv_stream_t stream;
	uv_tcp_t tcp;
	uv_pipe_t pipe;
};

struct acceptor {
	union stream_handle uv;
	struct endpoint *endpoint;
	/* Accepts a connection when memory has run out, and closes it. */
	union stream_handle refusal;
	bool refusing;     /* REFUSAL is in use */
	bool pending;      /* a connection waits for REFUSAL, or for IDLE */
	unsigned accepted; /* in this iteration of the loop */
	uv_idle_t idle;    /* active after ACCEPT_MAX: resumes in the next */
};

struct endpoint {
	char *address;
	const char *path; /* unix: within address; else NULL */
	bool passed;      /* the service manager owns the file */
	struct stat file; /* unix, not passed: as it was created */
	/* unix: as configured */
	mode_t mode;
	char *owner;
	char *group;
	/* Between endpoint_change() and endpoint_settle(): */
	bool changed;
	struct stat before; /* the file before the change */
	uv_loop_t *loop;
	endpoint_callback *callback;
	void *arg;
	struct acceptor acceptors[BIND_SOCKETS];
	size_t count;
	size_t closing; /* handles that libuv has not closed yet */
	bool warned;
	uint64_t warned_ms;
};

/* -- accepting ------------------------------------------------------------- */

static void free_stream(uv_handle_t *handle)
{
	free(handle);
}

void endpoint_drop_stream(uv_stream_t *stream)
{
	uv_close((uv_handle_t *)stream, free_stream);
}

static int init_stream(uv_loop_t *loop, union stream_handle *uv, bool is_unix)
{
	return is_unix ? uv_pipe_init(loop, &uv->pipe, 0)
	               : uv_tcp_init(loop, &uv->tcp);
}

static void endpoint_warn_refused(struct endpoint *endpoint)
{
	uint64_t now_ms = uv_now(endpoint->loop);

	if (endpoint->warned && now_ms - endpoint->warned_ms < ENDPOINT_WARN_MS)
		return;
	endpoint->warned = true;
	endpoint->warned_ms = now_ms;
	log_warning("connection_refused address=\"%s\" reason=\"out of "
	            "memory\"",
	            endpoint->address);
}

static void free_endpoint(struct endpoint *endpoint);
static void acceptor_accept(struct acceptor *acceptor);

static void endpoint_closed_handle(struct endpoint *endpoint)
{
	if (--endpoint->closing == 0)
		free_endpoint(endpoint);
}

static void acceptor_on_refused(uv_handle_t *handle)
{
	struct acceptor *acceptor = handle->data;

	acceptor->refusing = false;
	if (acceptor->endpoint->closing > 0)
		endpoint_closed_handle(acceptor->endpoint);
	else if (acceptor->pending)
		acceptor_accept(acceptor);
}

static void acceptor_refuse(struct acceptor *acceptor)
{
	union stream_handle *uv = &acceptor->refusal;
	struct endpoint *endpoint = acceptor->endpoint;

	acceptor->pending = acceptor->refusing;
	if (acceptor->refusing ||
	    init_stream(endpoint->loop, uv, endpoint->path != NULL) != 0)
		return;
	acceptor->refusing = true;
	uv->stream.data = acceptor;
	if (uv_accept(&acceptor->uv.stream, &uv->stream) == 0)
		endpoint_warn_refused(endpoint);
	uv_close(&uv->handle, acceptor_on_refused);
}

/* Accepts the connection that libuv has announced. */
static void acceptor_accept(struct acceptor *acceptor)
{
	struct endpoint *endpoint = acceptor->endpoint;
	union stream_handle *uv = malloc(sizeof(*uv));

	acceptor->pending = false;
	acceptor->accepted++;
	if (!uv) {
		acceptor_refuse(acceptor);
		return;
	}
	if (init_stream(endpoint->loop, uv, endpoint->path != NULL) != 0) {
		free(uv);
		return;
	}
	if (uv_accept(&acceptor->uv.stream, &uv->stream) != 0) {
		endpoint_drop_stream(&uv->stream);
		return;
	}
	if (!endpoint->path) {
		uv_tcp_nodelay(&uv->tcp, 1);
		uv_tcp_keepalive(&uv->tcp, 1, ENDPOINT_KEEPALIVE_S);
	}
	endpoint->callback(endpoint->arg, &uv->stream);
}

static void acceptor_on_idle(uv_idle_t *idle)
{
	struct acceptor *acceptor = idle->data;

	uv_idle_stop(idle);
	acceptor->accepted = 0;
	if (acceptor->pending && !acceptor->refusing)
		acceptor_accept(acceptor);
}

/* libuv holds the connection until it is accepted, and announces no other before. */
static void acceptor_on_connection(uv_stream_t *server, int status)
{
	struct acceptor *acceptor = server->data;

	if (status < 0)
		return;
	if (acceptor->accepted < ACCEPT_MAX) {
		acceptor_accept(acceptor);
		return;
	}
	acceptor->pending = true;
	uv_idle_start(&acceptor->idle, acceptor_on_idle);
}

/* Owns FD from now on, also on failure. */
static int acceptor_start(struct endpoint *endpoint, int fd, struct fault *why)
{
	struct acceptor *acceptor = &endpoint->acceptors[endpoint->count];
	bool is_unix = endpoint->path != NULL;
	int rc = init_stream(endpoint->loop, &acceptor->uv, is_unix);

	if (rc != 0) {
		close(fd);
		goto fail;
	}
	acceptor->endpoint = endpoint;
	acceptor->uv.stream.data = acceptor;
	uv_idle_init(endpoint->loop, &acceptor->idle);
	acceptor->idle.data = acceptor;
	endpoint->count++;
	rc = is_unix ? uv_pipe_open(&acceptor->uv.pipe, fd)
	             : uv_tcp_open(&acceptor->uv.tcp, fd);
	if (rc != 0) {
		close(fd);
		goto fail;
	}
	rc = uv_listen(&acceptor->uv.stream, ENDPOINT_BACKLOG,
	               acceptor_on_connection);
	if (rc == 0)
		return MTS_OK;
fail:
	return fault_set(why, rc == UV_EADDRINUSE ? MTS_EBUSY : MTS_ESYS,
	                 "%s: can't listen: %s", endpoint->address,
	                 uv_strerror(rc));
}

/* -- the module ------------------------------------------------------------ */

static void free_endpoint(struct endpoint *endpoint)
{
	free(endpoint->address);
	free(endpoint->owner);
	free(endpoint->group);
	free(endpoint);
}

static bool replace_text(char **to, const char *text)
{
	char *copy = text ? strdup(text) : NULL;

	if (text && !copy)
		return false;
	free(*to);
	*to = copy;
	return true;
}

static struct endpoint *new_endpoint(const struct endpoint_options *options,
                                     endpoint_callback *callback, void *arg)
{
	struct endpoint *endpoint = calloc(1, sizeof(*endpoint));

	if (!endpoint)
		return NULL;
	if (!replace_text(&endpoint->address, options->bind.address) ||
	    !replace_text(&endpoint->owner, options->bind.owner) ||
	    !replace_text(&endpoint->group, options->bind.group)) {
		free_endpoint(endpoint);
		return NULL;
	}
	endpoint->mode = options->bind.mode;
	endpoint->loop = options->loop;
	endpoint->callback = callback;
	endpoint->arg = arg;
	return endpoint;
}

/* False if the file is gone or was replaced. If we may not look, it is assumed to be
 * there. */
static bool has_its_file(const struct endpoint *endpoint)
{
	struct stat file;

	if (lstat(endpoint->path, &file) != 0)
		return errno != ENOENT && errno != ENOTDIR;
	return file.st_dev == endpoint->file.st_dev &&
	       file.st_ino == endpoint->file.st_ino;
}

int endpoint_listen(const struct endpoint_options *options,
                    endpoint_callback *callback, void *arg,
                    struct endpoint **ret, struct fault *why)
{
	struct endpoint *endpoint = new_endpoint(options, callback, arg);
	struct bind_result bound = { .count = 0 };
	int rc;

	if (!endpoint)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	rc = bind_address(&options->bind, options->ready, &bound, why);
	if (bound.count > 0)
		endpoint->path = bind_path(endpoint->address);
	endpoint->passed = bound.passed;
	if (endpoint->path && lstat(endpoint->path, &endpoint->file) != 0)
		endpoint->file.st_ino = 0; /* that of no file */
	for (size_t i = 0; i < bound.count; i++) {
		if (rc == MTS_OK)
			rc = acceptor_start(endpoint, bound.fds[i], why);
		else
			close(bound.fds[i]);
	}
	/* The port was shared to bind it; from now on it is ours alone. */
	endpoint_share_port(endpoint, false);
	if (rc == MTS_OK)
		*ret = endpoint;
	else
		endpoint_close(&endpoint);
	return rc;
}

bool endpoint_is_at(const struct endpoint *endpoint, const char *address)
{
	/* Paths are case-sensitive, host names are not. */
	if (!endpoint->path)
		return strcasecmp(endpoint->address, address) == 0;
	return strcmp(endpoint->address, address) == 0 &&
	       (endpoint->passed || has_its_file(endpoint));
}

/* -- changes --------------------------------------------------------------- */

static bool has_file_of(const struct endpoint *endpoint,
                        const struct bind_options *options)
{
	return endpoint->mode == options->mode &&
	       text_same(endpoint->owner, options->owner) &&
	       text_same(endpoint->group, options->group);
}

int endpoint_change(struct endpoint *endpoint,
                    const struct bind_options *options, struct fault *why)
{
	int rc;

	if (!endpoint->path || endpoint->passed ||
	    has_file_of(endpoint, options))
		return MTS_OK;
	rc = bind_set_file(options, &endpoint->before, why);
	endpoint->changed = rc == MTS_OK;
	return rc;
}

void endpoint_settle(struct endpoint *endpoint,
                     const struct bind_options *options)
{
	const struct stat *before = &endpoint->before;

	if (!endpoint->changed)
		return;
	endpoint->changed = false;
	if (options) {
		endpoint->mode = options->mode;
		/* Out of memory: make sure that the next change sets the
		 * file again. */
		if (!replace_text(&endpoint->owner, options->owner) ||
		    !replace_text(&endpoint->group, options->group))
			endpoint->mode = (mode_t)-1;
		return;
	}
	if (chmod(endpoint->path, before->st_mode & 07777) != 0 ||
	    lchown(endpoint->path, before->st_uid, before->st_gid) != 0)
		log_warning(
		    "socket_changed address=\"%s\" reason=\"can't restore "
		    "its mode and owner: %s\"",
		    endpoint->address, strerror(errno));
}

void endpoint_share_port(struct endpoint *endpoint, bool share)
{
	int value = share;
	int fd;

	for (size_t i = 0; !endpoint->path && i < endpoint->count; i++)
		if (uv_fileno(&endpoint->acceptors[i].uv.handle, &fd) == 0)
			setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &value,
			           sizeof(value));
}

/* -- the end --------------------------------------------------------------- */

static void acceptor_on_closed(uv_handle_t *handle)
{
	struct acceptor *acceptor = handle->data;

	endpoint_closed_handle(acceptor->endpoint);
}

/* If root created it in a folder that we can't write to, it stays: the next start
 * removes it. A file that another process put in its place stays, too. */
static void endpoint_remove_file(const struct endpoint *endpoint)
{
	if (endpoint->path && !endpoint->passed && has_its_file(endpoint) &&
	    unlink(endpoint->path) != 0 && errno != ENOENT)
		log_info("socket_left address=\"%s\" reason=\"can't remove its "
		         "file: %s\"",
		         endpoint->address, strerror(errno));
}

void endpoint_close(struct endpoint **endpoint)
{
	struct endpoint *e = *endpoint;

	if (!e)
		return;
	*endpoint = NULL;
	endpoint_remove_file(e);
	if (e->count == 0) {
		free_endpoint(e);
		return;
	}
	for (size_t i = 0; i < e->count; i++) {
		struct acceptor *acceptor = &e->acceptors[i];

		e->closing += 2 + acceptor->refusing;
		uv_close(&acceptor->uv.handle, acceptor_on_closed);
		uv_close((uv_handle_t *)&acceptor->idle, acceptor_on_closed);
	}
}
