/* SPDX-License-Identifier: BSD-2-Clause */
/* store.h - the LMDB file: tables of records, read and written.
 *
 * Reading is for the loop's thread, in one transaction that is renewed when it
 * is needed and reset by store_reset(). Writing is for one thread at a time,
 * any; a write transaction begins and ends within one thread's call. */
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

/* What LMDB's RC is in our codes. */
int mts_from_lmdb(int rc);

/* Opens or makes DIR/policies.mdb; one that is damaged or not ours is set
 * aside. LIMIT, in bytes, is what its pages in use are to stay below. CLOCK
 * gives the date of what is set aside.
 *
 * A disk that is full, broken or read-only is no error: then the store is
 * broken, which WHY explains, and reads find what is there.
 * MTS_ESYS, MTS_EBUSY, MTS_ENOMEM. On MTS_OK *RET is the caller's:
 * store_close(), which takes NULL and leaves NULL. */
int store_open(const char *dir, uint64_t limit, const struct clock *clock,
               struct store **ret, struct fault *why);
void store_close(struct store **store);

/* -- reading: our codes ---------------------------------------------------- */

/* Starts the read transaction if none is running. MTS_OK or MTS_E*. */
int store_renew(struct store *store);
bool store_is_reading(const struct store *store);

/* Ends it: what was read is no longer valid. */
void store_reset(struct store *store);

/* After store_renew(). The record of NAME; valid until store_reset().
 * MTS_ENOTFOUND, or what mts_from_lmdb() makes of the failure. */
int store_get(struct store *store, struct slice name, struct slice *ret);

/* The first key of TABLE that comes after AFTER (len 0: the first of all), and
 * in RECORD what it holds (nothing but for STORE_BY_NAME). Same errors. */
int store_after(struct store *store, enum store_table table, struct slice after,
                struct slice *key, struct slice *record);

struct store_stats {
	uint64_t keys[STORE_TABLES];
	uint64_t bytes_used;
	uint64_t bytes_max;
};

/* All 0 but for bytes_max if it can't be read. */
void store_get_stats(struct store *store, struct store_stats *ret);

/* True if the file has no name any more: somebody removed it, or put another one
 * in its place. It works as before, but is gone when it is closed. */
bool store_is_removed(const struct store *store);

/* -- writing: LMDB's codes, so that they can be logged in its words -------- */

/* EROFS while it is open for reading only, ENODEV while it is not open. */
int store_begin(struct store *store, MDB_txn **ret);

/* Ends TXN. EIO: what it did may rest on pages that could not be read, so it is
 * given up. */
int store_commit(struct store *store, MDB_txn *txn);

/* For tables.h, with what store_begin() gave. */
const struct tables *store_tables(const struct store *store);

/* The limit, in pages. */
size_t store_limit(const struct store *store);

/* Those of them that are to be kept free, for transactions to work in. */
size_t store_reserve(const struct store *store);

/* -- when it breaks -------------------------------------------------------- */

/* Takes note of RC, which some call came back with; true if it means that the
 * file can't be used on as it is: store_mend(). */
bool store_note(struct store *store, int rc);
bool store_is_broken(const struct store *store);

/* True if pages of it could not be read (bus.h): what seems damaged then need
 * not be. */
bool store_is_unread(const struct store *store);

/* Has store_mend() look at all of it: a write asked for more memory than there
 * is, which may be due to a damaged length. Until then it is as if it was
 * unread. */
void store_doubt(struct store *store);

/* Opens the file again; if it is damaged, sets it aside first. Nobody may be
 * reading or writing. After a failure it stays broken and may be tried again;
 * reads find what is there, if that can be read at all. */
int store_mend(struct store *store, struct fault *why);

#endif
