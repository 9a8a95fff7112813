/* SPDX-License-Identifier: BSD-2-Clause */
/* test_tcp_table.c - lines, and tcp_table(5): "get SPACE key NEWLINE"; "In
 * request and reply parameters, the character % and any non-printing character
 * and whitespace are replaced by %XX". */
#include "tests.h"

#include "alloc.h"
#include "wire/framing.h"
#include "wire/tcp_table.h"

#define TEXT(s)                                                                \
	{                                                                      \
		(s), sizeof(s) - 1                                             \
	}

static const struct {
	struct slice input;
	size_t max;
	int status;
	const char *line;
	size_t used;
} line_rows[] = {
	{ TEXT("get a\n"), 6, MTS_OK, "get a", 6 },
	{ TEXT("get a\nget b\n"), 20, MTS_OK, "get a", 6 },
	{ TEXT("get a\r\n"), 7, MTS_OK, "get a", 7 }, /* by hand, telnet */
	{ TEXT("a\rb\r\r\n"), 20, MTS_OK, "a\rb\r", 6 },
	{ TEXT("\n"), 1, MTS_OK, "", 1 },
	{ TEXT("\r\n"), 2, MTS_OK, "", 2 },
	{ TEXT(""), 6, MTS_EMORE, NULL, 0 },
	{ TEXT("get a"), 6, MTS_EMORE, NULL, 0 },
	{ TEXT("get ab"), 6, MTS_ERANGE, NULL, 0 },
	{ TEXT("get ab\n"), 6, MTS_ERANGE, NULL, 0 },
};

static void test_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(line_rows); i++) {
		struct slice line = { "x", 1 };
		size_t used = 0;

		assert_int_equal(line_parse(line_rows[i].input,
		                            line_rows[i].max, &line, &used),
		                 line_rows[i].status);
		assert_int_equal(used, line_rows[i].used);
		assert_true(slice_is(line, line_rows[i].line ? line_rows[i].line
		                                             : "x"));
	}
}

static const struct {
	struct slice line;
	int status;
	const char *key; /* or the reason */
} request_rows[] = {
	{ TEXT("get example.org"), MTS_OK, "example.org" },
	{ TEXT("get [mx1.example]:25"), MTS_OK, "[mx1.example]:25" },
	{ TEXT("get a.example%20mx.b.example"), MTS_OK,
	  "a.example mx.b.example" },
	{ TEXT("get %5bexample.org%5D"), MTS_OK, "[example.org]" },
	{ TEXT("get %c3%BC.example"), MTS_OK, "\xc3\xbc.example" },
	{ TEXT("get %25"), MTS_OK, "%" },
	{ TEXT("get %0a"), MTS_OK, "\n" },
	{ TEXT("get "), MTS_OK, "" },
	/* Not encoded, as they ought to be: they mean themselves. */
	{ TEXT("get a b"), MTS_OK, "a b" },
	{ TEXT("get \xc3\xbc.example"), MTS_OK, "\xc3\xbc.example" },
	{ TEXT("get"), MTS_ESYNTAX, "want get KEY" },
	{ TEXT(""), MTS_ESYNTAX, "want get KEY" },
	{ TEXT("GET a"), MTS_ESYNTAX, "want get KEY" },
	{ TEXT("get\ta"), MTS_ESYNTAX, "want get KEY" },
	{ TEXT("put a b"), MTS_ESYNTAX, "want get KEY" },
	{ TEXT("7:postfix,"), MTS_ESYNTAX, "want get KEY" },
	{ TEXT("get a%"), MTS_ESYNTAX, "a % without two hexadecimal digits" },
	{ TEXT("get a%2"), MTS_ESYNTAX, "a % without two hexadecimal digits" },
	{ TEXT("get %2g"), MTS_ESYNTAX, "a % without two hexadecimal digits" },
	{ TEXT("get %%20"), MTS_ESYNTAX, "a % without two hexadecimal digits" },
	{ TEXT("get a%00b"), MTS_ESYNTAX, "a NUL in the request" },
	{ TEXT("get a\0b"), MTS_ESYNTAX, "a NUL in the request" },
};

static void test_requests(void **state)
{
	struct buffer key;

	(void)state;
	buffer_init(&key, TCP_TABLE_MAX);
	for (size_t i = 0; i < ARRAY_LEN(request_rows); i++) {
		struct fault why;
		int status;

		buffer_clear(&key);
		status = tcp_table_parse(request_rows[i].line, &key, &why);
		assert_int_equal(status, request_rows[i].status);
		if (status == MTS_OK)
			assert_true(
			    slice_is(buffer_slice(&key), request_rows[i].key));
		else
			assert_string_equal(why.text, request_rows[i].key);
	}
	buffer_free(&key);
}

static void test_key_without_room(void **state)
{
	struct buffer key;
	struct fault why;

	(void)state;
	buffer_init(&key, 4);
	assert_int_equal(tcp_table_parse(slice_str("get abcde"), &key, &why),
	                 MTS_ERANGE);
	buffer_free(&key);
	alloc_fail_at(1);
	assert_int_equal(tcp_table_parse(slice_str("get a"), &key, NULL),
	                 MTS_ENOMEM);
	alloc_fail_at(0);
	buffer_free(&key);
}

static const struct {
	const char *reply;
	const char *line;
} reply_rows[] = {
	{ "OK secure match=mx1.example.org servername=hostname",
	  "200 secure%20match=mx1.example.org%20servername=hostname\n" },
	{ "OK { policy_string = mode: enforce }",
	  "200 {%20policy_string%20=%20mode:%20enforce%20}\n" },
	/* 500: "the requested data does not exist" */
	{ "NOTFOUND ", "500 not%20found\n" },
	{ "NOTFOUND", "500 not%20found\n" },
	/* 400: "an error condition. The client should retry" */
	{ "TEMP DNS gave 100%\t\x7f\xff no answer",
	  "400 DNS%20gave%20100%25%09%7F%FF%20no%20answer\n" },
	{ "PERM unknown map", "400 unknown%20map\n" },
	/* What we don't know is not "there is none". */
	{ "MAYBE later", "400 later\n" },
	{ "NOTFOUNDS x", "400 x\n" },
	{ "", "400 \n" },
};

static void test_replies(void **state)
{
	struct buffer out;

	(void)state;
	buffer_init(&out, 2 * TCP_TABLE_MAX);
	for (size_t i = 0; i < ARRAY_LEN(reply_rows); i++) {
		buffer_clear(&out);
		buffer_puts(&out, "before ");
		assert_int_equal(
		    tcp_table_put(&out, slice_str(reply_rows[i].reply)),
		    MTS_OK);
		assert_int_equal(out.len, 7 + strlen(reply_rows[i].line));
		assert_memory_equal(out.data + 7, reply_rows[i].line,
		                    out.len - 7);
	}
	buffer_free(&out);
}

/* "200 " and N bytes, and the newline. */
static const struct {
	size_t len;
	char byte;
	int status;
} long_rows[] = {
	{ 4091, 'x', MTS_OK },
	{ 4092, 'x', MTS_ERANGE },
	{ 1363, ' ', MTS_OK }, /* 3 bytes each */
	{ 1364, ' ', MTS_ERANGE },
};

static void test_long_replies(void **state)
{
	char reply[TCP_TABLE_MAX * 2];
	struct buffer out;

	(void)state;
	buffer_init(&out, sizeof(reply));
	for (size_t i = 0; i < ARRAY_LEN(long_rows); i++) {
		struct slice slice = { reply, 3 + long_rows[i].len };

		memcpy(reply, "OK ", 3);
		memset(reply + 3, long_rows[i].byte, long_rows[i].len);
		buffer_clear(&out);
		buffer_puts(&out, "before");
		assert_int_equal(tcp_table_fits(slice),
		                 long_rows[i].status == MTS_OK);
		assert_int_equal(tcp_table_put(&out, slice),
		                 long_rows[i].status);
		if (long_rows[i].status != MTS_OK)
			assert_true(slice_is(buffer_slice(&out), "before"));
		else
			assert_true(out.len <= 6 + TCP_TABLE_MAX);
	}
	buffer_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_key_without_room),
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_long_replies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
