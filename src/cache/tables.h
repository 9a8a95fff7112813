/* SPDX-License-Identifier: BSD-2-Clause */
/* tables.h - the tables in the LMDB file, written and kept in step.
 *
 * "meta" has the format's number; "policies" the records of entry.h; the
 * others the keys of key.h, with nothing behind them. A change of a
 * record and of its keys is one transaction. A record that can't be read leaves
 * stray keys: whoever finds one sees that the record, if there is one, has
 * another number.
 *
 * Everything here returns LMDB's codes, so that they can be logged in its
 * words. */
#ifndef CACHE_TABLES_H
#define CACHE_TABLES_H

#include "base/slice.h"
#include "cache/key.h"

#include <lmdb.h>
#include <stddef.h>
#include <stdint.h>

#define TABLE_META "meta" /* "format": its number in ASCII */

enum { TABLES_ALL = STORE_TABLES + 1 };

struct tables {
	MDB_dbi meta;
	MDB_dbi by[STORE_TABLES];
};

/* The name that TABLE has in the file. */
const char *table_name(enum store_table table);

/* Opens them in TXN, whose commit keeps them open. MDB_NOTFOUND: there are no
 * tables at all, so the file is new; MDB_INVALID: it is not ours;
 * MDB_VERSION_MISMATCH: it has another format. */
int tables_find(MDB_txn *txn, struct tables *ret);
int tables_make(MDB_txn *txn, struct tables *ret);

/* The format's number, as it lies in the file. */
int tables_get_format(const struct tables *tables, MDB_txn *txn, MDB_val *ret);

int tables_put(const struct tables *tables, MDB_txn *txn, struct slice name,
               struct slice record);
int tables_remove(const struct tables *tables, MDB_txn *txn, struct slice name);
int tables_remove_all(const struct tables *tables, MDB_txn *txn);

/* Whether there is a record of NAME: 0, MDB_NOTFOUND, or a failure. */
int tables_have(const struct tables *tables, MDB_txn *txn, struct slice name);

/* How full the file is. */
struct tables_size {
	size_t entries;
	size_t page_size;
	size_t pages; /* in use; LMDB keeps the rest for later */
};

int tables_measure(const struct tables *tables, MDB_txn *txn,
                   struct tables_size *ret);

/* What had to go. */
struct evicted {
	uint64_t expired;
	uint64_t weak; /* none and testing */
	uint64_t live; /* enforce, before its end */
};

/* How many keys TABLE has, which LMDB knows without a walk. */
int tables_count(const struct tables *tables, MDB_txn *txn,
                 enum store_table table, size_t *ret);

/* Removes COUNT entries, or all if they are fewer: those whose end is not after
 * NOW_S, in order of their ends; then none, then testing, and then enforce,
 * those not used for longest first. Adds to RET. */
int tables_evict(const struct tables *tables, MDB_txn *txn, int64_t now_s,
                 size_t count, struct evicted *ret);

#endif
