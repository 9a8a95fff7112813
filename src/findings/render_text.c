/* SPDX-License-Identifier: BSD-2-Clause */
/* render_text.c - shows reports to a person at a terminal, the most important
 * things first.
 *
 * Colour is never the only sign: a word beside it says the same. */
#include "findings/render.h"

#include "base/clock.h"
#include "base/text.h"
#include "findings/safe.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { INDENT = 2, LABEL = 10, HOST_COLUMN = 32 };

enum color { PLAIN, RED, YELLOW, GREEN, BOLD, DIM };

struct page {
	struct buffer *out;
	const struct render_options *options;
};

/* -- pieces ---------------------------------------------------------------- */

static void page_put_colored(struct page *page, enum color color,
                             const char *text)
{
	static const char *const codes[] = {
		[PLAIN] = "0",  [RED] = "1;31", [YELLOW] = "1;33",
		[GREEN] = "32", [BOLD] = "1",   [DIM] = "2",
	};

	if (!page->options->color || color == PLAIN) {
		buffer_puts(page->out, text);
		return;
	}
	buffer_printf(page->out, "\x1b[%sm%s\x1b[0m", codes[color], text);
}

/* Writes "  LABEL    text", wrapped and indented. TEXT may have several lines: those
 * after the first are to be copied, so they are not wrapped. */
static void page_put_field(struct page *page, const char *label,
                           const char *text)
{
	size_t indent = INDENT + LABEL;
	const char *line = text;

	buffer_printf(page->out, "%*s%-*s", INDENT, "", LABEL, label);
	while (*line) {
		size_t len = strcspn(line, "\n");

		text_put_wrapped(page->out, slice_of(line, len), indent,
		                 line == text ? page->options->width : 0,
		                 page->options->utf8);
		buffer_puts(page->out, "\n");
		line += len;
		if (*line == '\n' && *++line)
			buffer_printf(page->out, "%*s", (int)indent, "");
	}
	if (!*text)
		buffer_puts(page->out, "\n");
}

static void page_put_format(struct page *page, const char *label,
                            const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void page_put_format(struct page *page, const char *label,
                            const char *format, ...)
{
	va_list ap;
	char *text;

	va_start(ap, format);
	text = safe_vformat(true, format, ap);
	va_end(ap);
	if (text)
		page_put_field(page, label, text);
	else
		page->out->status = MTS_ENOMEM;
	free(text);
}

/* -- the head -------------------------------------------------------------- */

static const enum color state_colors[] = {
	[STATE_UNKNOWN] = YELLOW, [STATE_NOT_CONFIGURED] = PLAIN,
	[STATE_BROKEN] = RED,     [STATE_OPTED_OUT] = YELLOW,
	[STATE_TESTING] = PLAIN,  [STATE_ENFORCED] = GREEN,
};

static void page_put_head(struct page *page, const struct report *report)
{
	page_put_colored(page, BOLD, report->domain.name);
	buffer_puts(page->out, ": ");
	page_put_colored(page, state_colors[report->state],
	                 render_state(report->state));
	if (report->score >= 0)
		buffer_printf(page->out, ", score %d of 100", report->score);
	buffer_puts(page->out, "\n");
}

static void page_put_policy(struct page *page, const struct report *report)
{
	const struct report_policy *policy = &report->policy;
	char text[RENDER_POLICY];

	if (policy->policy)
		page_put_format(page, "Policy", "%s",
		                render_policy(policy->policy, text));
	if (policy->sha256[0])
		page_put_format(page, "SHA-256", "%s", policy->sha256);
}

static void page_put_facts(struct page *page, const struct report *report)
{
	char *text;

	if (report->record.text)
		page_put_format(page, "Record", "%s", report->record.text);
	if (report->record.id[0])
		page_put_format(page, "id", "%s", report->record.id);
	page_put_policy(page, report);
	if (!report->tls_rpt.text)
		return;
	text = render_tls_rpt(report->tls_rpt.text, page->options->show_rua);
	if (text)
		page_put_format(page, "TLSRPT", "%s", text);
	else
		page->out->status = MTS_ENOMEM;
	free(text);
}

/* -- MX rows --------------------------------------------------------------- */

/* With COVERED the expiry date is shown too; else there is no space for it. */
static void page_put_tls(struct page *page, const struct mx_host *host,
                         bool covered)
{
	const char *fault = render_host_fault(host);
	const struct tls_view *shown = render_host_view(host);
	char date[CLOCK_ISO];

	if (fault) {
		page_put_colored(page, PLAIN, fault);
		return;
	}
	if (!shown) {
		page_put_colored(page, DIM, "not called");
		return;
	}
	buffer_puts(page->out, shown->version);
	if (tls_view_is_bad(shown))
		page_put_colored(page, RED, ", bad certificate");
	else if (covered)
		buffer_printf(page->out, ", valid to %.10s",
		              clock_iso(tls_view_ends_s(shown), date));
	if (host->dane == ANSWER_YES)
		buffer_puts(page->out, ", DANE");
}

static void page_put_mark(struct page *page, enum answer matched)
{
	bool utf8 = page->options->utf8;

	switch (matched) {
	case ANSWER_YES:
		page_put_colored(page, GREEN, utf8 ? "\u2713" : "+");
		break;
	case ANSWER_NO:
		page_put_colored(page, RED, utf8 ? "\u2717" : "x");
		break;
	case ANSWER_UNKNOWN:
		buffer_puts(page->out, "?");
		break;
	}
}

static void page_put_row(struct page *page, const struct mx_row *row)
{
	size_t len = strlen(row->name);

	buffer_printf(page->out, "%*s", INDENT, "");
	page_put_mark(page, row->matched);
	buffer_printf(page->out, " %5u  ", (unsigned)row->preference);
	text_put_safe(page->out, slice_of(row->name, len), page->options->utf8);
	if (len > HOST_COLUMN)
		buffer_printf(page->out, "\n%*s", INDENT + 9, "");
	buffer_printf(page->out, "%*s  ",
	              len > HOST_COLUMN ? 0 : (int)(HOST_COLUMN - len), "");
	if (row->matched == ANSWER_NO)
		buffer_puts(page->out, "no pattern, ");
	page_put_tls(page, row->host, row->matched != ANSWER_NO);
	buffer_puts(page->out, "\n");
}

static void page_put_rows(struct page *page, const struct report *report)
{
	if (report->mx_count == 0)
		return;
	buffer_puts(page->out, "\n");
	page_put_colored(page, BOLD, "Mail hosts");
	buffer_puts(page->out, "\n");
	for (size_t i = 0; i < report->mx_count; i++)
		page_put_row(page, &report->mx[i]);
}

/* -- findings -------------------------------------------------------------- */

/* BEFORE is the finding above, or NULL. If it has the same id, the cause is not
 * repeated. */
static void page_put_finding(struct page *page, const struct finding *finding,
                             const struct finding *before)
{
	static const struct {
		enum color color;
		const char *name;
	} severities[] = {
		[SEVERITY_INFO] = { PLAIN, "info" },
		[SEVERITY_UNKNOWN] = { PLAIN, "unknown" },
		[SEVERITY_WARNING] = { YELLOW, "warning" },
		[SEVERITY_CRITICAL] = { RED, "CRITICAL" },
	};
	const struct finding_row *row = finding_row(finding->id);
	bool again = before && before->id == finding->id;

	buffer_puts(page->out, "\n");
	page_put_colored(page, severities[finding->severity].color,
	                 severities[finding->severity].name);
	buffer_puts(page->out, "  ");
	page_put_colored(page, BOLD, row->title);
	buffer_printf(page->out, "  [%s]\n", row->name);
	page_put_field(page, "Seen", finding->detail);
	if (finding->severity == SEVERITY_INFO && !page->options->verbose)
		return;
	if (!again)
		page_put_field(page, "Why", row->cause);
	if (!again || finding->fix)
		page_put_field(page, "Fix", finding_fix(finding));
	if (!again && *row->rfc)
		page_put_field(page, "See", row->rfc);
}

static void page_put_findings(struct page *page, const struct report *report)
{
	const struct finding *before = NULL;

	for (size_t i = 0; i < report->finding_count; i++) {
		page_put_finding(page, &report->findings[i], before);
		before = &report->findings[i];
	}
}

/* -- to copy --------------------------------------------------------------- */

static void page_put_suggestions(struct page *page, const struct report *report)
{
	if (!report->suggested_record && !report->suggested_policy)
		return;
	buffer_puts(page->out, "\n");
	page_put_colored(page, BOLD, "Suggested");
	buffer_puts(page->out, "\n");
	/* Not wrapped, because it is to be copied. */
	if (report->suggested_record) {
		buffer_printf(page->out, "%*s", INDENT, "");
		text_put_safe(page->out, slice_str(report->suggested_record),
		              page->options->utf8);
		buffer_puts(page->out, "\n");
	}
	if (!report->suggested_policy)
		return;
	buffer_printf(page->out,
	              "%*shttps://mta-sts.%s/.well-known/"
	              "mta-sts.txt:\n",
	              INDENT, "", report->domain.name);
	text_put_lines(page->out, slice_str(report->suggested_policy),
	               (size_t)2 * INDENT, page->options->utf8);
}

/* -- -v -------------------------------------------------------------------- */

static void page_put_cert(struct page *page, const struct cert_view *cert)
{
	char from[CLOCK_ISO], to[CLOCK_ISO];

	page_put_format(page, "  subject", "%s", cert->subject);
	page_put_format(page, "  issuer", "%s", cert->issuer);
	for (size_t i = 0; i < cert->name_count; i++)
		page_put_format(page, i ? "" : "  names", "%s", cert->names[i]);
	page_put_format(page, "  valid", "%s to %s",
	                clock_iso(cert->not_before_s, from),
	                clock_iso(cert->not_after_s, to));
	page_put_format(page, "  SHA-256", "%s", cert->sha256);
}

static void page_put_connection(void *arg, const struct render_connection *c)
{
	struct page *page = arg;

	page_put_format(
	    page, "Host", "%s (%s), %s, %llu ms", c->host, c->address,
	    c->view && *c->view->version ? c->view->version : "no TLS",
	    (unsigned long long)c->ms);
	for (size_t i = 0; c->view && i < c->view->cert_count; i++)
		page_put_cert(page, &c->view->certs[i]);
	if (*c->error)
		page_put_field(page, "", c->error);
}

static bool page_has_connections(const struct report *report)
{
	if (report->policy.address[0])
		return true;
	for (size_t i = 0; i < report->mx_count; i++)
		if (report->mx[i].host && report->mx[i].host->count)
			return true;
	return false;
}

static void page_put_connections(struct page *page, const struct report *report)
{
	if (!page_has_connections(report))
		return;
	buffer_puts(page->out, "\n");
	page_put_colored(page, BOLD, "Connections");
	buffer_puts(page->out, "\n");
	render_connections(report, page_put_connection, page);
}

static void page_put_arithmetic(struct page *page, const struct report *report)
{
	if (report->score < 0)
		return;
	buffer_puts(page->out, "\n");
	page_put_colored(page, BOLD, "Score");
	buffer_puts(page->out, "\n");
	for (size_t i = 0; i < SCORED_GROUPS; i++) {
		const struct score_line *line = &report->lines[i];

		buffer_printf(page->out, "%*s%-12s ", INDENT, "",
		              group_text(line->group));
		if (line->counted)
			buffer_printf(page->out, "%4.1f of %2u\n",
			              line->points / 2.0, line->weight);
		else
			buffer_puts(page->out, "not counted: no result\n");
	}
	if (report->score_cap < 100)
		buffer_printf(page->out, "%*sat most %d in this state\n",
		              INDENT, "", report->score_cap);
}

/* -- the report ------------------------------------------------------------ */

/* With --watch, each round begins with its time. */
static int page_put_round(struct buffer *out, const struct render *render)
{
	struct page page = { out, render->options };
	char date[CLOCK_ISO];

	if (render->round_s) {
		page_put_colored(&page, DIM, clock_iso(render->round_s, date));
		buffer_puts(out, "\n");
	}
	return buffer_status(out);
}

/* A blank line separates rounds. */
static int page_put_round_end(struct buffer *out, const struct render *render)
{
	return render->round_s ? buffer_puts(out, "\n") : buffer_status(out);
}

static int page_put_report(struct buffer *out, const struct render *render,
                           const struct report *report)
{
	struct page page = { out, render->options };

	if (render->count > 0)
		buffer_puts(out, "\n");
	page_put_head(&page, report);
	if (report->state != STATE_NOT_CONFIGURED) {
		page_put_facts(&page, report);
		page_put_rows(&page, report);
	}
	page_put_findings(&page, report);
	if (report->finding_count == 0)
		buffer_puts(out, "\nNo problems found.\n");
	page_put_suggestions(&page, report);
	if (page.options->verbose && report->state != STATE_NOT_CONFIGURED) {
		page_put_connections(&page, report);
		page_put_arithmetic(&page, report);
	}
	if (report->status != MTS_OK)
		buffer_puts(out,
		            "\nOut of memory: this report is incomplete.\n");
	return buffer_status(out);
}

/* -- a policy text --------------------------------------------------------- */

static int page_put_lint(struct buffer *out, const struct render *render,
                         const char *name, const struct report *report)
{
	const struct policy *policy = report->policy.policy;
	struct page page = { out, render->options };
	char text[RENDER_POLICY];

	text_put_safe(out, slice_str(name), page.options->utf8);
	if (policy)
		buffer_printf(out, ": %s\n", render_policy(policy, text));
	else
		page_put_colored(&page, RED,
		                 ": not a valid policy; senders ignore it\n");
	page_put_findings(&page, report);
	if (report->finding_count == 0)
		buffer_puts(out, "No problems found.\n");
	return buffer_status(out);
}

/* -- explain --------------------------------------------------------------- */

static const char *page_row_severity(const struct finding_row *row)
{
	return row->enforce ? "critical in mode enforce, else warning"
	                    : severity_text(row->severity);
}

static void page_explain_one(struct page *page, const struct finding_row *row)
{
	page_put_colored(page, BOLD, row->title);
	buffer_printf(page->out, "  [%s]\n", row->name);
	page_put_format(page, "Group", "%s", group_text(row->group));
	page_put_format(page, "Severity", "%s", page_row_severity(row));
	page_put_field(page, "Why", row->cause);
	page_put_field(page, "Fix", row->fix);
	if (*row->rfc)
		page_put_field(page, "See", row->rfc);
}

static void page_explain_all(struct page *page)
{
	for (size_t i = 0; i < FINDINGS; i++) {
		const struct finding_row *row = finding_row((enum finding_id)i);

		if (i == 0 ||
		    row->group !=
		        finding_row((enum finding_id)(i - 1))->group) {
			buffer_puts(page->out, i == 0 ? "" : "\n");
			page_put_colored(page, BOLD, group_text(row->group));
			buffer_puts(page->out, "\n");
		}
		buffer_printf(page->out, "%*s%-22s %-9s ", INDENT, "",
		              row->name, severity_text(row->severity));
		text_put_wrapped(page->out, slice_str(row->title), INDENT + 33,
		                 page->options->width, page->options->utf8);
		buffer_puts(page->out, "\n");
	}
}

static int page_put_explanations(struct buffer *out,
                                 const struct render *render,
                                 const enum finding_id *ids, size_t count)
{
	struct page page = { out, render->options };

	for (size_t i = 0; i < count; i++) {
		buffer_puts(out, i ? "\n" : "");
		page_explain_one(&page, finding_row(ids[i]));
	}
	if (count == 0)
		page_explain_all(&page);
	return buffer_status(out);
}

const struct renderer renderer_text = {
	.name = "text",
	.begin = page_put_round,
	.end = page_put_round_end,
	.report = page_put_report,
	.lint = page_put_lint,
	.explain = page_put_explanations,
};
