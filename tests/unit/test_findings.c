/* SPDX-License-Identifier: BSD-2-Clause */
/* test_findings.c - the table of findings is complete and consistent. */
#include "tests.h"

#include "findings/findings.h"

static void test_rows_are_complete(void **state)
{
	(void)state;
	for (size_t i = 0; i < FINDINGS; i++) {
		const struct finding_row *row = finding_row((enum finding_id)i);
		enum finding_id id = FINDINGS;

		assert_non_null(row->name);
		assert_true(finding_by_name(slice_str(row->name), &id));
		assert_int_equal(id, i);
		assert_true(*row->title && *row->cause && *row->fix);
		assert_true(strlen(row->title) <= 50);
		assert_non_null(row->rfc);
		/* Groups are in the order in which a sender meets them. */
		assert_true(i == 0 ||
		            row->group >=
		                finding_row((enum finding_id)(i - 1))->group);
	}
}

static void test_unknown_names_are_not_found(void **state)
{
	enum finding_id id = FINDINGS;

	(void)state;
	assert_false(finding_by_name(slice_str(""), &id));
	assert_false(finding_by_name(slice_str("not_configure"), &id));
	assert_false(finding_by_name(slice_str("NOT_CONFIGURED"), &id));
}

/* "Titles that people already search for stay recognisable" */
static void test_titles_that_people_search_for(void **state)
{
	static const struct {
		enum finding_id id;
		const char *title;
	} titles[] = {
		{ FINDING_POLICY_ID_STALE, "Stale policy ID" },
		{ FINDING_MX_WILDCARD_MISSING, "MX wildcard missing" },
		{ FINDING_MAX_AGE_BELOW_DAY, "Max-age below 86400" },
		{ FINDING_CERT_SAN_MISMATCH, "Cert SAN mismatch" },
		{ FINDING_POLICY_FETCH_FAILED,
		  "Policy file HTTPS unreachable" },
		{ FINDING_PREMATURE_ENFORCE, "Premature enforce mode" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(titles); i++)
		assert_string_equal(finding_row(titles[i].id)->title,
		                    titles[i].title);
}

static void test_weights_add_up_to_100(void **state)
{
	unsigned sum = 0;

	(void)state;
	for (size_t i = 0; i < GROUPS; i++)
		sum += group_weight((enum group)i);
	assert_int_equal(sum, 100);
	assert_int_equal(group_weight(GROUP_EXPECTATION), 0);
	assert_int_equal(group_weight(GROUP_EXTRA), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_are_complete),
		cmocka_unit_test(test_unknown_names_are_not_found),
		cmocka_unit_test(test_titles_that_people_search_for),
		cmocka_unit_test(test_weights_add_up_to_100),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
