/* SPDX-License-Identifier: BSD-2-Clause */
/* test_check_man.c - the manual page of mtasts-check describes every option and
 * every finding in the same words as the program. */
#include "tests.h"

#include "man_page.h"

#include "findings/findings.h"
#include "prog/check_cli.h"

static char *manual;

static int manual_setup(void **state)
{
	(void)state;
	manual = man_page_read("mtasts-check.1");
	return 0;
}

static int manual_teardown(void **state)
{
	(void)state;
	free(manual);
	return 0;
}

static void test_every_option_is_described(void **state)
{
	const struct option *option = check_cli_options();

	(void)state;
	for (; option->name; option++) {
		const char *end = option->has_arg ? " Ar " : "\n";
		char item[100];

		snprintf(item, sizeof(item), "Fl -%s%s", option->name, end);
		if (!strstr(manual, item))
			fail_msg("mtasts-check.1 does not describe --%s",
			         option->name);
	}
}

/* With their severities, and in the order of the table. */
static void test_every_finding_is_listed(void **state)
{
	const char *at = manual;

	(void)state;
	for (size_t i = 0; i < FINDINGS; i++) {
		const struct finding_row *row = finding_row((enum finding_id)i);
		char item[100];
		const char *found;

		snprintf(item, sizeof(item), "\n.It Cm %s Pq %s%s\n", row->name,
		         severity_text(row->severity),
		         row->enforce ? " in mode enforce, else warning" : "");
		found = strstr(at, item);
		if (!found)
			fail_msg("mtasts-check.1 does not have %s here with "
			         "this severity",
			         row->name);
		at = found;
	}
}

/* Copies TEXT without spaces: the manual breaks lines elsewhere. */
static void remove_spaces(const char *text, char *ret, size_t size)
{
	size_t len = 0;

	for (; *text && len + 1 < size; text++)
		if (*text != ' ' && *text != '\n')
			ret[len++] = *text;
	ret[len] = '\0';
}

static void test_fixes_and_causes(void **state)
{
	size_t size = strlen(manual) + 1;
	char *page = malloc(size);
	char fix[2048];

	(void)state;
	assert_non_null(page);
	remove_spaces(manual, page, size);
	for (size_t i = 0; i < FINDINGS; i++) {
		const struct finding_row *row = finding_row((enum finding_id)i);

		remove_spaces(row->fix, fix, sizeof(fix));
		if (!strstr(page, fix))
			fail_msg("mtasts-check.1 has another fix for %s",
			         row->name);
		remove_spaces(row->cause, fix, sizeof(fix));
		if (!strstr(page, fix))
			fail_msg("mtasts-check.1 has another cause for %s",
			         row->name);
	}
	free(page);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_option_is_described),
		cmocka_unit_test(test_every_finding_is_listed),
		cmocka_unit_test(test_fixes_and_causes),
	};

	return cmocka_run_group_tests(tests, manual_setup, manual_teardown);
}
