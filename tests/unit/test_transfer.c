/* SPDX-License-Identifier: BSD-2-Clause */
/* test_transfer.c - cached policies as lines that another cache takes over. */
#include "tests.h"

#include "wire/transfer.h"

#define HEAD "\"domain\":\"a.example\",\"id\":\"1\""
#define REST                                                                   \
	"\"fetched\":1,\"max_age\":60,\"mode\":\"enforce\",\"mx\":[\"mx.a\"]"
#define GOOD "{" HEAD "," REST "}"

static const struct {
	const char *line;
	const char *domain, *id, *mx; /* the first pattern; NULL: none */
	enum policy_mode mode;
	uint32_t max_age_s, mx_count;
	int64_t fetched_s, used_s;
} good_rows[] = {
	{ GOOD, "a.example", "1", "mx.a", POLICY_ENFORCE, 60, 1, 1, 0 },
	{ "  {" HEAD "," REST ",\"used\":null}  ", "a.example", "1", "mx.a",
	  POLICY_ENFORCE, 60, 1, 1, 0 },
	{ "{" HEAD "," REST ",\"used\":0}", "a.example", "1", "mx.a",
	  POLICY_ENFORCE, 60, 1, 1, 0 },
	{ "{" HEAD "," REST ",\"used\":5}", "a.example", "1", "mx.a",
	  POLICY_ENFORCE, 60, 1, 1, 5 },
	/* Of a later version. */
	{ "{" HEAD "," REST ",\"more\":[{}]}", "a.example", "1", "mx.a",
	  POLICY_ENFORCE, 60, 1, 1, 0 },
	/* As it would be cached. */
	{ "{\"domain\":\"A.Example\",\"id\":\"Aa9\",\"fetched\":253402300799,"
	  "\"max_age\":31557600,\"mode\":\"testing\","
	  "\"mx\":[\"MX.a\",\"*.b.example\"]}",
	  "a.example", "Aa9", "mx.a", POLICY_TESTING, 31557600, 2, 253402300799,
	  0 },
	{ "{" HEAD ",\"fetched\":1,\"max_age\":0,\"mode\":\"none\",\"mx\":[]}",
	  "a.example", "1", NULL, POLICY_NONE, 0, 0, 1, 0 },
};

static void test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good_rows); i++) {
		struct transfer_line line;
		struct fault why = { 0 };
		size_t offset = 0;
		const char *mx;

		if (transfer_parse(slice_str(good_rows[i].line), &line, &why) !=
		    MTS_OK)
			fail_msg("%s: %s", good_rows[i].line, why.text);
		assert_int_equal(line.kind, TRANSFER_POLICY);
		assert_string_equal(line.domain.name, good_rows[i].domain);
		assert_string_equal(line.id, good_rows[i].id);
		assert_int_equal(line.policy->mode, good_rows[i].mode);
		assert_int_equal(line.policy->max_age_s,
		                 good_rows[i].max_age_s);
		assert_int_equal(line.policy->mx_count, good_rows[i].mx_count);
		assert_true(line.fetched_s == good_rows[i].fetched_s);
		assert_true(line.used_s == good_rows[i].used_s);
		mx = policy_next_mx(line.policy, &offset);
		if (good_rows[i].mx)
			assert_string_equal(mx, good_rows[i].mx);
		else
			assert_null(mx);
		policy_free(&line.policy);
	}
}

#define AGES         "a whole number from 0 to 31557600 is expected"
#define TIMES(least) "a whole number from " least " to 253402300799 is expected"
#define MODES        "mode: enforce, testing or none is expected"
#define TIMED        "\"fetched\":1,\"max_age\":60,"

static const struct {
	const char *line, *why;
} bad_rows[] = {
	{ "", "no JSON object: " },
	{ "x", "no JSON object: " },
	{ "[]", "no JSON object" },
	{ "[1]", "no JSON object" },
	{ "\"x\"", "no JSON object" },
	{ "{", "no JSON object: " },
	{ GOOD "x", "no JSON object: " },
	{ GOOD GOOD, "no JSON object: " },
	{ "{\"id\":\"1\"," HEAD "," REST "}", "no JSON object: duplicate" },
	{ "{\"id\":\"\xff\"}", "no JSON object: " },
	{ "{\"id\":\"a\\u0000\"}", "no JSON object: " },
	{ "{}", "domain: a text is expected" },
	{ "{\"domain\":1}", "domain: a text is expected" },
	{ "{\"domain\":\"\"}", "domain: a text is expected" },
	{ "{\"domain\":\"a..b\"}", "domain: 'a..b' is no domain name" },
	{ "{\"domain\":\"a.b.\"}", "domain: 'a.b.' is no domain name" },
	{ "{\"domain\":\"[a.b]\"}", "domain: '[a.b]' is no domain name" },
	{ "{\"domain\":\"a.b:25\"}", "domain: 'a.b:25' is no domain name" },
	{ "{\"domain\":\"1.2.3.4\"}", "domain: '1.2.3.4' is no domain name" },
	{ "{\"domain\":\"b\xc3\xbc\"}", "domain: 'b?\?' is no domain name" },
	{ "{\"domain\":\"a\\n\"}", "domain: 'a?' is no domain name" },
	{ "{\"domain\":\"a\"}", "id: a text is expected" },
	{ "{\"domain\":\"a\",\"id\":1}", "id: a text is expected" },
	{ "{\"domain\":\"a\",\"id\":\"a-b\"}", "id: " },
	{ "{\"domain\":\"a\",\"id\":\"a;b=c\"}", "id: 'a;b=c' is none: " },
	{ "{\"domain\":\"a\",\"id\":\"123456789012345678901234567890123\"}",
	  "id: '123456789012345678901234567890123' is none: " },
	{ "{" HEAD "}", "fetched: " TIMES("1") },
	{ "{" HEAD ",\"fetched\":0}", "fetched: " TIMES("1") },
	{ "{" HEAD ",\"fetched\":-1}", "fetched: " TIMES("1") },
	{ "{" HEAD ",\"fetched\":1.5}", "fetched: " TIMES("1") },
	{ "{" HEAD ",\"fetched\":\"1\"}", "fetched: " TIMES("1") },
	{ "{" HEAD ",\"fetched\":253402300800}", "fetched: " TIMES("1") },
	{ "{" HEAD ",\"fetched\":99999999999999999999}", "no JSON object: " },
	{ "{" HEAD ",\"fetched\":1,\"used\":-1}", "used: " TIMES("0") },
	{ "{" HEAD ",\"fetched\":1,\"used\":true}", "used: " TIMES("0") },
	{ "{" HEAD ",\"fetched\":1}", "max_age: " AGES },
	{ "{" HEAD ",\"fetched\":1,\"max_age\":-1}", "max_age: " AGES },
	{ "{" HEAD ",\"fetched\":1,\"max_age\":31557601}", "max_age: " AGES },
	{ "{" HEAD "," TIMED "\"mx\":[]}", MODES },
	{ "{" HEAD "," TIMED "\"mode\":\"Enforce\"}", MODES },
	{ "{" HEAD "," TIMED "\"mode\":\"none\\nmx:a\"}", MODES },
	{ "{" HEAD "," TIMED "\"mode\":\"none\"}",
	  "mx: an array of patterns is expected" },
	{ "{" HEAD "," TIMED "\"mode\":\"none\",\"mx\":\"a\"}",
	  "mx: an array of patterns is expected" },
	{ "{" HEAD "," TIMED "\"mode\":\"none\",\"mx\":[1]}",
	  "mx: '' is no pattern that can be used" },
	{ "{" HEAD "," TIMED "\"mode\":\"none\",\"mx\":[\"\"]}",
	  "mx: '' is no pattern that can be used" },
	{ "{" HEAD "," TIMED "\"mode\":\"none\",\"mx\":[\"a\",\"*.*.b\"]}",
	  "mx: '*.*.b' is no pattern that can be used" },
	{ "{" HEAD "," TIMED "\"mode\":\"none\",\"mx\":[\"hostname\"]}",
	  "mx: 'hostname' is no pattern that can be used" },
	{ "{" HEAD "," TIMED "\"mode\":\"none\",\"mx\":[\"a\\nmax_age:9\"]}",
	  "mx: 'a?max_age:9' is no pattern that can be used" },
	{ "{" HEAD "," TIMED "\"mode\":\"none\",\"mx\":[\"a b\"]}",
	  "mx: 'a b' is no pattern that can be used" },
	{ "{" HEAD "," TIMED "\"mode\":\"none\",\"mx\":[\"a.b\",\"A.b\"]}",
	  "mx: a pattern is there twice" },
	{ "{" HEAD "," TIMED "\"mode\":\"enforce\",\"mx\":[]}", "policy: " },
	/* First lines. */
	{ "{\"format\":\"x\",\"version\":1}",
	  "format: 'x' is not known; 'mtasts-policies' is" },
	{ "{\"format\":1,\"version\":1}",
	  "format: '' is not known; 'mtasts-policies' is" },
	{ "{\"format\":\"mtasts-policies\"}", "version: 0 is not known; 1 is" },
	{ "{\"format\":\"mtasts-policies\",\"version\":2}",
	  "version: 2 is not known; 1 is" },
	{ "{\"format\":\"mtasts-policies\",\"version\":\"1\"}",
	  "version: 0 is not known; 1 is" },
	/* Last lines. */
	{ "{\"policies\":-1}", "policies: a whole number from 0 to " },
	{ "{\"policies\":[]}", "policies: a whole number from 0 to " },
};

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad_rows); i++) {
		struct transfer_line line;
		struct fault why = { 0 };

		assert_int_equal(
		    transfer_parse(slice_str(bad_rows[i].line), &line, &why),
		    MTS_ESYNTAX);
		assert_null(line.policy);
		if (strncmp(why.text, bad_rows[i].why,
		            strlen(bad_rows[i].why)) != 0)
			fail_msg("%s: '%s'", bad_rows[i].line, why.text);
	}
}

static void test_first_and_last(void **state)
{
	struct transfer_line line;
	struct fault why;

	(void)state;
	assert_int_equal(
	    transfer_parse(slice_str("{\"format\":\"mtasts-policies\","
	                             "\"version\":1,\"created\":\"x\"}"),
	                   &line, &why),
	    MTS_OK);
	assert_int_equal(line.kind, TRANSFER_HEADER);
	assert_int_equal(
	    transfer_parse(slice_str("{\"policies\":7}"), &line, &why), MTS_OK);
	assert_int_equal(line.kind, TRANSFER_END);
	assert_int_equal(line.count, 7);
}

static void test_too_long(void **state)
{
	static char text[TRANSFER_LINE_MAX + 1];
	struct transfer_line line;
	struct fault why;

	(void)state;
	memset(text, ' ', sizeof(text));
	memcpy(text, GOOD, strlen(GOOD));
	assert_int_equal(
	    transfer_parse(slice_of(text, TRANSFER_LINE_MAX), &line, &why),
	    MTS_OK);
	policy_free(&line.policy);
	assert_int_equal(
	    transfer_parse(slice_of(text, sizeof(text)), &line, &why),
	    MTS_ERANGE);
}

/* What is written can be read. */
static void test_write(void **state)
{
	static const char mx[] = "mx1.example.org\0*.example.net";
	struct policy policy = { .mode = POLICY_ENFORCE,
		                 .max_age_s = 86400,
		                 .mx_count = 2,
		                 .mx = slice_of(mx, sizeof(mx)) };
	json_t *objects[3];
	char *texts[3];

	(void)state;
	objects[0] = transfer_header(1700000000, "mtastsd 1");
	objects[1] =
	    transfer_policy("example.org", "a1", &policy, 1700000000, 0);
	objects[2] = transfer_end(1);
	for (size_t i = 0; i < 3; i++) {
		struct transfer_line line;
		struct fault why;

		texts[i] = json_dumps(objects[i], JSON_COMPACT);
		assert_int_equal(
		    transfer_parse(slice_str(texts[i]), &line, &why), MTS_OK);
		assert_int_equal(line.kind, i);
		policy_free(&line.policy);
		json_decref(objects[i]);
	}
	assert_string_equal(texts[0],
	                    "{\"format\":\"mtasts-policies\",\"version\":1,"
	                    "\"created\":1700000000,\"program\":\"mtastsd "
	                    "1\"}");
	assert_string_equal(texts[1],
	                    "{\"domain\":\"example.org\",\"id\":\"a1\","
	                    "\"fetched\":1700000000,\"max_age\":86400,"
	                    "\"mode\":\"enforce\",\"mx\":[\"mx1.example.org\","
	                    "\"*.example.net\"],\"used\":null}");
	assert_string_equal(texts[2], "{\"policies\":1}");
	for (size_t i = 0; i < 3; i++)
		free(texts[i]);
}

/* -- memory ---------------------------------------------------------------- */

static size_t left; /* 0: all are granted; 1: the next one is not */

static void *json_malloc(size_t size)
{
	if (left > 0 && --left == 0)
		return NULL;
	return malloc(size);
}

/* Without memory a line is not taken. (Jansson can't always tell why.) */
static void test_memory(void **state)
{
	struct transfer_line line;
	struct fault why;
	int rc = MTS_ENOMEM;

	(void)state;
	for (size_t n = 1; rc != MTS_OK; n++) {
		left = n;
		rc = transfer_parse(slice_str(GOOD), &line, &why);
		assert_true(rc == MTS_OK || rc == MTS_ENOMEM ||
		            rc == MTS_ESYNTAX);
		assert_true(rc == MTS_OK || left == 0);
		assert_true(n < 1000);
	}
	left = 0;
	policy_free(&line.policy);
}

static void test_memory_to_write(void **state)
{
	struct policy policy = { .mx_count = 1, .mx = slice_of("a", 2) };
	json_t *object = NULL;

	(void)state;
	for (size_t n = 1; !object; n++) {
		left = n;
		object = transfer_policy("a", "b", &policy, 1, 1);
		assert_true(object || left == 0);
		assert_true(n < 1000);
	}
	left = 0;
	json_decref(object);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_first_and_last),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_memory_to_write),
	};

	json_set_alloc_funcs(json_malloc, free);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
