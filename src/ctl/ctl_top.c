/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl_top.c - the live screen of "mtasts-ctl top".
 *
 * SECURITY: strangers wrote part of what is shown; ctl_stats.c removes
 * everything that a terminal could act on. */
#include "ctl/ctl_top.h"

#include "ctl/ctl_client.h"
#include "ctl/ctl_lines.h"
#include "ctl/ctl_screen.h"
#include "ctl/ctl_stats.h"

#include <stdlib.h>
#include <time.h>

enum {
	TIMEOUT_S = 10,
	HEAD_LINES = 8, /* that are not rows of one of both tables */
	ROWS_LEAST = 3,
};

struct top_screen {
	const char *socket;
	const struct top_span *span;
	bool rows;                 /* as many as SPAN says */
	struct ctl_client *client; /* NULL: it can't be reached */
	json_t *item;              /* what was told last */
	json_t *before;            /* and what before that, for rates */
};

/* -- asking ---------------------------------------------------------------- */

/* As many rows of each kind as fit into LINES. */
static unsigned rows_of(const struct top_screen *screen, size_t lines)
{
	size_t rows = lines > HEAD_LINES ? (lines - HEAD_LINES) / 2 : 0;

	if (screen->rows)
		return screen->span->rows;
	if (rows < ROWS_LEAST)
		rows = ROWS_LEAST;
	return rows < TOP_SPAN_ROWS_MAX ? (unsigned)rows : TOP_SPAN_ROWS_MAX;
}

/* Reads up to the end of the answer; *RET is its item. */
static int read_top_answer(struct top_screen *screen, json_t **ret,
                           struct fault *why)
{
	json_t *object;
	int rc;

	while ((rc = ctl_next(screen->client, &object, why)) == MTS_OK) {
		if (!item_true(object, "end")) {
			json_decref(*ret);
			*ret = object;
			continue;
		}
		if (item_int(object, "status") != CONTROL_END_DONE)
			rc = fault_set(why, MTS_ESYS, "%s",
			               item_text(object, "error").data);
		json_decref(object);
		return rc;
	}
	return rc;
}

static int ask_once(struct top_screen *screen, size_t lines, struct fault *why)
{
	json_t *item = NULL;
	struct fault line;
	int rc = MTS_OK;

	fault_set(&line, MTS_OK, "top --minutes=%u --rows=%u",
	          screen->span->minutes, rows_of(screen, lines));
	if (!screen->client)
		rc = ctl_connect(screen->socket, TIMEOUT_S, &screen->client,
		                 why);
	if (rc == MTS_OK)
		rc = ctl_send(screen->client, slice_str(line.text), why);
	if (rc == MTS_OK)
		rc = read_top_answer(screen, &item, why);
	if (rc != MTS_OK) {
		json_decref(item);
		ctl_close(&screen->client);
		return rc;
	}
	json_decref(screen->before);
	screen->before = screen->item;
	screen->item = item;
	return MTS_OK;
}

static int ask_again(struct top_screen *screen, size_t lines, struct fault *why)
{
	bool was_open = screen->client;
	int rc = ask_once(screen, lines, why);

	/* mtastsd closes idle connections, or was restarted. */
	if (rc == MTS_ESYS && was_open)
		rc = ask_once(screen, lines, why);
	return rc;
}

/* -- showing --------------------------------------------------------------- */

/* How much KEY has grown a second between both answers. */
static double rate(const struct top_screen *screen, const char *key)
{
	int64_t ms = item_int(screen->item, "time_ms") -
	             item_int(screen->before, "time_ms");
	int64_t more =
	    item_int(screen->item, key) - item_int(screen->before, key);

	/* Negative if mtastsd was restarted in between. */
	return ms > 0 && more > 0 ? (double)more * 1000 / (double)ms : 0;
}

static void put_rates(struct view *view, const struct top_screen *screen)
{
	double requests = screen->before ? rate(screen, "requests") : 0;
	double known =
	    screen->before ? rate(screen, "hits") + rate(screen, "absent") : 0;

	buffer_printf(&view->out, "%.1f questions/s, %.1f known at once",
	              requests, known);
	buffer_printf(&view->out, ", %.1f discoveries/s    (q: quit)\n",
	              screen->before ? rate(screen, "discoveries") : 0);
}

/* FAULT: what was shown last is old, and why. NULL: it is not. */
static bool show_screen(const struct top_screen *screen,
                        const struct fault *fault, size_t columns, size_t lines)
{
	struct view view = { .width = columns, .cut = true };
	bool good;

	view.now_s = time(NULL);
	buffer_init(&view.out, VIEW_MAX);
	if (fault)
		buffer_printf(&view.out, "%s\n", fault->text);
	else
		put_rates(&view, screen);
	view_put_top(&view, screen->item);
	good = ctl_screen_show(buffer_slice(&view.out), columns, lines);
	buffer_free(&view.out);
	return good;
}

static void run_screen(struct top_screen *screen)
{
	size_t columns, lines;
	struct fault fault;
	int rc = MTS_OK;

	ctl_screen_size(&columns, &lines);
	while (
	    show_screen(screen, rc == MTS_OK ? NULL : &fault, columns, lines) &&
	    ctl_screen_wait((uint64_t)screen->span->interval_s * 1000)) {
		ctl_screen_size(&columns, &lines);
		rc = ask_again(screen, lines, &fault);
	}
}

int ctl_top_run(const char *socket, const struct top_span *span, bool rows,
                struct fault *why)
{
	struct top_screen screen = { .socket = socket,
		                     .span = span,
		                     .rows = rows };
	size_t columns, lines;
	int rc;

	ctl_screen_size(&columns, &lines);
	rc = ask_again(&screen, lines, why);
	if (rc == MTS_OK) {
		ctl_screen_open();
		run_screen(&screen);
		ctl_screen_close();
	}
	json_decref(screen.item);
	json_decref(screen.before);
	ctl_close(&screen.client);
	return rc;
}
