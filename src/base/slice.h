/* SPDX-License-Identifier: BSD-2-Clause */
/* slice.h - a borrowed run of bytes, not NUL-terminated. */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct slice {
	const char *data; /* may be NULL only if len is 0 */
	size_t len;
};

static inline struct slice slice_of(const char *data, size_t len)
{
	return (struct slice){ data, len };
}

/* TEXT is NUL-terminated and outlives the slice. */
static inline struct slice slice_str(const char *text)
{
	return (struct slice){ text, strlen(text) };
}

/* A without its first N bytes; it has at least N. */
static inline struct slice slice_skip(struct slice a, size_t n)
{
	return slice_of(a.data + n, a.len - n);
}

/* True if A is TEXT, byte by byte: case matters (RFC 7405's %s). */
static inline bool slice_is(struct slice a, const char *text)
{
	return a.len == strlen(text) && memcmp(a.data, text, a.len) == 0;
}

static inline bool slice_starts(struct slice a, const char *prefix)
{
	size_t n = strlen(prefix);

	return a.len >= n && memcmp(a.data, prefix, n) == 0;
}

/* ASCII only, in every locale, unlike isdigit() and the like. */
static inline bool ascii_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline char ascii_lower(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c + ('a' - 'A'));
	return c;
}

static inline bool ascii_is_alnum(char c)
{
	char l = ascii_lower(c);

	return ascii_is_digit(c) || (l >= 'a' && l <= 'z');
}

/* Reads A as a port, 1 to 65535 in at most five digits; 0: it is not one. */
static inline uint16_t slice_port(struct slice a)
{
	uint32_t port = 0;

	if (a.len > 5)
		return 0;
	for (size_t i = 0; i < a.len; i++) {
		if (!ascii_is_digit(a.data[i]))
			return 0;
		port = port * 10 + (uint32_t)(a.data[i] - '0');
	}
	return port <= UINT16_MAX ? (uint16_t)port : 0;
}

/* SP or HTAB: WSP of RFC 5234. */
static inline bool ascii_is_wsp(char c)
{
	return c == ' ' || c == '\t';
}

/* A without leading blanks, and without trailing blanks and line ends. */
static inline struct slice slice_trim(struct slice a)
{
	while (a.len && ascii_is_wsp(*a.data))
		a = slice_skip(a, 1);
	while (a.len &&
	       (ascii_is_wsp(a.data[a.len - 1]) || a.data[a.len - 1] == '\r' ||
	        a.data[a.len - 1] == '\n'))
		a.len--;
	return a;
}

/* A copy of A with a NUL after it; the caller frees it. NULL: out of memory. */
static inline char *slice_copy(struct slice a)
{
	char *copy = malloc(a.len + 1);

	if (!copy)
		return NULL;
	if (a.len)
		memcpy(copy, a.data, a.len);
	copy[a.len] = '\0';
	return copy;
}

/* True if A and B are the same text, or both NULL. */
static inline bool text_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

#endif
