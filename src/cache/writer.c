/* SPDX-License-Identifier: BSD-2-Clause */
/* writer.c - writes changes to the disk, in batches.
 *
 * A change waits in memory for WRITE_DELAY_MS. Then a worker of libuv's thread
 * pool writes up to BATCH_MAX of them in one transaction, since a commit waits
 * for the disk. Afterwards the read transaction is reset, because it may be
 * older than the commit.
 *
 * If the write fails, its changes wait again, one warning is logged, and the
 * writer retries after a pause that grows to RETRY_MAX_MS. Meanwhile answers
 * come from memory. When too much is pending, further puts fail.
 *
 * The worker evicts entries before it writes, in transactions of their own, so
 * that it never evicts what has just come in, and the freed pages are usable by
 * the time they are needed. If the file still gets full in the middle of a
 * transaction (a small file, long policies), the worker aborts it, evicts more,
 * and tries again with half as many changes, down to one. It drops a change
 * that does not fit after TRIES, so that those behind it get their turn.
 *
 * Closing while a batch is with the pool: uv_cancel() stops it if no thread has
 * begun it; otherwise writer_settle() waits for the semaphore that the worker
 * posts last of all. Either way the after-work callback still comes, finds that
 * its result was taken, and only releases the memory. */
#include "cache/writer.h"

#include "base/log.h"
#include "cache/evict.h"

#include <errno.h>
#include <stdlib.h>

enum {
	WRITE_DELAY_MS = 250, /* lets a burst share one commit */
	BATCH_MAX = 500,      /* changes; about 6 MiB of dirty pages */
	RETRY_MIN_MS = 1000,
	RETRY_MAX_MS = 60000,
	TRIES = 8, /* for a change that does not fit */
};

enum batch_state {
	BATCH_NONE,    /* none is under way; leaves by writer_on_timer */
	BATCH_RUNNING, /* with the pool; leaves by writer_settle */
	BATCH_TAKEN,   /* the result was taken, the callback is still to come;
	                * leaves by writer_on_done */
};

struct batch_result {
	int rc; /* LMDB's; if not 0, some changes may be on disk nevertheless */
	struct evicted evicted; /* to make space */
	uint64_t too_large;     /* changes that were dropped: they do not fit */
	bool over_limit;        /* the file is still over its limit */
};

struct writer {
	struct store *store;
	const struct clock *clock;
	struct pending pending;
	enum batch_state state;
	uv_work_t work;
	uv_sem_t done;              /* the worker posts it last of all */
	int64_t now_s;              /* input of the worker */
	struct batch_result result; /* output of the worker */
	uv_timer_t timer;
	uint64_t pause_ms; /* before the next try; 0: the last one succeeded */
	bool closing;
	unsigned holds; /* callbacks to come before the memory can be freed */
	bool hurry;     /* write without delay */
	void (*on_batch)(void *arg);
	void *arg;
	bool over_limit; /* the file may be over its limit */
	struct eviction_log evictions;
	bool logged_full;    /* logged that memory is full, since the failure */
	bool logged_removed; /* logged that the file was removed */
	uint64_t commits;
	uint64_t errors;
};

/* -- the worker: writing a batch ------------------------------------------- */

/* How far a batch has come. */
struct progress {
	struct list *next; /* the next change to write */
	size_t left;       /* changes left, from there */
	size_t part;       /* how many to put into the next transaction */
	int tries;         /* with one change, since the last success */
};

static int batch_write_change(struct store *store, MDB_txn *txn,
                              const struct change *change)
{
	const struct tables *tables = store_tables(store);

	return change->record_len
	           ? tables_put(tables, txn, change_name(change),
	                        change_record(change))
	           : tables_remove(tables, txn, change_name(change));
}

static struct change *change_at(struct list *link)
{
	return container_of(link, struct change, link);
}

/* Writes the next part in one transaction. */
static int batch_write_part(struct store *store, struct progress *at)
{
	struct list *next = at->next;
	size_t n = at->part < at->left ? at->part : at->left;
	MDB_txn *txn;
	int rc = store_begin(store, &txn);

	if (rc)
		return rc;
	for (size_t i = 0; rc == 0 && i < n; i++, next = next->next)
		rc = batch_write_change(store, txn, change_at(next));
	if (rc) {
		mdb_txn_abort(txn);
		return rc;
	}
	rc = mdb_txn_commit(txn);
	if (rc)
		return rc;
	at->next = next;
	at->left -= n;
	at->tries = 0;
	return 0;
}

/* Counts the changes of SET that add a domain to the file, and the pages that
 * its large records take. */
static int batch_count_new(struct store *store, const struct change_set *set,
                           size_t *ret_added, size_t *ret_pages)
{
	MDB_txn *txn;
	size_t page;
	MDB_stat stat;
	int rc = store_begin(store, &txn);

	*ret_added = 0;
	*ret_pages = 0;
	if (rc)
		return rc;
	mdb_env_stat(mdb_txn_env(txn), &stat);
	page = stat.ms_psize;
	list_each (link, &set->list) {
		const struct change *change = change_at(link);

		if (change->record_len == 0)
			continue;
		if (tables_have(store_tables(store), txn,
		                change_name(change)) == MDB_NOTFOUND)
			++*ret_added;
		/* LMDB stores records over half a page in pages of their
		 * own. */
		if (change->record_len > page / 2)
			*ret_pages += change->record_len / page + 1;
	}
	mdb_txn_abort(txn);
	return 0;
}

static int batch_evict(struct store *store, const struct change_set *set,
                       int64_t now_s, struct batch_result *ret)
{
	struct tables_size size;
	size_t added;
	size_t pages;
	int rc = evict_measure(store, &size);

	if (rc || evict_is_needless(store, &size))
		return rc;
	rc = evict_to_limit(store, &size, now_s, &ret->evicted,
	                    &ret->over_limit);
	if (!rc)
		rc = batch_count_new(store, set, &added, &pages);
	if (!rc && added > 0)
		rc =
		    evict_for(store, &size, now_s, added, pages, &ret->evicted);
	/* If even that found no space, each part evicts for itself. */
	return rc == MDB_MAP_FULL ? 0 : rc;
}

/* The next part does not fit: evicts more and makes the part smaller, or drops
 * its only change. */
static int batch_retry_smaller(struct store *store, int64_t now_s,
                               struct progress *at, struct batch_result *ret)
{
	int rc = evict_more(store, now_s, &ret->evicted);

	if (rc && rc != MDB_NOTFOUND)
		return rc;
	if (at->part > at->left)
		at->part = at->left;
	if (at->part > 1) {
		at->part /= 2;
		return 0;
	}
	/* Try again even if nothing was left to evict: the pages of what was
	 * evicted become free two commits later. */
	if (++at->tries < TRIES)
		return 0;
	at->next = at->next->next;
	at->left--;
	at->tries = 0;
	ret->too_large++;
	return 0;
}

/* Writes the changes of SET, which stay in it: in one transaction, or in
 * several if the file is nearly full. NOW_S decides what has expired. An empty
 * SET only brings the file back to its limit. Runs in any thread. */
static void batch_write(struct store *store, const struct change_set *set,
                        int64_t now_s, struct batch_result *ret)
{
	struct progress at = { .next = set->list.next,
		               .left = change_set_count(set) };

	at.part = at.left;
	*ret = (struct batch_result){ 0 };
	ret->rc = batch_evict(store, set, now_s, ret);
	while (ret->rc == 0 && at.left > 0) {
		ret->rc = batch_write_part(store, &at);
		if (ret->rc == MDB_MAP_FULL)
			ret->rc = batch_retry_smaller(store, now_s, &at, ret);
	}
}

static void writer_on_work(uv_work_t *work)
{
	struct writer *writer = work->data;

	batch_write(writer->store, &writer->pending.writing, writer->now_s,
	            &writer->result);
	uv_sem_post(&writer->done);
}

/* -- its result ------------------------------------------------------------ */

static void writer_failed(struct writer *writer, const char *reason)
{
	writer->errors++;
	if (writer->pause_ms == 0)
		log_warning("cache_write_failed pending=%zu reason=\"%s\"",
		            pending_count(&writer->pending), reason);
	writer->pause_ms =
	    writer->pause_ms ? writer->pause_ms * 2 : RETRY_MIN_MS;
	if (writer->pause_ms > RETRY_MAX_MS)
		writer->pause_ms = RETRY_MAX_MS;
}

static void writer_succeeded(struct writer *writer)
{
	writer->commits++;
	if (writer->pause_ms)
		log_info("cache_write_recovered pending=%zu",
		         pending_count(&writer->pending));
	writer->pause_ms = 0;
	writer->logged_full = false;
}

/* If the file was removed, all that is written to it is lost when we end. An
 * operator who cleaned up or restored a backup should know while we still have
 * the data. */
static void check_removed(struct writer *writer)
{
	bool removed = store_is_removed(writer->store);

	if (removed && !writer->logged_removed)
		log_warning(
		    "cache_removed reason=\"policies.mdb was removed or "
		    "replaced: everything in the cache is lost when mtastsd "
		    "ends\"");
	writer->logged_removed = removed;
}

static const char *failure_text(int rc)
{
	if (rc == MDB_MAP_FULL)
		return "the file is full: raise cache.max_size";
	/* LMDB's code for a write that was cut short. */
	if (rc == EIO)
		return "the disk is full or broken: free some space on it";
	return mdb_strerror(rc);
}

static void writer_finish_batch(struct writer *writer)
{
	const struct batch_result *result = &writer->result;
	int rc = result->rc;

	/* The read transaction may have begun before the commit. */
	store_reset(writer->store);
	eviction_log_add(&writer->evictions, &result->evicted,
	                 result->too_large, clock_mono_ms(writer->clock));
	writer->over_limit = result->over_limit;
	if (rc == 0) {
		pending_drop_written(&writer->pending);
		writer_succeeded(writer);
		check_removed(writer);
		return;
	}
	pending_give_back(&writer->pending);
	/* "Not found" in a write comes from LMDB's own tables: damage. */
	store_note_error(writer->store,
	                 rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc);
	/* Checking the whole file takes time, so do it once: if it is sound,
	 * memory really is short. */
	if (rc == ENOMEM && writer->pause_ms == 0)
		store_suspect(writer->store);
	writer_failed(writer, failure_text(rc));
}

/* Waits for the batch that is under way, if any, and takes its result. */
static void writer_settle(struct writer *writer)
{
	if (writer->state != BATCH_RUNNING)
		return;
	writer->state = BATCH_TAKEN;
	if (uv_cancel((uv_req_t *)&writer->work) == 0) {
		pending_give_back(&writer->pending);
		return;
	}
	uv_sem_wait(&writer->done);
	writer_finish_batch(writer);
}

/* -- scheduling ------------------------------------------------------------ */

static void writer_fill_batch(struct writer *writer)
{
	writer->hurry = false;
	pending_begin_write(&writer->pending, BATCH_MAX);
}

static void writer_on_timer(uv_timer_t *timer);
static void writer_on_done(uv_work_t *work, int status);

/* Starts the timer if there is something to do. An idle writer never wakes
 * up. */
static void writer_schedule(struct writer *writer)
{
	uint64_t delay = writer->pause_ms;

	if (writer->closing || writer->state != BATCH_NONE ||
	    uv_is_active((uv_handle_t *)&writer->timer) ||
	    (list_empty(&writer->pending.waiting.list) && !writer->over_limit &&
	     !store_is_broken(writer->store)))
		return;
	if (delay == 0 && !writer->hurry &&
	    change_set_count(&writer->pending.waiting) < BATCH_MAX)
		delay = WRITE_DELAY_MS;
	uv_timer_start(&writer->timer, writer_on_timer, delay, 0);
}

static bool file_is_over_limit(const struct writer *writer)
{
	struct store_stats stats;

	store_get_stats(writer->store, &stats);
	store_reset(writer->store);
	return stats.bytes_used > stats.bytes_max;
}

/* Repairs the store if it is broken; false: it still is. */
static bool writer_repair(struct writer *writer)
{
	struct fault why = { 0 };

	if (!store_is_broken(writer->store))
		return true;
	if (store_repair(writer->store, &why) == MTS_OK) {
		writer->over_limit = file_is_over_limit(writer);
		return true;
	}
	writer_failed(writer, why.text);
	return false;
}

static void writer_on_timer(uv_timer_t *timer)
{
	struct writer *writer = timer->data;

	/* writer_on_done() will schedule again. */
	if (writer->state != BATCH_NONE)
		return;
	if (writer_repair(writer) &&
	    (writer->over_limit ||
	     !list_empty(&writer->pending.waiting.list))) {
		writer_fill_batch(writer);
		writer->now_s = clock_wall_s(writer->clock);
		if (uv_queue_work(timer->loop, &writer->work, writer_on_work,
		                  writer_on_done) == 0) {
			writer->state = BATCH_RUNNING;
			writer->holds++;
			return;
		}
		pending_give_back(&writer->pending);
	}
	writer_schedule(writer);
}

static void writer_release(struct writer *writer)
{
	if (--writer->holds > 0)
		return;
	pending_free(&writer->pending);
	uv_sem_destroy(&writer->done);
	free(writer);
}

static void writer_on_done(uv_work_t *work, int status)
{
	struct writer *writer = work->data;

	(void)status; /* only writer_settle() cancels, and takes the result */
	writer_settle(writer);
	writer->state = BATCH_NONE;
	if (!writer->closing)
		writer_schedule(writer);
	if (!writer->closing && writer->on_batch)
		writer->on_batch(writer->arg);
	writer_release(writer);
}

/* -- opening and closing --------------------------------------------------- */

static int writer_init(struct writer *writer, uv_loop_t *loop)
{
	if (pending_init(&writer->pending) != MTS_OK ||
	    uv_sem_init(&writer->done, 0) != 0)
		return MTS_ENOMEM;
	uv_timer_init(loop, &writer->timer);
	/* Pending changes must not keep the loop running: writer_close() writes
	 * them. */
	uv_unref((uv_handle_t *)&writer->timer);
	writer->timer.data = writer;
	writer->work.data = writer;
	writer->holds = 1;
	return MTS_OK;
}

struct writer *writer_new(uv_loop_t *loop, struct store *store,
                          const struct clock *clock)
{
	struct writer *writer = calloc(1, sizeof(*writer));

	if (!writer)
		return NULL;
	writer->store = store;
	writer->clock = clock;
	if (writer_init(writer, loop) != MTS_OK) {
		pending_free(&writer->pending);
		free(writer);
		return NULL;
	}
	return writer;
}

static void writer_on_closed(uv_handle_t *timer)
{
	writer_release(timer->data);
}

/* Writes batch after batch, until one fails. */
static void writer_flush(struct writer *writer)
{
	int rc = writer_repair(writer) ? 0 : MDB_PANIC;

	while (rc == 0 && !list_empty(&writer->pending.waiting.list)) {
		writer_fill_batch(writer);
		batch_write(writer->store, &writer->pending.writing,
		            clock_wall_s(writer->clock), &writer->result);
		rc = writer->result.rc;
		writer_finish_batch(writer);
	}
	if (pending_count(&writer->pending) > 0)
		log_error("cache_writes_lost count=%zu",
		          pending_count(&writer->pending));
}

void writer_close(struct writer **writer)
{
	struct writer *closing = *writer;

	if (!closing)
		return;
	*writer = NULL;
	writer_settle(closing);
	writer_flush(closing);
	pending_forget(&closing->pending);
	closing->closing = true;
	uv_close((uv_handle_t *)&closing->timer, writer_on_closed);
}

const struct change *writer_find(const struct writer *writer, struct slice name)
{
	return pending_find(&writer->pending, name);
}

const struct change *writer_after(const struct writer *writer,
                                  enum store_table order, struct slice after)
{
	return pending_after(&writer->pending, order, after);
}

/* -- changes --------------------------------------------------------------- */

/* Only if the disk is to blame: a burst of changes is over soon. */
static void log_memory_full(struct writer *writer)
{
	if (writer->logged_full || writer_is_well(writer))
		return;
	writer->logged_full = true;
	log_warning("cache_memory_full pending=%zu reason=\"new policies are "
	            "not kept until the cache can be written again\"",
	            pending_count(&writer->pending));
}

static int writer_add(struct writer *writer, const struct domain *domain,
                      const struct cache_entry *entry, bool saved)
{
	struct change *change;
	int rc = change_new(domain, entry, &change);

	if (rc != MTS_OK)
		return rc;
	change->saved = saved;
	rc = pending_add(&writer->pending, change);
	if (rc == MTS_OK) {
		writer_schedule(writer);
		return MTS_OK;
	}
	free(change);
	log_memory_full(writer);
	return rc;
}

int writer_put(struct writer *writer, const struct domain *domain,
               const struct cache_entry *entry, bool saved)
{
	return writer_add(writer, domain, entry, saved);
}

int writer_remove(struct writer *writer, const struct domain *domain)
{
	return writer_add(writer, domain, NULL, false);
}

/* Counts the policies on disk, as they will be once what is pending is written.
 * No batch is under way. */
static uint64_t count_policies(struct writer *writer)
{
	struct store_stats stats;
	struct slice record;
	uint64_t count;

	store_get_stats(writer->store, &stats);
	count = stats.keys[STORE_BY_NAME];
	if (store_renew(writer->store) != MTS_OK)
		return count;
	list_each_safe (link, &writer->pending.waiting.list) {
		const struct change *change =
		    container_of(link, struct change, link);
		bool before = store_get(writer->store, change_name(change),
		                        &record) == MTS_OK;
		bool after = change->record_len > 0;

		if (before != after)
			count = after ? count + 1 : count - 1;
	}
	return count;
}

int writer_remove_all(struct writer *writer, uint64_t *ret_count)
{
	MDB_txn *txn;
	int rc;

	writer_settle(writer);
	if (ret_count)
		*ret_count = count_policies(writer);
	store_reset(writer->store);
	rc = store_begin(writer->store, &txn);
	if (rc)
		return mts_from_lmdb(rc);
	rc = tables_remove_all(store_tables(writer->store), txn);
	if (rc)
		mdb_txn_abort(txn);
	else
		rc = mdb_txn_commit(txn);
	if (rc) {
		store_note_error(writer->store, rc);
		writer_schedule(writer);
		return mts_from_lmdb(rc);
	}
	pending_forget(&writer->pending);
	/* Nothing is left to write that would show that the disk works. */
	writer_succeeded(writer);
	return MTS_OK;
}

void writer_wake(struct writer *writer)
{
	writer_schedule(writer);
}

void writer_hurry(struct writer *writer)
{
	if (!writer_is_well(writer))
		return;
	writer->hurry = true;
	uv_timer_stop(&writer->timer);
	writer_schedule(writer);
}

void writer_watch(struct writer *writer, void (*on_batch)(void *arg), void *arg)
{
	writer->on_batch = on_batch;
	writer->arg = arg;
}

void writer_start(struct writer *writer, const char *trouble)
{
	writer->over_limit = file_is_over_limit(writer);
	if (trouble)
		writer_failed(writer, trouble);
	writer_schedule(writer);
}

bool writer_is_well(const struct writer *writer)
{
	return writer->pause_ms == 0;
}

void writer_get_stats(const struct writer *writer, struct cache_stats *ret)
{
	ret->pending = pending_count(&writer->pending);
	ret->commits = writer->commits;
	ret->write_errors = writer->errors;
	ret->writable =
	    writer_is_well(writer) && !store_is_removed(writer->store);
	ret->evicted_expired = writer->evictions.evicted.expired;
	ret->evicted_weak = writer->evictions.evicted.weak;
	ret->evicted_live = writer->evictions.evicted.live;
}
