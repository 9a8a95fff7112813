/* SPDX-License-Identifier: BSD-2-Clause */
/* test_json_text.c - values are written as jansson writes them. */
#include "tests.h"

#include "alloc.h"
#include "base/json_text.h"
#include "base/status.h"

static const char *const documents[] = {
	"{}",
	"[]",
	"[[],{},[[]]]",
	"{\"a\":1}",
	"{\"z\":1,\"a\":{\"z\":[1,2,{\"x\":null}],\"b\":[]},\"m\":\"\"}",
	"[true,false,null]",
	"[0,-1,9223372036854775807,-9223372036854775808]",
	"[0.0,15.0,7.5,-0.1,1e300,1.5e-7]",
	"[\"\",\"a\",\"\\\"\\\\/\\b\\f\\n\\r\\t\"]",
	"[\"\\u0001\\u001f\\u007f \\u0000 x\"]",
	"[\"b\\u00fccher \\u20ac \\ud83d\\ude00\"]",
	"{\"\\\"\\n\":\"key\",\"\\u00fc\":2}",
};

static const size_t forms[] = { 0, JSON_COMPACT, JSON_INDENT(2),
	                        JSON_INDENT(7) | JSON_COMPACT };

static void as_jansson(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(documents); i++) {
		for (size_t k = 0; k < ARRAY_LEN(forms); k++) {
			json_t *value =
			    json_loads(documents[i], JSON_ALLOW_NUL, NULL);
			char *wanted = json_dumps(value, forms[k]);
			struct buffer out;

			assert_non_null(wanted);
			buffer_init(&out, 10000);
			assert_int_equal(json_text_put(&out, value, forms[k]),
			                 MTS_OK);
			assert_int_equal(buffer_put(&out, "", 1), MTS_OK);
			assert_string_equal(out.data, wanted);
			buffer_free(&out);
			free(wanted);
		}
	}
}

static void any_value(void **state)
{
	struct buffer out;

	(void)state;
	buffer_init(&out, 10);
	assert_int_equal(json_text_put(&out, json_string("a"), 0), MTS_OK);
	assert_int_equal(out.len, 3);
	assert_int_equal(json_text_put(&out, NULL, 0), MTS_ENOMEM);
	assert_int_equal(json_text_put(&out, json_string("123456"), 0),
	                 MTS_ERANGE);
	buffer_free(&out);
}

static void no_memory(void **state)
{
	struct buffer out;

	(void)state;
	for (size_t n = 1; n < 5; n++) {
		json_t *value = json_pack("{s:s, s:f}", "a", "b", "c", 1.5);
		bool failed;
		int status;

		buffer_init(&out, 1000);
		alloc_fail_at(n);
		status = json_text_put(&out, value, 0);
		failed = alloc_count() >= n;
		alloc_fail_at(0);
		assert_true(failed || n > 1);
		assert_int_equal(status, failed ? MTS_ENOMEM : MTS_OK);
		buffer_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_jansson),
		cmocka_unit_test(any_value),
		cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
