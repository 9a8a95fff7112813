/* SPDX-License-Identifier: BSD-2-Clause */
/* activation.c - sockets that are bound before the listeners are opened.
 *
 * A passed socket is handed out as a copy of its descriptor: a listener that one
 * reload removes may come back with the next, and the service manager listens all
 * the time. */
#include "serve/activation.h"

#include "base/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

union any_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un un;
	struct sockaddr_storage storage;
};

struct bound {
	int fd;
	char *name; /* passed: FileDescriptorName=; else NULL */
	bool passed;
	bool used;
	union any_address address; /* a path ends with a NUL */
};

struct activation {
	struct bound *sockets;
	size_t count;
};

int activation_new(struct activation **ret, struct fault *why)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? MTS_OK : fault_set(why, MTS_ENOMEM, "out of memory");
}

/* Removes the socket at INDEX from the table; its descriptor stays open. */
static void remove_bound(struct activation *activation, size_t index)
{
	struct bound *bound = &activation->sockets[index];

	free(bound->name);
	*bound = activation->sockets[--activation->count];
}

void activation_free(struct activation **activation)
{
	struct activation *a = *activation;

	if (!a)
		return;
	while (a->count > 0) {
		struct bound *last = &a->sockets[a->count - 1];

		if (!last->passed && last->address.any.sa_family == AF_UNIX)
			unlink(last->address.un.sun_path);
		close(last->fd);
		remove_bound(a, a->count - 1);
	}
	free(a->sockets);
	free(a);
	*activation = NULL;
}

/* NAME is copied, and may be NULL. */
static int add_bound(struct activation *activation, const struct bound *bound,
                     const char *name, struct fault *why)
{
	struct bound *more = realloc(activation->sockets,
	                             (activation->count + 1) * sizeof(*more));
	char *copy = name && more ? strdup(name) : NULL;

	if (more)
		activation->sockets = more;
	if (!more || (name && !copy))
		return fault_set(why, MTS_ENOMEM, "out of memory");
	more[activation->count] = *bound;
	more[activation->count++].name = copy;
	return MTS_OK;
}

/* A numeric option of SOL_SOCKET; -1: FD is not a socket. */
static int socket_option(int fd, int option)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 ? value
	                                                             : -1;
}

static int read_address(int fd, union any_address *ret)
{
	socklen_t len = sizeof(*ret);

	memset(ret, 0, sizeof(*ret)); /* the system may leave out the NUL */
	return getsockname(fd, &ret->any, &len);
}

int activation_pass(struct activation *activation, int fd, const char *name,
                    struct fault *why)
{
	struct bound bound = { .fd = fd, .passed = true };
	int rc;

	if (socket_option(fd, SO_TYPE) != SOCK_STREAM ||
	    socket_option(fd, SO_ACCEPTCONN) != 1 ||
	    read_address(fd, &bound.address) != 0) {
		close(fd);
		return fault_set(why, MTS_ESYNTAX,
		                 "descriptor %d (%s) is not a listening "
		                 "stream socket",
		                 fd, name ? name : "");
	}
	rc = add_bound(activation, &bound, name ? name : "", why);
	if (rc != MTS_OK)
		close(fd);
	return rc;
}

int activation_add_own(struct activation *activation, int fd, struct fault *why)
{
	struct bound bound = { .fd = fd };
	int rc = MTS_OK;

	if (read_address(fd, &bound.address) != 0)
		rc = fault_errno(why, errno, "can't read a socket's address");
	if (rc == MTS_OK)
		rc = add_bound(activation, &bound, NULL, why);
	if (rc != MTS_OK)
		close(fd);
	return rc;
}

static bool is_bound_to(const union any_address *a, const struct sockaddr *any)
{
	const union any_address *b = (const void *)any;

	if (a->any.sa_family != any->sa_family)
		return false;
	switch (any->sa_family) {
	case AF_UNIX:
		return strncmp(a->un.sun_path, b->un.sun_path,
		               sizeof(a->un.sun_path)) == 0;
	case AF_INET:
		return a->v4.sin_port == b->v4.sin_port &&
		       a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
	case AF_INET6:
		return a->v6.sin6_port == b->v6.sin6_port &&
		       memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr,
		              sizeof(a->v6.sin6_addr)) == 0;
	default:
		return false;
	}
}

int activation_take(struct activation *activation,
                    const struct sockaddr *address, bool *ret_passed)
{
	for (size_t i = 0; activation && i < activation->count; i++) {
		struct bound *bound = &activation->sockets[i];
		int fd = bound->fd;

		if (!is_bound_to(&bound->address, address))
			continue;
		*ret_passed = bound->passed;
		bound->used = true;
		if (bound->passed)
			fd = fcntl(bound->fd, F_DUPFD_CLOEXEC, 0);
		else
			remove_bound(activation, i);
		return fd;
	}
	return -1;
}

/* Writes the address as the configuration would. */
static void format_address(const union any_address *address, char *text,
                           size_t size)
{
	char host[INET6_ADDRSTRLEN] = "";

	if (address->any.sa_family == AF_UNIX) {
		snprintf(text, size, "unix:%.*s",
		         (int)sizeof(address->un.sun_path),
		         address->un.sun_path);
	} else if (address->any.sa_family == AF_INET) {
		inet_ntop(AF_INET, &address->v4.sin_addr, host, sizeof(host));
		snprintf(text, size, "inet:%s:%u", host,
		         (unsigned)ntohs(address->v4.sin_port));
	} else if (address->any.sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &address->v6.sin6_addr, host, sizeof(host));
		snprintf(text, size, "inet:[%s]:%u", host,
		         (unsigned)ntohs(address->v6.sin6_port));
	} else {
		snprintf(text, size, "an address of an unknown family");
	}
	fault_scrub(text);
}

void activation_close_unused(struct activation *activation)
{
	char address[160];

	for (size_t i = activation ? activation->count : 0; i-- > 0;) {
		struct bound *bound = &activation->sockets[i];

		if (!bound->passed || bound->used)
			continue;
		format_address(&bound->address, address, sizeof(address));
		fault_scrub(bound->name);
		log_warning("socket_unused address=\"%s\" name=\"%s\" "
		            "reason=\"a service manager passed this socket, "
		            "but the configuration does not contain its "
		            "address\"",
		            address, bound->name);
		close(bound->fd);
		remove_bound(activation, i);
	}
}
