/* SPDX-License-Identifier: BSD-2-Clause */
/* tree.c - a sorted set of byte strings. */
#include "cache/tree.h"

#include <string.h>

int tree_compare(struct slice a, struct slice b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len ? memcmp(a.data, b.data, len) : 0;

	if (order)
		return order;
	return a.len < b.len ? -1 : a.len > b.len;
}

/* xorshift (Marsaglia). The keys, which strangers choose, do not influence
 * it. */
static uint32_t tree_random(struct tree *tree)
{
	uint32_t x = tree->random ? tree->random : 1;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	tree->random = x;
	return x;
}

/* Splits the subtree FROM into NODE's left and right subtrees. */
static void split_below(struct tree_node *from, struct tree_node *node)
{
	struct tree_node **left = &node->left;
	struct tree_node **right = &node->right;

	while (from) {
		if (tree_compare(from->key, node->key) < 0) {
			*left = from;
			left = &from->right;
			from = *left;
		} else {
			*right = from;
			right = &from->left;
			from = *right;
		}
	}
	*left = NULL;
	*right = NULL;
}

static struct tree_node **side_of(struct tree_node *node, struct slice key)
{
	return tree_compare(key, node->key) < 0 ? &node->left : &node->right;
}

void tree_insert(struct tree *tree, struct tree_node *node)
{
	struct tree_node **link = &tree->root;

	node->weight = tree_random(tree);
	while (*link && (*link)->weight >= node->weight)
		link = side_of(*link, node->key);
	split_below(*link, node);
	*link = node;
}

void tree_remove(struct tree *tree, struct tree_node *node)
{
	struct tree_node **link = &tree->root;
	struct tree_node *left = node->left;
	struct tree_node *right = node->right;

	while (*link != node)
		link = side_of(*link, node->key);
	while (left && right) {
		if (left->weight > right->weight) {
			*link = left;
			link = &left->right;
			left = *link;
		} else {
			*link = right;
			link = &right->left;
			right = *link;
		}
	}
	*link = left ? left : right;
}

struct tree_node *tree_after(const struct tree *tree, struct slice key)
{
	struct tree_node *node = tree->root;
	struct tree_node *found = NULL;

	while (node) {
		if (tree_compare(node->key, key) > 0) {
			found = node;
			node = node->left;
		} else {
			node = node->right;
		}
	}
	return found;
}
