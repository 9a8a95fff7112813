/* SPDX-License-Identifier: BSD-2-Clause */
/* control_access.h - who may use the control socket.
 *
 * Root and our own user, the users that the configuration names, and the
 * members of the group that it names. */
#ifndef CONTROL_CONTROL_ACCESS_H
#define CONTROL_CONTROL_ACCESS_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct control_access;

/* USERS are COUNT names, GROUP a name or NULL; they are looked up now.
 * MTS_ENOTFOUND: there is no such user or group; MTS_ENOMEM. On MTS_OK *RET is
 * the caller's: control_access_free(), which takes NULL and leaves NULL. */
int control_access_new(const char *const *users, size_t count,
                       const char *group, struct control_access **ret,
                       struct fault *why);
void control_access_free(struct control_access **access);

/* The mode that the socket's file needs so that all of them can connect. It
 * may admit other users, too; control_access_allows() refuses those. */
mode_t control_access_mode(const struct control_access *access);

/* The process at the other end. -1: not known. */
struct control_who {
	long uid, pid;
};

/* True if the peer of FD, a unix socket, may use the service. Always fills
 * PEER. */
bool control_access_allows(const struct control_access *access, int fd,
                           struct control_who *peer);

#endif
