/* SPDX-License-Identifier: BSD-2-Clause */
/* tables.c - the tables in the LMDB file and their keys. */
#include "cache/tables.h"

#include "cache/entry.h"

#include <string.h>

#define FORMAT "4"

enum {
	LMDB_FREE = 0,    /* LMDB's own table of free pages */
	LMDB_NAMES = 1,   /* LMDB's own table of the tables' names */
	LMDB_TABLES = 2,  /* how many tables LMDB has of its own */
	META_PAGES = 2,   /* in no table */
	TAKEN_MAX = 8192, /* more pages than one batch can take */
};

static const char *const names[STORE_TABLES] = {
	[STORE_BY_NAME] = "policies",
	[STORE_BY_DUE] = "due",
	[STORE_BY_END] = "end",
	[STORE_BY_USE_NONE] = "use_none",
	[STORE_BY_USE_TESTING] = "use_testing",
	[STORE_BY_USE_ENFORCE] = "use_enforce",
	[STORE_BY_FAILING] = "failing",
};

static MDB_val val_of(struct slice slice)
{
	return (MDB_val){ slice.len, (void *)slice.data };
}

static struct slice slice_in(const MDB_val *val)
{
	return slice_of(val->mv_data, val->mv_size);
}

const char *table_name(enum store_table table)
{
	return names[table];
}

/* -- keys ------------------------------------------------------------------ */

/* USED is a bit above any used_s, which may be 0: a number of 0 means "not
 * listed". LAST_END bounds the ends, since a record may claim any time. */
#define USED     (INT64_C(1) << 60)
#define LAST_END USED

static int64_t number_of_use(const struct cache_entry *entry,
                             enum policy_mode mode)
{
	return entry->policy.mode == mode ? USED | (entry->used_s & (USED - 1))
	                                  : 0;
}

static int64_t number_of_end(const struct cache_entry *entry)
{
	return entry->fetched_s >= LAST_END
	           ? LAST_END
	           : entry->fetched_s + entry->policy.max_age_s;
}

int64_t key_number_of(enum store_table table, const struct cache_entry *entry)
{
	switch (table) {
	case STORE_BY_DUE:
		return entry->next_refresh_s;
	case STORE_BY_END:
		return number_of_end(entry);
	case STORE_BY_USE_NONE:
		return number_of_use(entry, POLICY_NONE);
	case STORE_BY_USE_TESTING:
		return number_of_use(entry, POLICY_TESTING);
	case STORE_BY_USE_ENFORCE:
		return number_of_use(entry, POLICY_ENFORCE);
	case STORE_BY_FAILING:
		return entry->failures > 0 && entry->policy.mode != POLICY_NONE
		           ? number_of_end(entry)
		           : 0;
	case STORE_BY_NAME:
	case STORE_TABLES:
	default:
		return 0;
	}
}

size_t key_make(int64_t number, struct slice name, char *ret)
{
	for (int i = 0; i < KEY_NUMBER; i++)
		ret[i] = (char)((uint64_t)number >> (56 - 8 * i));
	memcpy(ret + KEY_NUMBER, name.data, name.len);
	return KEY_NUMBER + name.len;
}

int64_t key_number(struct slice key)
{
	uint64_t number = 0;

	if (key.len < KEY_NUMBER)
		return -1;
	for (size_t i = 0; i < KEY_NUMBER; i++)
		number = number << 8 | (unsigned char)key.data[i];
	return (int64_t)number;
}

struct slice key_name(enum store_table table, struct slice key)
{
	size_t skip = table == STORE_BY_NAME ? 0 : KEY_NUMBER;

	return key.len < skip ? slice_of("", 0) : slice_skip(key, skip);
}

/* -- opening --------------------------------------------------------------- */

static int tables_check_format(const struct tables *tables, MDB_txn *txn)
{
	MDB_val key = val_of(slice_str("format"));
	MDB_val value;
	int rc = mdb_get(txn, tables->meta, &key, &value);

	if (rc == MDB_NOTFOUND)
		return MDB_INVALID;
	if (rc == 0 && !slice_is(slice_in(&value), FORMAT))
		return MDB_VERSION_MISMATCH;
	return rc;
}

int tables_find(MDB_txn *txn, struct tables *ret)
{
	MDB_stat stat;
	int rc = mdb_env_stat(mdb_txn_env(txn), &stat);

	if (rc)
		return rc;
	if (stat.ms_entries == 0)
		return MDB_NOTFOUND;
	if (mdb_dbi_open(txn, TABLE_META, 0, &ret->meta) != 0)
		return MDB_INVALID;
	rc = tables_check_format(ret, txn);
	for (int i = 0; rc == 0 && i < STORE_TABLES; i++) {
		if (mdb_dbi_open(txn, names[i], 0, &ret->by[i]) != 0)
			rc = MDB_INVALID;
	}
	return rc;
}

static int tables_put_format(const struct tables *tables, MDB_txn *txn)
{
	MDB_val key = val_of(slice_str("format"));
	MDB_val value = val_of(slice_str(FORMAT));

	return mdb_put(txn, tables->meta, &key, &value, 0);
}

int tables_make(MDB_txn *txn, struct tables *ret)
{
	int rc = mdb_dbi_open(txn, TABLE_META, MDB_CREATE, &ret->meta);

	for (int i = 0; rc == 0 && i < STORE_TABLES; i++)
		rc = mdb_dbi_open(txn, names[i], MDB_CREATE, &ret->by[i]);
	return rc ? rc : tables_put_format(ret, txn);
}

/* -- writing --------------------------------------------------------------- */

/* The numbers under which the indexes list one record. */
struct numbers {
	int64_t in[STORE_TABLES]; /* 0: not listed */
};

static void numbers_of(struct slice record, struct slice name,
                       struct numbers *ret)
{
	struct cache_entry entry;

	*ret = (struct numbers){ 0 };
	if (entry_decode(record, name, &entry) != MTS_OK)
		return;
	for (int i = STORE_BY_NAME + 1; i < STORE_TABLES; i++)
		ret->in[i] = key_number_of((enum store_table)i, &entry);
}

/* The numbers of the stored record of NAME; all 0 if there is none. */
static int old_numbers(const struct tables *tables, MDB_txn *txn,
                       struct slice name, struct numbers *ret)
{
	MDB_val key = val_of(name);
	MDB_val data;
	int rc = mdb_get(txn, tables->by[STORE_BY_NAME], &key, &data);

	*ret = (struct numbers){ 0 };
	if (rc == 0)
		numbers_of(slice_in(&data), name, ret);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

static int move_key(MDB_txn *txn, MDB_dbi table, struct slice name,
                    int64_t from, int64_t to)
{
	char text[KEY_MAX];
	MDB_val key = { key_make(from, name, text), text };
	MDB_val nothing = { 0, NULL };
	int rc = from ? mdb_del(txn, table, &key, NULL) : 0;

	if (rc == MDB_NOTFOUND)
		rc = 0;
	if (rc || to == 0)
		return rc;
	key_make(to, name, text);
	return mdb_put(txn, table, &key, &nothing, 0);
}

/* Most changes leave most numbers as they were. Skipping those saves a descent
 * of the index's tree and a page to write. */
static int move_keys(const struct tables *tables, MDB_txn *txn,
                     struct slice name, const struct numbers *from,
                     const struct numbers *to)
{
	int rc = 0;

	for (int i = STORE_BY_NAME + 1; rc == 0 && i < STORE_TABLES; i++) {
		if (from->in[i] != to->in[i])
			rc = move_key(txn, tables->by[i], name, from->in[i],
			              to->in[i]);
	}
	return rc;
}

int tables_put(const struct tables *tables, MDB_txn *txn, struct slice name,
               struct slice record)
{
	MDB_val key = val_of(name);
	MDB_val data = val_of(record);
	struct numbers from;
	struct numbers to;
	int rc = old_numbers(tables, txn, name, &from);

	if (!rc)
		rc = mdb_put(txn, tables->by[STORE_BY_NAME], &key, &data, 0);
	if (rc)
		return rc;
	numbers_of(record, name, &to);
	return move_keys(tables, txn, name, &from, &to);
}

int tables_remove(const struct tables *tables, MDB_txn *txn, struct slice name)
{
	static const struct numbers none;
	MDB_val key = val_of(name);
	struct numbers from;
	int rc = old_numbers(tables, txn, name, &from);

	if (!rc)
		rc = move_keys(tables, txn, name, &from, &none);
	if (!rc)
		rc = mdb_del(txn, tables->by[STORE_BY_NAME], &key, NULL);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

int tables_remove_all(const struct tables *tables, MDB_txn *txn)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < STORE_TABLES; i++)
		rc = mdb_drop(txn, tables->by[i], 0);
	return rc;
}

int tables_have(const struct tables *tables, MDB_txn *txn, struct slice name)
{
	MDB_val key = val_of(name);
	MDB_val data;

	return mdb_get(txn, tables->by[STORE_BY_NAME], &key, &data);
}

/* -- size ------------------------------------------------------------------ */

/* Tables can't use more pages than the file has, plus those TXN has taken past
 * its end. A count that was damaged on disk would make us evict everything. */
static bool pages_are_credible(MDB_txn *txn, size_t pages)
{
	MDB_envinfo info;

	return mdb_env_info(mdb_txn_env(txn), &info) == 0 &&
	       pages / 2 <= info.me_last_pgno + TAKEN_MAX;
}

/* A page that is in no table is free, whatever the file's length is. LMDB
 * maintains the counts, so this does not read the tables. */
int tables_measure(const struct tables *tables, MDB_txn *txn,
                   struct tables_size *ret)
{
	MDB_dbi all[LMDB_TABLES + TABLES_ALL] = { LMDB_FREE, LMDB_NAMES };
	MDB_stat stat;
	int rc = 0;

	all[LMDB_TABLES] = tables->meta;
	memcpy(all + LMDB_TABLES + 1, tables->by, sizeof(tables->by));
	*ret = (struct tables_size){ .pages = META_PAGES };
	for (int i = 0; rc == 0 && i < LMDB_TABLES + TABLES_ALL; i++) {
		rc = mdb_stat(txn, all[i], &stat);
		if (rc)
			break;
		ret->pages += stat.ms_branch_pages + stat.ms_leaf_pages +
		              stat.ms_overflow_pages;
		ret->page_size = stat.ms_psize;
		if (all[i] == tables->by[STORE_BY_NAME])
			ret->entries = stat.ms_entries;
	}
	return rc || pages_are_credible(txn, ret->pages) ? rc : MDB_CORRUPTED;
}

int tables_count(const struct tables *tables, MDB_txn *txn,
                 enum store_table table, size_t *ret)
{
	MDB_stat stat;
	int rc = mdb_stat(txn, tables->by[table], &stat);

	*ret = rc ? 0 : stat.ms_entries;
	return rc;
}

/* -- eviction -------------------------------------------------------------- */

/* Finds the entry to evict next: its key in *TABLE, copied to TEXT.
 * MDB_NOTFOUND. */
static int evict_first(const struct tables *tables, MDB_txn *txn, int64_t now_s,
                       enum store_table *table, char *text, struct slice *ret)
{
	static const enum store_table orders[] = { STORE_BY_END,
		                                   STORE_BY_USE_NONE,
		                                   STORE_BY_USE_TESTING,
		                                   STORE_BY_USE_ENFORCE };
	enum { ORDERS = sizeof(orders) / sizeof(orders[0]) };
	int rc = MDB_NOTFOUND;

	for (int i = 0; i < ORDERS && rc == MDB_NOTFOUND; i++) {
		MDB_cursor *cursor;
		MDB_val key;
		MDB_val data;

		*table = orders[i];
		rc = mdb_cursor_open(txn, tables->by[*table], &cursor);
		if (rc)
			return rc;
		rc = mdb_cursor_get(cursor, &key, &data, MDB_FIRST);
		mdb_cursor_close(cursor);
		if (rc)
			continue;
		if (key.mv_size > KEY_MAX)
			return MDB_CORRUPTED;
		/* Copied, since the page it is on is about to change. */
		memcpy(text, key.mv_data, key.mv_size);
		*ret = slice_of(text, key.mv_size);
		if (*table == STORE_BY_END && key_number(*ret) > now_s)
			rc = MDB_NOTFOUND;
	}
	return rc;
}

/* Removes the entry that KEY of TABLE lists; of a stray key, only the key. */
static int evict_key(const struct tables *tables, MDB_txn *txn,
                     enum store_table table, struct slice key, bool *ret_entry)
{
	struct slice name = key_name(table, key);
	struct numbers numbers = { 0 };
	MDB_val stray = val_of(key);
	int rc = 0;

	if (name.len > 0)
		rc = old_numbers(tables, txn, name, &numbers);
	if (rc)
		return rc;
	*ret_entry = name.len > 0 && numbers.in[table] == key_number(key);
	return *ret_entry ? tables_remove(tables, txn, name)
	                  : mdb_del(txn, tables->by[table], &stray, NULL);
}

static void evicted_count(enum store_table table, struct evicted *ret)
{
	if (table == STORE_BY_END)
		ret->expired++;
	else if (table == STORE_BY_USE_ENFORCE)
		ret->live++;
	else
		ret->weak++;
}

int tables_evict(const struct tables *tables, MDB_txn *txn, int64_t now_s,
                 size_t count, struct evicted *ret)
{
	char text[KEY_MAX];
	/* Each commit brings LMDB closer to reusing the pages that earlier ones
	 * freed, but LMDB skips a commit that changes nothing. So always change
	 * something. */
	int rc = tables_put_format(tables, txn);

	while (rc == 0 && count > 0) {
		enum store_table table;
		struct slice key;
		bool entry = false;

		rc = evict_first(tables, txn, now_s, &table, text, &key);
		if (rc == MDB_NOTFOUND)
			return 0;
		if (!rc)
			rc = evict_key(tables, txn, table, key, &entry);
		if (rc)
			return rc;
		if (entry) {
			evicted_count(table, ret);
			count--;
		}
	}
	return rc;
}
