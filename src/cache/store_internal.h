/* SPDX-License-Identifier: BSD-2-Clause */
/* store_internal.h - what store.c and store_read.c share. */
#ifndef CACHE_STORE_INTERNAL_H
#define CACHE_STORE_INTERNAL_H

#include "cache/cache_dir.h"
#include "cache/store.h"

struct store {
	struct place place;
	const struct clock *clock;
	size_t limit;
	bool looked;     /* at the file, by check_file() */
	bool read_only;  /* the disk is; or it is full, or broken */
	MDB_env *env;    /* NULL: there is nothing that could be read */
	MDB_txn *reader; /* running or reset */
	bool reading;
	int broken;   /* LMDB's code that says so, or 0; see store_note() */
	bool doubted; /* see store_doubt() */
	struct tables tables;
};

#endif
