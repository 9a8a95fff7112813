/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl_view.c - shows what mtastsd answers as text for a person. */
#include "prog/ctl_view.h"

#include "prog/ctl_dane.h"
#include "prog/ctl_item.h"
#include "prog/ctl_list.h"
#include "prog/ctl_text.h"

enum {
	KEY_WIDTH = 18,  /* of "  key   value" lines, without the indent */
	STEP_WIDTH = 10, /* the longest step is "connect" */
};

/* -- lines ----------------------------------------------------------------- */

static void put_safe(struct view *view, struct slice text)
{
	text_put_safe(&view->out, text, view->utf8);
}

/* The same, from column INDENT on, broken where a terminal would. */
static void put_words(struct view *view, struct slice text, size_t indent)
{
	text_put_words(&view->out, text, indent, view->cut ? view->width : 0,
	               view->utf8);
}

static void put(struct view *view, const char *text)
{
	buffer_puts(&view->out, text);
}

static void put_heading(struct view *view, const char *text)
{
	put(view, text);
	put(view, "\n");
}

/* Begins a line "  KEY   "; its value and newline are to follow. */
static void put_key(struct view *view, const char *key)
{
	put(view, "  ");
	text_put_cell(&view->out, slice_str(key), KEY_WIDTH, false);
}

static void put_pair(struct view *view, const char *key, struct slice value)
{
	put_key(view, key);
	put_words(view, value, 2 + KEY_WIDTH);
	put(view, "\n");
}

static void put_text(struct view *view, const char *key, const json_t *item,
                     const char *member)
{
	put_pair(view, key, item_text(item, member));
}

/* What an MTA is told, to the letter and on one line, however long. But for
 * blanks at its end, as in "NOTFOUND ", which help nobody. */
static void put_answer(struct view *view, const char *key, const json_t *item,
                       const char *member)
{
	struct slice answer = item_text(item, member);

	while (answer.len > 0 && answer.data[answer.len - 1] == ' ')
		answer.len--;
	put_key(view, key);
	put_safe(view, answer);
	put(view, "\n");
}

static void put_count(struct view *view, const char *key, const json_t *item,
                      const char *member)
{
	put_key(view, key);
	buffer_printf(&view->out, "%llu\n",
	              (unsigned long long)item_count(item, member));
}

static void put_time(struct view *view, const char *key, const json_t *item,
                     const char *member)
{
	put_key(view, key);
	text_put_time(&view->out, item_int(item, member), view->now_s);
	put(view, "\n");
}

static void put_span(struct view *view, const char *key, const json_t *item,
                     const char *member)
{
	put_key(view, key);
	text_put_span(&view->out, item_count(item, member));
	put(view, "\n");
}

/* One line an element, the key before the first. */
static void put_array(struct view *view, const char *key, const json_t *array)
{
	for (size_t i = 0; i < json_array_size(array); i++)
		put_pair(view, i ? "" : key,
		         item_text_of(json_array_get(array, i)));
}

static void put_policy(struct view *view, const json_t *item)
{
	put_array(view, "mx", json_object_get(item, "mx"));
	put_text(view, "id", item, "id");
	if (!item_has(item, "expires")) /* pinned */
		return;
	put_span(view, "max_age", item, "max_age");
	put_time(view, "fetched", item, "fetched");
	put_time(view, "expires", item, "expires");
}

/* -- status ---------------------------------------------------------------- */

static void show_daemon(struct view *view, const json_t *item)
{
	struct slice config = item_text(item, "config");

	put_heading(view, "mtastsd");
	put_text(view, "version", item, "version");
	put_count(view, "pid", item, "pid");
	put_span(view, "up for", item, "uptime");
	put_pair(view, "health",
	         slice_str(item_true(item, "ok")
	                       ? "ok"
	                       : "FAILED: the cache can't be written, see the "
	                         "log"));
	put_pair(view, "configuration",
	         config.len ? config : slice_str("none"));
	put_text(view, "control", item, "control");
	put_array(view, "listening on", json_object_get(item, "listeners"));
}

static void show_cache(struct view *view, const json_t *cache)
{
	put_heading(view, "cache");
	put_count(view, "policies", cache, "policies");
	put_key(view, "size");
	text_put_size(&view->out, item_count(cache, "bytes_used"));
	put(view, " of ");
	text_put_size(&view->out, item_count(cache, "bytes_max"));
	put(view, "\n");
	put_count(view, "not yet on disk", cache, "pending");
	put_count(view, "commits", cache, "commits");
	put_count(view, "write errors", cache, "write_errors");
	put_count(view, "evicted, expired", cache, "evicted_expired");
	put_count(view, "evicted, weak", cache, "evicted_weak");
	put_count(view, "evicted, live", cache, "evicted_live");
}

static void show_lookups(struct view *view, const json_t *lookups)
{
	put_heading(view, "look-ups since the start");
	put_count(view, "from the cache", lookups, "hits");
	put_count(view, "known absent", lookups, "absent");
	put_count(view, "not known before", lookups, "misses");
	put_count(view, "joined another", lookups, "joined");
	put_count(view, "timed out", lookups, "timed_out");
	put_heading(view, "discoveries since the start");
	put_count(view, "ended", lookups, "discoveries");
	put_count(view, "policies fetched", lookups, "fetched");
	put_count(view, "fetch failed", lookups, "fetch_failed");
	put_count(view, "dns failed", lookups, "dns_failed");
	put_heading(view, "now");
	put_count(view, "discoveries", lookups, "under_way");
	put_count(view, "waiting clients", lookups, "waiting");
}

static void show_refreshes(struct view *view, const json_t *refreshes)
{
	put_heading(view, "refreshes since the start");
	put_count(view, "done", refreshes, "done");
	put_count(view, "failed", refreshes, "failed");
	put_count(view, "ended policies", refreshes, "removed");
	put_key(view, "due now");
	buffer_printf(&view->out, "%llu%s, %llu under way\n",
	              (unsigned long long)item_count(refreshes, "due"),
	              item_true(refreshes, "due_more") ? " or more" : "",
	              (unsigned long long)item_count(refreshes, "under_way"));
	put_time(view, "next", refreshes, "next");
}

static void show_status(struct view *view, const json_t *item)
{
	const json_t *clients = json_object_get(item, "clients");
	const json_t *fetcher = json_object_get(item, "fetcher");

	show_daemon(view, item);
	put_text(view, "resolvers", item, "resolver");
	show_cache(view, json_object_get(item, "cache"));
	put_count(view, "known absent", item, "absent");
	put_count(view, "domains:", item, "domains");
	view_put_dane_status(view, json_object_get(item, "dane"));
	show_lookups(view, json_object_get(item, "lookups"));
	put_count(view, "fetches", fetcher, "running");
	put_count(view, "waiting fetches", fetcher, "waiting");
	put_count(view, "clients", clients, "now");
	put_count(view, "clients so far", clients, "total");
	show_refreshes(view, json_object_get(item, "refreshes"));
}

/* -- lookup ---------------------------------------------------------------- */

static const char *source_words(struct slice source)
{
	static const struct {
		const char *name, *words;
	} rows[] = {
		{ "cached", "from the cache" },
		{ "absent", "known to be absent" },
		{ "discovered", "looked up now" },
		{ "timed_out", "not found out in time" },
		{ "no_domain", "not the name of a domain" },
		{ "pinned", "pinned by the operator" },
		{ "bypass", "by the operator's word" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (slice_is(source, rows[i].name))
			return rows[i].words;
	}
	return "from an unknown source";
}

/* "enforce, from the cache", "no policy, looked up now". */
static void put_verdict(struct view *view, const json_t *item)
{
	if (item_true(item, "has_policy"))
		put_safe(view, item_text(item, "mode"));
	else
		put(view, "no policy");
	put(view, ", ");
	put(view, source_words(item_text(item, "source")));
	put(view, "\n");
}

/* What Postfix is told, and why. */
static void put_told(struct view *view, const json_t *item)
{
	view_put_dane(view, json_object_get(item, "dane"));
	put_answer(view, "postfix is told", item, "answer");
	if (item_has(item, "why"))
		put_text(view, "because", item, "why");
}

static void put_result(struct view *view, const json_t *item)
{
	if (item_true(item, "has_policy"))
		put_policy(view, item);
	else
		put_text(view, "reason", item, "reason");
	put_told(view, item);
}

static void show_lookup(struct view *view, const json_t *item)
{
	put_safe(view, item_text(item, "domain"));
	put(view, ": ");
	put_verdict(view, item);
	put_result(view, item);
	if (!item_has(item, "verdict"))
		return;
	put_text(view, "mx host", item, "mx_host");
	if (item_has(item, "match"))
		put_pair(view, "match",
		         slice_str(item_true(item, "match") ? "yes" : "no"));
	put_answer(view, "verdict", item, "verdict");
}

/* -- show ------------------------------------------------------------------ */

/* "3 since the last good one, the last 5m ago (...): certificate". */
static void put_failures(struct view *view, const json_t *item)
{
	uint64_t failures = item_count(item, "failures");

	put_key(view, "failed refreshes");
	if (failures == 0) {
		put(view, "none\n");
		return;
	}
	buffer_printf(&view->out, "%llu since the last good one, the last ",
	              (unsigned long long)failures);
	text_put_time(&view->out, item_int(item, "failed"), view->now_s);
	put(view, ": ");
	put_safe(view, item_text(item, "failed_cause"));
	put(view, "\n");
}

/* The times of what is not in force any more, or of what nobody asks for, are
 * no times but reasons. */
static void put_next(struct view *view, const json_t *item)
{
	if (!item_true(item, "live")) {
		put_pair(view, "next", slice_str("looked up when an MTA asks"));
		return;
	}
	put_time(view, "next check", item, "next_check");
	if (item_int(item, "next_refresh"))
		put_time(view, "next refresh", item, "next_refresh");
	else
		put_pair(view, "next refresh",
		         slice_str(item_true(item, "unused")
		                       ? "none: nobody has asked for long"
		                       : "none before it ends"));
}

/* What is checked next is checked when an MTA asks after that time. */
static void put_entry(struct view *view, const json_t *item)
{
	put_pair(view, "mode", item_text(item, "mode"));
	put_policy(view, item);
	if (!item_true(item, "live"))
		put_pair(view, "", slice_str("expired: no longer in force"));
	put_time(view, "id checked", item, "checked");
	put_span(view, "record ttl", item, "record_ttl");
	put_next(view, item);
	put_failures(view, item);
	put_time(view, "last used", item, "used");
}

static void show_entry(struct view *view, const json_t *item)
{
	put_safe(view, item_text(item, "domain"));
	put(view, "\n");
	put_entry(view, item);
	view_put_dane(view, json_object_get(item, "dane"));
	put_heading(view, "policy text");
	text_put_lines(&view->out, item_text(item, "text"), 4, view->utf8);
}

/* -- explain --------------------------------------------------------------- */

static void show_now(struct view *view, const json_t *now)
{
	put_heading(view, "what Postfix is told now");
	if (!json_is_object(now)) {
		put_pair(view, "nothing yet",
		         slice_str("it would wait for a look-up"));
		return;
	}
	put_answer(view, "answer", now, "answer");
	put_key(view, "which is");
	put_verdict(view, now);
	view_put_dane(view, json_object_get(now, "dane"));
}

static void show_absence(struct view *view, const json_t *absent)
{
	if (!json_is_object(absent))
		return;
	put_heading(view, "known to be absent");
	put_text(view, "cause", absent, "cause");
	put_text(view, "reason", absent, "reason");
	put_span(view, "asked again in", absent, "ends_in");
	if (!item_has(absent, "retry_in"))
		return;
	put_text(view, "record's id", absent, "id");
	put_span(view, "fetched again in", absent, "retry_in");
}

static void show_known(struct view *view, const json_t *item)
{
	const json_t *cached = json_object_get(item, "cached");

	put_safe(view, item_text(item, "domain"));
	put(view, "\n");
	show_now(view, json_object_get(item, "now"));
	if (json_is_object(cached)) {
		put_heading(view, "cached policy");
		put_entry(view, cached);
	}
	show_absence(view, json_object_get(item, "absent"));
	put_heading(view, "looked up and fetched now");
}

static void show_step(struct view *view, const json_t *step)
{
	put(view, item_true(step, "ok") ? "  ok      " : "  FAILED  ");
	text_put_cell(&view->out, item_text(step, "name"), STEP_WIDTH, false);
	buffer_printf(&view->out, "%6llu ms  ",
	              (unsigned long long)item_count(step, "ms"));
	put_words(view, item_text(step, "detail"), 2 + 8 + STEP_WIDTH + 11);
	put(view, "\n");
}

/* "enforce, ends in 6d 23h (...)", or "no policy". */
static void put_in_force(struct view *view, const json_t *item)
{
	put_key(view, "in force");
	if (item_true(item, "has_policy")) {
		put_safe(view, item_text(item, "mode"));
		put(view, ", id ");
		put_safe(view, item_text(item, "id"));
		put(view, ", ends ");
		if (item_has(item, "expires"))
			text_put_time(&view->out, item_int(item, "expires"),
			              view->now_s);
		else
			put(view, "with the configuration");
	} else {
		put(view, "no policy");
	}
	put(view, "\n");
}

static void show_outcome(struct view *view, const json_t *item)
{
	put_heading(view, "outcome");
	put_key(view, "outcome");
	put_safe(view, item_text(item, "outcome"));
	if (item_has(item, "cause")) {
		put(view, " (");
		put_safe(view, item_text(item, "cause"));
		put(view, ")");
	}
	put(view, "\n");
	put_text(view, "detail", item, "detail");
	put_in_force(view, item);
	put_array(view, "mx", json_object_get(item, "mx"));
	if (item_has(item, "dane_detail"))
		put_text(view, "dane detail", item, "dane_detail");
	put_told(view, item);
	put_text(view, "hint", item, "hint");
}

static void show_explain(struct view *view, const json_t *item)
{
	if (item_has(item, "step"))
		show_step(view, json_object_get(item, "step"));
	else if (item_has(item, "dane_step"))
		view_put_dane_step(view, json_object_get(item, "dane_step"));
	else if (item_has(item, "outcome"))
		show_outcome(view, item);
	else if (json_object_get(item, "now"))
		show_known(view, item);
	else
		show_lookup(view, item); /* not the name of a domain */
}

/* -- refresh and flush ----------------------------------------------------- */

static void show_refreshed(struct view *view, const json_t *item)
{
	put_safe(view, item_text(item, "domain"));
	put(view, ": ");
	put_safe(view, item_text(item, "outcome"));
	put(view, ", ");
	put_safe(view, item_text(item, "detail"));
	put(view, "\n");
	put_in_force(view, item);
	put_told(view, item);
}

static void show_flushed_all(struct view *view, const json_t *item)
{
	if (item_has(item, "policies"))
		put_count(view, "policies", item, "policies");
	put_count(view, "known absent", item, "absent");
}

static void show_flushed(struct view *view, const json_t *item)
{
	bool policy = item_true(item, "policy");
	bool absent = item_true(item, "absent");

	if (!item_has(item, "domain")) {
		put_heading(view, "forgotten");
		show_flushed_all(view, item);
		return;
	}
	put_safe(view, item_text(item, "domain"));
	put(view, ": ");
	if (policy)
		put(view, "policy forgotten");
	if (absent)
		put(view, policy ? ", and that there was none before"
		                 : "absence forgotten");
	if (item_true(item, "dane"))
		put(view, policy || absent ? ", and its DANE state"
		                           : "its DANE state forgotten");
	else if (!policy && !absent)
		put(view, "nothing was known");
	put(view, "\n");
}

/* -- the view -------------------------------------------------------------- */

int view_text_item(struct view *view, const json_t *item)
{
	static void (*const shows[])(struct view *, const json_t *) = {
		[CONTROL_STATUS] = show_status,
		[CONTROL_LOOKUP] = show_lookup,
		[CONTROL_EXPLAIN] = show_explain,
		[CONTROL_LIST] = view_put_row,
		[CONTROL_SHOW] = show_entry,
		[CONTROL_REFRESH] = show_refreshed,
		[CONTROL_FLUSH] = show_flushed,
	};

	shows[view->command](view, item);
	view->items++;
	return buffer_status(&view->out);
}

void view_text_end(struct view *view, int status, const char **error)
{
	if (*error || view->command != CONTROL_LIST || view->items > 0)
		return;
	*error =
	    status == 0 ? "no policy is cached" : "no cached policy matches";
}
