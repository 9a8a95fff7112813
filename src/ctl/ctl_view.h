/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl_view.h - shows what mtastsd answers: as text for a person, or as one JSON
 * document.
 *
 * Pure: text goes to a buffer, and the caller writes it out after each call, so
 * that a long list streams. */
#ifndef CTL_CTL_VIEW_H
#define CTL_CTL_VIEW_H

#include "base/buffer.h"
#include "wire/control_protocol.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { VIEW_MAX = 4 * 1024 * 1024 }; /* bytes shown between two writes */

/* A plain value; the first six are the caller's to set, the rest is 0. */
struct view {
	enum control_command command;
	bool utf8;    /* the terminal knows UTF-8 */
	size_t width; /* columns of a list */
	bool cut;     /* cut what does not fit; otherwise lines get longer */
	int64_t now_s;
	bool names;        /* a list shows only the domains */
	struct buffer out; /* buffer_init(.., VIEW_MAX) and buffer_free() */
	size_t items;      /* shown so far */
	bool dane_steps;   /* their heading was shown */
	json_t *document;  /* JSON: the items, merged; view_end() frees it */
};

/* Shows one item as text; buffer_status(). */
int view_text_item(struct view *view, const json_t *item);

/* Shows the end. ERROR is for standard error; NULL if there is nothing to
 * say. */
void view_text_end(struct view *view, int status, const char **error);

/* The same as JSON: one object for status, lookup, explain and show (its steps
 * gathered in "steps" and "dane_steps"), an array for the others. MTS_ENOMEM or
 * buffer_status(). */
int view_json_item(struct view *view, json_t *item);

/* ERROR (may be NULL) is what the daemon, or the connection to it, says. After
 * the first items of an array it has no place in the document: then it is left
 * in *ERROR for standard error, otherwise *ERROR is NULL afterwards. */
int view_json_end(struct view *view, int status, const char **error);

/* Appends VALUE as JSON that any terminal can take: ASCII without controls. */
int view_put_json(struct buffer *out, const json_t *value, size_t flags);

#endif
