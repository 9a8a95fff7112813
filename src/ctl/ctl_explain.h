/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl_explain.h - shows why mail to a domain goes as it goes, or waits. */
#ifndef CTL_CTL_EXPLAIN_H
#define CTL_CTL_EXPLAIN_H

#include "ctl/ctl_view.h"

/* An item of "explain". */
void view_put_explain(struct view *view, const json_t *item);

#endif
