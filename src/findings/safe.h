/* SPDX-License-Identifier: BSD-2-Clause */
/* safe.h - makes copies of untrusted texts that are safe to show; see report.h. */
#ifndef FINDINGS_SAFE_H
#define FINDINGS_SAFE_H

#include "base/slice.h"
#include "base/status.h"

#include <stdarg.h>

/* Copies TEXT as valid UTF-8; each control character becomes '?'. With LINES, LF
 * stays. To be freed. NULL: out of memory, or TEXT is over a megabyte. */
char *safe_copy(struct slice text, bool lines);

/* The same for a formatted text. */
char *safe_vformat(bool lines, const char *format, va_list ap)
    __attribute__((format(printf, 2, 0)));
char *safe_format(bool lines, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
