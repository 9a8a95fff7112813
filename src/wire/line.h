/* SPDX-License-Identifier: BSD-2-Clause */
/* line.h - requests that end with a newline.
 *
 * Pure codec, for tcp_table.h and exim.h. */
#ifndef WIRE_LINE_H
#define WIRE_LINE_H

#include "base/slice.h"

/* Looks for one line at the start of INPUT. MTS_OK: *RET is the line, without
 * its newline or CR LF, within INPUT, and *USED the bytes it takes up.
 * MTS_EMORE: there is no newline yet. MTS_ERANGE: it is or will be longer than
 * MAX bytes, the newline among them. */
int line_parse(struct slice input, size_t max, struct slice *ret, size_t *used);

#endif
