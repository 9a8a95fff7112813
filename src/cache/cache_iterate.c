/* SPDX-License-Identifier: BSD-2-Clause */
/* cache_iterate.c - runs over the cache in order, of domain or of due time.
 *
 * What is on disk and what is pending are two ordered runs; the walk takes the
 * smaller head of the two each time. What a pending change names is passed over
 * on disk: the change has the newer word, or says that it is gone. What is
 * pending is looked up anew in each step, so that EACH may put and remove; what
 * is on disk stays as it is for as long as a walk takes, and is passed once. */
#include "cache/cache_internal.h"
#include "cache/entry.h"

/* One that is found: its key, with the domain at its end, and its record. */
struct found {
	struct slice key;
	struct slice record;
};

struct walk {
	struct cache *cache;
	enum store_table order;
	char place[KEY_MAX]; /* the key that was passed last */
	size_t place_len;
	struct found disk; /* the next on disk, ... */
	bool has_disk;     /* ... if it was looked for, ... */
	bool disk_ended;   /* ... and there is one */
};

/* The record that a key of the table "due" stands for, unless the key is a
 * stray one: see tables.h. */
static bool resolve_due(struct walk *walk, struct found *found)
{
	struct slice name = key_name(STORE_BY_DUE, found->key);
	struct cache_entry entry;

	return store_get(walk->cache->store, name, &found->record) == MTS_OK &&
	       (entry_decode(found->record, name, &entry) != MTS_OK ||
	        entry.next_refresh_s == key_number(found->key));
}

static bool is_hidden(const struct walk *walk, struct slice name)
{
	return name.len == 0 || name.len > DOMAIN_MAX ||
	       writer_find(walk->cache->writer, name);
}

/* The next on disk that no pending change hides. */
static bool look_on_disk(struct walk *walk, struct slice after)
{
	struct found *disk = &walk->disk;

	while (store_after(walk->cache->store, walk->order, after, &disk->key,
	                   &disk->record) == MTS_OK) {
		after = disk->key;
		if (is_hidden(walk, key_name(walk->order, disk->key)))
			continue;
		if (walk->order == STORE_BY_NAME || resolve_due(walk, disk))
			return true;
	}
	return false;
}

/* The same, but spares what was looked at before: with much pending, those that
 * it hides may be many. */
static bool next_on_disk(struct walk *walk)
{
	struct slice after = slice_of(walk->place, walk->place_len);

	if (walk->disk_ended || cache_ready(walk->cache) != MTS_OK)
		return false;
	if (walk->has_disk &&
	    !is_hidden(walk, key_name(walk->order, walk->disk.key)))
		return true;
	if (walk->has_disk) /* EACH changed it meanwhile */
		after = walk->disk.key;
	walk->has_disk = look_on_disk(walk, after);
	walk->disk_ended = !walk->has_disk;
	return walk->has_disk;
}

static struct found found_pending(const struct walk *walk,
                                  const struct change *change)
{
	return (struct found){
		.key = walk->order == STORE_BY_DUE ? change_due_key(change)
		                                   : change_name(change),
		.record = change_record(change),
	};
}

static bool next(struct walk *walk, struct found *ret)
{
	const struct change *change =
	    writer_after(walk->cache->writer, walk->order,
	                 slice_of(walk->place, walk->place_len));
	bool disk = next_on_disk(walk);

	if (store_is_broken(walk->cache->store))
		writer_wake(walk->cache->writer);
	if (change)
		*ret = found_pending(walk, change);
	if (disk && (!change || tree_compare(walk->disk.key, ret->key) < 0)) {
		*ret = walk->disk;
		walk->has_disk = false;
	}
	return change || disk;
}

/* Moves on to what comes next, and reads it. One that is damaged is removed and
 * passed over. */
static bool step(struct walk *walk, struct domain *domain,
                 struct cache_entry *entry)
{
	struct found found;

	while (next(walk, &found)) {
		struct slice name = key_name(walk->order, found.key);

		domain->len = name.len;
		memcpy(domain->name, name.data, name.len);
		domain->name[name.len] = '\0';
		memcpy(walk->place, found.key.data, found.key.len);
		walk->place_len = found.key.len;
		if (entry_decode(found.record, name, entry) == MTS_OK)
			return true;
		cache_drop_damaged(walk->cache, domain);
	}
	return false;
}

bool cache_each(struct cache *cache, const char *after, size_t limit,
                bool (*each)(void *arg, const char *domain,
                             const struct cache_entry *entry),
                void *arg)
{
	struct walk walk = { .cache = cache, .order = STORE_BY_NAME };
	struct cache_entry entry;
	struct domain domain;

	/* No domain is longer: nothing comes between the cut and the whole. */
	walk.place_len = strnlen(after, DOMAIN_MAX);
	memcpy(walk.place, after, walk.place_len);
	for (; limit > 0; limit--) {
		if (!step(&walk, &domain, &entry))
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
	struct walk walk = { .cache = cache, .order = STORE_BY_DUE };
	struct cache_entry entry;
	struct domain domain;

	for (; limit > 0; limit--) {
		if (!step(&walk, &domain, &entry) ||
		    entry.next_refresh_s > now_s)
			return false;
		if (!each(arg, domain.name, &entry))
			return true;
	}
	return true;
}
