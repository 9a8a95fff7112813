/* SPDX-License-Identifier: BSD-2-Clause */
/* test_cache_faults.c - a disk that loses pages, and files with damage
 * anywhere.
 *
 * The cache never answers what was not put into it, and every start succeeds,
 * at the latest after one crash. The file is made once and copied for each
 * round. The damage is drawn from a seed, which is the same in each run;
 * MTASTS_TEST_SEED sets another one. */
#include "tests.h"

#include "cachebox.h"

#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	SEED = 8461,
	ROWS = 1500,
	ROUNDS = 60,
	PAGE = 4096,
	CHILD_S = 60, /* a child that takes longer is in a loop */
};
#define CHILD_BYTES (UINT64_C(8) << 30) /* a child's address space */

static struct {
	char *data; /* a good file */
	size_t size;
	uint32_t seed;
} made;

/* As in mtastsd. */
static void on_fault(int signum)
{
	cache_mark_suspect();
	signal(signum, SIG_DFL);
	raise(signum);
}

static void take_signals(void)
{
	struct sigaction action = { .sa_handler = on_fault };

	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
}

/* -- a good file ----------------------------------------------------------- */

static int64_t due_of(unsigned n)
{
	return 1600000000 + (int64_t)(n * 7919 % ROWS);
}

static int put_row(struct cachebox *box, unsigned n)
{
	static char mx[9000];
	size_t len = n % 50 ? 100 + n % 700 : sizeof(mx);
	struct domain domain = box_domain(n);
	struct cache_entry entry = box_entry(n);

	/* From a few hundred bytes up to several pages. */
	memset(mx, 'x', sizeof(mx));
	mx[len - 1] = '\0';
	entry.policy.mx = slice_of(mx, len);
	entry.policy.mx_count = 1;
	entry.next_refresh_s = due_of(n);
	return cache_put(box->cache, &domain, &entry);
}

static void read_file(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	made.size = (size_t)st.st_size;
	made.data = malloc(made.size);
	assert_non_null(made.data);
	assert_int_equal(read(fd, made.data, made.size), made.size);
	close(fd);
}

static void make_good_file(void)
{
	struct cachebox box;

	box_make(&box);
	box_open(&box);
	/* Twice, so that there are free pages too. */
	for (int twice = 0; twice < 2; twice++) {
		for (unsigned n = 0; n < ROWS; n++)
			assert_int_equal(put_row(&box, n), MTS_OK);
		box_sync(&box);
	}
	box_close(&box);
	read_file(box.file);
	box_free(&box);
}

static void write_file(const char *path, const char *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
	close(fd);
}

/* -- what has to hold ------------------------------------------------------ */

struct seen {
	struct cachebox *box;
	char last[DOMAIN_MAX + 1];
	int64_t due_s;
	unsigned count;
	bool wrong;
};

/* Whatever was overwritten, no policy becomes that of another domain. */
static bool is_right(const char *name, const struct cache_entry *entry)
{
	struct domain domain = box_domain(entry->record_ttl_s);

	return entry->record_ttl_s < ROWS &&
	       entry->next_refresh_s == due_of(entry->record_ttl_s) &&
	       strcmp(domain.name, name) == 0;
}

static bool see(void *arg, const char *domain, const struct cache_entry *entry)
{
	struct seen *seen = arg;

	seen->wrong |= !is_right(domain, entry) ||
	               strcmp(domain, seen->last) <= 0 || seen->count > ROWS;
	snprintf(seen->last, sizeof(seen->last), "%s", domain);
	seen->count++;
	return !seen->wrong;
}

static bool see_due(void *arg, const char *domain,
                    const struct cache_entry *entry)
{
	struct seen *seen = arg;

	seen->wrong |= !is_right(domain, entry) ||
	               entry->next_refresh_s <= seen->due_s ||
	               seen->count > ROWS;
	seen->due_s = entry->next_refresh_s;
	seen->count++;
	return !seen->wrong;
}

/* Reads everything in every way; returns how many policies there are, or -1 if
 * one is wrong. */
static int look(struct cachebox *box)
{
	struct seen seen = { .box = box };
	struct seen due = { .box = box };
	int count = 0;

	for (unsigned n = 0; n < ROWS; n++) {
		int64_t mark = box_get(box, n);

		if (mark >= 0 && mark != n)
			return -1;
		count += mark >= 0;
	}
	cache_each(box->cache, "", INT32_MAX, see, &seen);
	cache_due(box->cache, INT64_MAX, INT32_MAX, see_due, &due);
	return seen.wrong || due.wrong ? -1 : count;
}

/* -- a disk that loses pages ----------------------------------------------- */

static int setup(void **state)
{
	struct cachebox *box = test_malloc(sizeof(*box));

	box_make(box);
	write_file(box->file, made.data, made.size);
	*state = box;
	return 0;
}

static int teardown(void **state)
{
	box_free(*state);
	test_free(*state);
	return 0;
}

static void cut(struct cachebox *box, size_t size)
{
	assert_int_equal(truncate(box->file, (off_t)size), 0);
}

/* In a child, as in a daemon: opens the cache, and does RUN, which has to end
 * it by SIGBUS. Leaves the mark of a crash. */
static void assert_killed_by(struct cachebox *box,
                             void (*run)(struct cachebox *box))
{
	int status = 0;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		alarm(CHILD_S);
		take_signals();
		uv_loop_fork(&box->loop);
		box_open(box);
		run(box);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGBUS);
	assert_int_equal(box_files(box, "policies.mdb.suspect"), 1);
}

static void lose_pages_while_reading(struct cachebox *box)
{
	cut(box, made.size / 2);
	look(box);
}

static void lose_pages_while_writing(struct cachebox *box)
{
	for (unsigned n = 0; n < ROWS; n += 10)
		assert_int_equal(put_row(box, n), MTS_OK);
	cut(box, made.size / 4);
	box_sync(box);
}

static void assert_set_aside_at_start(struct cachebox *box)
{
	box_open(box);
	assert_int_equal(box_files(box, "policies.mdb.bad-"), 1);
	assert_int_equal(box_files(box, "policies.mdb.suspect"), 0);
	for (unsigned n = 0; n < ROWS; n++)
		assert_int_equal(put_row(box, n), MTS_OK);
	box_sync(box);
	assert_int_equal(look(box), ROWS);
	box_close(box);
	box_open(box);
	assert_int_equal(look(box), ROWS);
	assert_int_equal(box_files(box, "policies.mdb.bad-"), 1);
}

static void test_lost_pages_end_the_process(void **state)
{
	struct cachebox *box = *state;

	assert_killed_by(box, lose_pages_while_reading);
	assert_set_aside_at_start(box);
}

static void test_lost_pages_end_the_process_in_the_writer(void **state)
{
	struct cachebox *box = *state;

	assert_killed_by(box, lose_pages_while_writing);
	assert_set_aside_at_start(box);
}

/* The disk delivers the pages again by the time the file is checked. */
static void test_sound_file_is_kept_after_a_crash(void **state)
{
	struct cachebox *box = *state;

	assert_killed_by(box, lose_pages_while_reading);
	write_file(box->file, made.data, made.size);
	box_open(box);
	assert_int_equal(look(box), ROWS);
	assert_int_equal(box_files(box, "policies.mdb.bad-"), 0);
	assert_int_equal(box_files(box, "policies.mdb.suspect"), 0);
	assert_int_equal(put_row(box, 1), MTS_OK);
	box_sync(box);
	assert_int_equal(look(box), ROWS);
}

/* -- damage anywhere ------------------------------------------------------- */

static uint32_t draw(uint32_t below)
{
	made.seed = made.seed * 1664525u + 1013904223u;
	return (made.seed >> 16 ^ made.seed << 16) % below;
}

static void fill_with_noise(char *to, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] = (char)draw(256);
}

/* A random page of TABLE (NULL: the table of free pages). */
static size_t page_of(struct cachebox *box, const char *table)
{
	MDB_cursor *cursor;
	MDB_val key;
	MDB_val data;
	MDB_stat stat;
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi = 0;
	size_t page = 0;

	assert_int_equal(mdb_env_create(&env), 0);
	mdb_env_set_maxdbs(env, 8);
	assert_int_equal(mdb_env_open(env, box->file,
	                              MDB_NOSUBDIR | MDB_RDONLY | MDB_NOLOCK,
	                              0600),
	                 0);
	assert_int_equal(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), 0);
	if (table)
		assert_int_equal(mdb_dbi_open(txn, table, 0, &dbi), 0);
	assert_int_equal(mdb_stat(txn, dbi, &stat), 0);
	assert_int_not_equal(stat.ms_entries, 0);
	assert_int_equal(mdb_cursor_open(txn, dbi, &cursor), 0);
	for (uint32_t n = draw((uint32_t)stat.ms_entries) + 1; n > 0; n--)
		assert_int_equal(mdb_cursor_get(cursor, &key, &data, MDB_NEXT),
		                 0);
	/* Each page begins with its number. */
	memcpy(&page, (char *)key.mv_data - (uintptr_t)key.mv_data % PAGE,
	       sizeof(page));
	mdb_cursor_close(cursor);
	mdb_txn_abort(txn);
	mdb_env_close(env);
	return page;
}

static void damage_table(struct cachebox *box, char *data)
{
	static const char *const tables[] = { NULL,  "meta", "policies",
		                              "due", "end",  "use_enforce" };
	char *page =
	    data + PAGE * page_of(box, tables[draw(ARRAY_LEN(tables))]);

	switch (draw(3)) {
	case 0:
		fill_with_noise(page, PAGE);
		break;
	case 1:
		memset(page, 0, PAGE);
		break;
	default:
		fill_with_noise(page + draw(PAGE - 40), 1 + draw(40));
	}
}

static void damage_anywhere(char *data)
{
	uint32_t pages = (uint32_t)(made.size / PAGE);
	char *page = data + (size_t)PAGE * draw(pages);

	switch (draw(4)) {
	case 0:
		fill_with_noise(page, PAGE);
		break;
	case 1: /* the contents of another page */
		memmove(page, data + (size_t)PAGE * draw(pages), PAGE);
		break;
	case 2:
		page[draw(PAGE)] ^= (char)(1 << draw(8));
		break;
	default: /* a run of several */
		fill_with_noise(page,
		                made.size - (size_t)(page - data) < 4 * PAGE
		                    ? PAGE
		                    : 4 * PAGE);
	}
}

static void damage_meta(char *data)
{
	uint32_t which = draw(3) + 1; /* the first, the second, both */

	for (uint32_t i = 0; i < 2; i++) {
		if (which & (1u << i))
			fill_with_noise(data + (size_t)PAGE * i + draw(100),
			                1 + draw(200));
	}
}

static void damage(struct cachebox *box)
{
	char *data = malloc(made.size);
	size_t size = made.size;

	assert_non_null(data);
	write_file(box->file, made.data, made.size);
	memcpy(data, made.data, made.size);
	switch (draw(8)) {
	case 0:
	case 1:
		damage_anywhere(data);
		break;
	case 2:
		damage_meta(data);
		break;
	case 3:
		size = draw(10) ? draw((uint32_t)made.size) : 0;
		break;
	default:
		damage_table(box, data);
	}
	write_file(box->file, data, size);
	free(data);
}

/* A damaged length can make LMDB ask for many gigabytes. The system refuses
 * them; valgrind would spend minutes on them, and needs a limit to refuse
 * them. */
static void limit_memory(void)
{
	struct rlimit limit = { .rlim_cur = CHILD_BYTES,
		                .rlim_max = CHILD_BYTES };

	if (getenv("MTS_VALGRIND"))
		assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
}

/* In a child: uses the cache as a daemon would. */
static void use(struct cachebox *box)
{
	struct fault why = { 0 };
	unsigned bad;
	int count;

	alarm(CHILD_S);
	limit_memory();
	take_signals();
	uv_loop_fork(&box->loop);
	if (box_try(box, &why) != MTS_OK) {
		fprintf(stderr, "cache_open: %s\n", why.text);
		_exit(2);
	}
	bad = box_files(box, "policies.mdb.bad-");
	count = look(box);
	if (count < 0)
		_exit(3);
	for (unsigned n = 0; n < ROWS; n += 3)
		if (put_row(box, n) != MTS_OK)
			_exit(4);
	for (unsigned n = 1; n < ROWS; n += 30) {
		struct domain domain = box_domain(n);

		(void)cache_remove(box->cache, &domain);
	}
	box_sync(box);
	/* If the file is set aside only now, what was in it is gone. */
	count = look(box);
	if (count < (bad == box_files(box, "policies.mdb.bad-") ? ROWS / 3 : 0))
		_exit(5);
	box_close(box);
	_exit(0);
}

static int run_child(struct cachebox *box)
{
	int status = 0;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0)
		use(box);
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void test_damage_is_never_answered(void **state)
{
	struct cachebox *box = *state;
	const char *seed = getenv("MTASTS_TEST_SEED");
	unsigned crashes = 0;

	made.seed = seed ? (uint32_t)strtoul(seed, NULL, 10) : SEED;
	for (int round = 0; round < ROUNDS; round++) {
		uint32_t round_seed = made.seed;
		int status;

		damage(box);
		box->now_s++;
		status = run_child(box);
		/* Damage that the limited check missed may crash it once. */
		if (WIFSIGNALED(status) && WTERMSIG(status) != SIGALRM) {
			crashes++;
			status = run_child(box);
		}
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			fail_msg("round %d, seed %u: status %x", round,
			         round_seed, (unsigned)status);
	}
	print_message("%u set aside, %u crashes\n",
	              box_files(box, "policies.mdb.bad-"), crashes);
	assert_in_range(box_files(box, "policies.mdb.bad-"), ROUNDS / 4,
	                ROUNDS);
}

static int make_all(void **state)
{
	(void)state;
	make_good_file();
	return 0;
}

static int free_all(void **state)
{
	(void)state;
	free(made.data);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_lost_pages_end_the_process),
		TEST(test_lost_pages_end_the_process_in_the_writer),
		TEST(test_sound_file_is_kept_after_a_crash),
		TEST(test_damage_is_never_answered),
	};

	return cmocka_run_group_tests(tests, make_all, free_all);
}
