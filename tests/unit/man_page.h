/* SPDX-License-Identifier: BSD-2-Clause */
/* man_page.h - the source of a manual page, for tests that compare it with a
 * table of the code. */
#ifndef TESTS_MAN_PAGE_H
#define TESTS_MAN_PAGE_H

/* The text of doc/man/NAME in the source tree; the caller's: free(). The test
 * fails if it can't be read. */
char *man_page_read(const char *name);

#endif
