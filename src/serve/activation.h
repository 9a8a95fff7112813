/* SPDX-License-Identifier: BSD-2-Clause */
/* activation.h - sockets that are bound before anybody listens on them: those
 * that a service manager passes, and those that take root's privileges, which
 * are given up before the rest begins. */
#ifndef SERVE_ACTIVATION_H
#define SERVE_ACTIVATION_H

#include "base/status.h"

#include <stdbool.h>
#include <sys/socket.h>

struct activation;

/* An empty table; MTS_ENOMEM. On MTS_OK *RET is the caller's:
 * activation_free(). */
int activation_new(struct activation **ret, struct fault *why);

/* Closes what was not taken, and what was passed for good; files of unix sockets
 * that nobody took are removed. Takes NULL, leaves NULL. */
void activation_free(struct activation **activation);

/* Adds a socket that a service manager listens on and passes as NAME (copied;
 * may be NULL); FD is the table's from now on, also on failure. MTS_ESYNTAX: it
 * is no stream socket that is listened on; MTS_ENOMEM. */
int activation_pass(struct activation *activation, int fd, const char *name,
                    struct fault *why);

/* Adds one of our own that is bound; FD is the table's, also on failure.
 * MTS_ENOMEM. */
int activation_keep(struct activation *activation, int fd, struct fault *why);

/* The socket that is bound to ADDRESS, a descriptor of the caller's; -1: there
 * is none. *RET_PASSED: it was passed, and is there for the next who asks. Takes
 * NULL for an empty table. */
int activation_take(struct activation *activation,
                    const struct sockaddr *address, bool *ret_passed);

/* Warns of those that were passed and nobody took, and closes them. Takes
 * NULL. */
void activation_close_unused(struct activation *activation);

#endif
