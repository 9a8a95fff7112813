/* SPDX-License-Identifier: BSD-2-Clause */
/* user.h - users by name, for messages and the log. */
#ifndef BASE_USER_H
#define BASE_USER_H

#include <sys/types.h>

enum { USER_NAME_MAX = 64 }; /* with the NUL; a longer one is cut */

/* Writes UID's name into NAME, or its number where it has none, and returns
 * NAME. */
const char *user_name(uid_t uid, char name[USER_NAME_MAX]);

#endif
