/* SPDX-License-Identifier: BSD-2-Clause */
/* store.h - the LMDB file: opened, read, written, and replaced when damaged.
 *
 * Only the loop's thread reads, in one transaction that store_renew() begins
 * and store_reset() ends. One thread at a time writes, and it may be any; a
 * write transaction begins and ends within one call of that thread. */
#ifndef CACHE_STORE_H
#define CACHE_STORE_H

#include "base/clock.h"
#include "base/slice.h"
#include "base/status.h"
#include "cache/tables.h"

#include <lmdb.h>
#include <stdbool.h>
#include <stdint.h>

struct store;

/* Translates LMDB's code RC to ours. */
int mts_from_lmdb(int rc);

/* Opens or creates DIR/policies.mdb; a file that is damaged or not ours is set
 * aside. LIMIT is in bytes: the pages in use stay below it. CLOCK gives the
 * date in the name of a file that is set aside.
 *
 * A disk that is full, broken or read-only is no error: the store is broken
 * then, WHY says why, and reads find whatever can be read. MTS_ESYS, MTS_EBUSY,
 * MTS_ENOMEM. On MTS_OK the caller owns *RET: store_close(), which takes NULL
 * and leaves NULL. */
int store_open(const char *dir, uint64_t limit, const struct clock *clock,
               struct store **ret, struct fault *why);
void store_close(struct store **store);

/* -- reading: our codes ---------------------------------------------------- */

/* Begins the read transaction unless it is running. MTS_OK or MTS_E*. */
int store_renew(struct store *store);
bool store_is_reading(const struct store *store);

/* Ends the read transaction: what was read is no longer valid. */
void store_reset(struct store *store);

/* After store_renew(): the record of NAME, valid until store_reset().
 * MTS_ENOTFOUND, or mts_from_lmdb() of the failure. */
int store_get(struct store *store, struct slice name, struct slice *ret);

/* After store_renew(): the first key of TABLE that comes after AFTER (len 0:
 * the first of all), and its record (empty but for STORE_BY_NAME). Errors as
 * above. */
int store_after(struct store *store, enum store_table table, struct slice after,
                struct slice *key, struct slice *record);

struct store_stats {
	uint64_t keys[STORE_TABLES];
	uint64_t bytes_used;
	uint64_t bytes_max;
};

/* All 0 but for bytes_max if the file can't be read. */
void store_get_stats(struct store *store, struct store_stats *ret);

/* True if the file has no name any more: it was removed, or another file was
 * put in its place. It still works, but is gone once it is closed. */
bool store_is_removed(const struct store *store);

/* -- writing: LMDB's codes, so that they can be logged in LMDB's words ----- */

/* Begins a write transaction; end it with mdb_txn_commit() or mdb_txn_abort().
 * EROFS: the file is open for reading only; ENODEV: it is not open. */
int store_begin(struct store *store, MDB_txn **ret);

/* The tables, to use in a transaction of store_begin(). */
const struct tables *store_tables(const struct store *store);

/* The limit, in pages. */
size_t store_limit(const struct store *store);

/* How many of these pages must stay free, for transactions to work in. */
size_t store_reserve(const struct store *store);

/* -- when it breaks -------------------------------------------------------- */

/* Looks at RC, which a call of LMDB returned: if it means that the file can't
 * be used any longer as it is, the store is broken from now on. Returns whether
 * it is. */
bool store_note_error(struct store *store, int rc);

/* Breaks the store on suspicion: a write asked for more memory than there is,
 * and a damaged length in the file may be the reason. store_repair() will check
 * the whole file. */
void store_suspect(struct store *store);

/* True if store_repair() has to be called. */
bool store_is_broken(const struct store *store);

/* Opens the file again; if it is damaged, sets it aside first. Nothing may be
 * reading or writing. After a failure the store stays broken, and this can be
 * tried again; reads find whatever can be read. */
int store_repair(struct store *store, struct fault *why);

#endif
