/* SPDX-License-Identifier: BSD-2-Clause */
/* test_ctl_explain.c - what mtasts-ctl shows of an explanation. */
#include "shown.h"

static void test_dane_steps(void **state)
{
	(void)state;
	view.command = CONTROL_EXPLAIN;
	show("{\"dane_step\":{\"name\":\"mx\",\"ok\":true,"
	     "\"detail\":\"1 host\"}}");
	show("{\"dane_step\":{\"name\":\"mx" EVIL "\",\"ok\":false,"
	     "\"detail\":\"bogus\"}}");
	show("{\"outcome\":\"policy\",\"detail\":\"d\",\"has_policy\":true,"
	     "\"mode\":\"enforce\",\"id\":\"pinned\",\"mx\":[],"
	     "\"dane_detail\":\"x\",\"answer\":\"OK\",\"hint\":\"h\"}");
	assert_string_equal(shown(),
	                    "DANE looked up now\n"
	                    "  ok      mx  1 host\n"
	                    "  FAILED  mx?[31m???\xc3\xa9  bogus\n"
	                    "what that means\n"
	                    "  outcome           policy: d\n"
	                    "  dane outcome      x\n"
	                    "  in force          enforce, id pinned, ends with "
	                    "the configuration\n"
	                    "  postfix is told   OK\n"
	                    "  what to do        h\n");
}

/* Where a person reads, words stay whole; but what an MTA is told is one line,
 * to be copied. */
static void test_long_lines(void **state)
{
	static const char explained[] =
	    "{\"outcome\":\"no_record\",\"detail\":\"there is no record\","
	    "\"answer\":\"TEMP one two three four five six seven\","
	    "\"hint\":\"see that this works\"}";

	(void)state;
	view.command = CONTROL_EXPLAIN;
	view.width = 34;
	show("{\"step\":{\"name\":\"tls\",\"ok\":true,\"ms\":1,"
	     "\"detail\":\"a b c\"}}");
	show("{\"dane_step\":{\"name\":\"mx1.example\",\"ok\":true,"
	     "\"detail\":\"usable: one TLSA record, one usable\"}}");
	show(explained);
	assert_string_equal(shown(),
	                    "  ok      tls            1 ms  a b\n"
	                    "                               c\n"
	                    "DANE looked up now\n"
	                    "  ok      mx1.example\n"
	                    "          usable: one TLSA record,\n"
	                    "          one usable\n"
	                    "what that means\n"
	                    "  outcome           no_record:\n"
	                    "                    there is no\n"
	                    "                    record\n"
	                    "  in force          no policy\n"
	                    "  postfix is told   TEMP one two three four five "
	                    "six seven\n"
	                    "  what to do        see that this\n"
	                    "                    works\n");
	buffer_clear(&view.out);
	view.cut = false;
	show(explained);
	expect_shown("there is no record\n");
	expect_shown("see that this works\n");
}

static void test_explain(void **state)
{
	(void)state;
	view.command = CONTROL_EXPLAIN;
	show("{\"domain\":\"a.example\",\"now\":null,\"cached\":null,"
	     "\"absent\":null}");
	show("{\"step\":{\"name\":\"record\",\"ok\":true,\"ms\":12,"
	     "\"detail\":\"v=STSv1\"}}");
	show("{\"step\":{\"name\":\"tls\",\"ok\":false,\"ms\":3400,"
	     "\"detail\":\"expired\"}}");
	show("{\"outcome\":\"fetch_failed\",\"cause\":\"cert_expired\","
	     "\"detail\":\"it expired\",\"has_policy\":false,"
	     "\"reason\":\"it expired\",\"answer\":\"NOTFOUND \","
	     "\"hint\":\"see\"}");
	assert_string_equal(
	    shown(), "a.example\n"
		     "what Postfix is told now\n"
		     "  nothing yet       it would wait for a look-up\n"
		     "looked up and fetched now\n"
		     "  ok      record        12 ms  v=STSv1\n"
		     "  FAILED  tls         3400 ms  expired\n"
		     "what that means\n"
		     "  outcome           fetch_failed (cert_expired): it "
		     "expired\n"
		     "  in force          no policy\n"
		     "  postfix is told   NOTFOUND\n"
		     "  what to do        see\n");
}

/* Which MX hosts the policy names. */
static void test_explain_hosts(void **state)
{
	(void)state;
	view.command = CONTROL_EXPLAIN;
	show("{\"outcome\":\"policy\",\"mx_hosts\":[{\"name\":\"a.example\","
	     "\"covered\":true},{\"name\":\"b" EVIL "\",\"covered\":false}],"
	     "\"mail\":\"goes\",\"why\":\"so\"}");
	expect_shown("  mx hosts          a.example\n"
	             "                    b?[31m???\xc3\xa9  NOT in the "
	             "policy\n");
	expect_shown("  so mail           goes\n"
	             "  because           so\n");
	show(
	    "{\"outcome\":\"policy\",\"mx_hosts\":[{\"name\":\"c.example\"}]}");
	expect_shown("  mx hosts          c.example\n");
	show("{\"outcome\":\"policy\",\"mx_hosts\":[]}");
	expect_shown("  mx hosts          none\n");
	show("{\"outcome\":\"policy\",\"mx_hosts\":null,"
	     "\"mx_reason\":\"silence\"}");
	expect_shown("  mx hosts          can't be looked up: silence\n");
}

/* Where the operator's word stands, nothing is looked up. */
static void test_explain_word(void **state)
{
	(void)state;
	view.command = CONTROL_EXPLAIN;
	show("{\"domain\":\"a\",\"now\":{\"source\":\"bypass\","
	     "\"answer\":\"NOTFOUND \"},\"cached\":null,\"absent\":null}");
	show("{\"outcome\":\"operator\",\"detail\":\"x\",\"answer\":\"NOTFOUND "
	     "\",\"hint\":\"h\"}");
	assert_string_equal(
	    shown(), "a\n"
		     "what Postfix is told now\n"
		     "  answer            NOTFOUND\n"
		     "  which is          no policy, exempted by the operator\n"
		     "what that means\n"
		     "  in force          no policy\n"
		     "  postfix is told   NOTFOUND\n"
		     "  what to do        h\n");
}

/* What failed is not called absent. */
static void test_explain_failed(void **state)
{
	static const struct {
		const char *cause, *heading;
	} rows[] = {
		{ "fetch_failed", "failed fetch\n" },
		{ "dns_failed", "failed look-up\n" },
		{ "ended", "known to have expired\n" },
		{ "no_record", "known to be absent\n" },
		{ "bad_record", "known to be absent\n" },
	};

	(void)state;
	view.command = CONTROL_EXPLAIN;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char item[200];

		snprintf(item, sizeof(item),
		         "{\"domain\":\"a\",\"now\":null,\"cached\":null,"
		         "\"absent\":{\"cause\":\"%s\",\"ends_in\":5}}",
		         rows[i].cause);
		buffer_clear(&view.out);
		show(item);
		expect_shown(rows[i].heading);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SHOWN_ROW(test_dane_steps),   SHOWN_ROW(test_long_lines),
		SHOWN_ROW(test_explain),      SHOWN_ROW(test_explain_hosts),
		SHOWN_ROW(test_explain_word), SHOWN_ROW(test_explain_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
