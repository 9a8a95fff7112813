/* SPDX-License-Identifier: BSD-2-Clause */
/* key.h - the keys of the tables, and what orders them.
 *
 * "policies" is ordered by domain. Each other table is an order in which the
 * entries are found by a number: its keys are the number, 8 bytes big-endian,
 * and then the domain. */
#ifndef CACHE_KEY_H
#define CACHE_KEY_H

#include "base/slice.h"
#include "cache/cache.h"
#include "sts/domain.h"

#include <stdint.h>

enum {
	KEY_NUMBER = 8, /* bytes of the number in a key */
	KEY_MAX = KEY_NUMBER + DOMAIN_MAX,
};

enum store_table {
	STORE_BY_NAME,
	STORE_BY_DUE, /* next_refresh_s: what is to be refreshed */
	STORE_BY_END, /* the end of max_age: what has expired goes first */
	/* By used_s, each mode apart: the rest of what goes when the cache is
	 * full, in this order. LMDB counts what is in a table, so these say
	 * how many policies there are of each mode as well. */
	STORE_BY_USE_NONE,
	STORE_BY_USE_TESTING,
	STORE_BY_USE_ENFORCE,
	STORE_BY_FAILING, /* the end of those that could not be fetched afresh,
	                   * but for mode none, which protects nothing */
	STORE_TABLES,
};

/* The number of ENTRY in TABLE; 0: it is not in there. */
int64_t key_number_of(enum store_table table, const struct cache_entry *entry);

/* The key of NAME under NUMBER; RET has KEY_MAX bytes. Returns its length. */
size_t key_make(int64_t number, struct slice name, char *ret);

/* The number in a key, and the domain in it (empty if there is none). */
int64_t key_number(struct slice key);
struct slice key_name(enum store_table table, struct slice key);

#endif
