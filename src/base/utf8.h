/* SPDX-License-Identifier: BSD-2-Clause */
/* utf8.h - characters out of bytes that a stranger sent (RFC 3629). */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/slice.h"

#include <stdint.h>

/* The length of the character that TEXT begins with, 1 to 4, which then is in
 * *RET; 0 if there is none: TEXT is empty, cut off, or not in the ABNF of RFC
 * 3629 4 (overlong, a surrogate, beyond U+10FFFF). */
size_t utf8_take(struct slice text, uint32_t *ret);

#endif
