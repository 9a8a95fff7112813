/* SPDX-License-Identifier: BSD-2-Clause */
/* conf_here.c - whether the users, groups and files of a configuration are there.
 *
 * What is not looked at: addresses, which a daemon that runs may have bound, and
 * folders, which mtastsd makes. */
#include "prog/conf_here.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

/* An option, for a message: in a file, and in a line if that is not 0. */
struct place {
	const char *path;
	unsigned line;
	const char *option;
};

static int no_such(const struct place *place, const char *what,
                   const char *name, struct fault *why)
{
	if (place->line > 0)
		return fault_set(why, MTS_ENOTFOUND,
		                 "%s:%u: %s: there is no %s %s", place->path,
		                 place->line, place->option, what, name);
	return fault_set(why, MTS_ENOTFOUND, "%s: %s: there is no %s %s",
	                 place->path, place->option, what, name);
}

static int check_user(const struct place *place, const char *name,
                      struct fault *why)
{
	return !name || getpwnam(name) ? MTS_OK
	                               : no_such(place, "user", name, why);
}

static int check_group(const struct place *place, const char *name,
                       struct fault *why)
{
	return !name || getgrnam(name) ? MTS_OK
	                               : no_such(place, "group", name, why);
}

/* "" is the system's, wherever that is. */
static int check_file(const struct place *place, const char *name,
                      struct fault *why)
{
	char byte;
	int error = 0;
	int fd;

	if (name[0] == '\0')
		return MTS_OK;
	fd = open(name, O_RDONLY | O_CLOEXEC);
	/* A folder can be opened. */
	if (fd < 0 || read(fd, &byte, 1) < 0)
		error = errno;
	if (fd >= 0)
		close(fd);
	if (error == 0)
		return MTS_OK;
	return fault_errno(why, error, "%s: %s: %s can't be read", place->path,
	                   place->option, name);
}

static int check_listeners(const struct conf *conf, const char *path,
                           struct fault *why)
{
	int rc = MTS_OK;

	for (size_t i = 0; i < conf->listen_count && rc == MTS_OK; i++) {
		const struct conf_listen *listen = &conf->listen[i];
		struct place owner = { path, listen->line, "listen.owner" };
		struct place group = { path, listen->line, "listen.group" };

		rc = check_user(&owner, listen->owner, why);
		if (rc == MTS_OK)
			rc = check_group(&group, listen->group, why);
	}
	return rc;
}

static int check_control(const struct conf *conf, const char *path,
                         struct fault *why)
{
	struct place users = { path, 0, "control_users" };
	struct place group = { path, 0, "control_group" };
	int rc = check_group(&group, conf->control_group, why);

	for (size_t i = 0; i < conf->control_user_count && rc == MTS_OK; i++)
		rc = check_user(&users, conf->control_users[i], why);
	return rc;
}

bool conf_here_validates(const struct conf *conf)
{
	return conf->dns.dnssec == CONF_DNSSEC_AUTO ||
	       conf->dns.dnssec == CONF_DNSSEC_VALIDATE;
}

int conf_here_check(const struct conf *conf, const char *path,
                    struct fault *why)
{
	struct place user = { path, 0, "user" };
	struct place ca_file = { path, 0, "fetch.ca_file" };
	struct place anchor = { path, 0, "dns.trust_anchor" };
	int rc = check_listeners(conf, path, why);

	if (rc == MTS_OK)
		rc = check_control(conf, path, why);
	if (rc == MTS_OK)
		rc = check_user(&user, conf->user, why);
	if (rc == MTS_OK)
		rc = check_file(&ca_file, conf->fetch.ca_file, why);
	if (rc == MTS_OK && conf_here_validates(conf))
		rc = check_file(&anchor, conf->dns.trust_anchor, why);
	return rc;
}
