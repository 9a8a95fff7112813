/* SPDX-License-Identifier: BSD-2-Clause */
/* batch.c - writes changes to disk: what the worker does.
 *
 * Room is made in transactions of its own, before: so it is never made by
 * removing what comes in, and the pages that it gives are free by the time they
 * are needed. If the file runs full in the middle of a transaction for all that
 * (a small file, long policies), the transaction is given up, more room is
 * made, and the next one is half as long, down to a single change. One that
 * still finds none after TRIES is let go, since those behind it may. */
#include "cache/batch.h"

#include "cache/evict.h"

enum { TRIES = 8 };

/* How far it has come. */
struct progress {
	struct list *next; /* to be written */
	size_t left;       /* from there */
	size_t part;       /* how many go into the next transaction */
	int tries;         /* at that, since the last that went well */
};

static int write_change(struct store *store, MDB_txn *txn,
                        const struct change *change)
{
	const struct tables *tables = store_tables(store);

	return change->record_len
	           ? tables_put(tables, txn, change_name(change),
	                        change_record(change))
	           : tables_remove(tables, txn, change_name(change));
}

static struct change *change_at(struct list *link)
{
	return container_of(link, struct change, link);
}

static int write_part(struct store *store, struct progress *at)
{
	struct list *next = at->next;
	size_t n = at->part < at->left ? at->part : at->left;
	MDB_txn *txn;
	int rc = store_begin(store, &txn);

	if (rc)
		return rc;
	for (size_t i = 0; rc == 0 && i < n; i++, next = next->next)
		rc = write_change(store, txn, change_at(next));
	if (rc) {
		mdb_txn_abort(txn);
		return rc;
	}
	rc = store_commit(store, txn);
	if (rc)
		return rc;
	at->next = next;
	at->left -= n;
	at->tries = 0;
	return 0;
}

/* How many of QUEUE are no domain's that is on disk already, and the pages that
 * the large ones among all of them take. */
static int count_new(struct store *store, const struct queue *queue,
                     size_t *ret_added, size_t *ret_pages)
{
	MDB_txn *txn;
	size_t page;
	MDB_stat stat;
	int rc = store_begin(store, &txn);

	*ret_added = 0;
	*ret_pages = 0;
	if (rc)
		return rc;
	mdb_env_stat(mdb_txn_env(txn), &stat);
	page = stat.ms_psize;
	list_each (link, &queue->list) {
		const struct change *change = change_at(link);

		if (change->record_len == 0)
			continue;
		if (tables_have(store_tables(store), txn,
		                change_name(change)) == MDB_NOTFOUND)
			++*ret_added;
		/* LMDB gives pages of their own to those over half a page. */
		if (change->record_len > page / 2)
			*ret_pages += change->record_len / page + 1;
	}
	mdb_txn_abort(txn);
	return 0;
}

static int make_room(struct store *store, const struct queue *queue,
                     int64_t now_s, struct batch_result *ret)
{
	struct tables_size size;
	size_t added;
	size_t pages;
	int rc = room_look(store, &size);

	if (rc || room_is_ample(store, &size))
		return rc;
	rc = room_shrink(store, &size, now_s, &ret->evicted, &ret->more);
	if (!rc)
		rc = count_new(store, queue, &added, &pages);
	if (!rc && added > 0)
		rc =
		    room_make(store, &size, now_s, added, pages, &ret->evicted);
	/* If there is no room even for that: each part tries for itself. */
	return rc == MDB_MAP_FULL ? 0 : rc;
}

/* No room for the next part: makes some, or lets its only change go. */
static int cope(struct store *store, int64_t now_s, struct progress *at,
                struct batch_result *ret)
{
	int rc = room_force(store, now_s, &ret->evicted);

	if (rc && rc != MDB_NOTFOUND)
		return rc;
	if (at->part > at->left)
		at->part = at->left;
	if (at->part > 1) {
		at->part /= 2;
		return 0;
	}
	/* With nothing left to go, too: what went is free two commits on. */
	if (++at->tries < TRIES)
		return 0;
	at->next = at->next->next;
	at->left--;
	at->tries = 0;
	ret->too_large++;
	return 0;
}

void batch_write(struct store *store, const struct queue *queue, int64_t now_s,
                 struct batch_result *ret)
{
	struct progress at = { .next = queue->list.next,
		               .left = queue_count(queue) };

	at.part = at.left;
	*ret = (struct batch_result){ 0 };
	ret->rc = make_room(store, queue, now_s, ret);
	while (ret->rc == 0 && at.left > 0) {
		ret->rc = write_part(store, &at);
		if (ret->rc == MDB_MAP_FULL)
			ret->rc = cope(store, now_s, &at, ret);
	}
}
