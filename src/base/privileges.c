/* SPDX-License-Identifier: BSD-2-Clause */
/* privileges.c - gives root's privileges up. */
#include "base/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

int privileges_find(const char *user, struct privileges *ret, struct fault *why)
{
	const struct passwd *pw = getpwnam(user);
	const struct group *gr;

	if (!pw)
		return fault_set(why, MTS_ENOTFOUND,
		                 "user: there is no user %s: make one (useradd "
		                 "--system), or name another",
		                 user);
	*ret = (struct privileges){ .uid = pw->pw_uid, .gid = pw->pw_gid };
	gr = getgrgid(ret->gid);
	if (!gr)
		return fault_set(why, MTS_ENOTFOUND,
		                 "user: the group of %s has no name", user);
	ret->user = strdup(user);
	ret->group = strdup(gr->gr_name);
	if (ret->user && ret->group)
		return MTS_OK;
	privileges_clear(ret);
	return fault_set(why, MTS_ENOMEM, "out of memory");
}

void privileges_clear(struct privileges *privileges)
{
	free(privileges->user);
	free(privileges->group);
	privileges->user = NULL;
	privileges->group = NULL;
}

/* Nothing that is started from here gets more than we have, set-user-ID or
 * not. */
static int give_up_new_ones(void)
{
#ifdef PR_SET_NO_NEW_PRIVS
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
#else
	return 0;
#endif
}

static int become(const struct privileges *to)
{
	if (initgroups(to->user, to->gid) != 0)
		return -1;
#ifdef __linux__
	if (setresgid(to->gid, to->gid, to->gid) != 0 ||
	    setresuid(to->uid, to->uid, to->uid) != 0)
		return -1;
#else
	if (setgid(to->gid) != 0 || setuid(to->uid) != 0)
		return -1;
#endif
	return give_up_new_ones();
}

int privileges_drop(const struct privileges *privileges, struct fault *why)
{
	if (become(privileges) != 0)
		return fault_errno(why, errno, "user: can't become %s",
		                   privileges->user);
	if (privileges->uid != 0 && (setuid(0) == 0 || seteuid(0) == 0 ||
	                             getuid() == 0 || geteuid() == 0))
		return fault_set(why, MTS_ESYS,
		                 "user: root's privileges can't be given up");
	return MTS_OK;
}
