/* SPDX-License-Identifier: BSD-2-Clause */
/* check_lines.h - a file of domains, or standard input, line by line, without
 * keeping the loop waiting and without keeping the file. */
#ifndef PROG_CHECK_LINES_H
#define PROG_CHECK_LINES_H

#include "base/slice.h"
#include "base/status.h"

#include <uv.h>

struct check_lines;

/* There is a line to take, or the end. From the loop, from inside of nothing
 * else. */
typedef void check_lines_callback(void *arg);

/* Opens FILE ("-": standard input). MTS_ESYS, MTS_ENOMEM. On MTS_OK *RET is the
 * caller's: check_lines_close(). */
int check_lines_open(uv_loop_t *loop, const char *file,
                     check_lines_callback *callback, void *arg,
                     struct check_lines **ret, struct fault *why);

/* Not while it reads. Takes NULL, leaves NULL. */
void check_lines_close(struct check_lines **lines);

/* The next line that is neither blank nor a comment (#), without blanks around
 * it, and its number; good until the next call. MTS_EMORE: it is still read,
 * and the callback will come; MTS_ENOTFOUND: that was the last; MTS_ERANGE: the
 * line is longer than any domain, and was passed over; MTS_ESYS: it can't be
 * read, and WHY says so. */
int check_lines_next(struct check_lines *lines, struct slice *ret_line,
                     unsigned long *ret_number, struct fault *why);

#endif
