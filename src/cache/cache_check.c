/* SPDX-License-Identifier: BSD-2-Clause */
/* cache_check.c - checks an LMDB file before it is mapped and used.
 *
 * LMDB has no checksums and believes what its pages say, so an overwritten page
 * may lead it past the end of the file (SIGBUS), out of the map (SIGSEGV) or
 * into an assertion (SIGABRT). So a child process reads the file first; if it
 * dies, the file is damaged. The check is limited in time, because a start with
 * a million policies must not take longer than 100 ms. If damage beyond that
 * limit crashes the daemon later, the crash marks the file as suspect, and the
 * next start checks all of it. */
#include "cache/cache_check.h"

#include "cache/entry.h"
#include "cache/store.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	CHECK_MS = 2,        /* per table, of which six are large */
	CHECK_CLOCK = 64,    /* keys between two looks at the clock */
	CHECK_FREELIST = 0,  /* LMDB's own table of free pages */
	CHECK_FIRST_PAGE = 2 /* 0 and 1 are the meta pages */
};

/* The child writes one of these to the pipe, as one byte. Its exit status does
 * not count, because sanitizers and valgrind change it. */
enum verdict {
	SOUND,
	UNDECIDED, /* the check was not possible: no memory, no permission */
	NO_LMDB,
	BAD_FREELIST,
	BAD_TREE,
	BAD_RECORD,
	CRASHED, /* never written: the pipe was empty */
};

struct check {
	size_t last_page;  /* by LMDB's count */
	size_t file_pages; /* by the size of the file */
	size_t unwritten;  /* free pages past the end of the file */
	bool whole;
};

/* Not base/clock.h's clock, which is only as fine as CHECK_MS. */
static uint64_t check_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void check_on_crash(int signal)
{
	(void)signal;
	_exit(1);
}

static void check_on_assert(MDB_env *env, const char *text)
{
	(void)env;
	(void)text;
	_exit(1);
}

/* An entry of the freelist: a count, then that many page numbers. A wrong one
 * would make LMDB overwrite pages that are in use. */
static bool freelist_is_good(struct check *check, const MDB_val *data)
{
	const char *from = data->mv_data;
	size_t numbers = data->mv_size / sizeof(size_t);
	size_t count;
	size_t page;

	if (numbers == 0)
		return false;
	memcpy(&count, from, sizeof(count));
	if (count > numbers - 1)
		return false;
	for (size_t i = 1; i <= count; i++) {
		memcpy(&page, from + i * sizeof(page), sizeof(page));
		if (page < CHECK_FIRST_PAGE || page > check->last_page)
			return false;
		check->unwritten += page >= check->file_pages;
	}
	return true;
}

static enum verdict check_pair(struct check *check, MDB_dbi table, bool records,
                               const MDB_val *key, const MDB_val *data)
{
	struct slice name = slice_of(key->mv_data, key->mv_size);
	struct cache_entry entry;

	if (table == CHECK_FREELIST)
		return freelist_is_good(check, data) ? SOUND : BAD_FREELIST;
	/* A wrong checksum shows that something wrote over this file. LMDB's
	 * own pages have no checksums. */
	if (records && entry_decode(slice_of(data->mv_data, data->mv_size),
	                            name, &entry) != MTS_OK)
		return BAD_RECORD;
	return SOUND;
}

static enum verdict check_table(struct check *check, MDB_txn *txn,
                                MDB_dbi table, bool records)
{
	uint64_t end_ms = check_now_ms() + CHECK_MS;
	enum verdict verdict = SOUND;
	MDB_cursor *cursor;
	MDB_val key;
	MDB_val data;
	MDB_stat stat;
	size_t n = 0;
	int rc;

	if (mdb_stat(txn, table, &stat) != 0 ||
	    mdb_cursor_open(txn, table, &cursor) != 0)
		return UNDECIDED;
	while ((rc = mdb_cursor_get(cursor, &key, &data, MDB_NEXT)) == 0 &&
	       verdict == SOUND) {
		if (++n > stat.ms_entries) /* the leaves form a loop */
			return BAD_TREE;
		if (n % CHECK_CLOCK == 0 && !check->whole &&
		    check_now_ms() > end_ms)
			return SOUND;
		verdict = check_pair(check, table, records, &key, &data);
	}
	if (verdict == SOUND && (rc != MDB_NOTFOUND || n != stat.ms_entries))
		verdict = BAD_TREE;
	return verdict;
}

static enum verdict check_named(struct check *check, MDB_txn *txn,
                                const char *name, bool records)
{
	MDB_dbi table;

	switch (mdb_dbi_open(txn, name, 0, &table)) {
	case 0:
		return check_table(check, txn, table, records);
	case MDB_NOTFOUND: /* new, or not ours: store.c finds out */
		return SOUND;
	case ENOMEM:
		return UNDECIDED;
	default:
		return BAD_TREE;
	}
}

/* A sound file may be shorter than LMDB's last page: pages at its end that one
 * transaction took and freed were never written. They are in the freelist,
 * which is short enough to read whole. If other pages are missing, only a check
 * of the whole file can find out whether they matter. */
static enum verdict check_freelist(struct check *check, MDB_txn *txn)
{
	bool whole = check->whole;
	size_t pages = check->last_page + 1;
	enum verdict verdict;

	check->whole = true;
	verdict = check_table(check, txn, CHECK_FREELIST, false);
	check->whole = whole || (check->file_pages < pages &&
	                         check->unwritten < pages - check->file_pages);
	return verdict;
}

/* LMDB could not open the file. ENOMEM may mean that the file claims an
 * impossible size; then a map of the proper size works. */
static enum verdict explain_open(int rc, const char *path, size_t map_size)
{
	void *map;
	int fd;

	if (mts_from_lmdb(rc) == MTS_EDAMAGED)
		return NO_LMDB;
	if (rc != ENOMEM && rc != EINVAL)
		return UNDECIDED;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return UNDECIDED;
	map = mmap(NULL, map_size, PROT_READ, MAP_SHARED, fd, 0);
	return map == MAP_FAILED ? UNDECIDED : NO_LMDB;
}

/* Runs in the child, which ends afterwards: nothing is released. */
static enum verdict check_in_child(const char *path, uint64_t size,
                                   size_t map_size, bool whole)
{
	struct check check = { .whole = whole };
	enum verdict verdict;
	MDB_envinfo info;
	MDB_stat stat;
	MDB_txn *txn;
	MDB_env *env;
	int rc;

	if (mdb_env_create(&env) != 0)
		return UNDECIDED;
	mdb_env_set_assert(env, check_on_assert);
	mdb_env_set_maxdbs(env, TABLES_ALL);
	mdb_env_set_mapsize(env, map_size);
	/* We hold the folder's lock, so nothing writes meanwhile. */
	rc = mdb_env_open(env, path, MDB_NOSUBDIR | MDB_RDONLY | MDB_NOLOCK, 0);
	if (rc)
		return explain_open(rc, path, map_size);
	if (mdb_env_info(env, &info) || mdb_env_stat(env, &stat) ||
	    mdb_txn_begin(env, NULL, MDB_RDONLY, &txn))
		return UNDECIDED;
	check.last_page = info.me_last_pgno;
	check.file_pages = size / stat.ms_psize;
	verdict = check_freelist(&check, txn);
	if (verdict == SOUND)
		verdict = check_named(&check, txn, TABLE_META, false);
	for (int i = 0; verdict == SOUND && i < STORE_TABLES; i++)
		verdict =
		    check_named(&check, txn, table_name((enum store_table)i),
		                i == STORE_BY_NAME);
	return verdict;
}

/* The child must not run its parent's signal handlers: libuv's would write to
 * a pipe that both share. */
static void set_child_signals(const sigset_t *all)
{
	static const int fatal[] = { SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL };
	struct sigaction crash = { .sa_handler = check_on_crash };
	sigset_t open = *all;

	for (size_t i = 0; i < sizeof(fatal) / sizeof(*fatal); i++) {
		sigaction(fatal[i], &crash, NULL);
		sigdelset(&open, fatal[i]);
	}
	sigprocmask(SIG_SETMASK, &open, NULL);
}

static const char *check_verdict_text(enum verdict verdict)
{
	switch (verdict) {
	case NO_LMDB:
		return "it is not an LMDB file, or one of another version";
	case BAD_FREELIST:
		return "its list of free pages is damaged";
	case BAD_TREE:
		return "its pages are damaged";
	case BAD_RECORD:
		return "a record in it is damaged";
	case SOUND:
	case UNDECIDED:
	case CRASHED:
	default:
		return "reading it crashes";
	}
}

/* Waits for the child; returns what it found, or CRASHED if it wrote
 * nothing. */
static enum verdict read_verdict(pid_t child, int from)
{
	unsigned char verdict;
	ssize_t n;
	pid_t ended;
	int status = 0;

	do {
		n = read(from, &verdict, 1);
	} while (n < 0 && errno == EINTR);
	do {
		ended = waitpid(child, &status, 0);
	} while (ended < 0 && errno == EINTR);
	if (n == 1)
		return verdict;
	/* Killed from outside: by a person, or because memory is short. */
	if (n < 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
		return UNDECIDED;
	return CRASHED;
}

/* In the child: reports VERDICT, and ends. */
static void report_and_exit(enum verdict verdict, int to)
{
	unsigned char byte = (unsigned char)verdict;

	_exit(write(to, &byte, 1) == 1 ? 0 : 1);
}

/* Forks. In the child all signals are blocked; the parent's mask is as
 * before. */
static pid_t fork_blocked(sigset_t *all)
{
	sigset_t before;
	pid_t child;

	sigfillset(all);
	sigprocmask(SIG_SETMASK, all, &before);
	child = fork();
	if (child != 0)
		sigprocmask(SIG_SETMASK, &before, NULL);
	return child;
}

int cache_check_file(const char *path, uint64_t size, size_t map_size,
                     bool whole, int lock_fd, struct fault *why)
{
	enum verdict verdict = UNDECIDED;
	sigset_t all;
	int pipes[2];
	pid_t child;

	if (pipe2(pipes, O_CLOEXEC) != 0)
		return MTS_OK;
	child = fork_blocked(&all);
	if (child == 0) {
		/* If the parent dies, the child must not keep its lock. */
		close(lock_fd);
		set_child_signals(&all);
		report_and_exit(check_in_child(path, size, map_size, whole),
		                pipes[1]);
	}
	close(pipes[1]);
	if (child > 0)
		verdict = read_verdict(child, pipes[0]);
	close(pipes[0]);
	if (verdict == SOUND || verdict == UNDECIDED)
		return MTS_OK;
	return fault_set(why, MTS_EDAMAGED, "%s", check_verdict_text(verdict));
}
