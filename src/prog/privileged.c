/* SPDX-License-Identifier: BSD-2-Clause */
/* privileged.c - what mtastsd does as root before it becomes another user.
 *
 * SECURITY: nothing from the network is parsed and no other user's file is read here.
 * The cache, the CA file and everything else are opened later, by the user that
 * mtastsd becomes. */
#include "prog/privileged.h"

#include "base/log.h"
#include "control/control_access.h"
#include "serve/bind.h"
#include "stats/stats.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

enum {
	CACHE_MODE = 0750,   /* as cache/cache_dir.h has it */
	SOCKETS_MODE = 0755, /* the sockets have modes of their own */
};

/* -- the user to become ----------------------------------------------------- */

struct privileges {
	uid_t uid;
	gid_t gid; /* the user's primary group */
	char *user;
	char *group; /* its name */
};

static void privileges_clear(struct privileges *privileges)
{
	free(privileges->user);
	free(privileges->group);
	privileges->user = NULL;
	privileges->group = NULL;
}

/* Finds USER. MTS_ENOTFOUND: there is no such user, or its group has no name;
 * MTS_ENOMEM. On MTS_OK: privileges_clear(). */
static int privileges_find(const char *user, struct privileges *ret,
                           struct fault *why)
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

/* No program started from here can gain privileges, even if it is set-user-ID. */
static int privileges_forbid_new(void)
{
#ifdef PR_SET_NO_NEW_PRIVS
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
#else
	return 0;
#endif
}

static int privileges_switch(const struct privileges *to)
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
	return privileges_forbid_new();
}

/* Becomes that user, with its groups, for good: neither this process nor a program that
 * it starts can get root's privileges back. Checks that. MTS_ESYS. */
static int privileges_drop(const struct privileges *privileges,
                           struct fault *why)
{
	if (privileges_switch(privileges) != 0)
		return fault_errno(why, errno, "user: can't become %s",
		                   privileges->user);
	if (privileges->uid != 0 && (setuid(0) == 0 || seteuid(0) == 0 ||
	                             getuid() == 0 || geteuid() == 0))
		return fault_set(why, MTS_ESYS,
		                 "user: root's privileges can't be given up");
	return MTS_OK;
}

/* -- what root has to do first ----------------------------------------------- */

/* Creates the folder PATH if it is missing (one level), and gives it to the user. An
 * existing folder is left as it is. */
static int make_owned_folder(const char *path, mode_t mode,
                             const struct privileges *to, struct fault *why)
{
	if (mkdir(path, mode) != 0)
		return errno == EEXIST
		           ? MTS_OK
		           : fault_errno(why, errno, "%s: can't create it",
		                         path);
	/* The umask may have taken bits away. No other user can have replaced
	 * the folder: only root could. */
	if (chmod(path, mode) != 0 || lchown(path, to->uid, to->gid) != 0)
		return fault_errno(why, errno, "%s: can't give it to %s", path,
		                   to->user);
	return MTS_OK;
}

static int make_socket_folder(const char *address, const struct privileges *to,
                              struct fault *why)
{
	const char *path = bind_path(address);
	const char *slash = path ? strrchr(path, '/') : NULL;
	char *folder;
	int rc;

	if (!slash || slash == path)
		return MTS_OK;
	folder = strndup(path, (size_t)(slash - path));
	if (!folder)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	rc = make_owned_folder(folder, SOCKETS_MODE, to, why);
	free(folder);
	return rc;
}

static int bind_early(struct bind_options options, struct activation *ready,
                      const struct privileges *to, struct fault *why)
{
	struct bind_result bound;
	int rc = make_socket_folder(options.address, to, why);

	if (!options.owner)
		options.owner = to->user;
	if (!options.group)
		options.group = to->group;
	if (rc == MTS_OK)
		rc = bind_address(&options, ready, &bound, why);
	if (rc != MTS_OK)
		return rc;
	for (size_t i = 0; i < bound.count; i++) {
		if (bound.passed && bind_path(options.address))
			close(bound.fds[i]); /* READY has it */
		else if (activation_add_own(ready, bound.fds[i], why) != MTS_OK)
			rc = MTS_ENOMEM;
	}
	return rc;
}

static int bind_control(const struct conf *conf, struct activation *ready,
                        const struct privileges *to, struct fault *why)
{
	struct bind_options options = { .address = conf->control,
		                        .group = conf->control_group };
	struct control_access *access = NULL;
	int rc;

	if (conf->control[0] == '\0')
		return MTS_OK;
	rc = control_access_new((const char *const *)conf->control_users,
	                        conf->control_user_count, conf->control_group,
	                        &access, why);
	if (rc != MTS_OK)
		return rc;
	options.mode = control_access_mode(access);
	control_access_free(&access);
	return bind_early(options, ready, to, why);
}

static int bind_stats(const struct conf *conf, struct activation *ready,
                      const struct privileges *to, struct fault *why)
{
	struct bind_options options = { .address = conf->stats,
		                        .mode = STATS_MODE };

	if (conf->stats[0] == '\0')
		return MTS_OK;
	return bind_early(options, ready, to, why);
}

static int bind_all(const struct conf *conf, struct activation *ready,
                    const struct privileges *to, struct fault *why)
{
	int rc = bind_control(conf, ready, to, why);

	if (rc == MTS_OK)
		rc = bind_stats(conf, ready, to, why);
	for (size_t i = 0; i < conf->listen_count && rc == MTS_OK; i++) {
		const struct conf_listen *listen = &conf->listen[i];
		struct bind_options options = { .address = listen->address,
			                        .mode = listen->mode,
			                        .owner = listen->owner,
			                        .group = listen->group };

		rc = bind_early(options, ready, to, why);
	}
	return rc;
}

static int privileged_become(const struct conf *conf, struct activation *ready,
                             struct fault *why)
{
	struct privileges to = { 0 };
	int rc = privileges_find(conf->user, &to, why);

	if (rc != MTS_OK)
		return rc;
	rc = make_owned_folder(conf->cache.directory, CACHE_MODE, &to, why);
	if (rc == MTS_OK)
		rc = bind_all(conf, ready, &to, why);
	if (rc == MTS_OK)
		rc = privileges_drop(&to, why);
	privileges_clear(&to);
	return rc;
}

int privileged_start(const struct conf *conf, struct activation *ready,
                     struct fault *why)
{
	if (geteuid() != 0) {
		if (conf->user)
			log_info("user_ignored user=%s reason=\"mtastsd was "
			         "not started as root\"",
			         conf->user);
		return MTS_OK;
	}
	if (conf->user)
		return privileged_become(conf, ready, why);
	log_warning("running_as_root reason=\"mtastsd needs no privileges: set "
	            "user\"");
	return MTS_OK;
}
