/* SPDX-License-Identifier: BSD-2-Clause */
/* test_mx.c - RFC 8461 3.2 (sts-policy-mx-value) and 4.1: one row for each
 * rule. */
#include "tests.h"

#include "sts/mx.h"

#define LABEL63                                                                \
	"a23456789012345678901234567890123456789012345678901234567890123"
#define NAME189 LABEL63 "." LABEL63 "." LABEL63 "." /* with 3 dots: 192 */

static const struct {
	const char *pattern;
	bool valid;
} patterns[] = {
	/* sts-policy-mx-value = ["*."] Domain */
	{ "mail.example.com", true },
	{ "*.example.net", true },
	{ "MAIL.Example.COM", true },
	{ "*.com", true },
	{ "localhost", true },
	{ "", false },
	{ "*", false },
	{ "*.", false },
	{ "*.*.example.net", false },
	{ "mail.*.example.net", false },
	{ "mail*.example.net", false },
	{ "*mail.example.net", false },
	{ "**.example.net", false },
	{ ".example.net", false },
	{ "*..example.net", false },
	{ "*.-example.net", false },

	/* RFC 5321 4.1.2: sub-domain = Let-dig [Ldh-str] */
	{ "m-x.1and1.example", true },
	{ "1.2.3.example", true },
	{ "xn--bcher-kva.example", true },
	{ "-mx.example.net", false },
	{ "mx-.example.net", false },
	{ "mx_1.example.net", false },
	{ "mx..example.net", false },
	{ "mx.example.net.", false },
	{ "*.example.net.", false },
	{ "mx.example.net:25", false },
	{ "mx.example.net }", false },
	{ "mx example.net", false },
	{ "mx\texample.net", false },
	{ "mx/example.net", false },
	{ "b\xc3\xbc"
	  "cher.example",
	  false },
	/* ... and no address-literal: RFC 3696 2 has no all-digit top level */
	{ "192.0.2.1", false },
	{ "*.2.1", false },
	{ "[192.0.2.1]", false },
	{ "2001:db8::1", false },
	{ "example.123", false },
	{ "example.0x7f", true },

	/* RFC 1035 2.3.4 */
	{ LABEL63 ".example", true },
	{ LABEL63 "4.example", false },
	{ NAME189 "b2345678901234567890123456789012345678901234567890123456"
	          "78901",
	  true },
	{ NAME189 "b2345678901234567890123456789012345678901234567890123456"
	          "789012",
	  false },
	{ "*." NAME189 "b23456789012345678901234567890123456789012345678901234"
	  "56789",
	  true },
	{ "*." NAME189 "b23456789012345678901234567890123456789012345678901234"
	  "567890",
	  false },

	/* Postfix's keywords in match= */
	{ "hostname", false },
	{ "nexthop", false },
	{ "dot-nexthop", false },
	{ "HostName", false },
	{ "NEXTHOP", false },
	{ "Dot-NextHop", false },
	{ "hostname.example", true },
	{ "hostnames", true },
};

static void test_valid(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(patterns); i++)
		if (mx_pattern_is_valid(slice_str(patterns[i].pattern)) !=
		    patterns[i].valid)
			fail_msg("\"%s\"", patterns[i].pattern);
	assert_false(mx_pattern_is_valid(slice_of("mx\0.example", 11)));
	assert_false(mx_pattern_is_valid(slice_of("*.mx\0", 5)));
	assert_false(mx_pattern_is_valid(slice_of(NULL, 0)));
}

static const struct {
	const char *pattern;
	const char *mx;
	bool matches;
} matches[] = {
	/* "the mx pattern "*.example.com" matches "mail.example.com" but not
	 * "example.com" or "foo.bar.example.com"" */
	{ "*.example.com", "mail.example.com", true },
	{ "*.example.com", "example.com", false },
	{ "*.example.com", "foo.bar.example.com", false },

	{ "mail.example.com", "mail.example.com", true },
	{ "mail.example.com", "mail.example.net", false },
	{ "mail.example.com", "a.mail.example.com", false },
	{ "mail.example.com", "amail.example.com", false },
	{ "mail.example.com", "mail.example.co", false },
	{ "mail.example.com", "", false },
	{ "mail.example.com", ".", false },

	/* RFC 6125 6.4.1: a case-insensitive ASCII comparison */
	{ "mail.example.com", "MAIL.example.COM", true },
	{ "Mail.Example.com", "mAIL.eXAMPLE.com", true },
	{ "*.EXAMPLE.com", "mail.example.com", true },

	/* RFC 1034 3.1: a final dot makes the name absolute, which it is */
	{ "mail.example.com", "mail.example.com.", true },
	{ "*.example.com", "mail.example.com.", true },
	{ "mail.example.com", "mail.example.com..", false },
	{ "*.example.com", "example.com.", false },

	/* "may only be used to match the entire left-most label" */
	{ "*.example.com", ".example.com", false },
	{ "*.example.com", "mail-example.com", false },
	{ "*.example.com", "mail.xexample.com", false },
	{ "*.example.com", "mail.example.comx", false },
	{ "*.example.com", "mail.example.com.evil.test", false },
	{ "*.com", "example.com", true },
	{ "*.com", "com", false },
	{ "*.com", "mail.example.com", false },
	{ "*.example.com", "xn--bcher-kva.example.com", true },
	{ "*.example.com", "", false },
	{ "*.example.com", ".", false },
	{ "*.example.com", "..", false },
};

static void test_matches(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(matches); i++)
		if (mx_pattern_matches(matches[i].pattern,
		                       slice_str(matches[i].mx)) !=
		    matches[i].matches)
			fail_msg("\"%s\" and \"%s\"", matches[i].pattern,
			         matches[i].mx);
	assert_false(mx_pattern_matches("a.example", slice_of(NULL, 0)));
	assert_false(mx_pattern_matches("*.example", slice_of(NULL, 0)));
	assert_false(
	    mx_pattern_matches("a.example", slice_of("a.example\0", 10)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid),
		cmocka_unit_test(test_matches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
