/* SPDX-License-Identifier: BSD-2-Clause */
/* test_score.c - state, score and exit status, one rule per row. */
#include "tests.h"

#include "findings/score.h"

enum { NO_POLICY = -1, NO_SCORE = -1, FOUND_MAX = 4 };

/* A bit for a group that was not checked. */
#define BIT(group) (1u << (group))

static const struct {
	const char *name;
	int mode; /* of the policy, or NO_POLICY */
	struct {
		enum finding_id id;
		enum severity severity;
	} found[FOUND_MAX];
	size_t count;
	unsigned blocked, unknown; /* groups */
	bool dark;                 /* the record could not be looked up */
	unsigned min_score;
	enum state state;
	int score;
	int exit_status;
} rows[] = {
	{ .name = "healthy",
	  .mode = POLICY_ENFORCE,
	  .state = STATE_ENFORCED,
	  .score = 100 },
	{ .name = "testing is capped at 89",
	  .mode = POLICY_TESTING,
	  .found = { { FINDING_MODE_TESTING, SEVERITY_INFO } },
	  .count = 1,
	  .state = STATE_TESTING,
	  .score = 89 },
	{ .name = "none is capped at 30",
	  .mode = POLICY_NONE,
	  .found = { { FINDING_MODE_NONE, SEVERITY_WARNING } },
	  .count = 1,
	  .state = STATE_OPTED_OUT,
	  .score = 30,
	  .exit_status = CHECK_EXIT_WARNING },
	{ .name = "none, as expected",
	  .mode = POLICY_NONE,
	  .found = { { FINDING_MODE_NONE, SEVERITY_INFO } },
	  .count = 1,
	  .state = STATE_OPTED_OUT,
	  .score = 30 },
	{ .name = "not configured has no score",
	  .mode = NO_POLICY,
	  .found = { { FINDING_NOT_CONFIGURED, SEVERITY_INFO } },
	  .count = 1,
	  .state = STATE_NOT_CONFIGURED,
	  .score = NO_SCORE },
	{ .name = "unknown",
	  .mode = NO_POLICY,
	  .found = { { FINDING_DNS_ERROR, SEVERITY_WARNING } },
	  .count = 1,
	  .dark = true,
	  .state = STATE_UNKNOWN,
	  .score = NO_SCORE,
	  .exit_status = CHECK_EXIT_UNKNOWN },
	{ .name = "a warning takes half of its group: 15",
	  .mode = POLICY_ENFORCE,
	  .found = { { FINDING_SLOW, SEVERITY_WARNING } },
	  .count = 1,
	  .state = STATE_ENFORCED,
	  .score = 93, /* 92.5 */
	  .exit_status = CHECK_EXIT_WARNING },
	{ .name = "a group's worst counts, once",
	  .mode = POLICY_ENFORCE,
	  .found = { { FINDING_TLS_RPT_SYNTAX, SEVERITY_WARNING },
	             { FINDING_RUA_SCHEME, SEVERITY_WARNING },
	             { FINDING_RUA_NO_MX, SEVERITY_INFO } },
	  .count = 3,
	  .state = STATE_ENFORCED,
	  .score = 95,
	  .exit_status = CHECK_EXIT_WARNING },
	{ .name = "any critical finding caps at 49",
	  .mode = POLICY_ENFORCE,
	  .found = { { FINDING_POLICY_ID_STALE, SEVERITY_CRITICAL } },
	  .count = 1,
	  .state = STATE_ENFORCED, /* this group does not make it broken */
	  .score = 49,
	  .exit_status = CHECK_EXIT_CRITICAL },
	{ .name = "a certificate that expires soon breaks nothing yet",
	  .mode = POLICY_ENFORCE,
	  .found = { { FINDING_CERT_EXPIRING, SEVERITY_CRITICAL } },
	  .count = 1,
	  .state = STATE_ENFORCED,
	  .score = 49,
	  .exit_status = CHECK_EXIT_CRITICAL },
	{ .name = "one that has expired does",
	  .mode = NO_POLICY,
	  .found = { { FINDING_CERT_EXPIRED, SEVERITY_CRITICAL } },
	  .count = 1,
	  .blocked = BIT(GROUP_SYNTAX) | BIT(GROUP_MX),
	  .state = STATE_BROKEN,
	  .score = 45, /* 15 + 15 + 5 + 10 */
	  .exit_status = CHECK_EXIT_CRITICAL },
	{ .name = "a refused MX breaks",
	  .mode = POLICY_ENFORCE,
	  .found = { { FINDING_MX_PARTIAL_MATCH, SEVERITY_CRITICAL } },
	  .count = 1,
	  .state = STATE_BROKEN,
	  .score = 49,
	  .exit_status = CHECK_EXIT_CRITICAL },
	{ .name = "a warning about an MX does not",
	  .mode = POLICY_TESTING,
	  .found = { { FINDING_MX_PARTIAL_MATCH, SEVERITY_WARNING } },
	  .count = 1,
	  .state = STATE_TESTING,
	  .score = 88, /* 87.5 */
	  .exit_status = CHECK_EXIT_WARNING },
	{ .name = "what could not be learnt is left out",
	  .mode = POLICY_ENFORCE,
	  .found = { { FINDING_MX_UNREACHABLE, SEVERITY_UNKNOWN },
	             { FINDING_SLOW, SEVERITY_WARNING } },
	  .count = 2,
	  .unknown = BIT(GROUP_MX),
	  .state = STATE_ENFORCED,
	  .score = 90, /* 67.5 of 75 */
	  .exit_status = CHECK_EXIT_WARNING },
	{ .name = "unknown alone changes nothing",
	  .mode = POLICY_ENFORCE,
	  .found = { { FINDING_MX_UNREACHABLE, SEVERITY_UNKNOWN } },
	  .count = 1,
	  .unknown = BIT(GROUP_MX),
	  .state = STATE_ENFORCED,
	  .score = 100 },
	{ .name = "not as expected",
	  .mode = POLICY_TESTING,
	  .found = { { FINDING_MODE_UNEXPECTED, SEVERITY_CRITICAL } },
	  .count = 1,
	  .state = STATE_TESTING,
	  .score = 49,
	  .exit_status = CHECK_EXIT_CRITICAL },
	{ .name = "unscored findings",
	  .mode = POLICY_ENFORCE,
	  .found = { { FINDING_DANE_PRESENT, SEVERITY_INFO },
	             { FINDING_DNSSEC_SIGNED, SEVERITY_INFO } },
	  .count = 2,
	  .state = STATE_ENFORCED,
	  .score = 100 },
	{ .name = "a score that is as asked for",
	  .mode = POLICY_TESTING,
	  .min_score = 89,
	  .state = STATE_TESTING,
	  .score = 89 },
	{ .name = "a score that is too low",
	  .mode = POLICY_TESTING,
	  .min_score = 90,
	  .state = STATE_TESTING,
	  .score = 89,
	  .exit_status = CHECK_EXIT_CRITICAL },
	{ .name = "not configured is no low score",
	  .mode = NO_POLICY,
	  .found = { { FINDING_NOT_CONFIGURED, SEVERITY_INFO } },
	  .count = 1,
	  .min_score = 100,
	  .state = STATE_NOT_CONFIGURED,
	  .score = NO_SCORE },
};

static void set_policy(struct report *report, int mode)
{
	if (mode == NO_POLICY)
		return;
	report->policy.policy = calloc(1, sizeof(struct policy));
	assert_non_null(report->policy.policy);
	report->policy.policy->mode = (enum policy_mode)mode;
}

static struct report *new_report(void)
{
	static const struct domain domain = { 11, "example.com" };
	struct report *report = report_new(&domain);

	assert_non_null(report);
	return report;
}

static void test_scores(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct score_facts facts = { .record_known = !rows[i].dark };
		struct report *report = new_report();

		set_policy(report, rows[i].mode);
		for (size_t k = 0; k < rows[i].count; k++)
			report_add_as(report, rows[i].found[k].id,
			              rows[i].found[k].severity, "seen");
		for (size_t k = 0; k < SCORED_GROUPS; k++)
			facts.runs[k] = rows[i].blocked & BIT(k)   ? RUN_BLOCKED
			                : rows[i].unknown & BIT(k) ? RUN_UNKNOWN
			                                           : RUN_DONE;
		score_state(report, &facts);
		score_report(report, &facts, rows[i].min_score);
		if (report->state != rows[i].state ||
		    report->score != rows[i].score ||
		    report->exit_status != rows[i].exit_status)
			fail_msg("%s: %s, %d, exit %d", rows[i].name,
			         state_text(report->state), report->score,
			         report->exit_status);
		report_free(&report);
	}
}

static void test_most_severe_comes_first(void **state)
{
	static const enum finding_id order[] = {
		FINDING_REDIRECT, FINDING_BAD_LINE,       FINDING_BAD_LINE,
		FINDING_SLOW,     FINDING_MX_UNREACHABLE, FINDING_MX_UNUSED,
	};
	static const char *const details[] = {
		"", "first", "second", "", "", ""
	};
	struct score_facts facts = { .record_known = true };
	struct report *report = new_report();

	(void)state;
	report_add(report, FINDING_MX_UNUSED, "%s", "");
	report_add(report, FINDING_SLOW, "%s", "");
	report_add(report, FINDING_BAD_LINE, "first");
	report_add(report, FINDING_MX_UNREACHABLE, "%s", "");
	report_add(report, FINDING_BAD_LINE, "second");
	report_add(report, FINDING_REDIRECT, "%s", "");
	score_report(report, &facts, 0);
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		assert_int_equal(report->findings[i].id, order[i]);
		assert_string_equal(report->findings[i].detail, details[i]);
	}
	report_free(&report);
}

/* "Batch: the worst, critical > warning > unknown > ok" */
static void test_worse_exit_status(void **state)
{
	static const int order[] = { CHECK_EXIT_OK, CHECK_EXIT_UNKNOWN,
		                     CHECK_EXIT_WARNING, CHECK_EXIT_CRITICAL };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		for (size_t k = 0; k < ARRAY_LEN(order); k++)
			assert_int_equal(score_worse(order[i], order[k]),
			                 order[i > k ? i : k]);
}

/* Hostile texts are made safe, and the number of findings is limited. */
static void test_findings_are_safe(void **state)
{
	struct report *report = new_report();
	struct finding *finding;

	(void)state;
	finding = report_add(report, FINDING_BAD_LINE, "%s",
	                     "a\x1b[1m\nb\xff\xc2\x9b\xe2\x80\xae");
	assert_string_equal(finding->detail, "a?[1m?b???");
	report_fix(report, finding, "one\n%s", "t\x07wo");
	assert_string_equal(finding->fix, "one\nt?wo");
	for (int i = 0; i < 10000; i++)
		report_add(report, FINDING_BAD_LINE, "line %d", i);
	assert_true(report->finding_count <= 200);
	assert_int_equal(report->status, MTS_OK);
	report_free(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scores),
		cmocka_unit_test(test_most_severe_comes_first),
		cmocka_unit_test(test_worse_exit_status),
		cmocka_unit_test(test_findings_are_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
