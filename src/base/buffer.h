/* SPDX-License-Identifier: BSD-2-Clause */
/* buffer.h - bytes that grow, up to a cap.
 *
 * A failure sticks: after one, further puts do nothing, and buffer_status()
 * tells. So a writer can put a dozen pieces and check once, at the end; it must
 * check, since what is in the buffer then is cut off. */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include "base/slice.h"

#include <stddef.h>
#include <stdint.h>

struct buffer {
	char *data;  /* LEN bytes, not NUL-terminated; NULL before any put */
	size_t len;  /* bytes in use */
	size_t size; /* bytes allocated */
	size_t cap;  /* bytes it may grow to */
	int status;  /* MTS_OK, or what failed first */
};

/* CAP in bytes. Allocates nothing. */
void buffer_init(struct buffer *buffer, size_t cap);

/* Releases the memory; the buffer can be used again, with the same cap. */
void buffer_free(struct buffer *buffer);

/* Empties it and forgets a failure; keeps the memory. */
void buffer_clear(struct buffer *buffer);

/* Drops the first N bytes (N <= len). */
void buffer_consume(struct buffer *buffer, size_t n);

/* Cuts it back to LEN bytes and forgets a failure that came later. */
void buffer_truncate(struct buffer *buffer, size_t len);

/* MTS_OK, or MTS_ENOMEM, or MTS_ERANGE: the cap was reached. */
int buffer_status(const struct buffer *buffer);

/* Makes room for N more bytes. The room starts at data + len. Same codes. */
int buffer_reserve(struct buffer *buffer, size_t n);

/* Each appends, and returns buffer_status(). */
int buffer_put(struct buffer *buffer, const void *data, size_t len);
int buffer_puts(struct buffer *buffer, const char *text);
int buffer_put_slice(struct buffer *buffer, struct slice slice);
int buffer_put_number(struct buffer *buffer, uint64_t n); /* in decimal */
int buffer_printf(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The contents; valid until the next put. */
static inline struct slice buffer_slice(const struct buffer *buffer)
{
	return slice_of(buffer->data, buffer->len);
}

#endif
