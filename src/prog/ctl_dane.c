/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl_dane.c - shows what mtastsd says of DANE. */
#include "prog/ctl_dane.h"

#include "prog/ctl_item.h"
#include "prog/ctl_text.h"

enum { KEY_WIDTH = 18 }; /* as in ctl_view.c */

static void put(struct view *view, const char *text)
{
	buffer_puts(&view->out, text);
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
	text_put_safe(&view->out, item_text(item, member), view->utf8);
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
	put(view, state_words(item_text(dane, "state")));
	put_age(view, dane);
	put(view, "\n");
	if (item_has(dane, "reason"))
		put_text(view, "", dane, "reason");
}

void view_put_dane_step(struct view *view, const json_t *step)
{
	if (!view->dane_steps)
		put(view, "DANE looked up now\n");
	view->dane_steps = true;
	put(view, item_true(step, "ok") ? "  ok      " : "  FAILED  ");
	text_put_safe(&view->out, item_text(step, "name"), view->utf8);
	put(view, "  ");
	text_put_safe(&view->out, item_text(step, "detail"), view->utf8);
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
