/* SPDX-License-Identifier: BSD-2-Clause */
/* test_check_man.c - the manual page of mtasts-check tells of every option and
 * every finding, as the code's own tables have them. */
#include "tests.h"

#include "findings/findings.h"
#include "prog/check_cli.h"

static char manual[128 * 1024];

static int setup(void **state)
{
	const char *srcdir = getenv("srcdir");
	char path[512];
	FILE *file;
	size_t len;

	(void)state;
	snprintf(path, sizeof(path), "%s/doc/man/mtasts-check.1",
	         srcdir ? srcdir : ".");
	file = fopen(path, "r");
	assert_non_null(file);
	len = fread(manual, 1, sizeof(manual) - 1, file);
	assert_true(len > 0 && feof(file));
	fclose(file);
	return 0;
}

static void test_options(void **state)
{
	const struct option *option = check_cli_options();

	(void)state;
	for (; option->name; option++) {
		const char *end = option->has_arg ? " Ar " : "\n";
		char item[100];

		snprintf(item, sizeof(item), "Fl -%s%s", option->name, end);
		if (!strstr(manual, item))
			fail_msg("mtasts-check.1 does not tell of --%s",
			         option->name);
	}
}

/* With its severity, and in its group's order. */
static void test_findings(void **state)
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
			fail_msg("mtasts-check.1 does not tell of %s, or with "
			         "another severity or place",
			         row->name);
		at = found;
	}
}

/* As the manual breaks lines where it likes: without blanks. */
static void squeeze(const char *text, char *ret, size_t size)
{
	size_t len = 0;

	for (; *text && len + 1 < size; text++)
		if (*text != ' ' && *text != '\n')
			ret[len++] = *text;
	ret[len] = '\0';
}

static void test_mends(void **state)
{
	static char page[sizeof(manual)];
	char fix[2048];

	(void)state;
	squeeze(manual, page, sizeof(page));
	for (size_t i = 0; i < FINDINGS; i++) {
		const struct finding_row *row = finding_row((enum finding_id)i);

		squeeze(row->fix, fix, sizeof(fix));
		if (!strstr(page, fix))
			fail_msg("mtasts-check.1 tells of another mend for %s",
			         row->name);
		squeeze(row->cause, fix, sizeof(fix));
		if (!strstr(page, fix))
			fail_msg("mtasts-check.1 tells of another cause of %s",
			         row->name);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_findings),
		cmocka_unit_test(test_mends),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
