/* SPDX-License-Identifier: BSD-2-Clause */
/* test_cache_log.c - what the cache logs, and how often. */
#include "tests.h"

#include "base/log.h"
#include "cache/evict.h"
#include "cachebox.h"

#include <errno.h>
#include <lmdb.h>
#include <stdatomic.h>
#include <unistd.h>

int __real_mdb_txn_commit(MDB_txn *txn);
int __wrap_mdb_txn_commit(MDB_txn *txn);

static atomic_int commit_rc;

int __wrap_mdb_txn_commit(MDB_txn *txn)
{
	int rc = atomic_load(&commit_rc);

	if (!rc)
		return __real_mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	return rc;
}

/* -- what goes to standard error ------------------------------------------- */

static FILE *caught;
static int standard_error;

static int setup(void **state)
{
	struct cachebox *box = test_malloc(sizeof(*box));

	unsetenv("JOURNAL_STREAM");
	log_open("test", LOG_TARGET_STDERR, LOG_LEVEL_INFO);
	atomic_store(&commit_rc, 0);
	caught = tmpfile();
	assert_non_null(caught);
	fflush(stderr);
	standard_error = dup(STDERR_FILENO);
	dup2(fileno(caught), STDERR_FILENO);
	box_make(box);
	*state = box;
	return 0;
}

static int teardown(void **state)
{
	dup2(standard_error, STDERR_FILENO);
	close(standard_error);
	fclose(caught);
	box_free(*state);
	test_free(*state);
	return 0;
}

static unsigned lines_with(const char *words)
{
	unsigned count = 0;
	char line[1000];

	rewind(caught);
	while (fgets(line, sizeof(line), caught))
		count += strstr(line, words) != NULL;
	fseek(caught, 0, SEEK_END);
	return count;
}

/* -- the lines ------------------------------------------------------------- */

static void fill_memory(struct cachebox *box)
{
	uint64_t errors = box_stats(box).write_errors;
	unsigned n = 0;

	atomic_store(&commit_rc, ENOSPC);
	assert_int_equal(box_put(box, 1, 1), MTS_OK);
	while (box_stats(box).write_errors == errors)
		box_run(box, 5);
	while (box_put(box, n, n) == MTS_OK)
		n++;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(box_put(box, n + i, n), MTS_EFULL);
}

/* One warning for each failure, until a write succeeds. */
static void test_full_memory_is_logged_once(void **state)
{
	struct cachebox *box = *state;

	box_open(box);
	fill_memory(box);
	assert_int_equal(lines_with("warning: cache_write_failed "), 1);
	assert_int_equal(lines_with("warning: cache_memory_full "), 1);
	atomic_store(&commit_rc, 0);
	box_run(box, 1100);
	box_sync(box);
	assert_int_equal(lines_with("info: cache_write_recovered "), 1);
	fill_memory(box);
	assert_int_equal(lines_with("warning: cache_memory_full "), 2);
	atomic_store(&commit_rc, 0);
}

/* Even the smallest cache can hold the longest policy, so this calls the log
 * directly. */
static void test_large_policy_is_logged_once(void **state)
{
	struct eviction_log log = { 0 };
	struct evicted none = { 0 };

	(void)state;
	eviction_log_add(&log, &none, 2, 1000);
	assert_int_equal(lines_with("warning: policy_too_large count=2 "), 1);
	eviction_log_add(&log, &none, 2, 2000);
	assert_int_equal(lines_with("policy_too_large "), 1);
	assert_int_equal(log.too_large, 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_full_memory_is_logged_once),
		TEST(test_large_policy_is_logged_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
