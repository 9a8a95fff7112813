/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl_policy.c - shows policies, and what comes of them. */
#include "ctl/ctl_policy.h"

#include "ctl/ctl_dane.h"
#include "ctl/ctl_item.h"
#include "ctl/ctl_lines.h"
#include "ctl/ctl_text.h"

/* What an MTA is told, to the letter and on one line, however long. But for
 * blanks at its end, as in "NOTFOUND ", which help nobody. */
void view_put_answer(struct view *view, const char *key, const json_t *item,
                     const char *member)
{
	struct slice answer = item_text(item, member);

	while (answer.len > 0 && answer.data[answer.len - 1] == ' ')
		answer.len--;
	view_put_key(view, key);
	view_put_safe(view, answer);
	view_put(view, "\n");
}

void view_put_policy(struct view *view, const json_t *item)
{
	view_put_array(view, "mx", json_object_get(item, "mx"));
	view_put_text(view, "id", item, "id");
	if (!item_has(item, "expires")) /* pinned */
		return;
	view_put_span(view, "max_age", item, "max_age");
	view_put_time(view, "fetched", item, "fetched");
	view_put_time(view, "expires", item, "expires");
}

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
void view_put_verdict(struct view *view, const json_t *item)
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
void view_put_told(struct view *view, const json_t *item)
{
	view_put_dane(view, json_object_get(item, "dane"));
	view_put_answer(view, "postfix is told", item, "answer");
	if (item_has(item, "why"))
		view_put_text(view, "because", item, "why");
}

static void put_result(struct view *view, const json_t *item)
{
	if (item_true(item, "has_policy"))
		view_put_policy(view, item);
	else
		view_put_text(view, "reason", item, "reason");
	view_put_told(view, item);
}

/* "enforce, ends in 6d 23h (...)", or "no policy". */
void view_put_in_force(struct view *view, const json_t *item)
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

/* "3 since the last good one, the last 5m ago (...): certificate". */
static void put_failures(struct view *view, const json_t *item)
{
	uint64_t failures = item_count(item, "failures");
	struct buffer text;

	view_put_key(view, "failed refreshes");
	if (failures == 0) {
		view_put(view, "none\n");
		return;
	}
	buffer_init(&text, 1024);
	buffer_printf(&text, "%llu since the last good one, the last ",
	              (unsigned long long)failures);
	text_put_time(&text, item_int(item, "failed"), view->now_s);
	buffer_puts(&text, ": ");
	buffer_put_slice(&text, item_text(item, "failed_cause"));
	view_put_words(view, buffer_slice(&text), VIEW_VALUE);
	view_put(view, "\n");
	buffer_free(&text);
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
void view_put_entry(struct view *view, const json_t *item)
{
	view_put_pair(view, "mode", item_text(item, "mode"));
	view_put_policy(view, item);
	if (!item_true(item, "live"))
		view_put_pair(view, "",
		              slice_str("expired: no longer in force"));
	view_put_time(view, "id checked", item, "checked");
	view_put_span(view, "record ttl", item, "record_ttl");
	put_next(view, item);
	put_failures(view, item);
	view_put_time(view, "last used", item, "used");
}

void view_put_lookup(struct view *view, const json_t *item)
{
	view_put_safe(view, item_text(item, "domain"));
	view_put(view, ": ");
	view_put_verdict(view, item);
	put_result(view, item);
	if (!item_has(item, "verdict"))
		return;
	view_put_text(view, "mx host", item, "mx_host");
	if (item_has(item, "match"))
		view_put_pair(
		    view, "match",
		    slice_str(item_true(item, "match") ? "yes" : "no"));
	view_put_answer(view, "verdict", item, "verdict");
}
