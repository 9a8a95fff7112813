/* SPDX-License-Identifier: BSD-2-Clause */
/* cache_dir.h - the cache's folder: who owns it, and which files are in it.
 *
 *   mtastsd.lock           flock()ed while a process uses the folder; its pid
 *   policies.mdb           the LMDB file
 *   policies.mdb-lock      LMDB's table of readers and its writer's lock
 *   policies.mdb.suspect   exists after a crash: check the whole file
 *   policies.mdb.bad-DATE  a damaged file that was set aside */
#ifndef CACHE_CACHE_DIR_H
#define CACHE_CACHE_DIR_H

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	CACHE_DIR_MODE = 0750,
	CACHE_DIR_FILE_MODE = 0600,
};

struct cache_dir {
	char *path;
	char *file;   /* policies.mdb */
	int lock_fd;  /* -1: not locked */
	int error;    /* errno of the last failure */
	bool suspect; /* the last process that used the folder crashed */
};

/* Fills in DIR for the folder PATH; touches nothing on disk. MTS_ENOMEM. On
 * MTS_OK: cache_dir_close(). */
int cache_dir_open(struct cache_dir *dir, const char *path, struct fault *why);

/* Creates the folder if it is missing (one level), locks it, and checks that it
 * can be written to. May be called again. MTS_EBUSY: another process has the
 * lock. MTS_ESYS, MTS_EFULL, MTS_ENOMEM. */
int cache_dir_claim(struct cache_dir *dir, struct fault *why);

/* True if the last failure was the disk's: it is full, broken or read-only, and
 * may work again later. (A missing folder on a read-only file system does not
 * count: that is more likely a mistake in the configuration.) */
bool cache_dir_disk_failed(const struct cache_dir *dir);

/* Releases the lock and the memory. */
void cache_dir_close(struct cache_dir *dir);

/* The size of the LMDB file in bytes; 0 if there is none yet, -1 if what is
 * there is not a regular file. */
int64_t cache_dir_file_size(const struct cache_dir *dir);

/* Renames the LMDB file to policies.mdb.bad-DATE, where DATE is NOW_S, removes
 * LMDB's lock file, and logs a warning with REASON. Never overwrites a file
 * that was set aside before. MTS_ESYS. */
int cache_dir_set_aside(struct cache_dir *dir, int64_t now_s,
                        const char *reason, struct fault *why);

/* Creates policies.mdb.suspect, so that the next start checks the whole file.
 * Async-signal-safe. Does nothing while no folder is claimed. A process has one
 * such folder at most: the one claimed last. */
void cache_dir_mark_suspect(void);

/* Removes the mark: the whole file was checked and is sound, or it is gone. */
void cache_dir_clear_suspect(struct cache_dir *dir);

#endif
