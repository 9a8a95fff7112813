/* SPDX-License-Identifier: BSD-2-Clause */
/* test_ctl_list.c - the table of mtasts-ctl list. */
#include "shown.h"

#define LISTED                                                                 \
	"{\"domain\":\"a.example\",\"mode\":\"enforce\",\"id\":\"20240101\","  \
	"\"fetched\":1699989000,\"expires\":1700600000,\"used\":null,"         \
	"\"mx_count\":2}"
#define LONG_NAME                                                              \
	"a-very-long-name-that-does-not-fit.into-the-column.of-any.example"

static void test_list(void **state)
{
	static const struct {
		size_t width;
		const char *text;
	} rows[] = {
		{ 30, "DOMAIN                 MODE\n"
		      "a.example              enforce\n" },
		{ 40, "DOMAIN                  MODE     EXPIRES\n"
		      "a.example               enforce  6d\n" },
		{ 50, "DOMAIN                    MODE     EXPIRES  FAILED\n"
		      "a.example                 enforce  6d       -\n" },
		{ 60,
		  "DOMAIN                     MODE     EXPIRES  FETCHED  "
		  "FAILED\n"
		  "a.example                  enforce  6d       3h       -\n" },
		{ 80, "DOMAIN                             MODE     MX   "
		      "EXPIRES  FETCHED  USED   FAILED\n"
		      "a.example                          enforce  2    6d     "
		      "  3h       never  -\n" },
		{ 100, "DOMAIN                           MODE     MX   EXPIRES "
		       " FETCHED  USED   FAILED  ID\n"
		       "a.example                        enforce  2    6d      "
		       " 3h       never  -       20240101\n" },
	};

	(void)state;
	view.command = CONTROL_LIST;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		view.width = rows[i].width;
		view.items = 0;
		show(LISTED);
		assert_string_equal(shown(), rows[i].text);
		buffer_clear(&view.out);
	}
}

static void test_list_failures(void **state)
{
	(void)state;
	view.command = CONTROL_LIST;
	show("{\"domain\":\"a\",\"mode\":\"none\",\"failures\":12}");
	assert_string_equal(strrchr(shown(), ' '), " 12\n");
}

static void test_list_names(void **state)
{
	const char *error = NULL;

	(void)state;
	view.command = CONTROL_LIST;
	view.names = true;
	show("{\"domain\":\"" LONG_NAME "\"}");
	show("{\"domain\":\"b" EVIL "\"}");
	assert_string_equal(shown(), LONG_NAME "\nb?[31m????\n");
	view.items = 0;
	view_text_end(&view, 1, &error);
	assert_null(error);
}

/* No line is wider than the terminal; but what does not go to one is whole. */
static void test_list_width(void **state)
{
	(void)state;
	view.command = CONTROL_LIST;
	for (view.width = 20; view.width < 200; view.width++) {
		size_t start = 0;

		buffer_clear(&view.out);
		show("{\"domain\":\"" LONG_NAME "\",\"mode\":\"enforce\","
		     "\"id\":\"12345678901234567890123456789012\","
		     "\"fetched\":1,\"expires\":5000000000,\"used\":1,"
		     "\"mx_count\":123}");
		for (size_t i = 0; i < view.out.len; i++) {
			if (view.out.data[i] != '\n')
				continue;
			assert_true(i - start <= view.width);
			start = i + 1;
		}
	}
	view.cut = false;
	view.width = 80;
	buffer_clear(&view.out);
	show("{\"domain\":\"" LONG_NAME "\",\"mode\":\"enforce\"}");
	expect_shown(LONG_NAME "  enforce");
}

static void test_list_empty(void **state)
{
	const char *error = NULL;

	(void)state;
	view.command = CONTROL_LIST;
	view_text_end(&view, 0, &error);
	assert_string_equal(error, "no policy is cached");
	error = NULL;
	view_text_end(&view, 1, &error);
	assert_string_equal(error, "no cached policy matches");
	error = "oh";
	view_text_end(&view, 1, &error);
	assert_string_equal(error, "oh");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SHOWN_ROW(test_list),       SHOWN_ROW(test_list_failures),
		SHOWN_ROW(test_list_names), SHOWN_ROW(test_list_width),
		SHOWN_ROW(test_list_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
