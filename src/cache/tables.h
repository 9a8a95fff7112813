/* SPDX-License-Identifier: BSD-2-Clause */
/* tables.h - the tables in the LMDB file and their keys.
 *
 * "meta" holds the number of the file's format. "policies" holds the records of
 * entry.h; its keys are domains. Each other table is an index: it finds entries
 * in the order of some number. Its keys are that number, 8 bytes big-endian,
 * followed by the domain; its values are empty.
 *
 * A record and its index keys change in one transaction. A record that can't be
 * decoded leaves stray keys behind. A reader that finds a key whose number
 * differs from the record's number must ignore the key.
 *
 * The tables_* functions return LMDB's codes, so that they can be logged in
 * LMDB's words. */
#ifndef CACHE_TABLES_H
#define CACHE_TABLES_H

#include "base/slice.h"
#include "cache/cache.h"
#include "sts/domain.h"

#include <lmdb.h>
#include <stddef.h>
#include <stdint.h>

enum store_table {
	STORE_BY_NAME,
	STORE_BY_DUE, /* next_refresh_s: what to refresh next */
	STORE_BY_END, /* the end of max_age: what to evict first */
	/* By used_s, one table for each mode: the order of eviction once
	 * nothing has expired. LMDB counts the keys of a table, so these also
	 * say how many policies there are of each mode. */
	STORE_BY_USE_NONE,
	STORE_BY_USE_TESTING,
	STORE_BY_USE_ENFORCE,
	/* The end of those whose refresh fails; without mode none, which
	 * protects nothing. */
	STORE_BY_FAILING,
	STORE_TABLES,
};

/* -- keys ------------------------------------------------------------------ */

enum {
	KEY_NUMBER = 8, /* bytes of the number in a key */
	KEY_MAX = KEY_NUMBER + DOMAIN_MAX,
};

/* The number under which TABLE lists ENTRY; 0: TABLE does not list it. */
int64_t key_number_of(enum store_table table, const struct cache_entry *entry);

/* Writes the key of NAME under NUMBER to RET, which has KEY_MAX bytes. Returns
 * its length. */
size_t key_make(int64_t number, struct slice name, char *ret);

/* The number in an index key (-1 if KEY is too short), and the domain in a key
 * of TABLE (empty if KEY is too short). */
int64_t key_number(struct slice key);
struct slice key_name(enum store_table table, struct slice key);

/* -- tables ---------------------------------------------------------------- */

#define TABLE_META "meta" /* "format": its number in ASCII */

enum { TABLES_ALL = STORE_TABLES + 1 };

struct tables {
	MDB_dbi meta;
	MDB_dbi by[STORE_TABLES];
};

/* The name of TABLE in the file. */
const char *table_name(enum store_table table);

/* Opens the tables in TXN; they stay open once it commits. MDB_NOTFOUND: the
 * file is new and has no tables; MDB_INVALID: it is not ours;
 * MDB_VERSION_MISMATCH: it has another format. */
int tables_find(MDB_txn *txn, struct tables *ret);
int tables_make(MDB_txn *txn, struct tables *ret);

/* Removing what does not exist is no error. */
int tables_put(const struct tables *tables, MDB_txn *txn, struct slice name,
               struct slice record);
int tables_remove(const struct tables *tables, MDB_txn *txn, struct slice name);
int tables_remove_all(const struct tables *tables, MDB_txn *txn);

/* Whether NAME has a record: 0, MDB_NOTFOUND, or a failure. */
int tables_have(const struct tables *tables, MDB_txn *txn, struct slice name);

/* How full the file is. */
struct tables_size {
	size_t entries;
	size_t page_size;
	size_t pages; /* in use; LMDB keeps the others for later */
};

int tables_measure(const struct tables *tables, MDB_txn *txn,
                   struct tables_size *ret);

/* How many keys TABLE has. LMDB knows without counting. */
int tables_count(const struct tables *tables, MDB_txn *txn,
                 enum store_table table, size_t *ret);

/* How many entries were evicted. */
struct evicted {
	uint64_t expired;
	uint64_t weak; /* none and testing */
	uint64_t live; /* enforce, before its end */
};

/* Evicts COUNT entries, or all if there are fewer: first those that have
 * expired at NOW_S, in the order of their ends; then none, then testing, then
 * enforce, each with the least recently used first. Adds to RET. */
int tables_evict(const struct tables *tables, MDB_txn *txn, int64_t now_s,
                 size_t count, struct evicted *ret);

#endif
