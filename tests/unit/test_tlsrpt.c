/* SPDX-License-Identifier: BSD-2-Clause */
/* test_tlsrpt.c - RFC 8460 3: one row for each rule. */
#include "tests.h"

#include "sts/tlsrpt.h"

/* As slice_str(), but for texts with a NUL inside. */
#define TEXT(literal)                                                          \
	{                                                                      \
		literal, sizeof(literal) - 1                                   \
	}

#define NAME32 "n234567890123456789012345678-_.2"

static const struct {
	struct slice text;
	const char *ruas; /* with blanks between; NULL: not a valid record */
	const char *why;  /* a part of the fault's text */
} rows[] = {
	/* "3.1. Example Reporting Policy" */
	{ TEXT("v=TLSRPTv1;rua=mailto:reports@example.com"),
	  "mailto:reports@example.com", NULL },
	{ TEXT("v=TLSRPTv1; rua=https://reporting.example.com/v1/tlsrpt"),
	  "https://reporting.example.com/v1/tlsrpt", NULL },

	/* tlsrpt-record = tlsrpt-version 1*(field-delim tlsrpt-field)
	 *                 [field-delim] */
	{ TEXT("v=TLSRPTv1;rua=mailto:a@b;"), "mailto:a@b", NULL },
	{ TEXT("v=TLSRPTv1 ;\trua=mailto:a@b ; "), "mailto:a@b", NULL },
	{ TEXT(""), NULL, "does not begin" },
	{ TEXT("v=TLSRPTv1"), NULL, "';' expected" },
	{ TEXT("v=TLSRPTv1;"), NULL, "no 'rua'" },
	{ TEXT("v=TLSRPTv1;;rua=mailto:a@b"), NULL, "name expected" },
	{ TEXT("v=TLSRPTv1 rua=mailto:a@b"), NULL, "';' expected" },
	{ TEXT("v=TLSRPTv1;rua=mailto:a@b;;"), NULL, "name expected" },
	{ TEXT("v=TLSRPTv1;rua=mailto:a@b "), NULL, "';' expected" },
	{ TEXT("rua=mailto:a@b;v=TLSRPTv1"), NULL, "does not begin" },

	/* tlsrpt-version = %s"v=TLSRPTv1" */
	{ TEXT("V=TLSRPTv1;rua=mailto:a@b"), NULL, "does not begin" },
	{ TEXT("v=TLSRPTV1;rua=mailto:a@b"), NULL, "does not begin" },
	{ TEXT("v=TLSRPTv2;rua=mailto:a@b"), NULL, "does not begin" },
	{ TEXT("v=TLSRPTv11;rua=mailto:a@b"), NULL, "';' expected" },

	/* tlsrpt-rua = %s"rua=" tlsrpt-uri *(*WSP "," *WSP tlsrpt-uri) */
	{ TEXT("v=TLSRPTv1;rua=mailto:a@b,https://c/"), "mailto:a@b https://c/",
	  NULL },
	{ TEXT("v=TLSRPTv1;rua=mailto:a@b \t,\t https://c/"),
	  "mailto:a@b https://c/", NULL },
	{ TEXT("v=TLSRPTv1;rua=mailto:a@b,"), NULL, "a URI expected" },
	{ TEXT("v=TLSRPTv1;rua=,mailto:a@b"), NULL, "a URI expected" },
	{ TEXT("v=TLSRPTv1;rua="), NULL, "a URI expected" },
	{ TEXT("v=TLSRPTv1;rua= mailto:a@b"), NULL, "a URI expected" },
	{ TEXT("v=TLSRPTv1;rua =mailto:a@b"), NULL, "'=' expected" },
	{ TEXT("v=TLSRPTv1;RUA=mailto:a@b"), NULL, "no 'rua'" },
	{ TEXT("v=TLSRPTv1;rua=mailto:a@b mailto:c@d"), NULL, "';' expected" },

	/* "URI" is imported from [RFC3986] */
	{ TEXT("v=TLSRPTv1;rua=a@b.example"), NULL, "a URI expected" },
	{ TEXT("v=TLSRPTv1;rua=mailto:"), NULL, "nothing after" },
	{ TEXT("v=TLSRPTv1;rua=1x:a"), NULL, "a URI expected" },
	{ TEXT("v=TLSRPTv1;rua=:a"), NULL, "a URI expected" },
	{ TEXT("v=TLSRPTv1;rua=https://a/?b=c&d=e#f"), "https://a/?b=c&d=e#f",
	  NULL },
	{ TEXT("v=TLSRPTv1;rua=mailto:a%2Cb@c"), "mailto:a%2Cb@c", NULL },
	{ TEXT("v=TLSRPTv1;rua=mailto:a%2b"), "mailto:a%2b", NULL },
	{ TEXT("v=TLSRPTv1;rua=mailto:a%2"), NULL, "encodes nothing" },
	{ TEXT("v=TLSRPTv1;rua=mailto:a%zz"), NULL, "encodes nothing" },
	{ TEXT("v=TLSRPTv1;rua=mailto:a\"b"), NULL, "';' expected" },
	{ TEXT("v=TLSRPTv1;rua=mailto:\xc3\xbc@b"), NULL, "nothing after" },
	{ TEXT("v=TLSRPTv1;rua=mailto:a\0b"), NULL, "';' expected" },

	/* "commas, exclamation points, and semicolons MUST be encoded" */
	{ TEXT("v=TLSRPTv1;rua=mailto:a@b!10m"), NULL, "encoded as %21" },

	/* any scheme, supported or not */
	{ TEXT("v=TLSRPTv1;rua=ftp://a/"), "ftp://a/", NULL },

	/* tlsrpt-extension = tlsrpt-ext-name "=" tlsrpt-ext-value */
	{ TEXT("v=TLSRPTv1;x=y;rua=mailto:a@b;z=1"), "mailto:a@b", NULL },
	{ TEXT("v=TLSRPTv1;rua=mailto:a@b;" NAME32 "=y"), "mailto:a@b", NULL },
	{ TEXT("v=TLSRPTv1;rua=mailto:a@b;" NAME32 "3=y"), NULL, "over 32" },
	{ TEXT("v=TLSRPTv1;rua=mailto:a@b;_x=y"), NULL, "name expected" },
	{ TEXT("v=TLSRPTv1;rua=mailto:a@b;x="), NULL, "value expected" },
	{ TEXT("v=TLSRPTv1;rua=mailto:a@b;x=y=z"), NULL, "';' expected" },
	{ TEXT("v=TLSRPTv1;rua=mailto:a@b;x"), NULL, "'=' expected" },
	{ TEXT("v=TLSRPTv1;x=y"), NULL, "no 'rua'" },

	/* a second one is parsed, but ignored */
	{ TEXT("v=TLSRPTv1;rua=mailto:a@b;rua=mailto:c@d"), "mailto:a@b",
	  NULL },
	{ TEXT("v=TLSRPTv1;rua=mailto:a@b;rua="), NULL, "a URI expected" },
};

/* The ruas, with blanks between. */
static void join(const struct tlsrpt *record, char text[256])
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < record->rua_count; i++)
		used += (size_t)snprintf(text + used, 256 - used, "%s%.*s",
		                         i ? " " : "", (int)record->rua[i].len,
		                         record->rua[i].data);
}

static void test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct slice text = rows[i].text;
		char *copy = malloc(text.len ? text.len : 1);
		struct tlsrpt record = { .rua_count = 0 };
		struct fault why = { 0 };
		char got[256];
		int rc;

		/* In a heap block of the exact size, so that a sanitizer sees
		 * an overrun. */
		assert_non_null(copy);
		memcpy(copy, text.data, text.len);
		rc = tlsrpt_parse(slice_of(copy, text.len), &record, &why);
		join(&record, got);
		if (rc != (rows[i].ruas ? MTS_OK : MTS_ESYNTAX) ||
		    strcmp(got, rows[i].ruas ? rows[i].ruas : "") != 0 ||
		    (rc != MTS_OK && !strstr(why.text, rows[i].why)))
			fail_msg("\"%s\": %d, %s, %s", text.data, rc, got,
			         why.text);
		free(copy);
	}
}

static void test_many(void **state)
{
	char text[1024] = "v=TLSRPTv1;rua=mailto:a@b";
	struct tlsrpt record;

	(void)state;
	for (int i = 0; i < 2 * TLSRPT_RUA_MAX; i++)
		strncat(text, ",mailto:a@b", sizeof(text) - strlen(text) - 1);
	assert_int_equal(tlsrpt_parse(slice_str(text), &record, NULL), MTS_OK);
	assert_int_equal(record.rua_count, TLSRPT_RUA_MAX);
}

static void test_scheme_and_domain(void **state)
{
	static const struct {
		const char *rua;
		enum tlsrpt_scheme scheme;
		const char *domain;
	} uris[] = {
		{ "mailto:a@b.example", TLSRPT_MAILTO, "b.example" },
		{ "MailTo:a@b.example?subject=x", TLSRPT_MAILTO, "b.example" },
		{ "mailto:nobody", TLSRPT_MAILTO, "" },
		{ "mailto:a@c@b.example?cc=d@e.example", TLSRPT_MAILTO,
		  "b.example" },
		{ "https://a@b.example/", TLSRPT_HTTPS, "" },
		{ "HTTPS://b.example/", TLSRPT_HTTPS, "" },
		{ "http://b.example/", TLSRPT_OTHER, "" },
		{ "mail", TLSRPT_OTHER, "" },
		{ "", TLSRPT_OTHER, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(uris); i++) {
		struct slice rua = slice_str(uris[i].rua);

		assert_int_equal(tlsrpt_scheme(rua), uris[i].scheme);
		assert_true(slice_is(tlsrpt_mail_domain(rua), uris[i].domain));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_scheme_and_domain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
