/* SPDX-License-Identifier: BSD-2-Clause */
/* check_lines.h - reads a file of domains, or standard input, line by line, without
 * blocking the event loop and without holding the whole file in memory. */
#ifndef PROG_CHECK_LINES_H
#define PROG_CHECK_LINES_H

#include "base/slice.h"
#include "base/status.h"

#include <uv.h>

struct check_lines;

/* check_lines_next() may have a line now, or the end. Comes from the event loop,
 * never from inside another call. */
typedef void check_lines_callback(void *arg);

/* Opens FILE ("-": standard input). MTS_ESYS, MTS_ENOMEM. On MTS_OK *RET is the
 * caller's: check_lines_close(). */
int check_lines_open(uv_loop_t *loop, const char *file,
                     check_lines_callback *callback, void *arg,
                     struct check_lines **ret, struct fault *why);

/* Must not be called while a read is under way, that is after MTS_EMORE and before
 * the callback. Takes NULL, leaves NULL. */
void check_lines_close(struct check_lines **lines);

/* The next line that is neither blank nor a comment (#), without the spaces around
 * it, and its number; valid until the next call. MTS_EMORE: it is still being
 * read, and the callback will come; MTS_ENOTFOUND: there are no more lines;
 * MTS_ERANGE: the line is longer than any domain, and was skipped; MTS_ESYS:
 * reading failed, and WHY says why. */
int check_lines_next(struct check_lines *lines, struct slice *ret_line,
                     unsigned long *ret_number, struct fault *why);

#endif
