/* SPDX-License-Identifier: BSD-2-Clause */
/* user.c - the names of users, for messages and the log. */

#include "base/user.h"

#include <pwd.h>
#include <stdio.h>

enum { ENTRY_MAX = 4096 }; /* bytes of strings in a struct passwd */

const char *user_name(uid_t uid, char name[USER_NAME_MAX])
{
	struct passwd entry;
	struct passwd *found = NULL;
	char strings[ENTRY_MAX];

	if (getpwuid_r(uid, &entry, strings, sizeof(strings), &found) == 0 &&
	    found)
		snprintf(name, USER_NAME_MAX, "%s", found->pw_name);
	else
		snprintf(name, USER_NAME_MAX, "%lu", (unsigned long)uid);
	return name;
}
