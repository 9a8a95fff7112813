/* SPDX-License-Identifier: BSD-2-Clause */
/* netstring.c - "5:hello," (cr.yp.to/proto/netstrings.txt).
 *
 * Keeps no state: whoever gets MTS_EMORE calls again with more bytes. That
 * costs only the length's few digits again, never a walk through the payload,
 * so a sender of single bytes gains nothing. */
#include "wire/netstring.h"

#include "base/status.h"
#include "wire/number.h"

/* Reads the digits before the colon into *RET and their count into *USED. No
 * more are looked at than MAX has, since a leading zero ends the number. */
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
	number_put(out, payload.len);
	buffer_puts(out, ":");
	buffer_put_slice(out, payload);
	return buffer_puts(out, ",");
}
