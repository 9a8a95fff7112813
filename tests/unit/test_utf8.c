/* SPDX-License-Identifier: BSD-2-Clause */
/* test_utf8.c - characters from bytes (RFC 3629 4). */
#include "tests.h"

#include "base/text.h"

/* C as UTF-8, by the bits that RFC 3629 3 draws. */
static size_t encode(uint32_t c, char to[4])
{
	static const unsigned char heads[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = len; i-- > 1; c >>= 6)
		to[i] = (char)(0x80 | (c & 0x3f));
	to[0] = (char)(heads[len == 1 ? 0 : len] | c);
	return len;
}

static bool is_surrogate(uint32_t c)
{
	return c >= 0xd800 && c <= 0xdfff;
}

/* Every character that exists, whole and cut off, and numbers beyond the
 * last. */
static void test_all(void **state)
{
	(void)state;
	for (uint32_t c = 0; c < 0x120000; c++) {
		bool good = c <= 0x10ffff && !is_surrogate(c);
		char bytes[4];
		size_t len = encode(c, bytes);
		uint32_t got = UINT32_MAX;

		assert_int_equal(utf8_take(slice_of(bytes, len), &got),
		                 good ? len : 0);
		assert_int_equal(got, good ? c : UINT32_MAX);
		assert_int_equal(utf8_take(slice_of(bytes, len - 1), &got), 0);
	}
}

static const struct {
	const char *bytes;
	size_t len; /* that is taken */
} rows[] = {
	{ "ab", 1 },               /* the first one only */
	{ "\xc3\xbc\xc3", 2 },     /* whatever follows */
	{ "\x80", 0 },             /* UTF8-tail starts nothing */
	{ "\xc0\xaf", 0 },         /* overlong: UTF8-2 begins at C2 */
	{ "\xc1\xbf", 0 },         /* the same */
	{ "\xe0\x9f\xbf", 0 },     /* overlong: %xE0 %xA0-BF */
	{ "\xf0\x8f\xbf\xbf", 0 }, /* overlong: %xF0 %x90-BF */
	{ "\xc3(", 0 },
	{ "\xe2\x82(", 0 },
	{ "\xf0\x90\x80(", 0 },
	{ "\xf5\x80\x80\x80", 0 }, /* %xF1-F3, %xF4, and no more */
	{ "\xff", 0 },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint32_t c;

		assert_int_equal(utf8_take(slice_str(rows[i].bytes), &c),
		                 rows[i].len);
	}
}

static void test_empty(void **state)
{
	uint32_t c;

	(void)state;
	assert_int_equal(utf8_take(slice_of(NULL, 0), &c), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
