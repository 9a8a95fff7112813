/* SPDX-License-Identifier: BSD-2-Clause */
/* test_check_input.c - what people type as a domain, one row each. */
#include "tests.h"

#include "check/input.h"

static const struct {
	const char *text;
	const char *domain; /* NULL: rejected */
	const char *why;    /* part of the reason */
} rows[] = {
	{ "example.com", "example.com", NULL },
	{ "EXAMPLE.com.", "example.com", NULL },
	{ "b\xc3\xbc"
	  "cher.example",
	  "xn--bcher-kva.example", NULL },
	{ "a", "a", NULL },
	{ "", NULL, "is empty" },
	{ " ", NULL, "not a host name" },
	{ "https://example.com", NULL, "a URL: give 'example.com'" },
	{ "https://example.com:443/a?b=c", NULL, "a URL: give 'example.com'" },
	{ "://", NULL, "a URL: give a domain" },
	{ "http://", NULL, "a URL: give a domain" },
	{ "x://:/@/", NULL, "a URL: give a domain" },
	{ "example.com/", NULL, "a path: give 'example.com'" },
	{ "/", NULL, "a path: give a domain" },
	{ "example.com:25", NULL, "a port: give 'example.com'" },
	{ ":25", NULL, "a port: give a domain" },
	{ "post@example.com", NULL, "a mail address: give 'example.com'" },
	{ "@", NULL, "a mail address: give a domain" },
	{ "a@b@c", NULL, "a mail address: give a domain" },
	{ "*.example.com", NULL, "a wildcard: give 'example.com'" },
	{ "*", NULL, "a wildcard: give a domain" },
	{ "192.0.2.1", NULL, "an IP address" },
	{ "2001:db8::1", NULL, "an IP address" },
	{ "[2001:db8::1]", NULL, "an IP address" },
	{ "[192.0.2.1]", NULL, "an IP address" },
	{ "[example.com]", NULL, "not a domain" },
	{ ".example.com", NULL, "not a host name" },
	{ "example..com", NULL, "not a host name" },
	{ "-a.example", NULL, "not a host name" },
	{ "_mta-sts.example.com", NULL, "not a host name: give 'example.com'" },
	{ "a b", NULL, "not a host name" },
	{ "a\x1b[1m", NULL, "not a domain" },
};

static void test_only_plain_domains_are_accepted(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct domain domain = { 0 };
		struct fault why = { 0 };
		size_t len = strlen(rows[i].text);
		char *copy = malloc(len ? len : 1);
		int status;

		assert_non_null(copy);
		memcpy(copy, rows[i].text, len);
		status = input_domain(slice_of(copy, len), &domain, &why);
		free(copy);
		if (status != (rows[i].domain ? MTS_OK : MTS_ESYNTAX) ||
		    strcmp(domain.name, rows[i].domain ? rows[i].domain : "") !=
		        0 ||
		    (rows[i].why && !strstr(why.text, rows[i].why)))
			fail_msg("\"%s\": %d, \"%s\", %s", rows[i].text, status,
			         domain.name, why.text);
		assert_null(strchr(why.text, '\x1b'));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_plain_domains_are_accepted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
