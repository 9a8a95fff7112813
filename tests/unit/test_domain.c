/* SPDX-License-Identifier: BSD-2-Clause */
/* test_domain.c - turns the key of a look-up into a policy domain: one row for
 * each rule. */
#include "tests.h"

#include "alloc.h"
#include "base/slice.h"
#include "sts/domain.h"

#include <idn2.h>

int __real_idn2_lookup_u8(const uint8_t *text, uint8_t **ret, int flags);
int __wrap_idn2_lookup_u8(const uint8_t *text, uint8_t **ret, int flags);

static unsigned idn2_calls;
static bool idn2_short_of_memory;

int __wrap_idn2_lookup_u8(const uint8_t *text, uint8_t **ret, int flags)
{
	idn2_calls++;
	if (idn2_short_of_memory)
		return IDN2_MALLOC;
	return __real_idn2_lookup_u8(text, ret, flags);
}

#define LABEL63                                                                \
	"a23456789012345678901234567890123456789012345678901234567890123"
#define NAME192 LABEL63 "." LABEL63 "." LABEL63 "."
#define LABEL61 "b234567890123456789012345678901234567890123456789012345678901"

#define KEY(literal)                                                           \
	{                                                                      \
		literal, sizeof(literal) - 1                                   \
	}

static const struct {
	struct slice key;
	const char *name; /* NULL: the key does not name a domain */
	const char *why;  /* a part of the fault's text */
} rows[] = {
	{ KEY("example.org"), "example.org", NULL },
	{ KEY("localhost"), "localhost", NULL },
	{ KEY("a"), "a", NULL },

	/* case and a final dot don't matter */
	{ KEY("Example.ORG"), "example.org", NULL },
	{ KEY("example.org."), "example.org", NULL },
	{ KEY("example.org.."), NULL, "empty label" },
	{ KEY("."), NULL, "empty" },
	{ KEY(".."), NULL, "begins with a dot" },

	/* 3.4: "compliant senders MUST treat the smart host domain as the
	 * Policy Domain" */
	{ KEY("example.org:25"), "example.org", NULL },
	{ KEY("[example.org]"), "example.org", NULL },
	{ KEY("[example.org]:25"), "example.org", NULL },
	{ KEY("[Example.Org.]:25"), "example.org", NULL },
	{ KEY("example.org.:25"), "example.org", NULL },
	{ KEY("example.org:1"), "example.org", NULL },
	{ KEY("example.org:65535"), "example.org", NULL },
	{ KEY("example.org:submission"), "example.org", NULL },
	{ KEY("[mx.example.org]:smtp"), "mx.example.org", NULL },
	{ KEY("example.org:"), NULL, "not a port" },
	{ KEY("[example.org]:"), NULL, "not a port" },
	{ KEY("example.org:0"), NULL, "not a port" },
	{ KEY("example.org:65536"), NULL, "not a port" },
	{ KEY("example.org:000025"), NULL, "not a port" },
	{ KEY("example.org:99999999999999999999"), NULL, "not a port" },
	{ KEY("example.org:-1"), NULL, "not a port" },
	{ KEY("example.org:+25"), NULL, "not a port" },
	{ KEY("example.org: 25"), NULL, "not a port" },
	{ KEY("example.org:25 "), NULL, "not a port" },
	{ KEY("example.org:a.b"), NULL, "not a port" },
	{ KEY("example.org:sub_mission"), NULL, "not a port" },
	{ KEY(":25"), NULL, "empty" },
	{ KEY("[]"), NULL, "empty" },
	{ KEY("[]:25"), NULL, "empty" },
	{ KEY("["), NULL, "']' is missing" },
	{ KEY("[example.org"), NULL, "']' is missing" },
	{ KEY("[example.org:25"), NULL, "']' is missing" },
	{ KEY("example.org]"), NULL, "more than letters" },
	{ KEY("[example.org]25"), NULL, "only a port" },
	{ KEY("[example.org]."), NULL, "only a port" },
	{ KEY("[[example.org]]"), NULL, "only a port" },
	{ KEY("[example.org]]"), NULL, "only a port" },
	{ KEY("[example.org:25]"), NULL, "address literal" },

	/* 3.4: "does not provide a means of associating policies with email
	 * addresses that employ Address Literals" */
	{ KEY("[192.0.2.1]"), NULL, "all digits" },
	{ KEY("[192.0.2.1]:25"), NULL, "all digits" },
	{ KEY("[IPv6:2001:db8::1]"), NULL, "address literal" },
	{ KEY("[IPv6:2001:db8::1]:25"), NULL, "address literal" },
	{ KEY("[::1]"), NULL, "address literal" },
	{ KEY("[::1]:25"), NULL, "address literal" },
	{ KEY("192.0.2.1"), NULL, "all digits" },
	{ KEY("192.0.2.1:25"), NULL, "all digits" },
	{ KEY("192.0.2.1."), NULL, "all digits" },
	{ KEY("::1"), NULL, "IPv6" },
	{ KEY("2001:db8::1"), NULL, "IPv6" },
	{ KEY("IPv6:2001:db8::1"), NULL, "IPv6" },
	{ KEY("123"), NULL, "all digits" },
	{ KEY("example.123"), NULL, "all digits" },
	{ KEY("123.example"), "123.example", NULL },
	{ KEY("example.1-2"), "example.1-2", NULL },
	{ KEY("example.1a"), "example.1a", NULL },

	/* 3.4: "MUST NOT attempt to fetch a policy from the parent zone" */
	{ KEY(".example.org"), NULL, "RFC 8461 3.4" },
	{ KEY(".org"), NULL, "RFC 8461 3.4" },
	{ KEY("[.example.org]:25"), NULL, "RFC 8461 3.4" },

	/* RFC 5321 4.1.2: Domain */
	{ KEY(""), NULL, "empty" },
	{ KEY("example..org"), NULL, "empty label" },
	{ KEY("-example.org"), NULL, "begins with a hyphen" },
	{ KEY("example.-org"), NULL, "begins with a hyphen" },
	{ KEY("example-.org"), NULL, "ends in a hyphen" },
	{ KEY("example.org-"), NULL, "ends in a hyphen" },
	{ KEY("example.org-."), NULL, "ends in a hyphen" },
	{ KEY("-"), NULL, "begins with a hyphen" },
	{ KEY("ex--ample.org"), "ex--ample.org", NULL },
	{ KEY("exam_ple.org"), NULL, "more than letters" },
	{ KEY("user@example.org"), NULL, "more than letters" },
	{ KEY("exam ple.org"), NULL, "more than letters" },
	{ KEY(" example.org"), NULL, "more than letters" },
	{ KEY("example.org "), NULL, "more than letters" },
	{ KEY("example.org\n"), NULL, "more than letters" },
	{ KEY("example.org\0"), NULL, "more than letters" },
	{ KEY("\0"), NULL, "more than letters" },
	{ KEY("exam%70le.org"), NULL, "more than letters" },
	{ KEY("exam/ple.org"), NULL, "more than letters" },
	{ KEY("*.example.org"), NULL, "more than letters" },
	{ KEY("example.org\x7f"), NULL, "more than letters" },

	/* RFC 1035 2.3.4: labels of 63, 255 on the wire */
	{ KEY(LABEL63 ".example"), LABEL63 ".example", NULL },
	{ KEY(LABEL63 "4.example"), NULL, "over 63" },
	{ KEY("example." LABEL63 "4"), NULL, "over 63" },
	{ KEY(NAME192 LABEL61), NAME192 LABEL61, NULL },
	{ KEY(NAME192 LABEL61 "."), NAME192 LABEL61, NULL },
	{ KEY("[" NAME192 LABEL61 ".]:65535"), NAME192 LABEL61, NULL },
	{ KEY(NAME192 LABEL61 "2"), NULL, "over 253" },

	/* IDNA2008, UTS 46 non-transitional */
	{ KEY("b\xc3\xbc\x63her.example"), "xn--bcher-kva.example", NULL },
	{ KEY("B\xc3\x9c\x43HER.example"), "xn--bcher-kva.example", NULL },
	/* "u" and a combining diaeresis: NFC comes first */
	{ KEY("bu\xcc\x88\x63her.example"), "xn--bcher-kva.example", NULL },
	{ KEY("[b\xc3\xbc\x63her.example.]:25"), "xn--bcher-kva.example",
	  NULL },
	{ KEY("fa\xc3\x9f.example"), "xn--fa-hia.example", NULL },
	{ KEY("xn--bcher-kva.example"), "xn--bcher-kva.example", NULL },
	{ KEY("XN--Bcher-KVA.example"), "xn--bcher-kva.example", NULL },
	{ KEY("xn--bcher-kva.b\xc3\xbc\x63her.example"),
	  "xn--bcher-kva.xn--bcher-kva.example", NULL },
	/* an ideographic full stop, twice */
	{ KEY("\xe4\xbe\x8b\xe3\x80\x82\xe4\xbe\x8b\xe3\x80\x82"),
	  "xn--fsq.xn--fsq", NULL },
	/* full-width letters are letters, digits are digits */
	{ KEY("\xef\xbd\x85xample.org"), "example.org", NULL },
	{ KEY("192.0.2.\xef\xbc\x91"), NULL, "all digits" },
	{ KEY("\xef\xbc\xbb"
	      "1.example\xef\xbc\xbd"),
	  NULL, "more than letters" },
	{ KEY("b\xc3\xbc\x63her.example.."), NULL, "empty label" },
	{ KEY(".b\xc3\xbc\x63her.example"), NULL, "begins with a dot" },
	{ KEY("\xe3\x80\x82"
	      "b\xc3\xbc\x63her.example"),
	  NULL, "begins with a dot" },
	/* must not become "xn--a-eha", which is another name */
	{ KEY("a_\xc3\xbc.example"), NULL, "more than letters" },
	{ KEY("a b\xc3\xbc.example"), NULL, "more than letters" },
	{ KEY("a@b\xc3\xbc.example"), NULL, "more than letters" },
	{ KEY("b\xc3\xbc\0.example"), NULL, "more than letters" },
	{ KEY("-b\xc3\xbc.example"), NULL, "hyphen" },
	{ KEY("xn--a.b\xc3\xbc.example"), NULL, "not a domain name" },
	/* RFC 5892: a symbol is DISALLOWED */
	{ KEY("\xf0\x9f\x92\xa9.example"), NULL, "disallowed" },
	/* not UTF-8: a stray byte, an overlong form, a surrogate, cut off */
	{ KEY("\xff.example"), NULL, "encoding" },
	{ KEY("\xc1\xa1.example"), NULL, "encoding" },
	{ KEY("\xed\xa0\x80.example"), NULL, "encoding" },
	{ KEY("example.\xc3"), NULL, "encoding" },
	{ KEY("example.org:\xc3\xbc"), NULL, "not a port" },
};

/* In a heap block of the exact size, so that a sanitizer sees an overrun. */
static int from_key(struct slice key, struct domain *ret, struct fault *why)
{
	char *copy = malloc(key.len ? key.len : 1);
	int rc;

	assert_non_null(copy);
	memcpy(copy, key.data, key.len);
	rc = domain_from_key(copy, key.len, ret, why);
	free(copy);
	return rc;
}

static void test_from_key(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct domain domain = { 9, "untouched" };
		struct fault why = { 0 };
		const char *name = rows[i].name ? rows[i].name : "untouched";
		int rc = from_key(rows[i].key, &domain, &why);

		if (rc != (rows[i].name ? MTS_OK : MTS_ESYNTAX) ||
		    strcmp(domain.name, name) != 0 ||
		    domain.len != strlen(name) || why.status != rc ||
		    (rc != MTS_OK && !strstr(why.text, rows[i].why)))
			fail_msg("\"%s\": %d, %s, %s", rows[i].key.data, rc,
			         domain.name, why.text);
		assert_int_equal(from_key(rows[i].key, &domain, NULL), rc);
	}
}

static bool is_ascii(const char *text)
{
	while (*text && !(*text & 0x80))
		text++;
	return !*text;
}

/* The result is a valid name, and converts to itself. */
static void test_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *name = rows[i].name;
		struct domain domain;

		if (!name)
			continue;
		assert_true(domain_is_name(name, strlen(name)));
		assert_int_equal(
		    domain_from_key(name, strlen(name), &domain, NULL), MTS_OK);
		assert_string_equal(domain.name, name);
	}
	assert_true(domain_is_name("EXAMPLE.org", 11));
	assert_false(domain_is_name("example.org.", 12));
	assert_false(domain_is_name("[example.org]", 13));
	assert_false(domain_is_name("example.org:25", 14));
	assert_false(domain_is_name("192.0.2.1", 9));
	assert_false(domain_is_name("b\xc3\xbc.example", 11));
	assert_false(domain_is_name("", 0));
	assert_false(domain_is_name(NULL, 0));
}

/* Every cached look-up calls this. */
static void test_ascii_is_cheap(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct slice key = rows[i].key;
		struct domain domain;

		if (!is_ascii(key.data))
			continue;
		alloc_fail_at(0);
		idn2_calls = 0;
		(void)domain_from_key(key.data, key.len, &domain, NULL);
		assert_int_equal(alloc_count(), 0);
		assert_int_equal(idn2_calls, 0);
	}
}

static void test_key_max(void **state)
{
	char key[DOMAIN_KEY_MAX + 1];
	struct domain domain;
	struct fault why;

	(void)state;
	/* soft hyphens map to nothing, so a long key may be a short name */
	for (size_t i = 0; i + 1 < DOMAIN_KEY_MAX; i += 2)
		memcpy(key + i, "\xc2\xad", 2);
	memcpy(key + DOMAIN_KEY_MAX - 8, "a.exampl", 8);
	key[DOMAIN_KEY_MAX] = 'e';
	assert_int_equal(domain_from_key(key, DOMAIN_KEY_MAX, &domain, &why),
	                 MTS_OK);
	assert_string_equal(domain.name, "a.exampl");
	assert_int_equal(
	    domain_from_key(key, DOMAIN_KEY_MAX + 1, &domain, &why),
	    MTS_ESYNTAX);
	assert_non_null(strstr(why.text, "over 1024"));
}

static void test_no_memory(void **state)
{
	static const char key[] = "b\xc3\xbc\x63her.example";
	struct domain domain = { 9, "untouched" };
	struct fault why;

	(void)state;
	idn2_short_of_memory = true;
	assert_int_equal(domain_from_key(key, sizeof(key) - 1, &domain, &why),
	                 MTS_ENOMEM);
	idn2_short_of_memory = false;
	assert_int_equal(why.status, MTS_ENOMEM);
	assert_string_equal(domain.name, "untouched");
}

/* How mail gets there: by MX records (RFC 5321 5.1) or, in brackets, to the
 * host itself; to the port that the key names. */
static void test_hops(void **state)
{
	static const struct {
		const char *key;
		bool direct;
		uint16_t port;
	} hops[] = {
		{ "example.org", false, 25 },
		{ "Example.ORG.", false, 25 },
		{ "example.org:25", false, 25 },
		{ "example.org:smtp", false, 25 },
		{ "example.org:587", false, 587 },
		{ "example.org:submission", false, 587 },
		{ "example.org:SUBMISSIONS", false, 465 },
		{ "example.org:smtps", false, 465 },
		{ "example.org:lmtp", false, 24 },
		{ "example.org:65535", false, 65535 },
		{ "example.org:tacacs", false, 0 },
		{ "example.org:smtpx", false, 0 },
		{ "[example.org]", true, 25 },
		{ "[example.org]:25", true, 25 },
		{ "[example.org]:587", true, 587 },
		{ "[example.org]:submission", true, 587 },
		{ "[example.org]:nonsense", true, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(hops); i++) {
		const char *key = hops[i].key;
		struct domain_hop hop = { .port = 1 };

		assert_int_equal(
		    domain_hop_from_key(key, strlen(key), &hop, NULL), MTS_OK);
		assert_string_equal(hop.domain.name, "example.org");
		if (hop.direct != hops[i].direct || hop.port != hops[i].port)
			fail_msg("%s: direct %d, port %u", key, hop.direct,
			         (unsigned)hop.port);
		assert_int_equal(domain_hop_is_plain(&hop),
		                 !hops[i].direct && hops[i].port == 25);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_from_key),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_hops),
		cmocka_unit_test(test_ascii_is_cheap),
		cmocka_unit_test(test_key_max),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
