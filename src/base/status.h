/* SPDX-License-Identifier: BSD-2-Clause */
/* status.h - what a function returns: a status code, and a reason.
 *
 * Every function that can fail returns MTS_OK or one of the negative codes
 * below. If a person may have to read about it, it also fills in a struct
 * fault: the code, and one line of text that says what is wrong, where, and if
 * possible how to fix it. */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#include <stdarg.h>
#include <stddef.h>

enum mts_status {
	MTS_OK = 0,
	MTS_ENOMEM = -1,    /* out of memory */
	MTS_ESYNTAX = -2,   /* the input breaks its grammar */
	MTS_ERANGE = -3,    /* a length, count or number is out of bounds */
	MTS_ENOTFOUND = -4, /* it does not exist */
	MTS_ESYS = -5, /* a system call failed; the text has errno's message */
	MTS_EDAMAGED = -6,  /* stored data is not what we wrote */
	MTS_EMORE = -7,     /* the input is valid so far, but incomplete */
	MTS_EBUSY = -8,     /* it is in use already */
	MTS_EFULL = -9,     /* a disk, cache or table is full */
	MTS_ETIMEOUT = -10, /* the time limit has passed */
	MTS_ELIB = -11,     /* a library failed; the text has its message */
};

/* The meaning of STATUS as text; never NULL, even for an unknown code. */
const char *mts_status_text(int status);

enum { FAULT_TEXT = 400 }; /* a line in a log; longer texts are cut */

struct fault {
	int status;            /* MTS_OK, or the code the function returned */
	char text[FAULT_TEXT]; /* printable ASCII without '"', NUL-terminated */
};

/* Fills in FAULT (may be NULL) and returns STATUS, so that a function can end
 * with `return fault_set(why, MTS_ESYNTAX, "...")`. Replaces bytes that are not
 * printable ASCII by '?', and '"' by '\'', because the text may contain what a
 * stranger sent, and goes to logs and terminals. */
int fault_set(struct fault *fault, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* fault_set() with the message of ERROR, an errno, appended: "FORMAT: No such
 * file". Returns MTS_ENOMEM for ENOMEM, else MTS_ESYS. */
int fault_errno(struct fault *fault, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Writes a reason to TEXT, of SIZE bytes: like vsnprintf(), but replaces
 * characters as fault_set() does. For reasons that outlive a struct fault. */
void fault_vtext(char *text, size_t size, const char *format, va_list ap)
    __attribute__((format(printf, 3, 0)));

/* Makes TEXT safe for a log or a terminal: replaces characters in place, as
 * fault_set() does. */
void fault_scrub(char *text);

#endif
