/* SPDX-License-Identifier: BSD-2-Clause */
/* framing.c - finds where one request ends: a netstring, or a line.
 *
 * No state is kept: after MTS_EMORE the caller calls again with more bytes. For
 * a netstring that costs only the few digits of its length again, so a sender
 * of single bytes gains nothing. */
#include "wire/framing.h"

#include "base/status.h"

/* -- netstrings ------------------------------------------------------------ */

/* Reads the digits before the colon into *RET and their count into *USED. It
 * never reads more digits than MAX has, since a leading zero ends the
 * number. */
static int parse_length(struct slice input, size_t max, size_t *ret,
                        size_t *used)
{
	size_t n = 0;
	size_t i;

	for (i = 0; i < input.len && ascii_is_digit(input.data[i]); i++) {
		size_t digit = (size_t)(input.data[i] - '0');

		if (i > 0 && n == 0)
			return MTS_ESYNTAX; /* "00:" or "05:" */
		if (digit > max || n > (max - digit) / 10)
			return MTS_ERANGE;
		n = n * 10 + digit;
	}
	if (i == input.len)
		return MTS_EMORE;
	if (i == 0 || input.data[i] != ':')
		return MTS_ESYNTAX;
	*ret = n;
	*used = i;
	return MTS_OK;
}

int netstring_parse(struct slice input, size_t max, struct slice *ret,
                    size_t *used)
{
	size_t len = 0;
	size_t digits = 0;
	const char *payload;
	int status = parse_length(input, max, &len, &digits);

	if (status != MTS_OK)
		return status;
	payload = input.data + digits + 1;
	if (input.len - digits - 1 <= len)
		return MTS_EMORE;
	if (payload[len] != ',')
		return MTS_ESYNTAX;
	*ret = slice_of(payload, len);
	*used = digits + 1 + len + 1;
	return MTS_OK;
}

int netstring_put(struct buffer *out, struct slice payload)
{
	buffer_put_number(out, payload.len);
	buffer_puts(out, ":");
	buffer_put_slice(out, payload);
	return buffer_puts(out, ",");
}

/* -- lines ----------------------------------------------------------------- */

int line_parse(struct slice input, size_t max, struct slice *ret, size_t *used)
{
	size_t most = input.len < max ? input.len : max;
	const char *end = most ? memchr(input.data, '\n', most) : NULL;
	size_t len;

	if (!end)
		return input.len < max ? MTS_EMORE : MTS_ERANGE;
	len = (size_t)(end - input.data);
	*used = len + 1;
	if (len > 0 && input.data[len - 1] == '\r')
		len--;
	*ret = slice_of(input.data, len);
	return MTS_OK;
}
