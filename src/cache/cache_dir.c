/* SPDX-License-Identifier: BSD-2-Clause */
/* cache_dir.c - the cache's folder: who has it, and what lies in it. */
#include "cache/cache_dir.h"

#include "base/log.h"
#include "base/user.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	LMDB_LOCK_SIZE = 8192, /* what LMDB 0.9 makes of 126 readers */
	BAD_NAMES = 1000,      /* files set aside within one second */
};

/* For the signal handler: a path is there if the flag is. */
static char suspect_path[PATH_MAX];
static volatile sig_atomic_t suspect_set;

void place_mark_suspect(void)
{
	int fd;

	if (!suspect_set)
		return;
	fd =
	    open(suspect_path, O_WRONLY | O_CREAT | O_CLOEXEC, PLACE_FILE_MODE);
	if (fd >= 0)
		close(fd);
}

/* -- the folder ------------------------------------------------------------ */

/* The error of a system call on PATH in words that say how to mend it. */
static int explain(struct place *place, const char *path, int error,
                   struct fault *why)
{
	char user[USER_NAME_MAX];

	place->error = error;
	switch (error) {
	case EACCES:
	case EPERM:
		user_name(geteuid(), user);
		return fault_set(why, MTS_ESYS,
		                 "%s: not writable by user %s: chown -R %s %s",
		                 path, user, user, place->dir);
	case ENOENT:
		return fault_set(why, MTS_ESYS,
		                 "%s: its parent folder is missing: make it "
		                 "first, or set cache.directory",
		                 path);
	case ENOTDIR:
		return fault_set(why, MTS_ESYS,
		                 "%s: not a folder: set cache.directory", path);
	case EROFS:
		return fault_set(why, MTS_ESYS,
		                 "%s: on a read-only file system: make "
		                 "it writable, or set cache.directory",
		                 path);
	case ENOSPC:
	case EDQUOT:
		return fault_set(why, MTS_EFULL,
		                 "%s: no space left: make room on its file "
		                 "system",
		                 path);
	default:
		return fault_errno(why, error, "%s", path);
	}
}

static int make_folder(struct place *place, struct fault *why)
{
	const char *dir = place->dir;
	struct stat st;

	if (mkdir(dir, PLACE_DIR_MODE) == 0)
		return MTS_OK;
	if (errno != EEXIST) {
		int error = errno;

		/* On a read-only file system mkdir() may say so even of what
		 * is there; what counts is whether a file can be made. */
		return stat(dir, &st) == 0 && S_ISDIR(st.st_mode)
		           ? MTS_OK
		           : explain(place, dir, error, why);
	}
	if (stat(dir, &st) != 0)
		return explain(place, dir, errno, why);
	return S_ISDIR(st.st_mode) ? MTS_OK : explain(place, dir, ENOTDIR, why);
}

static char *join(const char *a, const char *b)
{
	size_t size = strlen(a) + strlen(b) + 1;
	char *both = malloc(size);

	if (both)
		snprintf(both, size, "%s%s", a, b);
	return both;
}

/* -- the lock -------------------------------------------------------------- */

static int refuse(struct place *place, struct fault *why)
{
	char pid[24] = "";
	ssize_t n = pread(place->lock_fd, pid, sizeof(pid) - 1, 0);

	place->error = EWOULDBLOCK;
	pid[n > 0 ? (size_t)n : 0] = '\0';
	pid[strcspn(pid, "\n")] = '\0';
	return fault_set(why, MTS_EBUSY,
	                 "another mtastsd (pid %s) uses %s: stop it, or set "
	                 "another cache.directory",
	                 pid[0] ? pid : "unknown", place->dir);
}

/* The pid is for persons only: the lock goes with the process, whatever the
 * file says, so that failing to write it is no failure. */
static void write_pid(int fd)
{
	char pid[24];
	int len = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());

	if (ftruncate(fd, 0) != 0 || pwrite(fd, pid, (size_t)len, 0) != len)
		log_debug("cache_lock pid=unwritten");
}

static int lock(struct place *place, struct fault *why)
{
	char *path = join(place->dir, "/mtastsd.lock");
	int rc = MTS_OK;

	if (!path)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	place->lock_fd =
	    open(path, O_RDWR | O_CREAT | O_CLOEXEC, PLACE_FILE_MODE);
	/* One that is there can be locked on a read-only file system too. */
	if (place->lock_fd < 0 && errno == EROFS) {
		place->lock_fd = open(path, O_RDONLY | O_CLOEXEC);
		if (place->lock_fd < 0)
			errno = EROFS;
	}
	/* flock() and not fcntl(): the latter is lost when any descriptor of
	 * the file is closed. */
	if (place->lock_fd >= 0 &&
	    flock(place->lock_fd, LOCK_EX | LOCK_NB) == 0)
		write_pid(place->lock_fd);
	else if (place->lock_fd >= 0 && errno == EWOULDBLOCK)
		rc = refuse(place, why);
	else
		rc = explain(place, path, errno, why);
	if (rc != MTS_OK && place->lock_fd >= 0) {
		close(place->lock_fd);
		place->lock_fd = -1;
	}
	free(path);
	return rc;
}

/* LMDB makes its lock file sparse and maps it: on a full disk the first touch
 * would be a SIGBUS. */
static int reserve_lmdb_lock(struct place *place, struct fault *why)
{
	char *path = join(place->file, "-lock");
	int error;
	int fd;

	if (!path)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, PLACE_FILE_MODE);
	error = fd < 0 ? errno : posix_fallocate(fd, 0, LMDB_LOCK_SIZE);
	if (fd >= 0)
		close(fd);
	if (error)
		error = explain(place, path, error, why);
	free(path);
	return error; /* MTS_OK is 0, too */
}

/* -- the whole ------------------------------------------------------------- */

static int set_suspect_path(struct place *place, struct fault *why)
{
	int len = snprintf(suspect_path, sizeof(suspect_path), "%s.suspect",
	                   place->file);

	if (len < 0 || (size_t)len >= sizeof(suspect_path)) {
		place->error = ENAMETOOLONG;
		return fault_set(why, MTS_ESYS, "%s: the path is too long",
		                 place->dir);
	}
	place->suspect = access(suspect_path, F_OK) == 0;
	suspect_set = 1;
	return MTS_OK;
}

int place_open(struct place *place, const char *dir, struct fault *why)
{
	*place = (struct place){ .lock_fd = -1 };
	place->dir = strdup(dir);
	place->file = join(dir, "/policies.mdb");
	if (!place->dir || !place->file) {
		place_close(place);
		return fault_set(why, MTS_ENOMEM, "out of memory");
	}
	return MTS_OK;
}

int place_claim(struct place *place, struct fault *why)
{
	int rc = MTS_OK;

	place->error = 0;
	if (place->lock_fd < 0)
		rc = make_folder(place, why);
	if (rc == MTS_OK && place->lock_fd < 0)
		rc = lock(place, why);
	if ((rc == MTS_OK || place_is_in_trouble(place)) &&
	    set_suspect_path(place, why) != MTS_OK)
		return MTS_ESYS;
	if (rc == MTS_OK)
		rc = reserve_lmdb_lock(place, why);
	return rc;
}

bool place_is_in_trouble(const struct place *place)
{
	switch (place->error) {
	case EROFS:
		return access(place->dir, F_OK) == 0;
	case ENOSPC:
	case EDQUOT:
	case EIO:
		return true;
	default:
		return false;
	}
}

void place_close(struct place *place)
{
	suspect_set = 0;
	if (place->lock_fd >= 0)
		close(place->lock_fd);
	place->lock_fd = -1;
	free(place->dir);
	free(place->file);
	place->dir = NULL;
	place->file = NULL;
}

int64_t place_file_size(const struct place *place)
{
	struct stat st;

	if (stat(place->file, &st) != 0)
		return 0;
	return S_ISREG(st.st_mode) ? st.st_size : -1;
}

static bool name_bad(const struct place *place, int64_t now_s, char *ret,
                     size_t size)
{
	time_t now = (time_t)now_s;
	char date[32] = "";
	struct stat st;
	struct tm tm;

	if (gmtime_r(&now, &tm))
		strftime(date, sizeof(date), "%Y%m%dT%H%M%SZ", &tm);
	/* We hold the lock: nobody makes that name between look and use. */
	for (int n = 1; n <= BAD_NAMES; n++) {
		int len =
		    snprintf(ret, size, n == 1 ? "%s.bad-%s" : "%s.bad-%s-%d",
		             place->file, date, n);

		if (len < 0 || (size_t)len >= size)
			return false;
		if (lstat(ret, &st) != 0 && errno == ENOENT)
			return true;
	}
	return false;
}

int place_set_aside(struct place *place, int64_t now_s, const char *reason,
                    struct fault *why)
{
	char bad[PATH_MAX];
	char *lmdb_lock;

	if (!name_bad(place, now_s, bad, sizeof(bad)))
		return fault_set(why, MTS_ESYS,
		                 "%s is damaged, and no name is free to set "
		                 "it aside: move it away",
		                 place->file);
	/* Gone is as good as set aside. */
	if (rename(place->file, bad) != 0 && errno != ENOENT)
		return explain(place, place->file, errno, why);
	/* A stale one does no harm to LMDB; it belongs to the file. */
	lmdb_lock = join(place->file, "-lock");
	if (lmdb_lock)
		unlink(lmdb_lock);
	free(lmdb_lock);
	log_warning("cache_set_aside file=%s to=%s reason=\"%s\"", place->file,
	            bad, reason);
	return reserve_lmdb_lock(place, why);
}

void place_clear_suspect(struct place *place)
{
	if (place->suspect)
		unlink(suspect_path);
	place->suspect = false;
}
