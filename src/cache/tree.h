/* SPDX-License-Identifier: BSD-2-Clause */
/* tree.h - a sorted set of byte strings; its nodes are part of the members.
 *
 * It is a treap: each node has a random weight, and its children have lower
 * ones. So it is as shallow as a tree built in random order, whatever the order
 * of the keys. The tree owns neither nodes nor keys. */
#ifndef CACHE_TREE_H
#define CACHE_TREE_H

#include "base/slice.h"

#include <stdint.h>

struct tree_node {
	struct tree_node *left; /* left, right, weight: for tree.c only */
	struct tree_node *right;
	uint32_t weight;
	struct slice key; /* set by the member; must not change while inside */
};

/* Starts as zeroes: empty. */
struct tree {
	struct tree_node *root;
	uint32_t random; /* the state of the random numbers */
};

/* Less than, equal to or greater than 0 as A sorts before B, equals B or sorts
 * after B: byte by byte, and a prefix before the longer string. */
int tree_compare(struct slice a, struct slice b);

/* Inserts NODE, whose key is set. No node with that key may be inside. */
void tree_insert(struct tree *tree, struct tree_node *node);

/* Removes NODE, which is inside. */
void tree_remove(struct tree *tree, struct tree_node *node);

/* The first node that comes after KEY, or NULL. */
struct tree_node *tree_after(const struct tree *tree, struct slice key);

#endif
