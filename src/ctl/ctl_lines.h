/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl_lines.h - the lines of which a view is made: "  KEY   value".
 *
 * All append to the view's buffer; buffer_status() of that tells whether they
 * could. MEMBER is one of ITEM's. */
#ifndef CTL_CTL_LINES_H
#define CTL_CTL_LINES_H

#include "base/slice.h"
#include "ctl/ctl_view.h"

enum { VIEW_VALUE = 20 }; /* the column where values begin */

/* TEXT of our own, as it is. */
void view_put(struct view *view, const char *text);

/* Text that strangers wrote: text_put_safe(). */
void view_put_safe(struct view *view, struct slice text);

/* The same, from column INDENT on, wrapped at the terminal's width. */
void view_put_wrapped(struct view *view, struct slice text, size_t indent);

void view_put_heading(struct view *view, const char *text);

/* Begins a line; its value and newline are to follow. */
void view_put_key(struct view *view, const char *key);

/* Whole lines. */
void view_put_pair(struct view *view, const char *key, struct slice value);
void view_put_text(struct view *view, const char *key, const json_t *item,
                   const char *member);
void view_put_count(struct view *view, const char *key, const json_t *item,
                    const char *member);
void view_put_time(struct view *view, const char *key, const json_t *item,
                   const char *member);
void view_put_span(struct view *view, const char *key, const json_t *item,
                   const char *member);

/* One line an element, the key before the first. */
void view_put_array(struct view *view, const char *key, const json_t *array);

/* -- members of an answer
 * --------------------------------------------------- */

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
