/* SPDX-License-Identifier: BSD-2-Clause */
/* man_page.c - the source of a manual page, for tests. */
#include "man_page.h"

#include "tests.h"

enum { PAGE_MAX = 256 * 1024 };

char *man_page_read(const char *name)
{
	const char *srcdir = getenv("srcdir");
	char *page = calloc(1, PAGE_MAX);
	char path[512];
	FILE *file;
	size_t len;

	snprintf(path, sizeof(path), "%s/doc/man/%s", srcdir ? srcdir : ".",
	         name);
	file = fopen(path, "r");
	if (!page || !file)
		fail_msg("%s can't be read", path);
	len = fread(page, 1, PAGE_MAX - 1, file);
	assert_true(len > 0 && feof(file));
	fclose(file);
	return page;
}
