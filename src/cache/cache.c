/* SPDX-License-Identifier: BSD-2-Clause */
/* cache.c - policies on disk: the interface of this room.
 *
 * Below it: cache_dir.c has the folder, cache_check.c checks the file before it
 * is used, store.c is LMDB, tables.c the tables and indexes in it, entry.c the
 * format of a record, pending.c the changes that are not on disk yet, writer.c
 * writes them, evict.c keeps the file within its limit.
 *
 * The first look-up of an iteration of the loop renews the read transaction; a
 * uv_prepare handle resets it before the loop goes to sleep. So all look-ups
 * that arrive together share one renewal, and no old transaction keeps LMDB
 * from reusing free pages. */
#include "base/log.h"
#include "cache/cache_dir.h"
#include "cache/cache_internal.h"
#include "cache/entry.h"

#include <stdlib.h>

enum { TOUCH_S = 3600 }; /* how old used_s may get before it is written */

static void cache_on_prepare(uv_prepare_t *prepare)
{
	struct cache *cache = prepare->data;

	store_reset(cache->store);
	uv_prepare_stop(prepare);
}

/* Makes sure that a read transaction is running. MTS_E*. */
static int cache_begin_read(struct cache *cache)
{
	int rc;

	if (store_is_reading(cache->store))
		return MTS_OK;
	rc = store_renew(cache->store);
	if (rc == MTS_OK)
		uv_prepare_start(&cache->prepare, cache_on_prepare);
	return rc;
}

int cache_open(const struct cache_options *options, struct cache **ret,
               struct fault *why)
{
	struct cache *cache = calloc(1, sizeof(*cache));
	int rc = MTS_ENOMEM;

	if (!cache)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	cache->clock = options->clock;
	rc = store_open(options->directory, options->max_size, options->clock,
	                &cache->store, why);
	if (rc != MTS_OK)
		goto out;
	cache->writer = writer_new(options->loop, cache->store, options->clock);
	if (!cache->writer) {
		rc = fault_set(why, MTS_ENOMEM, "out of memory");
		goto out;
	}
	uv_prepare_init(options->loop, &cache->prepare);
	uv_unref((uv_handle_t *)&cache->prepare);
	cache->prepare.data = cache;
	writer_start(cache->writer,
	             store_is_broken(cache->store) ? why->text : NULL);
	*ret = cache;
	return MTS_OK;
out:
	store_close(&cache->store);
	free(cache);
	return rc;
}

static void cache_on_closed(uv_handle_t *prepare)
{
	free(prepare->data);
}

void cache_close(struct cache **cache)
{
	if (!*cache)
		return;
	writer_close(&(*cache)->writer);
	store_close(&(*cache)->store);
	uv_close((uv_handle_t *)&(*cache)->prepare, cache_on_closed);
	*cache = NULL;
}

void cache_mark_suspect(void)
{
	cache_dir_mark_suspect();
}

/* -- one domain ------------------------------------------------------------ */

/* Removes a record that can't be decoded. Something wrote over the file, so the
 * next start checks all of it. Returns MTS_EDAMAGED. */
static int cache_drop_damaged(struct cache *cache, const struct domain *domain)
{
	int rc = writer_remove(cache->writer, domain);

	cache_dir_mark_suspect();
	/* If it can't be removed now, the next get will try and log it. */
	if (rc == MTS_OK)
		log_warning("cache_record_damaged domain=%s removed=yes",
		            domain->name);
	return MTS_EDAMAGED;
}

static int cache_read_disk(struct cache *cache, const struct domain *domain,
                           struct slice *ret)
{
	int rc = cache_begin_read(cache);

	if (rc == MTS_OK)
		rc = store_get(cache->store, domain_slice(domain), ret);
	if (rc == MTS_OK || rc == MTS_ENOTFOUND)
		return rc;
	/* The file itself is broken. The writer repairs it, and meanwhile every
	 * domain is unknown. */
	writer_wake(cache->writer);
	return MTS_ENOTFOUND;
}

int cache_get(struct cache *cache, const struct domain *domain,
              struct cache_entry *ret)
{
	const struct change *change =
	    writer_find(cache->writer, domain_slice(domain));
	struct slice record;

	if (change && change->record_len == 0)
		return MTS_ENOTFOUND;
	if (change) {
		record = change_record(change);
	} else {
		int rc = cache_read_disk(cache, domain, &record);

		if (rc != MTS_OK)
			return rc;
	}
	if (entry_decode(record, domain_slice(domain), ret) != MTS_OK)
		return cache_drop_damaged(cache, domain);
	return MTS_OK;
}

/* Whether ENTRY's policy, from the same fetch, is on disk; ENTRY's other fields
 * may be newer than those on disk. */
static bool policy_is_on_disk(struct cache *cache, const struct domain *domain,
                              const struct cache_entry *entry)
{
	const struct change *change =
	    writer_find(cache->writer, domain_slice(domain));
	struct cache_entry old;
	struct slice record;

	if (change)
		return change->record_len > 0 && change->saved &&
		       change->fetched_s == entry->fetched_s;
	/* What was fetched just now can't be on disk. */
	return entry->fetched_s < clock_wall_s(cache->clock) &&
	       cache_read_disk(cache, domain, &record) == MTS_OK &&
	       entry_decode(record, domain_slice(domain), &old) == MTS_OK &&
	       old.fetched_s == entry->fetched_s;
}

int cache_put(struct cache *cache, const struct domain *domain,
              const struct cache_entry *entry)
{
	return writer_put(cache->writer, domain, entry,
	                  policy_is_on_disk(cache, domain, entry));
}

bool cache_is_saved(const struct cache *cache, const struct domain *domain)
{
	const struct change *change =
	    writer_find(cache->writer, domain_slice(domain));

	return !change || change->record_len == 0 || change->saved ||
	       !writer_is_well(cache->writer);
}

void cache_hurry(struct cache *cache)
{
	writer_hurry(cache->writer);
}

void cache_watch(struct cache *cache, void (*on_batch)(void *arg), void *arg)
{
	writer_watch(cache->writer, on_batch, arg);
}

bool cache_touch(struct cache *cache, const struct domain *domain,
                 const struct cache_entry *entry)
{
	int64_t now_s = clock_wall_s(cache->clock);
	struct cache_entry touched;

	/* used_s may be in the future, if the clock was set back. */
	if (entry->used_s <= now_s && now_s - entry->used_s <= TOUCH_S)
		return false;
	/* While nothing can be written, keep the memory for new policies. */
	if (!writer_is_well(cache->writer))
		return false;
	touched = *entry;
	touched.used_s = now_s;
	if (cache_put(cache, domain, &touched) == MTS_OK)
		return true;
	log_debug("cache_touch domain=%s written=no", domain->name);
	return false;
}

int cache_remove(struct cache *cache, const struct domain *domain)
{
	struct slice name = domain_slice(domain);
	const struct change *change = writer_find(cache->writer, name);
	struct slice record;

	if (change ? change->record_len == 0
	           : cache_read_disk(cache, domain, &record) != MTS_OK)
		return MTS_ENOTFOUND;
	return writer_remove(cache->writer, domain);
}

int cache_remove_all(struct cache *cache, uint64_t *ret_count)
{
	return writer_remove_all(cache->writer, ret_count);
}

/* -- in order -------------------------------------------------------------- *
 *
 * What is on disk and what is pending are two sorted sequences. A cursor merges
 * them: it takes the smaller of the two next keys each time. It skips a key on
 * disk whose domain has a pending change, because the change is newer. Each
 * step looks up what is pending again, so that EACH may put and remove. What is
 * on disk stays the same throughout, and is read once. */

/* An entry that was found: its key, which ends with the domain, and its
 * record. */
struct found {
	struct slice key;
	struct slice record;
};

struct cursor {
	struct cache *cache;
	enum store_table order; /* STORE_BY_NAME or STORE_BY_DUE */
	char at[KEY_MAX];       /* the last key that was passed */
	size_t at_len;
	struct found disk; /* the next entry on disk, if has_disk */
	bool has_disk;
	bool disk_ended; /* there are no more on disk */
};

/* Reads the record that a key of the table "due" refers to; false if the key is
 * a stray one (tables.h). */
static bool cursor_resolve_due(struct cursor *cursor, struct found *found)
{
	struct slice name = key_name(STORE_BY_DUE, found->key);
	struct cache_entry entry;

	return store_get(cursor->cache->store, name, &found->record) ==
	           MTS_OK &&
	       (entry_decode(found->record, name, &entry) != MTS_OK ||
	        entry.next_refresh_s == key_number(found->key));
}

static bool cursor_hides(const struct cursor *cursor, struct slice name)
{
	return name.len == 0 || name.len > DOMAIN_MAX ||
	       writer_find(cursor->cache->writer, name);
}

/* Finds the first entry on disk after AFTER that no pending change hides. */
static bool cursor_seek_disk(struct cursor *cursor, struct slice after)
{
	struct found *disk = &cursor->disk;

	while (store_after(cursor->cache->store, cursor->order, after,
	                   &disk->key, &disk->record) == MTS_OK) {
		after = disk->key;
		if (cursor_hides(cursor, key_name(cursor->order, disk->key)))
			continue;
		if (cursor->order == STORE_BY_NAME ||
		    cursor_resolve_due(cursor, disk))
			return true;
	}
	return false;
}

/* Makes sure that cursor->disk is the next entry on disk. Does not search again
 * what it passed before: pending changes may hide a lot. */
static bool cursor_peek_disk(struct cursor *cursor)
{
	struct slice after = slice_of(cursor->at, cursor->at_len);

	if (cursor->disk_ended || cache_begin_read(cursor->cache) != MTS_OK)
		return false;
	if (cursor->has_disk &&
	    !cursor_hides(cursor, key_name(cursor->order, cursor->disk.key)))
		return true;
	if (cursor->has_disk) /* EACH has changed it */
		after = cursor->disk.key;
	cursor->has_disk = cursor_seek_disk(cursor, after);
	cursor->disk_ended = !cursor->has_disk;
	return cursor->has_disk;
}

static struct found cursor_peek_pending(const struct cursor *cursor,
                                        const struct change *change)
{
	return (struct found){
		.key = cursor->order == STORE_BY_DUE ? change_due_key(change)
		                                     : change_name(change),
		.record = change_record(change),
	};
}

static bool cursor_next(struct cursor *cursor, struct found *ret)
{
	const struct change *change =
	    writer_after(cursor->cache->writer, cursor->order,
	                 slice_of(cursor->at, cursor->at_len));
	bool disk = cursor_peek_disk(cursor);

	if (store_is_broken(cursor->cache->store))
		writer_wake(cursor->cache->writer);
	if (change)
		*ret = cursor_peek_pending(cursor, change);
	if (disk && (!change || tree_compare(cursor->disk.key, ret->key) < 0)) {
		*ret = cursor->disk;
		cursor->has_disk = false;
	}
	return change || disk;
}

/* Moves to the next entry and decodes it. Removes and skips damaged ones. */
static bool cursor_step(struct cursor *cursor, struct domain *domain,
                        struct cache_entry *entry)
{
	struct found found;

	while (cursor_next(cursor, &found)) {
		struct slice name = key_name(cursor->order, found.key);

		domain->len = name.len;
		memcpy(domain->name, name.data, name.len);
		domain->name[name.len] = '\0';
		memcpy(cursor->at, found.key.data, found.key.len);
		cursor->at_len = found.key.len;
		if (entry_decode(found.record, name, entry) == MTS_OK)
			return true;
		cache_drop_damaged(cursor->cache, domain);
	}
	return false;
}

bool cache_each(struct cache *cache, const char *after, size_t limit,
                bool (*each)(void *arg, const char *domain,
                             const struct cache_entry *entry),
                void *arg)
{
	struct cursor cursor = { .cache = cache, .order = STORE_BY_NAME };
	struct cache_entry entry;
	struct domain domain;

	/* No domain is longer, so cutting AFTER off skips none. */
	cursor.at_len = strnlen(after, DOMAIN_MAX);
	memcpy(cursor.at, after, cursor.at_len);
	for (; limit > 0; limit--) {
		if (!cursor_step(&cursor, &domain, &entry))
			return false;
		if (!each(arg, domain.name, &entry))
			return true;
	}
	return true;
}

bool cache_due(struct cache *cache, int64_t now_s, size_t limit,
               bool (*each)(void *arg, const char *domain,
                            const struct cache_entry *entry),
               void *arg)
{
	struct cursor cursor = { .cache = cache, .order = STORE_BY_DUE };
	struct cache_entry entry;
	struct domain domain;

	for (; limit > 0; limit--) {
		if (!cursor_step(&cursor, &domain, &entry) ||
		    entry.next_refresh_s > now_s)
			return false;
		if (!each(arg, domain.name, &entry))
			return true;
	}
	return true;
}

/* -- counts ---------------------------------------------------------------- */

uint64_t cache_count_failing(struct cache *cache, int64_t from_s, int64_t to_s,
                             uint64_t max)
{
	char at[KEY_MAX];
	size_t len = key_make(from_s + 1, slice_of("", 0), at);
	uint64_t count = 0;
	struct slice key;
	struct slice nothing;

	if (cache_begin_read(cache) != MTS_OK)
		return 0;
	for (; count < max; count++) {
		if (store_after(cache->store, STORE_BY_FAILING,
		                slice_of(at, len), &key, &nothing) != MTS_OK ||
		    key_number(key) > to_s)
			break;
		memcpy(at, key.data, key.len);
		len = key.len;
	}
	return count;
}

void cache_get_stats(struct cache *cache, struct cache_stats *ret)
{
	struct store_stats stats;

	if (cache_begin_read(cache) != MTS_OK)
		writer_wake(cache->writer);
	store_get_stats(cache->store, &stats);
	ret->policies = stats.keys[STORE_BY_NAME];
	ret->none = stats.keys[STORE_BY_USE_NONE];
	ret->testing = stats.keys[STORE_BY_USE_TESTING];
	ret->enforce = stats.keys[STORE_BY_USE_ENFORCE];
	ret->failing = stats.keys[STORE_BY_FAILING];
	ret->bytes_used = stats.bytes_used;
	ret->bytes_max = stats.bytes_max;
	writer_get_stats(cache->writer, ret);
}
