/* SPDX-License-Identifier: BSD-2-Clause */
/* top_span.c - how far back the control socket's top looks. */
#include "wire/top_span.h"

/* From 1 to MOST; 0: it is none of these. */
static unsigned parse_number(struct slice text, unsigned most)
{
	unsigned number = 0;

	if (text.len == 0 || text.len > 4)
		return 0;
	for (size_t i = 0; i < text.len; i++) {
		if (!ascii_is_digit(text.data[i]))
			return 0;
		number = number * 10 + (unsigned)(text.data[i] - '0');
	}
	return number <= most ? number : 0;
}

int top_span_parse(const struct control_request *request, struct top_span *ret,
                   struct fault *why)
{
	const struct {
		enum control_top_option option;
		const char *name;
		unsigned most;
		unsigned *to;
	} rows[] = {
		{ CONTROL_TOP_MINUTES, "minutes", TOP_SPAN_MINUTES_MAX,
		  &ret->minutes },
		{ CONTROL_TOP_ROWS, "rows", TOP_SPAN_ROWS_MAX, &ret->rows },
		{ CONTROL_TOP_INTERVAL, "interval", TOP_SPAN_INTERVAL_MAX_S,
		  &ret->interval_s },
	};

	*ret = (struct top_span){ .minutes = TOP_SPAN_MINUTES,
		                  .rows = TOP_SPAN_ROWS,
		                  .interval_s = 1 };
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!control_has(request, rows[i].option))
			continue;
		*rows[i].to = parse_number(request->options[rows[i].option],
		                           rows[i].most);
		if (*rows[i].to == 0)
			return fault_set(why, MTS_ESYNTAX,
			                 "--%s: want a number from 1 to %u",
			                 rows[i].name, rows[i].most);
	}
	return MTS_OK;
}
