/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl_text.h - texts for a person at a terminal: times, sizes, columns.
 *
 * Pure: the time is passed in. Each appends to OUT and returns
 * buffer_status(). */
#ifndef CTL_CTL_TEXT_H
#define CTL_CTL_TEXT_H

#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

/* The two largest units: "6d 23h", "59m 3s", "0s". */
int text_put_span(struct buffer *out, uint64_t span_s);

/* The largest unit: "6d". */
int text_put_short_span(struct buffer *out, uint64_t span_s);

/* "in 6d 23h (2024-02-29 12:34:56 UTC)", "3h 2m ago (...)", "now (...)"; for 0
 * "never". Seconds since 1970. */
int text_put_time(struct buffer *out, int64_t time_s, int64_t now_s);

/* "1.5 MiB", "312 bytes". */
int text_put_size(struct buffer *out, uint64_t bytes);

/* What stands for a name that mtastsd uses. */
struct text_phrase {
	const char *name, *phrase;
};

/* The words for NAME in ROWS, which end with one without a name; else
 * OTHERWISE. */
const char *text_find_phrase(const struct text_phrase *rows, struct slice name,
                             const char *otherwise);

#endif
