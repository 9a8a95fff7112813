/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl_text.h - texts for a person at a terminal: times, sizes, columns.
 *
 * Pure: the time is passed in. Each appends to OUT and returns
 * buffer_status(). */
#ifndef PROG_CTL_TEXT_H
#define PROG_CTL_TEXT_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stdint.h>

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

/* The two largest units: "6d 23h", "59m 3s", "0s". */
int text_put_span(struct buffer *out, uint64_t span_s);

/* The largest unit: "6d". */
int text_put_short_span(struct buffer *out, uint64_t span_s);

/* "in 6d 23h (2024-02-29 12:34:56 UTC)", "3h 2m ago (...)", "now (...)"; for 0
 * "never". Seconds since 1970. */
int text_put_time(struct buffer *out, int64_t time_s, int64_t now_s);

/* "1.5 MiB", "312 bytes". */
int text_put_size(struct buffer *out, uint64_t bytes);

/* TEXT (ASCII), padded with blanks to WIDTH. If CUT, a longer one is cut, and
 * ends with '~'. */
int text_put_cell(struct buffer *out, struct slice text, size_t width,
                  bool cut);

/* Each line of TEXT after INDENT blanks, safe; CRLF and LF both end a line. */
int text_put_lines(struct buffer *out, struct slice text, size_t indent,
                   bool utf8);

/* What stands for a name that mtastsd uses. */
struct text_word {
	const char *name, *words;
};

/* The words for NAME in ROWS, which end with one without a name; else
 * OTHERWISE. */
const char *text_words(const struct text_word *rows, struct slice name,
                       const char *otherwise);

#endif
