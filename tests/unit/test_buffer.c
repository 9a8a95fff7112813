/* SPDX-License-Identifier: BSD-2-Clause */
/* test_buffer.c - a growing buffer with a cap; failures are sticky. */
#include "tests.h"

#include "alloc.h"
#include "base/buffer.h"
#include "base/status.h"

static void assert_holds(const struct buffer *buffer, const char *text)
{
	assert_int_equal(buffer->len, strlen(text));
	assert_memory_equal(buffer->data, text, buffer->len);
}

static void test_put(void **state)
{
	struct buffer buffer;

	(void)state;
	buffer_init(&buffer, 1000);
	assert_null(buffer.data);
	assert_int_equal(buffer_put(&buffer, NULL, 0), MTS_OK);
	assert_null(buffer.data);
	assert_int_equal(buffer_puts(&buffer, "one "), MTS_OK);
	assert_int_equal(buffer_put(&buffer, "two ", 4), MTS_OK);
	assert_int_equal(buffer_put_slice(&buffer, slice_str("three ")),
	                 MTS_OK);
	assert_int_equal(buffer_printf(&buffer, "%d%s", 4, "!"), MTS_OK);
	assert_holds(&buffer, "one two three 4!");
	assert_true(slice_is(buffer_slice(&buffer), "one two three 4!"));
	buffer_free(&buffer);
	assert_null(buffer.data);
	assert_int_equal(buffer.cap, 1000);
}

static void test_consume(void **state)
{
	struct buffer buffer;

	(void)state;
	buffer_init(&buffer, 1000);
	buffer_consume(&buffer, 0);
	buffer_puts(&buffer, "one two");
	buffer_consume(&buffer, 0);
	assert_holds(&buffer, "one two");
	buffer_consume(&buffer, 4);
	assert_holds(&buffer, "two");
	buffer_consume(&buffer, 3);
	assert_int_equal(buffer.len, 0);
	buffer_puts(&buffer, "three");
	buffer_truncate(&buffer, 2);
	assert_holds(&buffer, "th");
	buffer_clear(&buffer);
	assert_int_equal(buffer.len, 0);
	buffer_free(&buffer);
}

static void test_grow(void **state)
{
	struct buffer buffer;

	(void)state;
	buffer_init(&buffer, 100000);
	for (unsigned i = 0; i < 100000; i++)
		assert_int_equal(
		    buffer_put(&buffer, &(char){ (char)('a' + i % 26) }, 1),
		    MTS_OK);
	for (unsigned i = 0; i < 100000; i++)
		assert_int_equal(buffer.data[i], 'a' + i % 26);
	assert_int_equal(buffer.size, 100000);
	buffer_free(&buffer);
}

static void test_cap(void **state)
{
	struct buffer buffer;

	(void)state;
	buffer_init(&buffer, 5);
	assert_int_equal(buffer_puts(&buffer, "12345"), MTS_OK);
	assert_int_equal(buffer_puts(&buffer, "6"), MTS_ERANGE);
	/* it sticks, though nothing or little is put */
	buffer_consume(&buffer, 3);
	assert_int_equal(buffer_puts(&buffer, "7"), MTS_ERANGE);
	assert_int_equal(buffer_put(&buffer, "", 0), MTS_ERANGE);
	assert_int_equal(buffer_reserve(&buffer, 0), MTS_ERANGE);
	assert_int_equal(buffer_status(&buffer), MTS_ERANGE);
	assert_holds(&buffer, "45");
	buffer_truncate(&buffer, 1);
	assert_int_equal(buffer_status(&buffer), MTS_OK);
	assert_int_equal(buffer_puts(&buffer, "6789"), MTS_OK);
	assert_holds(&buffer, "46789");
	assert_int_equal(buffer_reserve(&buffer, SIZE_MAX), MTS_ERANGE);
	buffer_free(&buffer);
	assert_int_equal(buffer_status(&buffer), MTS_OK);
}

static void test_no_memory(void **state)
{
	struct buffer buffer;

	(void)state;
	buffer_init(&buffer, 1000);
	alloc_fail_at(1);
	assert_int_equal(buffer_puts(&buffer, "x"), MTS_ENOMEM);
	alloc_fail_at(0);
	assert_int_equal(buffer_puts(&buffer, "x"), MTS_ENOMEM);
	assert_int_equal(buffer.len, 0);
	buffer_clear(&buffer);
	assert_int_equal(buffer_puts(&buffer, "x"), MTS_OK);
	/* a failed growth keeps what was there */
	alloc_fail_at(1);
	assert_int_equal(buffer_reserve(&buffer, 900), MTS_ENOMEM);
	alloc_fail_at(0);
	assert_holds(&buffer, "x");
	buffer_free(&buffer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put),
		cmocka_unit_test(test_consume),
		cmocka_unit_test(test_grow),
		cmocka_unit_test(test_cap),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
