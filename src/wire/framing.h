/* SPDX-License-Identifier: BSD-2-Clause */
/* framing.h - finds where one request ends: a netstring, "5:hello,"
 * (cr.yp.to/proto/netstrings.txt), or a line.
 *
 * Pure codec. */
#ifndef WIRE_FRAMING_H
#define WIRE_FRAMING_H

#include "base/buffer.h"
#include "base/slice.h"

/* Finds one netstring at the start of INPUT. MTS_OK: *RET is its payload,
 * within INPUT, and *USED the number of bytes it takes up. MTS_EMORE: correct
 * so far, more bytes are needed. MTS_ESYNTAX: it can't become a netstring (no
 * digit, a leading zero before another digit, no comma). MTS_ERANGE: its length
 * is over MAX. */
int netstring_parse(struct slice input, size_t max, struct slice *ret,
                    size_t *used);

/* Appends PAYLOAD as a netstring to OUT; buffer_status(). */
int netstring_put(struct buffer *out, struct slice payload);

/* Finds one line at the start of INPUT. MTS_OK: *RET is the line, within INPUT,
 * without its newline or CR LF, and *USED the number of bytes it takes up.
 * MTS_EMORE: there is no newline yet. MTS_ERANGE: with its newline it is, or
 * will be, longer than MAX bytes. */
int line_parse(struct slice input, size_t max, struct slice *ret, size_t *used);

#endif
