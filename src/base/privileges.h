/* SPDX-License-Identifier: BSD-2-Clause */
/* privileges.h - gives root's privileges up. */
#ifndef BASE_PRIVILEGES_H
#define BASE_PRIVILEGES_H

#include "base/status.h"

#include <sys/types.h>

/* A user to become. A plain value. */
struct privileges {
	uid_t uid;
	gid_t gid; /* his primary group */
	char *user;
	char *group; /* its name */
};

/* Finds USER. MTS_ENOTFOUND: there is no such user, or his group has no name;
 * MTS_ENOMEM. On MTS_OK: privileges_clear(). */
int privileges_find(const char *user, struct privileges *ret,
                    struct fault *why);

void privileges_clear(struct privileges *privileges);

/* Becomes that user, with his groups, for good: nothing that this process or a
 * program that it starts does gets root's privileges back, which is tried.
 * MTS_ESYS. */
int privileges_drop(const struct privileges *privileges, struct fault *why);

#endif
