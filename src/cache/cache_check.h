/* SPDX-License-Identifier: BSD-2-Clause */
/* cache_check.h - is an LMDB file sound enough to be mapped and used? */
#ifndef CACHE_CACHE_CHECK_H
#define CACHE_CACHE_CHECK_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Walks the LMDB file at PATH, of SIZE bytes, in a child process: LMDB trusts
 * its pages, so that overwritten ones may crash whoever reads them. Looks at
 * what it can see within some 20 ms, or, if WHOLE, at all of it. LOCK_FD is
 * what the child must not keep open. MTS_EDAMAGED: the file is no good, and WHY
 * says how. MTS_OK otherwise, also where no verdict could be had. */
int check_file(const char *path, uint64_t size, size_t map_size, bool whole,
               int lock_fd, struct fault *why);

#endif
