/* SPDX-License-Identifier: BSD-2-Clause */
/* test_judge_policy.c - the findings about policy texts, one text per row. */
#include "tests.h"

#include "check/judge.h"

#define V "version: STSv1\n"
#define M "mode: enforce\n"
#define X "mx: mx.example.com\n"
#define A "max_age: 604800\n"

static const struct {
	const char *text;
	bool good;
	const char *found; /* ids and line numbers, in order */
} rows[] = {
	{ V M X A, true, "" },
	{ "", false, "version_invalid mode_invalid max_age_invalid" },
	{ M X A, false, "version_invalid" },
	{ "version: STSv2\n" M X A, false, "version_invalid:1" },
	{ V "mode: Enforce\n" X A, false, "mode_invalid:2" },
	{ V M X "max_age: 31557601\n", false, "max_age_invalid:4" },
	{ V M X "max_age: -1\n", false, "max_age_invalid:4" },
	{ V M A, false, "mx_missing" },
	{ V "mode: testing\n" A, false, "mx_missing" },
	{ V "mode: none\n" A, true, "mode_none" },
	/* Every fault is found, not only the first. */
	{ "version: 1\nmode: x\nmax_age: y\nnonsense\n mx: a\n", false,
	  "version_invalid:1 mode_invalid:2 max_age_invalid:3 bad_line:4 "
	  "bad_line:5" },
	{ V M "mx: *.*.example.com\n" A, false, "mx_invalid:3" },
	{ V M X "mx: 192.0.2.1\n" A, true, "mx_invalid:4" },
	{ V M X "mx: b\xc3\xbc"
	        "cher.example\n" A,
	  true, "mx_invalid:4" },
	{ V M X X A, true, "" },
	{ V M X A A, true, "duplicate_field:5" },
	{ V M X A "x: 1\nx: 2\n", true, "unknown_field:5 duplicate_field:6" },
	{ V "\n" M X A, true, "bad_line:2" },
	{ "\n" V M X A, true, "bad_line:1" },
	{ V M X A "\n", true, "" }, /* blank lines at the end are harmless */
	{ V M X A " \r\n\n", true, "" },
	{ V M X "max_age: 86399\n", true, "max_age_below_day" },
	{ V M X "max_age: 86400\n", true, "max_age_short" },
	{ V M X "max_age: 604799\n", true, "max_age_short" },
	{ V M X "max_age: 0\n", true, "max_age_below_day" },
	{ V "mode: testing\n" X "max_age: 86400\n", true, "mode_testing" },
	{ V "mode: none\nmax_age: 60\n", true, "mode_none" },
	{ "\xef\xbb\xbf" V M X A, false, "bad_line:1 version_invalid" },
};

/* Lists findings as "id id:LINE ...". */
static void list_findings(const struct report *report, char *to, size_t size)
{
	size_t used = 0;

	to[0] = '\0';
	for (size_t i = 0; i < report->finding_count; i++) {
		const struct finding *finding = &report->findings[i];
		unsigned line = 0;
		char text[16] = "";

		if (sscanf(finding->detail, "Line %u", &line) == 1)
			snprintf(text, sizeof(text), ":%u", line);
		used += (size_t)snprintf(to + used, size - used, "%s%s%s",
		                         i ? " " : "",
		                         finding_row(finding->id)->name, text);
	}
}

static struct report *judge_text(const char *text, bool *ret_good)
{
	static const struct domain domain = { 11, "example.com" };
	struct report *report = report_new(&domain);

	assert_non_null(report);
	report->policy.text =
	    slice_of(slice_copy(slice_str(text)), strlen(text));
	assert_non_null(report->policy.text.data);
	*ret_good = judge_policy_text(report, EXPECT_NOTHING);
	return report;
}

static void test_every_fault_is_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char found[1000];
		bool good;
		struct report *report = judge_text(rows[i].text, &good);

		list_findings(report, found, sizeof(found));
		if (good != rows[i].good || strcmp(found, rows[i].found) != 0)
			fail_msg("\"%s\": %d, %s", rows[i].text, good, found);
		assert_true(good == (report->policy.policy != NULL));
		report_free(&report);
	}
}

/* If it is clear what was meant, the fix shows it. */
static void test_fix_shows_what_was_meant(void **state)
{
	static const struct {
		const char *text, *fix;
	} fixes[] = {
		{ V M X "mx: b\xc3\xbc"
		        "cher.example\n" A,
		  "Write it like this:\nmx: xn--bcher-kva.example" },
		{ V M X "mx: *.b\xc3\xbc"
		        "cher.example\n" A,
		  "Write it like this:\nmx: *.xn--bcher-kva.example" },
		{ V M X "mx: mx.example.org.\n" A,
		  "Write it like this:\nmx: mx.example.org" },
		{ V M X "mx: 192.0.2.1\n" A, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(fixes); i++) {
		bool good;
		struct report *report = judge_text(fixes[i].text, &good);
		const struct finding *finding =
		    report_find(report, FINDING_MX_INVALID);

		assert_non_null(finding);
		if (fixes[i].fix)
			assert_string_equal(finding->fix, fixes[i].fix);
		else
			assert_null(finding->fix);
		report_free(&report);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_fault_is_found),
		cmocka_unit_test(test_fix_shows_what_was_meant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
