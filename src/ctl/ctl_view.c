/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl_view.c - shows what mtastsd answers as text for a person. */
#include "ctl/ctl_view.h"

#include "ctl/ctl_lines.h"
#include "ctl/ctl_policy.h"
#include "ctl/ctl_stats.h"
#include "ctl/ctl_text.h"

/* -- status ---------------------------------------------------------------- */

/* What came of the last one. */
static void show_reload(struct view *view, const json_t *reload)
{
	if (!json_is_object(reload))
		return;
	view_put_time(view, "last reload", reload, "at");
	if (item_has(reload, "error"))
		view_put_text(view, "refused", reload, "error");
	if (json_array_size(json_object_get(reload, "restart")) > 0)
		view_put_array(view, "needs restart",
		               json_object_get(reload, "restart"));
}

static void show_daemon(struct view *view, const json_t *item)
{
	struct slice config = item_text(item, "config");

	view_put_heading(view, "mtastsd");
	view_put_text(view, "version", item, "version");
	view_put_count(view, "pid", item, "pid");
	view_put_span(view, "up for", item, "uptime");
	if (item_true(item, "ok"))
		view_put_pair(view, "health", slice_str("ok"));
	view_put_array(view, "health: FAILED",
	               json_object_get(item, "reasons"));
	view_put_pair(view, "configuration",
	              config.len ? config : slice_str("none"));
	view_put_text(view, "control", item, "control");
	view_put_array(view, "listening on",
	               json_object_get(item, "listeners"));
	show_reload(view, json_object_get(item, "reload"));
}

static void show_cache(struct view *view, const json_t *cache)
{
	view_put_heading(view, "cache");
	view_put_count(view, "policies", cache, "policies");
	view_put_key(view, "size");
	text_put_size(&view->out, item_count(cache, "bytes_used"));
	view_put(view, " of ");
	text_put_size(&view->out, item_count(cache, "bytes_max"));
	view_put(view, "\n");
	view_put_count(view, "not yet on disk", cache, "pending");
	view_put_count(view, "commits", cache, "commits");
	view_put_count(view, "write errors", cache, "write_errors");
	view_put_count(view, "evicted, expired", cache, "evicted_expired");
	view_put_count(view, "evicted, weak", cache, "evicted_weak");
	view_put_count(view, "evicted, live", cache, "evicted_live");
}

static void show_lookups(struct view *view, const json_t *lookups)
{
	view_put_heading(view, "look-ups since the start");
	view_put_count(view, "from the cache", lookups, "hits");
	view_put_count(view, "known absent", lookups, "absent");
	view_put_count(view, "not known before", lookups, "misses");
	view_put_count(view, "joined another", lookups, "joined");
	view_put_count(view, "timed out", lookups, "timed_out");
	view_put_heading(view, "discoveries since the start");
	view_put_count(view, "ended", lookups, "discoveries");
	view_put_count(view, "policies fetched", lookups, "fetched");
	view_put_count(view, "fetch failed", lookups, "fetch_failed");
	view_put_count(view, "dns failed", lookups, "dns_failed");
	view_put_count(view, "refused, too many", lookups, "refused");
	view_put_heading(view, "now");
	view_put_count(view, "discoveries", lookups, "under_way");
	view_put_count(view, "waiting clients", lookups, "waiting");
}

static void show_refreshes(struct view *view, const json_t *refreshes)
{
	view_put_heading(view, "refreshes since the start");
	view_put_count(view, "done", refreshes, "done");
	view_put_count(view, "failed", refreshes, "failed");
	view_put_count(view, "ended policies", refreshes, "removed");
	view_put_key(view, "due now");
	buffer_printf(&view->out, "%llu%s, %llu under way\n",
	              (unsigned long long)item_count(refreshes, "due"),
	              item_true(refreshes, "due_more") ? " or more" : "",
	              (unsigned long long)item_count(refreshes, "under_way"));
	if (item_has(refreshes, "next"))
		view_put_time(view, "next", refreshes, "next");
	else
		view_put_pair(view, "next", slice_str("none"));
}

static void show_status(struct view *view, const json_t *item)
{
	const json_t *clients = json_object_get(item, "clients");
	const json_t *fetcher = json_object_get(item, "fetcher");

	show_daemon(view, item);
	view_put_text(view, "resolvers", item, "resolver");
	show_cache(view, json_object_get(item, "cache"));
	view_put_count(view, "known absent", item, "absent");
	view_put_count(view, "domains:", item, "domains");
	view_put_dane_status(view, json_object_get(item, "dane"));
	show_lookups(view, json_object_get(item, "lookups"));
	view_put_count(view, "fetches", fetcher, "running");
	view_put_count(view, "waiting fetches", fetcher, "waiting");
	view_put_key(view, "clients");
	buffer_printf(&view->out, "%llu of %llu\n",
	              (unsigned long long)item_count(clients, "now"),
	              (unsigned long long)item_count(clients, "max"));
	view_put_count(view, "clients so far", clients, "total");
	view_put_count(view, "clients refused", clients, "refused");
	show_refreshes(view, json_object_get(item, "refreshes"));
}

/* -- list ------------------------------------------------------------------ */

/* A row is written when it comes, so no column can be as wide as its widest
 * value: the width of the terminal decides. */
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
static void put_list_age(struct buffer *cell, int64_t from_s, int64_t to_s)
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
			put_list_age(cell, view->now_s,
			             item_int(item, "expires"));
		break;
	case COL_FETCHED:
		put_list_age(cell, item_int(item, "fetched"), view->now_s);
		break;
	case COL_USED:
		if (item_has(item, "used"))
			put_list_age(cell, item_int(item, "used"), view->now_s);
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

static void show_listed(struct view *view, const json_t *item)
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

/* -- show ------------------------------------------------------------------ */

static void show_entry(struct view *view, const json_t *item)
{
	view_put_safe(view, item_text(item, "domain"));
	view_put(view, "\n");
	view_put_entry(view, item);
	view_put_dane(view, json_object_get(item, "dane"));
	view_put_heading(view, "policy text");
	text_put_lines(&view->out, item_text(item, "text"), 4, view->utf8);
}

/* -- refresh and flush ----------------------------------------------------- */

static void show_refreshed(struct view *view, const json_t *item)
{
	view_put_safe(view, item_text(item, "domain"));
	view_put(view, ": ");
	view_put_safe(view, item_text(item, "outcome"));
	view_put(view, ", ");
	view_put_safe(view, item_text(item, "detail"));
	view_put(view, "\n");
	view_put_in_force(view, item);
	view_put_told(view, item);
}

static void show_flushed_all(struct view *view, const json_t *item)
{
	if (item_has(item, "policies"))
		view_put_count(view, "policies", item, "policies");
	view_put_count(view, "known absent", item, "absent");
}

static void show_flushed(struct view *view, const json_t *item)
{
	bool policy = item_true(item, "policy");
	bool absent = item_true(item, "absent");

	if (!item_has(item, "domain")) {
		view_put_heading(view, "forgotten");
		show_flushed_all(view, item);
		return;
	}
	view_put_safe(view, item_text(item, "domain"));
	view_put(view, ": ");
	if (policy)
		view_put(view, "policy forgotten");
	if (absent)
		view_put(view, policy ? ", and that there was none before"
		                      : "absence forgotten");
	if (item_true(item, "dane"))
		view_put(view, policy || absent ? ", and its DANE state"
		                                : "its DANE state forgotten");
	else if (!policy && !absent)
		view_put(view, "nothing was known");
	view_put(view, "\n");
}

/* -- export and import
 * ------------------------------------------------------ */

static void show_exported(struct view *view, const json_t *item)
{
	/* buffer_status() tells how that went. */
	(void)view_put_json(&view->out, item, JSON_COMPACT);
	view_put(view, "\n");
}

static void show_imported(struct view *view, const json_t *item)
{
	view_put_count(view, "imported", item, "imported");
	view_put_count(view, "older than cached", item, "older");
	view_put_count(view, "ended", item, "ended");
	view_put_count(view, "refused", item, "refused");
}

/* -- reload ---------------------------------------------------------------- */

static void show_reloaded(struct view *view, const json_t *item)
{
	const json_t *restart = json_object_get(item, "restart");

	view_put_heading(view, "reloaded");
	view_put_text(view, "configuration", item, "config");
	if (json_array_size(restart) > 0)
		view_put_array(view, "needs restart", restart);
}

/* -- the view -------------------------------------------------------------- */

int view_text_item(struct view *view, const json_t *item)
{
	static void (*const shows[])(struct view *, const json_t *) = {
		[CONTROL_STATUS] = show_status,
		[CONTROL_STATS] = view_put_stats,
		[CONTROL_TOP] = view_put_top,
		[CONTROL_LOOKUP] = view_put_lookup,
		[CONTROL_EXPLAIN] = view_put_explain,
		[CONTROL_LIST] = show_listed,
		[CONTROL_SHOW] = show_entry,
		[CONTROL_REFRESH] = show_refreshed,
		[CONTROL_FLUSH] = show_flushed,
		[CONTROL_EXPORT] = show_exported,
		[CONTROL_IMPORT] = show_imported,
		[CONTROL_RELOAD] = show_reloaded,
	};

	shows[view->command](view, item);
	view->items++;
	return buffer_status(&view->out);
}

void view_text_end(struct view *view, int status, const char **error)
{
	if (*error || view->command != CONTROL_LIST || view->items > 0 ||
	    view->names)
		return;
	*error =
	    status == 0 ? "no policy is cached" : "no cached policy matches";
}
