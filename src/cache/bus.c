/* SPDX-License-Identifier: BSD-2-Clause */
/* bus.c - outlives pages of the file that the disk does not hand out.
 *
 * No siglongjmp() out of LMDB: it would leave cursors on a stack that is gone,
 * and the writer's lock held. */
#include "cache/bus.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

/* What LMDB 0.9's first page has, behind its header. */
static const uint32_t lmdb_magic = 0xbeefc0de;
enum { AT_MAGIC = 16 };

/* For the handler, in whichever thread. */
static atomic_uintptr_t map_begin;
static atomic_uintptr_t map_end; /* 0: nothing is watched */
static atomic_uintptr_t map_page;
static atomic_bool hit;

/* Where the map begins, by a page in it, which begins with its own number. NULL
 * if that does not add up: LMDB tells nobody. */
static const char *find_map(const void *inside, const MDB_stat *stat,
                            const MDB_envinfo *info)
{
	const char *page =
	    (const char *)inside - (uintptr_t)inside % stat->ms_psize;
	const char *first;
	size_t number;
	uint32_t magic;

	memcpy(&number, page, sizeof(number));
	if (number > info->me_last_pgno)
		return NULL;
	first = page - number * stat->ms_psize;
	memcpy(&magic, first + AT_MAGIC, sizeof(magic));
	return magic == lmdb_magic ? first : NULL;
}

void bus_watch(MDB_txn *txn, const struct tables *tables)
{
	MDB_env *env = mdb_txn_env(txn);
	const char *first = NULL;
	MDB_envinfo info;
	MDB_stat stat;
	MDB_val inside;

	if (mdb_env_info(env, &info) == 0 && mdb_env_stat(env, &stat) == 0 &&
	    tables_get_format(tables, txn, &inside) == 0)
		first = find_map(inside.mv_data, &stat, &info);
	atomic_store(&hit, false);
	if (!first)
		return;
	atomic_store(&map_page, stat.ms_psize);
	atomic_store(&map_begin, (uintptr_t)first);
	atomic_store(&map_end, (uintptr_t)first + info.me_mapsize);
}

void bus_unwatch(void)
{
	atomic_store(&map_end, 0);
	atomic_store(&hit, false);
}

bool bus_absorb(const void *address)
{
	uintptr_t at = (uintptr_t)address;
	uintptr_t page = atomic_load(&map_page);
	int error = errno;
	void *zeros;

	if (at >= atomic_load(&map_end) || at < atomic_load(&map_begin))
		return false;
	zeros = mmap((void *)((const char *)address - at % page), page,
	             PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	errno = error;
	if (zeros == MAP_FAILED)
		return false;
	atomic_store(&hit, true);
	return true;
}

bool bus_was_hit(void)
{
	return atomic_load(&hit);
}
