/* SPDX-License-Identifier: BSD-2-Clause */
/* text.c - UTF-8, and text for a person at a terminal: words, cells, lines. */
#include "base/text.h"

/* -- UTF-8 ----------------------------------------------------------------- */

/* One row for each line of the ABNF in RFC 3629 section 4. All bytes after the
 * second are UTF8-tail; the second byte has the range in the row. */
static const struct form {
	unsigned char first, last;   /* of the first byte */
	unsigned char second, until; /* of the second byte */
	unsigned char len;
} forms[] = {
	{ 0x00, 0x7f, 0x00, 0x00, 1 }, { 0xc2, 0xdf, 0x80, 0xbf, 2 },
	{ 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
	{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
	{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
	{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

static const struct form *find_form(unsigned char first)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (first >= forms[i].first && first <= forms[i].last)
			return &forms[i];
	return NULL;
}

static bool is_tail(unsigned char byte)
{
	return (byte & 0xc0) == 0x80;
}

size_t utf8_take(struct slice text, uint32_t *ret)
{
	const unsigned char *bytes = (const unsigned char *)text.data;
	const struct form *form = text.len ? find_form(bytes[0]) : NULL;
	uint32_t c;

	if (!form || form->len > text.len ||
	    (form->len > 1 &&
	     (bytes[1] < form->second || bytes[1] > form->until)))
		return 0;
	c = form->len == 1 ? bytes[0] : bytes[0] & (0x7fu >> form->len);
	for (size_t i = 1; i < form->len; i++) {
		if (!is_tail(bytes[i]))
			return 0;
		c = c << 6 | (bytes[i] & 0x3f);
	}
	*ret = c;
	return form->len;
}

/* -- characters ------------------------------------------------------------ */

/* False for characters that a terminal obeys, and for those that hide text. */
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
		{ 0xe0000, 0xe007f }, /* invisible tags */
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (c >= bad[i].first && c <= bad[i].last)
			return false;
	}
	return true;
}

/* How many bytes at the start of TEXT are printable ASCII. Usually that is
 * all. */
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

int text_put_wrapped(struct buffer *out, struct slice text, size_t indent,
                     size_t width, bool utf8)
{
	size_t column = indent;

	while (text.len > 0) {
		const char *blank = memchr(text.data + 1, ' ', text.len - 1);
		size_t len = blank ? (size_t)(blank - text.data) : text.len;
		struct slice piece = slice_of(text.data, len);

		/* A piece is a blank and what follows, up to the next blank. */
		if (width && column > indent && column + len > width) {
			buffer_puts(out, "\n");
			text_put_cell(out, slice_of(NULL, 0), indent, false);
			piece = slice_of(piece.data + 1, len - 1);
			column = indent;
		}
		text_put_safe(out, piece, utf8);
		column += piece.len;
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
