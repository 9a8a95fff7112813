/* SPDX-License-Identifier: BSD-2-Clause */
/* test_cache_file.c - the cache's folder: files that are not ours or damaged,
 * other processes, and kill -9. */
#include "tests.h"

#include "cachebox.h"

#include <fcntl.h>
#include <lmdb.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	ROWS = 400, /* policies in a file that gets damaged */
	ROUNDS = 200,
};

static int setup(void **state)
{
	struct cachebox *box = test_malloc(sizeof(*box));

	box_make(box);
	*state = box;
	return 0;
}

static int teardown(void **state)
{
	box_free(*state);
	test_free(*state);
	return 0;
}

static void fill(struct cachebox *box)
{
	box_open(box);
	for (unsigned n = 0; n < ROWS; n++)
		assert_int_equal(box_put(box, n, n), MTS_OK);
	box_close(box);
}

/* The cache works, whatever was there before. */
static void assert_works(struct cachebox *box)
{
	box_open(box);
	assert_int_equal(box_put(box, 9999, 1), MTS_OK);
	box_sync(box);
	box_close(box);
	box_open(box);
	assert_int_equal(box_get(box, 9999), 1);
	box_close(box);
}

static void mark_suspect(struct cachebox *box)
{
	char path[100];
	int fd;

	snprintf(path, sizeof(path), "%s.suspect", box->file);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	close(fd);
}

/* -- files that are not a cache -------------------------------------------- */

static void write_at(const char *path, off_t at, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, data, len, at), len);
	close(fd);
}

static void make_text(struct cachebox *box)
{
	write_at(box->file, 0, "hello\n", 6);
}

static void make_long_text(struct cachebox *box)
{
	char text[20000];

	memset(text, 'x', sizeof(text));
	write_at(box->file, 0, text, sizeof(text));
}

static void make_zeros(struct cachebox *box)
{
	static const char zeros[65536];

	write_at(box->file, 0, zeros, sizeof(zeros));
}

static void make_folder(struct cachebox *box)
{
	assert_int_equal(mkdir(box->file, 0700), 0);
}

static void make_truncated(struct cachebox *box)
{
	struct stat st;

	fill(box);
	assert_int_equal(stat(box->file, &st), 0);
	assert_int_equal(truncate(box->file, st.st_size / 2), 0);
}

static void make_stub(struct cachebox *box)
{
	fill(box);
	assert_int_equal(truncate(box->file, 5000), 0);
}

static void put_in_lmdb(struct cachebox *box, const char *table,
                        const char *name, const char *text)
{
	MDB_val key = { strlen(name), (void *)(uintptr_t)name };
	MDB_val value = { strlen(text), (void *)(uintptr_t)text };
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;

	assert_int_equal(mdb_env_create(&env), 0);
	mdb_env_set_maxdbs(env, 8);
	assert_int_equal(mdb_env_open(env, box->file, MDB_NOSUBDIR, 0600), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, table, MDB_CREATE, &dbi), 0);
	assert_int_equal(mdb_put(txn, dbi, &key, &value, 0), 0);
	assert_int_equal(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
}

static void make_other_lmdb(struct cachebox *box)
{
	put_in_lmdb(box, "another", "program's", "data");
}

static void make_plain_lmdb(struct cachebox *box)
{
	put_in_lmdb(box, NULL, "meta", "is no table here");
}

static void make_future(struct cachebox *box)
{
	fill(box);
	put_in_lmdb(box, "meta", "format", "5");
}

static void make_bad_record(struct cachebox *box)
{
	fill(box);
	put_in_lmdb(box, "policies", "d000007.example", "nonsense");
}

/* Claims an impossible size: the last page's number in both meta pages. */
static void make_huge(struct cachebox *box)
{
	uint64_t last = UINT64_C(1) << 50;

	fill(box);
	write_at(box->file, 16 + 24 + 48 * 2, &last, sizeof(last));
	write_at(box->file, 4096 + 16 + 24 + 48 * 2, &last, sizeof(last));
}

static const struct {
	const char *what;
	void (*make)(struct cachebox *box);
} bad_files[] = {
	{ "a short text", make_text },
	{ "a long text", make_long_text },
	{ "zeros", make_zeros },
	{ "a folder", make_folder },
	{ "a cache cut in half", make_truncated },
	{ "a cache cut to its first page", make_stub },
	{ "another program's LMDB file", make_other_lmdb },
	{ "an LMDB file without tables", make_plain_lmdb },
	{ "a format to come", make_future },
	{ "a record that is none", make_bad_record },
	{ "a size beyond all memory", make_huge },
};

static void test_bad_files(void **state)
{
	struct cachebox *box = *state;

	for (unsigned i = 0; i < ARRAY_LEN(bad_files); i++) {
		unlink(box->file);
		bad_files[i].make(box);
		box->now_s++;
		assert_works(box);
		if (box_files(box, "policies.mdb.bad-") != i + 1)
			fail_msg("%s is not set aside", bad_files[i].what);
	}
}

static void test_bad_files_are_kept(void **state)
{
	struct cachebox *box = *state;
	char first[120];
	struct stat st;

	/* Three within a second. */
	for (unsigned i = 0; i < 3; i++) {
		make_text(box);
		assert_works(box);
		assert_int_equal(box_files(box, "policies.mdb.bad-"), i + 1);
		unlink(box->file);
	}
	snprintf(first, sizeof(first), "%s.bad-20200913T122640Z", box->file);
	assert_int_equal(stat(first, &st), 0);
	assert_int_equal(st.st_size, 6);
}

/* The disk was full when the file was created. */
static void test_empty_file(void **state)
{
	struct cachebox *box = *state;

	write_at(box->file, 0, "", 0);
	assert_works(box);
	assert_int_equal(box_files(box, "policies.mdb.bad-"), 0);
}

static void test_good_file_stays(void **state)
{
	struct cachebox *box = *state;
	struct stat st;

	fill(box);
	mark_suspect(box);
	box_open(box);
	for (unsigned n = 0; n < ROWS; n++)
		assert_int_equal(box_get(box, n), n);
	assert_int_equal(box_files(box, "policies.mdb.bad-"), 0);
	assert_int_equal(box_files(box, "policies.mdb.suspect"), 0);
	cache_mark_suspect();
	assert_int_equal(box_files(box, "policies.mdb.suspect"), 1);
	assert_int_equal(stat(box->file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

/* Pages at the file's end that one transaction takes and frees are never
 * written. */
static void make_short(struct cachebox *box, const char *name, size_t pages)
{
	static char large[100 * 4096];
	MDB_val key = { strlen(name), (void *)(uintptr_t)name };
	MDB_val value = { pages * 4096, large };
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;

	assert_int_equal(mdb_env_create(&env), 0);
	mdb_env_set_maxdbs(env, 8);
	mdb_env_set_mapsize(env, 64 << 20);
	assert_int_equal(mdb_env_open(env, box->file, MDB_NOSUBDIR, 0600), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, "meta", 0, &dbi), 0);
	assert_int_equal(mdb_put(txn, dbi, &key, &value, 0), 0);
	assert_int_equal(mdb_del(txn, dbi, &key, NULL), 0);
	assert_int_equal(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
}

static off_t missing(struct cachebox *box)
{
	MDB_envinfo info;
	struct stat st;
	MDB_env *env;

	assert_int_equal(mdb_env_create(&env), 0);
	assert_int_equal(mdb_env_open(env, box->file,
	                              MDB_NOSUBDIR | MDB_RDONLY | MDB_NOLOCK,
	                              0600),
	                 0);
	assert_int_equal(mdb_env_info(env, &info), 0);
	mdb_env_close(env);
	assert_int_equal(stat(box->file, &st), 0);
	return (off_t)(info.me_last_pgno + 1) * 4096 - st.st_size;
}

static void test_short_file_stays(void **state)
{
	struct cachebox *box = *state;

	/* Three times, since it needs free pages. */
	for (int i = 0; i < 3; i++)
		fill(box);
	make_short(box, "large", 100);
	print_message("%lld bytes are missing\n", (long long)missing(box));
	assert_true(missing(box) > 0);
	box_open(box);
	for (unsigned n = 0; n < ROWS; n++)
		assert_int_equal(box_get(box, n), n);
	assert_int_equal(box_files(box, "policies.mdb.bad-"), 0);
}

/* A deterministic stream of bytes. */
static unsigned char noise(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (unsigned char)(*seed >> 24);
}

/* A page of garbage anywhere: either the file is set aside, or all answers from
 * it are right. */
static void test_overwritten_pages(void **state)
{
	struct cachebox *box = *state;
	unsigned set_aside = 0;
	struct stat st;

	for (uint32_t round = 0; round < 40; round++) {
		unsigned char page[4096];
		uint32_t seed = round;
		size_t from = round % 2 ? 0 : 32;

		unlink(box->file);
		fill(box);
		assert_int_equal(stat(box->file, &st), 0);
		for (size_t i = 0; i < sizeof(page); i++)
			page[i] = noise(&seed);
		write_at(box->file,
		         (off_t)(round % (uint32_t)(st.st_size / 4096)) * 4096 +
		             (off_t)from,
		         page, sizeof(page) - from);
		mark_suspect(box);
		box->now_s++;
		box_open(box);
		for (unsigned n = 0; n < ROWS; n++) {
			int64_t mark = box_get(box, n);

			assert_true(mark == n || mark < 0);
		}
		assert_int_equal(box_put(box, 1, 1), MTS_OK);
		box_close(box);
		set_aside = box_files(box, "policies.mdb.bad-");
	}
	assert_true(set_aside > 20);
}

/* -- folders --------------------------------------------------------------- */

static void assert_refused(struct cachebox *box, const char *dir, int status,
                           const char *words)
{
	struct cache_options options = { &box->loop, dir, 1 << 20,
		                         &box->clock };
	struct cache *cache = NULL;
	struct fault why = { 0 };

	assert_int_equal(cache_open(&options, &cache, &why), status);
	assert_null(cache);
	assert_int_equal(why.status, status);
	if (!strstr(why.text, words) || !strstr(why.text, dir))
		fail_msg("\"%s\" does not say: %s", why.text, words);
}

static void test_folder_is_made(void **state)
{
	struct cachebox *box = *state;
	struct stat st;

	assert_int_equal(rmdir(box->dir), 0);
	box_open(box);
	assert_int_equal(stat(box->dir, &st), 0);
	assert_int_equal(st.st_mode & 0777 & ~0750u, 0);
}

static void test_bad_folders(void **state)
{
	struct cachebox *box = *state;
	char path[100];

	snprintf(path, sizeof(path), "%s/no/such", box->dir);
	assert_refused(box, path, MTS_ESYS, "parent folder is missing");
	snprintf(path, sizeof(path), "%s/file", box->dir);
	write_at(path, 0, "x", 1);
	assert_refused(box, path, MTS_ESYS, "not a folder");
	assert_refused(box, "/proc/mtasts", MTS_ESYS, "/proc/mtasts");
}

/* As the user nobody, which takes root. */
static void test_unwritable_folder(void **state)
{
	struct cachebox *box = *state;

	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(box->dir, 0755), 0);
	assert_int_equal(seteuid(65534), 0);
	assert_refused(box, box->dir, MTS_ESYS, "not writable by user");
	assert_int_equal(seteuid(0), 0);
}

static void test_in_use(void **state)
{
	struct cachebox *box = *state;
	char words[60];

	box_open(box);
	snprintf(words, sizeof(words), "another mtastsd (pid %ld) uses",
	         (long)getpid());
	assert_refused(box, box->dir, MTS_EBUSY, words);
	/* The attempt has not disturbed the first cache. */
	assert_int_equal(box_put(box, 1, 1), MTS_OK);
	box_sync(box);
	cache_mark_suspect();
	box_close(box);
	box_open(box);
	assert_int_equal(box_get(box, 1), 1);
}

/* -- kill -9 --------------------------------------------------------------- */

/* In the child: puts until it is killed; reports each number that is on
 * disk. */
static void write_until_killed(struct cachebox *box, unsigned first, int to)
{
	uv_loop_fork(&box->loop);
	box_open(box);
	for (unsigned n = first;; n++) {
		/* The same domains too, so that pages are used again. */
		for (unsigned i = 0; i < 20; i++)
			box_put(box, 100000 + (n + i) % 300, n);
		if (box_put(box, n, n) != MTS_OK)
			_exit(1);
		if (n % 7)
			continue;
		cache_hurry(box->cache);
		while (box_stats(box).pending)
			box_run(box, 1);
		if (write(to, &n, sizeof(n)) != sizeof(n))
			_exit(1);
	}
}

/* Kills a child AFTER_US after its start or, if COMMITTED, after its first
 * report. Returns the number after the last one that it reported. */
static unsigned run_and_kill(struct cachebox *box, unsigned first,
                             useconds_t after_us, bool committed)
{
	unsigned reported = first;
	unsigned n;
	int pipes[2];
	pid_t child;
	int status;

	assert_int_equal(pipe(pipes), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(pipes[0]);
		write_until_killed(box, first, pipes[1]);
	}
	close(pipes[1]);
	if (committed)
		poll(&(struct pollfd){ .fd = pipes[0], .events = POLLIN }, 1,
		     -1);
	usleep(after_us);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	while (read(pipes[0], &n, sizeof(n)) == sizeof(n))
		reported = n + 1;
	close(pipes[0]);
	return reported;
}

static void test_kill(void **state)
{
	struct cachebox *box = *state;
	uint32_t seed = (uint32_t)getpid();
	/* Under valgrind, the child gets little done. */
	unsigned rounds = getenv("MTS_VALGRIND") ? 10 : ROUNDS;
	unsigned reported = 0;

	print_message("seed %u\n", seed);
	for (unsigned round = 0; round < rounds; round++) {
		/* Die before, while and after some batches are written. */
		unsigned wait_ms = noise(&seed) / 2u;

		reported =
		    run_and_kill(box, reported, wait_ms * 1000, round % 2 == 1);
		box_open(box);
		for (unsigned n = 0; n < reported; n++)
			assert_int_equal(box_get(box, n), n);
		box_close(box);
	}
	assert_true(reported > rounds);
	assert_int_equal(box_files(box, "policies.mdb.bad-"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_bad_files),
		TEST(test_bad_files_are_kept),
		TEST(test_empty_file),
		TEST(test_good_file_stays),
		TEST(test_short_file_stays),
		TEST(test_overwritten_pages),
		TEST(test_folder_is_made),
		TEST(test_bad_folders),
		TEST(test_unwritable_folder),
		TEST(test_in_use),
		TEST(test_kill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
