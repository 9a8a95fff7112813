/* SPDX-License-Identifier: BSD-2-Clause */
/* cache.c - policies on disk: what the rest of the house sees of it.
 *
 * place.c has the folder, check.c looks at the file before it is used, store.c
 * is LMDB, entry.c the records, writer.c the changes that are not yet on disk,
 * walk.c runs over both in order.
 *
 * The read transaction is renewed by the first look-up of a turn of the loop
 * and reset before the loop goes to sleep (uv_prepare, which is started with
 * it, so that an idle loop has none): one renewal for however many look-ups
 * came in together, and no old one that keeps LMDB from using its free pages
 * again. */
#include "cache/cache.h"

#include "base/log.h"
#include "cache/bus.h"
#include "cache/cache_dir.h"
#include "cache/cache_internal.h"
#include "cache/entry.h"

#include <stdlib.h>

enum { TOUCH_S = 3600 }; /* used_s may be that much behind */

static void on_prepare(uv_prepare_t *prepare)
{
	struct cache *cache = prepare->data;

	store_reset(cache->store);
	uv_prepare_stop(prepare);
	/* What was borrowed from it may have hit a page, too. */
	if (store_is_unread(cache->store))
		writer_wake(cache->writer);
}

int cache_ready(struct cache *cache)
{
	int rc;

	if (store_is_reading(cache->store))
		return MTS_OK;
	rc = store_renew(cache->store);
	if (rc == MTS_OK)
		uv_prepare_start(&cache->prepare, on_prepare);
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

static void on_closed(uv_handle_t *prepare)
{
	free(prepare->data);
}

void cache_close(struct cache **cache)
{
	if (!*cache)
		return;
	writer_close(&(*cache)->writer);
	store_close(&(*cache)->store);
	uv_close((uv_handle_t *)&(*cache)->prepare, on_closed);
	*cache = NULL;
}

bool cache_absorb_fault(const void *address)
{
	return bus_absorb(address);
}

void cache_mark_suspect(void)
{
	place_mark_suspect();
}

/* A record that does not add up: away with it, and a look at the whole file at
 * the next start, since something wrote over it. */
int cache_drop_damaged(struct cache *cache, const struct domain *domain)
{
	int rc;

	if (store_is_unread(cache->store))
		return MTS_ENOTFOUND;
	rc = writer_remove(cache->writer, domain);
	place_mark_suspect();
	/* Once: if it can't be removed now, the next get comes here again. */
	if (rc == MTS_OK)
		log_warning("cache_record_damaged domain=%s removed=yes",
		            domain->name);
	return MTS_EDAMAGED;
}

static int read_disk(struct cache *cache, const struct domain *domain,
                     struct slice *ret)
{
	int rc = cache_ready(cache);

	if (rc == MTS_OK)
		rc = store_get(cache->store, domain_slice(domain), ret);
	if (rc == MTS_OK || rc == MTS_ENOTFOUND)
		return rc;
	/* The file itself: the writer mends it, and meanwhile all is new. */
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
		int rc = read_disk(cache, domain, &record);

		if (rc != MTS_OK)
			return rc;
	}
	if (entry_decode(record, domain_slice(domain), ret) != MTS_OK)
		return cache_drop_damaged(cache, domain);
	return MTS_OK;
}

/* Whether the policy of ENTRY, fetched when it was, is on disk; what else is
 * told of it may be older there. */
static bool is_on_disk(struct cache *cache, const struct domain *domain,
                       const struct cache_entry *entry)
{
	const struct change *change =
	    writer_find(cache->writer, domain_slice(domain));
	struct cache_entry old;
	struct slice record;

	if (change)
		return change->record_len > 0 && change->saved &&
		       change->fetched_s == entry->fetched_s;
	/* Spares what was fetched just now the look. */
	return entry->fetched_s < clock_wall_s(cache->clock) &&
	       read_disk(cache, domain, &record) == MTS_OK &&
	       entry_decode(record, domain_slice(domain), &old) == MTS_OK &&
	       old.fetched_s == entry->fetched_s;
}

int cache_put(struct cache *cache, const struct domain *domain,
              const struct cache_entry *entry)
{
	return writer_put(cache->writer, domain, entry,
	                  is_on_disk(cache, domain, entry));
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

	/* Later than now: the clock was set back. */
	if (entry->used_s <= now_s && now_s - entry->used_s <= TOUCH_S)
		return false;
	/* While nothing can be written, memory is for what is new. */
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
	           : read_disk(cache, domain, &record) != MTS_OK)
		return MTS_ENOTFOUND;
	return writer_remove(cache->writer, domain);
}

int cache_remove_all(struct cache *cache, uint64_t *ret_count)
{
	return writer_remove_all(cache->writer, ret_count);
}

uint64_t cache_count_failing(struct cache *cache, int64_t from_s, int64_t to_s,
                             uint64_t max)
{
	char place[KEY_MAX];
	size_t len = key_make(from_s + 1, slice_of("", 0), place);
	uint64_t count = 0;
	struct slice key;
	struct slice nothing;

	if (cache_ready(cache) != MTS_OK)
		return 0;
	for (; count < max; count++) {
		if (store_after(cache->store, STORE_BY_FAILING,
		                slice_of(place, len), &key,
		                &nothing) != MTS_OK ||
		    key_number(key) > to_s)
			break;
		memcpy(place, key.data, key.len);
		len = key.len;
	}
	return count;
}

void cache_get_stats(struct cache *cache, struct cache_stats *ret)
{
	struct store_stats stats;

	if (cache_ready(cache) != MTS_OK)
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
