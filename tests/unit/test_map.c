/* SPDX-License-Identifier: BSD-2-Clause */
/* test_map.c - a hash table keyed by byte strings. */
#include "tests.h"

#include "alloc.h"
#include "base/list.h"
#include "base/map.h"

enum { MEMBERS = 5000 };

struct member {
	struct map_node node;
	char key[16];
	unsigned visits;
};

static struct member members[MEMBERS];

static void fill(struct map *map)
{
	for (unsigned i = 0; i < MEMBERS; i++) {
		struct member *member = &members[i];

		/* lengths of 1 to 13: all of the hash's tails */
		member->node.key_len =
		    (size_t)snprintf(member->key, sizeof(member->key), "%u%.*s",
		                     i, (int)(i % 9), "abcdefgh");
		member->node.key = member->key;
		member->visits = 0;
		map_insert(map, &member->node);
	}
}

static struct map_node *find(const struct map *map, unsigned i)
{
	return map_find(map, members[i].key, members[i].node.key_len);
}

static void assert_all(const struct map *map)
{
	assert_int_equal(map_count(map), MEMBERS);
	for (unsigned i = 0; i < MEMBERS; i++)
		assert_ptr_equal(find(map, i), &members[i].node);
}

static void test_find(void **state)
{
	struct map *map = map_new();

	(void)state;
	assert_non_null(map);
	assert_int_equal(map_count(map), 0);
	assert_null(map_find(map, "x", 1));
	fill(map);
	assert_all(map);
	assert_null(map_find(map, "x", 1));
	assert_null(map_find(map, "", 0));
	/* "1a" is inside; its prefix and longer keys are not */
	assert_non_null(map_find(map, "1a", 2));
	assert_null(map_find(map, "1", 1));
	assert_null(map_find(map, "1a\0", 3));
	map_free(&map);
	assert_null(map);
	map_free(&map);
}

static void test_odd_keys(void **state)
{
	struct map_node empty = { .key = "", .key_len = 0 };
	struct map_node nul = { .key = "\0", .key_len = 1 };
	struct map_node nuls = { .key = "\0\0\0\0\0\0\0\0", .key_len = 8 };
	struct map *map = map_new();

	(void)state;
	assert_non_null(map);
	map_insert(map, &empty);
	map_insert(map, &nul);
	map_insert(map, &nuls);
	assert_ptr_equal(map_find(map, "", 0), &empty);
	assert_ptr_equal(map_find(map, "\0", 1), &nul);
	assert_ptr_equal(map_find(map, "\0\0\0\0\0\0\0\0", 8), &nuls);
	assert_null(map_find(map, "\0\0", 2));
	map_free(&map);
}

static void test_remove(void **state)
{
	struct map *map = map_new();

	(void)state;
	assert_non_null(map);
	fill(map);
	for (unsigned i = 0; i < MEMBERS; i += 2)
		map_remove(map, &members[i].node);
	assert_int_equal(map_count(map), MEMBERS / 2);
	for (unsigned i = 0; i < MEMBERS; i++)
		assert_ptr_equal(find(map, i), i % 2 ? &members[i].node : NULL);
	map_free(&map);
}

static void visit(struct map_node *node, void *arg)
{
	(void)arg;
	container_of(node, struct member, node)->visits++;
}

static void visit_and_remove(struct map_node *node, void *arg)
{
	visit(node, NULL);
	map_remove(arg, node);
	node->next = node; /* as good as freed */
}

static void test_each(void **state)
{
	struct map *map = map_new();

	(void)state;
	assert_non_null(map);
	fill(map);
	map_each(map, visit, NULL);
	map_each(map, visit_and_remove, map);
	assert_int_equal(map_count(map), 0);
	for (unsigned i = 0; i < MEMBERS; i++) {
		assert_int_equal(members[i].visits, 2);
		assert_null(find(map, i));
	}
	map_free(&map);
}

static void test_no_memory(void **state)
{
	struct map *map;
	size_t n = 0;

	(void)state;
	do {
		alloc_fail_at(++n);
		map = map_new();
	} while (!map);
	assert_int_equal(n, 3);
	/* a table that can't grow only gets slower */
	alloc_fail_at(1);
	fill(map);
	assert_all(map);
	alloc_fail_at(0);
	map_free(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_odd_keys),
		cmocka_unit_test(test_remove),
		cmocka_unit_test(test_each),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
