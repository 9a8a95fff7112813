/* SPDX-License-Identifier: BSD-2-Clause */
/* test_ctl_view.c - what mtasts-ctl shows, as text and as JSON. */
#include "shown.h"

/* -- text ------------------------------------------------------------------ */

static void test_lookup(void **state)
{
	(void)state;
	view.command = CONTROL_LOOKUP;
	show("{\"domain\":\"a.example\",\"source\":\"cached\","
	     "\"has_policy\":true,\"mode\":\"enforce\",\"id\":\"1\","
	     "\"max_age\":86400,\"fetched\":1699996400,"
	     "\"expires\":1700082800,\"mx\":[\"mx.a.example\",\"*.b.example\"],"
	     "\"answer\":\"OK secure match=...\",\"mx_host\":\"c.b.example\","
	     "\"match\":true,\"verdict\":\"OK enforce match\"}");
	assert_string_equal(
	    shown(), "a.example: enforce, from the cache\n"
		     "  mx                mx.a.example\n"
		     "                    *.b.example\n"
		     "  id                1\n"
		     "  max_age           1d\n"
		     "  fetched           1h ago (2023-11-14 21:13:20 UTC)\n"
		     "  expires           in 23h (2023-11-15 21:13:20 UTC)\n"
		     "  postfix is told   OK secure match=...\n"
		     "  mx host           c.b.example\n"
		     "  match             yes\n"
		     "  verdict           OK enforce match\n");
}

static void test_dane(void **state)
{
	(void)state;
	view.command = CONTROL_LOOKUP;
	show("{\"domain\":\"a.example\",\"source\":\"absent\","
	     "\"has_policy\":false,\"reason\":\"no record\","
	     "\"dane\":{\"state\":\"all\",\"ttl\":300,\"age\":12,"
	     "\"ends_in\":288,\"verdict\":\"dane-only\"},"
	     "\"answer\":\"OK dane-only\",\"why\":\"it does\"}");
	show("{\"domain\":\"a.example\",\"source\":\"absent\","
	     "\"has_policy\":false,\"reason\":\"no record\","
	     "\"dane\":{\"state\":\"unknowable\",\"ttl\":60,\"age\":0,"
	     "\"ends_in\":60,\"reason\":\"bogus" EVIL "\"},"
	     "\"answer\":\"TEMP x\",\"why\":\"so\"}");
	show("{\"domain\":\"a.example\",\"source\":\"absent\","
	     "\"has_policy\":false,\"reason\":\"none\","
	     "\"dane\":{\"state\":\"none\",\"ttl\":300,\"age\":400,"
	     "\"ends_in\":-100},\"answer\":\"NOTFOUND \"}");
	show("{\"domain\":\"a.example\",\"source\":\"bypass\","
	     "\"has_policy\":false,\"reason\":\"the word\","
	     "\"dane\":{\"state\":\"not_known\",\"off\":\"so\"},"
	     "\"answer\":\"NOTFOUND \"}");
	show("{\"domain\":\"a.example\",\"source\":\"pinned\","
	     "\"has_policy\":true,\"mode\":\"enforce\",\"id\":\"pinned\","
	     "\"mx\":[\"mx.b.example\"],"
	     "\"dane\":{\"state\":\"new\"},\"answer\":\"OK\"}");
	assert_string_equal(
	    shown(),
	    "a.example: no policy, known to be absent\n"
	    "  reason            no record\n"
	    "  dane              usable TLSA records for every host (12s old, "
	    "good for 4m\n"
	    "                    48s)\n"
	    "  postfix is told   OK dane-only\n"
	    "  because           it does\n"
	    "a.example: no policy, known to be absent\n"
	    "  reason            no record\n"
	    "  dane              can't be looked up (tried again in 1m)\n"
	    "                    bogus?[31m???\xc3\xa9\n"
	    "  postfix is told   TEMP x\n"
	    "  because           so\n"
	    "a.example: no policy, known to be absent\n"
	    "  reason            none\n"
	    "  dane              no TLSA records (6m 40s old, expired 1m 40s "
	    "ago)\n"
	    "  postfix is told   NOTFOUND\n"
	    "a.example: no policy, exempted by the operator\n"
	    "  reason            the word\n"
	    "  dane              not checked: so\n"
	    "  postfix is told   NOTFOUND\n"
	    "a.example: enforce, pinned by the operator\n"
	    "  mx                mx.b.example\n"
	    "  id                pinned\n"
	    "  dane              an unknown state\n"
	    "  postfix is told   OK\n");
}

/* For DANE brackets and port count, so they are shown where there are any. */
static void test_dane_hop(void **state)
{
	(void)state;
	view.command = CONTROL_LOOKUP;
	show("{\"domain\":\"a\",\"answer\":\"x\",\"dane\":{\"state\":\"none\","
	     "\"direct\":true,\"port\":587}}");
	show("{\"domain\":\"a\",\"answer\":\"x\",\"dane\":{\"state\":\"none\","
	     "\"direct\":false,\"port\":587}}");
	show("{\"domain\":\"a\",\"answer\":\"x\",\"dane\":{\"state\":\"none\","
	     "\"direct\":false,\"port\":25}}");
	expect_shown("  dane              the host itself, port 587: no TLSA "
	             "records\n");
	expect_shown("  dane              port 587: no TLSA records\n");
	expect_shown("  dane              no TLSA records\n");
}

static void test_dane_json(void **state)
{
	const char *error = NULL;

	(void)state;
	view.command = CONTROL_EXPLAIN;
	show_json("{\"domain\":\"a\"}");
	show_json("{\"step\":{\"name\":\"record\"}}");
	show_json("{\"dane_step\":{\"name\":\"mx\"}}");
	show_json("{\"dane_step\":{\"name\":\"mx1\"}}");
	assert_int_equal(view_json_end(&view, 0, &error), MTS_OK);
	expect_shown("\"dane_steps\": [\n    {\n      \"name\": \"mx\"\n    "
	             "},\n    {\n      \"name\": \"mx1\"\n    }\n  ]");
}

static void test_dane_status(void **state)
{
	(void)state;
	view.command = CONTROL_STATUS;
	show("{\"dane\":{\"summary\":\"auto, off now: it strips\",\"walks\":7},"
	     "\"domains\":3}");
	expect_shown("  dane              auto, off now: it strips\n");
	expect_shown("  look-ups          7\n");
	expect_shown("  domains:          3\n");
}

static void test_lookup_absent(void **state)
{
	(void)state;
	view.command = CONTROL_LOOKUP;
	show("{\"domain\":\"a.example\",\"source\":\"absent\","
	     "\"has_policy\":false,\"reason\":\"no record\","
	     "\"answer\":\"NOTFOUND \"}");
	assert_string_equal(shown(),
	                    "a.example: no policy, known to be absent\n"
	                    "  reason            no record\n"
	                    "  postfix is told   NOTFOUND\n");
}

/* What each clock says, in words. */
static void test_show_clocks(void **state)
{
	static const struct {
		const char *members;
		const char *lines[3];
	} rows[] = {
		{ "\"live\":true,\"next_check\":1700000300,"
		  "\"next_refresh\":1700003600,\"failures\":0",
		  { "  next check        in 5m ", "  next refresh      in 1h ",
		    "  failed refreshes  none\n" } },
		{ "\"live\":true,\"next_check\":1700000300,"
		  "\"next_refresh\":null,\"unused\":true,\"failures\":0",
		  { "none: not used for a long time\n" } },
		{ "\"live\":true,\"next_check\":1700000300,"
		  "\"next_refresh\":null,\"unused\":false,\"failures\":3,"
		  "\"failed\":1699999940,\"failed_cause\":\"certificate\"",
		  { "  next refresh      none before it ends\n",
		    "3 since the last success, the last 1m ago (",
		    "): certificate\n" } },
		{ "\"live\":false,\"next_check\":null,"
		  "\"next_refresh\":null,\"failures\":0",
		  { "  next              looked up when an MTA asks\n" } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char item[600];

		snprintf(item, sizeof(item),
		         "{\"domain\":\"a.example\",\"mode\":\"enforce\","
		         "%s,\"text\":\"\"}",
		         rows[i].members);
		buffer_clear(&view.out);
		view.command = CONTROL_SHOW;
		show(item);
		for (size_t k = 0; k < 3 && rows[i].lines[k]; k++)
			expect_shown(rows[i].lines[k]);
	}
}

static void test_show(void **state)
{
	(void)state;
	view.command = CONTROL_SHOW;
	show("{\"domain\":\"a.example\",\"mode\":\"none\",\"live\":false,"
	     "\"failures\":0,\"text\":\"version: STSv1\\r\\nmode: none\\r\\n"
	     "x: " EVIL "\\r\\n\"}");
	expect_shown("expired: no longer in force\n");
	expect_shown("policy text\n"
	             "    version: STSv1\n"
	             "    mode: none\n"
	             "    x: ?[31m???\xc3\xa9\n");
}

static void test_flush(void **state)
{
	(void)state;
	view.command = CONTROL_FLUSH;
	show("{\"domain\":\"a.example\",\"policy\":true,\"absent\":false}");
	show("{\"domain\":\"b.example\",\"policy\":false,\"absent\":false}");
	show("{\"policies\":3,\"absent\":2}");
	assert_string_equal(shown(), "a.example: policy forgotten\n"
	                             "b.example: nothing was known\n"
	                             "forgotten\n"
	                             "  policies          3\n"
	                             "  known absent      2\n");
}

static void test_reload(void **state)
{
	(void)state;
	view.command = CONTROL_RELOAD;
	show("{\"config\":\"/etc/c.yaml\",\"restart\":[]}");
	show("{\"config\":\"/etc/c.yaml\",\"restart\":[\"user\"]}");
	assert_string_equal(shown(), "reloaded\n"
	                             "  configuration     /etc/c.yaml\n"
	                             "reloaded\n"
	                             "  configuration     /etc/c.yaml\n"
	                             "  needs restart     user\n");
}

/* Nothing that a stranger wrote steers the terminal, in any field of any
 * command; nor does an item of another version hurt. */
static void test_strangers(void **state)
{
	static const char evil[] =
	    "{\"domain\":\"" EVIL "\",\"now\":{\"source\":\"" EVIL "\","
	    "\"answer\":\"" EVIL "\"},\"version\":\"" EVIL "\","
	    "\"config\":\"" EVIL "\",\"listeners\":[\"" EVIL "\",1,null],"
	    "\"mode\":\"" EVIL "\",\"id\":\"" EVIL "\",\"mx\":[\"" EVIL
	    "\"],\"outcome\":\"" EVIL "\",\"cause\":\"" EVIL "\","
	    "\"hint\":\"" EVIL "\",\"detail\":\"" EVIL "\","
	    "\"text\":\"" EVIL "\",\"verdict\":\"" EVIL "\","
	    "\"has_policy\":true,\"answer\":\"" EVIL "\",\"max_age\":-1,"
	    "\"resolver\":\"" EVIL "\",\"source\":\"" EVIL "\"}";
	static const char *const items[] = {
		evil,
		"{}",
		"{\"now\":1,\"cached\":[],\"absent\":\"x\"}",
		"{\"step\":{}}",
		"{\"step\":7}",
		"{\"outcome\":7}",
		"{\"domain\":\"a\\u0000b\",\"mx\":{},\"text\":7}",
	};

	(void)state;
	for (size_t c = 0; control_row_at(c); c++) {
		view.command = (enum control_command)c;
		for (size_t i = 0; i < ARRAY_LEN(items); i++)
			show(items[i]);
	}
	for (size_t i = 0; i < view.out.len; i++) {
		unsigned char byte = (unsigned char)view.out.data[i];

		assert_true(byte == '\n' || (byte >= 0x20 && byte != 0x7f));
	}
	assert_null(strstr(shown(), "\xc2\x9b"));
	assert_null(strstr(shown(), "\xe2\x80\xae"));
}

/* -- JSON ------------------------------------------------------------------ */

static void end_json(int status, const char *error, const char *left)
{
	assert_int_equal(view_json_end(&view, status, &error), MTS_OK);
	if (left)
		assert_string_equal(error, left);
	else
		assert_null(error);
	json_decref(parse(shown()));
	view.out.len--;
}

static void test_json_object(void **state)
{
	(void)state;
	view.command = CONTROL_EXPLAIN;
	show_json("{\"domain\":\"a\",\"now\":null}");
	show_json("{\"step\":{\"name\":\"record\"}}");
	show_json("{\"step\":{\"name\":\"tls\"}}");
	show_json("{\"outcome\":\"policy\"}");
	assert_int_equal(view.out.len, 0);
	end_json(0, NULL, NULL);
	assert_string_equal(shown(), "{\n"
	                             "  \"domain\": \"a\",\n"
	                             "  \"now\": null,\n"
	                             "  \"steps\": [\n"
	                             "    {\n"
	                             "      \"name\": \"record\"\n"
	                             "    },\n"
	                             "    {\n"
	                             "      \"name\": \"tls\"\n"
	                             "    }\n"
	                             "  ],\n"
	                             "  \"outcome\": \"policy\"\n"
	                             "}\n");
}

static void test_json_array(void **state)
{
	(void)state;
	view.command = CONTROL_LIST;
	show_json("{\"domain\":\"a\"}");
	assert_true(view.out.len > 0); /* it streams */
	show_json("{\"domain\":\"b\"}");
	end_json(3, "cut off", "cut off");
	assert_string_equal(shown(), "[\n"
	                             "  {\"domain\":\"a\"},\n"
	                             "  {\"domain\":\"b\"}\n"
	                             "]\n");
}

static void test_json_array_of_one(void **state)
{
	(void)state;
	view.command = CONTROL_FLUSH;
	show_json("{\"domain\":\"a\"}");
	end_json(1, NULL, NULL);
	assert_string_equal(shown(), "[\n  {\"domain\":\"a\"}\n]\n");
}

/* One document, whatever happens. */
static void test_json_ends(void **state)
{
	static const struct {
		enum control_command command;
		const char *error, *text;
	} rows[] = {
		{ CONTROL_LIST, NULL, "[]\n" },
		{ CONTROL_LIST, "oh",
		  "{\n  \"error\": \"oh\",\n  \"status\": 1\n}\n" },
		{ CONTROL_SHOW, "oh",
		  "{\n  \"error\": \"oh\",\n  \"status\": 1\n}\n" },
		{ CONTROL_SHOW, NULL, "{}\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		view.command = rows[i].command;
		end_json(1, rows[i].error, NULL);
		assert_string_equal(shown(), rows[i].text);
		buffer_clear(&view.out);
	}
}

static void test_json_strangers(void **state)
{
	(void)state;
	view.command = CONTROL_SHOW;
	show_json("{\"text\":\"" EVIL "\"}");
	end_json(0, NULL, NULL);
	assert_string_equal(shown(),
	                    "{\n  \"text\": \"\\u001B[31m\\u009B\\u202E\\u007f"
	                    "\\u00E9\"\n}\n");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SHOWN_ROW(test_lookup),     SHOWN_ROW(test_lookup_absent),
		SHOWN_ROW(test_dane),       SHOWN_ROW(test_dane_hop),
		SHOWN_ROW(test_dane_json),  SHOWN_ROW(test_dane_status),
		SHOWN_ROW(test_show),       SHOWN_ROW(test_show_clocks),
		SHOWN_ROW(test_flush),      SHOWN_ROW(test_reload),
		SHOWN_ROW(test_strangers),  SHOWN_ROW(test_json_object),
		SHOWN_ROW(test_json_array), SHOWN_ROW(test_json_array_of_one),
		SHOWN_ROW(test_json_ends),  SHOWN_ROW(test_json_strangers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
