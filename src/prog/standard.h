/* SPDX-License-Identifier: BSD-2-Clause */
/* standard.h - standard input, output and error, as a program finds and leaves
 * them. */
#ifndef PROG_STANDARD_H
#define PROG_STANDARD_H

/* Opens /dev/null in the place of those three that are closed: or the next file or
 * socket would get their number, what is printed would go there, a log line into
 * the cache; and libuv aborts if it is handed one of them. To print still fails
 * then; complaints and the log go nowhere. The first thing that a program does. */
void standard_fill(void);

/* The last one: STATUS, or if that is 0 and what was printed could not be written,
 * FAILED, and a word of PROGRAM's on standard error. */
int standard_finish(const char *program, int status, int failed);

#endif
