/* SPDX-License-Identifier: BSD-2-Clause */
/* text.c - texts for a person at a terminal: characters, words, cells, lines. */
#include "base/text.h"

#include "base/utf8.h"

/* -- characters ------------------------------------------------------------ */

/* Not so what a terminal obeys, nor what hides. */
static bool char_is_safe(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} bad[] = {
		{ 0x00, 0x1f },       { 0x7f, 0x9f },   /* C0, DEL, C1 */
		{ 0xad, 0xad },       { 0x61c, 0x61c }, /* soft hyphen, mark */
		{ 0x200b, 0x200f },   /* no width, direction marks */
		{ 0x2028, 0x202e },   /* line separators, direction overrides */
		{ 0x2060, 0x206f },   /* no width, direction isolates */
		{ 0xfeff, 0xfeff },   /* byte order mark */
		{ 0xe0000, 0xe007f }, /* tags, which nobody sees */
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (c >= bad[i].first && c <= bad[i].last)
			return false;
	}
	return true;
}

/* How many bytes at the start of TEXT are printable ASCII: most of most texts. */
static size_t count_plain(struct slice text)
{
	size_t len = 0;

	while (len < text.len && text.data[len] >= ' ' && text.data[len] <= '~')
		len++;
	return len;
}

int text_put_safe(struct buffer *out, struct slice text, bool utf8)
{
	while (text.len > 0) {
		uint32_t c = 0;
		size_t len = count_plain(text);

		if (len > 0) {
			buffer_put(out, text.data, len);
			text = slice_skip(text, len);
			continue;
		}
		len = utf8_take(text, &c);
		if (len == 0 || !char_is_safe(c) || (c > 0x7e && !utf8))
			buffer_put(out, "?", 1);
		else
			buffer_put(out, text.data, len);
		if (len == 0)
			len = 1;
		text = slice_skip(text, len);
	}
	return buffer_status(out);
}

int text_put_words(struct buffer *out, struct slice text, size_t indent,
                   size_t width, bool utf8)
{
	size_t column = indent;

	while (text.len > 0) {
		const char *blank = memchr(text.data + 1, ' ', text.len - 1);
		size_t len = blank ? (size_t)(blank - text.data) : text.len;
		struct slice word = slice_of(text.data, len);

		/* A word has its blank before it. */
		if (width && column > indent && column + len > width) {
			buffer_puts(out, "\n");
			text_put_cell(out, slice_of(NULL, 0), indent, false);
			word = slice_of(word.data + 1, len - 1);
			column = indent;
		}
		text_put_safe(out, word, utf8);
		column += word.len;
		text = slice_skip(text, len);
	}
	return buffer_status(out);
}

int text_put_lines(struct buffer *out, struct slice text, size_t indent,
                   bool utf8)
{
	while (text.len > 0) {
		const char *end = memchr(text.data, '\n', text.len);
		size_t len = end ? (size_t)(end - text.data) : text.len;
		size_t used = end ? len + 1 : len;

		if (end && len > 0 && text.data[len - 1] == '\r')
			len--;
		text_put_cell(out, slice_of(NULL, 0), indent, false);
		text_put_safe(out, slice_of(text.data, len), utf8);
		buffer_put(out, "\n", 1);
		text = slice_skip(text, used);
	}
	return buffer_status(out);
}

/* -- columns --------------------------------------------------------------- */

int text_put_cell(struct buffer *out, struct slice text, size_t width, bool cut)
{
	size_t len = text.len;

	if (cut && len > width && width > 0) {
		buffer_put(out, text.data, width - 1);
		return buffer_put(out, "~", 1);
	}
	buffer_put_slice(out, text);
	for (; len < width; len++)
		buffer_put(out, " ", 1);
	return buffer_status(out);
}
