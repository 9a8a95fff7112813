/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl_list.c - the table of "mtasts-ctl list".
 *
 * A row is written when it comes, so no column can be as wide as its widest
 * value: the width of the terminal decides. */
#include "ctl/ctl_list.h"

#include "ctl/ctl_item.h"
#include "ctl/ctl_text.h"

enum column {
	COL_MODE,
	COL_MX,
	COL_EXPIRES,
	COL_FETCHED,
	COL_USED,
	COL_FAILURES,
	COL_ID
};

/* What a table shows besides the domain, which gets the rest of the width. A
 * narrow terminal gets fewer columns. */
static const struct column_row {
	const char *title;
	size_t width;
	size_t from; /* least width of the terminal */
} columns[] = {
	[COL_MODE] = { "MODE", 7, 0 },
	[COL_MX] = { "MX", 3, 70 },
	[COL_EXPIRES] = { "EXPIRES", 7, 40 },
	[COL_FETCHED] = { "FETCHED", 7, 60 },
	[COL_USED] = { "USED", 5, 70 },
	[COL_FAILURES] = { "FAILED", 6, 50 },
	[COL_ID] = { "ID", 20, 100 },
};

enum { COLUMNS = sizeof(columns) / sizeof(columns[0]), GAP = 2, LEAST = 10 };

static size_t domain_width(const struct view *view)
{
	size_t used = 0;

	for (size_t i = 0; i < COLUMNS; i++) {
		if (view->width >= columns[i].from)
			used += columns[i].width + GAP;
	}
	return view->width > used + LEAST ? view->width - used : LEAST;
}

static void put_column(struct view *view, size_t i, struct slice text)
{
	buffer_puts(&view->out, "  ");
	text_put_cell(&view->out, text, columns[i].width, view->cut);
}

static void end_row(struct view *view)
{
	struct buffer *out = &view->out;

	while (out->len > 0 && out->data[out->len - 1] == ' ')
		out->len--;
	buffer_puts(out, "\n");
}

static void put_titles(struct view *view)
{
	text_put_cell(&view->out, slice_str("DOMAIN"), domain_width(view),
	              view->cut);
	for (size_t i = 0; i < COLUMNS; i++) {
		if (view->width >= columns[i].from)
			put_column(view, i, slice_str(columns[i].title));
	}
	end_row(view);
}

/* How long ago; or, for the end, how long still. */
static void put_age(struct buffer *cell, int64_t from_s, int64_t to_s)
{
	text_put_short_span(cell,
	                    to_s > from_s ? (uint64_t)(to_s - from_s) : 0);
}

static void fill_cell(const struct view *view, size_t i, const json_t *item,
                      struct buffer *cell)
{
	switch ((enum column)i) {
	case COL_MODE:
		text_put_safe(cell, item_text(item, "mode"), false);
		break;
	case COL_MX:
		buffer_printf(cell, "%llu",
		              (unsigned long long)item_count(item, "mx_count"));
		break;
	case COL_EXPIRES:
		if (item_int(item, "expires") <= view->now_s)
			buffer_puts(cell, "expired");
		else
			put_age(cell, view->now_s, item_int(item, "expires"));
		break;
	case COL_FETCHED:
		put_age(cell, item_int(item, "fetched"), view->now_s);
		break;
	case COL_USED:
		if (item_has(item, "used"))
			put_age(cell, item_int(item, "used"), view->now_s);
		else
			buffer_puts(cell, "never");
		break;
	case COL_FAILURES:
		if (item_count(item, "failures"))
			buffer_printf(
			    cell, "%llu",
			    (unsigned long long)item_count(item, "failures"));
		else
			buffer_puts(cell, "-");
		break;
	case COL_ID:
		text_put_safe(cell, item_text(item, "id"), false);
		break;
	}
}

void view_put_row(struct view *view, const json_t *item)
{
	struct buffer cell;

	if (view->names) {
		text_put_safe(&view->out, item_text(item, "domain"), false);
		buffer_puts(&view->out, "\n");
		return;
	}
	if (view->items == 0)
		put_titles(view);
	buffer_init(&cell, 1024);
	text_put_safe(&cell, item_text(item, "domain"), false);
	text_put_cell(&view->out, buffer_slice(&cell), domain_width(view),
	              view->cut);
	for (size_t i = 0; i < COLUMNS; i++) {
		if (view->width < columns[i].from)
			continue;
		buffer_clear(&cell);
		fill_cell(view, i, item, &cell);
		put_column(view, i, buffer_slice(&cell));
	}
	end_row(view);
	buffer_free(&cell);
}
