/* SPDX-License-Identifier: BSD-2-Clause */
/* writer.c - changes on their way to the disk.
 *
 * A change goes into the backlog. WRITE_DELAY_MS later a worker writes up to
 * BATCH_MAX of them in one transaction, since a commit waits for the disk. When
 * it is done the read transaction is reset, for it may be older.
 *
 * If the commit fails, what it had goes back, a warning is logged once, and it
 * is tried again after a pause that grows to RETRY_MAX_MS. Meanwhile answers
 * come from memory, and when the backlog is full, further puts fail.
 *
 * Closing while a batch is on the pool: uv_cancel() stops it if no thread has
 * begun; otherwise settle() waits for the semaphore that the worker
 * posts as its last act. Either way the after-work callback still comes, finds
 * that its result was taken, and only lets go of the memory. */
#include "cache/writer.h"

#include "base/log.h"
#include "cache/batch.h"
#include "cache/eviction_log.h"
#include "cache/pending.h"

#include <errno.h>
#include <stdlib.h>

enum {
	WRITE_DELAY_MS = 250, /* lets a burst share one commit */
	BATCH_MAX = 500,      /* some 6 MiB of dirty pages */
	RETRY_MIN_MS = 1000,
	RETRY_MAX_MS = 60000,
	LOOK_PAUSE_MS = 60000, /* between two looks at a whole file */
};

enum batch_state {
	BATCH_NONE,    /* the request is ours; leaves by on_timer */
	BATCH_RUNNING, /* the pool has it; leaves by settle */
	BATCH_TAKEN,   /* its result is taken, its callback is still to come;
	                  leaves by on_done */
};

struct writer {
	struct store *store;
	const struct clock *clock;
	struct backlog backlog;
	enum batch_state state;
	uv_work_t work;
	uv_sem_t done; /* posted by the worker at its end */
	int64_t now_s; /* for the worker, as is the result */
	struct batch_result result;
	uv_timer_t timer;
	uint64_t pause_ms; /* before the next try; 0 if the last went well */
	uint64_t look_ms;  /* of the loop: no look at the whole file before */
	bool closing;
	unsigned holds; /* callbacks to come before the memory can go */
	bool hurry;     /* somebody waits for what is pending */
	void (*on_batch)(void *arg);
	void *arg;
	bool shrink;        /* the file may be beyond its limit */
	struct tally tally; /* what had to go */
	bool no_room_told;  /* for more that is pending; since it goes wrong */
	bool removed_told;  /* that the file was */
	uint64_t commits;
	uint64_t errors;
};

/* In whichever thread: on the pool, or at close in the loop's. */
static void on_work(uv_work_t *work)
{
	struct writer *writer = work->data;

	batch_write(writer->store, &writer->backlog.writing, writer->now_s,
	            &writer->result);
	uv_sem_post(&writer->done);
}

/* -- its result ------------------------------------------------------------ */

static void note_failure(struct writer *writer, const char *reason)
{
	writer->errors++;
	if (writer->pause_ms == 0)
		log_warning("cache_write_failed pending=%zu reason=\"%s\"",
		            backlog_count(&writer->backlog), reason);
	writer->pause_ms =
	    writer->pause_ms ? writer->pause_ms * 2 : RETRY_MIN_MS;
	if (writer->pause_ms > RETRY_MAX_MS)
		writer->pause_ms = RETRY_MAX_MS;
}

static void note_success(struct writer *writer)
{
	writer->commits++;
	if (writer->pause_ms)
		log_info("cache_write_recovered pending=%zu",
		         backlog_count(&writer->backlog));
	writer->pause_ms = 0;
	writer->no_room_told = false;
}

/* What is written to a file that has no name any more is lost with us. Whoever
 * cleaned up, or put a backup back, should learn of it while we have it all. */
static void look_for_file(struct writer *writer)
{
	bool removed = store_is_removed(writer->store);

	if (removed && !writer->removed_told)
		log_warning(
		    "cache_removed reason=\"policies.mdb was removed, or "
		    "another file put in its place: what is written is "
		    "gone when mtastsd ends\"");
	writer->removed_told = removed;
}

static const char *failure_text(int rc)
{
	if (rc == MDB_MAP_FULL)
		return "the file is full: raise cache.max_size";
	/* LMDB says so of a write that was cut short. */
	if (rc == EIO)
		return "the disk is full, or broken: make room there";
	return mdb_strerror(rc);
}

static void finish_batch(struct writer *writer)
{
	const struct batch_result *result = &writer->result;
	int rc = result->rc;

	/* The read transaction may have begun before the commit. */
	store_reset(writer->store);
	tally_add(&writer->tally, result, clock_mono_ms(writer->clock));
	writer->shrink = result->more;
	if (rc == 0) {
		backlog_drop(&writer->backlog);
		note_success(writer);
		look_for_file(writer);
		return;
	}
	backlog_give_back(&writer->backlog);
	/* In a write, "not found" comes from LMDB's own tables. */
	store_note(writer->store, rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc);
	if (rc == ENOMEM)
		store_doubt(writer->store);
	note_failure(writer, failure_text(rc));
}

/* Waits for the batch that is under way, if any, and takes its result. */
static void settle(struct writer *writer)
{
	if (writer->state != BATCH_RUNNING)
		return;
	writer->state = BATCH_TAKEN;
	if (uv_cancel((uv_req_t *)&writer->work) == 0) {
		backlog_give_back(&writer->backlog);
		return;
	}
	uv_sem_wait(&writer->done);
	finish_batch(writer);
}

/* -- batches --------------------------------------------------------------- */

static void fill_batch(struct writer *writer)
{
	writer->hurry = false;
	backlog_take(&writer->backlog, BATCH_MAX);
}

static void on_timer(uv_timer_t *timer);
static void on_done(uv_work_t *work, int status);

/* Each look at a whole file holds the loop up, and a disk may go on as it is:
 * meanwhile what can't be read is not found, and new. */
static uint64_t until_look(const struct writer *writer, uint64_t delay)
{
	uint64_t now_ms = uv_now(writer->timer.loop);
	uint64_t left = writer->look_ms > now_ms ? writer->look_ms - now_ms : 0;

	return left > delay ? left : delay;
}

/* Sees to it that what is pending goes out. No wake-up if nothing is. */
static void schedule(struct writer *writer)
{
	uint64_t delay = writer->pause_ms;

	if (writer->closing || writer->state != BATCH_NONE ||
	    uv_is_active((uv_handle_t *)&writer->timer) ||
	    (queue_is_empty(&writer->backlog.pending) && !writer->shrink &&
	     !store_is_broken(writer->store)))
		return;
	if (store_is_unread(writer->store))
		delay = until_look(writer, delay);
	else if (delay == 0 && !writer->hurry &&
	         queue_count(&writer->backlog.pending) < BATCH_MAX)
		delay = WRITE_DELAY_MS;
	uv_timer_start(&writer->timer, on_timer, delay, 0);
}

static bool is_beyond_limit(const struct writer *writer)
{
	struct store_stats stats;

	store_get_stats(writer->store, &stats);
	store_reset(writer->store);
	return stats.bytes_used > stats.bytes_max;
}

static bool mend(struct writer *writer)
{
	struct fault why = { 0 };

	if (!store_is_broken(writer->store))
		return true;
	if (store_is_unread(writer->store))
		writer->look_ms = uv_now(writer->timer.loop) + LOOK_PAUSE_MS;
	if (store_mend(writer->store, &why) == MTS_OK) {
		writer->shrink = is_beyond_limit(writer);
		return true;
	}
	note_failure(writer, why.text);
	return false;
}

static void on_timer(uv_timer_t *timer)
{
	struct writer *writer = timer->data;

	/* With its callback still to come, on_done() schedules again. */
	if (writer->state != BATCH_NONE)
		return;
	if (mend(writer) &&
	    (writer->shrink || !queue_is_empty(&writer->backlog.pending))) {
		fill_batch(writer);
		writer->now_s = clock_wall_s(writer->clock);
		if (uv_queue_work(timer->loop, &writer->work, on_work,
		                  on_done) == 0) {
			writer->state = BATCH_RUNNING;
			writer->holds++;
			return;
		}
		backlog_give_back(&writer->backlog);
	}
	schedule(writer);
}

static void let_go(struct writer *writer)
{
	if (--writer->holds > 0)
		return;
	backlog_free(&writer->backlog);
	uv_sem_destroy(&writer->done);
	free(writer);
}

static void on_done(uv_work_t *work, int status)
{
	struct writer *writer = work->data;

	(void)status; /* cancelled only by settle(), which took the result */
	settle(writer);
	writer->state = BATCH_NONE;
	if (!writer->closing)
		schedule(writer);
	if (!writer->closing && writer->on_batch)
		writer->on_batch(writer->arg);
	let_go(writer);
}

/* -- life ------------------------------------------------------------------ */

static int init(struct writer *writer, uv_loop_t *loop)
{
	if (backlog_init(&writer->backlog) != MTS_OK ||
	    uv_sem_init(&writer->done, 0) != 0)
		return MTS_ENOMEM;
	uv_timer_init(loop, &writer->timer);
	/* What is pending is no reason to live: writer_close() writes it. */
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
	if (init(writer, loop) != MTS_OK) {
		backlog_free(&writer->backlog);
		free(writer);
		return NULL;
	}
	return writer;
}

static void on_closed(uv_handle_t *timer)
{
	let_go(timer->data);
}

/* Batch by batch, as long as it goes well. */
static void flush(struct writer *writer)
{
	int rc = mend(writer) ? 0 : MDB_PANIC;

	while (rc == 0 && !queue_is_empty(&writer->backlog.pending)) {
		fill_batch(writer);
		batch_write(writer->store, &writer->backlog.writing,
		            clock_wall_s(writer->clock), &writer->result);
		rc = writer->result.rc;
		finish_batch(writer);
	}
	if (backlog_count(&writer->backlog) > 0)
		log_error("cache_writes_lost count=%zu",
		          backlog_count(&writer->backlog));
}

void writer_close(struct writer **writer)
{
	struct writer *closing = *writer;

	if (!closing)
		return;
	*writer = NULL;
	settle(closing);
	flush(closing);
	backlog_forget(&closing->backlog);
	closing->closing = true;
	uv_close((uv_handle_t *)&closing->timer, on_closed);
}

const struct change *writer_find(const struct writer *writer, struct slice name)
{
	return backlog_find(&writer->backlog, name);
}

const struct change *writer_after(const struct writer *writer,
                                  enum store_table order, struct slice after)
{
	return backlog_after(&writer->backlog, order, after);
}

/* -- changes --------------------------------------------------------------- */

/* Only where the disk is to blame: a burst is over soon. */
static void tell_no_room(struct writer *writer)
{
	if (writer->no_room_told || writer_is_well(writer))
		return;
	writer->no_room_told = true;
	log_warning("cache_memory_full pending=%zu reason=\"what is new is not "
	            "kept until the cache can be written again\"",
	            backlog_count(&writer->backlog));
}

static int add_new(struct writer *writer, const struct domain *domain,
                   const struct cache_entry *entry, bool saved)
{
	struct change *change;
	int rc = change_new(domain, entry, &change);

	if (rc != MTS_OK)
		return rc;
	change->saved = saved;
	rc = backlog_add(&writer->backlog, change);
	if (rc == MTS_OK) {
		schedule(writer);
		return MTS_OK;
	}
	free(change);
	tell_no_room(writer);
	return rc;
}

int writer_put(struct writer *writer, const struct domain *domain,
               const struct cache_entry *entry, bool saved)
{
	return add_new(writer, domain, entry, saved);
}

int writer_remove(struct writer *writer, const struct domain *domain)
{
	return add_new(writer, domain, NULL, false);
}

/* What there is, with what is pending. Nothing is being written. */
static uint64_t count_all(struct writer *writer)
{
	struct store_stats stats;
	struct slice record;
	uint64_t count;

	store_get_stats(writer->store, &stats);
	count = stats.keys[STORE_BY_NAME];
	if (store_renew(writer->store) != MTS_OK)
		return count;
	list_each_safe (link, &writer->backlog.pending.list) {
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

	settle(writer);
	if (ret_count)
		*ret_count = count_all(writer);
	store_reset(writer->store);
	rc = store_begin(writer->store, &txn);
	if (rc)
		return mts_from_lmdb(rc);
	rc = tables_remove_all(store_tables(writer->store), txn);
	if (rc)
		mdb_txn_abort(txn);
	else
		rc = store_commit(writer->store, txn);
	if (rc) {
		store_note(writer->store, rc);
		schedule(writer);
		return mts_from_lmdb(rc);
	}
	backlog_forget(&writer->backlog);
	/* Nothing is left whose writing would show that the disk is well. */
	note_success(writer);
	return MTS_OK;
}

void writer_wake(struct writer *writer)
{
	schedule(writer);
}

void writer_hurry(struct writer *writer)
{
	if (!writer_is_well(writer))
		return;
	writer->hurry = true;
	uv_timer_stop(&writer->timer);
	schedule(writer);
}

void writer_watch(struct writer *writer, void (*on_batch)(void *arg), void *arg)
{
	writer->on_batch = on_batch;
	writer->arg = arg;
}

void writer_start(struct writer *writer, const char *trouble)
{
	writer->shrink = is_beyond_limit(writer);
	if (trouble)
		note_failure(writer, trouble);
	schedule(writer);
}

bool writer_is_well(const struct writer *writer)
{
	return writer->pause_ms == 0;
}

void writer_get_stats(const struct writer *writer, struct cache_stats *ret)
{
	ret->pending = backlog_count(&writer->backlog);
	ret->commits = writer->commits;
	ret->write_errors = writer->errors;
	ret->writable =
	    writer_is_well(writer) && !store_is_removed(writer->store);
	ret->evicted_expired = writer->tally.evicted.expired;
	ret->evicted_weak = writer->tally.evicted.weak;
	ret->evicted_live = writer->tally.evicted.live;
}
