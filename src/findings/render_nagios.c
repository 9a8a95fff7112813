/* SPDX-License-Identifier: BSD-2-Clause */
/* render_nagios.c - prints one line with performance data for monitoring, as the
 * Monitoring Plugins guidelines ask: --nagios.
 *
 * With several domains the first line is a summary, and each domain with a problem
 * gets a line below it.
 *
 * SECURITY: no untrusted text is printed: a '|' would begin the performance
 * data. */
#include "findings/render.h"

#include <stdio.h>

/* Monitoring systems cut off longer output. */
enum { LATER_MAX = 8 * 1024 };

static const char *nagios_status(int exit_status)
{
	static const char *const texts[] = {
		[CHECK_EXIT_OK] = "OK",
		[CHECK_EXIT_WARNING] = "WARNING",
		[CHECK_EXIT_CRITICAL] = "CRITICAL",
		[CHECK_EXIT_UNKNOWN] = "UNKNOWN",
	};

	return texts[exit_status];
}

/* "example.org broken, score 49: Stale policy ID [policy_id_stale]" */
static void nagios_put_domain(struct buffer *out, const struct report *report)
{
	const struct finding *worst =
	    report->finding_count ? &report->findings[0] : NULL;

	buffer_printf(out, "%s %s", report->domain.name,
	              render_state(report->state));
	if (report->score >= 0)
		buffer_printf(out, ", score %d", report->score);
	if (worst && worst->severity != SEVERITY_INFO)
		buffer_printf(out, ": %s [%s]", finding_row(worst->id)->title,
		              finding_row(worst->id)->name);
	if (report->exit_status != CHECK_EXIT_OK && report->finding_count > 1)
		buffer_printf(out, " and %zu more", report->finding_count - 1);
}

static void nagios_put_one(struct buffer *out, const struct report *report)
{
	buffer_printf(out, "MTASTS %s: ", nagios_status(report->exit_status));
	nagios_put_domain(out, report);
	if (report->score >= 0)
		buffer_printf(out, " | score=%d;;;0;100", report->score);
	else
		buffer_puts(out, " | score=U;;;0;100");
	buffer_printf(out, " time=%.3fs;;;0\n",
	              (double)report->timing.total_ms / 1000.0);
}

static int nagios_put_report(struct buffer *out, const struct render *render,
                             const struct report *report)
{
	if (!render->options->several) {
		nagios_put_one(out, report);
	} else if (report->exit_status != CHECK_EXIT_OK &&
	           render->later->len < LATER_MAX) {
		buffer_printf(render->later,
		              "%s: ", nagios_status(report->exit_status));
		nagios_put_domain(render->later, report);
		buffer_puts(render->later, "\n");
	}
	return buffer_status(out);
}

static int nagios_put_end(struct buffer *out, const struct render *render)
{
	const size_t *counts = render->counts;

	if (!render->options->several)
		return buffer_status(out);
	buffer_printf(out,
	              "MTASTS %s: %zu domains, %zu critical, %zu warning, "
	              "%zu unknown | domains=%zu;;;0 critical=%zu;;;0 "
	              "warning=%zu;;;0 unknown=%zu;;;0\n",
	              nagios_status(render->exit_status), render->count,
	              counts[CHECK_EXIT_CRITICAL], counts[CHECK_EXIT_WARNING],
	              counts[CHECK_EXIT_UNKNOWN], render->count,
	              counts[CHECK_EXIT_CRITICAL], counts[CHECK_EXIT_WARNING],
	              counts[CHECK_EXIT_UNKNOWN]);
	buffer_put_slice(out, buffer_slice(render->later));
	return buffer_status(out);
}

const struct renderer renderer_nagios = {
	.name = "nagios",
	.end = nagios_put_end,
	.report = nagios_put_report,
};
