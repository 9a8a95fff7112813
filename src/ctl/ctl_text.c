/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl_text.c - texts for a person at a terminal. */
#include "ctl/ctl_text.h"

#include <time.h>

/* -- times ----------------------------------------------------------------- */

static const struct {
	uint64_t seconds;
	char name;
} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };

enum { UNITS = sizeof(units) / sizeof(units[0]) };

/* The largest unit that fits into SPAN_S; seconds for 0. */
static size_t find_unit(uint64_t span_s)
{
	size_t i = 0;

	while (i < UNITS - 1 && span_s < units[i].seconds)
		i++;
	return i;
}

int text_put_short_span(struct buffer *out, uint64_t span_s)
{
	size_t i = find_unit(span_s);

	return buffer_printf(out, "%llu%c",
	                     (unsigned long long)(span_s / units[i].seconds),
	                     units[i].name);
}

int text_put_span(struct buffer *out, uint64_t span_s)
{
	size_t i = find_unit(span_s);
	uint64_t rest_s = span_s % units[i].seconds;

	text_put_short_span(out, span_s);
	if (i < UNITS - 1 && rest_s >= units[i + 1].seconds)
		buffer_printf(
		    out, " %llu%c",
		    (unsigned long long)(rest_s / units[i + 1].seconds),
		    units[i + 1].name);
	return buffer_status(out);
}

static int put_absolute(struct buffer *out, int64_t time_s)
{
	time_t when = (time_t)time_s;
	struct tm tm;
	char text[64];

	if (!gmtime_r(&when, &tm) ||
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
		return buffer_printf(out, "%lld s", (long long)time_s);
	return buffer_puts(out, text);
}

int text_put_time(struct buffer *out, int64_t time_s, int64_t now_s)
{
	if (time_s == 0)
		return buffer_puts(out, "never");
	if (time_s > now_s) {
		buffer_puts(out, "in ");
		text_put_span(out, (uint64_t)time_s - (uint64_t)now_s);
	} else if (time_s < now_s) {
		text_put_span(out, (uint64_t)now_s - (uint64_t)time_s);
		buffer_puts(out, " ago");
	} else {
		buffer_puts(out, "now");
	}
	buffer_puts(out, " (");
	put_absolute(out, time_s);
	return buffer_puts(out, ")");
}

/* -- sizes and words ------------------------------------------------------- */

int text_put_size(struct buffer *out, uint64_t bytes)
{
	static const char *const names[] = { "KiB", "MiB", "GiB", "TiB" };
	double size = (double)bytes / 1024;
	size_t i = 0;

	if (bytes < 1024)
		return buffer_printf(out, "%llu bytes",
		                     (unsigned long long)bytes);
	while (size >= 1024 && i < sizeof(names) / sizeof(names[0]) - 1) {
		size /= 1024;
		i++;
	}
	return buffer_printf(out, "%.1f %s", size, names[i]);
}

const char *text_find_phrase(const struct text_phrase *rows, struct slice name,
                             const char *otherwise)
{
	for (; rows->name; rows++)
		if (slice_is(name, rows->name))
			return rows->phrase;
	return otherwise;
}
