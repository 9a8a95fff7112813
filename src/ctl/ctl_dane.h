/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl_dane.h - shows what mtastsd says of DANE. */
#ifndef CTL_CTL_DANE_H
#define CTL_CTL_DANE_H

#include "ctl/ctl_view.h"

/* What is known of DANE for a next hop, in a line; nothing if DANE is not an
 * object. */
void view_put_dane(struct view *view, const json_t *dane);

/* One step of a walk; the first one after a heading. */
void view_put_dane_step(struct view *view, const json_t *step);

/* Whether DANE is looked at, and what was done about it. */
void view_put_dane_status(struct view *view, const json_t *dane);

#endif
