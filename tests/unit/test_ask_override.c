/* SPDX-License-Identifier: BSD-2-Clause */
/* test_ask_override.c - the operator's overrides, which come before any
 * look-up. */
#include "ask_world.h"

/* -- overrides ------------------------------------------------------------- */

static void test_bypass_answers_without_lookup(void **state)
{
	struct domain domain = domain_of("example.org");
	struct fixture *f = *state;

	have_policy(f, POLICY_ENFORCE);
	assert_int_equal(overrides_add_bypass(f->overrides, &domain, 7),
	                 MTS_OK);
	assert_says(f, "postfix example.org", "NOTFOUND ");
	assert_says(f, "postfix [example.org]:587", "NOTFOUND ");
	assert_says(f, "postfix-tlsrpt example.org", "NOTFOUND ");
	assert_says(f, "sts example.org", "NOTFOUND ");
	assert_says(f, "verdict example.org mx1.example.org", "NOTFOUND ");
	assert_int_equal(fake_dane.started + faked.started, 0);
	/* Its subdomains are other domains (RFC 8461 3.4). */
	assert_says(f, "postfix sub.example.org", WAIT);
}

static void test_pinned_policy_is_enforced(void **state)
{
	static const char mx[] =
	    "MX9.example.net\0*.example.net\0mx9.example.net";
	struct domain domain = domain_of("example.org");
	struct fixture *f = *state;

	have_no_policy(f);
	assert_int_equal(overrides_add_policy(f->overrides, &domain, 7,
	                                      POLICY_ENFORCE,
	                                      slice_of(mx, sizeof(mx))),
	                 MTS_OK);
	assert_says(f, "postfix example.org",
	            "OK secure match=mx9.example.net:.example.net "
	            "servername=hostname");
	assert_says(f, "sts [example.org]:25",
	            "OK secure match=mx9.example.net:.example.net "
	            "servername=hostname");
	assert_says(f, "postfix-tlsrpt example.org",
	            "OK secure match=mx9.example.net:.example.net "
	            "servername=hostname policy_type=sts "
	            "policy_domain=example.org "
	            "mx_host_pattern=mx9.example.net "
	            "mx_host_pattern=*.example.net "
	            "{ policy_string = version: STSv1 } "
	            "{ policy_string = mode: enforce } "
	            "{ policy_string = mx: mx9.example.net } "
	            "{ policy_string = mx: *.example.net } "
	            "{ policy_string = max_age: 31557600 }");
	assert_says(f, "verdict example.org a.example.net",
	            "OK enforce match id=pinned expires=31557600");
	assert_says(f, "verdict example.org a.b.example.net",
	            "OK enforce mismatch id=pinned expires=31557600");
	assert_int_equal(fake_dane.started + faked.started, 0);
	pass(40000000); /* it never expires */
	assert_says(f, "verdict example.org a.example.net",
	            "OK enforce match id=pinned expires=31557600");
}

/* A pinned policy that is not enforced. */
static void test_pinned_policy_of_other_modes(void **state)
{
	static const char mx[] = "mx9.example.net";
	struct domain testing = domain_of("testing.example");
	struct domain none = domain_of("none.example");
	struct fixture *f = *state;

	assert_int_equal(overrides_add_policy(f->overrides, &testing, 1,
	                                      POLICY_TESTING,
	                                      slice_of(mx, sizeof(mx))),
	                 MTS_OK);
	assert_int_equal(overrides_add_policy(f->overrides, &none, 2,
	                                      POLICY_NONE, slice_of("", 0)),
	                 MTS_OK);
	assert_says(f, "postfix testing.example", "NOTFOUND ");
	assert_says(f, "verdict testing.example mx9.example.net",
	            "OK testing match id=pinned expires=31557600");
	assert_says(f, "postfix none.example", "NOTFOUND ");
	assert_says(f, "verdict none.example mx9.example.net",
	            "OK none id=pinned expires=31557600");
	assert_int_equal(fake_dane.started + faked.started, 0);
}

static void test_source_texts(void **state)
{
	struct fixture *f = *state;
	struct domain domain = domain_of("example.org");

	assert_int_equal(overrides_add_policy(f->overrides, &domain, 1,
	                                      POLICY_ENFORCE, slice_of("", 0)),
	                 MTS_ERANGE);
	assert_null(overrides_find(f->overrides, &domain));
	assert_int_equal(overrides_add_bypass(f->overrides, &domain, 3),
	                 MTS_OK);
	assert_int_equal(overrides_add_bypass(f->overrides, &domain, 4),
	                 MTS_EBUSY);
	assert_int_equal(overrides_find(f->overrides, &domain)->line, 3);
	assert_int_equal(overrides_count(f->overrides), 1);
	assert_null(overrides_find(NULL, &domain));
	assert_int_equal(overrides_count(NULL), 0);
}

int main(void)
{
#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, ask_setup, ask_teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_bypass_answers_without_lookup),
		TEST(test_pinned_policy_is_enforced),
		TEST(test_pinned_policy_of_other_modes),
		TEST(test_source_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
