/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl_stats.h - shows the answers to "stats" and "top". */
#ifndef CTL_CTL_STATS_H
#define CTL_CTL_STATS_H

#include "ctl/ctl_view.h"

/* What is measured, a line a value; of those with labels only what is not 0. */
void view_put_stats(struct view *view, const json_t *item);

/* The busiest domains and the failures, as many as ITEM has. */
void view_put_top(struct view *view, const json_t *item);

#endif
