/* SPDX-License-Identifier: BSD-2-Clause */
/* status.h - what a function can come back with: a code, and a reason.
 *
 * Every function that can fail returns MTS_OK or one of the negative codes
 * below. Whoever talks to a person fills a struct fault as well: the code, and
 * one line of text that says what, where and, if it can be known, how to mend
 * it. */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#include <stdarg.h>
#include <stddef.h>

enum mts_status {
	MTS_OK = 0,
	MTS_ENOMEM = -1,    /* the system gave no memory */
	MTS_ESYNTAX = -2,   /* the input breaks its grammar */
	MTS_ERANGE = -3,    /* a length, count or number is out of bounds */
	MTS_ENOTFOUND = -4, /* what was asked for is not there */
	MTS_ESYS = -5, /* a system call failed; the text has errno's words */
	MTS_EDAMAGED = -6,  /* stored data is not what we wrote */
	MTS_EMORE = -7,     /* the input is good so far, and not complete */
	MTS_EBUSY = -8,     /* somebody else has it */
	MTS_EFULL = -9,     /* no room left: disk, cache, table */
	MTS_ETIMEOUT = -10, /* the time given was over */
	MTS_ELIB = -11,     /* a library failed; the text has its words */
};

/* The code's name in plain words, never NULL; for an unknown code too. */
const char *mts_status_text(int status);

enum { FAULT_TEXT = 400 }; /* a line in a log; longer texts are cut */

struct fault {
	int status;            /* MTS_OK, or the code the function returned */
	char text[FAULT_TEXT]; /* printable ASCII without '"', NUL-terminated */
};

/* Fills FAULT (may be NULL) and returns STATUS, so that a function can end with
 * `return fault_set(why, MTS_ESYNTAX, "...")`. Bytes that are not printable
 * ASCII become '?', and '"' becomes '\'': the text may carry what a stranger
 * sent, and goes to logs and terminals. */
int fault_set(struct fault *fault, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* fault_set() with errno's words appended: "FORMAT: No such file". Returns
 * MTS_ENOMEM for ENOMEM, else MTS_ESYS. */
int fault_errno(struct fault *fault, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Writes a reason to TEXT, of SIZE bytes, like vsnprintf(): what does not fit is
 * cut off, and the rule of fault_set() holds. For reasons that outlive a struct
 * fault. */
void fault_vtext(char *text, size_t size, const char *format, va_list ap)
    __attribute__((format(printf, 3, 0)));

/* Makes TEXT, a NUL-terminated string, safe for a log or a terminal, in place:
 * the rule of fault_set(). */
void fault_scrub(char *text);

#endif
