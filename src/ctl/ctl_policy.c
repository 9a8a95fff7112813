/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl_policy.c - shows what is known of one domain: its policy, DANE, and the
 * answers of "lookup", "show", "refresh" and "explain". */
#include "ctl/ctl_policy.h"

#include "ctl/ctl_lines.h"
#include "ctl/ctl_text.h"

enum {
	DANE_STEP_INDENT = 10, /* of "  FAILED  " */
	STEP_WIDTH = 10,       /* the longest step is "connect" */
};

/* -- DANE ------------------------------------------------------------------ */

static const char *dane_state_phrase(struct slice state)
{
	static const struct text_phrase rows[] = {
		{ "not_known", "nothing is known yet" },
		{ "none", "no TLSA records" },
		{ "all", "usable TLSA records for every host" },
		{ "some", "usable TLSA records for some hosts" },
		{ "unusable", "TLSA records, but none is usable" },
		{ "insecure_mx", "TLSA records, but insecure MX records" },
		{ "unknowable", "can't be looked up" },
		{ NULL, NULL },
	};

	return text_find_phrase(rows, state, "an unknown state");
}

/* " (12s old, good for 4m 48s)" */
static void put_dane_age(struct buffer *out, const json_t *dane)
{
	int64_t ends_in_s = item_int(dane, "ends_in");

	if (!item_has(dane, "ttl"))
		return;
	if (slice_is(item_text(dane, "state"), "unknowable")) {
		buffer_puts(out, " (tried again in ");
		text_put_span(out, item_count(dane, "ends_in"));
		buffer_puts(out, ")");
		return;
	}
	buffer_puts(out, " (");
	text_put_span(out, item_count(dane, "age"));
	buffer_puts(out, " old, ");
	if (ends_in_s < 0) {
		buffer_puts(out, "expired ");
		text_put_span(out, (uint64_t)-ends_in_s);
		buffer_puts(out, " ago");
	} else {
		buffer_puts(out, "good for ");
		text_put_span(out, (uint64_t)ends_in_s);
	}
	buffer_puts(out, ")");
}

/* "the host itself, port 587: ", unless it is mail to MX hosts as ever. */
static void put_hop(struct buffer *out, const json_t *dane)
{
	uint64_t port = item_has(dane, "port") ? item_count(dane, "port") : 25;
	bool direct = item_true(dane, "direct");

	if (direct)
		buffer_puts(out, "the host itself");
	if (port != 25)
		buffer_printf(out, "%sport %llu", direct ? ", " : "",
		              (unsigned long long)port);
	if (direct || port != 25)
		buffer_puts(out, ": ");
}

static void put_dane_state(struct buffer *out, const json_t *dane)
{
	if (item_has(dane, "off")) {
		buffer_puts(out, "not checked: ");
		buffer_put_slice(out, item_text(dane, "off"));
		return;
	}
	put_hop(out, dane);
	buffer_puts(out, dane_state_phrase(item_text(dane, "state")));
	put_dane_age(out, dane);
}

void view_put_dane(struct view *view, const json_t *dane)
{
	struct buffer text;

	if (!json_is_object(dane))
		return;
	buffer_init(&text, VIEW_MAX);
	put_dane_state(&text, dane);
	view_put_pair(view, "dane", buffer_slice(&text));
	buffer_free(&text);
	if (!item_has(dane, "off") && item_has(dane, "reason"))
		view_put_text(view, "", dane, "reason");
}

void view_put_dane_step(struct view *view, const json_t *step)
{
	struct slice name = item_text(step, "name");
	struct slice detail = item_text(step, "detail");

	if (!view->dane_steps)
		view_put_heading(view, "DANE looked up now");
	view->dane_steps = true;
	view_put(view, item_true(step, "ok") ? "  ok      " : "  FAILED  ");
	view_put_safe(view, name);
	/* Names are long, so what is said of one may get a line of its own. */
	if (view->cut &&
	    DANE_STEP_INDENT + name.len + 2 + detail.len > view->width)
		view_put(view, "\n          ");
	else
		view_put(view, "  ");
	view_put_wrapped(view, detail, DANE_STEP_INDENT);
	view_put(view, "\n");
}

void view_put_dane_status(struct view *view, const json_t *dane)
{
	if (!json_is_object(dane))
		return;
	view_put_heading(view, "DANE");
	view_put_text(view, "dane", dane, "summary");
	view_put_count(view, "look-ups", dane, "walks");
	view_put_count(view, "not knowable", dane, "unknowable");
	view_put_count(view, "joined another", dane, "joined");
	view_put_count(view, "timed out", dane, "timed_out");
	view_put_count(view, "under way", dane, "under_way");
	view_put_count(view, "waiting clients", dane, "waiting");
	view_put_count(view, "known in memory", dane, "known");
}

/* -- policies -------------------------------------------------------------- */

/* The answer that an MTA gets, literally and on one line, without the blanks
 * that may end it, as in "NOTFOUND ". */
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

static const char *source_phrase(struct slice source)
{
	static const struct text_phrase rows[] = {
		{ "cached", "from the cache" },
		{ "absent", "known to be absent" },
		{ "discovered", "looked up now" },
		{ "timed_out", "not known in time" },
		{ "no_domain", "not the name of a domain" },
		{ "pinned", "pinned by the operator" },
		{ "bypass", "exempted by the operator" },
		{ NULL, NULL },
	};

	return text_find_phrase(rows, source, "from an unknown source");
}

/* "enforce, from the cache", "no policy, looked up now". */
void view_put_verdict(struct view *view, const json_t *item)
{
	if (item_true(item, "has_policy"))
		view_put_safe(view, item_text(item, "mode"));
	else
		view_put(view, "no policy");
	view_put(view, ", ");
	view_put(view, source_phrase(item_text(item, "source")));
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

static void put_lookup_result(struct view *view, const json_t *item)
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

/* "3 since the last success, the last 5m ago (...): certificate". */
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
	buffer_printf(&text, "%llu since the last success, the last ",
	              (unsigned long long)failures);
	text_put_time(&text, item_int(item, "failed"), view->now_s);
	buffer_puts(&text, ": ");
	buffer_put_slice(&text, item_text(item, "failed_cause"));
	view_put_wrapped(view, buffer_slice(&text), VIEW_VALUE);
	view_put(view, "\n");
	buffer_free(&text);
}

/* A policy that has expired or is not used has no next time, but a reason
 * why. */
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
		                            ? "none: not used for a long time"
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
	put_lookup_result(view, item);
	if (!item_has(item, "verdict"))
		return;
	view_put_text(view, "mx host", item, "mx_host");
	if (item_has(item, "match"))
		view_put_pair(
		    view, "match",
		    slice_str(item_true(item, "match") ? "yes" : "no"));
	view_put_answer(view, "verdict", item, "verdict");
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
	view_put_answer(view, "answer", now, "answer");
	view_put_key(view, "which is");
	view_put_verdict(view, now);
	view_put_dane(view, json_object_get(now, "dane"));
}

/* What is remembered may be that something failed. */
static const char *absence_heading(struct slice cause)
{
	static const struct text_phrase rows[] = {
		{ "fetch_failed", "failed fetch" },
		{ "dns_failed", "failed look-up" },
		{ "no_memory", "out of memory" },
		{ "ended", "known to have expired" },
		{ NULL, NULL },
	};

	return text_find_phrase(rows, cause, "known to be absent");
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

/* If the configuration overrides the policy, nothing is looked up. */
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
	view_put_wrapped(view, item_text(step, "detail"),
	                 2 + 8 + STEP_WIDTH + 11);
	view_put(view, "\n");
}

/* "fetch_failed (cert_expired): the certificate expired on ..." */
static void put_explain_outcome(struct view *view, const json_t *item)
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
static void put_mx_hosts(struct view *view, const json_t *item)
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
	put_explain_outcome(view, item);
	view_put_in_force(view, item);
	view_put_array(view, "policy's mx", json_object_get(item, "mx"));
	put_mx_hosts(view, item);
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
