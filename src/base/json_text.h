/* SPDX-License-Identifier: BSD-2-Clause */
/* json_text.h - writes jansson's values into a buffer. */
#ifndef BASE_JSON_TEXT_H
#define BASE_JSON_TEXT_H

#include "base/buffer.h"

#include <jansson.h>

/* Appends VALUE and releases it. VALUE may be NULL, if memory ran out when it
 * was made. FLAGS: JSON_COMPACT, JSON_INDENT() or 0. MTS_ENOMEM or MTS_ERANGE:
 * OUT may hold a part of it. */
int json_text_put(struct buffer *out, json_t *value, size_t flags);

#endif
