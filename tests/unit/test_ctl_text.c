/* SPDX-License-Identifier: BSD-2-Clause */
/* test_ctl_text.c - texts for a person at a terminal. */
#include "tests.h"

#include "base/status.h"
#include "ctl/ctl_text.h"

static struct buffer out;

static int setup(void **state)
{
	(void)state;
	buffer_init(&out, 4096);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	buffer_free(&out);
	return 0;
}

/* Checks what OUT holds, and empties it. */
static void expect(const char *text)
{
	assert_int_equal(buffer_status(&out), MTS_OK);
	buffer_put(&out, "", 1);
	assert_string_equal(out.data, text);
	buffer_clear(&out);
}

/* -- safe ------------------------------------------------------------------ */

static void test_safe(void **state)
{
	static const struct {
		const char *text, *utf8, *ascii;
	} rows[] = {
		{ "", "", "" },
		{ "a b~", "a b~", "a b~" },
		/* C0: an escape sequence, a newline, a tab */
		{ "\x1b[31m\n\t", "?[31m??", "?[31m??" },
		{ "\x7f", "?", "?" }, /* DEL */
		{ "\xc2\x9b"
		  "31m",
		  "?31m", "?31m" }, /* C1: CSI */
		{ "\xc2\x80\xc2\x9f\xc2\xa0", "??\xc2\xa0", "???" },
		{ "\xc3\xa9", "\xc3\xa9", "?" },
		{ "\xe2\x82\xac", "\xe2\x82\xac", "?" },
		{ "\xf0\x9f\x93\xa7", "\xf0\x9f\x93\xa7", "?" },
		/* What turns the direction of writing, and line separators. */
		{ "\xe2\x80\xae"
		  "a",
		  "?a", "?a" },
		{ "\xe2\x81\xa6\xe2\x81\xa9", "??", "??" },
		{ "\xe2\x80\xa8\xe2\x80\xa9", "??", "??" },
		{ "\xe2\x80\x8f", "?", "?" },
		/* What has no width, and so hides. */
		{ "a\xe2\x80\x8b"
		  "b\xe2\x81\xa0"
		  "c\xef\xbb\xbf\xc2\xad",
		  "a?b?c??", "a?b?c??" },
		{ "\xf3\xa0\x81\x81", "?", "?" },
		{ "\xe2\x80\x90", "\xe2\x80\x90", "?" },
		/* No UTF-8 (RFC 3629): cut, stray, overlong, surrogates, too
		 * large; one '?' a byte. */
		{ "\xe2\x82", "??", "??" },
		{ "\x9b"
		  "31m",
		  "?31m", "?31m" },
		{ "\xc0\x8a", "??", "??" },
		{ "\xe0\x80\x8a", "???", "???" },
		{ "\xed\xa0\x80", "???", "???" },
		{ "\xf4\x90\x80\x80", "????", "????" },
		{ "\xff", "?", "?" },
		{ "\xc3"
		  "a",
		  "?a", "?a" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		text_put_safe(&out, slice_str(rows[i].text), true);
		expect(rows[i].utf8);
		text_put_safe(&out, slice_str(rows[i].text), false);
		expect(rows[i].ascii);
	}
	text_put_safe(&out, slice_of("a\0b", 3), true);
	expect("a?b");
}

static void test_lines(void **state)
{
	static const struct {
		const char *text, *lines;
	} rows[] = {
		{ "", "" },
		{ "a\nb\n", "  a\n  b\n" },
		{ "a\r\nb\r\n", "  a\n  b\n" },
		{ "a", "  a\n" },
		{ "a\n\nb", "  a\n  \n  b\n" },
		{ "a\rb\x1b\n", "  a?b?\n" },
		{ "a\r", "  a?\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		text_put_lines(&out, slice_str(rows[i].text), 2, true);
		expect(rows[i].lines);
	}
}

static void test_words(void **state)
{
	static const struct {
		const char *text;
		size_t width;
		const char *phrase;
	} rows[] = {
		{ "", 10, "" },
		{ "ab cd ef", 10, "ab cd ef" },
		{ "ab cd ef", 9, "ab cd\n  ef" },
		{ "ab cd ef", 0, "ab cd ef" },
		{ "abcdefghij kl", 6, "abcdefghij\n  kl" },
		{ "ab  cd", 6, "ab \n  cd" },
		{ "a\x1b b", 5, "a?\n  b" },
		{ "a b c d", 3, "a\n  b\n  c\n  d" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		text_put_wrapped(&out, slice_str(rows[i].text), 2,
		                 rows[i].width, true);
		expect(rows[i].phrase);
	}
}

/* -- times ----------------------------------------------------------------- */

static void test_span(void **state)
{
	static const struct {
		uint64_t span_s;
		const char *text, *brief;
	} rows[] = {
		{ 0, "0s", "0s" },
		{ 59, "59s", "59s" },
		{ 60, "1m", "1m" },
		{ 61, "1m 1s", "1m" },
		{ 3599, "59m 59s", "59m" },
		{ 3600, "1h", "1h" },
		{ 3659, "1h", "1h" },
		{ 86400, "1d", "1d" },
		{ 601200, "6d 23h", "6d" },
		{ 86400 + 59, "1d", "1d" },
		{ 31557600, "365d 6h", "365d" },
		{ UINT64_MAX, "213503982334601d 7h", "213503982334601d" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		text_put_span(&out, rows[i].span_s);
		expect(rows[i].text);
		text_put_short_span(&out, rows[i].span_s);
		expect(rows[i].brief);
	}
}

static void test_time(void **state)
{
	enum { NOW = 1700000000 };
	static const struct {
		int64_t time_s;
		const char *text;
	} rows[] = {
		{ 0, "never" },
		{ NOW, "now (2023-11-14 22:13:20 UTC)" },
		{ NOW + 601200, "in 6d 23h (2023-11-21 21:13:20 UTC)" },
		{ NOW - 10805, "3h ago (2023-11-14 19:13:15 UTC)" },
		{ 1709210096, "in 106d 14h (2024-02-29 12:34:56 UTC)" },
		/* what no calendar holds */
		{ INT64_MAX, "in 106751991147624d 17h "
		             "(9223372036854775807 s)" },
		{ INT64_MIN, "106751991186976d 13h ago "
		             "(-9223372036854775808 s)" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		text_put_time(&out, rows[i].time_s, NOW);
		expect(rows[i].text);
	}
}

/* -- sizes and columns ----------------------------------------------------- */

static void test_size(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} rows[] = {
		{ 0, "0 bytes" },
		{ 1023, "1023 bytes" },
		{ 1024, "1.0 KiB" },
		{ 1536, "1.5 KiB" },
		{ 1024 * 1024, "1.0 MiB" },
		{ 1024ULL * 1024 * 1024, "1.0 GiB" },
		{ 5ULL << 40, "5.0 TiB" },
		{ 1ULL << 60, "1048576.0 TiB" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		text_put_size(&out, rows[i].bytes);
		expect(rows[i].text);
	}
}

static void test_cell(void **state)
{
	static const struct {
		const char *text;
		size_t width;
		bool cut;
		const char *cell;
	} rows[] = {
		{ "abc", 5, true, "abc  " },
		{ "abcde", 5, true, "abcde" },
		{ "abcdef", 5, true, "abcd~" },
		{ "abcdef", 5, false, "abcdef" },
		{ "abc", 1, true, "~" },
		{ "", 3, false, "   " },
		{ "abc", 0, true, "abc" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		text_put_cell(&out, slice_str(rows[i].text), rows[i].width,
		              rows[i].cut);
		expect(rows[i].cell);
	}
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ROW(test_safe), ROW(test_lines), ROW(test_words),
		ROW(test_span), ROW(test_time),  ROW(test_size),
		ROW(test_cell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
