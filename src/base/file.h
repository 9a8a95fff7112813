/* SPDX-License-Identifier: BSD-2-Clause */
/* file.h - files that change under us. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <sys/stat.h>

/* True if A and B, of one path at two times, are of different files, or of one
 * that was written to in between. */
static inline bool file_has_changed(const struct stat *a, const struct stat *b)
{
	return a->st_ino != b->st_ino || a->st_dev != b->st_dev ||
	       a->st_size != b->st_size ||
	       a->st_mtim.tv_sec != b->st_mtim.tv_sec ||
	       a->st_mtim.tv_nsec != b->st_mtim.tv_nsec;
}

#endif
