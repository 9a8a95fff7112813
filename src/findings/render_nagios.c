/* SPDX-License-Identifier: BSD-2-Clause */
/* render_nagios.c - what monitoring wants of a plug-in: one line with performance
 * data, by the Monitoring Plugins' guidelines: --nagios.
 *
 * Several domains are summed up in the first line; those that are not in order
 * follow, a line each. No text of a stranger gets in: a '|' would begin the
 * performance data. */
#include "findings/render.h"

#include <stdio.h>

/* More than this is cut off by whoever reads it. */
enum { LATER_MAX = 8 * 1024 };

static const char *status_word(int exit_status)
{
	static const char *const words[] = {
		[CHECK_EXIT_OK] = "OK",
		[CHECK_EXIT_WARNING] = "WARNING",
		[CHECK_EXIT_CRITICAL] = "CRITICAL",
		[CHECK_EXIT_UNKNOWN] = "UNKNOWN",
	};

	return words[exit_status];
}

/* "example.org broken, score 49: Stale policy ID [policy_id_stale]" */
static void put_domain(struct buffer *out, const struct report *report)
{
	const struct finding *worst =
	    report->finding_count ? &report->findings[0] : NULL;

	buffer_printf(out, "%s %s", report->domain.name,
	              render_state_words(report->state));
	if (report->score >= 0)
		buffer_printf(out, ", score %d", report->score);
	if (worst && worst->severity != SEVERITY_INFO)
		buffer_printf(out, ": %s [%s]", finding_row(worst->id)->title,
		              finding_row(worst->id)->name);
	if (report->exit_status != CHECK_EXIT_OK && report->finding_count > 1)
		buffer_printf(out, " and %zu more", report->finding_count - 1);
}

static void put_one(struct buffer *out, const struct report *report)
{
	buffer_printf(out, "MTASTS %s: ", status_word(report->exit_status));
	put_domain(out, report);
	if (report->score >= 0)
		buffer_printf(out, " | score=%d;;;0;100", report->score);
	else
		buffer_puts(out, " | score=U;;;0;100");
	buffer_printf(out, " time=%.3fs;;;0\n",
	              (double)report->timing.total_ms / 1000.0);
}

static int put_report(struct buffer *out, const struct render *render,
                      const struct report *report)
{
	if (!render->options->several) {
		put_one(out, report);
	} else if (report->exit_status != CHECK_EXIT_OK &&
	           render->later->len < LATER_MAX) {
		buffer_printf(render->later,
		              "%s: ", status_word(report->exit_status));
		put_domain(render->later, report);
		buffer_puts(render->later, "\n");
	}
	return buffer_status(out);
}

static int put_end(struct buffer *out, const struct render *render)
{
	const size_t *tally = render->tally;

	if (!render->options->several)
		return buffer_status(out);
	buffer_printf(out,
	              "MTASTS %s: %zu domains, %zu critical, %zu warning, "
	              "%zu unknown | domains=%zu;;;0 critical=%zu;;;0 "
	              "warning=%zu;;;0 unknown=%zu;;;0\n",
	              status_word(render->exit_status), render->count,
	              tally[CHECK_EXIT_CRITICAL], tally[CHECK_EXIT_WARNING],
	              tally[CHECK_EXIT_UNKNOWN], render->count,
	              tally[CHECK_EXIT_CRITICAL], tally[CHECK_EXIT_WARNING],
	              tally[CHECK_EXIT_UNKNOWN]);
	buffer_put_slice(out, buffer_slice(render->later));
	return buffer_status(out);
}

const struct renderer renderer_nagios = {
	.name = "nagios",
	.end = put_end,
	.report = put_report,
};
