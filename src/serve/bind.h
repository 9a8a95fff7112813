/* SPDX-License-Identifier: BSD-2-Clause */
/* bind.h - creates sockets and binds them.
 *
 * A unix socket's file that a crash left behind is replaced. If another process still
 * listens on it, that is MTS_EBUSY. */
#ifndef SERVE_BIND_H
#define SERVE_BIND_H

#include "base/status.h"
#include "serve/activation.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

enum { BIND_SOCKETS = 8 }; /* addresses of one host name */

struct bind_options {
	const char *address; /* "unix:/path", "inet:127.0.0.1:8461",
	                      * "inet:[::1]:8461", "inet:localhost:8461" */
	mode_t mode;         /* unix: of the file */
	const char *owner;   /* unix: a user's name, or NULL */
	const char *group;   /* unix: a group's name, or NULL */
	/* inet: with SO_REUSEPORT, beside sockets of ours that have it. */
	bool share_port;
};

struct bind_result {
	int fds[BIND_SOCKETS];
	size_t count;
	bool passed; /* by a service manager, which owns the file */
};

/* Takes the sockets that READY (may be NULL) has for this address, and binds the rest.
 * MTS_ESYNTAX: the address is invalid; MTS_ERANGE: the path is too long for a unix
 * socket; MTS_EBUSY: port or path in use; MTS_ENOTFOUND: there is no such owner,
 * group or address; MTS_ESYS; MTS_ENOMEM. WHY says what failed, where, and how to fix
 * it. On MTS_OK RET's descriptors are the caller's. */
int bind_address(const struct bind_options *options, struct activation *ready,
                 struct bind_result *ret, struct fault *why);

/* Closes what bind_address() opened, and removes the file of a unix socket. */
void bind_undo(const struct bind_options *options, struct bind_result *result);

/* The path in the address of a unix socket, not copied; NULL for other addresses. */
const char *bind_path(const char *address);

/* Gives the file of a unix socket the mode, owner and group of OPTIONS; RET_BEFORE is
 * what it had before. MTS_ENOTFOUND, MTS_ESYS: nothing has changed. */
int bind_set_file(const struct bind_options *options, struct stat *ret_before,
                  struct fault *why);

#endif
