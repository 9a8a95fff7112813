/* SPDX-License-Identifier: BSD-2-Clause */
/* test_ctl_man.c - the manual page of mtasts-ctl documents every command. */
#include "tests.h"

#include "man_page.h"

#include "ctl/ctl_commands.h"

static char *manual;

static int manual_setup(void **state)
{
	(void)state;
	manual = man_page_read("mtasts-ctl.1");
	return 0;
}

static int manual_teardown(void **state)
{
	(void)state;
	free(manual);
	return 0;
}

/* How many capitals ROW's arguments begin with: 6 for "DOMAIN [MX]". */
static int first_len(const struct control_row *row)
{
	return (int)strspn(row->args, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
}

/* The list of commands has it, with its first argument. */
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
			fail_msg("mtasts-ctl.1 does not mention %s", row->name);
	}
}

/* Each option of each command, on any line: "Fl -mode Ar MODE". */
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
				    "mtasts-ctl.1 does not mention %s --%s",
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
			fail_msg("mtasts-ctl.1 does not mention --%s",
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

	return cmocka_run_group_tests(tests, manual_setup, manual_teardown);
}
