/* SPDX-License-Identifier: BSD-2-Clause */
/* buffer.c - a growing buffer of bytes, with a cap. */
#include "base/buffer.h"

#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { BUFFER_FIRST = 256 }; /* the first allocation; then it doubles */

void buffer_init(struct buffer *buffer, size_t cap)
{
	*buffer = (struct buffer){ .cap = cap, .status = MTS_OK };
}

void buffer_free(struct buffer *buffer)
{
	size_t cap = buffer->cap;

	free(buffer->data);
	buffer_init(buffer, cap);
}

void buffer_clear(struct buffer *buffer)
{
	buffer_truncate(buffer, 0);
}

void buffer_consume(struct buffer *buffer, size_t n)
{
	if (n == 0)
		return;
	buffer->len -= n;
	if (buffer->len)
		memmove(buffer->data, buffer->data + n, buffer->len);
}

void buffer_truncate(struct buffer *buffer, size_t len)
{
	buffer->len = len;
	buffer->status = MTS_OK;
}

int buffer_status(const struct buffer *buffer)
{
	return buffer->status;
}

int buffer_reserve(struct buffer *buffer, size_t n)
{
	size_t size = buffer->size ? buffer->size : BUFFER_FIRST;
	char *data;

	if (buffer->status != MTS_OK)
		return buffer->status;
	if (n > buffer->cap - buffer->len)
		return buffer->status = MTS_ERANGE;
	if (n <= buffer->size - buffer->len)
		return MTS_OK;
	while (size - buffer->len < n)
		size = size > buffer->cap / 2 ? buffer->cap : size * 2;
	data = realloc(buffer->data, size);
	if (!data)
		return buffer->status = MTS_ENOMEM;
	buffer->data = data;
	buffer->size = size;
	return MTS_OK;
}

int buffer_put(struct buffer *buffer, const void *data, size_t len)
{
	if (len == 0)
		return buffer->status;
	if (buffer_reserve(buffer, len) != MTS_OK)
		return buffer->status;
	memcpy(buffer->data + buffer->len, data, len);
	buffer->len += len;
	return MTS_OK;
}

int buffer_puts(struct buffer *buffer, const char *text)
{
	return buffer_put(buffer, text, strlen(text));
}

int buffer_put_slice(struct buffer *buffer, struct slice slice)
{
	return buffer_put(buffer, slice.data, slice.len);
}

int buffer_put_number(struct buffer *buffer, uint64_t n)
{
	char digits[20]; /* 2^64 has 20 */
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	return buffer_put(buffer, digits + at, sizeof(digits) - at);
}

int buffer_printf(struct buffer *buffer, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	if (n < 0)
		return buffer->status = MTS_ERANGE;
	/* vsnprintf() writes a NUL after the text, so ask for one byte more. */
	if (buffer_reserve(buffer, (size_t)n + 1) != MTS_OK)
		return buffer->status;
	va_start(ap, format);
	vsnprintf(buffer->data + buffer->len, (size_t)n + 1, format, ap);
	va_end(ap);
	buffer->len += (size_t)n;
	return MTS_OK;
}
