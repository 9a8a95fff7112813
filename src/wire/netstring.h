/* SPDX-License-Identifier: BSD-2-Clause */
/* netstring.h - "5:hello," (cr.yp.to/proto/netstrings.txt).
 *
 * Pure codec. */
#ifndef WIRE_NETSTRING_H
#define WIRE_NETSTRING_H

#include "base/buffer.h"
#include "base/slice.h"

/* Looks for one netstring at the start of INPUT. MTS_OK: *RET is its payload,
 * within INPUT, and *USED the bytes it takes up. MTS_EMORE: good so far, more
 * bytes are needed. MTS_ESYNTAX: this can become no netstring (no digit, a
 * leading zero before another digit, no comma). MTS_ERANGE: its length is over
 * MAX. */
int netstring_parse(struct slice input, size_t max, struct slice *ret,
                    size_t *used);

/* Appends PAYLOAD as a netstring to OUT; buffer_status(). */
int netstring_put(struct buffer *out, struct slice payload);

#endif
