/* SPDX-License-Identifier: BSD-2-Clause */
/* evict.c - keeps the file within its limit.
 *
 * Pages are what runs out, entries are what can be removed, and the one does
 * not follow the other at once: an entry that goes leaves a gap in a page, and
 * LMDB joins pages only when they are three quarters empty. But gaps are used
 * again by entries that come in. So what is counted off is entries: as many as
 * come in, and the more beyond that the fuller the file is. */
#include "cache/evict.h"

enum {
	AMPLE_PART =
	    3, /* a third of the limit; the tiniest has a reserve of half */
	EVICT_STEP = 250,   /* entries in a transaction, each some 5 pages */
	SHRINK_STEP = 1000, /* entries in one call of room_shrink() */
	FORCE_MIN = 8,
	FORCE_PART = 64,  /* of all entries, when pages are out */
	PRESSURE_MAX = 4, /* entries to go for one that comes, at most */
};

int room_look(struct store *store, struct tables_size *ret)
{
	MDB_txn *txn;
	int rc = store_begin(store, &txn);

	if (rc)
		return rc;
	rc = tables_measure(store_tables(store), txn, ret);
	mdb_txn_abort(txn);
	return rc;
}

/* One transaction of COUNT. */
static int evict_some(struct store *store, int64_t now_s, size_t count,
                      struct evicted *ret)
{
	struct evicted evicted = *ret;
	MDB_txn *txn;
	int rc = store_begin(store, &txn);

	if (rc)
		return rc;
	rc = tables_evict(store_tables(store), txn, now_s, count, &evicted);
	if (rc) {
		mdb_txn_abort(txn);
		return rc;
	}
	rc = store_commit(store, txn);
	if (!rc)
		*ret = evicted;
	return rc;
}

/* In steps that get smaller if even they find no page to copy to. */
static int evict(struct store *store, int64_t now_s, size_t count,
                 struct evicted *ret)
{
	size_t step = EVICT_STEP;

	while (count > 0) {
		size_t some = count < step ? count : step;
		int rc = evict_some(store, now_s, some, ret);

		if (rc == MDB_MAP_FULL && step > 1)
			step /= 2;
		else if (rc)
			return rc;
		else
			count -= some;
	}
	return 0;
}

/* Pages beyond which nothing comes in unless something goes. */
static size_t high(const struct store *store)
{
	return store_limit(store) - store_reserve(store);
}

bool room_is_ample(const struct store *store, const struct tables_size *size)
{
	return size->pages < store_limit(store) / AMPLE_PART;
}

int room_make(struct store *store, const struct tables_size *size,
              int64_t now_s, size_t added, size_t pages, struct evicted *ret)
{
	size_t over = size->pages + pages;
	size_t count;

	if (over <= high(store))
		return 0;
	over -= high(store);
	count =
	    added + added * over * (PRESSURE_MAX - 1) / store_reserve(store);
	if (count > added * PRESSURE_MAX)
		count = added * PRESSURE_MAX;
	return evict(store, now_s, count, ret);
}

int room_force(struct store *store, int64_t now_s, struct evicted *ret)
{
	struct tables_size size;
	int rc = room_look(store, &size);

	if (rc)
		return rc;
	rc = evict(store, now_s, size.entries / FORCE_PART + FORCE_MIN, ret);
	return rc == 0 && size.entries == 0 ? MDB_NOTFOUND : rc;
}

int room_shrink(struct store *store, const struct tables_size *size,
                int64_t now_s, struct evicted *ret, bool *ret_more)
{
	int rc;

	*ret_more = false;
	if (size->entries == 0 || size->pages <= store_limit(store))
		return 0;
	rc = evict(store, now_s, SHRINK_STEP, ret);
	*ret_more = rc == 0;
	return rc;
}
