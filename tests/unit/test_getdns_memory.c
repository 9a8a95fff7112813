/* SPDX-License-Identifier: BSD-2-Clause */
/* test_getdns_memory.c - the reserve for getdns, where the system refuses. */
#include "tests.h"

#include "dns/getdns_memory.h"

#include <stdint.h>
#include <stdlib.h>

void *__real_reallocarray(void *old, size_t count, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);

static bool refuses;

void *__wrap_reallocarray(void *old, size_t count, size_t size)
{
	return refuses ? NULL : __real_reallocarray(old, count, size);
}

static void *get_zeroed(size_t size)
{
	unsigned char *memory = getdns_memory_get(size);

	assert_non_null(memory);
	assert_int_equal((uintptr_t)memory % _Alignof(max_align_t), 0);
	for (size_t i = 0; i < size; i++)
		assert_int_equal(memory[i], 0);
	memset(memory, 'x', size);
	return memory;
}

static void test_of_the_system(void **state)
{
	char *memory;

	(void)state;
	refuses = false;
	memory = get_zeroed(100);
	assert_true(getdns_memory_is_left());
	memory = getdns_memory_resize(memory, 200);
	assert_non_null(memory);
	assert_int_equal(memory[99], 'x');
	getdns_memory_free(memory);
	getdns_memory_free(NULL);
	assert_true(getdns_memory_is_left());
}

/* Again and again: what has come back is handed out anew, zeroed. */
static void test_of_the_reserve(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		char *first, *second;

		refuses = true;
		first = get_zeroed(50000);
		second = getdns_memory_resize(NULL, 30);
		assert_non_null(second);
		assert_false(getdns_memory_is_left());
		memset(second, 'y', 30);
		second = getdns_memory_resize(second, 50000);
		assert_non_null(second);
		assert_int_equal(second[29], 'y');
		assert_int_equal(second[30], 0);
		second = getdns_memory_resize(second, 10);
		assert_int_equal(second[9], 'y');
		assert_int_equal(first[49999], 'x');
		getdns_memory_free(first);
		/* To where the system has memory again. */
		refuses = false;
		second = getdns_memory_resize(second, 20);
		assert_int_equal(second[9], 'y');
		assert_true(getdns_memory_is_left());
		getdns_memory_free(second);
	}
}

static void test_used_up(void **state)
{
	void *blocks[100];
	size_t count = 0;

	(void)state;
	refuses = true;
	assert_null(getdns_memory_get(SIZE_MAX));
	assert_null(getdns_memory_get((size_t)1 << 20));
	while ((blocks[count] = getdns_memory_get(20000)) != NULL)
		assert_true(++count < 100);
	assert_true(count > 50);
	assert_null(getdns_memory_resize(blocks[0], 30000));
	for (size_t i = 0; i < count; i++) {
		assert_false(getdns_memory_is_left());
		getdns_memory_free(blocks[i]);
	}
	assert_true(getdns_memory_is_left());
	getdns_memory_free(get_zeroed(1000000));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_of_the_system),
		cmocka_unit_test(test_of_the_reserve),
		cmocka_unit_test(test_used_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
