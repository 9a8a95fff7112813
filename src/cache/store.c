/* SPDX-License-Identifier: BSD-2-Clause */
/* store.c - the LMDB file: tables of records, read and written.
 *
 * Flags: MDB_NOTLS, since the read transaction belongs to the loop and not to a
 * thread; MDB_NORDAHEAD, since look-ups are random and the file may be larger
 * than memory. Every commit waits for the disk (no MDB_NOSYNC): that is what
 * makes the file survive a kill or a power cut as it was at some commit.
 *
 * Reading is in store_read.c. */
#include "cache/store.h"

#include "base/log.h"
#include "cache/bus.h"
#include "cache/cache_check.h"
#include "cache/store_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	/* What is kept free: that many pages, for what a transaction copies and
	 * the two before it have left; more in a large file, whose batches
	 * touch as many pages as they have changes, and less in a tiny one. */
	RESERVE_PAGES = 512,
	RESERVE_MIN_PART = 16, /* a sixteenth of all */
	RESERVE_MAX_PART = 2,
	LIMIT_MIN = 1 << 20, /* LMDB needs a few dozen pages to turn around */
	/* Beyond what is in use, if that is more than the limit: evicting takes
	 * pages before it gives any. */
	SLACK = 2 << 20,
};

/* -- opening --------------------------------------------------------------- */

/* LMDB aborts after this: the process can't go on, but the next one knows. */
static void on_assert(MDB_env *env, const char *text)
{
	(void)env;
	place_mark_suspect();
	log_error("cache_damaged reason=\"LMDB: %s\"", text);
}

static size_t limit_of(uint64_t max_size)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	if (max_size < LIMIT_MIN)
		max_size = LIMIT_MIN;
	/* A map of a 32-bit process has to find room. */
	if (max_size > SIZE_MAX / 4)
		max_size = SIZE_MAX / 4;
	return (size_t)((max_size + page - 1) / page * page);
}

static int open_env(struct store *store)
{
	/* Nobody else has the folder, and a lock file can't be made. */
	unsigned reading = store->read_only ? MDB_RDONLY | MDB_NOLOCK : 0;
	int rc = mdb_env_create(&store->env);

	if (rc)
		return rc;
	rc = mdb_env_set_assert(store->env, on_assert);
	if (!rc)
		rc = mdb_env_set_maxdbs(store->env, TABLES_ALL);
	if (!rc)
		rc = mdb_env_set_mapsize(store->env, store->limit);
	if (!rc)
		rc = mdb_env_open(store->env, store->place.file,
		                  MDB_NOSUBDIR | MDB_NOTLS | MDB_NORDAHEAD |
		                      reading,
		                  PLACE_FILE_MODE);
	if (!rc && !store->read_only)
		rc = mdb_reader_check(store->env, NULL);
	return rc;
}

/* Of a new file. */
static int make_tables(struct store *store)
{
	MDB_txn *txn;
	int rc = store_begin(store, &txn);

	if (rc)
		return rc;
	rc = tables_make(txn, &store->tables);
	if (!rc)
		return mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	return rc;
}

/* A file with more in use than it should have, since its limit was higher once,
 * gets room to be made smaller in: without free pages nothing can be removed. */
static int find_room(struct store *store)
{
	struct tables_size size;
	MDB_envinfo info;
	MDB_txn *txn;
	size_t bytes;
	int rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn);

	if (rc)
		return rc;
	rc = tables_measure(&store->tables, txn, &size);
	mdb_txn_abort(txn);
	if (!rc)
		rc = mdb_env_info(store->env, &info);
	if (rc || size.pages <= store_limit(store) - store_reserve(store) / 2)
		return rc;
	bytes = (info.me_last_pgno + 1) * size.page_size;
	if (bytes < store->limit)
		bytes = store->limit;
	return mdb_env_set_mapsize(store->env, bytes + SLACK);
}

static int open_tables(struct store *store)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn);

	if (rc)
		return rc;
	rc = tables_find(txn, &store->tables);
	if (!rc)
		return mdb_txn_commit(txn); /* keeps the handles */
	mdb_txn_abort(txn);
	return rc == MDB_NOTFOUND ? make_tables(store) : rc;
}

static void close_env(struct store *store)
{
	bus_unwatch();
	if (store->reader)
		mdb_txn_abort(store->reader);
	store->reader = NULL;
	store->reading = false;
	if (store->env)
		mdb_env_close(store->env);
	store->env = NULL;
}

static int open_file(struct store *store)
{
	int rc = open_env(store);

	if (!rc)
		rc = open_tables(store);
	if (!rc && !store->read_only)
		rc = find_room(store);
	if (!rc)
		rc =
		    mdb_txn_begin(store->env, NULL, MDB_RDONLY, &store->reader);
	if (rc) {
		close_env(store);
		return rc;
	}
	bus_watch(store->reader, &store->tables);
	mdb_txn_reset(store->reader);
	return 0;
}

static const char *damage_text(int rc)
{
	return rc == MDB_VERSION_MISMATCH ? "its format is of another version"
	       : rc == MDB_INVALID        ? "it is not a cache of mtastsd"
	                                  : mdb_strerror(rc);
}

static int explain(struct store *store, int rc, struct fault *why)
{
	int status = mts_from_lmdb(rc);

	store->place.error = rc;
	if (rc == EACCES || rc == EPERM)
		return fault_set(why, MTS_ESYS, "%s: %s: is it another user's?",
		                 store->place.file, mdb_strerror(rc));
	if (status == MTS_ENOMEM)
		return fault_set(why, status,
		                 "%s: can't map %zu bytes of it: lower "
		                 "cache.max_size",
		                 store->place.file, store->limit);
	return fault_set(why, status == MTS_EFULL ? status : MTS_ESYS, "%s: %s",
	                 store->place.file, mdb_strerror(rc));
}

static int set_aside(struct store *store, const char *reason, struct fault *why)
{
	int rc = place_set_aside(&store->place, clock_wall_s(store->clock),
	                         reason, why);

	if (rc == MTS_OK)
		store->broken = 0;
	return rc;
}

/* Opens what is there, or what takes its place if that is damaged. */
static int open_or_replace(struct store *store, struct fault *why)
{
	int rc = open_file(store);

	if (mts_from_lmdb(rc) == MTS_EDAMAGED) {
		int status;

		store->broken = rc;
		status = set_aside(store, damage_text(rc), why);
		if (status != MTS_OK)
			return status;
		rc = open_file(store);
	}
	return rc ? explain(store, rc, why) : MTS_OK;
}

/* Sets the file aside if it can't even be tried. */
static int look_before(struct store *store, struct fault *why)
{
	struct fault damage = { .text = "it is not a file" };
	int64_t size = place_file_size(&store->place);

	store->looked = true;
	/* None, or empty (a disk was full when it was made): new. */
	if (size == 0)
		return MTS_OK;
	if (size > 0 && check_file(store->place.file, (uint64_t)size,
	                           store->limit, store->place.suspect,
	                           store->place.lock_fd, &damage) == MTS_OK)
		return MTS_OK;
	/* If it can't be set aside now, it still must not be used. */
	store->broken = MDB_CORRUPTED;
	return set_aside(store, damage.text, why);
}

/* The way to a file that can be read and written. */
static int open_all(struct store *store, struct fault *why)
{
	int rc = place_claim(&store->place, why);

	if (rc == MTS_OK && mts_from_lmdb(store->broken) == MTS_EDAMAGED)
		rc = set_aside(store, damage_text(store->broken), why);
	if (rc == MTS_OK && !store->looked)
		rc = look_before(store, why);
	if (rc != MTS_OK)
		return rc;
	store->read_only = false;
	rc = open_or_replace(store, why);
	if (rc != MTS_OK)
		return rc;
	store->broken = 0;
	place_clear_suspect(&store->place);
	return MTS_OK;
}

/* Where that fails, what is there may still be read. */
static void open_for_reading(struct store *store)
{
	struct fault ignored;

	store->read_only = true;
	if (!store->looked)
		(void)look_before(store, &ignored);
	if (place_file_size(&store->place) <= 0 ||
	    mts_from_lmdb(store->broken) == MTS_EDAMAGED)
		return;
	if (mts_from_lmdb(open_file(store)) == MTS_EDAMAGED)
		store->broken = MDB_CORRUPTED;
}

int store_open(const char *dir, uint64_t limit, const struct clock *clock,
               struct store **ret, struct fault *why)
{
	struct store *store = calloc(1, sizeof(*store));
	int rc;

	if (!store)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	store->clock = clock;
	store->limit = limit_of(limit);
	rc = place_open(&store->place, dir, why);
	if (rc == MTS_OK)
		rc = open_all(store, why);
	if (rc != MTS_OK && !place_is_in_trouble(&store->place)) {
		store_close(&store);
		return rc;
	}
	if (rc != MTS_OK)
		open_for_reading(store);
	*ret = store;
	return MTS_OK;
}

void store_close(struct store **store)
{
	if (!*store)
		return;
	close_env(*store);
	place_close(&(*store)->place);
	free(*store);
	*store = NULL;
}

/* -- writing --------------------------------------------------------------- */

int store_begin(struct store *store, MDB_txn **ret)
{
	if (!store->env)
		return ENODEV;
	return store->read_only ? EROFS
	                        : mdb_txn_begin(store->env, NULL, 0, ret);
}

const struct tables *store_tables(const struct store *store)
{
	return &store->tables;
}

size_t store_limit(const struct store *store)
{
	return store->limit / (size_t)sysconf(_SC_PAGESIZE);
}

size_t store_reserve(const struct store *store)
{
	size_t least = store_limit(store) / RESERVE_MIN_PART;
	size_t most = store_limit(store) / RESERVE_MAX_PART;

	if (least > RESERVE_PAGES)
		return least;
	return most < RESERVE_PAGES ? most : RESERVE_PAGES;
}

int store_commit(struct store *store, MDB_txn *txn)
{
	if (!store_is_unread(store))
		return mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	return EIO;
}

/* -- when it breaks -------------------------------------------------------- */

bool store_is_unread(const struct store *store)
{
	return store->env && (store->doubted || bus_was_hit());
}

void store_doubt(struct store *store)
{
	store->doubted = true;
}

bool store_note(struct store *store, int rc)
{
	/* Damage that is not in the file. */
	if (store_is_unread(store))
		return true;
	/* MDB_PANIC: LMDB lost track of its meta page; opening it again reads
	 * what the disk has. */
	if (rc == MDB_PANIC || mts_from_lmdb(rc) == MTS_EDAMAGED)
		store->broken = rc;
	return store->broken != 0;
}

bool store_is_broken(const struct store *store)
{
	return store->broken != 0 || store->read_only || !store->env ||
	       store_is_unread(store);
}

int store_mend(struct store *store, struct fault *why)
{
	int rc;

	/* As long as the disk takes nothing, what can be read stays open. */
	if (store->read_only && store->env &&
	    (rc = place_claim(&store->place, why)) != MTS_OK)
		return rc;
	if (store_is_unread(store)) {
		place_mark_suspect();
		store->looked = false;
		log_warning("cache_read_failed file=%s reason=\"%s\"",
		            store->place.file,
		            bus_was_hit()
		                ? "the disk does not hand out some of it"
		                : "it asks for more memory than there is");
		store->doubted = false;
	}
	close_env(store);
	rc = open_all(store, why);
	if (rc != MTS_OK)
		open_for_reading(store);
	return rc;
}
