/* SPDX-License-Identifier: BSD-2-Clause */
/* test_cache.c - puts, gets and iterations, and commits that are slow or
 * fail. */
#include "tests.h"

#include "alloc.h"
#include "base/log.h"
#include "cache/cache_internal.h"
#include "cachebox.h"

#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>

/* -- commits under a test's control ---------------------------------------- */

int __real_mdb_txn_commit(MDB_txn *txn);
int __wrap_mdb_txn_commit(MDB_txn *txn);

static atomic_int commit_rc;       /* what they fail with */
static atomic_int commit_delay_ms; /* how long they take */
static atomic_bool commits_held;   /* they wait for this to be false */
static atomic_int commits_begun;
static atomic_int commits_ended;

int __wrap_mdb_txn_commit(MDB_txn *txn)
{
	int rc = atomic_load(&commit_rc);

	atomic_fetch_add(&commits_begun, 1);
	usleep((useconds_t)atomic_load(&commit_delay_ms) * 1000);
	while (atomic_load(&commits_held))
		usleep(1000);
	if (!rc)
		rc = __real_mdb_txn_commit(txn);
	else
		mdb_txn_abort(txn);
	atomic_fetch_add(&commits_ended, 1);
	return rc;
}

static void wait_for_commit(struct cachebox *box)
{
	int before = atomic_load(&commits_begun);

	for (int i = 0; i < 1000 && atomic_load(&commits_begun) == before; i++)
		box_run(box, 1);
	assert_int_not_equal(atomic_load(&commits_begun), before);
}

static int setup(void **state)
{
	struct cachebox *box = test_malloc(sizeof(*box));

	atomic_store(&commit_rc, 0);
	atomic_store(&commit_delay_ms, 0);
	atomic_store(&commits_held, false);
	box_make(box);
	box_open(box);
	*state = box;
	return 0;
}

static int teardown(void **state)
{
	box_free(*state);
	test_free(*state);
	return 0;
}

static void reopen(struct cachebox *box)
{
	box_close(box);
	box_open(box);
}

/* -- puts and gets --------------------------------------------------------- */

static bool note_due(void *arg, const char *domain,
                     const struct cache_entry *entry)
{
	(void)domain;
	*(int64_t *)arg = entry->next_refresh_s;
	return false;
}

/* The least next_refresh_s that is not 0; 0 if there is none. */
static int64_t first_due(struct cachebox *box)
{
	int64_t due_s = 0;

	cache_due(box->cache, INT64_MAX, 1, note_due, &due_s);
	return due_s;
}

static void test_put_get(void **state)
{
	struct cachebox *box = *state;

	assert_int_equal(box_get(box, 1), -1);
	assert_int_equal(box_put(box, 1, 10), MTS_OK);
	assert_int_equal(box_get(box, 1), 10); /* at once */
	assert_int_equal(box_stats(box).pending, 1);
	box_sync(box);
	assert_int_equal(box_get(box, 1), 10);
	assert_int_equal(box_stats(box).policies, 1);
	assert_int_equal(box_stats(box).commits, 1);
	assert_true(box_stats(box).writable);
	assert_int_equal(box_put(box, 1, 11), MTS_OK);
	assert_int_equal(box_put(box, 1, 12), MTS_OK);
	assert_int_equal(box_stats(box).pending, 1);
	assert_int_equal(box_get(box, 1), 12);
	reopen(box);
	assert_int_equal(box_get(box, 1), 12);
	assert_int_equal(box_get(box, 2), -1);
}

static void note_timer(uv_handle_t *handle, void *arg)
{
	if (handle->type == UV_TIMER && uv_is_active(handle))
		*(uint64_t *)arg = uv_timer_get_due_in((uv_timer_t *)handle);
}

/* "on disk within a second", without any further call. */
static void test_put_is_on_disk_soon(void **state)
{
	struct cachebox *box = *state;
	uint64_t due_ms = 0;

	assert_int_equal(box_put(box, 1, 10), MTS_OK);
	uv_walk(&box->loop, note_timer, &due_ms);
	assert_in_range(due_ms, 1, 500);
	box_sync(box);
}

static void test_whole_entry(void **state)
{
	struct cachebox *box = *state;
	struct domain domain = box_domain(1);
	struct cache_entry entry = box_entry(7);
	struct cache_entry got;

	assert_int_equal(cache_put(box->cache, &domain, &entry), MTS_OK);
	reopen(box);
	assert_int_equal(cache_get(box->cache, &domain, &got), MTS_OK);
	assert_int_equal(got.policy.mode, POLICY_ENFORCE);
	assert_int_equal(got.policy.mx_count, 2);
	assert_string_equal(got.policy.mx.data, "mx1.example");
	assert_string_equal(got.id, "20160831085700Z");
	assert_true(got.text_hash == entry.text_hash);
	/* An entry may borrow from the one that it replaces. */
	got.record_ttl_s = 8;
	assert_int_equal(cache_put(box->cache, &domain, &got), MTS_OK);
	assert_int_equal(cache_get(box->cache, &domain, &got), MTS_OK);
	got.record_ttl_s = 9;
	assert_int_equal(cache_put(box->cache, &domain, &got), MTS_OK);
	assert_int_equal(box_get(box, 1), 9);
}

static bool add_mark(void *arg, const char *domain,
                     const struct cache_entry *entry)
{
	(void)domain;
	*(uint64_t *)arg += entry->record_ttl_s;
	return true;
}

static void test_put_during_commit(void **state)
{
	struct cachebox *box = *state;
	uint64_t sum = 0;

	atomic_store(&commits_held, true);
	assert_int_equal(box_put(box, 1, 10), MTS_OK);
	assert_int_equal(box_put(box, 2, 20), MTS_OK);
	assert_int_equal(box_put(box, 3, 30), MTS_OK);
	wait_for_commit(box);
	assert_int_equal(box_stats(box).commits, 0); /* under way */
	assert_int_equal(box_get(box, 1), 10);
	assert_int_equal(box_put(box, 1, 11), MTS_OK);
	assert_int_equal(box_get(box, 1), 11);
	assert_int_equal(box_get(box, 2), 20);
	{
		struct domain domain = box_domain(3);

		assert_int_equal(cache_remove(box->cache, &domain), MTS_OK);
		assert_int_equal(cache_remove(box->cache, &domain),
		                 MTS_ENOTFOUND);
	}
	assert_int_equal(box_get(box, 3), -1);
	/* An iteration sees 11 and 20, not what they hide. */
	assert_false(cache_each(box->cache, "", 100, add_mark, &sum));
	assert_int_equal(sum, 31);
	atomic_store(&commits_held, false);
	box_sync(box);
	assert_int_equal(box_stats(box).commits, 2);
	assert_int_equal(box_get(box, 1), 11);
	assert_int_equal(box_get(box, 3), -1);
	reopen(box);
	assert_int_equal(box_get(box, 1), 11);
	assert_int_equal(box_get(box, 2), 20);
	assert_int_equal(box_get(box, 3), -1);
}

static void on_check(uv_check_t *check)
{
	/* The batch is done, so this comes from disk. */
	assert_int_equal(box_stats(check->data).commits, 2);
	assert_int_equal(box_get(check->data, 1), 11);
	uv_check_stop(check);
}

/* Begins the read transaction, and waits until the commit has ended. */
static void on_readable(uv_poll_t *poll, int status, int events)
{
	int before = atomic_load(&commits_ended);

	(void)status;
	(void)events;
	assert_int_equal(box_get(poll->data, 2), -1);
	atomic_store(&commits_held, false);
	while (atomic_load(&commits_ended) == before)
		usleep(1000);
	usleep(300000);
	uv_poll_stop(poll);
}

static void on_nothing(uv_work_t *work)
{
	(void)work;
}

/* A read after the commit must not use a read transaction from before it. In
 * one iteration of the loop: a read, the end of the commit, a read. */
static void test_commit_ends_the_read_transaction(void **state)
{
	struct cachebox *box = *state;
	uv_check_t check;
	uv_work_t other; /* tells the loop that some work is done */
	uv_poll_t poll;
	int pipes[2];

	assert_int_equal(box_put(box, 1, 10), MTS_OK);
	box_sync(box);
	atomic_store(&commits_held, true);
	assert_int_equal(box_put(box, 1, 11), MTS_OK);
	wait_for_commit(box);
	assert_int_equal(pipe(pipes), 0);
	uv_poll_init(&box->loop, &poll, pipes[0]);
	uv_check_init(&box->loop, &check);
	poll.data = box;
	check.data = box;
	uv_poll_start(&poll, UV_READABLE, on_readable);
	/* The kernel reports first what was ready first: the pipe. */
	uv_run(&box->loop, UV_RUN_NOWAIT);
	uv_check_start(&check, on_check);
	assert_int_equal(write(pipes[1], "x", 1), 1);
	uv_queue_work(&box->loop, &other, on_nothing, NULL);
	usleep(30000);
	uv_run(&box->loop, UV_RUN_ONCE);
	assert_false(uv_is_active((uv_handle_t *)&check));
	uv_close((uv_handle_t *)&poll, NULL);
	uv_close((uv_handle_t *)&check, NULL);
	box_run(box, 1);
	close(pipes[0]);
	close(pipes[1]);
}

static void test_commit_is_seen(void **state)
{
	struct cachebox *box = *state;
	struct cache_stats stats;

	assert_int_equal(box_put(box, 1, 10), MTS_OK);
	box_sync(box);
	assert_int_equal(box_put(box, 1, 11), MTS_OK);
	do {
		assert_int_equal(box_get(box, 1), 11);
		uv_run(&box->loop, UV_RUN_NOWAIT);
		assert_int_equal(box_get(box, 1), 11);
		box_run(box, 1);
		stats = box_stats(box);
	} while (stats.pending);
	assert_int_equal(box_get(box, 1), 11);
}

static void test_remove(void **state)
{
	struct cachebox *box = *state;
	struct domain one = box_domain(1);
	struct domain two = box_domain(2);

	assert_int_equal(cache_remove(box->cache, &one), MTS_ENOTFOUND);
	assert_int_equal(box_put(box, 1, 10), MTS_OK);
	assert_int_equal(box_put(box, 2, 20), MTS_OK);
	box_sync(box);
	assert_int_equal(cache_remove(box->cache, &one), MTS_OK);
	assert_int_equal(box_get(box, 1), -1);
	assert_int_equal(box_put(box, 2, 21), MTS_OK);
	assert_int_equal(cache_remove(box->cache, &two), MTS_OK);
	assert_int_equal(box_get(box, 2), -1);
	box_sync(box);
	assert_int_equal(box_stats(box).policies, 0);
	assert_int_equal(box_put(box, 1, 11), MTS_OK);
	reopen(box);
	assert_int_equal(box_get(box, 1), 11);
	assert_int_equal(box_get(box, 2), -1);
}

static void test_remove_all(void **state)
{
	struct cachebox *box = *state;

	assert_int_equal(box_put(box, 1, 10), MTS_OK);
	box_sync(box);
	atomic_store(&commit_delay_ms, 100);
	assert_int_equal(box_put(box, 2, 20), MTS_OK);
	wait_for_commit(box);
	assert_int_equal(box_put(box, 3, 30), MTS_OK);
	assert_int_equal(cache_remove_all(box->cache, NULL), MTS_OK);
	for (unsigned n = 1; n <= 3; n++)
		assert_int_equal(box_get(box, n), -1);
	assert_int_equal(box_stats(box).policies, 0);
	/* The batch's callback is still to come. A put waits until then. */
	assert_int_equal(box_put(box, 4, 40), MTS_OK);
	atomic_store(&commit_delay_ms, 0);
	box_sync(box);
	reopen(box);
	for (unsigned n = 1; n <= 3; n++)
		assert_int_equal(box_get(box, n), -1);
	assert_int_equal(box_get(box, 4), 40);
	assert_int_equal(first_due(box), 0);
}

/* Counts what is on disk and what is pending, each domain once. */
static void test_remove_all_counts(void **state)
{
	struct cachebox *box = *state;
	struct domain two = box_domain(2);
	uint64_t count = 99;

	assert_int_equal(cache_remove_all(box->cache, &count), MTS_OK);
	assert_int_equal(count, 0);
	for (unsigned n = 1; n <= 3; n++)
		assert_int_equal(box_put(box, n, n), MTS_OK);
	box_sync(box);
	assert_int_equal(box_put(box, 1, 10), MTS_OK);            /* both */
	assert_int_equal(cache_remove(box->cache, &two), MTS_OK); /* gone */
	assert_int_equal(box_put(box, 4, 40), MTS_OK);            /* new */
	assert_int_equal(box_put(box, 5, 50), MTS_OK);
	assert_int_equal(cache_remove_all(box->cache, &count), MTS_OK);
	assert_int_equal(count, 4);
}

static void test_touch(void **state)
{
	struct cachebox *box = *state;
	struct domain domain = box_domain(1);
	struct cache_entry entry;

	assert_int_equal(box_put(box, 1, 10), MTS_OK);
	box_sync(box);
	assert_int_equal(cache_get(box->cache, &domain, &entry), MTS_OK);
	box->now_s += 3600;
	cache_touch(box->cache, &domain, &entry);
	assert_int_equal(box_stats(box).pending, 0); /* hits cost no writes */
	box->now_s += 1;
	cache_touch(box->cache, &domain, &entry);
	assert_int_equal(box_stats(box).pending, 1);
	assert_int_equal(cache_get(box->cache, &domain, &entry), MTS_OK);
	assert_int_equal(entry.used_s, box->now_s);
	assert_int_equal(entry.record_ttl_s, 10);
	cache_touch(box->cache, &domain, &entry);
	/* The clock was set back. Otherwise it would count as just used
	 * forever. */
	box->now_s -= 100000;
	cache_touch(box->cache, &domain, &entry);
	assert_int_equal(cache_get(box->cache, &domain, &entry), MTS_OK);
	assert_int_equal(entry.used_s, box->now_s);
}

static void test_many_batches(void **state)
{
	struct cachebox *box = *state;

	for (unsigned n = 0; n < 2200; n++)
		assert_int_equal(box_put(box, n, n), MTS_OK);
	box_sync(box);
	assert_in_range(box_stats(box).commits, 5, 8);
	assert_int_equal(box_stats(box).policies, 2200);
	for (unsigned n = 0; n < 2200; n++)
		assert_int_equal(box_get(box, n), n);
}

static void test_invalid_entry_is_refused(void **state)
{
	struct cachebox *box = *state;
	struct domain domain = box_domain(1);
	struct cache_entry entry = box_entry(1);

	entry.policy.mx_count = 5;
	assert_int_equal(cache_put(box->cache, &domain, &entry), MTS_ERANGE);
	assert_int_equal(box_stats(box).pending, 0);
}

/* -- iterations ------------------------------------------------------------ */

struct seen {
	unsigned count;
	unsigned stop_after; /* 0: never */
	char last[DOMAIN_MAX + 1];
	int64_t last_due;
	uint64_t marks; /* sum of record_ttl_s */
	struct cachebox *remove_from;
};

static bool see(void *arg, const char *domain, const struct cache_entry *entry)
{
	struct seen *seen = arg;

	assert_true(entry->next_refresh_s >= seen->last_due);
	if (entry->next_refresh_s == seen->last_due)
		assert_true(strcmp(domain, seen->last) > 0);
	if (entry->next_refresh_s)
		seen->last_due = entry->next_refresh_s;
	snprintf(seen->last, sizeof(seen->last), "%s", domain);
	seen->marks += entry->record_ttl_s;
	if (seen->remove_from) {
		struct domain gone = { .len = strlen(domain) };

		memcpy(gone.name, domain, gone.len + 1);
		assert_int_equal(cache_remove(seen->remove_from->cache, &gone),
		                 MTS_OK);
	}
	return ++seen->count != seen->stop_after;
}

static void remove_number(struct cachebox *box, unsigned n)
{
	struct domain domain = box_domain(n);

	assert_int_equal(cache_remove(box->cache, &domain), MTS_OK);
}

static void test_each(void **state)
{
	struct cachebox *box = *state;
	struct seen seen = { 0 };
	unsigned pages = 0;
	bool more;

	assert_false(cache_each(box->cache, "", 10, see, &seen));
	assert_int_equal(seen.count, 0);
	/* Even ones on disk, odd ones pending; 4 and 5 are removed, 6 is put
	 * again. */
	for (unsigned n = 0; n < 100; n += 2)
		assert_int_equal(box_put(box, n, 1), MTS_OK);
	box_sync(box);
	for (unsigned n = 1; n < 100; n += 2)
		assert_int_equal(box_put(box, n, 1), MTS_OK);
	remove_number(box, 4);
	remove_number(box, 5);
	assert_int_equal(box_put(box, 6, 1000), MTS_OK);
	do {
		char after[DOMAIN_MAX + 1];

		snprintf(after, sizeof(after), "%s", seen.last);
		more = cache_each(box->cache, after, 7, see, &seen);
		pages++;
	} while (more);
	assert_int_equal(seen.count, 98);
	assert_int_equal(seen.marks, 97 + 1000);
	/* A removal does not count as a damaged record. */
	assert_int_equal(box_files(box, "policies.mdb.suspect"), 0);
	assert_int_equal(pages, 15);
	assert_string_equal(seen.last, "d000099.example");

	seen = (struct seen){ .stop_after = 3 };
	assert_true(cache_each(box->cache, "d000050", 100, see, &seen));
	assert_int_equal(seen.count, 3);
	assert_string_equal(seen.last, "d000052.example");
	seen = (struct seen){ .remove_from = box };
	assert_false(cache_each(box->cache, "", 1000, see, &seen));
	assert_int_equal(seen.count, 98);
	seen = (struct seen){ 0 };
	assert_false(cache_each(box->cache, "", 1000, see, &seen));
	assert_int_equal(seen.count, 0);
}

static void put_due(struct cachebox *box, unsigned n, int64_t due_s)
{
	struct domain domain = box_domain(n);
	struct cache_entry entry = box_entry(n);

	entry.next_refresh_s = due_s;
	assert_int_equal(cache_put(box->cache, &domain, &entry), MTS_OK);
}

/* Counts the keys in the table itself, stray ones included. */
static unsigned due_keys(struct cachebox *box)
{
	struct slice key = { "", 0 };
	struct slice record;
	unsigned count = 0;

	box_sync(box);
	assert_int_equal(store_renew(box->cache->store), MTS_OK);
	while (store_after(box->cache->store, STORE_BY_DUE, key, &key,
	                   &record) == MTS_OK)
		count++;
	store_reset(box->cache->store);
	return count;
}

static unsigned due_until(struct cachebox *box, int64_t now_s)
{
	struct seen seen = { 0 };

	assert_false(cache_due(box->cache, now_s, 1000, see, &seen));
	return seen.count;
}

static void test_due(void **state)
{
	struct cachebox *box = *state;
	struct seen seen = { 0 };

	assert_int_equal(first_due(box), 0);
	/* The order of the times is the reverse of that of the names. */
	for (unsigned n = 1; n <= 50; n++)
		put_due(box, n, 5000 - 10 * (int64_t)n);
	put_due(box, 60, 0); /* never */
	assert_int_equal(first_due(box), 4500);
	for (int round = 0; round < 3; round++) {
		assert_int_equal(due_until(box, 4499), 0);
		assert_int_equal(due_until(box, 4500), 1);
		assert_int_equal(due_until(box, 4509), 1);
		assert_int_equal(due_until(box, 5000), 50);
		if (round == 0)
			box_sync(box);
		if (round == 1)
			reopen(box);
	}
	assert_true(cache_due(box->cache, 5000, 7, see, &seen));
	assert_int_equal(seen.count, 7);
	assert_int_equal(seen.last_due, 4560);
	/* Postponed, removed, never again: pending, then on disk. */
	put_due(box, 50, 6000);
	put_due(box, 49, 0);
	remove_number(box, 48);
	for (int round = 0; round < 3; round++) {
		assert_int_equal(first_due(box), 4530);
		assert_int_equal(due_until(box, 5999), 47);
		assert_int_equal(due_until(box, 6000), 48);
		if (round == 0)
			box_sync(box);
		if (round == 1)
			reopen(box);
	}
	assert_int_equal(due_keys(box), 48);
	assert_int_equal(cache_remove_all(box->cache, NULL), MTS_OK);
	assert_int_equal(due_keys(box), 0);
}

/* -- commits that fail ----------------------------------------------------- */

static const struct {
	const char *what;
	int rc;
	bool reopened;
	bool set_aside;
} failures[] = {
	{ "a full disk", ENOSPC, false, false },
	{ "a bad disk", EIO, false, false },
	{ "a file system gone read-only", EROFS, false, false },
	{ "a full file", MDB_MAP_FULL, false, false },
	{ "a length beyond all memory", ENOMEM, true, false },
	{ "a meta page that may be lost", MDB_PANIC, true, false },
	{ "a damaged page", MDB_CORRUPTED, true, true },
	{ "a page that is not there", MDB_PAGE_NOTFOUND, true, true },
	{ "a table that is not there", MDB_NOTFOUND, true, true },
};

static void test_commit_fails(void **state)
{
	struct cachebox *box = *state;

	for (unsigned i = 0; i < ARRAY_LEN(failures); i++) {
		uint64_t errors = box_stats(box).write_errors;
		unsigned bad = box_files(box, "policies.mdb.bad-");

		assert_int_equal(box_put(box, i, 10), MTS_OK);
		atomic_store(&commit_rc, failures[i].rc);
		while (box_stats(box).write_errors == errors)
			box_run(box, 5);
		/* Meanwhile it is answered from memory, and not lost. */
		assert_false(box_stats(box).writable);
		assert_int_equal(store_is_broken(box->cache->store),
		                 failures[i].reopened);
		assert_int_equal(box_stats(box).pending, 1);
		assert_int_equal(box_get(box, i), 10);
		atomic_store(&commit_rc, 0);
		box_run(box, 1100);
		box_sync(box);
		assert_true(box_stats(box).writable);
		assert_int_equal(box_get(box, i), 10);
		assert_int_equal(box_files(box, "policies.mdb.bad-"),
		                 bad + failures[i].set_aside);
		reopen(box);
		assert_int_equal(box_get(box, i), 10);
	}
}

static void test_put_while_failing(void **state)
{
	struct cachebox *box = *state;

	atomic_store(&commit_delay_ms, 50);
	atomic_store(&commit_rc, EIO);
	assert_int_equal(box_put(box, 1, 10), MTS_OK);
	assert_int_equal(box_put(box, 2, 20), MTS_OK);
	wait_for_commit(box);
	/* The older change of the failed batch must not hide it. */
	assert_int_equal(box_put(box, 1, 11), MTS_OK);
	box_run(box, 100);
	assert_int_equal(box_stats(box).pending, 2);
	assert_int_equal(box_get(box, 1), 11);
	assert_int_equal(box_get(box, 2), 20);
	atomic_store(&commit_rc, 0);
	reopen(box);
	assert_int_equal(box_get(box, 1), 11);
	assert_int_equal(box_get(box, 2), 20);
}

/* It is a write, too, and nothing is left to write that could recover later. */
static void test_remove_all_recovers(void **state)
{
	struct cachebox *box = *state;

	atomic_store(&commit_rc, ENOSPC);
	assert_int_equal(box_put(box, 1, 10), MTS_OK);
	wait_for_commit(box);
	box_run(box, 100);
	assert_false(box_stats(box).writable);
	assert_int_not_equal(cache_remove_all(box->cache, NULL), MTS_OK);
	assert_false(box_stats(box).writable);
	atomic_store(&commit_rc, 0);
	assert_int_equal(cache_remove_all(box->cache, NULL), MTS_OK);
	assert_int_equal(box_stats(box).pending, 0);
	assert_true(box_stats(box).writable);
}

static void test_pending_is_bounded(void **state)
{
	struct cachebox *box = *state;
	struct domain domain;
	struct cache_entry entry = box_entry(1);
	static char text[60000];
	unsigned n = 0;

	atomic_store(&commit_rc, ENOSPC);
	while (box_put(box, n, n) == MTS_OK)
		n++;
	assert_int_equal(n, 10000);
	assert_int_equal(box_put(box, n, n), MTS_EFULL);
	/* A domain that is pending already takes no more memory. */
	assert_int_equal(box_put(box, 0, 7), MTS_OK);
	assert_int_equal(box_get(box, 0), 7);
	domain = box_domain(n);
	cache_touch(box->cache, &domain, &entry);
	atomic_store(&commit_rc, 0);
	assert_int_equal(cache_remove_all(box->cache, NULL), MTS_OK);

	atomic_store(&commit_rc, ENOSPC);
	memset(text, 'a', sizeof(text) - 1);
	entry.policy.mx = slice_of(text, sizeof(text));
	entry.policy.mx_count = 1;
	for (n = 0; n < 1000; n++) {
		domain = box_domain(n);
		if (cache_put(box->cache, &domain, &entry) != MTS_OK)
			break;
	}
	assert_in_range(n, 130, 145); /* 8 MiB */
	atomic_store(&commit_rc, 0);
}

/* -- the loop -------------------------------------------------------------- */

static void on_async(uv_async_t *async)
{
	(void)async;
}

static void test_idle_loop_sleeps(void **state)
{
	struct cachebox *box = *state;
	uv_async_t async;

	assert_int_equal(box_put(box, 1, 10), MTS_OK);
	box_sync(box);
	assert_false(uv_loop_alive(&box->loop));
	uv_async_init(&box->loop, &async, on_async);
	assert_int_equal(box_get(box, 1), 10);
	assert_true(store_is_reading(box->cache->store));
	uv_run(&box->loop, UV_RUN_NOWAIT);
	/* An old read transaction would make the file grow. */
	assert_false(store_is_reading(box->cache->store));
	assert_false(uv_is_active((uv_handle_t *)&box->cache->prepare));
	assert_int_equal(uv_backend_timeout(&box->loop), -1);
	uv_close((uv_handle_t *)&async, NULL);
	box_run(box, 1);
}

static void test_file_does_not_grow(void **state)
{
	struct cachebox *box = *state;
	uint64_t before;

	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(box_put(box, 1, i), MTS_OK);
		box_sync(box);
	}
	before = box_stats(box).bytes_used;
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(box_put(box, 1, i), MTS_OK);
		box_sync(box);
		assert_int_equal(box_get(box, 1), i);
	}
	assert_int_equal(box_stats(box).bytes_used, before);
}

static void test_close_during_commit(void **state)
{
	struct cachebox *box = *state;

	atomic_store(&commit_delay_ms, 100);
	assert_int_equal(box_put(box, 1, 10), MTS_OK);
	wait_for_commit(box);
	assert_int_equal(box_put(box, 2, 20), MTS_OK);
	reopen(box);
	assert_int_equal(box_get(box, 1), 10);
	assert_int_equal(box_get(box, 2), 20);
}

static atomic_bool work_held;

/* Waits until the test ends it; a minute is longer than any close takes. */
static void on_work(uv_work_t *work)
{
	(void)work;
	for (int i = 0; i < 6000 && atomic_load(&work_held); i++)
		usleep(10000);
	atomic_store(&work_held, false);
}

/* All threads of the pool are busy, so the batch has not begun. */
static void test_close_before_commit(void **state)
{
	struct cachebox *box = *state;
	uv_work_t work[8];

	atomic_store(&work_held, true);
	for (unsigned i = 0; i < ARRAY_LEN(work); i++)
		uv_queue_work(&box->loop, &work[i], on_work, NULL);
	assert_int_equal(box_put(box, 1, 10), MTS_OK);
	box_run(box, 80);
	assert_int_equal(box_stats(box).commits, 0);
	cache_close(&box->cache);
	assert_true(atomic_exchange(&work_held, false));
	reopen(box); /* lets the loop finish with work[] */
	assert_int_equal(box_get(box, 1), 10);
}

/* -- damage, and out of memory --------------------------------------------- */

static void put_raw(struct cachebox *box, const char *name, const char *record)
{
	MDB_txn *txn;

	assert_int_equal(store_begin(box->cache->store, &txn), 0);
	assert_int_equal(tables_put(store_tables(box->cache->store), txn,
	                            slice_str(name), slice_str(record)),
	                 0);
	assert_int_equal(mdb_txn_commit(txn), 0);
	/* This bypassed the writer, which would have reset the read
	 * transaction. */
	box_run(box, 1);
}

static void test_damaged_record(void **state)
{
	struct cachebox *box = *state;
	struct seen seen = { 0 };

	assert_int_equal(box_put(box, 1, 10), MTS_OK);
	box_sync(box);
	put_raw(box, "d000002.example", "nonsense");
	put_raw(box, "d000003.example", "nonsense");
	assert_int_equal(box_get(box, 2), -2);
	assert_int_equal(box_get(box, 2), -1);
	assert_false(cache_each(box->cache, "", 100, see, &seen));
	assert_int_equal(seen.count, 1);
	box_sync(box);
	assert_int_equal(box_stats(box).policies, 1);
	/* Something wrote over the file, so the next start checks all of it. */
	assert_int_equal(box_files(box, "policies.mdb.suspect"), 1);
	reopen(box);
	assert_int_equal(box_get(box, 1), 10);
	assert_int_equal(box_files(box, "policies.mdb.suspect"), 0);
}

static void test_no_memory(void **state)
{
	struct cachebox *box = *state;
	struct fault why;
	int rc;

	box_close(box);
	for (size_t n = 1;; n++) {
		alloc_fail_at(n);
		rc = box_try(box, &why);
		alloc_fail_at(0);
		if (rc == MTS_OK)
			break;
		assert_int_equal(rc, MTS_ENOMEM);
		assert_null(box->cache);
	}
	alloc_fail_at(1);
	assert_int_equal(box_put(box, 1, 10), MTS_ENOMEM);
	alloc_fail_at(0);
	assert_int_equal(box_get(box, 1), -1);
	assert_int_equal(box_put(box, 1, 10), MTS_OK);
	alloc_fail_at(1);
	assert_int_equal(box_put(box, 1, 11), MTS_ENOMEM);
	alloc_fail_at(0);
	assert_int_equal(box_get(box, 1), 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_put_get),
		TEST(test_put_is_on_disk_soon),
		TEST(test_whole_entry),
		TEST(test_put_during_commit),
		TEST(test_commit_ends_the_read_transaction),
		TEST(test_commit_is_seen),
		TEST(test_remove),
		TEST(test_remove_all),
		TEST(test_remove_all_counts),
		TEST(test_touch),
		TEST(test_many_batches),
		TEST(test_invalid_entry_is_refused),
		TEST(test_each),
		TEST(test_due),
		TEST(test_commit_fails),
		TEST(test_put_while_failing),
		TEST(test_remove_all_recovers),
		TEST(test_pending_is_bounded),
		TEST(test_idle_loop_sleeps),
		TEST(test_file_does_not_grow),
		TEST(test_close_during_commit),
		TEST(test_close_before_commit),
		TEST(test_damaged_record),
		TEST(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
