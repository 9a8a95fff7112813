/* SPDX-License-Identifier: BSD-2-Clause */
/* activation.h - sockets that are bound before the listeners are opened: those that a
 * service manager passes to us, and those that we bound as root before we became
 * another user. */
#ifndef SERVE_ACTIVATION_H
#define SERVE_ACTIVATION_H

#include "base/status.h"

#include <stdbool.h>
#include <sys/socket.h>

struct activation;

/* An empty table; MTS_ENOMEM. On MTS_OK *RET is the caller's:
 * activation_free(). */
int activation_new(struct activation **ret, struct fault *why);

/* Closes all sockets in the table, and removes the files of unix sockets that we bound
 * and nothing used. Takes NULL, leaves NULL. */
void activation_free(struct activation **activation);

/* Adds a socket that a service manager passed under NAME (copied; may be NULL). The
 * table owns FD from now on, also on failure. MTS_ESYNTAX: it is not a listening
 * stream socket; MTS_ENOMEM. */
int activation_pass(struct activation *activation, int fd, const char *name,
                    struct fault *why);

/* Adds a socket that we bound. The table owns FD from now on, also on failure.
 * MTS_ENOMEM. */
int activation_add_own(struct activation *activation, int fd,
                       struct fault *why);

/* Returns a descriptor of the socket that is bound to ADDRESS; the caller owns it. -1:
 * there is none. *RET_PASSED: it was passed, and can be taken again. ACTIVATION may
 * be NULL: an empty table. */
int activation_take(struct activation *activation,
                    const struct sockaddr *address, bool *ret_passed);

/* Closes the sockets that were passed and never taken, with a warning for each. Takes
 * NULL. */
void activation_close_unused(struct activation *activation);

#endif
