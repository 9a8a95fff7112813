/* SPDX-License-Identifier: BSD-2-Clause */
/* test_drift.c - comparing with earlier runs, and damaged state files. */
#include "tests.h"

#include "check/drift.h"
#include "folder.h"

#include <unistd.h>

enum { DAY_S = 24 * 60 * 60 };

static char folder[] = "/tmp/mts-drift.XXXXXX";
static char path[64];

static int set_up(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/mts-drift.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/state", folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	folder_remove(folder);
	return 0;
}

/* One run. ID NULL: there is no record; SHA256 NULL: there is no policy. */
static struct report *run(const char *id, const char *sha256,
                          enum policy_mode mode, int64_t time_s)
{
	static const struct domain domain = { 11, "example.com" };
	struct report *report = report_new(&domain);
	struct drift *drift = NULL;
	struct fault why = { 0 };

	assert_non_null(report);
	report->time_s = time_s;
	if (id)
		snprintf(report->record.id, sizeof(report->record.id), "%s",
		         id);
	if (sha256) {
		snprintf(report->policy.sha256, sizeof(report->policy.sha256),
		         "%s", sha256);
		report->policy.policy = calloc(1, sizeof(struct policy));
		assert_non_null(report->policy.policy);
		report->policy.policy->mode = mode;
	}
	if (mode == POLICY_TESTING)
		report_add(report, FINDING_MODE_TESTING, "testing");
	assert_int_equal(drift_open(path, &drift, &why), MTS_OK);
	drift_judge(drift, report);
	assert_int_equal(drift_save(drift, &why), MTS_OK);
	drift_free(&drift);
	return report;
}

static const struct {
	const char *id, *sha256;
	enum finding_id found; /* FINDINGS: nothing */
} life[] = {
	{ NULL, "aa", FINDINGS }, /* without a record there is no baseline */
	{ "1", NULL, FINDINGS },
	{ "1", "aa", FINDING_BASELINE },
	{ "1", "aa", FINDINGS },
	{ "1", "bb", FINDING_POLICY_ID_STALE },
	{ "1", "bb",
	  FINDING_POLICY_ID_STALE }, /* stale is not a new baseline */
	{ "1", NULL, FINDINGS },     /* an outage is not either */
	{ "1", "cc", FINDING_POLICY_ID_STALE },
	{ "1", "aa", FINDINGS }, /* back to the old text */
	{ "1", "bb", FINDING_POLICY_ID_STALE },
	{ "2", "bb", FINDINGS }, /* new id */
	{ "2", "bb", FINDINGS },
	{ "3", "bb", FINDING_ID_CHANGED_SAME_BODY },
	{ "3", "bb", FINDINGS },
	{ "3", "aa", FINDING_POLICY_ID_STALE },
};

static void test_stale_id_is_found_until_the_id_changes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(life); i++) {
		struct report *report =
		    run(life[i].id, life[i].sha256, POLICY_ENFORCE,
		        1700000000 + (int64_t)i);
		enum finding_id found =
		    report->finding_count ? report->findings[0].id : FINDINGS;

		if (report->finding_count > 1 || found != life[i].found)
			fail_msg("run %zu: %s", i,
			         report->finding_count
			             ? finding_row(found)->name
			             : "nothing");
		report_free(&report);
	}
}

static enum severity testing_at(int64_t time_s)
{
	struct report *report = run("1", "aa", POLICY_TESTING, time_s);
	enum severity severity = report->findings[0].severity;

	assert_int_equal(report->findings[0].id, FINDING_MODE_TESTING);
	report_free(&report);
	return severity;
}

static void test_testing_for_long_is_a_warning(void **state)
{
	int64_t start_s = 1700000000;
	struct report *report;

	(void)state;
	assert_int_equal(testing_at(start_s), SEVERITY_INFO);
	assert_int_equal(testing_at(start_s + 90 * DAY_S), SEVERITY_INFO);
	assert_int_equal(testing_at(start_s + 91 * DAY_S), SEVERITY_WARNING);
	/* Another mode in between starts the time again. */
	report = run("1", "aa", POLICY_ENFORCE, start_s + 92 * DAY_S);
	report_free(&report);
	assert_int_equal(testing_at(start_s + 93 * DAY_S), SEVERITY_INFO);
	assert_int_equal(testing_at(start_s + 182 * DAY_S), SEVERITY_INFO);
	assert_int_equal(testing_at(start_s + 184 * DAY_S), SEVERITY_WARNING);
}

/* What another run saved in between is kept. */
static void test_two_runs_keep_both_results(void **state)
{
	static const struct domain other = { 13, "other.example" };
	struct report *report = report_new(&other);
	struct drift *drift = NULL;
	struct fault why = { 0 };
	struct report *first;

	(void)state;
	assert_non_null(report);
	assert_int_equal(drift_open(path, &drift, &why), MTS_OK);
	first = run("1", "aa", POLICY_ENFORCE, 1700000000);
	report_free(&first);
	strcpy(report->record.id, "9");
	strcpy(report->policy.sha256, "ff");
	report->policy.policy = calloc(1, sizeof(struct policy));
	assert_non_null(report->policy.policy);
	drift_judge(drift, report);
	assert_non_null(report_find(report, FINDING_BASELINE));
	report_free(&report);
	assert_int_equal(drift_save(drift, &why), MTS_OK);
	drift_free(&drift);
	first = run("1", "bb", POLICY_ENFORCE, 1700000001);
	assert_non_null(report_find(first, FINDING_POLICY_ID_STALE));
	report_free(&first);
}

static void write_state(const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void test_damaged_file_is_rejected(void **state)
{
	static const char *const texts[] = {
		"{}",
		"[]",
		"{\"schema\": 1}",
		"garbage",
		"{\"schema\": 1, \"domains\": []}",
		"{\"schema\": 2, \"domains\": {}}",
	};
	struct drift *drift = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct fault why = { 0 };

		write_state(texts[i]);
		assert_int_equal(drift_open(path, &drift, &why), MTS_EDAMAGED);
		assert_non_null(strstr(why.text, path));
		assert_null(drift);
	}
}

/* Entries with wrong types are ignored. */
static void test_strange_entries_are_ignored(void **state)
{
	static const char *const entries[] = {
		"null",
		"[]",
		"{}",
		"{\"id\": 1}",
		"{\"id\": \"1\", \"sha256\": \"aa\"}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
		char text[200];
		struct report *report;

		snprintf(text, sizeof(text),
		         "{\"schema\": 1, \"domains\": {\"example.com\": %s}}",
		         entries[i]);
		write_state(text);
		report = run("1", "aa", POLICY_ENFORCE, 1700000000);
		assert_non_null(report_find(report, FINDING_BASELINE));
		report_free(&report);
	}
}

static void test_missing_folder_is_an_error(void **state)
{
	struct drift *drift = NULL;
	struct fault why = { 0 };
	struct report *report;
	static const struct domain domain = { 11, "example.com" };

	(void)state;
	assert_int_equal(drift_open("/nonexistent/x", &drift, &why), MTS_OK);
	/* Nothing was recorded, so nothing is written. */
	assert_int_equal(drift_save(drift, &why), MTS_OK);
	report = report_new(&domain);
	assert_non_null(report);
	strcpy(report->record.id, "9");
	report->policy.policy = calloc(1, sizeof(struct policy));
	assert_non_null(report->policy.policy);
	drift_judge(drift, report);
	assert_int_equal(drift_save(drift, &why), MTS_ESYS);
	assert_non_null(strstr(why.text, "/nonexistent/x"));
	report_free(&report);
	drift_free(&drift);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_stale_id_is_found_until_the_id_changes, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    test_testing_for_long_is_a_warning, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_two_runs_keep_both_results,
		                                set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_damaged_file_is_rejected,
		                                set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_strange_entries_are_ignored, set_up, tear_down),
		cmocka_unit_test(test_missing_folder_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
