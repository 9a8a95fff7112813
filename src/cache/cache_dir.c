/* SPDX-License-Identifier: BSD-2-Clause */
/* cache_dir.c - the cache's folder: who owns it, and which files are in it. */
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
	LMDB_LOCK_SIZE = 8192, /* LMDB 0.9's lock file with 126 readers */
	BAD_NAMES = 1000,      /* files that can be set aside in one second */
};

/* For the signal handler: the path is valid while the flag is set. */
static char suspect_path[PATH_MAX];
static volatile sig_atomic_t suspect_set;

void cache_dir_mark_suspect(void)
{
	int fd;

	if (!suspect_set)
		return;
	fd = open(suspect_path, O_WRONLY | O_CREAT | O_CLOEXEC,
	          CACHE_DIR_FILE_MODE);
	if (fd >= 0)
		close(fd);
}

/* -- the folder ------------------------------------------------------------ */

/* Turns the error of a system call on PATH into text that says how to fix
 * it. */
static int dir_explain(struct cache_dir *dir, const char *path, int error,
                       struct fault *why)
{
	char user[USER_NAME_MAX];

	dir->error = error;
	switch (error) {
	case EACCES:
	case EPERM:
		user_name(geteuid(), user);
		return fault_set(why, MTS_ESYS,
		                 "%s: not writable by user %s: chown -R %s %s",
		                 path, user, user, dir->path);
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
		                 "%s: no space left: free some on its file "
		                 "system",
		                 path);
	default:
		return fault_errno(why, error, "%s", path);
	}
}

static int dir_make(struct cache_dir *dir, struct fault *why)
{
	const char *path = dir->path;
	struct stat st;

	if (mkdir(path, CACHE_DIR_MODE) == 0)
		return MTS_OK;
	if (errno != EEXIST) {
		int error = errno;

		/* On a read-only file system, mkdir() may fail with EROFS even
		 * if the folder exists. Later steps find out whether files can
		 * be created in it. */
		return stat(path, &st) == 0 && S_ISDIR(st.st_mode)
		           ? MTS_OK
		           : dir_explain(dir, path, error, why);
	}
	if (stat(path, &st) != 0)
		return dir_explain(dir, path, errno, why);
	return S_ISDIR(st.st_mode) ? MTS_OK
	                           : dir_explain(dir, path, ENOTDIR, why);
}

static char *dir_join(const char *a, const char *b)
{
	size_t size = strlen(a) + strlen(b) + 1;
	char *both = malloc(size);

	if (both)
		snprintf(both, size, "%s%s", a, b);
	return both;
}

/* -- the lock -------------------------------------------------------------- */

static int dir_refuse(struct cache_dir *dir, struct fault *why)
{
	char pid[24] = "";
	ssize_t n = pread(dir->lock_fd, pid, sizeof(pid) - 1, 0);

	dir->error = EWOULDBLOCK;
	pid[n > 0 ? (size_t)n : 0] = '\0';
	pid[strcspn(pid, "\n")] = '\0';
	return fault_set(why, MTS_EBUSY,
	                 "another mtastsd (pid %s) uses %s: stop it, or set "
	                 "another cache.directory",
	                 pid[0] ? pid : "unknown", dir->path);
}

/* The pid is only for people to read. The kernel releases the lock with the
 * process, whatever the file says, so a failed write does not matter. */
static void dir_write_pid(int fd)
{
	char pid[24];
	int len = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());

	if (ftruncate(fd, 0) != 0 || pwrite(fd, pid, (size_t)len, 0) != len)
		log_debug("cache_lock pid=unwritten");
}

static int dir_lock(struct cache_dir *dir, struct fault *why)
{
	char *path = dir_join(dir->path, "/mtastsd.lock");
	int rc = MTS_OK;

	if (!path)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	dir->lock_fd =
	    open(path, O_RDWR | O_CREAT | O_CLOEXEC, CACHE_DIR_FILE_MODE);
	/* A lock file that already exists can be locked even on a read-only
	 * file system. */
	if (dir->lock_fd < 0 && errno == EROFS) {
		dir->lock_fd = open(path, O_RDONLY | O_CLOEXEC);
		if (dir->lock_fd < 0)
			errno = EROFS;
	}
	/* Not fcntl(): such a lock is lost when any descriptor of the file is
	 * closed. */
	if (dir->lock_fd >= 0 && flock(dir->lock_fd, LOCK_EX | LOCK_NB) == 0)
		dir_write_pid(dir->lock_fd);
	else if (dir->lock_fd >= 0 && errno == EWOULDBLOCK)
		rc = dir_refuse(dir, why);
	else
		rc = dir_explain(dir, path, errno, why);
	if (rc != MTS_OK && dir->lock_fd >= 0) {
		close(dir->lock_fd);
		dir->lock_fd = -1;
	}
	free(path);
	return rc;
}

/* LMDB creates its lock file sparse and maps it. On a full disk, the first
 * write to the map would raise SIGBUS, so we allocate the file's blocks
 * first. */
static int dir_reserve_lmdb_lock(struct cache_dir *dir, struct fault *why)
{
	char *path = dir_join(dir->file, "-lock");
	int error;
	int fd;

	if (!path)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, CACHE_DIR_FILE_MODE);
	error = fd < 0 ? errno : posix_fallocate(fd, 0, LMDB_LOCK_SIZE);
	if (fd >= 0)
		close(fd);
	if (error)
		error = dir_explain(dir, path, error, why);
	free(path);
	return error; /* MTS_OK is 0, too */
}

/* -- opening and claiming -------------------------------------------------- */

static int dir_set_suspect_path(struct cache_dir *dir, struct fault *why)
{
	int len = snprintf(suspect_path, sizeof(suspect_path), "%s.suspect",
	                   dir->file);

	if (len < 0 || (size_t)len >= sizeof(suspect_path)) {
		dir->error = ENAMETOOLONG;
		return fault_set(why, MTS_ESYS, "%s: the path is too long",
		                 dir->path);
	}
	dir->suspect = access(suspect_path, F_OK) == 0;
	suspect_set = 1;
	return MTS_OK;
}

int cache_dir_open(struct cache_dir *dir, const char *path, struct fault *why)
{
	*dir = (struct cache_dir){ .lock_fd = -1 };
	dir->path = strdup(path);
	dir->file = dir_join(path, "/policies.mdb");
	if (!dir->path || !dir->file) {
		cache_dir_close(dir);
		return fault_set(why, MTS_ENOMEM, "out of memory");
	}
	return MTS_OK;
}

int cache_dir_claim(struct cache_dir *dir, struct fault *why)
{
	int rc = MTS_OK;

	dir->error = 0;
	if (dir->lock_fd < 0)
		rc = dir_make(dir, why);
	if (rc == MTS_OK && dir->lock_fd < 0)
		rc = dir_lock(dir, why);
	if ((rc == MTS_OK || cache_dir_disk_failed(dir)) &&
	    dir_set_suspect_path(dir, why) != MTS_OK)
		return MTS_ESYS;
	if (rc == MTS_OK)
		rc = dir_reserve_lmdb_lock(dir, why);
	return rc;
}

bool cache_dir_disk_failed(const struct cache_dir *dir)
{
	switch (dir->error) {
	case EROFS:
		return access(dir->path, F_OK) == 0;
	case ENOSPC:
	case EDQUOT:
	case EIO:
		return true;
	default:
		return false;
	}
}

void cache_dir_close(struct cache_dir *dir)
{
	suspect_set = 0;
	if (dir->lock_fd >= 0)
		close(dir->lock_fd);
	dir->lock_fd = -1;
	free(dir->path);
	free(dir->file);
	dir->path = NULL;
	dir->file = NULL;
}

int64_t cache_dir_file_size(const struct cache_dir *dir)
{
	struct stat st;

	if (stat(dir->file, &st) != 0)
		return 0;
	return S_ISREG(st.st_mode) ? st.st_size : -1;
}

/* -- damaged files --------------------------------------------------------- */

/* Finds a free name of the form policies.mdb.bad-DATE. */
static bool dir_name_bad(const struct cache_dir *dir, int64_t now_s, char *ret,
                         size_t size)
{
	time_t now = (time_t)now_s;
	char date[32] = "";
	struct stat st;
	struct tm tm;

	if (gmtime_r(&now, &tm))
		strftime(date, sizeof(date), "%Y%m%dT%H%M%SZ", &tm);
	/* We hold the lock, so no other process can take the name before we use
	 * it. */
	for (int n = 1; n <= BAD_NAMES; n++) {
		int len =
		    snprintf(ret, size, n == 1 ? "%s.bad-%s" : "%s.bad-%s-%d",
		             dir->file, date, n);

		if (len < 0 || (size_t)len >= size)
			return false;
		if (lstat(ret, &st) != 0 && errno == ENOENT)
			return true;
	}
	return false;
}

int cache_dir_set_aside(struct cache_dir *dir, int64_t now_s,
                        const char *reason, struct fault *why)
{
	char bad[PATH_MAX];
	char *lmdb_lock;

	if (!dir_name_bad(dir, now_s, bad, sizeof(bad)))
		return fault_set(why, MTS_ESYS,
		                 "%s is damaged, and no name is free to set "
		                 "it aside: move it away",
		                 dir->file);
	/* If the file is already gone, that serves as well. */
	if (rename(dir->file, bad) != 0 && errno != ENOENT)
		return dir_explain(dir, dir->file, errno, why);
	/* The lock file belongs to the old file. LMDB would accept a stale one,
	 * so it does not matter if this fails. */
	lmdb_lock = dir_join(dir->file, "-lock");
	if (lmdb_lock)
		unlink(lmdb_lock);
	free(lmdb_lock);
	log_warning("cache_set_aside file=%s to=%s reason=\"%s\"", dir->file,
	            bad, reason);
	return dir_reserve_lmdb_lock(dir, why);
}

void cache_dir_clear_suspect(struct cache_dir *dir)
{
	if (dir->suspect)
		unlink(suspect_path);
	dir->suspect = false;
}
