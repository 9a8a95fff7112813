/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl_list.h - the table of "mtasts-ctl list". */
#ifndef CTL_CTL_LIST_H
#define CTL_CTL_LIST_H

#include "ctl/ctl_view.h"

/* Shows one domain as a row; the first one after the titles. */
void view_put_row(struct view *view, const json_t *item);

#endif
