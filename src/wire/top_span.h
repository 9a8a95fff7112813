/* SPDX-License-Identifier: BSD-2-Clause */
/* top_span.h - how far back the control socket's top looks, and how much of it
 * is shown. */
#ifndef WIRE_TOP_SPAN_H
#define WIRE_TOP_SPAN_H

#include "wire/control.h"

enum {
	TOP_SPAN_MINUTES = 5,
	TOP_SPAN_MINUTES_MAX = 10,
	TOP_SPAN_ROWS = 10,
	TOP_SPAN_ROWS_MAX = 64,
	TOP_SPAN_INTERVAL_MAX_S = 3600,
};

struct top_span {
	unsigned minutes;
	unsigned rows; /* of each kind */
	unsigned interval_s;
};

/* Reads the options of REQUEST; the defaults where there are none. MTS_ESYNTAX:
 * WHY says which value is no good, and what would be. */
int top_span_parse(const struct control_request *request, struct top_span *ret,
                   struct fault *why);

#endif
