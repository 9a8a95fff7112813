/* SPDX-License-Identifier: BSD-2-Clause */
/* preflight.c - whether what a configuration names exists on this machine. */
#include "prog/preflight.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

/* Where an option stands, for a message. */
struct option_at {
	const char *path;
	unsigned line; /* 0: not known */
	const char *option;
};

static int fail_missing(const struct option_at *at, const char *what,
                        const char *name, struct fault *why)
{
	if (at->line > 0)
		return fault_set(why, MTS_ENOTFOUND,
		                 "%s:%u: %s: there is no %s %s", at->path,
		                 at->line, at->option, what, name);
	return fault_set(why, MTS_ENOTFOUND, "%s: %s: there is no %s %s",
	                 at->path, at->option, what, name);
}

static int check_user_exists(const struct option_at *at, const char *name,
                             struct fault *why)
{
	return !name || getpwnam(name) ? MTS_OK
	                               : fail_missing(at, "user", name, why);
}

static int check_group_exists(const struct option_at *at, const char *name,
                              struct fault *why)
{
	return !name || getgrnam(name) ? MTS_OK
	                               : fail_missing(at, "group", name, why);
}

/* NAME is "" if the system's own file is used. */
static int check_file_readable(const struct option_at *at, const char *name,
                               struct fault *why)
{
	char byte;
	int error = 0;
	int fd;

	if (name[0] == '\0')
		return MTS_OK;
	fd = open(name, O_RDONLY | O_CLOEXEC);
	/* A folder can be opened, but not read. */
	if (fd < 0 || read(fd, &byte, 1) < 0)
		error = errno;
	if (fd >= 0)
		close(fd);
	if (error == 0)
		return MTS_OK;
	return fault_errno(why, error, "%s: %s: %s can't be read", at->path,
	                   at->option, name);
}

static int check_listen_owners(const struct conf *conf, const char *path,
                               struct fault *why)
{
	int rc = MTS_OK;

	for (size_t i = 0; i < conf->listen_count && rc == MTS_OK; i++) {
		const struct conf_listen *listen = &conf->listen[i];
		struct option_at owner = { path, listen->line, "listen.owner" };
		struct option_at group = { path, listen->line, "listen.group" };

		rc = check_user_exists(&owner, listen->owner, why);
		if (rc == MTS_OK)
			rc = check_group_exists(&group, listen->group, why);
	}
	return rc;
}

static int check_control_users(const struct conf *conf, const char *path,
                               struct fault *why)
{
	struct option_at users = { path, 0, "control_users" };
	struct option_at group = { path, 0, "control_group" };
	int rc = check_group_exists(&group, conf->control_group, why);

	for (size_t i = 0; i < conf->control_user_count && rc == MTS_OK; i++)
		rc = check_user_exists(&users, conf->control_users[i], why);
	return rc;
}

bool preflight_needs_trust_anchor(const struct conf *conf)
{
	return conf->dns.dnssec == CONF_DNSSEC_AUTO ||
	       conf->dns.dnssec == CONF_DNSSEC_VALIDATE;
}

static int check_files(const struct conf *conf, const char *path,
                       struct fault *why)
{
	struct option_at ca_file = { path, 0, "fetch.ca_file" };
	struct option_at anchor = { path, 0, "dns.trust_anchor" };
	int rc = check_file_readable(&ca_file, conf->fetch.ca_file, why);

	if (rc == MTS_OK && preflight_needs_trust_anchor(conf))
		rc = check_file_readable(&anchor, conf->dns.trust_anchor, why);
	return rc;
}

int preflight_check(const struct conf *conf, const char *path,
                    struct fault *why)
{
	struct option_at user = { path, 0, "user" };
	int rc = check_listen_owners(conf, path, why);

	if (rc == MTS_OK)
		rc = check_control_users(conf, path, why);
	if (rc == MTS_OK)
		rc = check_user_exists(&user, conf->user, why);
	return rc == MTS_OK ? check_files(conf, path, why) : rc;
}
