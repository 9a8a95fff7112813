/* SPDX-License-Identifier: BSD-2-Clause */
/* test_list.c - a list whose nodes are part of the members. */
#include "tests.h"

#include "base/list.h"

struct member {
	int value;
	struct list node;
};

static int number(const struct list *head)
{
	int n = 0;

	list_each (node, head)
		n = n * 10 + container_of(node, struct member, node)->value;
	return n;
}

static void test_list(void **state)
{
	struct member a = { .value = 1 };
	struct member b = { .value = 2 };
	struct member c = { .value = 3 };
	struct list head;

	(void)state;
	list_init(&head);
	assert_true(list_empty(&head));
	assert_null(list_first(&head));
	list_append(&head, &a.node);
	list_append(&head, &b.node);
	list_append(&head, &c.node);
	assert_ptr_equal(list_first(&head), &a.node);
	assert_int_equal(number(&head), 123);
	list_remove(&b.node);
	list_remove(&b.node);
	assert_int_equal(number(&head), 13);
	list_append(&head, &b.node);
	assert_int_equal(number(&head), 132);
	list_each_safe (node, &head)
		list_remove(node);
	assert_true(list_empty(&head));
}

static void test_take(void **state)
{
	struct member a = { .value = 1 };
	struct member b = { .value = 2 };
	struct member c = { .value = 3 };
	struct list head;
	struct list from;

	(void)state;
	list_init(&head);
	list_init(&from);
	list_take(&head, &from);
	assert_true(list_empty(&head));
	list_append(&from, &a.node);
	list_append(&from, &b.node);
	list_take(&head, &from);
	assert_true(list_empty(&from));
	list_append(&from, &c.node);
	list_take(&head, &from);
	assert_int_equal(number(&head), 123);
	/* backwards, too: removing the last node finds its neighbour */
	list_remove(&c.node);
	list_remove(&b.node);
	assert_int_equal(number(&head), 1);
	assert_ptr_equal(head.prev, &a.node);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_take),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
