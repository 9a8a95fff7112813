/* SPDX-License-Identifier: BSD-2-Clause */
/* safe.h - copies of strangers' texts that are safe to show: see report.h. */
#ifndef FINDINGS_SAFE_H
#define FINDINGS_SAFE_H

#include "base/slice.h"
#include "base/status.h"

#include <stdarg.h>

/* TEXT as UTF-8 without control characters, each of which becomes '?'; LINES:
 * but for LF. To be freed; NULL: memory is short, or it is over a megabyte. */
char *safe_copy(struct slice text, bool lines);

/* The same for what FORMAT says. */
char *safe_vformat(bool lines, const char *format, va_list ap)
    __attribute__((format(printf, 2, 0)));
char *safe_format(bool lines, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
