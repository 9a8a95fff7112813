/* SPDX-License-Identifier: BSD-2-Clause */
/* judge_policy.c - judges the text of a policy: what the parser complains about,
 * and what the mode and max_age mean for the domain. */
#include "check/judge_internal.h"

enum {
	DAY_S = 24 * 60 * 60,
	WEEK_S = 7 * DAY_S,
	SHOWN = 120, /* bytes of a line */
};

/* What the parser has noted about a text so far. */
struct text_notes {
	struct report *report;
	unsigned blank_line; /* the first one; 0: none */
	bool bad_mx;
};

static int line_shown_len(struct slice text)
{
	return text.len < SHOWN ? (int)text.len : SHOWN;
}

/* -- lines ----------------------------------------------------------------- */

/* Reports LINE, the first blank line, unless only blank lines follow it. */
static void text_judge_blank(struct report *report, unsigned line)
{
	struct slice rest = report->policy.text;

	for (unsigned i = 0; i < line && rest.len; i++) {
		const char *end = memchr(rest.data, '\n', rest.len);
		size_t n = end ? (size_t)(end - rest.data) + 1 : rest.len;

		rest = slice_skip(rest, n);
	}
	while (rest.len && (ascii_is_wsp(*rest.data) || *rest.data == '\r' ||
	                    *rest.data == '\n'))
		rest = slice_skip(rest, 1);
	if (rest.len)
		report_add(
		    report, FINDING_BAD_LINE,
		    "Line %u is blank; mtastsd ignores it, other senders "
		    "reject the policy",
		    line);
}

/* The value of a line: what follows the colon, without spaces around it. */
static struct slice line_value(struct slice line)
{
	const char *colon = line.len ? memchr(line.data, ':', line.len) : NULL;
	struct slice value;

	if (!colon)
		return slice_of("", 0);
	value = slice_of(colon + 1, line.len - (size_t)(colon + 1 - line.data));
	while (value.len && ascii_is_wsp(*value.data))
		value = slice_skip(value, 1);
	while (value.len && ascii_is_wsp(value.data[value.len - 1]))
		value.len--;
	return value;
}

static void text_say_bad_mx(struct text_notes *notes, unsigned line,
                            struct slice text)
{
	struct slice value = line_value(text);
	const char *star = slice_starts(value, "*.") ? "*." : "";
	size_t skip = strlen(star);
	struct finding *finding =
	    report_add(notes->report, FINDING_MX_INVALID, "Line %u: \"%.*s\"",
	               line, line_shown_len(text), text.data);
	struct domain domain;
	struct fault why = { 0 };

	notes->bad_mx = true;
	/* With a U-label, a final dot or a port, it is clear what was
	 * meant. */
	if (domain_from_key(value.data + skip, value.len - skip, &domain,
	                    &why) == MTS_OK)
		report_fix(notes->report, finding,
		           "Write it like this:\nmx: %s%s", star, domain.name);
}

static void text_on_note(void *arg, enum policy_note note, unsigned line,
                         struct slice text)
{
	struct text_notes *notes = arg;

	if (note == POLICY_NOTE_BLANK_LINE) {
		if (!notes->blank_line)
			notes->blank_line = line;
		return;
	}
	if (note == POLICY_NOTE_DUPLICATE)
		report_add(notes->report, FINDING_DUPLICATE_FIELD,
		           "Line %u: \"%.*s\"", line, line_shown_len(text),
		           text.data);
	else if (note == POLICY_NOTE_UNKNOWN)
		report_add(notes->report, FINDING_UNKNOWN_FIELD,
		           "Line %u: \"%.*s\"", line, line_shown_len(text),
		           text.data);
	else if (note == POLICY_NOTE_BAD_MX)
		text_say_bad_mx(notes, line, text);
}

/* WHY begins with "policy: " or "policy, line N: "; the finding's detail begins
 * with "The policy: " or "Line N: ". */
static void text_on_fault(void *arg, enum policy_fault fault, unsigned line,
                          struct slice text, const char *why)
{
	static const enum finding_id ids[] = {
		[POLICY_FAULT_LINE] = FINDING_BAD_LINE,
		[POLICY_FAULT_VERSION] = FINDING_VERSION_INVALID,
		[POLICY_FAULT_MODE] = FINDING_MODE_INVALID,
		[POLICY_FAULT_MAX_AGE] = FINDING_MAX_AGE_INVALID,
		[POLICY_FAULT_MX] = FINDING_MX_MISSING,
	};
	static const char prefix[] = "policy: ";
	static const char line_prefix[] = "policy, l";
	struct text_notes *notes = arg;

	/* There are patterns, but invalid ones: already reported. */
	if (fault == POLICY_FAULT_MX && notes->bad_mx)
		return;
	if (strncmp(why, prefix, strlen(prefix)) == 0)
		report_add(notes->report, ids[fault], "The policy: %s",
		           why + strlen(prefix));
	else
		report_add(notes->report, ids[fault], "L%s%s%.*s%s",
		           why + strlen(line_prefix), line ? ": \"" : "",
		           line_shown_len(text), text.len ? text.data : "",
		           line ? "\"" : "");
}

/* -- the policy ------------------------------------------------------------ */

static void policy_judge_mode(struct report *report, enum policy_mode mode,
                              enum check_expect expect)
{
	if (mode == POLICY_NONE)
		report_add_as(report, FINDING_MODE_NONE,
		              expect == EXPECT_NONE ? SEVERITY_INFO
		                                    : SEVERITY_WARNING,
		              "The mode is none");
	else if (mode == POLICY_TESTING)
		report_add(report, FINDING_MODE_TESTING, "The mode is testing");
}

static void policy_judge_max_age(struct report *report,
                                 const struct policy *policy)
{
	unsigned max_age_s = policy->max_age_s;

	if (policy->mode == POLICY_NONE)
		return; /* a short one is good: senders forget it sooner */
	if (max_age_s < DAY_S)
		report_add(report, FINDING_MAX_AGE_BELOW_DAY, "max_age is %u",
		           max_age_s);
	else if (max_age_s < WEEK_S && policy->mode == POLICY_ENFORCE)
		report_add(report, FINDING_MAX_AGE_SHORT, "max_age is %u",
		           max_age_s);
}

static void policy_judge_expectation(struct report *report,
                                     enum policy_mode mode,
                                     enum check_expect expect)
{
	static const enum policy_mode modes[] = {
		[EXPECT_NONE] = POLICY_NONE,
		[EXPECT_TESTING] = POLICY_TESTING,
		[EXPECT_ENFORCE] = POLICY_ENFORCE,
	};

	if (expect == EXPECT_NOTHING || mode == modes[expect])
		return;
	report_add(report, FINDING_MODE_UNEXPECTED,
	           "The mode is %s, but %s is expected", policy_mode_text(mode),
	           policy_mode_text(modes[expect]));
}

bool judge_policy_text(struct report *report, enum check_expect expect)
{
	struct report_policy *policy = &report->policy;
	struct text_notes notes = { .report = report };
	struct policy_observer observer = { text_on_note, text_on_fault,
		                            &notes };
	struct policy *parsed = NULL;
	struct fault why = { 0 };
	int status = policy_parse(policy->text, &observer, &parsed, &why);

	if (status == MTS_ENOMEM)
		report->status = MTS_ENOMEM;
	else if (status == MTS_ERANGE)
		report_add(report, FINDING_TOO_LARGE, "%s", why.text);
	if (notes.blank_line)
		text_judge_blank(report, notes.blank_line);
	if (status != MTS_OK)
		return false;
	policy_judge_mode(report, parsed->mode, expect);
	policy_judge_max_age(report, parsed);
	policy_judge_expectation(report, parsed->mode, expect);
	policy_free(&policy->policy);
	policy->policy = parsed;
	return true;
}
