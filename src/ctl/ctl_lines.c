/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl_lines.c - the lines that make up a view. */
#include "ctl/ctl_lines.h"

#include "ctl/ctl_text.h"

enum { KEY_WIDTH = VIEW_VALUE - 2 }; /* without the indent */

void view_put_safe(struct view *view, struct slice text)
{
	text_put_safe(&view->out, text, view->utf8);
}

void view_put_wrapped(struct view *view, struct slice text, size_t indent)
{
	text_put_wrapped(&view->out, text, indent, view->cut ? view->width : 0,
	                 view->utf8);
}

void view_put(struct view *view, const char *text)
{
	buffer_puts(&view->out, text);
}

void view_put_heading(struct view *view, const char *text)
{
	view_put(view, text);
	view_put(view, "\n");
}

void view_put_key(struct view *view, const char *key)
{
	view_put(view, "  ");
	text_put_cell(&view->out, slice_str(key), KEY_WIDTH, false);
}

void view_put_pair(struct view *view, const char *key, struct slice value)
{
	view_put_key(view, key);
	view_put_wrapped(view, value, VIEW_VALUE);
	view_put(view, "\n");
}

void view_put_text(struct view *view, const char *key, const json_t *item,
                   const char *member)
{
	view_put_pair(view, key, item_text(item, member));
}

void view_put_count(struct view *view, const char *key, const json_t *item,
                    const char *member)
{
	view_put_key(view, key);
	buffer_printf(&view->out, "%llu\n",
	              (unsigned long long)item_count(item, member));
}

void view_put_time(struct view *view, const char *key, const json_t *item,
                   const char *member)
{
	view_put_key(view, key);
	text_put_time(&view->out, item_int(item, member), view->now_s);
	view_put(view, "\n");
}

void view_put_span(struct view *view, const char *key, const json_t *item,
                   const char *member)
{
	view_put_key(view, key);
	text_put_span(&view->out, item_count(item, member));
	view_put(view, "\n");
}

void view_put_array(struct view *view, const char *key, const json_t *array)
{
	for (size_t i = 0; i < json_array_size(array); i++)
		view_put_pair(view, i ? "" : key,
		              item_text_of(json_array_get(array, i)));
}
