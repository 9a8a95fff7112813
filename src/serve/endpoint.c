/* SPDX-License-Identifier: BSD-2-Clause */
/* endpoint.c - listening sockets: binds, listens, accepts.
 *
 * The sockets are made here rather than by libuv, which has no way to set a
 * unix socket's mode before anybody can connect, and no way to say which of
 * bind(2)'s many errors happened to what. */
#include "serve/endpoint.h"

#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	ENDPOINT_SOCKETS = 8, /* addresses that one host name may have */
	/* More than limits.clients by default: where it is full, connect()
	 * to a unix socket fails at once, and Postfix then defers the mail.
	 * The system takes less if net.core.somaxconn says so. */
	ENDPOINT_BACKLOG = 4096,
	ENDPOINT_KEEPALIVE_S = 60, /* finds peers that vanished without a FIN */
	ENDPOINT_HOST = 256,
};

union stream_handle {
	uv_handle_t handle;
	uv_stream_t stream;
	uv_tcp_t tcp;
	uv_pipe_t pipe;
};

struct listener {
	union stream_handle uv;
	struct endpoint *endpoint;
};

struct endpoint {
	char *address;
	char *path; /* unix: within address; else NULL */
	uv_loop_t *loop;
	endpoint_callback *callback;
	void *arg;
	struct listener listeners[ENDPOINT_SOCKETS];
	size_t count;
	size_t closing; /* handles that libuv has not given back yet */
};

/* -- unix ------------------------------------------------------------------ */

static int fill_path(struct sockaddr_un *sun, const char *path,
                     struct fault *why)
{
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	if (path[0] != '/')
		return fault_set(why, MTS_ESYNTAX,
		                 "unix:%s: the path must begin with '/'", path);
	if (strlen(path) >= sizeof(sun->sun_path))
		return fault_set(why, MTS_ERANGE,
		                 "unix:%s: the path has %zu bytes, a unix "
		                 "socket's at most %zu",
		                 path, strlen(path), sizeof(sun->sun_path) - 1);
	memcpy(sun->sun_path, path, strlen(path));
	return MTS_OK;
}

/* Removes a socket file that nobody answers on. */
static int clear_path(const struct sockaddr_un *sun, struct fault *why)
{
	struct stat st;
	int rc = MTS_OK;
	int fd;

	if (lstat(sun->sun_path, &st) != 0)
		return MTS_OK; /* bind() will say what is wrong, if anything */
	if (!S_ISSOCK(st.st_mode))
		return fault_set(why, MTS_EBUSY,
		                 "unix:%s: there is a file of that name that "
		                 "is no socket; move it away",
		                 sun->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fault_errno(why, errno, "unix:%s", sun->sun_path);
	/* EAGAIN: somebody listens, with a full backlog. */
	if (connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0 ||
	    errno == EAGAIN || errno == EINPROGRESS)
		rc = fault_set(why, MTS_EBUSY,
		               "unix:%s: in use: another process listens "
		               "there; stop it or choose another path",
		               sun->sun_path);
	else if (errno == ECONNREFUSED && unlink(sun->sun_path) != 0)
		rc = fault_errno(why, errno,
		                 "unix:%s: can't remove the old "
		                 "socket",
		                 sun->sun_path);
	close(fd);
	return rc;
}

static int set_owner(const struct endpoint_options *options, const char *path,
                     struct fault *why)
{
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;

	if (options->owner) {
		struct passwd *pw = getpwnam(options->owner);

		if (!pw)
			return fault_set(why, MTS_ENOTFOUND,
			                 "unix:%s: there is no user %s", path,
			                 options->owner);
		uid = pw->pw_uid;
	}
	if (options->group) {
		struct group *gr = getgrnam(options->group);

		if (!gr)
			return fault_set(why, MTS_ENOTFOUND,
			                 "unix:%s: there is no group %s", path,
			                 options->group);
		gid = gr->gr_gid;
	}
	if (!options->owner && !options->group)
		return MTS_OK;
	if (lchown(path, uid, gid) != 0)
		return fault_errno(why, errno, "unix:%s: can't set the owner",
		                   path);
	return MTS_OK;
}

static int bind_unix(const struct endpoint_options *options, const char *path,
                     int *ret_fd, struct fault *why)
{
	struct sockaddr_un sun;
	mode_t mask;
	int rc = fill_path(&sun, path, why);
	int fd;

	if (rc == MTS_OK)
		rc = clear_path(&sun, why);
	if (rc != MTS_OK)
		return rc;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fault_errno(why, errno, "unix:%s", path);
	/* The umask, not a chmod() afterwards: nobody gets in in between. */
	mask = umask((mode_t)(0777 & ~options->mode));
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) != 0)
		rc =
		    fault_errno(why, errno,
		                "unix:%s: can't make the socket (is the folder "
		                "there, and ours to write?)",
		                path);
	umask(mask);
	if (rc == MTS_OK) {
		rc = set_owner(options, path, why);
		if (rc != MTS_OK)
			unlink(path);
	}
	if (rc != MTS_OK) {
		close(fd);
		return rc;
	}
	*ret_fd = fd;
	return MTS_OK;
}

/* -- inet ------------------------------------------------------------------ */

/* Splits "host:port" or "[v6]:port"; PORT points into TEXT. */
static int split_host(const char *text, char host[ENDPOINT_HOST],
                      const char **ret_port, struct fault *why)
{
	const char *colon = strrchr(text, ':');
	const char *start = text;
	size_t len;

	if (!colon || colon == text || !colon[1])
		goto bad;
	len = (size_t)(colon - text);
	if (text[0] == '[') {
		if (text[len - 1] != ']')
			goto bad;
		start++;
		len -= 2;
	} else if (memchr(text, ':', len)) {
		goto bad; /* IPv6 needs brackets */
	}
	if (len == 0 || len >= ENDPOINT_HOST)
		goto bad;
	memcpy(host, start, len);
	host[len] = '\0';
	*ret_port = colon + 1;
	return MTS_OK;
bad:
	return fault_set(
	    why, MTS_ESYNTAX,
	    "inet:%s: want inet:HOST:PORT, with an IPv6 address in "
	    "brackets",
	    text);
}

/* MTS_ENOTFOUND: this machine has no such address. */
static int fail_to_bind(int error, const char *text, struct fault *why)
{
	int rc = fault_errno(why, error, "inet:%s: can't bind", text);

	return error == EADDRNOTAVAIL || error == EAFNOSUPPORT ? MTS_ENOTFOUND
	                                                       : rc;
}

static int bind_one(const struct addrinfo *info, const char *text, int *ret_fd,
                    struct fault *why)
{
	int on = 1;
	int rc;
	int fd = socket(info->ai_family,
	                SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return fail_to_bind(errno, text, why);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (info->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, info->ai_addr, info->ai_addrlen) == 0) {
		*ret_fd = fd;
		return MTS_OK;
	}
	if (errno == EADDRINUSE)
		rc = fault_set(
		    why, MTS_EBUSY,
		    "inet:%s: in use: another process listens there; stop it "
		    "or choose another port",
		    text);
	else
		rc = fail_to_bind(errno, text, why);
	close(fd);
	return rc;
}

/* Binds every address of the host: "localhost" is often two, one of which this
 * machine may not have, where IPv6 is turned off. */
static int bind_inet(const char *text, int fds[ENDPOINT_SOCKETS],
                     size_t *ret_count, struct fault *why)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		                  .ai_flags = AI_PASSIVE };
	struct addrinfo *list = NULL;
	char host[ENDPOINT_HOST];
	const char *port = NULL;
	size_t count = 0;
	int missing = MTS_OK;
	int rc = split_host(text, host, &port, why);
	int gai;

	if (rc != MTS_OK)
		return rc;
	gai = getaddrinfo(host, port, &hints, &list);
	if (gai != 0)
		return fault_set(why, MTS_ESYS, "inet:%s: %s", text,
		                 gai_strerror(gai));
	for (struct addrinfo *i = list; i && rc == MTS_OK; i = i->ai_next) {
		if (count == ENDPOINT_SOCKETS)
			break;
		rc = bind_one(i, text, &fds[count], why);
		if (rc == MTS_OK)
			count++;
		if (rc == MTS_ENOTFOUND) {
			missing = rc;
			rc = MTS_OK;
		}
	}
	freeaddrinfo(list);
	if (rc == MTS_OK && count == 0)
		rc = missing;
	while (rc != MTS_OK && count > 0)
		close(fds[--count]);
	*ret_count = count;
	return rc;
}

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

static void on_connection(uv_stream_t *server, int status)
{
	struct listener *listener = server->data;
	struct endpoint *endpoint = listener->endpoint;
	union stream_handle *uv;

	if (status < 0)
		return;
	uv = malloc(sizeof(*uv));
	if (!uv)
		return; /* libuv tries again when the loop comes round */
	if (init_stream(endpoint->loop, uv, endpoint->path != NULL) != 0) {
		free(uv);
		return;
	}
	if (uv_accept(server, &uv->stream) != 0) {
		endpoint_drop_stream(&uv->stream);
		return;
	}
	if (!endpoint->path) {
		uv_tcp_nodelay(&uv->tcp, 1);
		uv_tcp_keepalive(&uv->tcp, 1, ENDPOINT_KEEPALIVE_S);
	}
	endpoint->callback(endpoint->arg, &uv->stream);
}

/* Takes FD over, also when it fails. */
static int start_listener(struct endpoint *endpoint, int fd, struct fault *why)
{
	struct listener *listener = &endpoint->listeners[endpoint->count];
	bool is_unix = endpoint->path != NULL;
	int rc = init_stream(endpoint->loop, &listener->uv, is_unix);

	if (rc != 0) {
		close(fd);
		goto fail;
	}
	listener->endpoint = endpoint;
	listener->uv.stream.data = listener;
	endpoint->count++;
	rc = is_unix ? uv_pipe_open(&listener->uv.pipe, fd)
	             : uv_tcp_open(&listener->uv.tcp, fd);
	if (rc != 0) {
		close(fd);
		goto fail;
	}
	rc = uv_listen(&listener->uv.stream, ENDPOINT_BACKLOG, on_connection);
	if (rc == 0)
		return MTS_OK;
fail:
	return fault_set(why, rc == UV_EADDRINUSE ? MTS_EBUSY : MTS_ESYS,
	                 "%s: can't listen: %s", endpoint->address,
	                 uv_strerror(rc));
}

/* -- the module ------------------------------------------------------------ */

static struct endpoint *new_endpoint(const struct endpoint_options *options,
                                     endpoint_callback *callback, void *arg)
{
	struct endpoint *endpoint = calloc(1, sizeof(*endpoint));

	if (!endpoint)
		return NULL;
	endpoint->address = strdup(options->address);
	if (!endpoint->address) {
		free(endpoint);
		return NULL;
	}
	endpoint->loop = options->loop;
	endpoint->callback = callback;
	endpoint->arg = arg;
	return endpoint;
}

int endpoint_listen(const struct endpoint_options *options,
                    endpoint_callback *callback, void *arg,
                    struct endpoint **ret, struct fault *why)
{
	const char *address = options->address;
	int fds[ENDPOINT_SOCKETS] = { 0 };
	size_t count = 0;
	struct endpoint *endpoint = new_endpoint(options, callback, arg);
	int rc;

	if (!endpoint)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	if (strncmp(address, "unix:", 5) == 0) {
		rc = bind_unix(options, address + 5, &fds[0], why);
		count = rc == MTS_OK;
		if (rc == MTS_OK)
			endpoint->path = endpoint->address + 5;
	} else if (strncmp(address, "inet:", 5) == 0) {
		rc = bind_inet(address + 5, fds, &count, why);
	} else {
		rc =
		    fault_set(why, MTS_ESYNTAX,
		              "%s: want unix:/PATH or inet:HOST:PORT", address);
	}
	for (size_t i = 0; i < count; i++) {
		if (rc == MTS_OK)
			rc = start_listener(endpoint, fds[i], why);
		else
			close(fds[i]);
	}
	if (rc == MTS_OK)
		*ret = endpoint;
	else
		endpoint_close(&endpoint);
	return rc;
}

static void free_endpoint(struct endpoint *endpoint)
{
	free(endpoint->address);
	free(endpoint);
}

static void on_listener_closed(uv_handle_t *handle)
{
	struct listener *listener = handle->data;
	struct endpoint *endpoint = listener->endpoint;

	if (--endpoint->closing == 0)
		free_endpoint(endpoint);
}

void endpoint_close(struct endpoint **endpoint)
{
	struct endpoint *e = *endpoint;

	if (!e)
		return;
	*endpoint = NULL;
	if (e->path)
		unlink(e->path);
	if (e->count == 0) {
		free_endpoint(e);
		return;
	}
	e->closing = e->count;
	for (size_t i = 0; i < e->count; i++)
		uv_close(&e->listeners[i].uv.handle, on_listener_closed);
}
