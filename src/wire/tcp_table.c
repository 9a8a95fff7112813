/* SPDX-License-Identifier: BSD-2-Clause */
/* tcp_table.c - the protocol of Postfix's tcp: maps (tcp_table(5)). */
#include "wire/tcp_table.h"

/* -- %XX ------------------------------------------------------------------- */

/* 0 to 15, or -1. */
static int hex_value(char c)
{
	char lower = ascii_lower(c);

	if (ascii_is_digit(c))
		return c - '0';
	return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Decodes the byte at TEXT's offset *I and advances *I. -1: a '%' without two
 * hexadecimal digits. */
static int decode_next(struct slice text, size_t *i)
{
	char c = text.data[(*i)++];
	int high;
	int low;

	if (c != '%')
		return (unsigned char)c;
	if (text.len - *i < 2)
		return -1;
	high = hex_value(text.data[(*i)++]);
	low = hex_value(text.data[(*i)++]);
	return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static bool is_unencoded(char c)
{
	return c > 0x20 && c < 0x7f && c != '%';
}

static size_t encoded_size(struct slice text)
{
	size_t size = 0;

	for (size_t i = 0; i < text.len; i++)
		size += is_unencoded(text.data[i]) ? 1 : 3;
	return size;
}

static void put_encoded(struct buffer *out, struct slice text)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];
		char code[3] = { '%', digits[c >> 4], digits[c & 15] };

		if (is_unencoded(text.data[i]))
			buffer_put(out, &text.data[i], 1);
		else
			buffer_put(out, code, sizeof(code));
	}
}

/* -- requests -------------------------------------------------------------- */

int tcp_table_parse(struct slice line, struct buffer *key, struct fault *why)
{
	struct slice text = line;

	if (!slice_starts(line, "get "))
		return fault_set(why, MTS_ESYNTAX, "want get KEY");
	text.data += 4;
	text.len -= 4;
	for (size_t i = 0; i < text.len;) {
		int c = decode_next(text, &i);
		char byte = (char)c;

		if (c < 0)
			return fault_set(why, MTS_ESYNTAX,
			                 "a %% without two hexadecimal digits");
		if (c == 0)
			return fault_set(why, MTS_ESYNTAX,
			                 "a NUL in the request");
		if (buffer_put(key, &byte, 1) != MTS_OK)
			return fault_set(why, buffer_status(key), "%s",
			                 mts_status_text(buffer_status(key)));
	}
	return MTS_OK;
}

/* -- replies --------------------------------------------------------------- */

/* Returns the status for REPLY, and cuts its first word off. */
static const char *split_reply(struct slice *reply)
{
	struct slice status_text = *reply;
	const char *blank = status_text.len
	                        ? memchr(status_text.data, ' ', status_text.len)
	                        : NULL;

	if (blank)
		status_text.len = (size_t)(blank - status_text.data);
	*reply = blank ? slice_of(blank + 1, reply->len - status_text.len - 1)
	               : slice_str("");
	if (slice_is(status_text, "OK"))
		return "200 ";
	if (!slice_is(status_text, "NOTFOUND"))
		return "400 ";
	*reply = slice_str("not found");
	return "500 ";
}

bool tcp_table_fits(struct slice reply)
{
	size_t size = strlen(split_reply(&reply));

	return size + encoded_size(reply) + 1 <= TCP_TABLE_MAX;
}

int tcp_table_put(struct buffer *out, struct slice reply)
{
	if (!tcp_table_fits(reply))
		return MTS_ERANGE;
	buffer_puts(out, split_reply(&reply));
	put_encoded(out, reply);
	return buffer_puts(out, "\n");
}
