/* SPDX-License-Identifier: BSD-2-Clause */
/* number.h - decimal digits, without printf's cost: replies are written for
 * each question. */
#ifndef WIRE_NUMBER_H
#define WIRE_NUMBER_H

#include "base/buffer.h"

#include <stdint.h>

/* Appends N in decimal; buffer_status(). */
static inline int number_put(struct buffer *out, uint64_t n)
{
	char digits[20]; /* 2^64 has 20 */
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	return buffer_put(out, digits + at, sizeof(digits) - at);
}

#endif
