/* SPDX-License-Identifier: BSD-2-Clause */
/* standard.h - makes sure that standard input, output and error are open, and that
 * what was printed has been written. */
#ifndef PROG_STANDARD_H
#define PROG_STANDARD_H

/* Opens /dev/null in place of those of the three that are closed. Otherwise the next
 * file or socket would get their numbers, and log lines would go into the cache;
 * also, libuv aborts if it gets one of these numbers. Call it first of all. Printing
 * to a standard output that was closed still fails; error output is discarded. */
void standard_fill(void);

/* Call it last. Returns STATUS; but if that is 0 and the output could not be written,
 * prints an error in PROGRAM's name and returns FAILED. */
int standard_finish(const char *program, int status, int failed);

#endif
