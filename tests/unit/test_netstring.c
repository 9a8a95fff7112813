/* SPDX-License-Identifier: BSD-2-Clause */
/* test_netstring.c - netstrings, by cr.yp.to/proto/netstrings.txt. */
#include "tests.h"

#include "alloc.h"
#include "base/status.h"
#include "wire/framing.h"

#define TEXT(s)                                                                \
	{                                                                      \
		(s), sizeof(s) - 1                                             \
	}

static const struct {
	struct slice input;
	size_t max;
	int status;
	const char *payload;
	size_t used;
} parse_rows[] = {
	{ TEXT("5:hello,"), 100, MTS_OK, "hello", 8 },
	/* "The empty string is encoded as "0:,"" */
	{ TEXT("0:,"), 100, MTS_OK, "", 3 },
	{ TEXT("0:,"), 0, MTS_OK, "", 3 },
	/* Bytes count, not what they are. */
	{ TEXT("3:,:,,"), 100, MTS_OK, ",:,", 6 },
	/* What follows is the next one's. */
	{ TEXT("1:a,1:b,"), 100, MTS_OK, "a", 4 },
	{ TEXT("10:0123456789,"), 10, MTS_OK, "0123456789", 14 },
	/* Good so far. */
	{ TEXT(""), 100, MTS_EMORE, NULL, 0 },
	{ TEXT("0"), 100, MTS_EMORE, NULL, 0 },
	{ TEXT("5"), 100, MTS_EMORE, NULL, 0 },
	{ TEXT("5:"), 100, MTS_EMORE, NULL, 0 },
	{ TEXT("5:hell"), 100, MTS_EMORE, NULL, 0 },
	{ TEXT("5:hello"), 100, MTS_EMORE, NULL, 0 },
	{ TEXT("0:"), 100, MTS_EMORE, NULL, 0 },
	{ TEXT("100:"), 100, MTS_EMORE, NULL, 0 },
	/* "Extra zeros at the front of [len] are prohibited" */
	{ TEXT("05:hello,"), 100, MTS_ESYNTAX, NULL, 0 },
	{ TEXT("00:,"), 100, MTS_ESYNTAX, NULL, 0 },
	{ TEXT(":,"), 100, MTS_ESYNTAX, NULL, 0 },
	{ TEXT("x"), 100, MTS_ESYNTAX, NULL, 0 },
	{ TEXT("-1:,"), 100, MTS_ESYNTAX, NULL, 0 },
	{ TEXT("+1:a,"), 100, MTS_ESYNTAX, NULL, 0 },
	{ TEXT(" 1:a,"), 100, MTS_ESYNTAX, NULL, 0 },
	{ TEXT("1 :a,"), 100, MTS_ESYNTAX, NULL, 0 },
	{ TEXT("5;hello,"), 100, MTS_ESYNTAX, NULL, 0 },
	{ TEXT("5:hello;"), 100, MTS_ESYNTAX, NULL, 0 },
	{ TEXT("4:hello,"), 100, MTS_ESYNTAX, NULL, 0 },
	{ TEXT("1\0:a,"), 100, MTS_ESYNTAX, NULL, 0 },
	{ TEXT("GET / HTTP/1.1\r\n"), 100, MTS_ESYNTAX, NULL, 0 },
	/* Too long is known before the payload has come, even before the
	 * colon: no client can make us wait for a gigabyte. */
	{ TEXT("101:"), 100, MTS_ERANGE, NULL, 0 },
	{ TEXT("101"), 100, MTS_ERANGE, NULL, 0 },
	{ TEXT("1:a,"), 0, MTS_ERANGE, NULL, 0 },
	{ TEXT("99999999999999999999999999"), 100, MTS_ERANGE, NULL, 0 },
	{ TEXT("18446744073709551615:"), SIZE_MAX, MTS_EMORE, NULL, 0 },
	{ TEXT("18446744073709551616:"), SIZE_MAX, MTS_ERANGE, NULL, 0 },
};

static void test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(parse_rows); i++) {
		struct slice ret = { "untouched", 9 };
		size_t used = 77;
		int status = netstring_parse(parse_rows[i].input,
		                             parse_rows[i].max, &ret, &used);

		if (status != parse_rows[i].status)
			fail_msg("row %zu: %s", i, parse_rows[i].input.data);
		if (status != MTS_OK) {
			assert_true(slice_is(ret, "untouched"));
			assert_int_equal(used, 77);
			continue;
		}
		assert_true(slice_is(ret, parse_rows[i].payload));
		assert_int_equal(used, parse_rows[i].used);
	}
}

/* Whatever way the bytes are cut up, the result is the same. */
static void test_byte_by_byte(void **state)
{
	static const char text[] = "12:postfix a.bc,";
	struct slice ret;
	size_t used;

	(void)state;
	for (size_t n = 0; n < sizeof(text) - 1; n++)
		assert_int_equal(
		    netstring_parse(slice_of(text, n), 100, &ret, &used),
		    MTS_EMORE);
	assert_int_equal(
	    netstring_parse(slice_of(text, sizeof(text) - 1), 100, &ret, &used),
	    MTS_OK);
	assert_true(slice_is(ret, "postfix a.bc"));
}

static void test_put(void **state)
{
	struct buffer out;
	char big[1000] = { 0 };

	(void)state;
	buffer_init(&out, 2000);
	assert_int_equal(netstring_put(&out, slice_str("NOTFOUND ")), MTS_OK);
	assert_int_equal(netstring_put(&out, slice_str("")), MTS_OK);
	assert_true(slice_is(buffer_slice(&out), "9:NOTFOUND ,0:,"));
	buffer_clear(&out);
	assert_int_equal(netstring_put(&out, slice_of(big, sizeof(big))),
	                 MTS_OK);
	assert_int_equal(out.len, 1006);
	assert_memory_equal(out.data, "1000:", 5);
	/* The cap: an answer that is cut must not look whole. */
	assert_int_equal(netstring_put(&out, slice_of(big, sizeof(big))),
	                 MTS_ERANGE);
	buffer_free(&out);
}

static void test_put_without_memory(void **state)
{
	struct buffer out;
	char big[1000] = { 0 };

	(void)state;
	for (size_t n = 1; n <= 2; n++) {
		buffer_init(&out, 2000);
		alloc_fail_at(n);
		assert_int_equal(
		    netstring_put(&out, slice_of(big, sizeof(big))),
		    MTS_ENOMEM);
		alloc_fail_at(0);
		buffer_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_byte_by_byte),
		cmocka_unit_test(test_put),
		cmocka_unit_test(test_put_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
