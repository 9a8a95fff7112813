/* SPDX-License-Identifier: BSD-2-Clause */
/* test_socketmap.c - questions, by socketmap_table(5): "the lookup table name,
 * followed by a space, followed by the lookup key". */
#include "tests.h"

#include "wire/socketmap.h"

#define TEXT(s)                                                                \
	{                                                                      \
		(s), sizeof(s) - 1                                             \
	}

static const struct {
	struct slice payload;
	int status;
	const char *map; /* or the reason */
	const char *key;
} parse_rows[] = {
	{ TEXT("postfix example.org"), MTS_OK, "postfix", "example.org" },
	{ TEXT("postfix [mx1.example]:25"), MTS_OK, "postfix",
	  "[mx1.example]:25" },
	/* The first blank parts; more of them are the key's. */
	{ TEXT("verdict a.example mx.b.example"), MTS_OK, "verdict",
	  "a.example mx.b.example" },
	{ TEXT("postfix  a"), MTS_OK, "postfix", " a" },
	{ TEXT("postfix "), MTS_OK, "postfix", "" },
	{ TEXT("m \xc3\xbc.example\r\n"), MTS_OK, "m", "\xc3\xbc.example\r\n" },
	{ TEXT(""), MTS_ESYNTAX, "an empty request", NULL },
	{ TEXT("postfix"), MTS_ESYNTAX, "no blank between map and key", NULL },
	{ TEXT("postfix\texample.org"), MTS_ESYNTAX,
	  "no blank between map and key", NULL },
	{ TEXT(" example.org"), MTS_ESYNTAX, "an empty map name", NULL },
	{ TEXT("postfix a\0b"), MTS_ESYNTAX, "a NUL in the request", NULL },
	{ TEXT("post\0fix a"), MTS_ESYNTAX, "a NUL in the request", NULL },
	{ TEXT("postfix a\0"), MTS_ESYNTAX, "a NUL in the request", NULL },
};

static void test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(parse_rows); i++) {
		struct socketmap_request ret = { { "x", 1 }, { "y", 1 } };
		struct fault why;
		int status = socketmap_parse(parse_rows[i].payload, &ret, &why);

		assert_int_equal(status, parse_rows[i].status);
		if (status == MTS_OK) {
			assert_true(slice_is(ret.map, parse_rows[i].map));
			assert_true(slice_is(ret.key, parse_rows[i].key));
			continue;
		}
		assert_true(slice_is(ret.map, "x") && slice_is(ret.key, "y"));
		assert_string_equal(why.text, parse_rows[i].map);
		assert_int_equal(
		    socketmap_parse(parse_rows[i].payload, &ret, NULL), status);
	}
}

static const struct {
	const char *name;
	enum socketmap_map map;
} map_rows[] = {
	{ "postfix", MAP_POSTFIX },
	{ "QUERY", MAP_POSTFIX },
	{ "postfix-tlsrpt", MAP_POSTFIX_TLSRPT },
	{ "QUERYwithTLSRPT", MAP_POSTFIX_TLSRPT },
	{ "sts", MAP_STS },
	{ "verdict", MAP_VERDICT },
	/* To the letter. */
	{ "Postfix", MAP_UNKNOWN },
	{ "query", MAP_UNKNOWN },
	{ "postfix-", MAP_UNKNOWN },
	{ "postfi", MAP_UNKNOWN },
	{ "stss", MAP_UNKNOWN },
	{ "", MAP_UNKNOWN },
};

static void test_find_map(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(map_rows); i++) {
		assert_int_equal(
		    socketmap_find_map(slice_str(map_rows[i].name)),
		    map_rows[i].map);
	}
}

static void test_map_names(void **state)
{
	size_t known = 0;
	const char *name;

	(void)state;
	for (size_t i = 0; (name = socketmap_map_name(i)); i++)
		assert_int_not_equal(socketmap_find_map(slice_str(name)),
		                     MAP_UNKNOWN);
	for (size_t i = 0; i < ARRAY_LEN(map_rows); i++)
		known += map_rows[i].map != MAP_UNKNOWN;
	assert_null(socketmap_map_name(known));
}

static const struct {
	const char *key;
	int status;
	const char *domain;
	const char *mx;
} verdict_rows[] = {
	{ "example.org mx1.example.org", MTS_OK, "example.org",
	  "mx1.example.org" },
	{ "[example.org]:25 mx.", MTS_OK, "[example.org]:25", "mx." },
	{ "example.org", MTS_ESYNTAX, NULL, NULL },
	{ "", MTS_ESYNTAX, NULL, NULL },
	{ " ", MTS_ESYNTAX, NULL, NULL },
	{ " mx", MTS_ESYNTAX, NULL, NULL },
	{ "example.org ", MTS_ESYNTAX, NULL, NULL },
	{ "example.org  mx", MTS_ESYNTAX, NULL, NULL },
	{ "example.org mx more", MTS_ESYNTAX, NULL, NULL },
	{ "example.org mx ", MTS_ESYNTAX, NULL, NULL },
};

static void test_split_verdict(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(verdict_rows); i++) {
		struct slice domain = { "x", 1 };
		struct slice mx = { "y", 1 };
		int status = socketmap_split_verdict(
		    slice_str(verdict_rows[i].key), &domain, &mx);

		assert_int_equal(status, verdict_rows[i].status);
		if (status == MTS_OK) {
			assert_true(slice_is(domain, verdict_rows[i].domain));
			assert_true(slice_is(mx, verdict_rows[i].mx));
		} else {
			assert_true(slice_is(domain, "x") && slice_is(mx, "y"));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_find_map),
		cmocka_unit_test(test_map_names),
		cmocka_unit_test(test_split_verdict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
