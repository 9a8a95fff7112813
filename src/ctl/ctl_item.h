/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl_item.h - gets at the members of what mtastsd answers. A member that is
 * not there, or of another type, is empty: another version may have sent it. */
#ifndef CTL_CTL_ITEM_H
#define CTL_CTL_ITEM_H

#include "base/slice.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

static inline struct slice item_text_of(const json_t *value)
{
	if (!json_is_string(value))
		return slice_of("", 0);
	return slice_of(json_string_value(value), json_string_length(value));
}

static inline struct slice item_text(const json_t *item, const char *key)
{
	return item_text_of(json_object_get(item, key));
}

static inline int64_t item_int(const json_t *item, const char *key)
{
	return json_integer_value(json_object_get(item, key));
}

/* What can't be negative. */
static inline uint64_t item_count(const json_t *item, const char *key)
{
	int64_t value = item_int(item, key);

	return value > 0 ? (uint64_t)value : 0;
}

static inline bool item_true(const json_t *item, const char *key)
{
	return json_is_true(json_object_get(item, key));
}

/* True if it is there and not null. */
static inline bool item_has(const json_t *item, const char *key)
{
	const json_t *value = json_object_get(item, key);

	return value && !json_is_null(value);
}

#endif
