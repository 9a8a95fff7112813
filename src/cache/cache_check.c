/* SPDX-License-Identifier: BSD-2-Clause */
/* cache_check.c - is an LMDB file sound enough to be mapped and used?
 *
 * LMDB has no checksums and follows what its pages say, so an overwritten page
 * may lead it out of the file (SIGBUS), out of the map (SIGSEGV) or into an
 * assertion (SIGABRT). A child walks the file first; however it dies, that is
 * the verdict. The walk is bounded in time, since a start with a million
 * policies must not take longer than 100 ms; what lies beyond the bound and
 * crashes the daemon later marks the file as suspect, and the next start walks
 * all of it. */
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
	CHECK_MS = 2,        /* for each table, of which six are large */
	CHECK_CLOCK = 64,    /* steps between looks at the clock */
	CHECK_FREELIST = 0,  /* LMDB's own table of free pages */
	CHECK_FIRST_PAGE = 2 /* 0 and 1 are the meta pages */
};

/* What the child writes into the pipe, as one byte. Its exit status does not
 * count: sanitizers and valgrind have ideas of their own about that. */
enum verdict {
	SOUND,
	UNDECIDED, /* it could not look: no memory, no permission */
	NO_LMDB,
	BAD_FREELIST,
	BAD_TREE,
	BAD_RECORD,
	CRASHED, /* never written: there was nothing in the pipe */
};

struct check {
	size_t last_page;
	size_t file_pages; /* that the file has room for */
	size_t unwritten;  /* free pages beyond them */
	bool whole;
};

/* Not base/clock.h's, which is as coarse as the bound. */
static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void on_crash(int signal)
{
	(void)signal;
	_exit(1);
}

static void on_assert(MDB_env *env, const char *text)
{
	(void)env;
	(void)text;
	_exit(1);
}

/* A list of pages: its length, then page numbers. One that is wrong makes LMDB
 * write over what is in use. */
static bool freelist_is_good(struct check *check, const MDB_val *data)
{
	const char *from = data->mv_data;
	size_t words = data->mv_size / sizeof(size_t);
	size_t count;
	size_t page;

	if (words == 0)
		return false;
	memcpy(&count, from, sizeof(count));
	if (count > words - 1)
		return false;
	for (size_t i = 1; i <= count; i++) {
		memcpy(&page, from + i * sizeof(page), sizeof(page));
		if (page < CHECK_FIRST_PAGE || page > check->last_page)
			return false;
		check->unwritten += page >= check->file_pages;
	}
	return true;
}

static enum verdict look_at(struct check *check, MDB_dbi table, bool records,
                            const MDB_val *key, const MDB_val *data)
{
	struct slice name = slice_of(key->mv_data, key->mv_size);
	struct cache_entry entry;

	if (table == CHECK_FREELIST)
		return freelist_is_good(check, data) ? SOUND : BAD_FREELIST;
	/* A wrong checksum means that something wrote over this file, and the
	 * tree's own pages have no checksums to show. */
	if (records && entry_decode(slice_of(data->mv_data, data->mv_size),
	                            name, &entry) != MTS_OK)
		return BAD_RECORD;
	return SOUND;
}

static enum verdict walk(struct check *check, MDB_txn *txn, MDB_dbi table,
                         bool records)
{
	uint64_t end_ms = now_ms() + CHECK_MS;
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
		if (++n > stat.ms_entries) /* the leaves run in a circle */
			return BAD_TREE;
		if (n % CHECK_CLOCK == 0 && !check->whole && now_ms() > end_ms)
			return SOUND;
		verdict = look_at(check, table, records, &key, &data);
	}
	if (verdict == SOUND && (rc != MDB_NOTFOUND || n != stat.ms_entries))
		verdict = BAD_TREE;
	return verdict;
}

static enum verdict walk_named(struct check *check, MDB_txn *txn,
                               const char *name, bool records)
{
	MDB_dbi table;

	switch (mdb_dbi_open(txn, name, 0, &table)) {
	case 0:
		return walk(check, txn, table, records);
	case MDB_NOTFOUND: /* new, or somebody else's: store.c tells */
		return SOUND;
	case ENOMEM:
		return UNDECIDED;
	default:
		return BAD_TREE;
	}
}

/* A file may well be somewhat shorter than it says: pages at its end that came
 * and went within one transaction were never written. They are in the list of
 * free ones, which is short. If others are missing, only a walk can tell. */
static enum verdict walk_freelist(struct check *check, MDB_txn *txn)
{
	bool whole = check->whole;
	size_t pages = check->last_page + 1;
	enum verdict verdict;

	check->whole = true;
	verdict = walk(check, txn, CHECK_FREELIST, false);
	check->whole = whole || (check->file_pages < pages &&
	                         check->unwritten < pages - check->file_pages);
	return verdict;
}

/* LMDB couldn't open it. Out of memory may mean that the file claims a size
 * beyond all memory; then a map of the size that it should have works. */
static enum verdict blame(int rc, const char *path, size_t map_size)
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

/* In the child, which gives nothing back: it ends. */
static enum verdict check_here(const char *path, uint64_t size, size_t map_size,
                               bool whole)
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
	mdb_env_set_assert(env, on_assert);
	mdb_env_set_maxdbs(env, TABLES_ALL);
	mdb_env_set_mapsize(env, map_size);
	/* We hold the folder's lock, so nobody writes meanwhile. */
	rc = mdb_env_open(env, path, MDB_NOSUBDIR | MDB_RDONLY | MDB_NOLOCK, 0);
	if (rc)
		return blame(rc, path, map_size);
	if (mdb_env_info(env, &info) || mdb_env_stat(env, &stat) ||
	    mdb_txn_begin(env, NULL, MDB_RDONLY, &txn))
		return UNDECIDED;
	check.last_page = info.me_last_pgno;
	check.file_pages = size / stat.ms_psize;
	verdict = walk_freelist(&check, txn);
	if (verdict == SOUND)
		verdict = walk_named(&check, txn, TABLE_META, false);
	for (int i = 0; verdict == SOUND && i < STORE_TABLES; i++)
		verdict =
		    walk_named(&check, txn, table_name((enum store_table)i),
		               i == STORE_BY_NAME);
	return verdict;
}

/* The child must not run its parent's handlers: libuv's would write into the
 * pipe that both share. */
static void own_signals(const sigset_t *all)
{
	static const int fatal[] = { SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL };
	struct sigaction crash = { .sa_handler = on_crash };
	sigset_t open = *all;

	for (size_t i = 0; i < sizeof(fatal) / sizeof(*fatal); i++) {
		sigaction(fatal[i], &crash, NULL);
		sigdelset(&open, fatal[i]);
	}
	sigprocmask(SIG_SETMASK, &open, NULL);
}

static const char *describe(enum verdict verdict)
{
	switch (verdict) {
	case NO_LMDB:
		return "it is no LMDB file, or of another version";
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

/* What the child found, or how it ended without a word. */
static enum verdict ask(pid_t child, int from)
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
	/* Killed from outside: by a person, or for want of memory. */
	if (n < 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
		return UNDECIDED;
	return CRASHED;
}

/* In the child: says what it found, and ends. */
static void tell(enum verdict verdict, int to)
{
	unsigned char byte = (unsigned char)verdict;

	_exit(write(to, &byte, 1) == 1 ? 0 : 1);
}

/* Forks with all signals blocked, which the parent takes back. */
static pid_t fork_quietly(sigset_t *all)
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

int check_file(const char *path, uint64_t size, size_t map_size, bool whole,
               int lock_fd, struct fault *why)
{
	enum verdict verdict = UNDECIDED;
	sigset_t all;
	int pipes[2];
	pid_t child;

	if (pipe2(pipes, O_CLOEXEC) != 0)
		return MTS_OK;
	child = fork_quietly(&all);
	if (child == 0) {
		/* If the parent dies, its lock must not live on in here. */
		close(lock_fd);
		own_signals(&all);
		tell(check_here(path, size, map_size, whole), pipes[1]);
	}
	close(pipes[1]);
	if (child > 0)
		verdict = ask(child, pipes[0]);
	close(pipes[0]);
	if (verdict == SOUND || verdict == UNDECIDED)
		return MTS_OK;
	return fault_set(why, MTS_EDAMAGED, "%s", describe(verdict));
}
