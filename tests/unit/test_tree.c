/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests.h"

#include "cache/tree.h"

enum { ITEMS = 2000 };

struct item {
	struct tree_node node;
	char name[12];
	bool inside;
};

static struct item items[ITEMS];
static struct tree tree;

static int setup(void **state)
{
	(void)state;
	tree = (struct tree){ 0 };
	for (unsigned i = 0; i < ITEMS; i++) {
		items[i].inside = false;
		snprintf(items[i].name, sizeof(items[i].name), "%05u", i);
		items[i].node.key = slice_str(items[i].name);
	}
	return 0;
}

static void put(unsigned n)
{
	tree_insert(&tree, &items[n].node);
	items[n].inside = true;
}

static void take(unsigned n)
{
	tree_remove(&tree, &items[n].node);
	items[n].inside = false;
}

static void assert_in_order(void)
{
	struct slice last = slice_of("", 0);
	struct tree_node *node;

	for (unsigned i = 0; i < ITEMS; i++) {
		if (!items[i].inside)
			continue;
		node = tree_after(&tree, last);
		assert_ptr_equal(node, &items[i].node);
		last = node->key;
	}
	assert_null(tree_after(&tree, last));
}

static unsigned depth_of(const struct tree_node *node)
{
	unsigned left;
	unsigned right;

	if (!node)
		return 0;
	left = depth_of(node->left);
	right = depth_of(node->right);
	return 1 + (left > right ? left : right);
}

static void test_in_order(void **state)
{
	(void)state;
	assert_in_order();
	for (unsigned i = 0; i < ITEMS; i++)
		put(i * 7919 % ITEMS);
	assert_in_order();
	for (unsigned i = 0; i < ITEMS; i += 3)
		take(i);
	assert_in_order();
	for (unsigned i = 0; i < ITEMS; i += 6)
		put(i);
	assert_in_order();
	for (unsigned i = 0; i < ITEMS; i++)
		if (items[i].inside)
			take(i);
	assert_null(tree.root);
}

/* Keys that come in order make no list of it: 2,000 random ones would be some
 * 25 deep. */
static void test_is_shallow(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ITEMS; i++)
		put(i);
	assert_in_range(depth_of(tree.root), 11, 60);
}

static const struct {
	const char *a;
	const char *b;
	int order;
} orders[] = {
	{ "", "", 0 },     { "", "a", -1 },    { "a", "ab", -1 },
	{ "ab", "a", 1 },  { "ab", "ac", -1 }, { "b", "ac", 1 },
	{ "ab", "ab", 0 }, { "\xff", "a", 1 },
};

static void test_compare(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(orders); i++) {
		int order = tree_compare(slice_str(orders[i].a),
		                         slice_str(orders[i].b));

		assert_int_equal((order > 0) - (order < 0), orders[i].order);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_in_order, setup),
		cmocka_unit_test_setup(test_is_shallow, setup),
		cmocka_unit_test_setup(test_compare, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
