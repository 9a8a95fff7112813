/* SPDX-License-Identifier: BSD-2-Clause */
/* store.c - the LMDB file: opened, read, written, and replaced when damaged.
 *
 * LMDB's flags: MDB_NOTLS, since the read transaction belongs to the loop and
 * not to a thread; MDB_NORDAHEAD, since look-ups are random and the file may be
 * larger than memory. Every commit waits for the disk (no MDB_NOSYNC), so after
 * a kill or a power cut the file is as it was after some commit.
 *
 * LMDB reads through a memory map. If the disk can't deliver a page, that is a
 * SIGBUS, which ends the process; its handler calls cache_mark_suspect(), and
 * the next start checks the whole file. */
#include "cache/store.h"

#include "base/log.h"
#include "cache/cache_check.h"
#include "cache/cache_dir.h"
#include "cache/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	/* The pages that stay free: what one transaction copies, plus what the
	 * two before it have freed. Batches touch more pages in a large file,
	 * so the reserve is a share of the limit, within bounds. */
	RESERVE_PAGES = 512,
	RESERVE_MIN_PART = 16, /* at least a sixteenth of the limit */
	RESERVE_MAX_PART = 2,  /* at most half of it */
	LIMIT_MIN = 1 << 20,   /* LMDB needs a few dozen pages to work with */
	/* Bytes added to the map if more than the limit is in use, as evicting
	 * takes pages before it frees any. */
	SLACK = 2 << 20,
};

struct store {
	struct cache_dir dir;
	const struct clock *clock;
	size_t limit;    /* bytes */
	bool checked;    /* the file, by cache_check_file() */
	bool read_only;  /* the disk is read-only, full, or broken */
	MDB_env *env;    /* NULL: nothing can be read */
	MDB_txn *reader; /* running or reset */
	bool reading;
	int broken;     /* LMDB's code for it, or 0; see store_note_error() */
	bool suspected; /* see store_suspect() */
	struct tables tables;
};

int mts_from_lmdb(int rc)
{
	switch (rc) {
	case MDB_SUCCESS:
		return MTS_OK;
	case MDB_NOTFOUND:
		return MTS_ENOTFOUND;
	case ENOMEM:
		return MTS_ENOMEM;
	case MDB_MAP_FULL:
	case MDB_TXN_FULL:
	case ENOSPC:
	case EDQUOT:
		return MTS_EFULL;
	case MDB_INVALID:
	case MDB_VERSION_MISMATCH:
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_CURSOR_FULL:
	case MDB_PAGE_FULL:
	case MDB_INCOMPATIBLE:
	case MDB_BAD_VALSIZE:
		return MTS_EDAMAGED;
	default:
		return rc > 0 ? MTS_ESYS : MTS_ELIB;
	}
}

/* -- opening LMDB ---------------------------------------------------------- */

/* LMDB aborts after this: the process can't go on, but the next one checks. */
static void store_on_assert(MDB_env *env, const char *text)
{
	(void)env;
	cache_dir_mark_suspect();
	log_error("cache_damaged reason=\"LMDB: %s\"", text);
}

static size_t limit_of(uint64_t max_size)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	if (max_size < LIMIT_MIN)
		max_size = LIMIT_MIN;
	/* The map has to fit into a 32-bit process. */
	if (max_size > SIZE_MAX / 4)
		max_size = SIZE_MAX / 4;
	return (size_t)((max_size + page - 1) / page * page);
}

static int open_env(struct store *store)
{
	/* We hold the folder's lock, so LMDB's can be left out where its file
	 * can't be created. */
	unsigned reading = store->read_only ? MDB_RDONLY | MDB_NOLOCK : 0;
	int rc = mdb_env_create(&store->env);

	if (rc)
		return rc;
	rc = mdb_env_set_assert(store->env, store_on_assert);
	if (!rc)
		rc = mdb_env_set_maxdbs(store->env, TABLES_ALL);
	if (!rc)
		rc = mdb_env_set_mapsize(store->env, store->limit);
	if (!rc)
		rc = mdb_env_open(store->env, store->dir.file,
		                  MDB_NOSUBDIR | MDB_NOTLS | MDB_NORDAHEAD |
		                      reading,
		                  CACHE_DIR_FILE_MODE);
	if (!rc && !store->read_only)
		rc = mdb_reader_check(store->env, NULL);
	return rc;
}

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

/* If more than the limit is in use, because the limit was lowered: enlarges the
 * map, so that there are free pages to evict with. */
static int enlarge_map(struct store *store)
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

static void close_env(struct store *store)
{
	if (store->reader)
		mdb_txn_abort(store->reader);
	store->reader = NULL;
	store->reading = false;
	if (store->env)
		mdb_env_close(store->env);
	store->env = NULL;
}

static int store_open_env(struct store *store)
{
	int rc = open_env(store);

	if (!rc)
		rc = open_tables(store);
	if (!rc && !store->read_only)
		rc = enlarge_map(store);
	if (!rc)
		rc =
		    mdb_txn_begin(store->env, NULL, MDB_RDONLY, &store->reader);
	if (rc) {
		close_env(store);
		return rc;
	}
	mdb_txn_reset(store->reader);
	return 0;
}

/* -- opening the file ------------------------------------------------------ */

static const char *damage_text(int rc)
{
	return rc == MDB_VERSION_MISMATCH ? "its format is of another version"
	       : rc == MDB_INVALID        ? "it is not a cache of mtastsd"
	                                  : mdb_strerror(rc);
}

static int store_explain(struct store *store, int rc, struct fault *why)
{
	int status = mts_from_lmdb(rc);

	store->dir.error = rc;
	if (rc == EACCES || rc == EPERM)
		return fault_set(why, MTS_ESYS,
		                 "%s: %s: does it belong to another user?",
		                 store->dir.file, mdb_strerror(rc));
	if (status == MTS_ENOMEM)
		return fault_set(why, status,
		                 "%s: can't map %zu bytes of it: lower "
		                 "cache.max_size",
		                 store->dir.file, store->limit);
	return fault_set(why, status == MTS_EFULL ? status : MTS_ESYS, "%s: %s",
	                 store->dir.file, mdb_strerror(rc));
}

static int set_aside(struct store *store, const char *reason, struct fault *why)
{
	int rc = cache_dir_set_aside(&store->dir, clock_wall_s(store->clock),
	                             reason, why);

	if (rc == MTS_OK)
		store->broken = 0;
	return rc;
}

/* Opens the file, or a new one if it turns out to be damaged. */
static int open_or_replace(struct store *store, struct fault *why)
{
	int rc = store_open_env(store);

	if (mts_from_lmdb(rc) == MTS_EDAMAGED) {
		int status;

		store->broken = rc;
		status = set_aside(store, damage_text(rc), why);
		if (status != MTS_OK)
			return status;
		rc = store_open_env(store);
	}
	return rc ? store_explain(store, rc, why) : MTS_OK;
}

/* Checks the file before LMDB maps it, and sets it aside if it is damaged. */
static int check_before_open(struct store *store, struct fault *why)
{
	struct fault damage = { .text = "it is not a file" };
	int64_t size = cache_dir_file_size(&store->dir);

	store->checked = true;
	/* No file, or an empty one (the disk was full when it was created):
	 * LMDB makes a new one. */
	if (size == 0)
		return MTS_OK;
	if (size > 0 && cache_check_file(store->dir.file, (uint64_t)size,
	                                 store->limit, store->dir.suspect,
	                                 store->dir.lock_fd, &damage) == MTS_OK)
		return MTS_OK;
	/* Even if it can't be set aside, it must not be used. */
	store->broken = MDB_CORRUPTED;
	return set_aside(store, damage.text, why);
}

/* Gets a file that can be read and written. */
static int open_for_writing(struct store *store, struct fault *why)
{
	int rc = cache_dir_claim(&store->dir, why);

	if (rc == MTS_OK && mts_from_lmdb(store->broken) == MTS_EDAMAGED)
		rc = set_aside(store, damage_text(store->broken), why);
	if (rc == MTS_OK && !store->checked)
		rc = check_before_open(store, why);
	if (rc != MTS_OK)
		return rc;
	store->read_only = false;
	rc = open_or_replace(store, why);
	if (rc != MTS_OK)
		return rc;
	store->broken = 0;
	cache_dir_clear_suspect(&store->dir);
	return MTS_OK;
}

/* If that failed, the file may still be readable. */
static void open_for_reading(struct store *store)
{
	struct fault ignored;

	store->read_only = true;
	if (!store->checked)
		(void)check_before_open(store, &ignored);
	if (cache_dir_file_size(&store->dir) <= 0 ||
	    mts_from_lmdb(store->broken) == MTS_EDAMAGED)
		return;
	if (mts_from_lmdb(store_open_env(store)) == MTS_EDAMAGED)
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
	rc = cache_dir_open(&store->dir, dir, why);
	if (rc == MTS_OK)
		rc = open_for_writing(store, why);
	if (rc != MTS_OK && !cache_dir_disk_failed(&store->dir)) {
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
	cache_dir_close(&(*store)->dir);
	free(*store);
	*store = NULL;
}

/* -- reading --------------------------------------------------------------- */

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
	MDB_val key = { name.len, (void *)name.data };
	MDB_val data;
	int rc = mdb_get(store->reader, store->tables.by[STORE_BY_NAME], &key,
	                 &data);

	if (rc == 0)
		*ret = slice_of(data.mv_data, data.mv_size);
	else
		store_note_error(store, rc);
	return mts_from_lmdb(rc);
}

static int seek_after(MDB_cursor *cursor, struct slice after, MDB_val *key,
                      MDB_val *data)
{
	int rc;

	if (after.len == 0)
		return mdb_cursor_get(cursor, key, data, MDB_FIRST);
	*key = (MDB_val){ after.len, (void *)after.data };
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
	rc = seek_after(cursor, after, &found, &data);
	mdb_cursor_close(cursor);
	/* In a damaged tree the next key may not come after this one. The
	 * caller would then loop forever. */
	if (rc == 0 &&
	    (found.mv_size > KEY_MAX ||
	     tree_compare(slice_of(found.mv_data, found.mv_size), after) <= 0))
		rc = MDB_CORRUPTED;
	if (rc) {
		store_note_error(store, rc);
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

/* -- when it breaks -------------------------------------------------------- */

bool store_note_error(struct store *store, int rc)
{
	/* MDB_PANIC: LMDB lost track of its meta page. Opening the file again
	 * reads the one that is on the disk. */
	if (rc == MDB_PANIC || mts_from_lmdb(rc) == MTS_EDAMAGED)
		store->broken = rc;
	return store->broken != 0;
}

void store_suspect(struct store *store)
{
	store->suspected = true;
}

bool store_is_broken(const struct store *store)
{
	return store->broken != 0 || store->suspected || store->read_only ||
	       !store->env;
}

int store_repair(struct store *store, struct fault *why)
{
	int rc;

	/* While the folder can't be written to, keep open what can be read. */
	if (store->read_only && store->env &&
	    (rc = cache_dir_claim(&store->dir, why)) != MTS_OK)
		return rc;
	if (store->suspected) {
		cache_dir_mark_suspect();
		store->checked = false;
		store->suspected = false;
		log_warning("cache_read_failed file=%s reason=\"a write asked "
		            "for more memory than there is: the file is "
		            "checked\"",
		            store->dir.file);
	}
	close_env(store);
	rc = open_for_writing(store, why);
	if (rc != MTS_OK)
		open_for_reading(store);
	return rc;
}
