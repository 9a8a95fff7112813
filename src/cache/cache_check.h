/* SPDX-License-Identifier: BSD-2-Clause */
/* cache_check.h - checks an LMDB file before it is mapped and used. */
#ifndef CACHE_CACHE_CHECK_H
#define CACHE_CACHE_CHECK_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads the LMDB file at PATH, of SIZE bytes, in a child process, since LMDB
 * trusts its pages: overwritten ones may crash their reader. Checks as much as
 * takes about 20 ms or, if WHOLE, everything. LOCK_FD is a descriptor that the
 * child must close. MTS_EDAMAGED: the file is damaged, and WHY says how.
 * MTS_OK: no damage was found, or the check was not possible. */
int cache_check_file(const char *path, uint64_t size, size_t map_size,
                     bool whole, int lock_fd, struct fault *why);

#endif
