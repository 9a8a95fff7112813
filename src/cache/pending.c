/* SPDX-License-Identifier: BSD-2-Clause */
/* pending.c - the changes that are not on disk yet. */
#include "cache/pending.h"

#include "cache/entry.h"

#include <stdlib.h>

enum {
	PENDING_MAX = 10000,             /* changes */
	PENDING_BYTES = 8 * 1024 * 1024, /* of memory for them */
};

/* -- one change ------------------------------------------------------------ */

static struct change *change_allocate(const struct domain *domain,
                                      size_t record_len, int64_t due_s)
{
	size_t size =
	    sizeof(struct change) + KEY_NUMBER + domain->len + 1 + record_len;
	struct change *change = malloc(size);

	if (!change)
		return NULL;
	change->record_len = record_len;
	change->size = size;
	change->due_s = due_s;
	change->fetched_s = 0;
	change->saved = false;
	key_make(due_s, domain_slice(domain), change->data);
	change->node.key = change->data + KEY_NUMBER;
	change->node.key_len = domain->len;
	change->data[KEY_NUMBER + domain->len] = '\0';
	change->by_name.key = change_name(change);
	change->by_due.key = change_due_key(change);
	return change;
}

int change_new(const struct domain *domain, const struct cache_entry *entry,
               struct change **ret)
{
	size_t size = entry ? entry_size(entry) : 0;
	struct change *change;
	char *record;

	if (entry && size == 0)
		return MTS_ERANGE;
	change =
	    change_allocate(domain, size, entry ? entry->next_refresh_s : 0);
	if (!change)
		return MTS_ENOMEM;
	record = change->data + KEY_NUMBER + domain->len + 1;
	if (entry && entry_encode(entry, domain_slice(domain),
	                          (unsigned char *)record) != MTS_OK) {
		free(change);
		return MTS_ERANGE;
	}
	if (entry)
		change->fetched_s = entry->fetched_s;
	*ret = change;
	return MTS_OK;
}

static struct slice change_key(const struct change *change,
                               enum store_table order)
{
	return order == STORE_BY_DUE ? change_due_key(change)
	                             : change_name(change);
}

/* -- one set --------------------------------------------------------------- */

static int change_set_init(struct change_set *set)
{
	*set = (struct change_set){ 0 };
	list_init(&set->list);
	set->map = map_new();
	return set->map ? MTS_OK : MTS_ENOMEM;
}

size_t change_set_count(const struct change_set *set)
{
	return map_count(set->map);
}

static struct change *change_set_find(const struct change_set *set,
                                      struct slice name)
{
	struct map_node *node;

	/* The set is usually empty: save a hit the hashing. */
	if (list_empty(&set->list))
		return NULL;
	node = map_find(set->map, name.data, name.len);
	return node ? container_of(node, struct change, node) : NULL;
}

/* The first that comes after AFTER in ORDER, or NULL. */
static const struct change *change_set_after(const struct change_set *set,
                                             enum store_table order,
                                             struct slice after)
{
	bool due = order == STORE_BY_DUE;
	struct tree_node *node =
	    tree_after(due ? &set->by_due : &set->by_name, after);

	if (!node)
		return NULL;
	return due ? container_of(node, struct change, by_due)
	           : container_of(node, struct change, by_name);
}

/* CHANGE is in no set, and SET has none of its domain. */
static void change_set_add(struct change_set *set, struct change *change)
{
	map_insert(set->map, &change->node);
	list_append(&set->list, &change->link);
	if (change->record_len == 0)
		return;
	tree_insert(&set->by_name, &change->by_name);
	if (change->due_s != 0)
		tree_insert(&set->by_due, &change->by_due);
}

static void change_set_remove(struct change_set *set, struct change *change)
{
	map_remove(set->map, &change->node);
	list_remove(&change->link);
	if (change->record_len == 0)
		return;
	tree_remove(&set->by_name, &change->by_name);
	if (change->due_s != 0)
		tree_remove(&set->by_due, &change->by_due);
}

/* -- both sets ------------------------------------------------------------- */

int pending_init(struct pending *pending)
{
	int rc = change_set_init(&pending->waiting);
	int writing_rc = change_set_init(&pending->writing);

	pending->bytes = 0;
	return rc != MTS_OK ? rc : writing_rc;
}

void pending_free(struct pending *pending)
{
	map_free(&pending->waiting.map);
	map_free(&pending->writing.map);
}

size_t pending_count(const struct pending *pending)
{
	return change_set_count(&pending->waiting) +
	       change_set_count(&pending->writing);
}

const struct change *pending_find(const struct pending *pending,
                                  struct slice name)
{
	const struct change *change = change_set_find(&pending->waiting, name);

	return change ? change : change_set_find(&pending->writing, name);
}

/* The first in `writing` that none in `waiting` overrides. */
static const struct change *written_after(const struct pending *pending,
                                          enum store_table order,
                                          struct slice after)
{
	const struct change *change =
	    change_set_after(&pending->writing, order, after);

	while (change &&
	       change_set_find(&pending->waiting, change_name(change)))
		change = change_set_after(&pending->writing, order,
		                          change_key(change, order));
	return change;
}

const struct change *pending_after(const struct pending *pending,
                                   enum store_table order, struct slice after)
{
	const struct change *a =
	    change_set_after(&pending->waiting, order, after);
	const struct change *b = written_after(pending, order, after);

	if (!a || !b)
		return a ? a : b;
	return tree_compare(change_key(a, order), change_key(b, order)) < 0 ? a
	                                                                    : b;
}

static void pending_drop(struct pending *pending, struct change_set *set,
                         struct change *change)
{
	change_set_remove(set, change);
	pending->bytes -= change->size;
	free(change);
}

static void pending_drop_all(struct pending *pending, struct change_set *set)
{
	list_each_safe (link, &set->list)
		pending_drop(pending, set,
		             container_of(link, struct change, link));
}

int pending_add(struct pending *pending, struct change *change)
{
	struct change *old =
	    change_set_find(&pending->waiting, change_name(change));
	size_t bytes = pending->bytes - (old ? old->size : 0) + change->size;

	if ((!old && pending_count(pending) >= PENDING_MAX) ||
	    (bytes > PENDING_BYTES && bytes > pending->bytes))
		return MTS_EFULL;
	if (old)
		pending_drop(pending, &pending->waiting, old);
	pending->bytes += change->size;
	change_set_add(&pending->waiting, change);
	return MTS_OK;
}

static void pending_move(struct change_set *from, struct change_set *to,
                         struct change *change)
{
	change_set_remove(from, change);
	change_set_add(to, change);
}

void pending_begin_write(struct pending *pending, size_t max)
{
	list_each_safe (link, &pending->waiting.list) {
		if (change_set_count(&pending->writing) >= max)
			break;
		pending_move(&pending->waiting, &pending->writing,
		             container_of(link, struct change, link));
	}
}

void pending_drop_written(struct pending *pending)
{
	pending_drop_all(pending, &pending->writing);
}

void pending_give_back(struct pending *pending)
{
	list_each_safe (link, &pending->writing.list) {
		struct change *change = container_of(link, struct change, link);

		if (change_set_find(&pending->waiting, change_name(change)))
			pending_drop(pending, &pending->writing, change);
		else
			pending_move(&pending->writing, &pending->waiting,
			             change);
	}
}

void pending_forget(struct pending *pending)
{
	pending_drop_all(pending, &pending->waiting);
}
