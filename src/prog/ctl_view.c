/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl_view.c - shows what mtastsd answers as text for a person. */
#include "prog/ctl_view.h"

#include "prog/ctl_dane.h"
#include "prog/ctl_item.h"
#include "prog/ctl_lines.h"
#include "prog/ctl_list.h"
#include "prog/ctl_text.h"

enum { STEP_WIDTH = 10 }; /* the longest step is "connect" */

/* -- lines ----------------------------------------------------------------- */

/* What an MTA is told, to the letter and on one line, however long. But for
 * blanks at its end, as in "NOTFOUND ", which help nobody. */
static void put_answer(struct view *view, const char *key, const json_t *item,
                       const char *member)
{
	struct slice answer = item_text(item, member);

	while (answer.len > 0 && answer.data[answer.len - 1] == ' ')
		answer.len--;
	view_put_key(view, key);
	view_put_safe(view, answer);
	view_put(view, "\n");
}

static void put_policy(struct view *view, const json_t *item)
{
	view_put_array(view, "mx", json_object_get(item, "mx"));
	view_put_text(view, "id", item, "id");
	if (!item_has(item, "expires")) /* pinned */
		return;
	view_put_span(view, "max_age", item, "max_age");
	view_put_time(view, "fetched", item, "fetched");
	view_put_time(view, "expires", item, "expires");
}

/* -- status ---------------------------------------------------------------- */

static void show_daemon(struct view *view, const json_t *item)
{
	struct slice config = item_text(item, "config");

	view_put_heading(view, "mtastsd");
	view_put_text(view, "version", item, "version");
	view_put_count(view, "pid", item, "pid");
	view_put_span(view, "up for", item, "uptime");
	view_put_pair(
	    view, "health",
	    slice_str(item_true(item, "ok")
	                  ? "ok"
	                  : "FAILED: the cache can't be written, see the "
	                    "log"));
	view_put_pair(view, "configuration",
	              config.len ? config : slice_str("none"));
	view_put_text(view, "control", item, "control");
	view_put_array(view, "listening on",
	               json_object_get(item, "listeners"));
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
	view_put_time(view, "next", refreshes, "next");
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
	view_put_count(view, "clients", clients, "now");
	view_put_count(view, "clients so far", clients, "total");
	show_refreshes(view, json_object_get(item, "refreshes"));
}

/* -- lookup ---------------------------------------------------------------- */

static const char *source_words(struct slice source)
{
	static const struct text_word rows[] = {
		{ "cached", "from the cache" },
		{ "absent", "known to be absent" },
		{ "discovered", "looked up now" },
		{ "timed_out", "not found out in time" },
		{ "no_domain", "not the name of a domain" },
		{ "pinned", "pinned by the operator" },
		{ "bypass", "by the operator's word" },
		{ NULL, NULL },
	};

	return text_words(rows, source, "from an unknown source");
}

/* "enforce, from the cache", "no policy, looked up now". */
static void put_verdict(struct view *view, const json_t *item)
{
	if (item_true(item, "has_policy"))
		view_put_safe(view, item_text(item, "mode"));
	else
		view_put(view, "no policy");
	view_put(view, ", ");
	view_put(view, source_words(item_text(item, "source")));
	view_put(view, "\n");
}

/* What Postfix is told, and why. */
static void put_told(struct view *view, const json_t *item)
{
	view_put_dane(view, json_object_get(item, "dane"));
	put_answer(view, "postfix is told", item, "answer");
	if (item_has(item, "why"))
		view_put_text(view, "because", item, "why");
}

static void put_result(struct view *view, const json_t *item)
{
	if (item_true(item, "has_policy"))
		put_policy(view, item);
	else
		view_put_text(view, "reason", item, "reason");
	put_told(view, item);
}

static void show_lookup(struct view *view, const json_t *item)
{
	view_put_safe(view, item_text(item, "domain"));
	view_put(view, ": ");
	put_verdict(view, item);
	put_result(view, item);
	if (!item_has(item, "verdict"))
		return;
	view_put_text(view, "mx host", item, "mx_host");
	if (item_has(item, "match"))
		view_put_pair(
		    view, "match",
		    slice_str(item_true(item, "match") ? "yes" : "no"));
	put_answer(view, "verdict", item, "verdict");
}

/* -- show ------------------------------------------------------------------ */

/* "3 since the last good one, the last 5m ago (...): certificate". */
static void put_failures(struct view *view, const json_t *item)
{
	uint64_t failures = item_count(item, "failures");

	view_put_key(view, "failed refreshes");
	if (failures == 0) {
		view_put(view, "none\n");
		return;
	}
	buffer_printf(&view->out, "%llu since the last good one, the last ",
	              (unsigned long long)failures);
	text_put_time(&view->out, item_int(item, "failed"), view->now_s);
	view_put(view, ": ");
	view_put_safe(view, item_text(item, "failed_cause"));
	view_put(view, "\n");
}

/* The times of what is not in force any more, or of what nobody asks for, are
 * no times but reasons. */
static void put_next(struct view *view, const json_t *item)
{
	if (!item_true(item, "live")) {
		view_put_pair(view, "next",
		              slice_str("looked up when an MTA asks"));
		return;
	}
	view_put_time(view, "next check", item, "next_check");
	if (item_int(item, "next_refresh"))
		view_put_time(view, "next refresh", item, "next_refresh");
	else
		view_put_pair(view, "next refresh",
		              slice_str(item_true(item, "unused")
		                            ? "none: nobody has asked for long"
		                            : "none before it ends"));
}

/* What is checked next is checked when an MTA asks after that time. */
static void put_entry(struct view *view, const json_t *item)
{
	view_put_pair(view, "mode", item_text(item, "mode"));
	put_policy(view, item);
	if (!item_true(item, "live"))
		view_put_pair(view, "",
		              slice_str("expired: no longer in force"));
	view_put_time(view, "id checked", item, "checked");
	view_put_span(view, "record ttl", item, "record_ttl");
	put_next(view, item);
	put_failures(view, item);
	view_put_time(view, "last used", item, "used");
}

static void show_entry(struct view *view, const json_t *item)
{
	view_put_safe(view, item_text(item, "domain"));
	view_put(view, "\n");
	put_entry(view, item);
	view_put_dane(view, json_object_get(item, "dane"));
	view_put_heading(view, "policy text");
	text_put_lines(&view->out, item_text(item, "text"), 4, view->utf8);
}

/* -- explain --------------------------------------------------------------- */

static void show_now(struct view *view, const json_t *now)
{
	view_put_heading(view, "what Postfix is told now");
	if (!json_is_object(now)) {
		view_put_pair(view, "nothing yet",
		              slice_str("it would wait for a look-up"));
		return;
	}
	put_answer(view, "answer", now, "answer");
	view_put_key(view, "which is");
	put_verdict(view, now);
	view_put_dane(view, json_object_get(now, "dane"));
}

static void show_absence(struct view *view, const json_t *absent)
{
	if (!json_is_object(absent))
		return;
	view_put_heading(view, "known to be absent");
	view_put_text(view, "cause", absent, "cause");
	view_put_text(view, "reason", absent, "reason");
	view_put_span(view, "asked again in", absent, "ends_in");
	if (!item_has(absent, "retry_in"))
		return;
	view_put_text(view, "record's id", absent, "id");
	view_put_span(view, "fetched again in", absent, "retry_in");
}

static void show_known(struct view *view, const json_t *item)
{
	const json_t *cached = json_object_get(item, "cached");

	view_put_safe(view, item_text(item, "domain"));
	view_put(view, "\n");
	show_now(view, json_object_get(item, "now"));
	if (json_is_object(cached)) {
		view_put_heading(view, "cached policy");
		put_entry(view, cached);
	}
	show_absence(view, json_object_get(item, "absent"));
	view_put_heading(view, "looked up and fetched now");
}

static void show_step(struct view *view, const json_t *step)
{
	view_put(view, item_true(step, "ok") ? "  ok      " : "  FAILED  ");
	text_put_cell(&view->out, item_text(step, "name"), STEP_WIDTH, false);
	buffer_printf(&view->out, "%6llu ms  ",
	              (unsigned long long)item_count(step, "ms"));
	view_put_words(view, item_text(step, "detail"),
	               2 + 8 + STEP_WIDTH + 11);
	view_put(view, "\n");
}

/* "enforce, ends in 6d 23h (...)", or "no policy". */
static void put_in_force(struct view *view, const json_t *item)
{
	view_put_key(view, "in force");
	if (item_true(item, "has_policy")) {
		view_put_safe(view, item_text(item, "mode"));
		view_put(view, ", id ");
		view_put_safe(view, item_text(item, "id"));
		view_put(view, ", ends ");
		if (item_has(item, "expires"))
			text_put_time(&view->out, item_int(item, "expires"),
			              view->now_s);
		else
			view_put(view, "with the configuration");
	} else {
		view_put(view, "no policy");
	}
	view_put(view, "\n");
}

static void show_outcome(struct view *view, const json_t *item)
{
	view_put_heading(view, "outcome");
	view_put_key(view, "outcome");
	view_put_safe(view, item_text(item, "outcome"));
	if (item_has(item, "cause")) {
		view_put(view, " (");
		view_put_safe(view, item_text(item, "cause"));
		view_put(view, ")");
	}
	view_put(view, "\n");
	view_put_text(view, "detail", item, "detail");
	put_in_force(view, item);
	view_put_array(view, "mx", json_object_get(item, "mx"));
	if (item_has(item, "dane_detail"))
		view_put_text(view, "dane detail", item, "dane_detail");
	put_told(view, item);
	view_put_text(view, "hint", item, "hint");
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
	view_put_safe(view, item_text(item, "domain"));
	view_put(view, ": ");
	view_put_safe(view, item_text(item, "outcome"));
	view_put(view, ", ");
	view_put_safe(view, item_text(item, "detail"));
	view_put(view, "\n");
	put_in_force(view, item);
	put_told(view, item);
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

/* -- export and import ------------------------------------------------------ */

static void show_exported(struct view *view, const json_t *item)
{
	/* buffer_status() tells how that went. */
	(void)view_put_json(&view->out, item, JSON_COMPACT);
	view_put(view, "\n");
}

static void show_imported(struct view *view, const json_t *item)
{
	view_put_count(view, "imported", item, "imported");
	view_put_count(view, "older than here", item, "older");
	view_put_count(view, "ended", item, "ended");
	view_put_count(view, "refused", item, "refused");
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
		[CONTROL_EXPORT] = show_exported,
		[CONTROL_IMPORT] = show_imported,
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
