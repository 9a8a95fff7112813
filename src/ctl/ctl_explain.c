/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl_explain.c - shows why mail to a domain goes as it goes, or waits.
 *
 * What is known comes first, then each step of the look-up, and last, where the
 * eye is when it is over, what that means for the mail. */
#include "ctl/ctl_explain.h"

#include "ctl/ctl_dane.h"
#include "ctl/ctl_item.h"
#include "ctl/ctl_lines.h"
#include "ctl/ctl_policy.h"
#include "ctl/ctl_text.h"

enum { STEP_WIDTH = 10 }; /* the longest step is "connect" */

static void show_now(struct view *view, const json_t *now)
{
	view_put_heading(view, "what Postfix is told now");
	if (!json_is_object(now)) {
		view_put_pair(view, "nothing yet",
		              slice_str("it would wait for a look-up"));
		return;
	}
	view_put_answer(view, "answer", now, "answer");
	view_put_key(view, "which is");
	view_put_verdict(view, now);
	view_put_dane(view, json_object_get(now, "dane"));
}

/* What is remembered may be that something failed. */
static const char *absence_heading(struct slice cause)
{
	static const struct text_word rows[] = {
		{ "fetch_failed", "a fetch that failed" },
		{ "dns_failed", "a look-up that failed" },
		{ "no_memory", "memory was short" },
		{ "ended", "known to have ended" },
		{ NULL, NULL },
	};

	return text_words(rows, cause, "known to be absent");
}

static void show_absence(struct view *view, const json_t *absent)
{
	if (!json_is_object(absent))
		return;
	view_put_heading(view, absence_heading(item_text(absent, "cause")));
	view_put_text(view, "cause", absent, "cause");
	view_put_text(view, "reason", absent, "reason");
	view_put_span(view, "asked again in", absent, "ends_in");
	if (!item_has(absent, "retry_in"))
		return;
	view_put_text(view, "record's id", absent, "id");
	view_put_span(view, "fetched again in", absent, "retry_in");
}

/* Where the operator has his own word on it, nothing is looked up. */
static bool is_walked(const json_t *now)
{
	struct slice source = item_text(now, "source");

	return !slice_is(source, "pinned") && !slice_is(source, "bypass");
}

static void show_known(struct view *view, const json_t *item)
{
	const json_t *cached = json_object_get(item, "cached");
	const json_t *now = json_object_get(item, "now");

	view_put_safe(view, item_text(item, "domain"));
	view_put(view, "\n");
	show_now(view, now);
	if (json_is_object(cached)) {
		view_put_heading(view, "cached policy");
		view_put_entry(view, cached);
	}
	show_absence(view, json_object_get(item, "absent"));
	if (is_walked(now))
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

/* "fetch_failed (cert_expired): the certificate expired on ..." */
static void put_outcome(struct view *view, const json_t *item)
{
	struct buffer text;

	if (slice_is(item_text(item, "outcome"), "operator"))
		return;
	buffer_init(&text, VIEW_MAX);
	buffer_put_slice(&text, item_text(item, "outcome"));
	if (item_has(item, "cause")) {
		buffer_puts(&text, " (");
		buffer_put_slice(&text, item_text(item, "cause"));
		buffer_puts(&text, ")");
	}
	buffer_puts(&text, ": ");
	buffer_put_slice(&text, item_text(item, "detail"));
	view_put_pair(view, "outcome", buffer_slice(&text));
	buffer_free(&text);
	if (item_has(item, "dane_detail"))
		view_put_text(view, "dane outcome", item, "dane_detail");
}

static void put_unknown_hosts(struct view *view, struct slice reason)
{
	struct buffer text;

	buffer_init(&text, VIEW_MAX);
	buffer_puts(&text, "can't be looked up: ");
	buffer_put_slice(&text, reason);
	view_put_pair(view, "mx hosts", buffer_slice(&text));
	buffer_free(&text);
}

/* Which of the MX hosts the policy lets mail go to. */
static void put_hosts(struct view *view, const json_t *item)
{
	const json_t *hosts = json_object_get(item, "mx_hosts");

	if (item_has(item, "mx_reason"))
		put_unknown_hosts(view, item_text(item, "mx_reason"));
	else if (json_is_array(hosts) && json_array_size(hosts) == 0)
		view_put_pair(view, "mx hosts", slice_str("none"));
	for (size_t i = 0; i < json_array_size(hosts); i++) {
		const json_t *host = json_array_get(hosts, i);

		view_put_key(view, i ? "" : "mx hosts");
		view_put_safe(view, item_text(host, "name"));
		if (item_has(host, "covered") && !item_true(host, "covered"))
			view_put(view, "  NOT in the policy");
		view_put(view, "\n");
	}
}

static void show_conclusion(struct view *view, const json_t *item)
{
	view_put_heading(view, "what that means");
	put_outcome(view, item);
	view_put_in_force(view, item);
	view_put_array(view, "policy's mx", json_object_get(item, "mx"));
	put_hosts(view, item);
	view_put_dane(view, json_object_get(item, "dane"));
	view_put_answer(view, "postfix is told", item, "answer");
	if (item_has(item, "mail"))
		view_put_text(view, "so mail", item, "mail");
	if (item_has(item, "why"))
		view_put_text(view, "because", item, "why");
	view_put_text(view, "what to do", item, "hint");
}

void view_put_explain(struct view *view, const json_t *item)
{
	if (item_has(item, "step"))
		show_step(view, json_object_get(item, "step"));
	else if (item_has(item, "dane_step"))
		view_put_dane_step(view, json_object_get(item, "dane_step"));
	else if (item_has(item, "outcome"))
		show_conclusion(view, item);
	else if (json_object_get(item, "now"))
		show_known(view, item);
	else
		view_put_lookup(view, item); /* not the name of a domain */
}
