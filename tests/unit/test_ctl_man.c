/* SPDX-License-Identifier: BSD-2-Clause */
/* test_ctl_man.c - the manual page of mtasts-ctl tells of every command. */
#include "tests.h"

#include "ctl/ctl_commands.h"

static char manual[64 * 1024];

static int setup(void **state)
{
	const char *srcdir = getenv("srcdir");
	char path[512];
	FILE *file;
	size_t len;

	(void)state;
	snprintf(path, sizeof(path), "%s/doc/man/mtasts-ctl.1",
	         srcdir ? srcdir : ".");
	file = fopen(path, "r");
	assert_non_null(file);
	len = fread(manual, 1, sizeof(manual) - 1, file);
	assert_true(len > 0 && feof(file));
	fclose(file);
	return 0;
}

/* The capitals that ROW's arguments begin with: "DOMAIN". */
static int first_len(const struct control_row *row)
{
	return (int)strspn(row->args, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
}

/* In the list of commands, with its first argument. */
static void test_commands(void **state)
{
	const struct control_row *row;

	(void)state;
	for (size_t i = 0; (row = ctl_command_at(i)) != NULL; i++) {
		char item[100];

		snprintf(item, sizeof(item), "\n.It Cm %s%s%.*s", row->name,
		         row->args_min ? " Ar " : "",
		         row->args_min ? first_len(row) : 0, row->args);
		if (!strstr(manual, item))
			fail_msg("mtasts-ctl.1 does not tell of %s", row->name);
	}
}

/* Each option of each command: "Fl -mode Ar MODE", in whatever line. */
static void test_command_options(void **state)
{
	const struct control_row *row;

	(void)state;
	for (size_t i = 0; (row = ctl_command_at(i)) != NULL; i++) {
		const struct control_option *option = row->options;

		for (; option && option->name; option++) {
			char item[100];

			snprintf(item, sizeof(item), "Fl -%s%s%s", option->name,
			         option->value ? " Ar " : "",
			         option->value ? option->value : "");
			if (!strstr(manual, item))
				fail_msg(
				    "mtasts-ctl.1 does not tell of %s --%s",
				    row->name, option->name);
		}
	}
}

static void test_options(void **state)
{
	const struct ctl_option *option;

	(void)state;
	for (size_t i = 0; (option = ctl_option_at(i)) != NULL; i++) {
		char item[100];

		snprintf(item, sizeof(item), "\n.It Fl %c , Fl -%s%s%s\n",
		         option->letter, option->name,
		         option->value ? " Ar " : "",
		         option->value ? option->value : "");
		if (!strstr(manual, item))
			fail_msg("mtasts-ctl.1 does not tell of --%s",
			         option->name);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_command_options),
		cmocka_unit_test(test_options),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
