/* SPDX-License-Identifier: BSD-2-Clause */
/* line.c - requests that end with a newline. */
#include "wire/line.h"

#include "base/status.h"

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
