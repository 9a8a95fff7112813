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
 * length, 1 to 4. Returns 0 if there is none: TEXT is empty, is cut off, or does
 * not match the ABNF of RFC 3629 section 4 (overlong, a surrogate, beyond
 * U+10FFFF). */
size_t utf8_take(struct slice text, uint32_t *ret);

/* TEXT with '?' for each byte, or character of UTF-8, that a terminal could act
 * on: C0 and C1 controls, DEL, line separators, those that turn the direction
 * of writing; and for what is no UTF-8. UTF8 says whether the terminal knows
 * UTF-8; otherwise '?' stands for all that is not ASCII. */
int text_put_safe(struct buffer *out, struct slice text, bool utf8);

/* The same for a text that begins in column INDENT: where it would go beyond
 * WIDTH it is broken at a blank, and goes on below its beginning. WIDTH 0: it
 * never is. */
int text_put_words(struct buffer *out, struct slice text, size_t indent,
                   size_t width, bool utf8);

/* TEXT (ASCII), padded with blanks to WIDTH. If CUT, a longer one is cut, and
 * ends with '~'. */
int text_put_cell(struct buffer *out, struct slice text, size_t width,
                  bool cut);

/* Each line of TEXT after INDENT blanks, safe; CRLF and LF both end a line. */
int text_put_lines(struct buffer *out, struct slice text, size_t indent,
                   bool utf8);

#endif
