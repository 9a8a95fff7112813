/* SPDX-License-Identifier: BSD-2-Clause */
/* control_access.c - who may use the control socket.
 *
 * SECURITY: the decision uses the peer's user and groups at the time of
 * connect(), as the kernel reports them, and nothing that the peer sends. If
 * they are not known, the peer is refused. */
#include "control/control_access.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct control_access {
	bool has_group;
	gid_t group;
	size_t count;
	uid_t users[];
};

static int find_user(const char *name, uid_t *ret, struct fault *why)
{
	const struct passwd *pw = getpwnam(name);

	if (!pw)
		return fault_set(why, MTS_ENOTFOUND,
		                 "control_users: there is no user %s", name);
	*ret = pw->pw_uid;
	return MTS_OK;
}

static int find_group(const char *name, gid_t *ret, struct fault *why)
{
	const struct group *gr = getgrnam(name);

	if (!gr)
		return fault_set(why, MTS_ENOTFOUND,
		                 "control_group: there is no group %s", name);
	*ret = gr->gr_gid;
	return MTS_OK;
}

int control_access_new(const char *const *users, size_t count,
                       const char *group, struct control_access **ret,
                       struct fault *why)
{
	struct control_access *access =
	    calloc(1, sizeof(*access) + count * sizeof(uid_t));
	int rc = MTS_OK;

	if (!access)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	access->count = count;
	for (size_t i = 0; i < count && rc == MTS_OK; i++)
		rc = find_user(users[i], &access->users[i], why);
	access->has_group = group != NULL;
	if (group && rc == MTS_OK)
		rc = find_group(group, &access->group, why);
	if (rc == MTS_OK)
		*ret = access;
	else
		free(access);
	return rc;
}

void control_access_free(struct control_access **access)
{
	free(*access);
	*access = NULL;
}

mode_t control_access_mode(const struct control_access *access)
{
	if (access->count > 0)
		return 0666;
	return access->has_group ? 0660 : 0600;
}

/* -- the peer -------------------------------------------------------------- */

struct credentials {
	uid_t uid;
	gid_t gid;
	pid_t pid;
};

static bool get_credentials(int fd, struct credentials *ret)
{
#ifdef SO_PEERCRED
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0)
		return false;
	*ret = (struct credentials){ cred.uid, cred.gid, cred.pid };
	return true;
#else
	ret->pid = -1;
	return getpeereid(fd, &ret->uid, &ret->gid) == 0;
#endif
}

static bool has_group(const gid_t *groups, size_t count, gid_t group)
{
	for (size_t i = 0; i < count; i++)
		if (groups[i] == group)
			return true;
	return false;
}

/* Whether GROUP is among the peer's supplementary groups. */
static bool is_member(int fd, gid_t group)
{
#ifdef SO_PEERGROUPS
	socklen_t len = 0;
	gid_t *groups;
	bool found;

	/* The first call only asks for the size: ERANGE, or there are none. */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) == 0 ||
	    errno != ERANGE)
		return false;
	groups = malloc(len);
	found = groups &&
	        getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) == 0 &&
	        has_group(groups, len / sizeof(*groups), group);
	free(groups);
	return found;
#else
	(void)fd;
	(void)group;
	return has_group(NULL, 0, group);
#endif
}

static bool is_user(const struct control_access *access, uid_t uid)
{
	for (size_t i = 0; i < access->count; i++)
		if (access->users[i] == uid)
			return true;
	return false;
}

bool control_access_allows(const struct control_access *access, int fd,
                           struct control_who *peer)
{
	struct credentials cred;

	*peer = (struct control_who){ -1, -1 };
	if (!get_credentials(fd, &cred))
		return false;
	*peer = (struct control_who){ (long)cred.uid, (long)cred.pid };
	if (cred.uid == 0 || cred.uid == geteuid() || is_user(access, cred.uid))
		return true;
	return access->has_group &&
	       (cred.gid == access->group || is_member(fd, access->group));
}
