/* SPDX-License-Identifier: BSD-2-Clause */
/* cache_dir.h - the cache's folder: who has it, and what lies in it.
 *
 *   mtastsd.lock           flock()ed while a process has the folder; its pid
 *   policies.mdb           the LMDB file
 *   policies.mdb-lock      LMDB's readers and its writer's lock
 *   policies.mdb.suspect   there after a crash: check the whole file
 *   policies.mdb.bad-DATE  what was set aside */
#ifndef CACHE_CACHE_DIR_H
#define CACHE_CACHE_DIR_H

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	PLACE_DIR_MODE = 0750,
	PLACE_FILE_MODE = 0600,
};

struct place {
	char *dir;
	char *file;   /* policies.mdb */
	int lock_fd;  /* -1: not locked */
	int error;    /* errno of what failed last */
	bool suspect; /* the last process that had it crashed */
};

/* Finds the place, and claims nothing yet. MTS_ESYS, MTS_ENOMEM. On MTS_OK:
 * place_close(). */
int place_open(struct place *place, const char *dir, struct fault *why);

/* Makes the folder if it is missing (one level), locks it, and sees to it that
 * it can be written to; may be repeated. MTS_EBUSY: another process has it.
 * MTS_ESYS, MTS_EFULL, MTS_ENOMEM. */
int place_claim(struct place *place, struct fault *why);

/* True if what failed last was the disk: it is full, broken or read-only, and
 * may be better tomorrow. (A folder that is missing on a read-only file system
 * is rather a mistake in the configuration.) */
bool place_is_in_trouble(const struct place *place);

/* Unlocks it. */
void place_close(struct place *place);

/* The size of the LMDB file in bytes, 0 if there is none yet; -1 if what is
 * there is no file. */
int64_t place_file_size(const struct place *place);

/* Renames the LMDB file to policies.mdb.bad-DATE, where DATE is NOW_S, removes
 * LMDB's lock file, and logs a warning with REASON. Never overwrites one that
 * was set aside before. MTS_ESYS. */
int place_set_aside(struct place *place, int64_t now_s, const char *reason,
                    struct fault *why);

/* Writes down that the file is to be checked as a whole at the next start.
 * Async-signal-safe; does nothing while no place is open. The process has one
 * place at most that this can mean: the one opened last. */
void place_mark_suspect(void);

/* The file was checked as a whole and is good, or is gone. */
void place_clear_suspect(struct place *place);

#endif
