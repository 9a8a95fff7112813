/* SPDX-License-Identifier: BSD-2-Clause */
/* store.c - the LMDB file: tables of records, read and written.
 *
 * Flags: MDB_NOTLS, since the read transaction belongs to the loop and not to a
 * thread; MDB_NORDAHEAD, since look-ups are random and the file may be larger
 * than memory. Every commit waits for the disk (no MDB_NOSYNC): that is what
 * makes the file survive a kill or a power cut as it was at some commit. */
#include "cache/store.h"

#include "base/log.h"
#include "cache/check.h"
#include "cache/entry.h"
#include "cache/key.h"
#include "cache/place.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define STORE_FORMAT "2"

enum {
	STORE_MIN = 1 << 20, /* LMDB needs a few dozen pages to turn around */
};

struct store {
	struct place place;
	const struct clock *clock;
	size_t map_size;
	MDB_env *env;    /* NULL after a mend that failed */
	MDB_txn *reader; /* running or reset */
	bool reading;
	int broken; /* LMDB's code that says so, or 0; see store_note() */
	MDB_dbi policies;
	MDB_dbi due;
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

/* -- opening --------------------------------------------------------------- */

/* LMDB aborts after this: the process can't go on, but the next one knows. */
static void on_assert(MDB_env *env, const char *text)
{
	(void)env;
	place_mark_suspect();
	log_error("cache_damaged reason=\"LMDB: %s\"", text);
}

static size_t map_size(uint64_t max_size)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	if (max_size < STORE_MIN)
		max_size = STORE_MIN;
	/* A map of a 32-bit process has to find room. */
	if (max_size > SIZE_MAX / 4)
		max_size = SIZE_MAX / 4;
	return (size_t)((max_size + page - 1) / page * page);
}

static int open_env(struct store *store)
{
	int rc = mdb_env_create(&store->env);

	if (rc)
		return rc;
	rc = mdb_env_set_assert(store->env, on_assert);
	if (!rc)
		rc = mdb_env_set_maxdbs(store->env, STORE_TABLES);
	if (!rc)
		rc = mdb_env_set_mapsize(store->env, store->map_size);
	if (!rc)
		rc = mdb_env_open(store->env, store->place.file,
		                  MDB_NOSUBDIR | MDB_NOTLS | MDB_NORDAHEAD,
		                  PLACE_FILE_MODE);
	if (!rc)
		rc = mdb_reader_check(store->env, NULL);
	return rc;
}

static int check_format(MDB_txn *txn, MDB_dbi meta)
{
	MDB_val key = { strlen("format"), (void *)"format" };
	MDB_val value;
	int rc = mdb_get(txn, meta, &key, &value);

	if (rc == MDB_NOTFOUND)
		return MDB_INVALID;
	if (rc == 0 &&
	    !slice_is(slice_of(value.mv_data, value.mv_size), STORE_FORMAT))
		return MDB_VERSION_MISMATCH;
	return rc;
}

/* MDB_NOTFOUND: it has no tables at all, so it is new. */
static int find_tables(struct store *store)
{
	MDB_txn *txn;
	MDB_stat stat;
	MDB_dbi meta;
	int rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn);

	if (rc)
		return rc;
	rc = mdb_env_stat(store->env, &stat);
	if (!rc && stat.ms_entries == 0)
		rc = MDB_NOTFOUND;
	else if (!rc && mdb_dbi_open(txn, STORE_META, 0, &meta) != 0)
		rc = MDB_INVALID;
	else if (!rc)
		rc = check_format(txn, meta);
	if (!rc && (mdb_dbi_open(txn, STORE_POLICIES, 0, &store->policies) ||
	            mdb_dbi_open(txn, STORE_DUE, 0, &store->due)))
		rc = MDB_INVALID;
	if (!rc)
		return mdb_txn_commit(txn); /* keeps the handles */
	mdb_txn_abort(txn);
	return rc;
}

static int make_tables(struct store *store)
{
	MDB_val key = { strlen("format"), (void *)"format" };
	MDB_val value = { strlen(STORE_FORMAT), (void *)STORE_FORMAT };
	MDB_txn *txn;
	MDB_dbi meta;
	int rc = mdb_txn_begin(store->env, NULL, 0, &txn);

	if (rc)
		return rc;
	rc = mdb_dbi_open(txn, STORE_META, MDB_CREATE, &meta);
	if (!rc)
		rc = mdb_dbi_open(txn, STORE_POLICIES, MDB_CREATE,
		                  &store->policies);
	if (!rc)
		rc = mdb_dbi_open(txn, STORE_DUE, MDB_CREATE, &store->due);
	if (!rc)
		rc = mdb_put(txn, meta, &key, &value, 0);
	if (!rc)
		return mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	return rc;
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

static int open_file(struct store *store)
{
	int rc = open_env(store);

	if (!rc)
		rc = find_tables(store);
	if (rc == MDB_NOTFOUND)
		rc = make_tables(store);
	if (!rc)
		rc =
		    mdb_txn_begin(store->env, NULL, MDB_RDONLY, &store->reader);
	if (rc)
		close_env(store);
	else
		mdb_txn_reset(store->reader);
	return rc;
}

static const char *damage_text(int rc)
{
	return rc == MDB_VERSION_MISMATCH ? "its format is of another version"
	       : rc == MDB_INVALID        ? "it is not a cache of mtastsd"
	                                  : mdb_strerror(rc);
}

static int explain(const struct store *store, int rc, struct fault *why)
{
	int status = mts_from_lmdb(rc);

	if (rc == EACCES || rc == EPERM)
		return fault_set(why, MTS_ESYS, "%s: %s: is it another user's?",
		                 store->place.file, mdb_strerror(rc));
	if (status == MTS_ENOMEM)
		return fault_set(why, status,
		                 "%s: can't map %zu bytes of it: lower "
		                 "cache.max_size",
		                 store->place.file, store->map_size);
	return fault_set(why, status == MTS_EFULL ? status : MTS_ESYS, "%s: %s",
	                 store->place.file, mdb_strerror(rc));
}

/* Opens what is there, or what takes its place if that is damaged. */
static int open_or_replace(struct store *store, struct fault *why)
{
	int rc = open_file(store);

	if (mts_from_lmdb(rc) == MTS_EDAMAGED) {
		int status =
		    place_set_aside(&store->place, clock_wall_s(store->clock),
		                    damage_text(rc), why);

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

	/* None, or empty (a disk was full when it was made): new. */
	if (size == 0)
		return MTS_OK;
	if (size > 0 && check_file(store->place.file, (uint64_t)size,
	                           store->map_size, store->place.suspect,
	                           store->place.lock_fd, &damage) == MTS_OK)
		return MTS_OK;
	return place_set_aside(&store->place, clock_wall_s(store->clock),
	                       damage.text, why);
}

int store_open(const char *dir, uint64_t max_size, const struct clock *clock,
               struct store **ret, struct fault *why)
{
	struct store *store = calloc(1, sizeof(*store));
	int rc;

	if (!store)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	store->clock = clock;
	store->map_size = map_size(max_size);
	rc = place_open(&store->place, dir, why);
	if (rc != MTS_OK) {
		free(store);
		return rc;
	}
	rc = look_before(store, why);
	if (rc == MTS_OK)
		rc = open_or_replace(store, why);
	if (rc != MTS_OK) {
		store_close(&store);
		return rc;
	}
	place_clear_suspect(&store->place);
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

/* -- reading --------------------------------------------------------------- */

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
	int rc = mdb_get(store->reader, store->policies, &key, &data);

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
	int rc = mdb_cursor_open(
	    store->reader, table == STORE_BY_DUE ? store->due : store->policies,
	    &cursor);

	if (rc)
		return mts_from_lmdb(rc);
	rc = seek(cursor, after, &found, &data);
	mdb_cursor_close(cursor);
	if (rc == 0 && found.mv_size > KEY_MAX)
		rc = MDB_CORRUPTED;
	if (rc) {
		store_note(store, rc);
		return mts_from_lmdb(rc);
	}
	*key = slice_of(found.mv_data, found.mv_size);
	*record = slice_of(data.mv_data, data.mv_size);
	return MTS_OK;
}

void store_get_stats(struct store *store, uint64_t *policies,
                     uint64_t *bytes_used, uint64_t *bytes_max)
{
	MDB_envinfo info;
	MDB_stat stat;

	*policies = 0;
	*bytes_used = 0;
	*bytes_max = store->map_size;
	if (store_renew(store) != MTS_OK ||
	    mdb_stat(store->reader, store->policies, &stat) != 0 ||
	    mdb_env_info(store->env, &info) != 0)
		return;
	*policies = stat.ms_entries;
	*bytes_used = ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize;
	*bytes_max = info.me_mapsize;
}

/* -- writing --------------------------------------------------------------- */

int store_begin(struct store *store, MDB_txn **ret)
{
	return store->env ? mdb_txn_begin(store->env, NULL, 0, ret) : ENODEV;
}

/* Takes the domain out of the table "due", where it stands under the time that
 * its record names. */
static int remove_due(struct store *store, MDB_txn *txn, struct slice name)
{
	struct cache_entry old;
	char due[KEY_MAX];
	MDB_val key = val(name);
	MDB_val data;
	int rc = mdb_get(txn, store->policies, &key, &data);

	if (rc)
		return rc == MDB_NOTFOUND ? 0 : rc;
	/* One that can't be read leaves a stray key: cache_due() sees that the
	 * record, if there is one, names another time. */
	if (entry_decode(slice_of(data.mv_data, data.mv_size), &old) !=
	        MTS_OK ||
	    old.next_refresh_s == 0)
		return 0;
	key = (MDB_val){ key_due(old.next_refresh_s, name, due), due };
	rc = mdb_del(txn, store->due, &key, NULL);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

int store_put(struct store *store, MDB_txn *txn, struct slice name,
              struct slice record)
{
	struct cache_entry entry;
	char due[KEY_MAX];
	MDB_val key = val(name);
	MDB_val data = val(record);
	int rc = remove_due(store, txn, name);

	if (!rc)
		rc = mdb_put(txn, store->policies, &key, &data, 0);
	if (rc || entry_decode(record, &entry) != MTS_OK ||
	    entry.next_refresh_s == 0)
		return rc;
	key = (MDB_val){ key_due(entry.next_refresh_s, name, due), due };
	data = (MDB_val){ 0, NULL };
	return mdb_put(txn, store->due, &key, &data, 0);
}

int store_remove(struct store *store, MDB_txn *txn, struct slice name)
{
	MDB_val key = val(name);
	int rc = remove_due(store, txn, name);

	if (!rc)
		rc = mdb_del(txn, store->policies, &key, NULL);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

int store_remove_all(struct store *store, MDB_txn *txn)
{
	int rc = mdb_drop(txn, store->policies, 0);

	return rc ? rc : mdb_drop(txn, store->due, 0);
}

/* -- when it breaks -------------------------------------------------------- */

bool store_note(struct store *store, int rc)
{
	/* MDB_PANIC: LMDB lost track of its meta page; opening it again reads
	 * what the disk has. */
	if (rc == MDB_PANIC || mts_from_lmdb(rc) == MTS_EDAMAGED)
		store->broken = rc;
	return store->broken != 0;
}

bool store_is_broken(const struct store *store)
{
	return store->broken != 0 || !store->env;
}

int store_mend(struct store *store, struct fault *why)
{
	int rc = MTS_OK;

	close_env(store);
	if (mts_from_lmdb(store->broken) == MTS_EDAMAGED)
		rc = place_set_aside(&store->place, clock_wall_s(store->clock),
		                     damage_text(store->broken), why);
	if (rc == MTS_OK) {
		store->broken = 0;
		rc = open_or_replace(store, why);
	}
	return rc;
}
