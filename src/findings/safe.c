/* SPDX-License-Identifier: BSD-2-Clause */
/* safe.c - makes copies of untrusted texts that are safe to show. */
#include "findings/safe.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

enum { SAFE_MAX = 1024 * 1024 };

static void safe_put_line(struct buffer *out, struct slice *text)
{
	const char *end =
	    text->len ? memchr(text->data, '\n', text->len) : NULL;
	size_t len = end ? (size_t)(end - text->data) : text->len;

	text_put_safe(out, slice_of(text->data, len), true);
	if (end)
		buffer_puts(out, "\n");
	len += end != NULL;
	*text = slice_skip(*text, len);
}

char *safe_copy(struct slice text, bool lines)
{
	struct buffer out;

	buffer_init(&out, SAFE_MAX);
	if (!lines)
		text_put_safe(&out, text, true);
	while (lines && text.len)
		safe_put_line(&out, &text);
	if (buffer_put(&out, "", 1) != MTS_OK)
		buffer_free(&out);
	return out.data;
}

char *safe_vformat(bool lines, const char *format, va_list ap)
{
	char *raw = NULL;
	char *safe = NULL;

	if (vasprintf(&raw, format, ap) < 0)
		return NULL;
	safe = safe_copy(slice_str(raw), lines);
	free(raw);
	return safe;
}

char *safe_format(bool lines, const char *format, ...)
{
	va_list ap;
	char *safe;

	va_start(ap, format);
	safe = safe_vformat(lines, format, ap);
	va_end(ap);
	return safe;
}
