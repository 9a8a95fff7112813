/* SPDX-License-Identifier: BSD-2-Clause */
/* test_dane.c - what the answer is, given DANE and MTA-STS. */
#include "sts/dane.h"

#include "tests.h"

static const struct {
	const char *why;
	enum dane_state state;
	enum dane_verdict enforced;
	enum dane_verdict otherwise;
} rows[] = {
	{ "not checked: MTA-STS counts", DANE_NOT_KNOWN, DANE_SAYS_NOTHING,
	  DANE_SAYS_NOTHING },
	{ "RFC 7672 2.2.2: no TLSA records, DANE does not apply", DANE_NONE,
	  DANE_SAYS_NOTHING, DANE_SAYS_NOTHING },
	{ "RFC 8461 2: must not override a failing DANE validation", DANE_ALL,
	  DANE_SAYS_ONLY, DANE_SAYS_ONLY },
	{ "neither lets mail go unauthenticated", DANE_SOME, DANE_SAYS_ONLY,
	  DANE_SAYS_DANE },
	{ "RFC 7672 2.2: unusable, so encryption without authentication",
	  DANE_UNUSABLE, DANE_SAYS_NOTHING, DANE_SAYS_DANE },
	{ "RFC 7672 2.2.1: a forged MX makes DANE worthless", DANE_INSECURE_MX,
	  DANE_SAYS_NOTHING, DANE_SAYS_DANE },
	{ "RFC 7672 2.1.2: mail waits", DANE_UNKNOWABLE, DANE_SAYS_WAIT,
	  DANE_SAYS_WAIT },
};

static void test_decide(void **state)
{
	(void)state;
	assert_int_equal(ARRAY_LEN(rows), DANE_STATES);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (dane_decide(rows[i].state, true) != rows[i].enforced)
			fail_msg("enforced: %s", rows[i].why);
		if (dane_decide(rows[i].state, false) != rows[i].otherwise)
			fail_msg("otherwise: %s", rows[i].why);
	}
}

static void test_text(void **state)
{
	(void)state;
	for (int i = 0; i < DANE_STATES; i++)
		assert_string_not_equal(dane_state_text((enum dane_state)i),
		                        "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decide),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
