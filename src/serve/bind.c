/* SPDX-License-Identifier: BSD-2-Clause */
/* bind.c - creates sockets and binds them.
 *
 * Not by libuv, which can't set a unix socket's mode before clients can connect, and
 * does not say which of bind(2)'s many errors happened to which address. */
#include "serve/bind.h"

#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <pwd.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BIND_HOST = 256 };

/* -- unix ------------------------------------------------------------------ */

static int fill_path(struct sockaddr_un *sun, const char *path,
                     struct fault *why)
{
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	if (path[0] != '/')
		return fault_set(why, MTS_ESYNTAX,
		                 "unix:%s: the path must begin with '/'", path);
	if (strlen(path) >= sizeof(sun->sun_path))
		return fault_set(why, MTS_ERANGE,
		                 "unix:%s: the path has %zu bytes, but a unix "
		                 "socket's path has at most %zu",
		                 path, strlen(path), sizeof(sun->sun_path) - 1);
	memcpy(sun->sun_path, path, strlen(path));
	return MTS_OK;
}

/* Removes a socket file that no process listens on. */
static int clear_path(const struct sockaddr_un *sun, struct fault *why)
{
	struct stat st;
	int rc = MTS_OK;
	int fd;

	if (lstat(sun->sun_path, &st) != 0)
		return MTS_OK; /* if that is an error, bind() reports it */
	if (!S_ISSOCK(st.st_mode))
		return fault_set(why, MTS_EBUSY,
		                 "unix:%s: a file of that name exists that is "
		                 "not a socket; move it away",
		                 sun->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fault_errno(why, errno, "unix:%s", sun->sun_path);
	/* EAGAIN: another process listens, and its backlog is full. */
	if (connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0 ||
	    errno == EAGAIN || errno == EINPROGRESS)
		rc = fault_set(why, MTS_EBUSY,
		               "unix:%s: in use: another process listens "
		               "there; stop it or choose another path",
		               sun->sun_path);
	else if (errno == ECONNREFUSED && unlink(sun->sun_path) != 0)
		rc = fault_errno(why, errno,
		                 "unix:%s: can't remove the old "
		                 "socket",
		                 sun->sun_path);
	close(fd);
	return rc;
}

static int find_owner(const struct bind_options *options, uid_t *ret_uid,
                      gid_t *ret_gid, struct fault *why)
{
	const char *path = options->address + strlen("unix:");

	*ret_uid = (uid_t)-1;
	*ret_gid = (gid_t)-1;
	if (options->owner) {
		struct passwd *pw = getpwnam(options->owner);

		if (!pw)
			return fault_set(why, MTS_ENOTFOUND,
			                 "unix:%s: there is no user %s", path,
			                 options->owner);
		*ret_uid = pw->pw_uid;
	}
	if (options->group) {
		struct group *gr = getgrnam(options->group);

		if (!gr)
			return fault_set(why, MTS_ENOTFOUND,
			                 "unix:%s: there is no group %s", path,
			                 options->group);
		*ret_gid = gr->gr_gid;
	}
	return MTS_OK;
}

static int set_owner(const struct bind_options *options, const char *path,
                     struct fault *why)
{
	uid_t uid;
	gid_t gid;
	int rc = find_owner(options, &uid, &gid, why);

	if (rc != MTS_OK || (!options->owner && !options->group))
		return rc;
	if (lchown(path, uid, gid) != 0)
		return fault_errno(why, errno, "unix:%s: can't set the owner",
		                   path);
	return MTS_OK;
}

static int bind_file(const struct bind_options *options,
                     const struct sockaddr_un *sun, int *ret_fd,
                     struct fault *why)
{
	const char *path = sun->sun_path;
	mode_t mask;
	int rc = clear_path(sun, why);
	int fd;

	if (rc != MTS_OK)
		return rc;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fault_errno(why, errno, "unix:%s", path);
	/* With the umask instead of a later chmod(): no other user may connect
	 * in between. */
	mask = umask((mode_t)(0777 & ~options->mode));
	if (bind(fd, (const struct sockaddr *)sun, sizeof(*sun)) != 0)
		rc = fault_errno(why, errno,
		                 "unix:%s: can't create the socket (does the "
		                 "folder exist, and may mtastsd write to it?)",
		                 path);
	umask(mask);
	if (rc == MTS_OK) {
		rc = set_owner(options, path, why);
		if (rc != MTS_OK)
			unlink(path);
	}
	if (rc != MTS_OK) {
		close(fd);
		return rc;
	}
	*ret_fd = fd;
	return MTS_OK;
}

static int bind_unix(const struct bind_options *options, const char *path,
                     struct activation *ready, struct bind_result *ret,
                     struct fault *why)
{
	struct sockaddr_un sun;
	int rc = fill_path(&sun, path, why);

	if (rc != MTS_OK)
		return rc;
	ret->fds[0] =
	    activation_take(ready, (struct sockaddr *)&sun, &ret->passed);
	if (ret->fds[0] < 0)
		rc = bind_file(options, &sun, &ret->fds[0], why);
	ret->count = rc == MTS_OK;
	return rc;
}

int bind_set_file(const struct bind_options *options, struct stat *ret_before,
                  struct fault *why)
{
	const char *path = bind_path(options->address);
	uid_t uid;
	gid_t gid;
	int rc = find_owner(options, &uid, &gid, why);

	if (rc != MTS_OK)
		return rc;
	/* No owner, no group: those that a new socket would get. */
	if (!options->owner)
		uid = geteuid();
	if (!options->group)
		gid = getegid();
	if (lstat(path, ret_before) != 0 || chmod(path, options->mode) != 0)
		return fault_errno(why, errno, "unix:%s: can't set the mode",
		                   path);
	if (lchown(path, uid, gid) == 0)
		return MTS_OK;
	rc = fault_errno(why, errno, "unix:%s: can't set the owner", path);
	if (chmod(path, ret_before->st_mode & 07777) != 0)
		return rc; /* can't happen: the first chmod() succeeded */
	return rc;
}

/* -- inet ------------------------------------------------------------------ */

/* Splits "host:port" or "[v6]:port"; PORT points into TEXT. */
static int split_host(const char *text, char host[BIND_HOST],
                      const char **ret_port, struct fault *why)
{
	const char *colon = strrchr(text, ':');
	const char *start = text;
	size_t len;

	if (!colon || colon == text || !colon[1])
		goto bad;
	len = (size_t)(colon - text);
	if (text[0] == '[') {
		if (text[len - 1] != ']')
			goto bad;
		start++;
		len -= 2;
	} else if (memchr(text, ':', len)) {
		goto bad; /* IPv6 needs brackets */
	}
	if (len == 0 || len >= BIND_HOST)
		goto bad;
	memcpy(host, start, len);
	host[len] = '\0';
	*ret_port = colon + 1;
	return MTS_OK;
bad:
	return fault_set(
	    why, MTS_ESYNTAX,
	    "inet:%s: want inet:HOST:PORT, with an IPv6 address in "
	    "brackets",
	    text);
}

/* MTS_ENOTFOUND: this machine has no such address. */
static int fail_to_bind(int error, const char *text, struct fault *why)
{
	const char *hint = error == EACCES
	                       ? " (only root can bind ports below 1024, and "
	                         "mtastsd is root only during the start)"
	                       : "";
	int rc = fault_errno(why, error, "inet:%s: can't bind%s", text, hint);

	return error == EADDRNOTAVAIL || error == EAFNOSUPPORT ? MTS_ENOTFOUND
	                                                       : rc;
}

static int bind_one(const struct addrinfo *info, const char *text, bool share,
                    int *ret_fd, struct fault *why)
{
	int on = 1;
	int rc;
	int fd = socket(info->ai_family,
	                SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return fail_to_bind(errno, text, why);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (share)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	if (info->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	rc = bind(fd, info->ai_addr, info->ai_addrlen) == 0 ? 0 : errno;
	if (rc == 0) {
		*ret_fd = fd;
		return MTS_OK;
	}
	if (rc == EADDRINUSE)
		rc = fault_set(
		    why, MTS_EBUSY,
		    "inet:%s: in use: another process listens there; stop it "
		    "or choose another port",
		    text);
	else
		rc = fail_to_bind(rc, text, why);
	close(fd);
	return rc;
}

/* Takes or binds one address of the host. MTS_ENOTFOUND: this machine does not have
 * it. */
static int add_one(const struct bind_options *options, const char *text,
                   const struct addrinfo *info, struct activation *ready,
                   struct bind_result *ret, struct fault *why)
{
	int *fd = &ret->fds[ret->count];
	int rc = MTS_OK;

	*fd = activation_take(ready, info->ai_addr, &ret->passed);
	if (*fd < 0)
		rc = bind_one(info, text, options->share_port, fd, why);
	if (rc == MTS_OK)
		ret->count++;
	return rc;
}

/* Binds every address of the host. "localhost" often has two, and a machine without
 * IPv6 lacks one of them: that is no error. */
static int bind_inet(const struct bind_options *options, const char *text,
                     struct activation *ready, struct bind_result *ret,
                     struct fault *why)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		                  .ai_flags = AI_PASSIVE };
	struct addrinfo *list = NULL;
	char host[BIND_HOST];
	const char *port = NULL;
	int missing = MTS_OK;
	int rc = split_host(text, host, &port, why);
	int gai;

	if (rc != MTS_OK)
		return rc;
	gai = getaddrinfo(host, port, &hints, &list);
	if (gai != 0)
		return fault_set(why, MTS_ESYS, "inet:%s: %s", text,
		                 gai_strerror(gai));
	for (struct addrinfo *i = list; i && rc == MTS_OK; i = i->ai_next) {
		if (ret->count == BIND_SOCKETS)
			break;
		rc = add_one(options, text, i, ready, ret, why);
		if (rc == MTS_ENOTFOUND) {
			missing = rc;
			rc = MTS_OK;
		}
	}
	freeaddrinfo(list);
	return rc == MTS_OK && ret->count == 0 ? missing : rc;
}

/* -- both ------------------------------------------------------------------ */

const char *bind_path(const char *address)
{
	return strncmp(address, "unix:", 5) == 0 ? address + 5 : NULL;
}

void bind_undo(const struct bind_options *options, struct bind_result *result)
{
	const char *path = bind_path(options->address);

	if (path && result->count > 0 && !result->passed)
		unlink(path);
	while (result->count > 0)
		close(result->fds[--result->count]);
}

int bind_address(const struct bind_options *options, struct activation *ready,
                 struct bind_result *ret, struct fault *why)
{
	const char *address = options->address;
	int rc;

	*ret = (struct bind_result){ .count = 0 };
	if (bind_path(address))
		rc = bind_unix(options, bind_path(address), ready, ret, why);
	else if (strncmp(address, "inet:", 5) == 0)
		rc = bind_inet(options, address + 5, ready, ret, why);
	else
		rc =
		    fault_set(why, MTS_ESYNTAX,
		              "%s: want unix:/PATH or inet:HOST:PORT", address);
	if (rc != MTS_OK)
		bind_undo(options, ret);
	return rc;
}
