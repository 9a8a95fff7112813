/* SPDX-License-Identifier: BSD-2-Clause */
/* render_json.c - a report as JSON, by jansson: --json and --jsonl.
 *
 * Keys and their meaning are the interface; "schema" counts its versions. */
#include "findings/render.h"

#include "base/json_text.h"
#include "base/text.h"
#include "findings/safe.h"

#include <jansson.h>
#include <stdlib.h>

enum { JSON_SCHEMA = 1 };

/* -- values ---------------------------------------------------------------- */

/* A stranger's text; null for NULL. */
static json_t *raw_string(const char *text, bool lines)
{
	char *safe = text ? safe_copy(slice_str(text), lines) : NULL;
	json_t *string = text ? json_string(safe) : json_null();

	free(safe);
	return string;
}

static json_t *string_or_null(const char *text)
{
	return text && *text ? json_string(text) : json_null();
}

static json_t *answer_value(enum answer answer)
{
	if (answer == ANSWER_UNKNOWN)
		return json_null();
	return json_boolean(answer == ANSWER_YES);
}

/* Each takes over what it is given, NULL too: the whole becomes NULL then. */
static json_t *append(json_t *array, json_t *value)
{
	if (array && json_array_append_new(array, value) == 0)
		return array;
	json_decref(array);
	return NULL;
}

/* -- findings -------------------------------------------------------------- */

static json_t *finding_value(const struct finding *finding)
{
	const struct finding_row *row = finding_row(finding->id);

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "id", row->name,
	                 "severity", severity_text(finding->severity), "title",
	                 row->title, "detail", finding->detail, "fix",
	                 finding_fix(finding), "rfc", string_or_null(row->rfc));
}

static json_t *findings_value(const struct report *report)
{
	json_t *array = json_array();

	for (size_t i = 0; i < report->finding_count; i++)
		array = append(array, finding_value(&report->findings[i]));
	return array;
}

/* -- TLS ------------------------------------------------------------------- */

static json_t *names_value(const struct cert_view *cert)
{
	json_t *array = json_array();

	for (size_t i = 0; i < cert->name_count; i++)
		array = append(array, json_string(cert->names[i]));
	return array;
}

static json_t *cert_value(const struct cert_view *cert)
{
	return json_pack("{s:s, s:s, s:o, s:I, s:I, s:s}", "subject",
	                 cert->subject, "issuer", cert->issuer, "names",
	                 names_value(cert), "not_before_s",
	                 (json_int_t)cert->not_before_s, "not_after_s",
	                 (json_int_t)cert->not_after_s, "sha256", cert->sha256);
}

/* null if nothing was seen. */
static json_t *view_value(const struct tls_view *view)
{
	json_t *certs = json_array();

	if (!view) {
		json_decref(certs);
		return json_null();
	}
	for (size_t i = 0; i < view->cert_count; i++)
		certs = append(certs, cert_value(&view->certs[i]));
	return json_pack("{s:o, s:o}", "version", string_or_null(view->version),
	                 "certificates", certs);
}

/* -- MX hosts -------------------------------------------------------------- */

static const char *reach_text(enum reach reach)
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

static json_t *address_value(const struct mx_address *address)
{
	char text[ADDRESS_TEXT];

	return json_pack(
	    "{s:s, s:s, s:o, s:I, s:o}", "address",
	    address_text(&address->address, text), "reach",
	    reach_text(address->reach), "error", string_or_null(address->error),
	    "ms", (json_int_t)address->ms, "tls", view_value(address->view));
}

static json_t *row_value(const struct mx_row *row)
{
	json_t *addresses = json_array();
	const struct mx_host *host = row->host;

	for (size_t i = 0; host && i < host->count; i++)
		addresses =
		    append(addresses, address_value(&host->addresses[i]));
	return json_pack("{s:s, s:i, s:o, s:o, s:o}", "host", row->name,
	                 "preference", (int)row->preference, "matched",
	                 answer_value(row->matched), "dane",
	                 answer_value(host ? host->dane : ANSWER_UNKNOWN),
	                 "addresses", addresses);
}

static json_t *mx_value(const struct report *report)
{
	json_t *array;

	if (!report->has_mx)
		return json_null();
	array = json_array();
	for (size_t i = 0; i < report->mx_count; i++)
		array = append(array, row_value(&report->mx[i]));
	return array;
}

/* -- the rest -------------------------------------------------------------- */

static json_t *record_value(const struct report_record *record)
{
	if (!record->text)
		return json_null();
	return json_pack("{s:o, s:o}", "text", raw_string(record->text, false),
	                 "id", string_or_null(record->id));
}

static json_t *patterns_value(const struct policy *policy)
{
	json_t *array = json_array();
	const char *pattern;
	size_t offset = 0;

	while ((pattern = policy_next_mx(policy, &offset)) != NULL)
		array = append(array, json_string(pattern));
	return array;
}

/* As it was served, line ends and all; what else is no text becomes '?'. */
static json_t *body_value(struct slice text)
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

static json_t *policy_value(const struct report_policy *policy)
{
	const struct policy *parsed = policy->policy;

	if (!policy->text.data)
		return json_null();
	return json_pack(
	    "{s:o, s:o, s:o, s:o, s:o}", "text", body_value(policy->text),
	    "sha256", string_or_null(policy->sha256), "mode",
	    parsed ? json_string(policy_mode_text(parsed->mode)) : json_null(),
	    "max_age",
	    parsed ? json_integer((json_int_t)parsed->max_age_s) : json_null(),
	    "mx", parsed ? patterns_value(parsed) : json_null());
}

/* What answered for the policy, even if none was had; null: nothing did. */
static json_t *policy_host_value(const struct report_policy *policy)
{
	if (!*policy->address)
		return json_null();
	return json_pack("{s:s, s:o}", "address", policy->address, "tls",
	                 view_value(policy->view));
}

static json_t *tls_rpt_value(const struct report_tls_rpt *tls_rpt, bool show)
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
		ruas = append(ruas, json_string(text));
		free(text);
	}
	text = render_tls_rpt(tls_rpt->text, show);
	value = json_pack("{s:o, s:o}", "text", json_string(text), "rua", ruas);
	free(text);
	return value;
}

static json_t *timing_value(const struct report_timing *timing)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "record",
	                 (json_int_t)timing->record_ms, "policy",
	                 (json_int_t)timing->policy_ms, "mx",
	                 (json_int_t)timing->mx_ms, "tls_rpt",
	                 (json_int_t)timing->tls_rpt_ms, "total",
	                 (json_int_t)timing->total_ms);
}

/* How the score came about; null if there is none. */
static json_t *score_value(const struct report *report)
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

static json_t *report_value(const struct render *render,
                            const struct report *report)
{
	return json_pack(
	    "{s:i, s:s, s:s, s:o, s:o, s:i, s:I, s:o, s:o, s:o, s:o, s:o, s:o, "
	    "s:o, s:o, s:o}",
	    "schema", JSON_SCHEMA, "domain", report->domain.name, "state",
	    state_text(report->state), "score",
	    report->score < 0 ? json_null() : json_integer(report->score),
	    "score_groups", score_value(report), "exit_status",
	    report->exit_status, "time_s", (json_int_t)report->time_s,
	    "findings", findings_value(report), "mx", mx_value(report),
	    "policy", policy_value(&report->policy), "policy_host",
	    policy_host_value(&report->policy), "record",
	    record_value(&report->record), "tls_rpt",
	    tls_rpt_value(&report->tls_rpt, render->options->show_rua),
	    "suggested_record", string_or_null(report->suggested_record),
	    "suggested_policy", string_or_null(report->suggested_policy),
	    "timing_ms", timing_value(&report->timing));
}

/* -- the forms ------------------------------------------------------------- */

static int put_value(struct buffer *out, const struct render *render,
                     const struct report *report, size_t flags)
{
	return json_text_put(out, report_value(render, report), flags);
}

static int begin_json(struct buffer *out, const struct render *render)
{
	return render->options->several ? buffer_puts(out, "[\n") : MTS_OK;
}

static int put_json(struct buffer *out, const struct render *render,
                    const struct report *report)
{
	int status;

	if (render->count > 0)
		buffer_puts(out, ",\n");
	status = put_value(out, render, report, JSON_INDENT(2));
	if (status == MTS_OK && !render->options->several)
		status = buffer_puts(out, "\n");
	return status;
}

static int end_json(struct buffer *out, const struct render *render)
{
	return render->options->several ? buffer_puts(out, "\n]\n") : MTS_OK;
}

static int put_jsonl(struct buffer *out, const struct render *render,
                     const struct report *report)
{
	int status = put_value(out, render, report, JSON_COMPACT);

	return status == MTS_OK ? buffer_puts(out, "\n") : status;
}

static int put_lint(struct buffer *out, const struct render *render,
                    const char *name, const struct report *report)
{
	json_t *value = json_pack("{s:i, s:o}", "schema", JSON_SCHEMA,
	                          "findings", findings_value(report));
	int status = json_text_put(out, value, JSON_INDENT(2));

	(void)render;
	(void)name;
	return status == MTS_OK ? buffer_puts(out, "\n") : status;
}

static json_t *row_of_table(enum finding_id id)
{
	const struct finding_row *row = finding_row(id);

	return json_pack("{s:s, s:s, s:s, s:b, s:s, s:s, s:s, s:o}", "id",
	                 row->name, "group", group_text(row->group), "severity",
	                 severity_text(row->severity), "enforce_only",
	                 row->enforce, "title", row->title, "cause", row->cause,
	                 "fix", row->fix, "rfc", string_or_null(row->rfc));
}

static int put_explanations(struct buffer *out, const struct render *render,
                            const enum finding_id *ids, size_t count)
{
	json_t *array = json_array();
	size_t end = count ? count : FINDINGS;
	int status;

	(void)render;
	for (size_t i = 0; i < end; i++)
		array = append(
		    array, row_of_table(count ? ids[i] : (enum finding_id)i));
	status = json_text_put(out, array, JSON_INDENT(2));
	return status == MTS_OK ? buffer_puts(out, "\n") : status;
}

const struct renderer renderer_json = {
	.name = "json",
	.begin = begin_json,
	.report = put_json,
	.end = end_json,
	.lint = put_lint,
	.explain = put_explanations,
};

const struct renderer renderer_jsonl = {
	.name = "jsonl",
	.as_they_come = true,
	.report = put_jsonl,
};
