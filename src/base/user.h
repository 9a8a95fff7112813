/* SPDX-License-Identifier: BSD-2-Clause */
/* user.h - the names of users, for messages and the log. */
#ifndef BASE_USER_H
#define BASE_USER_H

#include <sys/types.h>

enum { USER_NAME_MAX = 64 }; /* with the NUL; a longer one is cut */

/* Writes the name of UID to NAME, or its number if it has no name, and returns
 * NAME. */
const char *user_name(uid_t uid, char name[USER_NAME_MAX]);

#endif
