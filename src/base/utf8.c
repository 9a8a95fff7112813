/* SPDX-License-Identifier: BSD-2-Clause */
/* utf8.c - characters out of bytes that a stranger sent (RFC 3629). */
#include "base/utf8.h"

/* A row is a line of the ABNF of RFC 3629 4. All but the first two bytes are
 * UTF8-tail; so is the second, but where a row says less. */
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
