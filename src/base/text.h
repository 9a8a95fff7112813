/* SPDX-License-Identifier: BSD-2-Clause */
/* text.h - UTF-8, and text for a person at a terminal: words, cells, lines.
 *
 * The text_put_* functions append to OUT and return buffer_status(). */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stdint.h>

/* Reads the UTF-8 character that TEXT begins with into *RET and returns its
 * length, 1 to 4. Returns 0 if there is none: TEXT is empty, is cut off, or
 * does not match the ABNF of RFC 3629 section 4 (overlong, a surrogate, beyond
 * U+10FFFF). */
size_t utf8_take(struct slice text, uint32_t *ret);

/* Puts TEXT, with '?' for every character that a terminal could act on or that
 * hides text (C0 and C1 controls, DEL, line separators, changes of the
 * direction of writing), and for every byte that is not UTF-8. UTF8: the
 * terminal knows UTF-8; otherwise '?' stands for everything that is not
 * ASCII. */
int text_put_safe(struct buffer *out, struct slice text, bool utf8);

/* The same for a text that begins in column INDENT: breaks lines at a blank
 * before column WIDTH, and indents further lines by INDENT. WIDTH 0: breaks no
 * lines. */
int text_put_wrapped(struct buffer *out, struct slice text, size_t indent,
                     size_t width, bool utf8);

/* Puts TEXT (ASCII), padded with blanks to WIDTH. If CUT, a longer text is cut,
 * and ends with '~'. */
int text_put_cell(struct buffer *out, struct slice text, size_t width,
                  bool cut);

/* Puts each line of TEXT after INDENT blanks, safe as above. Both CRLF and LF
 * end a line. */
int text_put_lines(struct buffer *out, struct slice text, size_t indent,
                   bool utf8);

#endif
