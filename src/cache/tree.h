/* SPDX-License-Identifier: BSD-2-Clause */
/* tree.h - an ordered set of byte strings, whose nodes lie inside the members.
 *
 * A treap: each node has a random weight, and is above those of less weight. So
 * it is as deep as one made in random order, whatever order the keys come in.
 * The tree owns neither nodes nor keys. */
#ifndef CACHE_TREE_H
#define CACHE_TREE_H

#include "base/slice.h"

#include <stdint.h>

struct tree_node {
	struct tree_node *left; /* the tree's own, as are the next two */
	struct tree_node *right;
	uint32_t weight;
	struct slice key; /* the member's; must not change while inside */
};

/* Begins as zeroes: empty. */
struct tree {
	struct tree_node *root;
	uint32_t random; /* of the weights */
};

/* <0, 0, >0 as A comes before, is or comes after B: by their bytes, and a
 * beginning before the whole. */
int tree_compare(struct slice a, struct slice b);

/* Puts NODE in; its key is set, and no node with that key is inside. */
void tree_insert(struct tree *tree, struct tree_node *node);

/* Takes out NODE, which is inside. */
void tree_remove(struct tree *tree, struct tree_node *node);

/* The first node that comes after KEY, or NULL. */
struct tree_node *tree_after(const struct tree *tree, struct slice key);

#endif
