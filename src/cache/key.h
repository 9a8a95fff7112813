/* SPDX-License-Identifier: BSD-2-Clause */
/* key.h - the keys of the two tables.
 *
 * "policies" is ordered by domain. "due" is ordered by next_refresh_s and then
 * by domain: a key is the time, 8 bytes big-endian, and the domain. */
#ifndef CACHE_KEY_H
#define CACHE_KEY_H

#include "base/slice.h"
#include "sts/domain.h"

#include <stdint.h>

enum {
	KEY_TIME = 8, /* bytes of the time in a key of "due" */
	KEY_MAX = KEY_TIME + DOMAIN_MAX,
};

/* The key of NAME in "due"; RET has KEY_MAX bytes. Returns its length. */
size_t key_due(int64_t due_s, struct slice name, char *ret);

/* The time in a key of "due"; -1 if it is none. */
int64_t key_due_time(struct slice key);

/* LMDB's order: <0, 0, >0 as A comes before, is or comes after B. */
int key_compare(struct slice a, struct slice b);

#endif
