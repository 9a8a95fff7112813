/* SPDX-License-Identifier: BSD-2-Clause */
/* test_exim.c - what Exim asks, and what it is told, to the letter: the line
 * becomes a host list. */
#include "tests.h"

#include "alloc.h"
#include "wire/exim.h"

#define TEXT(s)                                                                \
	{                                                                      \
		(s), sizeof(s) - 1                                             \
	}

static const struct {
	struct slice line;
	int status;
	const char *domain;
	const char *mx;
} request_rows[] = {
	{ TEXT("exim example.org"), MTS_OK, "example.org", "" },
	{ TEXT("exim example.org mx1.example.org."), MTS_OK, "example.org",
	  "mx1.example.org." },
	{ TEXT("exim [example.org]:25 mx"), MTS_OK, "[example.org]:25", "mx" },
	{ TEXT(""), MTS_ESYNTAX, NULL, NULL },
	{ TEXT("exim"), MTS_ESYNTAX, NULL, NULL },
	{ TEXT("exim "), MTS_ESYNTAX, NULL, NULL },
	{ TEXT("exim  example.org"), MTS_ESYNTAX, NULL, NULL },
	/* An empty $host must not turn the question into another one. */
	{ TEXT("exim example.org "), MTS_ESYNTAX, NULL, NULL },
	{ TEXT("exim example.org  mx"), MTS_ESYNTAX, NULL, NULL },
	{ TEXT("exim example.org mx "), MTS_ESYNTAX, NULL, NULL },
	{ TEXT("exim example.org mx more"), MTS_ESYNTAX, NULL, NULL },
	{ TEXT("EXIM example.org"), MTS_ESYNTAX, NULL, NULL },
	{ TEXT("exim4 example.org"), MTS_ESYNTAX, NULL, NULL },
	{ TEXT("get example.org"), MTS_ESYNTAX, NULL, NULL },
	{ TEXT("exim a\0b"), MTS_ESYNTAX, NULL, NULL },
};

static void test_requests(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(request_rows); i++) {
		struct exim_request ret = { { "x", 1 }, { "y", 1 } };
		struct fault why;
		int status = exim_parse(request_rows[i].line, &ret, &why);

		assert_int_equal(status, request_rows[i].status);
		if (status == MTS_OK) {
			assert_true(
			    slice_is(ret.domain, request_rows[i].domain));
			assert_true(slice_is(ret.mx, request_rows[i].mx));
			continue;
		}
		assert_true(slice_is(ret.domain, "x") && slice_is(ret.mx, "y"));
		assert_true(strlen(why.text) > 0);
	}
}

/* Patterns one after another, each with its NUL: sizeof counts the last. */
#define MX(list)                                                               \
	{                                                                      \
		(list), sizeof(list)                                           \
	}

static const struct policy mixed = { POLICY_ENFORCE, 86400, 2,
	                             MX("mx1.good.test\0*.good.net") };
static const struct policy hyphens = { POLICY_ENFORCE, 86400, 1,
	                               MX("xn--mx-1.a-b.test") };
static const struct policy testing = { POLICY_TESTING, 86400, 1,
	                               MX("mx1.good.test") };
static const struct policy none = { POLICY_NONE, 86400, 0, { NULL, 0 } };
/* What parsing would never let through, as a damaged disk could bring it. */
static const struct policy hostile = {
	POLICY_ENFORCE, 86400, 9,
	MX("a:*\0.*\0^x\0a b\0mx$\0*\0*.*.test\0a\nmode=none\0mx1.good.test")
};
static const struct policy hopeless = { POLICY_ENFORCE, 86400, 1, MX("a b") };

static const struct {
	const struct policy *policy;
	const char *mx;
	bool enforce_testing;
	const char *line;
} rows[] = {
	{ &mixed, "", false,
	  "mode=enforce hosts=!^mx1[.]good[.]test$:!^[^.]+[.]good[.]net$:*\n" },
	{ &hyphens, "", false,
	  "mode=enforce hosts=!^xn--mx-1[.]a-b[.]test$:*\n" },
	{ &hostile, "", false, "mode=enforce hosts=!^mx1[.]good[.]test$:*\n" },
	{ &hopeless, "", false, "mode=none\n" },
	/* RFC 8461 5: testing and none have no effect on delivery. */
	{ &testing, "", false, "mode=testing\n" },
	{ &testing, "", true, "mode=enforce hosts=!^mx1[.]good[.]test$:*\n" },
	{ &none, "", false, "mode=none\n" },
	{ &none, "", true, "mode=none\n" },
	{ NULL, "", false, "mode=none\n" },
	{ NULL, "", true, "mode=none\n" },
	{ &mixed, "mx1.good.test", false, "mode=enforce mx=match\n" },
	{ &mixed, "MX1.Good.Test.", false, "mode=enforce mx=match\n" },
	/* RFC 8461 4.1: one label for "*". */
	{ &mixed, "a.good.net", false, "mode=enforce mx=match\n" },
	{ &mixed, "a.b.good.net", false, "mode=enforce mx=mismatch\n" },
	{ &mixed, "good.net", false, "mode=enforce mx=mismatch\n" },
	{ &testing, "evil.test", false, "mode=testing mx=mismatch\n" },
	{ &testing, "mx1.good.test", false, "mode=testing mx=match\n" },
	{ &testing, "evil.test", true, "mode=enforce mx=mismatch\n" },
	{ &none, "mx1.good.test", false, "mode=none\n" },
	{ NULL, "mx1.good.test", false, "mode=none\n" },
};

static void test_rows(void **state)
{
	struct buffer out;

	(void)state;
	buffer_init(&out, EXIM_REPLY_MAX);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *text;

		buffer_clear(&out);
		assert_int_equal(exim_write(&out, rows[i].policy,
		                            slice_str(rows[i].mx),
		                            rows[i].enforce_testing),
		                 MTS_OK);
		text = strndup(out.data, out.len);
		assert_non_null(text);
		assert_string_equal(text, rows[i].line);
		free(text);
	}
	buffer_free(&out);
}

/* The largest policies there can be have an answer. */
static void test_large(void **state)
{
	static char mx[POLICY_MAX];
	struct policy policy = { POLICY_ENFORCE, 1, 0, { mx, sizeof(mx) } };
	struct buffer out;

	(void)state;
	/* "a.b.c...": 126 labels of a letter, each with its dot. */
	memset(mx, 'a', sizeof(mx));
	for (size_t i = 1; i < sizeof(mx); i += 2)
		mx[i] = i % 252 == 251 ? '\0' : '.';
	mx[sizeof(mx) - 1] = '\0';
	buffer_init(&out, EXIM_REPLY_MAX);
	assert_int_equal(exim_write(&out, &policy, slice_str(""), false),
	                 MTS_OK);
	assert_memory_equal(out.data + out.len - 4, "$:*\n", 4);
	buffer_free(&out);
}

static void test_without_memory(void **state)
{
	struct buffer out;

	(void)state;
	buffer_init(&out, EXIM_REPLY_MAX);
	alloc_fail_at(1);
	assert_int_equal(exim_write(&out, &mixed, slice_str(""), false),
	                 MTS_ENOMEM);
	alloc_fail_at(0);
	buffer_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
