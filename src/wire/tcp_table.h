/* SPDX-License-Identifier: BSD-2-Clause */
/* tcp_table.h - the protocol of Postfix's tcp: maps (tcp_table(5)).
 *
 * Pure codec: "get KEY" in, "200 DATA", "400 REASON" or "500 REASON" out, each
 * a line in which '%', blanks and unprintable bytes are written as %XX. */
#ifndef WIRE_TCP_TABLE_H
#define WIRE_TCP_TABLE_H

#include "base/buffer.h"
#include "base/status.h"

enum { TCP_TABLE_MAX = 4096 }; /* of a line with its newline, either way */

/* Appends the key that LINE (without its newline) asks for to KEY, decoded.
 * MTS_ESYNTAX: it is no "get KEY", has a '%' without two hexadecimal digits, or
 * a NUL; MTS_ENOMEM, MTS_ERANGE: KEY's. */
int tcp_table_parse(struct slice line, struct buffer *key, struct fault *why);

/* Appends REPLY, which is one of socketmap's (answer.h), as a line: "OK DATA"
 * becomes 200, "NOTFOUND " 500 and anything else 400, since Postfix then tries
 * again later. buffer_status(). MTS_ERANGE, with OUT as it was: the line would
 * be longer than TCP_TABLE_MAX. */
int tcp_table_put(struct buffer *out, struct slice reply);

/* Whether REPLY is short enough for tcp_table_put(). */
bool tcp_table_fits(struct slice reply);

#endif
