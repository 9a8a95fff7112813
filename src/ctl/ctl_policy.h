/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl_policy.h - shows policies, and what comes of them; parts of views. */
#ifndef CTL_CTL_POLICY_H
#define CTL_CTL_POLICY_H

#include "ctl/ctl_view.h"

/* The answer that an MTA gets, literally and on one line, without the blanks
 * that may end it, as in "NOTFOUND ". */
void view_put_answer(struct view *view, const char *key, const json_t *item,
                     const char *member);

/* Patterns, id, max_age and times; of a pinned policy what it has of these. */
void view_put_policy(struct view *view, const json_t *item);

/* "enforce, from the cache", "no policy, looked up now". */
void view_put_verdict(struct view *view, const json_t *item);

/* What Postfix is told, and why. */
void view_put_told(struct view *view, const json_t *item);

/* "enforce, id 1, ends in 6d 23h (...)", or "no policy". */
void view_put_in_force(struct view *view, const json_t *item);

/* All that is cached, but for the domain and the text. */
void view_put_entry(struct view *view, const json_t *item);

/* The item of "lookup". */
void view_put_lookup(struct view *view, const json_t *item);

/* An item of "explain". */
void view_put_explain(struct view *view, const json_t *item);

/* What is known of DANE for a next hop, in a line; nothing if DANE is not an
 * object. */
void view_put_dane(struct view *view, const json_t *dane);

/* One step of a walk; the first one after a heading. */
void view_put_dane_step(struct view *view, const json_t *step);

/* Whether DANE is looked at, and what was done about it. */
void view_put_dane_status(struct view *view, const json_t *dane);

#endif
