/* SPDX-License-Identifier: BSD-2-Clause */
/* json_text.h - writes jansson's values into a buffer. */
#ifndef BASE_JSON_TEXT_H
#define BASE_JSON_TEXT_H

#include "base/buffer.h"

#include <jansson.h>

/* Appends VALUE, which is taken over and may be NULL: memory was short when it
 * was made. FLAGS: JSON_COMPACT, JSON_INDENT() or 0. MTS_ENOMEM or MTS_ERANGE, and
 * then a part of it may be there. */
int json_text_put(struct buffer *out, json_t *value, size_t flags);

#endif
