/* SPDX-License-Identifier: BSD-2-Clause */
/* test_gmp_memory.c - GNU MP, which libunbound brings, is refused memory. */
#include "tests.h"

#include "base/shortage.h"
#include "dnssec/gmp_memory.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <unbound.h>

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);

static _Atomic unsigned refusals; /* still to come */

static bool is_refused(void)
{
	unsigned left = refusals;

	while (left && left != UINT32_MAX &&
	       !atomic_compare_exchange_weak(&refusals, &left, left - 1))
		;
	return left > 0;
}

void *__wrap_malloc(size_t size)
{
	return is_refused() ? NULL : __real_malloc(size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return is_refused() ? NULL : __real_realloc(old, size);
}

/* What GMP itself asks for its memory. */
static void *(*get)(size_t);
static void *(*resize)(void *, size_t, size_t);
static void (*let_go)(void *, size_t);

static void *symbol(const char *name)
{
	void *address = dlsym(RTLD_DEFAULT, name);

	assert_non_null(address);
	return address;
}

static int set_up(void **state)
{
	void (*get_functions)(void *(**)(size_t),
	                      void *(**)(void *, size_t, size_t),
	                      void (**)(void *, size_t));

	(void)state;
	print_message("libunbound %s\n", ub_version());
	if (!dlsym(RTLD_DEFAULT, "__gmp_get_memory_functions"))
		return 0;
	gmp_memory_guard();
	gmp_memory_guard();
	*(void **)&get_functions = symbol("__gmp_get_memory_functions");
	get_functions(&get, &resize, &let_go);
	return 0;
}

static int before_each(void **state)
{
	(void)state;
	refusals = 0;
	if (!get)
		skip();
	return 0;
}

static unsigned char *filled(size_t size, int with)
{
	unsigned char *memory = get(size);

	assert_non_null(memory);
	assert_int_equal((uintptr_t)memory % _Alignof(max_align_t), 0);
	return memset(memory, with, size);
}

static void assert_filled(const unsigned char *memory, size_t size, int with)
{
	for (size_t i = 0; i < size; i++)
		assert_int_equal(memory[i], with);
}

static void test_of_the_system(void **state)
{
	uint64_t noted = shortage_count();
	unsigned char *memory = filled(100, 'x');

	(void)state;
	memory = resize(memory, 100, 200);
	assert_filled(memory, 100, 'x');
	let_go(memory, 200);
	assert_int_equal(shortage_count(), noted);
}

/* Again and again: what has come back is handed out anew. */
static void test_of_the_reserve(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		unsigned char *first, *second, *third;
		uint64_t noted = shortage_count();

		first = filled(30, 'x');
		refusals = UINT32_MAX;
		second = filled(100000, 'y');
		assert_true(shortage_count() > noted);
		first = resize(first, 30, 50000); /* from the system's */
		assert_filled(first, 30, 'x');
		second = resize(second, 100000, 10);
		assert_filled(second, 10, 'y');
		third = filled(300000, 'z');
		memset(first, 'x', 50000);
		assert_filled(second, 10, 'y');
		assert_filled(third, 300000, 'z');
		/* To where the system has memory again. */
		refusals = 0;
		second = resize(second, 10, 2000000);
		assert_filled(second, 10, 'y');
		assert_filled(first, 50000, 'x');
		assert_filled(third, 300000, 'z');
		let_go(first, 50000);
		let_go(second, 2000000);
		let_go(third, 300000);
	}
}

/* It waits until the system has memory again. */
static void test_used_up(void **state)
{
	unsigned char *blocks[3];

	(void)state;
	refusals = UINT32_MAX;
	blocks[0] = filled(900000, 'x');
	refusals = 3;
	blocks[1] = filled(900000, 'y');
	assert_int_equal(refusals, 0);
	refusals = 3; /* the first for realloc() */
	blocks[1] = resize(blocks[1], 900000, 1000000);
	assert_int_equal(refusals, 0);
	assert_filled(blocks[1], 900000, 'y');
	refusals = 1;
	blocks[2] = filled(100, 'z'); /* what is left */
	assert_int_equal(refusals, 0);
	assert_filled(blocks[0], 900000, 'x');
	assert_filled(blocks[2], 100, 'z');
	let_go(blocks[0], 900000);
	let_go(blocks[1], 1000000);
	let_go(blocks[2], 100);
}

static void *use_it(void *arg)
{
	int *mark = arg;

	for (size_t i = 1; i < 300; i++) {
		size_t size = 1 + i * 7 % 1000;
		unsigned char *memory = get(size);

		memset(memory, *mark, size);
		memory = resize(memory, size, size / 2 + 1);
		for (size_t at = 0; at < size / 2 + 1; at += 50)
			if (memory[at] != *mark)
				return mark;
		let_go(memory, size / 2 + 1);
	}
	return NULL;
}

/* They never need more than there is, even if nothing came back. */
static void test_two_threads(void **state)
{
	int marks[] = { 'a', 'b' };

	(void)state;
	refusals = UINT32_MAX;
	for (int round = 0; round < 30; round++) {
		pthread_t threads[2];

		for (int i = 0; i < 2; i++)
			assert_int_equal(pthread_create(&threads[i], NULL,
			                                use_it, &marks[i]),
			                 0);
		for (int i = 0; i < 2; i++) {
			void *wrong;

			assert_int_equal(pthread_join(threads[i], &wrong), 0);
			assert_null(wrong);
		}
		let_go(filled(1000000, 'x'), 1000000); /* all came back */
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_of_the_system, before_each),
		cmocka_unit_test_setup(test_of_the_reserve, before_each),
		cmocka_unit_test_setup(test_used_up, before_each),
		cmocka_unit_test_setup(test_two_threads, before_each),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
