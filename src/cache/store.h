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

#include <lmdb.h>
#include <stdbool.h>
#include <stdint.h>

#define STORE_META     "meta"     /* "format": its number in ASCII */
#define STORE_POLICIES "policies" /* domain: a record of entry.h */
#define STORE_DUE      "due"      /* key.h: "" */

enum { STORE_TABLES = 3 };

struct store;

/* What LMDB's RC is in our codes. */
int mts_from_lmdb(int rc);

/* Opens or makes DIR/policies.mdb; one that is damaged or not ours is set
 * aside. MAX_SIZE in bytes. CLOCK gives the date of what is set aside. MTS_ESYS,
 * MTS_EBUSY, MTS_EFULL, MTS_ENOMEM. On MTS_OK *RET is the caller's:
 * store_close(), which takes NULL and leaves NULL. */
int store_open(const char *dir, uint64_t max_size, const struct clock *clock,
               struct store **ret, struct fault *why);
void store_close(struct store **store);

/* -- reading: LMDB's codes -------------------------------------------------- */

/* Starts the read transaction if none is running. MTS_OK or MTS_E*. */
int store_renew(struct store *store);
bool store_is_reading(const struct store *store);

/* Ends it: what was read is no longer valid. */
void store_reset(struct store *store);

/* After store_renew(). The record of NAME; valid until store_reset().
 * MTS_ENOTFOUND, or what LMDB says. */
int store_get(struct store *store, struct slice name, struct slice *ret);

enum store_table { STORE_BY_NAME, STORE_BY_DUE };

/* The first key of TABLE that comes after AFTER (len 0: the first of all), and
 * in RECORD what it holds (for STORE_BY_DUE: nothing). */
int store_after(struct store *store, enum store_table table, struct slice after,
                struct slice *key, struct slice *record);

void store_get_stats(struct store *store, uint64_t *policies,
                     uint64_t *bytes_used, uint64_t *bytes_max);

/* -- writing: LMDB's codes, so that they can be logged in its words --------- */

int store_begin(struct store *store, MDB_txn **ret);

/* Each keeps the table "due" in step. */
int store_put(struct store *store, MDB_txn *txn, struct slice name,
              struct slice record);
int store_remove(struct store *store, MDB_txn *txn, struct slice name);
int store_remove_all(struct store *store, MDB_txn *txn);

/* -- when it breaks --------------------------------------------------------- */

/* Takes note of RC, which some call came back with; true if it means that the
 * file can't be used on as it is: store_mend(). */
bool store_note(struct store *store, int rc);
bool store_is_broken(const struct store *store);

/* Opens the file again; if it is damaged, sets it aside first. Nobody may be
 * reading or writing. After a failure it stays broken and may be tried again;
 * reads find nothing meanwhile. */
int store_mend(struct store *store, struct fault *why);

#endif
