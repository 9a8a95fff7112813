/* SPDX-License-Identifier: BSD-2-Clause */
/* render_html.c - shows reports as one HTML page: --html.
 *
 * The page is complete in itself. It has no scripts and loads no fonts or images,
 * and its Content-Security-Policy forbids them. Colour is never the only sign: a
 * word beside it says the same.
 *
 * SECURITY: html_put_text() is the only way for a report's texts onto the page. It
 * removes control characters and writes HTML's special characters as entities. */
#include "findings/render.h"
#include "findings/render_html_style.h"

#include "base/clock.h"
#include "findings/safe.h"

#include <stdio.h>
#include <stdlib.h>

/* -- pieces ---------------------------------------------------------------- */

static void html_put_entities(struct buffer *out, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			buffer_puts(out, "&amp;");
			break;
		case '<':
			buffer_puts(out, "&lt;");
			break;
		case '>':
			buffer_puts(out, "&gt;");
			break;
		case '"':
			buffer_puts(out, "&quot;");
			break;
		case '\'':
			buffer_puts(out, "&#39;");
			break;
		default:
			buffer_put(out, text, 1);
		}
	}
}

/* Writes untrusted TEXT. Line breaks are kept. */
static void html_put_text(struct buffer *out, struct slice text)
{
	char *safe = safe_copy(text, true);

	if (safe)
		html_put_entities(out, safe);
	else
		out->status = MTS_ENOMEM;
	free(safe);
}

static void html_put_string(struct buffer *out, const char *text)
{
	html_put_text(out, slice_str(text));
}

/* Writes a list row. LABEL is trusted; TEXT is put inside TAG ("code", "p"). */
static void html_put_row(struct buffer *out, const char *label, const char *tag,
                         const char *text)
{
	buffer_printf(out, "<dt>%s</dt><dd><%s>", label, tag);
	html_put_string(out, text);
	buffer_printf(out, "</%s></dd>\n", tag);
}

static void html_put_badge(struct buffer *out, const char *color,
                           const char *text)
{
	buffer_printf(out, "<span class=\"badge%s%s\">%s</span>",
	              *color ? " " : "", color, text);
}

/* Like html_put_row(), but if TEXT has several lines, those after the first are to be
 * copied and shown unchanged. */
static void html_put_lines(struct buffer *out, const char *label,
                           const char *text)
{
	bool several = strchr(text, '\n') != NULL;

	if (!several) {
		html_put_row(out, label, "p", text);
		return;
	}
	buffer_printf(out, "<dt>%s</dt><dd><p>", label);
	html_put_text(out, slice_of(text, strcspn(text, "\n")));
	buffer_puts(out, "</p><pre>");
	html_put_string(out, strchr(text, '\n') + 1);
	buffer_puts(out, "</pre></dd>\n");
}

/* -- the head of a report -------------------------------------------------- */

static const char *html_state_color(enum state state)
{
	static const char *const colors[] = {
		[STATE_UNKNOWN] = "warn", [STATE_NOT_CONFIGURED] = "",
		[STATE_BROKEN] = "bad",   [STATE_OPTED_OUT] = "warn",
		[STATE_TESTING] = "",     [STATE_ENFORCED] = "good",
	};

	return colors[state];
}

static void html_put_head(struct buffer *out, const struct report *report)
{
	buffer_puts(out, "<div class=\"head\"><h2>");
	html_put_string(out, report->domain.name);
	buffer_puts(out, "</h2>");
	html_put_badge(out, html_state_color(report->state),
	               render_state(report->state));
	buffer_puts(out, "</div>\n");
	if (report->score < 0)
		return;
	buffer_printf(out,
	              "<p class=\"score\">Score %d of 100</p>"
	              "<div class=\"bar\" aria-hidden=\"true\">"
	              "<div class=\"%s\" style=\"width:%d%%\"></div></div>\n",
	              report->score, html_state_color(report->state),
	              report->score);
}

static void html_put_policy(struct buffer *out,
                            const struct report_policy *policy)
{
	char text[RENDER_POLICY];

	if (policy->policy)
		html_put_row(out, "Policy", "span",
		             render_policy(policy->policy, text));
	if (policy->sha256[0])
		html_put_row(out, "SHA-256", "code", policy->sha256);
}

static void html_put_facts(struct buffer *out, const struct render *render,
                           const struct report *report)
{
	char *text;

	buffer_puts(out, "<dl>\n");
	if (report->record.text)
		html_put_row(out, "Record", "code", report->record.text);
	if (report->record.id[0])
		html_put_row(out, "id", "code", report->record.id);
	html_put_policy(out, &report->policy);
	if (report->tls_rpt.text) {
		text = render_tls_rpt(report->tls_rpt.text,
		                      render->options->show_rua);
		if (text)
			html_put_row(out, "TLSRPT", "code", text);
		else
			out->status = MTS_ENOMEM;
		free(text);
	}
	buffer_puts(out, "</dl>\n");
}

/* -- mail hosts ------------------------------------------------------------ */

static void html_put_matched(struct buffer *out, enum answer matched)
{
	static const char *const cells[] = {
		[ANSWER_UNKNOWN] = "<span>? unknown</span>",
		[ANSWER_NO] = "<span class=\"no\">\u2717 no pattern</span>",
		[ANSWER_YES] = "<span class=\"yes\">\u2713 covered</span>",
	};

	buffer_puts(out, cells[matched]);
}

static void html_put_tls(struct buffer *out, const struct mx_host *host)
{
	const char *fault = render_host_fault(host);
	const struct tls_view *view = render_host_view(host);
	char date[CLOCK_ISO];

	if (fault || !view) {
		buffer_puts(out, fault ? fault : "not called");
		return;
	}
	html_put_string(out, view->version);
	if (tls_view_is_bad(view))
		buffer_puts(out, ", <span class=\"no\">bad certificate</span>");
	else
		buffer_printf(out, ", valid to %.10s",
		              clock_iso(tls_view_ends_s(view), date));
	if (host->dane == ANSWER_YES)
		buffer_puts(out, ", DANE");
}

static void html_put_hosts(struct buffer *out, const struct report *report)
{
	if (report->mx_count == 0)
		return;
	buffer_puts(out, "<h3>Mail hosts</h3>\n<table><tr>"
	                 "<th class=\"wide\">Preference</th><th>Host</th>"
	                 "<th>Policy</th><th>TLS</th></tr>\n");
	for (size_t i = 0; i < report->mx_count; i++) {
		const struct mx_row *row = &report->mx[i];

		buffer_printf(out,
		              "<tr><td class=\"wide\">%u</td>"
		              "<td class=\"host\">",
		              (unsigned)row->preference);
		html_put_string(out, row->name);
		buffer_puts(out, "</td><td>");
		html_put_matched(out, row->matched);
		buffer_puts(out, "</td><td>");
		html_put_tls(out, row->host);
		buffer_puts(out, "</td></tr>\n");
	}
	buffer_puts(out, "</table>\n");
}

/* -- findings -------------------------------------------------------------- */

/* RFC is "RFC 8461 3.1" or "RFC 8461". Links to the RFC Editor. */
static void html_put_rfc(struct buffer *out, const char *rfc)
{
	static const char prefix[] = "RFC ";
	const char *number = rfc + strlen(prefix);
	size_t len = strspn(number, "0123456789");
	const char *section = number + len + (number[len] == ' ');
	size_t section_len = strspn(section, "0123456789.");

	buffer_printf(out,
	              "<dt>See</dt><dd><a href=\"https://www.rfc-editor.org/"
	              "rfc/rfc%.*s%s%.*s\">%s</a></dd>\n",
	              (int)len, number, section_len ? "#section-" : "",
	              (int)section_len, section, rfc);
}

static void html_put_finding(struct buffer *out, const struct finding *finding)
{
	static const char *const colors[] = {
		[SEVERITY_INFO] = "",
		[SEVERITY_UNKNOWN] = "",
		[SEVERITY_WARNING] = "warn",
		[SEVERITY_CRITICAL] = "bad",
	};
	const struct finding_row *row = finding_row(finding->id);

	buffer_puts(out, "<section class=\"finding\">");
	html_put_badge(out, colors[finding->severity],
	               severity_text(finding->severity));
	buffer_puts(out, " <h4>");
	html_put_string(out, row->title);
	buffer_printf(out, "</h4> <code class=\"id\">%s</code>\n<dl>\n",
	              row->name);
	html_put_row(out, "Seen", "p", finding->detail);
	html_put_row(out, "Why", "p", row->cause);
	html_put_lines(out, "Fix", finding_fix(finding));
	if (*row->rfc)
		html_put_rfc(out, row->rfc);
	buffer_puts(out, "</dl></section>\n");
}

static void html_put_findings(struct buffer *out, const struct report *report)
{
	if (report->finding_count == 0) {
		buffer_puts(out, "<p>No problems found.</p>\n");
		return;
	}
	buffer_puts(out, "<h3>Findings</h3>\n");
	for (size_t i = 0; i < report->finding_count; i++)
		html_put_finding(out, &report->findings[i]);
}

/* -- to copy, and details -------------------------------------------------- */

static void html_put_suggestions(struct buffer *out,
                                 const struct report *report)
{
	if (!report->suggested_record && !report->suggested_policy)
		return;
	buffer_puts(out, "<h3>Suggested</h3>\n");
	if (report->suggested_record) {
		buffer_puts(out, "<p>In the zone:</p><pre>");
		html_put_string(out, report->suggested_record);
		buffer_puts(out, "</pre>\n");
	}
	if (!report->suggested_policy)
		return;
	buffer_puts(out, "<p>At <code>https://mta-sts.");
	html_put_string(out, report->domain.name);
	buffer_puts(out, "/.well-known/mta-sts.txt</code>:</p><pre>");
	html_put_string(out, report->suggested_policy);
	buffer_puts(out, "</pre>\n");
}

static void html_put_cert(struct buffer *out, const struct cert_view *cert)
{
	char from[CLOCK_ISO], to[CLOCK_ISO];

	html_put_row(out, "Subject", "span", cert->subject);
	html_put_row(out, "Issuer", "span", cert->issuer);
	for (size_t i = 0; i < cert->name_count; i++)
		html_put_row(out, i ? "" : "Names", "span", cert->names[i]);
	buffer_printf(out, "<dt>Valid</dt><dd>%s to %s</dd>\n",
	              clock_iso(cert->not_before_s, from),
	              clock_iso(cert->not_after_s, to));
	html_put_row(out, "SHA-256", "code", cert->sha256);
}

static void html_put_connection(void *arg, const struct render_connection *c)
{
	struct buffer *out = arg;

	buffer_puts(out, "<h3>");
	html_put_string(out, c->host);
	buffer_printf(out, " (%s)</h3>\n<dl>\n", c->address);
	html_put_row(out, "TLS", "span",
	             c->view && *c->view->version ? c->view->version : "none");
	if (*c->error)
		html_put_row(out, "Error", "span", c->error);
	for (size_t i = 0; c->view && i < c->view->cert_count; i++)
		html_put_cert(out, &c->view->certs[i]);
	buffer_puts(out, "</dl>\n");
}

static void html_put_connections(struct buffer *out,
                                 const struct report *report)
{
	buffer_puts(out, "<details><summary>Connections and certificates"
	                 "</summary>\n");
	render_connections(report, html_put_connection, out);
	buffer_puts(out, "</details>\n");
}

static void html_put_served(struct buffer *out, const struct report *report)
{
	struct slice text = report->policy.text;

	if (!text.data)
		return;
	buffer_puts(out, "<details><summary>The policy as served"
	                 "</summary><pre>");
	while (text.len) {
		const char *end = memchr(text.data, '\n', text.len);
		size_t len = end ? (size_t)(end - text.data) : text.len;
		bool crlf = end && len && text.data[len - 1] == '\r';

		html_put_text(out, slice_of(text.data, len - crlf));
		buffer_puts(out, "\n");
		len += end != NULL;
		text = slice_skip(text, len);
	}
	buffer_puts(out, "</pre></details>\n");
}

static void html_put_arithmetic(struct buffer *out, const struct report *report)
{
	buffer_puts(out, "<details><summary>How the score is calculated"
	                 "</summary><table>\n");
	for (size_t i = 0; i < SCORED_GROUPS; i++) {
		const struct score_line *line = &report->lines[i];

		buffer_printf(out, "<tr><td>%s</td><td>",
		              group_text(line->group));
		if (line->counted)
			buffer_printf(out, "%.1f of %u", line->points / 2.0,
			              line->weight);
		else
			buffer_puts(out, "not counted: no result");
		buffer_puts(out, "</td></tr>\n");
	}
	if (report->score_cap < 100)
		buffer_printf(out,
		              "<tr><td>in this state</td>"
		              "<td>at most %d</td></tr>\n",
		              report->score_cap);
	buffer_puts(out, "</table></details>\n");
}

/* -- the page -------------------------------------------------------------- */

static int html_put_begin(struct buffer *out, const struct render *render)
{
	(void)render;
	buffer_puts(
	    out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
		 "<meta charset=\"utf-8\">\n"
		 "<meta name=\"viewport\" content=\"width=device-width,"
		 "initial-scale=1\">\n"
		 "<meta http-equiv=\"Content-Security-Policy\" "
		 "content=\"default-src 'none';style-src 'unsafe-inline'\">\n"
		 "<meta name=\"referrer\" content=\"no-referrer\">\n"
		 "<meta name=\"generator\" content=\"mtasts-check\">\n"
		 "<title>MTA-STS: what senders find</title>\n<style>\n");
	buffer_puts(out, html_style);
	buffer_puts(out, "</style>\n</head>\n<body>\n<header>"
	                 "<h1>MTA-STS: what senders find</h1></header>\n"
	                 "<main>\n");
	return buffer_status(out);
}

static int html_put_report(struct buffer *out, const struct render *render,
                           const struct report *report)
{
	char date[CLOCK_ISO];

	buffer_puts(out, "<article>\n");
	html_put_head(out, report);
	if (report->state != STATE_NOT_CONFIGURED) {
		html_put_facts(out, render, report);
		html_put_hosts(out, report);
	}
	html_put_findings(out, report);
	html_put_suggestions(out, report);
	if (report->state != STATE_NOT_CONFIGURED) {
		html_put_served(out, report);
		html_put_connections(out, report);
	}
	if (report->score >= 0)
		html_put_arithmetic(out, report);
	if (report->status != MTS_OK)
		buffer_puts(out,
		            "<p class=\"no\">Out of memory: this report is "
		            "incomplete.</p>\n");
	buffer_printf(out, "<p>Checked: %s</p>\n</article>\n",
	              clock_iso(report->time_s, date));
	return buffer_status(out);
}

static int html_put_end(struct buffer *out, const struct render *render)
{
	(void)render;
	buffer_puts(out, "</main>\n<footer>Made by mtasts-check, according to "
	                 "RFC 8461.</footer>\n</body>\n</html>\n");
	return buffer_status(out);
}

const struct renderer renderer_html = {
	.name = "html",
	.begin = html_put_begin,
	.end = html_put_end,
	.report = html_put_report,
};
