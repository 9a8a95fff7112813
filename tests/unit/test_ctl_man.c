/* SPDX-License-Identifier: BSD-2-Clause */
/* test_ctl_man.c - the manual page of mtasts-ctl tells of every command. */
#include "tests.h"

#include "wire/control.h"

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

/* In the list of commands, with its first argument. */
static void test_commands(void **state)
{
	const struct control_row *row;

	(void)state;
	for (size_t i = 0; (row = control_row_at(i)) != NULL; i++) {
		char item[100];

		snprintf(item, sizeof(item), "\n.It Cm %s%s", row->name,
		         row->args_min ? " Ar DOMAIN" : "");
		if (!strstr(manual, item))
			fail_msg("mtasts-ctl.1 does not tell of %s", row->name);
	}
}

/* What else this program takes. */
static void test_options(void **state)
{
	static const char *const items[] = {
		"\n.It Cm check-config Op Ar FILE",
		"\n.It Cm flush Fl -all",
		"\n.It Cm flush Fl -negative",
		"\n.It Fl c , Fl -config Ar FILE",
		"\n.It Fl j , Fl -json",
		"\n.It Fl s , Fl -socket Ar SOCKET",
		"\n.It Fl V , Fl -version",
		"\n.It Fl h , Fl -help",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(items); i++)
		assert_non_null(strstr(manual, items[i]));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_options),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
