/* SPDX-License-Identifier: BSD-2-Clause */
/* folder.h - removes a test's folder and everything in it. */
#ifndef TESTS_FOLDER_H
#define TESTS_FOLDER_H

#include <ftw.h>
#include <stdio.h>

static int folder_remove_one(const char *path, const struct stat *st, int type,
                             struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void folder_remove(const char *path)
{
	nftw(path, folder_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
