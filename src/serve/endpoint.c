/* SPDX-License-Identifier: BSD-2-Clause */
/* endpoint.c - listening sockets: listens, accepts. */
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
	/* More than limits.clients by default: where it is full, connect()
	 * to a unix socket fails at once, and Postfix then defers the mail.
	 * The system takes less if net.core.somaxconn says so. */
	ENDPOINT_BACKLOG = 4096,
	ENDPOINT_KEEPALIVE_S = 60, /* finds peers that vanished without a FIN */
	ENDPOINT_WARN_MS = 60000,
	/* Accepted in one turn of the loop. libuv would take all who wait, and
	 * ten thousand take a tenth of a second, in which nobody is answered. */
	ENDPOINT_TURN_MAX = 32,
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
	/* Takes a connection that there is no memory for, and closes it. */
	union stream_handle refusal;
	bool refusing;  /* until libuv gives the handle back */
	bool owed;      /* a connection waits for that, or for the next turn */
	unsigned taken; /* since this ran last; */
	uv_idle_t next_turn; /* active when they are all it may take */
};

struct endpoint {
	char *address;
	const char *path; /* unix: within address; else NULL */
	bool passed;      /* a service manager has the file */
	struct stat file; /* unix, not passed: as it was made */
	mode_t mode;      /* unix: what the file was given */
	char *owner;
	char *group;
	struct stat before; /* while CHANGED */
	bool changed;       /* the file; endpoint_settle() is to come */
	uv_loop_t *loop;
	endpoint_callback *callback;
	void *arg;
	struct acceptor acceptors[BIND_SOCKETS];
	size_t count;
	size_t closing; /* handles that libuv has not given back yet */
	bool warned;    /* at: */
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

static void warn_refused(struct endpoint *endpoint)
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
static void take(struct acceptor *acceptor);

static void closed_one(struct endpoint *endpoint)
{
	if (--endpoint->closing == 0)
		free_endpoint(endpoint);
}

static void on_refused(uv_handle_t *handle)
{
	struct acceptor *acceptor = handle->data;

	acceptor->refusing = false;
	if (acceptor->endpoint->closing > 0)
		closed_one(acceptor->endpoint);
	else if (acceptor->owed)
		take(acceptor);
}

static void refuse(struct acceptor *acceptor)
{
	union stream_handle *uv = &acceptor->refusal;
	struct endpoint *endpoint = acceptor->endpoint;

	acceptor->owed = acceptor->refusing;
	if (acceptor->refusing ||
	    init_stream(endpoint->loop, uv, endpoint->path != NULL) != 0)
		return;
	acceptor->refusing = true;
	uv->stream.data = acceptor;
	if (uv_accept(&acceptor->uv.stream, &uv->stream) == 0)
		warn_refused(endpoint);
	uv_close(&uv->handle, on_refused);
}

/* The connection that libuv has for it. */
static void take(struct acceptor *acceptor)
{
	struct endpoint *endpoint = acceptor->endpoint;
	union stream_handle *uv = malloc(sizeof(*uv));

	acceptor->owed = false;
	acceptor->taken++;
	if (!uv) {
		refuse(acceptor);
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

static void on_next_turn(uv_idle_t *next_turn)
{
	struct acceptor *acceptor = next_turn->data;

	uv_idle_stop(next_turn);
	acceptor->taken = 0;
	if (acceptor->owed && !acceptor->refusing)
		take(acceptor);
}

/* libuv keeps a connection until it is accepted, and takes no other until
 * then. */
static void on_connection(uv_stream_t *server, int status)
{
	struct acceptor *acceptor = server->data;

	if (status < 0)
		return;
	if (acceptor->taken < ENDPOINT_TURN_MAX) {
		take(acceptor);
		return;
	}
	acceptor->owed = true;
	uv_idle_start(&acceptor->next_turn, on_next_turn);
}

/* Takes FD over, also when it fails. */
static int start_acceptor(struct endpoint *endpoint, int fd, struct fault *why)
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
	uv_idle_init(endpoint->loop, &acceptor->next_turn);
	acceptor->next_turn.data = acceptor;
	endpoint->count++;
	rc = is_unix ? uv_pipe_open(&acceptor->uv.pipe, fd)
	             : uv_tcp_open(&acceptor->uv.tcp, fd);
	if (rc != 0) {
		close(fd);
		goto fail;
	}
	rc = uv_listen(&acceptor->uv.stream, ENDPOINT_BACKLOG, on_connection);
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

static bool copy_text(char **to, const char *text)
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
	if (!copy_text(&endpoint->address, options->bind.address) ||
	    !copy_text(&endpoint->owner, options->bind.owner) ||
	    !copy_text(&endpoint->group, options->bind.group)) {
		free_endpoint(endpoint);
		return NULL;
	}
	endpoint->mode = options->bind.mode;
	endpoint->loop = options->loop;
	endpoint->callback = callback;
	endpoint->arg = arg;
	return endpoint;
}

/* Whether the file is the one that was made, as far as we may see. */
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
			rc = start_acceptor(endpoint, bound.fds[i], why);
		else
			close(bound.fds[i]);
	}
	/* Nobody else gets it; it had to be so until here. */
	endpoint_share_port(endpoint, false);
	if (rc == MTS_OK)
		*ret = endpoint;
	else
		endpoint_close(&endpoint);
	return rc;
}

bool endpoint_is_at(const struct endpoint *endpoint, const char *address)
{
	/* Case counts in a path, and not in a host. */
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
		/* Without memory for a name the next change sets it again. */
		if (!copy_text(&endpoint->owner, options->owner) ||
		    !copy_text(&endpoint->group, options->group))
			endpoint->mode = (mode_t)-1;
		return;
	}
	if (chmod(endpoint->path, before->st_mode & 07777) != 0 ||
	    lchown(endpoint->path, before->st_uid, before->st_gid) != 0)
		log_warning(
		    "socket_changed address=\"%s\" reason=\"its mode and "
		    "owner can't be set back: %s\"",
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

static void on_acceptor_closed(uv_handle_t *handle)
{
	struct acceptor *acceptor = handle->data;

	closed_one(acceptor->endpoint);
}

/* Who started us as root may have put it into a folder that we can't write to
 * any more; the next start removes it. What another process has put in its place
 * stays. */
static void remove_file(const struct endpoint *endpoint)
{
	if (endpoint->path && !endpoint->passed && has_its_file(endpoint) &&
	    unlink(endpoint->path) != 0 && errno != ENOENT)
		log_info(
		    "socket_left address=\"%s\" reason=\"its file can't be "
		    "removed: %s\"",
		    endpoint->address, strerror(errno));
}

void endpoint_close(struct endpoint **endpoint)
{
	struct endpoint *e = *endpoint;

	if (!e)
		return;
	*endpoint = NULL;
	remove_file(e);
	if (e->count == 0) {
		free_endpoint(e);
		return;
	}
	for (size_t i = 0; i < e->count; i++) {
		struct acceptor *acceptor = &e->acceptors[i];

		e->closing += 2 + acceptor->refusing;
		uv_close(&acceptor->uv.handle, on_acceptor_closed);
		uv_close((uv_handle_t *)&acceptor->next_turn,
		         on_acceptor_closed);
	}
}
