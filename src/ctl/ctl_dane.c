/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl_dane.c - shows what mtastsd says of DANE. */
#include "ctl/ctl_dane.h"

#include "ctl/ctl_item.h"
#include "ctl/ctl_lines.h"
#include "ctl/ctl_text.h"

enum { STEP_INDENT = 10 }; /* of "  FAILED  " */

static const char *state_words(struct slice state)
{
	static const struct text_word rows[] = {
		{ "not_known", "nothing is known yet" },
		{ "none", "no TLSA records" },
		{ "all", "usable TLSA records for every host" },
		{ "some", "usable TLSA records for some of the hosts" },
		{ "unusable", "TLSA records, none of them usable" },
		{ "insecure_mx", "TLSA records, but insecure MX records" },
		{ "unknowable", "can't be looked up" },
		{ NULL, NULL },
	};

	return text_words(rows, state, "an unknown state");
}

/* " (12s old, good for 4m 48s)" */
static void put_age(struct buffer *out, const json_t *dane)
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
		buffer_puts(out, "its time is over since ");
		text_put_span(out, (uint64_t)-ends_in_s);
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

static void put_state(struct buffer *out, const json_t *dane)
{
	if (item_has(dane, "off")) {
		buffer_puts(out, "not looked at: ");
		buffer_put_slice(out, item_text(dane, "off"));
		return;
	}
	put_hop(out, dane);
	buffer_puts(out, state_words(item_text(dane, "state")));
	put_age(out, dane);
}

void view_put_dane(struct view *view, const json_t *dane)
{
	struct buffer text;

	if (!json_is_object(dane))
		return;
	buffer_init(&text, VIEW_MAX);
	put_state(&text, dane);
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
	if (view->cut && STEP_INDENT + name.len + 2 + detail.len > view->width)
		view_put(view, "\n          ");
	else
		view_put(view, "  ");
	view_put_words(view, detail, STEP_INDENT);
	view_put(view, "\n");
}

void view_put_dane_status(struct view *view, const json_t *dane)
{
	if (!json_is_object(dane))
		return;
	view_put_heading(view, "DANE");
	view_put_text(view, "dane", dane, "summary");
	view_put_count(view, "look-ups", dane, "walks");
	view_put_count(view, "not to be learnt", dane, "unknowable");
	view_put_count(view, "joined another", dane, "joined");
	view_put_count(view, "timed out", dane, "timed_out");
	view_put_count(view, "under way", dane, "under_way");
	view_put_count(view, "waiting clients", dane, "waiting");
	view_put_count(view, "known in memory", dane, "known");
}
