/* SPDX-License-Identifier: BSD-2-Clause */
/* buffer.h - a growing buffer of bytes, with a cap.
 *
 * Failures are sticky: after one, further puts do nothing, and buffer_status()
 * returns it. So a caller can put many pieces and check once at the end. It
 * must check, because after a failure the contents are incomplete. */
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
	int status;  /* MTS_OK, or the first failure */
};

/* CAP in bytes. Allocates nothing. */
void buffer_init(struct buffer *buffer, size_t cap);

/* Frees the memory. The buffer can be used again, with the same cap. */
void buffer_free(struct buffer *buffer);

/* Empties the buffer and clears a failure; keeps the memory. */
void buffer_clear(struct buffer *buffer);

/* Drops the first N bytes (N <= len). */
void buffer_consume(struct buffer *buffer, size_t n);

/* Cuts the contents to LEN bytes and clears a failure. */
void buffer_truncate(struct buffer *buffer, size_t len);

/* MTS_OK, or MTS_ENOMEM, or MTS_ERANGE: the cap was reached. */
int buffer_status(const struct buffer *buffer);

/* Allocates space for N more bytes, which starts at data + len. Returns
 * buffer_status(). */
int buffer_reserve(struct buffer *buffer, size_t n);

/* These append, and return buffer_status(). */
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
