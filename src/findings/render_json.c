/* SPDX-License-Identifier: BSD-2-Clause */
/* render_json.c - prints reports as JSON: --json and --jsonl.
 *
 * Keys and their meanings are an interface; "schema" is its version. It is described
 * in doc/mtasts-check.schema.json. */
#include "findings/render.h"

#include "base/json_text.h"
#include "base/text.h"
#include "findings/safe.h"

#include <jansson.h>
#include <stdlib.h>

enum { JSON_SCHEMA = 1 };

/* -- values ---------------------------------------------------------------- */

/* An untrusted text, made safe; null for NULL. */
static json_t *json_raw_string(const char *text, bool lines)
{
	char *safe = text ? safe_copy(slice_str(text), lines) : NULL;
	json_t *string = text ? json_string(safe) : json_null();

	free(safe);
	return string;
}

static json_t *json_string_or_null(const char *text)
{
	return text && *text ? json_string(text) : json_null();
}

static json_t *json_answer(enum answer answer)
{
	if (answer == ANSWER_UNKNOWN)
		return json_null();
	return json_boolean(answer == ANSWER_YES);
}

/* Takes over ARRAY and VALUE. If either is NULL or memory runs out, returns NULL:
 * so callers check only the end result. */
static json_t *json_append(json_t *array, json_t *value)
{
	if (array && json_array_append_new(array, value) == 0)
		return array;
	json_decref(array);
	return NULL;
}

/* -- findings -------------------------------------------------------------- */

static json_t *json_finding(const struct finding *finding)
{
	const struct finding_row *row = finding_row(finding->id);

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "id", row->name,
	                 "severity", severity_text(finding->severity), "title",
	                 row->title, "detail", finding->detail, "fix",
	                 finding_fix(finding), "rfc",
	                 json_string_or_null(row->rfc));
}

static json_t *json_findings(const struct report *report)
{
	json_t *array = json_array();

	for (size_t i = 0; i < report->finding_count; i++)
		array = json_append(array, json_finding(&report->findings[i]));
	return array;
}

/* -- TLS ------------------------------------------------------------------- */

static json_t *json_names(const struct cert_view *cert)
{
	json_t *array = json_array();

	for (size_t i = 0; i < cert->name_count; i++)
		array = json_append(array, json_string(cert->names[i]));
	return array;
}

static json_t *json_cert(const struct cert_view *cert)
{
	return json_pack("{s:s, s:s, s:o, s:I, s:I, s:s}", "subject",
	                 cert->subject, "issuer", cert->issuer, "names",
	                 json_names(cert), "not_before_s",
	                 (json_int_t)cert->not_before_s, "not_after_s",
	                 (json_int_t)cert->not_after_s, "sha256", cert->sha256);
}

/* null if no TLS was seen. */
static json_t *json_view(const struct tls_view *view)
{
	json_t *certs = json_array();

	if (!view) {
		json_decref(certs);
		return json_null();
	}
	for (size_t i = 0; i < view->cert_count; i++)
		certs = json_append(certs, json_cert(&view->certs[i]));
	return json_pack("{s:o, s:o}", "version",
	                 json_string_or_null(view->version), "certificates",
	                 certs);
}

/* -- MX hosts -------------------------------------------------------------- */

static const char *json_reach(enum reach reach)
{
	static const char *const texts[] = {
		[REACH_NOT_TRIED] = "not_tried",
		[REACH_FAILED] = "failed",
		[REACH_PLAIN] = "no_starttls",
		[REACH_TLS_FAILED] = "tls_failed",
		[REACH_TLS] = "tls",
	};

	return texts[reach];
}

static json_t *json_address(const struct mx_address *address)
{
	char text[ADDRESS_TEXT];

	return json_pack("{s:s, s:s, s:o, s:I, s:o}", "address",
	                 address_text(&address->address, text), "reach",
	                 json_reach(address->reach), "error",
	                 json_string_or_null(address->error), "ms",
	                 (json_int_t)address->ms, "tls",
	                 json_view(address->view));
}

static json_t *json_mx_row(const struct mx_row *row)
{
	json_t *addresses = json_array();
	const struct mx_host *host = row->host;

	for (size_t i = 0; host && i < host->count; i++)
		addresses =
		    json_append(addresses, json_address(&host->addresses[i]));
	return json_pack("{s:s, s:i, s:o, s:o, s:o}", "host", row->name,
	                 "preference", (int)row->preference, "matched",
	                 json_answer(row->matched), "dane",
	                 json_answer(host ? host->dane : ANSWER_UNKNOWN),
	                 "addresses", addresses);
}

static json_t *json_mx(const struct report *report)
{
	json_t *array;

	if (!report->has_mx)
		return json_null();
	array = json_array();
	for (size_t i = 0; i < report->mx_count; i++)
		array = json_append(array, json_mx_row(&report->mx[i]));
	return array;
}

/* -- the rest -------------------------------------------------------------- */

static json_t *json_record(const struct report_record *record)
{
	if (!record->text)
		return json_null();
	return json_pack("{s:o, s:o}", "text",
	                 json_raw_string(record->text, false), "id",
	                 json_string_or_null(record->id));
}

static json_t *json_patterns(const struct policy *policy)
{
	json_t *array = json_array();
	const char *pattern;
	size_t offset = 0;

	while ((pattern = policy_next_mx(policy, &offset)) != NULL)
		array = json_append(array, json_string(pattern));
	return array;
}

/* The body as served, with its line ends; other control characters and invalid
 * UTF-8 become '?'. */
static json_t *json_body(struct slice text)
{
	struct buffer out;
	json_t *string = NULL;

	buffer_init(&out, RENDER_MAX);
	while (text.len) {
		const char *end = memchr(text.data, '\n', text.len);
		size_t n = end ? (size_t)(end - text.data) + 1 : text.len;
		size_t len = end ? n - 1 : n;

		if (end && len && text.data[len - 1] == '\r')
			len--;
		text_put_safe(&out, slice_of(text.data, len), true);
		buffer_put(&out, text.data + len, n - len);
		text = slice_skip(text, n);
	}
	if (buffer_status(&out) == MTS_OK)
		string = json_stringn(out.data ? out.data : "", out.len);
	buffer_free(&out);
	return string;
}

static json_t *json_policy(const struct report_policy *policy)
{
	const struct policy *parsed = policy->policy;

	if (!policy->text.data)
		return json_null();
	return json_pack(
	    "{s:o, s:o, s:o, s:o, s:o}", "text", json_body(policy->text),
	    "sha256", json_string_or_null(policy->sha256), "mode",
	    parsed ? json_string(policy_mode_text(parsed->mode)) : json_null(),
	    "max_age",
	    parsed ? json_integer((json_int_t)parsed->max_age_s) : json_null(),
	    "mx", parsed ? json_patterns(parsed) : json_null());
}

/* The policy host, even if it served no policy; null if nothing answered. */
static json_t *json_policy_host(const struct report_policy *policy)
{
	if (!*policy->address)
		return json_null();
	return json_pack("{s:s, s:o}", "address", policy->address, "tls",
	                 json_view(policy->view));
}

static json_t *json_tls_rpt(const struct report_tls_rpt *tls_rpt, bool show)
{
	json_t *ruas = json_array();
	json_t *value;
	char *text;

	if (!tls_rpt->text) {
		json_decref(ruas);
		return json_null();
	}
	for (size_t i = 0; i < tls_rpt->rua_count; i++) {
		text = render_rua(tls_rpt->rua[i], show);
		ruas = json_append(ruas, json_string(text));
		free(text);
	}
	text = render_tls_rpt(tls_rpt->text, show);
	value = json_pack("{s:o, s:o}", "text", json_string(text), "rua", ruas);
	free(text);
	return value;
}

static json_t *json_timing(const struct report_timing *timing)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "record",
	                 (json_int_t)timing->record_ms, "policy",
	                 (json_int_t)timing->policy_ms, "mx",
	                 (json_int_t)timing->mx_ms, "tls_rpt",
	                 (json_int_t)timing->tls_rpt_ms, "total",
	                 (json_int_t)timing->total_ms);
}

/* How the score is calculated; null if there is none. */
static json_t *json_score(const struct report *report)
{
	json_t *object = json_object();

	if (report->score < 0) {
		json_decref(object);
		return json_null();
	}
	for (size_t i = 0; i < SCORED_GROUPS; i++) {
		const struct score_line *line = &report->lines[i];
		json_t *points =
		    line->counted ? json_real(line->points / 2.0) : json_null();
		json_t *value = json_pack("{s:i, s:o}", "weight",
		                          (int)line->weight, "points", points);

		if (json_object_set_new(object, group_text(line->group),
		                        value) != 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

static json_t *json_report(const struct render *render,
                           const struct report *report)
{
	return json_pack(
	    "{s:i, s:s, s:s, s:o, s:o, s:i, s:I, s:o, s:o, s:o, s:o, s:o, s:o, "
	    "s:o, s:o, s:o}",
	    "schema", JSON_SCHEMA, "domain", report->domain.name, "state",
	    state_text(report->state), "score",
	    report->score < 0 ? json_null() : json_integer(report->score),
	    "score_groups", json_score(report), "exit_status",
	    report->exit_status, "time_s", (json_int_t)report->time_s,
	    "findings", json_findings(report), "mx", json_mx(report), "policy",
	    json_policy(&report->policy), "policy_host",
	    json_policy_host(&report->policy), "record",
	    json_record(&report->record), "tls_rpt",
	    json_tls_rpt(&report->tls_rpt, render->options->show_rua),
	    "suggested_record", json_string_or_null(report->suggested_record),
	    "suggested_policy", json_string_or_null(report->suggested_policy),
	    "timing_ms", json_timing(&report->timing));
}

/* -- the renderers --------------------------------------------------------- */

static int json_put_report(struct buffer *out, const struct render *render,
                           const struct report *report, size_t flags)
{
	return json_text_put(out, json_report(render, report), flags);
}

static int json_begin(struct buffer *out, const struct render *render)
{
	return render->options->several ? buffer_puts(out, "[\n") : MTS_OK;
}

static int json_put_next_report(struct buffer *out, const struct render *render,
                                const struct report *report)
{
	int status;

	if (render->count > 0)
		buffer_puts(out, ",\n");
	status = json_put_report(out, render, report, JSON_INDENT(2));
	if (status == MTS_OK && !render->options->several)
		status = buffer_puts(out, "\n");
	return status;
}

static int json_end(struct buffer *out, const struct render *render)
{
	return render->options->several ? buffer_puts(out, "\n]\n") : MTS_OK;
}

static int jsonl_put_report(struct buffer *out, const struct render *render,
                            const struct report *report)
{
	int status = json_put_report(out, render, report, JSON_COMPACT);

	return status == MTS_OK ? buffer_puts(out, "\n") : status;
}

static int json_put_lint(struct buffer *out, const struct render *render,
                         const char *name, const struct report *report)
{
	json_t *value = json_pack("{s:i, s:o}", "schema", JSON_SCHEMA,
	                          "findings", json_findings(report));
	int status = json_text_put(out, value, JSON_INDENT(2));

	(void)render;
	(void)name;
	return status == MTS_OK ? buffer_puts(out, "\n") : status;
}

static json_t *json_explanation(enum finding_id id)
{
	const struct finding_row *row = finding_row(id);

	return json_pack("{s:s, s:s, s:s, s:b, s:s, s:s, s:s, s:o}", "id",
	                 row->name, "group", group_text(row->group), "severity",
	                 severity_text(row->severity), "enforce_only",
	                 row->enforce, "title", row->title, "cause", row->cause,
	                 "fix", row->fix, "rfc", json_string_or_null(row->rfc));
}

static int json_put_explanations(struct buffer *out,
                                 const struct render *render,
                                 const enum finding_id *ids, size_t count)
{
	json_t *array = json_array();
	size_t end = count ? count : FINDINGS;
	int status;

	(void)render;
	for (size_t i = 0; i < end; i++)
		array = json_append(
		    array,
		    json_explanation(count ? ids[i] : (enum finding_id)i));
	status = json_text_put(out, array, JSON_INDENT(2));
	return status == MTS_OK ? buffer_puts(out, "\n") : status;
}

const struct renderer renderer_json = {
	.name = "json",
	.begin = json_begin,
	.report = json_put_next_report,
	.end = json_end,
	.lint = json_put_lint,
	.explain = json_put_explanations,
};

const struct renderer renderer_jsonl = {
	.name = "jsonl",
	.as_they_come = true,
	.report = jsonl_put_report,
};
