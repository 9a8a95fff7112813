/* SPDX-License-Identifier: BSD-2-Clause */
/* evict.c - keeps the file within its limit by evicting entries.
 *
 * We run out of pages, but we can only remove entries, and removing an entry
 * does not free a page at once: it leaves a gap in one, and LMDB merges pages
 * only when they are three quarters empty. New entries fill such gaps, though.
 * So we count entries: we evict as many as come in, and more than that the
 * fuller the file is. */
#include "cache/evict.h"

#include "base/log.h"

enum {
	/* Below a third of the limit nothing is evicted. The reserve is at most
	 * half of it. */
	NEEDLESS_PART = 3,
	EVICT_STEP = 250,  /* entries in one transaction, about 5 pages each */
	LIMIT_STEP = 1000, /* entries in one call of evict_to_limit() */
	MORE_MIN = 8,      /* entries in one call of evict_more(): ... */
	MORE_PART = 64,    /* ... and a 64th of all entries */
	PRESSURE_MAX = 4,  /* entries to evict for one new one, at most */
	LOG_MS = 3600 * 1000, /* between two lines in the log */
};

int evict_measure(struct store *store, struct tables_size *ret)
{
	MDB_txn *txn;
	int rc = store_begin(store, &txn);

	if (rc)
		return rc;
	rc = tables_measure(store_tables(store), txn, ret);
	mdb_txn_abort(txn);
	return rc;
}

/* Evicts COUNT entries in one transaction. */
static int evict_once(struct store *store, int64_t now_s, size_t count,
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
	rc = mdb_txn_commit(txn);
	if (!rc)
		*ret = evicted;
	return rc;
}

/* Evicts COUNT entries, in steps that get smaller if a step runs out of
 * pages. */
static int evict_count(struct store *store, int64_t now_s, size_t count,
                       struct evicted *ret)
{
	size_t step = EVICT_STEP;

	while (count > 0) {
		size_t some = count < step ? count : step;
		int rc = evict_once(store, now_s, some, ret);

		if (rc == MDB_MAP_FULL && step > 1)
			step /= 2;
		else if (rc)
			return rc;
		else
			count -= some;
	}
	return 0;
}

/* Once more pages than this are in use, new entries need evictions. */
static size_t high_mark(const struct store *store)
{
	return store_limit(store) - store_reserve(store);
}

bool evict_is_needless(const struct store *store,
                       const struct tables_size *size)
{
	return size->pages < store_limit(store) / NEEDLESS_PART;
}

int evict_for(struct store *store, const struct tables_size *size,
              int64_t now_s, size_t added, size_t pages, struct evicted *ret)
{
	size_t over = size->pages + pages;
	size_t count;

	if (over <= high_mark(store))
		return 0;
	over -= high_mark(store);
	count =
	    added + added * over * (PRESSURE_MAX - 1) / store_reserve(store);
	if (count > added * PRESSURE_MAX)
		count = added * PRESSURE_MAX;
	return evict_count(store, now_s, count, ret);
}

int evict_more(struct store *store, int64_t now_s, struct evicted *ret)
{
	struct tables_size size;
	int rc = evict_measure(store, &size);

	if (rc)
		return rc;
	rc =
	    evict_count(store, now_s, size.entries / MORE_PART + MORE_MIN, ret);
	return rc == 0 && size.entries == 0 ? MDB_NOTFOUND : rc;
}

int evict_to_limit(struct store *store, const struct tables_size *size,
                   int64_t now_s, struct evicted *ret, bool *ret_more)
{
	int rc;

	*ret_more = false;
	if (size->entries == 0 || size->pages <= store_limit(store))
		return 0;
	rc = evict_count(store, now_s, LIMIT_STEP, ret);
	*ret_more = rc == 0;
	return rc;
}

/* -- the log --------------------------------------------------------------- */

static void evicted_add(struct evicted *sum, const struct evicted *more)
{
	sum->expired += more->expired;
	sum->weak += more->weak;
	sum->live += more->live;
}

static bool log_is_due(uint64_t last_ms, uint64_t now_ms)
{
	return last_ms == 0 || now_ms - last_ms >= LOG_MS;
}

void eviction_log_add(struct eviction_log *log, const struct evicted *evicted,
                      uint64_t too_large, uint64_t now_ms)
{
	const struct evicted *unlogged = &log->unlogged;
	uint64_t sum;
	bool warn;

	now_ms++; /* 0 means never */
	evicted_add(&log->evicted, evicted);
	evicted_add(&log->unlogged, evicted);
	if (too_large && !log->too_large)
		log_warning("policy_too_large count=%llu reason=\"it does not "
		            "fit into the cache: raise cache.max_size\"",
		            (unsigned long long)too_large);
	log->too_large += too_large;
	sum = unlogged->expired + unlogged->weak + unlogged->live;
	warn = unlogged->live > 0 && log_is_due(log->warned_ms, now_ms);
	if (sum == 0 || (!warn && !log_is_due(log->logged_ms, now_ms)))
		return;
	log_line(warn ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO,
	         "cache_full evicted=%llu expired=%llu none_or_testing=%llu "
	         "enforce=%llu reason=\"raise cache.max_size\"",
	         (unsigned long long)sum, (unsigned long long)unlogged->expired,
	         (unsigned long long)unlogged->weak,
	         (unsigned long long)unlogged->live);
	log->unlogged = (struct evicted){ 0 };
	log->logged_ms = now_ms;
	if (warn)
		log->warned_ms = now_ms;
}
