/* SPDX-License-Identifier: BSD-2-Clause */
/* test_ctl_view.c - what mtasts-ctl shows, as text and as JSON. */
#include "tests.h"

#include "prog/ctl_view.h"

/* Some of what a stranger might send. */
#define EVIL "\\u001b[31m\\u009b\\u202e\\u007f\\u00e9"

static struct view view;

static int setup(void **state)
{
	(void)state;
	view = (struct view){
		.utf8 = true, .width = 80, .cut = true, .now_s = 1700000000
	};
	buffer_init(&view.out, VIEW_MAX);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	buffer_free(&view.out);
	json_decref(view.document);
	return 0;
}

static json_t *parse(const char *text)
{
	json_t *item = json_loads(text, JSON_ALLOW_NUL, NULL);

	assert_non_null(item);
	return item;
}

static void show(const char *text)
{
	json_t *item = parse(text);

	assert_int_equal(view_text_item(&view, item), MTS_OK);
	json_decref(item);
}

static void show_json(const char *text)
{
	json_t *item = parse(text);

	assert_int_equal(view_json_item(&view, item), MTS_OK);
	json_decref(item);
}

static const char *shown(void)
{
	buffer_put(&view.out, "", 1);
	assert_int_equal(buffer_status(&view.out), MTS_OK);
	return view.out.data;
}

static void expect_shown(const char *text)
{
	assert_non_null(strstr(shown(), text));
	view.out.len--;
}

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
	    "  dane              no TLSA records (6m 40s old, its time is over "
	    "since 1m 40s)\n"
	    "  postfix is told   NOTFOUND\n"
	    "a.example: no policy, by the operator's word\n"
	    "  reason            the word\n"
	    "  dane              not looked at: so\n"
	    "  postfix is told   NOTFOUND\n"
	    "a.example: enforce, pinned by the operator\n"
	    "  mx                mx.b.example\n"
	    "  id                pinned\n"
	    "  dane              an unknown state\n"
	    "  postfix is told   OK\n");
}

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
		     "  which is          no policy, by the operator's word\n"
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
		{ "fetch_failed", "a fetch that failed\n" },
		{ "dns_failed", "a look-up that failed\n" },
		{ "ended", "known to have ended\n" },
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
		  { "none: nobody has asked for long\n" } },
		{ "\"live\":true,\"next_check\":1700000300,"
		  "\"next_refresh\":null,\"unused\":false,\"failures\":3,"
		  "\"failed\":1699999940,\"failed_cause\":\"certificate\"",
		  { "  next refresh      none before it ends\n",
		    "3 since the last good one, the last 1m ago (",
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

/* -- the table ------------------------------------------------------------- */

#define LISTED                                                                 \
	"{\"domain\":\"a.example\",\"mode\":\"enforce\",\"id\":\"20240101\","  \
	"\"fetched\":1699989000,\"expires\":1700600000,\"used\":null,"         \
	"\"mx_count\":2}"
#define LONG_NAME                                                              \
	"a-very-long-name-that-does-not-fit.into-the-column.of-any.example"

static void test_list(void **state)
{
	static const struct {
		size_t width;
		const char *text;
	} rows[] = {
		{ 30, "DOMAIN                 MODE\n"
		      "a.example              enforce\n" },
		{ 40, "DOMAIN                  MODE     EXPIRES\n"
		      "a.example               enforce  6d\n" },
		{ 50, "DOMAIN                    MODE     EXPIRES  FAILED\n"
		      "a.example                 enforce  6d       -\n" },
		{ 60,
		  "DOMAIN                     MODE     EXPIRES  FETCHED  "
		  "FAILED\n"
		  "a.example                  enforce  6d       3h       -\n" },
		{ 80, "DOMAIN                             MODE     MX   "
		      "EXPIRES  FETCHED  USED   FAILED\n"
		      "a.example                          enforce  2    6d     "
		      "  3h       never  -\n" },
		{ 100, "DOMAIN                           MODE     MX   EXPIRES "
		       " FETCHED  USED   FAILED  ID\n"
		       "a.example                        enforce  2    6d      "
		       " 3h       never  -       20240101\n" },
	};

	(void)state;
	view.command = CONTROL_LIST;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		view.width = rows[i].width;
		view.items = 0;
		show(LISTED);
		assert_string_equal(shown(), rows[i].text);
		buffer_clear(&view.out);
	}
}

static void test_list_failures(void **state)
{
	(void)state;
	view.command = CONTROL_LIST;
	show("{\"domain\":\"a\",\"mode\":\"none\",\"failures\":12}");
	assert_string_equal(strrchr(shown(), ' '), " 12\n");
}

static void test_list_names(void **state)
{
	const char *error = NULL;

	(void)state;
	view.command = CONTROL_LIST;
	view.names = true;
	show("{\"domain\":\"" LONG_NAME "\"}");
	show("{\"domain\":\"b" EVIL "\"}");
	assert_string_equal(shown(), LONG_NAME "\nb?[31m????\n");
	view.items = 0;
	view_text_end(&view, 1, &error);
	assert_null(error);
}

/* No line is wider than the terminal; but what does not go to one is whole. */
static void test_list_width(void **state)
{
	(void)state;
	view.command = CONTROL_LIST;
	for (view.width = 20; view.width < 200; view.width++) {
		size_t start = 0;

		buffer_clear(&view.out);
		show("{\"domain\":\"" LONG_NAME "\",\"mode\":\"enforce\","
		     "\"id\":\"12345678901234567890123456789012\","
		     "\"fetched\":1,\"expires\":5000000000,\"used\":1,"
		     "\"mx_count\":123}");
		for (size_t i = 0; i < view.out.len; i++) {
			if (view.out.data[i] != '\n')
				continue;
			assert_true(i - start <= view.width);
			start = i + 1;
		}
	}
	view.cut = false;
	view.width = 80;
	buffer_clear(&view.out);
	show("{\"domain\":\"" LONG_NAME "\",\"mode\":\"enforce\"}");
	expect_shown(LONG_NAME "  enforce");
}

static void test_list_empty(void **state)
{
	const char *error = NULL;

	(void)state;
	view.command = CONTROL_LIST;
	view_text_end(&view, 0, &error);
	assert_string_equal(error, "no policy is cached");
	error = NULL;
	view_text_end(&view, 1, &error);
	assert_string_equal(error, "no cached policy matches");
	error = "oh";
	view_text_end(&view, 1, &error);
	assert_string_equal(error, "oh");
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

#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ROW(test_lookup),
		ROW(test_lookup_absent),
		ROW(test_dane),
		ROW(test_dane_steps),
		ROW(test_long_lines),
		ROW(test_dane_hop),
		ROW(test_dane_json),
		ROW(test_dane_status),
		ROW(test_explain),
		ROW(test_explain_hosts),
		ROW(test_explain_word),
		ROW(test_explain_failed),
		ROW(test_show),
		ROW(test_show_clocks),
		ROW(test_flush),
		ROW(test_reload),
		ROW(test_strangers),
		ROW(test_list),
		ROW(test_list_failures),
		ROW(test_list_names),
		ROW(test_list_width),
		ROW(test_list_empty),
		ROW(test_json_object),
		ROW(test_json_array),
		ROW(test_json_array_of_one),
		ROW(test_json_ends),
		ROW(test_json_strangers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
