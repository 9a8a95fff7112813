/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_render.c - whatever untrusted texts contain, no output format contains
 * anything that a terminal, a browser or a parser would act on.
 *
 * The input is split into texts that fill every text field of a report. They are
 * unchanged in fields that are marked raw, and sanitized in the others. */
#include "base/text.h"
#include "findings/render.h"
#include "findings/safe.h"

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A report contains at most this much text from one domain. */
enum { INPUT_MAX = 64 * 1024 };

static void must(bool good)
{
	if (!good)
		abort();
}

/* -- the input ------------------------------------------------------------- */

struct feed {
	const char *data;
	size_t len;
};

static unsigned take_byte(struct feed *feed)
{
	if (feed->len == 0)
		return 0;
	feed->len--;
	return (unsigned char)*feed->data++;
}

/* The text up to a byte 0xfe, which UTF-8 never contains. */
static struct slice take_text(struct feed *feed)
{
	const char *end =
	    feed->len ? memchr(feed->data, 0xfe, feed->len) : NULL;
	size_t len = end ? (size_t)(end - feed->data) : feed->len;
	struct slice text = slice_of(feed->data, len);

	feed->data += len + (end != NULL);
	feed->len -= len + (end != NULL);
	return text;
}

static char *take_raw(struct feed *feed)
{
	char *raw = slice_copy(take_text(feed));

	must(raw != NULL);
	return raw;
}

static char *take_safe(struct feed *feed)
{
	char *safe = safe_copy(take_text(feed), false);

	must(safe != NULL);
	return safe;
}

static void take_into(struct feed *feed, char *to, size_t size)
{
	char *safe = take_safe(feed);
	char *cut;

	snprintf(to, size, "%s", safe);
	free(safe);
	/* A character may have been split. */
	cut = safe_copy(slice_str(to), false);
	must(cut != NULL);
	snprintf(to, size, "%s", cut);
	free(cut);
}

/* -- a report -------------------------------------------------------- */

static struct tls_view *make_view(struct feed *feed)
{
	struct tls_view *view = calloc(1, sizeof(*view));
	struct cert_view *cert = calloc(1, sizeof(*cert));
	char **names = calloc(1, sizeof(*names));

	must(view && cert && names);
	snprintf(view->version, sizeof(view->version), "TLSv1.3");
	names[0] = take_safe(feed);
	*cert = (struct cert_view){ .subject = take_safe(feed),
		                    .issuer = take_safe(feed),
		                    .names = names,
		                    .name_count = 1 };
	take_into(feed, view->faults[TLS_FAULT_NAME],
	          sizeof(view->faults[TLS_FAULT_NAME]));
	view->certs = cert;
	view->cert_count = 1;
	return view;
}

static void add_host(struct report *report, struct feed *feed)
{
	struct mx_host *host = calloc(1, sizeof(*host));
	struct mx_address *address = calloc(1, sizeof(*address));

	report->mx = calloc(1, sizeof(*report->mx));
	must(host && address && report->mx);
	host->references = 1;
	host->dane = (enum answer)(take_byte(feed) % 3);
	take_into(feed, host->name, sizeof(host->name));
	must(address_parse(slice_str("192.0.2.1"), AF_INET, &address->address));
	address->reach = (enum reach)(take_byte(feed) % (REACH_TLS + 1));
	take_into(feed, address->error, sizeof(address->error));
	if (address->reach >= REACH_TLS_FAILED)
		address->view = make_view(feed);
	host->addresses = address;
	host->count = 1;
	report->mx[0].host = host;
	report->mx[0].matched = (enum answer)(take_byte(feed) % 3);
	snprintf(report->mx[0].name, sizeof(report->mx[0].name), "%s",
	         host->name);
	report->mx_count = 1;
	report->has_mx = true;
}

static void add_policy(struct report *report, struct feed *feed)
{
	struct slice text = take_text(feed);
	struct fault why = { 0 };

	report->policy.text = slice_of(slice_copy(text), text.len);
	must(report->policy.text.data != NULL);
	if (policy_parse(report->policy.text, NULL, &report->policy.policy,
	                 &why) != MTS_OK)
		must(report->policy.policy == NULL);
	snprintf(report->policy.address, sizeof(report->policy.address),
	         "192.0.2.2");
	report->policy.view = make_view(feed);
}

static void add_tls_rpt(struct report *report, struct feed *feed)
{
	report->tls_rpt.text = take_raw(feed);
	report->tls_rpt.rua = calloc(1, sizeof(*report->tls_rpt.rua));
	must(report->tls_rpt.rua != NULL);
	report->tls_rpt.rua[0] = take_raw(feed);
	report->tls_rpt.rua_count = 1;
}

static void add_finding(struct report *report, struct feed *feed)
{
	enum finding_id id = (enum finding_id)(take_byte(feed) % FINDINGS);
	char *detail = take_raw(feed);
	char *fix = take_raw(feed);
	struct finding *finding = report_add(report, id, "%s", detail);

	if (*fix)
		report_fix(report, finding, "Line one:\n%s", fix);
	free(detail);
	free(fix);
}

static struct report *make_report(struct feed *feed)
{
	struct domain domain;
	struct fault why = { 0 };
	struct report *report;

	must(domain_from_key("a.example", strlen("a.example"), &domain, &why) ==
	     MTS_OK);
	report = report_new(&domain);
	must(report != NULL);
	report->state = (enum state)(take_byte(feed) % (STATE_ENFORCED + 1));
	report->score = (int)(take_byte(feed) % 102) - 1;
	report->exit_status = (int)(take_byte(feed) % (CHECK_EXIT_UNKNOWN + 1));
	report->record.text = take_raw(feed);
	add_tls_rpt(report, feed);
	add_policy(report, feed);
	add_host(report, feed);
	report->suggested_record = take_safe(feed);
	report->suggested_policy = safe_copy(take_text(feed), true);
	must(report->suggested_policy != NULL);
	while (feed->len)
		add_finding(report, feed);
	must(report->status == MTS_OK);
	return report;
}

/* -- what must be true -------------------------------------------------------- */

static bool changes_direction(uint32_t c)
{
	return c == 0x61c || (c >= 0x200e && c <= 0x200f) ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

/* TEXT is UTF-8 without control characters other than LF. With COLORED, our own
 * escape sequences, which end with 'm', are allowed. */
static void must_be_safe(struct slice text, bool colored)
{
	while (text.len) {
		uint32_t c = 0;
		size_t len = utf8_take(text, &c);

		must(len > 0);
		if (colored && c == 0x1b) {
			must(text.len > 2 && text.data[1] == '[');
			len = 2 + strspn(text.data + 2, "0123456789;");
			must(len < text.len && text.data[len] == 'm');
			len++;
		} else {
			must(c == '\n' || (c >= 0x20 && c < 0x7f) || c > 0x9f);
			must(!changes_direction(c));
		}
		text = slice_of(text.data + len, text.len - len);
	}
}

static void must_be_ascii(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		must((text.data[i] & 0x80) == 0);
}

static size_t count_of(struct slice text, char what)
{
	size_t count = 0;

	for (size_t i = 0; i < text.len; i++)
		count += text.data[i] == what;
	return count;
}

/* Checks every string, at any depth. */
static void must_be_safe_json(const json_t *value)
{
	const char *key;
	json_t *member;
	size_t i;

	if (json_is_string(value)) {
		const char *s = json_string_value(value);
		size_t len = json_string_length(value);

		must(strlen(s) == len);
		for (i = 0; i < len;
		     i++) /* a line of the policy may end with it */
			must(s[i] != '\r' || s[i + 1] == '\n');
	}
	json_array_foreach(value, i, member) must_be_safe_json(member);
	json_object_foreach((json_t *)value, key, member)
	    must_be_safe_json(member);
}

static void must_be_json(struct slice text)
{
	json_t *value = json_loadb(text.data, text.len, 0, NULL);

	must(value != NULL);
	must_be_safe_json(value);
	json_decref(value);
}

/* Each '<' begins a tag that we write, which ends before the next begins; each '&'
 * begins an entity that we write. */
static void must_be_our_html(const char *html)
{
	static const char *const ours[] = {
		"article", "h2", "h3",      "h4",   "div",     "span",    "p",
		"dl",      "dt", "dd",      "code", "pre",     "table",   "tr",
		"th",      "td", "section", "a",    "details", "summary",
	};
	static const char *const entities[] = { "&amp;", "&lt;", "&gt;",
		                                "&quot;", "&#39;" };
	bool known;

	for (const char *at = html; (at = strpbrk(at, "<>&")) != NULL; at++) {
		const char *name = at + 1 + (at[1] == '/');
		size_t len = strcspn(name, " >");

		must(*at != '>');
		known = false;
		for (size_t i = 0; *at == '&' && i < 5; i++)
			known |=
			    strncmp(at, entities[i], strlen(entities[i])) == 0;
		for (size_t i = 0;
		     *at == '<' && i < sizeof(ours) / sizeof(*ours); i++)
			known |= strlen(ours[i]) == len &&
			         strncmp(name, ours[i], len) == 0;
		must(known);
		if (*at == '<') {
			at += strcspn(at, ">");
			must(*at == '>');
		}
	}
}

/* -- the formats ------------------------------------------------------------- */

static void show(const struct report *report,
                 const struct render_options *options, const char *name)
{
	struct render render = { .options = options };
	struct buffer out, later;
	struct slice text;

	buffer_init(&out, RENDER_MAX);
	buffer_init(&later, RENDER_MAX);
	render.later = &later;
	must(renderer_find(name)->report(&out, &render, report) == MTS_OK);
	text = buffer_slice(&out);
	must_be_safe(text, options->color && strcmp(name, "text") == 0);
	if (strcmp(name, "text") == 0 && !options->utf8)
		must_be_ascii(text);
	if (strncmp(name, "json", 4) == 0)
		must_be_json(text);
	if (strcmp(name, "jsonl") == 0)
		must(count_of(text, '\n') == 1);
	if (strcmp(name, "nagios") == 0)
		must(count_of(text, '|') == 1 && count_of(text, '\n') == 1);
	if (strcmp(name, "html") == 0) {
		must(buffer_put(&out, "", 1) == MTS_OK);
		must_be_our_html(out.data);
	}
	buffer_free(&out);
	buffer_free(&later);
}

static void show_lint(const struct report *report,
                      const struct render_options *options, const char *name)
{
	struct render render = { .options = options };
	struct buffer out;

	buffer_init(&out, RENDER_MAX);
	must(renderer_find(name)->lint(&out, &render, report->tls_rpt.text,
	                               report) == MTS_OK);
	must_be_safe(buffer_slice(&out), options->color);
	if (strcmp(name, "json") == 0)
		must_be_json(buffer_slice(&out));
	buffer_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const forms[] = { "text", "json", "jsonl", "html",
		                             "nagios" };
	struct feed feed = { (const char *)data, size };
	unsigned flags = take_byte(&feed);
	struct render_options options = {
		.color = flags & 1,
		.utf8 = flags & 2,
		.verbose = flags & 4,
		.show_rua = flags & 8,
		.width = RENDER_WIDTH,
	};
	struct report *report;

	if (size > INPUT_MAX)
		return 0;
	report = make_report(&feed);
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++)
		show(report, &options, forms[i]);
	show_lint(report, &options, "text");
	show_lint(report, &options, "json");
	report_free(&report);
	return 0;
}
