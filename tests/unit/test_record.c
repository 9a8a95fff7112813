/* SPDX-License-Identifier: BSD-2-Clause */
/* test_record.c - RFC 8461 3.1: one row for each rule. */
#include "tests.h"

#include "alloc.h"
#include "sts/record.h"

#define ID32   "0123456789abcdefghijABCDEFGHIJ01"
#define NAME32 "n234567890123456789012345678-_.2"

/* As slice_str(), but for texts with a NUL inside. */
#define TEXT(literal)                                                          \
	{                                                                      \
		literal, sizeof(literal) - 1                                   \
	}

static const struct {
	struct slice text;
	const char *id;  /* NULL: not a valid record */
	const char *why; /* a part of the fault's text */
} rows[] = {
	/* "An example TXT record is as below" */
	{ TEXT("v=STSv1; id=20160831085700Z;"), "20160831085700Z", NULL },

	/* sts-text-record = sts-version 1*(sts-field-delim sts-field)
	 *                   [sts-field-delim] */
	{ TEXT("v=STSv1;id=1"), "1", NULL },
	{ TEXT("v=STSv1;id=1;"), "1", NULL },
	{ TEXT("v=STSv1;id=1 ; "), "1", NULL },
	{ TEXT(""), NULL, "does not begin" },
	{ TEXT("v=STSv1"), NULL, "ends where ';'" },
	{ TEXT("v=STSv1;"), NULL, "no 'id'" },
	{ TEXT("v=STSv1 id=1"), NULL, "';' expected" },
	{ TEXT("v=STSv1;;id=1"), NULL, "name expected" },
	{ TEXT("v=STSv1;id=1;;"), NULL, "name expected" },
	{ TEXT("v=STSv1;id=1; ;"), NULL, "name expected" },
	{ TEXT("id=1;v=STSv1"), NULL, "does not begin" },
	{ TEXT(" v=STSv1;id=1"), NULL, "does not begin" },

	/* sts-field-delim = *WSP ";" *WSP */
	{ TEXT("v=STSv1 \t;\t id=1\t"), NULL, "blanks at the end" },
	{ TEXT("v=STSv1 \t;\t id=1"), "1", NULL },
	{ TEXT("v=STSv1;id=1 "), NULL, "blanks at the end" },
	{ TEXT("v=STSv1;\nid=1"), NULL, "name expected" },
	{ TEXT("v=STSv1;id=1,x=2"), NULL, "letters and digits" },

	/* sts-version = %s"v=STSv1" */
	{ TEXT("V=STSv1;id=1"), NULL, "does not begin" },
	{ TEXT("v=stsv1;id=1"), NULL, "does not begin" },
	{ TEXT("v=STSv2;id=1"), NULL, "does not begin" },
	{ TEXT("v=STSv10;id=1"), NULL, "';' expected" },
	{ TEXT("v = STSv1;id=1"), NULL, "does not begin" },

	/* sts-id = %s"id=" 1*32(ALPHA / DIGIT) */
	{ TEXT("v=STSv1;id=" ID32), ID32, NULL },
	{ TEXT("v=STSv1;id=" ID32 "2"), NULL, "over 32" },
	{ TEXT("v=STSv1;id="), NULL, "value expected" },
	{ TEXT("v=STSv1;id=;"), NULL, "value expected" },
	{ TEXT("v=STSv1;id=2016-08-31"), NULL, "letters and digits" },
	{ TEXT("v=STSv1;id=a_b"), NULL, "letters and digits" },
	{ TEXT("v=STSv1;ID=1"), NULL, "no 'id'" },
	{ TEXT("v=STSv1;Id=1;id=2"), "2", NULL },
	{ TEXT("v=STSv1;id =1"), NULL, "'=' expected" },
	{ TEXT("v=STSv1;id= 1"), NULL, "value expected" },
	{ TEXT("v=STSv1;id=1 2"), NULL, "';' expected" },
	{ TEXT("v=STSv1;id=1=2"), NULL, "';' expected" },
	{ TEXT("v=STSv1;id"), NULL, "'=' expected" },
	{ TEXT("v=STSv1;id=\"1\""), NULL, "letters and digits" },

	/* "the order of other fields is not significant" */
	{ TEXT("v=STSv1;a=b;id=1"), "1", NULL },
	{ TEXT("v=STSv1;id=1;a=b"), "1", NULL },
	{ TEXT("v=STSv1;a=b"), NULL, "no 'id'" },

	/* 3.2: "If any non-repeated field [...] is duplicated, all entries
	 * except for the first SHALL be ignored" */
	{ TEXT("v=STSv1;id=1;id=2"), "1", NULL },
	{ TEXT("v=STSv1;id=1;id=2_2"), "1", NULL },
	{ TEXT("v=STSv1;id=1_1;id=2"), NULL, "letters and digits" },
	{ TEXT("v=STSv1;id=1;id="), NULL, "value expected" },
	{ TEXT("v=STSv1;v=STSv2;id=1"), "1", NULL },

	/* sts-ext-name = (ALPHA / DIGIT) *31(ALPHA / DIGIT / "_" / "-" /
	 * ".") */
	{ TEXT("v=STSv1;id=1;" NAME32 "=x"), "1", NULL },
	{ TEXT("v=STSv1;id=1;" NAME32 "3=x"), NULL, "over 32" },
	{ TEXT("v=STSv1;id=1;9=x"), "1", NULL },
	{ TEXT("v=STSv1;id=1;_a=x"), NULL, "name expected" },
	{ TEXT("v=STSv1;id=1;-a=x"), NULL, "name expected" },
	{ TEXT("v=STSv1;id=1;.a=x"), NULL, "name expected" },
	{ TEXT("v=STSv1;id=1;=x"), NULL, "name expected" },
	{ TEXT("v=STSv1;id=1;a b=x"), NULL, "'=' expected" },
	{ TEXT("v=STSv1;id=1;a+b=x"), NULL, "'=' expected" },

	/* sts-ext-value = 1*(%x21-3A / %x3C / %x3E-7E) */
	{ TEXT("v=STSv1;id=1;a=!:<>~,\"\\"), "1", NULL },
	{ TEXT("v=STSv1;id=1;a="), NULL, "value expected" },
	{ TEXT("v=STSv1;id=1;a=b=c"), NULL, "';' expected" },
	{ TEXT("v=STSv1;id=1;a=b c"), NULL, "';' expected" },
	{ TEXT("v=STSv1;id=1;a=b\x7f"), NULL, "';' expected" },
	{ TEXT("v=STSv1;id=1;a=b\x01"), NULL, "';' expected" },
	{ TEXT("v=STSv1;id=1;a=b\n"), NULL, "';' expected" },

	/* "MTA-STS TXT records MUST be US-ASCII" */
	{ TEXT("v=STSv1;id=1;a=b\xc3\xbc"), NULL, "';' expected" },
	{ TEXT("v=STSv1;id=\xc3\xbc"), NULL, "value expected" },
	{ TEXT("v=STSv1;id=1;\xc3\xbc=b"), NULL, "name expected" },
	{ TEXT("v=STSv1;id=1\0"), NULL, "';' expected" },
	{ TEXT("v=STSv1\0;id=1"), NULL, "';' expected" },
};

/* In a heap block of the exact size, so that a sanitizer sees an overrun. */
static int parse(struct slice text, struct sts_record *ret, struct fault *why)
{
	char *copy = malloc(text.len ? text.len : 1);
	int rc;

	assert_non_null(copy);
	memcpy(copy, text.data, text.len);
	rc = record_parse(slice_of(copy, text.len), ret, why);
	free(copy);
	return rc;
}

static void test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sts_record record = { "untouched" };
		struct fault why = { 0 };
		int rc = parse(rows[i].text, &record, &why);
		const char *id = rows[i].id ? rows[i].id : "untouched";

		if (rc != (rows[i].id ? MTS_OK : MTS_ESYNTAX) ||
		    strcmp(record.id, id) != 0 || why.status != rc ||
		    (rc != MTS_OK && !strstr(why.text, rows[i].why)))
			fail_msg("\"%s\": %d, id %s, %s", rows[i].text.data, rc,
			         record.id, why.text);
	}
}

static const struct {
	struct slice texts[4];
	size_t count;
	int status;
	const char *id;
	const char *why;
} sets[] = {
	{ { { NULL, 0 } }, 0, MTS_ENOTFOUND, NULL, "none of 0" },
	{ { TEXT("v=STSv1; id=1;") }, 1, MTS_OK, "1", NULL },

	/* "records that do not begin with "v=STSv1;" are discarded" */
	{ { TEXT("v=spf1 -all"), TEXT("v=STSv1;id=1"), TEXT("") },
	  3,
	  MTS_OK,
	  "1",
	  NULL },
	{ { TEXT("v=STSv1;id=1"), TEXT("v=STSv2;id=2") },
	  2,
	  MTS_OK,
	  "1",
	  NULL },
	{ { TEXT("v=STSv1 ;id=1") }, 1, MTS_ENOTFOUND, NULL, "none of 1" },
	{ { TEXT("V=STSv1;id=1") }, 1, MTS_ENOTFOUND, NULL, "none of 1" },
	{ { TEXT(" v=STSv1;id=1"), TEXT("v=STSv1;id=2") },
	  2,
	  MTS_OK,
	  "2",
	  NULL },
	{ { TEXT("v=STSv1"), TEXT("x") }, 2, MTS_ENOTFOUND, NULL, "none of 2" },

	/* "If the number of resulting records is not one [...] senders MUST
	 * assume [no] available MTA-STS Policy" */
	{ { TEXT("v=STSv1;id=1"), TEXT("v=STSv1;id=2") },
	  2,
	  MTS_ESYNTAX,
	  NULL,
	  "2 TXT records" },
	{ { TEXT("v=STSv1;id=1"), TEXT("v=STSv1;id=1") },
	  2,
	  MTS_ESYNTAX,
	  NULL,
	  "2 TXT records" },
	{ { TEXT("v=STSv1;id=1"), TEXT("v=STSv1;broken") },
	  2,
	  MTS_ESYNTAX,
	  NULL,
	  "2 TXT records" },

	/* "or if the resulting record is syntactically invalid" */
	{ { TEXT("v=STSv1;id=1_1"), TEXT("x") },
	  2,
	  MTS_ESYNTAX,
	  NULL,
	  "letters and digits" },
};

static void test_select(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
		struct sts_record record = { "untouched" };
		struct fault why = { 0 };
		int rc =
		    record_select(sets[i].texts, sets[i].count, &record, &why);
		const char *id = sets[i].id ? sets[i].id : "untouched";

		if (rc != sets[i].status || strcmp(record.id, id) != 0 ||
		    why.status != rc ||
		    (rc != MTS_OK && !strstr(why.text, sets[i].why)))
			fail_msg("set %zu: %d, id %s, %s", i, rc, record.id,
			         why.text);
	}
}

static void test_no_fault(void **state)
{
	struct sts_record record;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(record_parse(rows[i].text, &record, NULL),
		                 rows[i].id ? MTS_OK : MTS_ESYNTAX);
}

/* No allocation can fail: parsing a record allocates nothing. */
static void test_no_allocation(void **state)
{
	struct sts_record record;
	struct fault why;

	(void)state;
	alloc_fail_at(0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		(void)record_select(&rows[i].text, 1, &record, &why);
	assert_int_equal(alloc_count(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_select),
		cmocka_unit_test(test_no_fault),
		cmocka_unit_test(test_no_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
