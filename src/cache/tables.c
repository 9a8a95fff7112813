/* SPDX-License-Identifier: BSD-2-Clause */
/* tables.c - the tables in the LMDB file, written and kept in step. */
#include "cache/tables.h"

#include "cache/entry.h"

#include <string.h>

#define FORMAT "4"

enum {
	LMDB_FREE = 0,    /* LMDB's own table of free pages */
	LMDB_NAMES = 1,   /* that of the tables' names */
	LMDB_TABLES = 2,  /* those two */
	META_PAGES = 2,   /* in no table */
	TAKEN_MAX = 8192, /* pages that a batch may take, and to spare */
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

static MDB_val val(struct slice slice)
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

/* -- opening --------------------------------------------------------------- */

int tables_get_format(const struct tables *tables, MDB_txn *txn, MDB_val *ret)
{
	MDB_val key = val(slice_str("format"));

	return mdb_get(txn, tables->meta, &key, ret);
}

static int check_format(const struct tables *tables, MDB_txn *txn)
{
	MDB_val value;
	int rc = tables_get_format(tables, txn, &value);

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
	rc = check_format(ret, txn);
	for (int i = 0; rc == 0 && i < STORE_TABLES; i++) {
		if (mdb_dbi_open(txn, names[i], 0, &ret->by[i]) != 0)
			rc = MDB_INVALID;
	}
	return rc;
}

static int put_format(const struct tables *tables, MDB_txn *txn)
{
	MDB_val key = val(slice_str("format"));
	MDB_val value = val(slice_str(FORMAT));

	return mdb_put(txn, tables->meta, &key, &value, 0);
}

int tables_make(MDB_txn *txn, struct tables *ret)
{
	int rc = mdb_dbi_open(txn, TABLE_META, MDB_CREATE, &ret->meta);

	for (int i = 0; rc == 0 && i < STORE_TABLES; i++)
		rc = mdb_dbi_open(txn, names[i], MDB_CREATE, &ret->by[i]);
	return rc ? rc : put_format(ret, txn);
}

/* -- writing --------------------------------------------------------------- */

/* What stands in the tables for one record. */
struct numbers {
	int64_t in[STORE_TABLES]; /* 0: not in there */
};

static void number(struct slice record, struct slice name, struct numbers *ret)
{
	struct cache_entry entry;

	*ret = (struct numbers){ 0 };
	if (entry_decode(record, name, &entry) != MTS_OK)
		return;
	for (int i = STORE_BY_NAME + 1; i < STORE_TABLES; i++)
		ret->in[i] = key_number_of((enum store_table)i, &entry);
}

/* That of what is stored under NAME; all 0 if nothing is. */
static int old_numbers(const struct tables *tables, MDB_txn *txn,
                       struct slice name, struct numbers *ret)
{
	MDB_val key = val(name);
	MDB_val data;
	int rc = mdb_get(txn, tables->by[STORE_BY_NAME], &key, &data);

	*ret = (struct numbers){ 0 };
	if (rc == 0)
		number(slice_in(&data), name, ret);
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

/* Most changes leave most numbers as they were: each that stays spares a walk
 * down a tree and a page to be written. */
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
	MDB_val key = val(name);
	MDB_val data = val(record);
	struct numbers from;
	struct numbers to;
	int rc = old_numbers(tables, txn, name, &from);

	if (!rc)
		rc = mdb_put(txn, tables->by[STORE_BY_NAME], &key, &data, 0);
	if (rc)
		return rc;
	number(record, name, &to);
	return move_keys(tables, txn, name, &from, &to);
}

int tables_remove(const struct tables *tables, MDB_txn *txn, struct slice name)
{
	static const struct numbers none;
	MDB_val key = val(name);
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
	MDB_val key = val(name);
	MDB_val data;

	return mdb_get(txn, tables->by[STORE_BY_NAME], &key, &data);
}

/* -- room ------------------------------------------------------------------ */

/* What is in no tree is free, whatever the file's length says. LMDB keeps these
 * counts: nothing is walked. */
/* Tables can't have more pages than there are, with those that TXN has taken
 * beyond the last one written: a count that was damaged on disk would have
 * everything evicted. */
static bool is_credible(MDB_txn *txn, size_t pages)
{
	MDB_envinfo info;

	return mdb_env_info(mdb_txn_env(txn), &info) == 0 &&
	       pages / 2 <= info.me_last_pgno + TAKEN_MAX;
}

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
	return rc || is_credible(txn, ret->pages) ? rc : MDB_CORRUPTED;
}

int tables_count(const struct tables *tables, MDB_txn *txn,
                 enum store_table table, size_t *ret)
{
	MDB_stat stat;
	int rc = mdb_stat(txn, tables->by[table], &stat);

	*ret = rc ? 0 : stat.ms_entries;
	return rc;
}

/* The one that has to go first, by its key in TABLE. MDB_NOTFOUND. */
static int first_to_go(const struct tables *tables, MDB_txn *txn, int64_t now_s,
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
		/* The page it lies in is about to change. */
		memcpy(text, key.mv_data, key.mv_size);
		*ret = slice_of(text, key.mv_size);
		if (*table == STORE_BY_END && key_number(*ret) > now_s)
			rc = MDB_NOTFOUND;
	}
	return rc;
}

/* Takes KEY out of TABLE, and the entry that it stands for out of all, unless
 * it is a stray one. */
static int evict(const struct tables *tables, MDB_txn *txn,
                 enum store_table table, struct slice key, bool *ret_entry)
{
	struct slice name = key_name(table, key);
	struct numbers numbers = { 0 };
	MDB_val stray = val(key);
	int rc = 0;

	if (name.len > 0)
		rc = old_numbers(tables, txn, name, &numbers);
	if (rc)
		return rc;
	*ret_entry = name.len > 0 && numbers.in[table] == key_number(key);
	return *ret_entry ? tables_remove(tables, txn, name)
	                  : mdb_del(txn, tables->by[table], &stray, NULL);
}

static void count_evicted(enum store_table table, struct evicted *ret)
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
	/* LMDB makes no commit of a transaction that changes nothing, but each
	 * one brings the pages closer that were left by those before. */
	int rc = put_format(tables, txn);

	while (rc == 0 && count > 0) {
		enum store_table table;
		struct slice key;
		bool entry = false;

		rc = first_to_go(tables, txn, now_s, &table, text, &key);

		if (rc == MDB_NOTFOUND)
			return 0;
		if (!rc)
			rc = evict(tables, txn, table, key, &entry);
		if (rc)
			return rc;
		if (entry) {
			count_evicted(table, ret);
			count--;
		}
	}
	return rc;
}
