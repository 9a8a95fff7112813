/* SPDX-License-Identifier: BSD-2-Clause */
/* test_filter.c - which policies a list is about. */
#include "tests.h"

#include "wire/filter.h"

static struct control_request request; /* too much for a stack */

/* The filter that LINE asks for. */
static int parse(const char *line, struct filter *ret, struct fault *why)
{
	int rc = control_parse(slice_str(line), &request, why);

	if (rc != MTS_OK)
		return rc;
	assert_int_equal(request.command, CONTROL_LIST);
	rc = filter_parse(&request, ret, why);
	/* At the end of LINE, so with its NUL. */
	if (request.argc > 0)
		ret->pattern = request.argv[0].data;
	return rc;
}

static const struct {
	const char *line;
	struct filter_item item;
	bool matches;
} match_rows[] = {
	{ "list", { "a.example", POLICY_NONE, 0, 5 }, true },
	{ "list --mode=enforce", { "a", POLICY_ENFORCE, 0, 5 }, true },
	{ "list --mode=enforce", { "a", POLICY_TESTING, 0, 5 }, false },
	{ "list --mode=testing", { "a", POLICY_TESTING, 0, 5 }, true },
	{ "list --mode=none", { "a", POLICY_NONE, 0, 5 }, true },
	{ "list --mode=none", { "a", POLICY_ENFORCE, 0, 5 }, false },
	{ "list --failing", { "a", POLICY_NONE, 0, 5 }, false },
	{ "list --failing", { "a", POLICY_NONE, 1, 5 }, true },
	{ "list --expiring=5s", { "a", POLICY_NONE, 0, 5 }, true },
	{ "list --expiring=5s", { "a", POLICY_NONE, 0, 6 }, false },
	{ "list --expiring=2m", { "a", POLICY_NONE, 0, 120 }, true },
	{ "list --expiring=2m", { "a", POLICY_NONE, 0, 121 }, false },
	{ "list --expiring=2h", { "a", POLICY_NONE, 0, 7200 }, true },
	{ "list --expiring=2h", { "a", POLICY_NONE, 0, 7201 }, false },
	{ "list --expiring=7d", { "a", POLICY_NONE, 0, 604800 }, true },
	{ "list --expiring=7d", { "a", POLICY_NONE, 0, 604801 }, false },
	{ "list --expiring=0s", { "a", POLICY_NONE, 0, 0 }, true }, /* ended */
	{ "list --expiring=0s", { "a", POLICY_NONE, 0, -9 }, true },
	{ "list --expiring=0s", { "a", POLICY_NONE, 0, 1 }, false },
	{ "list *.example", { "a.example", POLICY_NONE, 0, 5 }, true },
	{ "list A.e*", { "a.example", POLICY_NONE, 0, 5 }, true },
	{ "list *.example", { "a.example.org", POLICY_NONE, 0, 5 }, false },
	/* All of it counts. */
	{ "list --mode=none --failing --expiring=1s a*",
	  { "a", POLICY_NONE, 1, 1 },
	  true },
	{ "list --mode=none --failing --expiring=1s a*",
	  { "b", POLICY_NONE, 1, 1 },
	  false },
	{ "list --mode=none --failing --expiring=1s a*",
	  { "a", POLICY_ENFORCE, 1, 1 },
	  false },
	{ "list --mode=none --failing --expiring=1s a*",
	  { "a", POLICY_NONE, 0, 1 },
	  false },
	{ "list --mode=none --failing --expiring=1s a*",
	  { "a", POLICY_NONE, 1, 2 },
	  false },
};

static void test_match(void **state)
{
	struct filter filter;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(match_rows); i++) {
		assert_int_equal(parse(match_rows[i].line, &filter, NULL),
		                 MTS_OK);
		assert_int_equal(filter_matches(&filter, &match_rows[i].item),
		                 match_rows[i].matches);
		assert_int_equal(filter_is_narrow(&filter), i != 0);
	}
}

static const struct {
	const char *line, *why;
} bad_rows[] = {
	{ "list --mode=strict", "--mode: want enforce, testing or none" },
	{ "list --mode=Enforce", "--mode: want enforce, testing or none" },
	{ "list --expiring=7",
	  "--expiring: want a number and s, m, h or d, as in 7d" },
	{ "list --expiring=d",
	  "--expiring: want a number and s, m, h or d, as in 7d" },
	{ "list --expiring=-1d",
	  "--expiring: want a number and s, m, h or d, as in 7d" },
	{ "list --expiring=7dd",
	  "--expiring: want a number and s, m, h or d, as in 7d" },
	{ "list --expiring=1000000000d",
	  "--expiring: want a number and s, m, h or d, as in 7d" },
	{ "list --limit=0", "--limit: want a number above 0" },
	{ "list --limit=x", "--limit: want a number above 0" },
	{ "list --limit=1x", "--limit: want a number above 0" },
	{ "list --limit=1000000000", "--limit: want a number above 0" },
};

static void test_bad(void **state)
{
	struct filter filter;
	struct fault why;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad_rows); i++) {
		assert_int_equal(parse(bad_rows[i].line, &filter, &why),
		                 MTS_ESYNTAX);
		assert_string_equal(why.text, bad_rows[i].why);
	}
}

static void test_rest(void **state)
{
	struct filter filter;

	(void)state;
	assert_int_equal(parse("list --limit=999999999 --names", &filter, NULL),
	                 MTS_OK);
	assert_int_equal(filter.limit, 999999999);
	assert_true(filter.names);
	/* They leave nothing out that could not be seen. */
	assert_false(filter_is_narrow(&filter));
}

/* What a pattern can match stands after the start, and before the end. */
static void test_place(void **state)
{
	static const struct {
		const char *pattern, *start, *last, *over;
	} rows[] = {
		{ NULL, "", "zz", NULL },
		{ "*", "", "zz", NULL },
		{ "?x", "", "zz", NULL },
		{ "[a]*", "", "zz", NULL },
		{ "ex*", "ew\x7f", "exz.example", "ey" },
		{ "EX*", "ew\x7f", "ex", "ey" },
		{ "ex*", "ew\x7f", "e", "f" },
		{ "a-1.b*", "a-1.a\x7f", "a-1.b", "a-1.c" },
		{ "ex", "ew\x7f", "ex", "ez" },
	};
	char place[16];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct filter filter = { .pattern = rows[i].pattern };

		filter_start(&filter, place, sizeof(place));
		assert_string_equal(place, rows[i].start);
		assert_false(filter_is_over(&filter, rows[i].last));
		if (rows[i].over)
			assert_true(filter_is_over(&filter, rows[i].over));
	}
}

/* One that is too long for a domain says nothing. */
static void test_long_place(void **state)
{
	struct filter filter = { .pattern = "0123456789" };
	char place[11] = "x";

	(void)state;
	filter_start(&filter, place, sizeof(place));
	assert_string_equal(place, "");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),      cmocka_unit_test(test_bad),
		cmocka_unit_test(test_rest),       cmocka_unit_test(test_place),
		cmocka_unit_test(test_long_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
