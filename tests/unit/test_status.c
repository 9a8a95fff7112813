/* SPDX-License-Identifier: BSD-2-Clause */
/* test_status.c - codes as text, and reasons that are safe to print. */
#include "tests.h"

#include "base/status.h"

#include <errno.h>

static void test_status_text(void **state)
{
	const char *unknown = mts_status_text(-1000);

	(void)state;
	for (int status = MTS_OK; status >= MTS_ELIB; status--)
		assert_string_not_equal(mts_status_text(status), unknown);
	assert_string_equal(unknown, mts_status_text(1));
}

static const struct {
	const char *text;
	const char *scrubbed;
} scrubs[] = {
	{ "", "" },
	{ "plain text, ~!", "plain text, ~!" },
	{ "a \"quoted\" word", "a 'quoted' word" },
	{ "two\nlines", "two?lines" },
	{ "\x1b[2J\a\b\t\r", "?[2J????" },
	{ "\x7f", "?" },
	{ "b\xc3\xbc", "b??" },
	{ "\x80\xff", "??" },
};

static void test_scrub(void **state)
{
	char text[32];
	struct fault fault;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(scrubs); i++) {
		snprintf(text, sizeof(text), "%s", scrubs[i].text);
		fault_scrub(text);
		assert_string_equal(text, scrubs[i].scrubbed);
		fault_set(&fault, MTS_ESYNTAX, "%s", scrubs[i].text);
		assert_string_equal(fault.text, scrubs[i].scrubbed);
	}
}

static void test_set(void **state)
{
	struct fault fault;
	char text[2 * FAULT_TEXT];

	(void)state;
	assert_int_equal(fault_set(&fault, MTS_ERANGE, "%d is over %d", 2, 1),
	                 MTS_ERANGE);
	assert_int_equal(fault.status, MTS_ERANGE);
	assert_string_equal(fault.text, "2 is over 1");
	assert_int_equal(fault_set(NULL, MTS_ERANGE, "x"), MTS_ERANGE);

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	fault_set(&fault, MTS_ERANGE, "%s", text);
	assert_int_equal(strlen(fault.text), FAULT_TEXT - 1);
}

static void test_errno(void **state)
{
	struct fault fault;
	char text[2 * FAULT_TEXT];

	(void)state;
	assert_int_equal(fault_errno(&fault, ENOENT, "%s", "a\"b"), MTS_ESYS);
	assert_int_equal(fault.status, MTS_ESYS);
	assert_string_equal(fault.text, "a'b: No such file or directory");
	assert_int_equal(fault_errno(&fault, ENOMEM, "x"), MTS_ENOMEM);
	assert_int_equal(fault.status, MTS_ENOMEM);
	assert_int_equal(fault_errno(NULL, ENOMEM, "x"), MTS_ENOMEM);
	assert_int_equal(fault_errno(NULL, EPERM, "x"), MTS_ESYS);

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	fault_errno(&fault, ENOENT, "%s", text);
	assert_int_equal(strlen(fault.text), FAULT_TEXT - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status_text),
		cmocka_unit_test(test_scrub),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_errno),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
