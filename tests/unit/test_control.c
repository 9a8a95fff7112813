/* SPDX-License-Identifier: BSD-2-Clause */
/* test_control.c - the control socket's requests. */
#include "tests.h"

#include "wire/control_protocol.h"

#define TEXT(s)                                                                \
	{                                                                      \
		(s), sizeof(s) - 1                                             \
	}

static struct control_request request; /* 16 KiB: too much for a stack */

static const struct {
	struct slice line;
	enum control_command command;
	size_t argc;
	const char *argv[3];
} good_rows[] = {
	{ TEXT("status"), CONTROL_STATUS, 0, { NULL } },
	{ TEXT("  status  "), CONTROL_STATUS, 0, { NULL } },
	{ TEXT("stats"), CONTROL_STATS, 0, { NULL } },
	{ TEXT("top"), CONTROL_TOP, 0, { NULL } },
	{ TEXT("top --rows=64 --minutes=10 --interval=3600"),
	  CONTROL_TOP,
	  0,
	  { NULL } },
	{ TEXT("lookup example.org"), CONTROL_LOOKUP, 1, { "example.org" } },
	{ TEXT("lookup   a.example mx.a.example "),
	  CONTROL_LOOKUP,
	  2,
	  { "a.example", "mx.a.example" } },
	{ TEXT("explain b\xc3\xbc.example"),
	  CONTROL_EXPLAIN,
	  1,
	  { "b\xc3\xbc.example" } },
	{ TEXT("list"), CONTROL_LIST, 0, { NULL } },
	{ TEXT("list *.example"), CONTROL_LIST, 1, { "*.example" } },
	{ TEXT("show [a]:25"), CONTROL_SHOW, 1, { "[a]:25" } },
	{ TEXT("refresh a b c"), CONTROL_REFRESH, 3, { "a", "b", "c" } },
	{ TEXT("flush a b"), CONTROL_FLUSH, 2, { "a", "b" } },
	/* The edges of UTF-8 (RFC 3629 4). */
	{ TEXT("show \xc2\xa0\xdf\xbf"),
	  CONTROL_SHOW,
	  1,
	  { "\xc2\xa0\xdf\xbf" } },
	{ TEXT("show \xe0\xa0\x80\xed\x9f\xbf\xef\xbf\xbf"),
	  CONTROL_SHOW,
	  1,
	  { "\xe0\xa0\x80\xed\x9f\xbf\xef\xbf\xbf" } },
	{ TEXT("show \xf0\x90\x80\x80\xf4\x8f\xbf\xbf"),
	  CONTROL_SHOW,
	  1,
	  { "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf" } },
};

static void test_good(void **state)
{
	struct fault why;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good_rows); i++) {
		assert_int_equal(
		    control_parse(good_rows[i].line, &request, &why), MTS_OK);
		assert_int_equal(request.command, good_rows[i].command);
		assert_int_equal(request.argc, good_rows[i].argc);
		for (size_t k = 0; k < request.argc; k++)
			assert_true(
			    slice_is(request.argv[k], good_rows[i].argv[k]));
	}
}

/* Options may stand anywhere. */
static const struct {
	struct slice line;
	size_t argc;
	const char *options[CONTROL_OPTIONS_MAX];
} option_rows[] = {
	{ TEXT("list"), 0, { NULL } },
	{ TEXT("flush --all"), 0, { "" } },
	{ TEXT("flush --negative"), 0, { NULL, "" } },
	{ TEXT("list --mode=none *.example --failing"), 1, { "none", "" } },
	{ TEXT("list --names --limit=5 --expiring=7d"),
	  0,
	  { NULL, NULL, "7d", "5", "" } },
};

static void test_options(void **state)
{
	struct fault why;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(option_rows); i++) {
		const char *const *options = option_rows[i].options;

		assert_int_equal(
		    control_parse(option_rows[i].line, &request, &why), MTS_OK);
		assert_int_equal(request.argc, option_rows[i].argc);
		for (size_t k = 0; k < CONTROL_OPTIONS_MAX; k++) {
			assert_int_equal(control_has(&request, k),
			                 options[k] != NULL);
			assert_true(!options[k] ||
			            slice_is(request.options[k], options[k]));
		}
	}
}

#define BYTES "the request contains control characters or is not UTF-8"
#define LIST                                                                   \
	"list [--mode MODE] [--failing] [--expiring SPAN] [--limit N] "        \
	"[--names] [PATTERN]"
#define TOP "[--minutes N] [--rows N] [--interval SECONDS]"
#define KNOWN                                                                  \
	"status, stats, top, lookup, explain, list, show, refresh, flush, "    \
	"export, import, reload"

static const struct {
	struct slice line;
	const char *why;
} bad_rows[] = {
	{ TEXT(""), "the request is empty" },
	{ TEXT("   "), "the request is empty" },
	{ TEXT("nonsense"), "unknown command 'nonsense'; known: " KNOWN },
	{ TEXT("STATUS"), "unknown command 'STATUS'; did you mean status?" },
	{ TEXT("lits"), "unknown command 'lits'; did you mean list?" },
	{ TEXT("check-config"),
	  "unknown command 'check-config'; known: " KNOWN },
	{ TEXT("\xc3\xbc\"x"), "unknown command '?\?'x'; known: " KNOWN },
	{ TEXT("status now"), "usage: status" },
	{ TEXT("stats now"), "usage: stats" },
	{ TEXT("top now"), "usage: top " TOP },
	{ TEXT("top --minutes"), "usage: top " TOP },
	{ TEXT("top --minutes=0"), "--minutes: want a number from 1 to 10" },
	{ TEXT("top --minutes=11"), "--minutes: want a number from 1 to 10" },
	{ TEXT("top --rows=00065"), "--rows: want a number from 1 to 64" },
	{ TEXT("top --rows=-1"), "--rows: want a number from 1 to 64" },
	{ TEXT("top --interval=1s"),
	  "--interval: want a number from 1 to 3600" },
	{ TEXT("lookup"), "usage: lookup DOMAIN [MX]" },
	{ TEXT("lookup a b c"), "usage: lookup DOMAIN [MX]" },
	{ TEXT("explain"), "usage: explain DOMAIN" },
	{ TEXT("explain a b"), "usage: explain DOMAIN" },
	{ TEXT("list a b"), "usage: " LIST },
	{ TEXT("list --mode"), "usage: " LIST },
	{ TEXT("list --mode="), "usage: " LIST },
	{ TEXT("list --failing=yes"), "usage: " LIST },
	{ TEXT("list --failing --failing"), "usage: " LIST },
	{ TEXT("list --mod=none"), "usage: " LIST },
	{ TEXT("list --modes=none"), "usage: " LIST },
	{ TEXT("list --"), "usage: " LIST },
	{ TEXT("show"), "usage: show DOMAIN" },
	{ TEXT("refresh"), "usage: refresh DOMAIN..." },
	{ TEXT("refresh --all"), "usage: refresh DOMAIN..." },
	{ TEXT("flush"), "usage: flush DOMAIN...|--all|--negative" },
	{ TEXT("flush --everything"),
	  "usage: flush DOMAIN...|--all|--negative" },
	{ TEXT("flush --all a"), "usage: flush DOMAIN...|--all|--negative" },
	{ TEXT("flush a --all"), "usage: flush DOMAIN...|--all|--negative" },
	{ TEXT("flush --all --negative"),
	  "usage: flush DOMAIN...|--all|--negative" },
	{ TEXT("show a\tb"), BYTES },
	{ TEXT("show a\r"), BYTES },
	{ TEXT("show a\0b"), BYTES },
	{ TEXT("show \x1b[2J"), BYTES },
	{ TEXT("show \x7f"), BYTES },
	{ TEXT("show \x80"), BYTES },     /* starts nothing */
	{ TEXT("show \xc2\x9b"), BYTES }, /* U+009B is CSI */
	{ TEXT("show \xc0\xaf"), BYTES }, /* overlong */
	{ TEXT("show \xc3"), BYTES },     /* cut short */
	{ TEXT("show \xc3("), BYTES },
	{ TEXT("show \xe0\x9f\xbf"), BYTES }, /* overlong */
	{ TEXT("show \xe2\x82"), BYTES },
	{ TEXT("show \xe2\x82("), BYTES },
	{ TEXT("show \xed\xa0\x80"), BYTES }, /* a surrogate */
	{ TEXT("show \xf0\x8f\xbf\xbf"), BYTES },
	{ TEXT("show \xf4\x90\x80\x80"), BYTES }, /* past U+10FFFF */
	{ TEXT("show \xf5\x80\x80\x80"), BYTES },
	{ TEXT("show \xff"), BYTES },
};

static void test_bad(void **state)
{
	struct fault why;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad_rows); i++) {
		why.text[0] = '\0';
		assert_int_equal(
		    control_parse(bad_rows[i].line, &request, &why),
		    MTS_ESYNTAX);
		assert_string_equal(why.text, bad_rows[i].why);
	}
}

/* "refresh" with N arguments of one letter each. */
static struct slice long_line(char *line, size_t n)
{
	memcpy(line, "refresh", 7);
	for (size_t i = 0; i < n; i++)
		memcpy(line + 7 + 2 * i, " x", 2);
	return slice_of(line, 7 + 2 * n);
}

static void test_caps(void **state)
{
	static char line[CONTROL_LINE_MAX + 1];
	struct fault why;

	(void)state;
	assert_int_equal(
	    control_parse(long_line(line, CONTROL_ARGS_MAX), &request, &why),
	    MTS_OK);
	assert_int_equal(request.argc, CONTROL_ARGS_MAX);
	assert_int_equal(control_parse(long_line(line, CONTROL_ARGS_MAX + 1),
	                               &request, &why),
	                 MTS_ESYNTAX);
	assert_string_equal(
	    why.text, "refresh takes at most 1024 domains; pass fewer at a "
		      "time, as xargs -n 200 does");
	memset(line, ' ', sizeof(line));
	memcpy(line, "status", 6);
	assert_int_equal(
	    control_parse(slice_of(line, CONTROL_LINE_MAX), &request, &why),
	    MTS_OK);
	assert_int_equal(
	    control_parse(slice_of(line, sizeof(line)), &request, &why),
	    MTS_ESYNTAX);
	assert_string_equal(why.text, "the request is longer than 65536 bytes");
}

/* Each can be told by its name, and stands in the usage, which is whole. */
static void check_options(const struct control_row *row)
{
	const struct control_option *option = row->options;
	char text[CONTROL_USAGE_MAX], name[40];

	control_usage(row, text);
	assert_true(strlen(text) < CONTROL_USAGE_MAX - 1);
	for (size_t i = 0; option && option[i].name; i++) {
		assert_true(i < CONTROL_OPTIONS_MAX);
		assert_true(strlen(option[i].help) > 5);
		snprintf(name, sizeof(name), "--%s", option[i].name);
		assert_non_null(strstr(text, name));
	}
}

static void test_rows(void **state)
{
	enum control_command command;
	const struct control_row *row;
	size_t n = 0;

	(void)state;
	for (; (row = control_row_at(n)); n++) {
		assert_int_equal(control_find(slice_str(row->name), &command),
		                 MTS_OK);
		assert_int_equal(command, n);
		assert_ptr_equal(control_row(command), row);
		assert_true(row->args_min <= row->args_max);
		assert_true(row->args_max <= CONTROL_ARGS_MAX);
		assert_true(row->help[0] != '\0' && !strchr(row->help, '\n'));
		assert_int_equal(row->args[0] == '\0', row->args_max == 0);
		check_options(row);
	}
	assert_int_equal(n, CONTROL_RELOAD + 1);
	assert_int_equal(control_find(slice_str(""), &command), MTS_ENOTFOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good), cmocka_unit_test(test_options),
		cmocka_unit_test(test_bad),  cmocka_unit_test(test_caps),
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
