/* SPDX-License-Identifier: BSD-2-Clause */
/* store_read.c - reads the LMDB file, in the one read transaction. */
#include "cache/store_internal.h"
#include "cache/tree.h"

#include <sys/stat.h>

static MDB_val val(struct slice slice)
{
	return (MDB_val){ slice.len, (void *)slice.data };
}

bool store_is_reading(const struct store *store)
{
	return store->reading;
}

int store_renew(struct store *store)
{
	int rc;

	if (store->reading)
		return MTS_OK;
	if (!store->env)
		return MTS_ESYS;
	rc = mdb_txn_renew(store->reader);
	store->reading = rc == 0;
	return rc ? mts_from_lmdb(rc) : MTS_OK;
}

void store_reset(struct store *store)
{
	if (store->reading)
		mdb_txn_reset(store->reader);
	store->reading = false;
}

int store_get(struct store *store, struct slice name, struct slice *ret)
{
	MDB_val key = val(name);
	MDB_val data;
	int rc = mdb_get(store->reader, store->tables.by[STORE_BY_NAME], &key,
	                 &data);

	if (rc == 0)
		*ret = slice_of(data.mv_data, data.mv_size);
	else
		store_note(store, rc);
	return mts_from_lmdb(rc);
}

static int seek(MDB_cursor *cursor, struct slice after, MDB_val *key,
                MDB_val *data)
{
	int rc;

	if (after.len == 0)
		return mdb_cursor_get(cursor, key, data, MDB_FIRST);
	*key = val(after);
	rc = mdb_cursor_get(cursor, key, data, MDB_SET_RANGE);
	if (rc == 0 && key->mv_size == after.len &&
	    memcmp(key->mv_data, after.data, after.len) == 0)
		rc = mdb_cursor_get(cursor, key, data, MDB_NEXT);
	return rc;
}

int store_after(struct store *store, enum store_table table, struct slice after,
                struct slice *key, struct slice *record)
{
	MDB_cursor *cursor;
	MDB_val found;
	MDB_val data;
	int rc =
	    mdb_cursor_open(store->reader, store->tables.by[table], &cursor);

	if (rc)
		return mts_from_lmdb(rc);
	rc = seek(cursor, after, &found, &data);
	mdb_cursor_close(cursor);
	/* Not after it, even if that is nothing: whoever walks would walk in a
	 * circle. */
	if (rc == 0 &&
	    (found.mv_size > KEY_MAX ||
	     tree_compare(slice_of(found.mv_data, found.mv_size), after) <= 0))
		rc = MDB_CORRUPTED;
	if (rc) {
		store_note(store, rc);
		return mts_from_lmdb(rc);
	}
	*key = slice_of(found.mv_data, found.mv_size);
	*record = slice_of(data.mv_data, data.mv_size);
	return MTS_OK;
}

void store_get_stats(struct store *store, struct store_stats *ret)
{
	struct tables_size size;

	*ret = (struct store_stats){ .bytes_max = store->limit };
	if (store_renew(store) != MTS_OK ||
	    tables_measure(&store->tables, store->reader, &size) != 0)
		return;
	ret->bytes_used = (uint64_t)size.pages * size.page_size;
	for (int i = 0; i < STORE_TABLES; i++) {
		size_t keys;

		(void)tables_count(&store->tables, store->reader,
		                   (enum store_table)i, &keys);
		ret->keys[i] = keys;
	}
}

bool store_is_removed(const struct store *store)
{
	mdb_filehandle_t fd;
	struct stat file;

	return store->env && mdb_env_get_fd(store->env, &fd) == 0 &&
	       fstat(fd, &file) == 0 && file.st_nlink == 0;
}
