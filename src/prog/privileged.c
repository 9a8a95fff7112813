/* SPDX-License-Identifier: BSD-2-Clause */
/* privileged.c - what is done as root, before that is given up.
 *
 * SECURITY: no file of a stranger's is read and no packet parsed here; the cache,
 * the CA file and everything else is opened by the user that mtastsd becomes. */
#include "prog/privileged.h"

#include "base/log.h"
#include "base/privileges.h"
#include "control/control_access.h"
#include "serve/bind.h"
#include "stats/stats.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	CACHE_MODE = 0750,   /* as cache/cache_dir.h has it */
	SOCKETS_MODE = 0755, /* a socket's own mode says who may ask */
};

/* Makes the folder PATH if it is missing (one level), and gives it to the user;
 * one that is there is left as it is. */
static int make_folder(const char *path, mode_t mode,
                       const struct privileges *to, struct fault *why)
{
	if (mkdir(path, mode) != 0)
		return errno == EEXIST
		           ? MTS_OK
		           : fault_errno(why, errno, "%s: can't be made", path);
	/* Whatever the umask is. Nobody else can have been faster: it would
	 * have to be root. */
	if (chmod(path, mode) != 0 || lchown(path, to->uid, to->gid) != 0)
		return fault_errno(why, errno, "%s: can't be given to %s", path,
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
	rc = make_folder(folder, SOCKETS_MODE, to, why);
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
		else if (activation_keep(ready, bound.fds[i], why) != MTS_OK)
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

static int become(const struct conf *conf, struct activation *ready,
                  struct fault *why)
{
	struct privileges to;
	int rc = privileges_find(conf->user, &to, why);

	if (rc != MTS_OK)
		return rc;
	rc = make_folder(conf->cache.directory, CACHE_MODE, &to, why);
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
		return become(conf, ready, why);
	log_warning("running_as_root reason=\"it needs no privileges: set "
	            "user\"");
	return MTS_OK;
}
