/* SPDX-License-Identifier: BSD-2-Clause */
/* control_access.h - who may speak at the control socket.
 *
 * Root and our own user always may; besides them the users that the
 * configuration names, and the members of the group it names. */
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

/* The mode that the socket's file needs so that all of them can connect. Where
 * it lets others in as well, control_access_allows() is what keeps them out. */
mode_t control_access_mode(const struct control_access *access);

/* Whom a connection is from. -1: the system does not say. */
struct control_who {
	long uid, pid;
};

/* True if the one at the other end of FD, a unix socket, may speak. PEER is
 * filled in any case. */
bool control_access_allows(const struct control_access *access, int fd,
                           struct control_who *peer);

#endif
