/* SPDX-License-Identifier: BSD-2-Clause */
/* activation.c - sockets that are bound before anybody listens on them.
 *
 * What was passed is handed out as a copy: a listener that a reload takes away
 * may come back with the next one, and the service manager listens all the
 * time. */
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
	char *name; /* passed: by whom; else NULL */
	bool passed;
	bool used;
	union any_address address; /* and a NUL behind it */
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

/* Takes the socket at INDEX out, and leaves its descriptor open. */
static void forget(struct activation *activation, size_t index)
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
		forget(a, a->count - 1);
	}
	free(a->sockets);
	free(a);
	*activation = NULL;
}

/* NAME is copied, and may be NULL. */
static int add(struct activation *activation, const struct bound *bound,
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

/* An option of SOL_SOCKET that is a number; -1: FD is no socket. */
static int option_of(int fd, int option)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 ? value
	                                                             : -1;
}

static int get_address(int fd, union any_address *ret)
{
	socklen_t len = sizeof(*ret);

	memset(ret, 0, sizeof(*ret)); /* a path need not end with a NUL */
	return getsockname(fd, &ret->any, &len);
}

int activation_pass(struct activation *activation, int fd, const char *name,
                    struct fault *why)
{
	struct bound bound = { .fd = fd, .passed = true };
	int rc;

	if (option_of(fd, SO_TYPE) != SOCK_STREAM ||
	    option_of(fd, SO_ACCEPTCONN) != 1 ||
	    get_address(fd, &bound.address) != 0) {
		close(fd);
		return fault_set(why, MTS_ESYNTAX,
		                 "descriptor %d (%s) is no stream socket that "
		                 "is listened on",
		                 fd, name ? name : "");
	}
	rc = add(activation, &bound, name ? name : "", why);
	if (rc != MTS_OK)
		close(fd);
	return rc;
}

int activation_keep(struct activation *activation, int fd, struct fault *why)
{
	struct bound bound = { .fd = fd };
	int rc = MTS_OK;

	if (get_address(fd, &bound.address) != 0)
		rc = fault_errno(why, errno, "a socket without address");
	if (rc == MTS_OK)
		rc = add(activation, &bound, NULL, why);
	if (rc != MTS_OK)
		close(fd);
	return rc;
}

static bool same_address(const union any_address *a, const struct sockaddr *any)
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

		if (!same_address(&bound->address, address))
			continue;
		*ret_passed = bound->passed;
		bound->used = true;
		if (bound->passed)
			fd = fcntl(bound->fd, F_DUPFD_CLOEXEC, 0);
		else
			forget(activation, i);
		return fd;
	}
	return -1;
}

/* As it would stand in the configuration. */
static void write_address(const union any_address *address, char *text,
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
		snprintf(text, size, "an address of another kind");
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
		write_address(&bound->address, address, sizeof(address));
		fault_scrub(bound->name);
		log_warning("socket_unused address=\"%s\" name=\"%s\" "
		            "reason=\"it was passed to mtastsd, but its "
		            "configuration has no such address\"",
		            address, bound->name);
		close(bound->fd);
		forget(activation, i);
	}
}
