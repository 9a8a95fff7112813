/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl_dane.c - shows what mtastsd says of DANE. */
#include "prog/ctl_dane.h"

#include "prog/ctl_item.h"
#include "prog/ctl_text.h"

enum {
	KEY_WIDTH = 18,   /* as in ctl_view.c */
	STEP_INDENT = 10, /* of "  FAILED  " */
};

static void put(struct view *view, const char *text)
{
	buffer_puts(&view->out, text);
}

/* From column INDENT on, broken where a terminal would. */
static void put_words(struct view *view, struct slice text, size_t indent)
{
	text_put_words(&view->out, text, indent, view->cut ? view->width : 0,
	               view->utf8);
}

static void put_key(struct view *view, const char *key)
{
	put(view, "  ");
	text_put_cell(&view->out, slice_str(key), KEY_WIDTH, false);
}

static void put_text(struct view *view, const char *key, const json_t *item,
                     const char *member)
{
	put_key(view, key);
	put_words(view, item_text(item, member), 2 + KEY_WIDTH);
	put(view, "\n");
}

static void put_count(struct view *view, const char *key, const json_t *item,
                      const char *member)
{
	put_key(view, key);
	buffer_printf(&view->out, "%llu\n",
	              (unsigned long long)item_count(item, member));
}

static const char *state_words(struct slice state)
{
	static const struct {
		const char *name, *words;
	} rows[] = {
		{ "not_known", "nothing is known yet" },
		{ "none", "no TLSA records" },
		{ "all", "usable TLSA records for every host" },
		{ "some", "usable TLSA records for some of the hosts" },
		{ "unusable", "TLSA records, none of them usable" },
		{ "insecure_mx", "TLSA records, but insecure MX records" },
		{ "unknowable", "can't be looked up" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (slice_is(state, rows[i].name))
			return rows[i].words;
	}
	return "an unknown state";
}

/* " (12s old, good for 4m 48s)" */
static void put_age(struct view *view, const json_t *dane)
{
	int64_t ends_in_s = item_int(dane, "ends_in");

	if (!item_has(dane, "ttl"))
		return;
	if (slice_is(item_text(dane, "state"), "unknowable")) {
		put(view, " (tried again in ");
		text_put_span(&view->out, item_count(dane, "ends_in"));
		put(view, ")");
		return;
	}
	put(view, " (");
	text_put_span(&view->out, item_count(dane, "age"));
	put(view, " old, ");
	if (ends_in_s < 0) {
		put(view, "its time is over since ");
		text_put_span(&view->out, (uint64_t)-ends_in_s);
	} else {
		put(view, "good for ");
		text_put_span(&view->out, (uint64_t)ends_in_s);
	}
	put(view, ")");
}

/* "the host itself, port 587: ", unless it is mail to MX hosts as ever. */
static void put_hop(struct view *view, const json_t *dane)
{
	uint64_t port = item_has(dane, "port") ? item_count(dane, "port") : 25;
	bool direct = item_true(dane, "direct");

	if (direct)
		put(view, "the host itself");
	if (port != 25)
		buffer_printf(&view->out, "%sport %llu", direct ? ", " : "",
		              (unsigned long long)port);
	if (direct || port != 25)
		put(view, ": ");
}

void view_put_dane(struct view *view, const json_t *dane)
{
	if (!json_is_object(dane))
		return;
	put_key(view, "dane");
	if (item_has(dane, "off")) {
		put(view, "not looked at: ");
		text_put_safe(&view->out, item_text(dane, "off"), view->utf8);
		put(view, "\n");
		return;
	}
	put_hop(view, dane);
	put(view, state_words(item_text(dane, "state")));
	put_age(view, dane);
	put(view, "\n");
	if (item_has(dane, "reason"))
		put_text(view, "", dane, "reason");
}

void view_put_dane_step(struct view *view, const json_t *step)
{
	struct slice name = item_text(step, "name");
	struct slice detail = item_text(step, "detail");

	if (!view->dane_steps)
		put(view, "DANE looked up now\n");
	view->dane_steps = true;
	put(view, item_true(step, "ok") ? "  ok      " : "  FAILED  ");
	text_put_safe(&view->out, name, view->utf8);
	/* Names are long, so what is said of one may get a line of its own. */
	if (view->cut && STEP_INDENT + name.len + 2 + detail.len > view->width)
		put(view, "\n          ");
	else
		put(view, "  ");
	put_words(view, detail, STEP_INDENT);
	put(view, "\n");
}

void view_put_dane_status(struct view *view, const json_t *dane)
{
	if (!json_is_object(dane))
		return;
	put(view, "DANE\n");
	put_text(view, "dane", dane, "summary");
	put_count(view, "look-ups", dane, "walks");
	put_count(view, "not to be learnt", dane, "unknowable");
	put_count(view, "joined another", dane, "joined");
	put_count(view, "timed out", dane, "timed_out");
	put_count(view, "under way", dane, "under_way");
	put_count(view, "waiting clients", dane, "waiting");
	put_count(view, "known in memory", dane, "known");
}
