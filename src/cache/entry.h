/* SPDX-License-Identifier: BSD-2-Clause */
/* entry.h - a cache entry as the bytes of one record.
 *
 * Numbers are little-endian, so that a file can move between machines:
 *
 *      0  "MTE" and the version, 3
 *      4  mode (1), length of the id (1), failed_cause (1), dane_state (1)
 *      8  max_age (4), record_ttl_s (4), mx_count (4), failures (4)
 *     24  length of the patterns (4), dane_ttl_s (4)
 *     32  fetched_s, checked_s, used_s, next_refresh_s, failed_s,
 *         dane_learnt_s, text_hash (8 each)
 *     88  the patterns, each with its NUL; the id
 *    end  checksum of everything before it (8)
 *
 * A version that differs, a length that does not add up or a wrong checksum
 * makes the record damaged as a whole: half a policy is none. */
#ifndef CACHE_ENTRY_H
#define CACHE_ENTRY_H

#include "cache/cache.h"

#include <stddef.h>
#include <stdint.h>

enum {
	ENTRY_VERSION = 3,
	ENTRY_HEAD = 88, /* what comes before the patterns */
	ENTRY_SUM = 8,
	/* The patterns come out of a text of at most POLICY_MAX bytes. */
	ENTRY_MAX = ENTRY_HEAD + POLICY_MAX + RECORD_ID_MAX + ENTRY_SUM,
};

/* The bytes that ENTRY takes; 0 if a length is out of bounds. */
size_t entry_size(const struct cache_entry *entry);

/* Writes ENTRY to TO, which has room for entry_size() bytes, which is not 0.
 * MTS_ERANGE: it is not what a policy can be; the patterns must be mx_count
 * strings of lower-case letters, digits, hyphens, dots and asterisks. */
int entry_encode(const struct cache_entry *entry, unsigned char *to);

/* Reads a record without copying: RET borrows from it. MTS_EDAMAGED: RET is
 * undefined. What is accepted lies within the record, and is what
 * entry_encode() let through: that is what the checksum (XXH64) says, and no
 * byte of patterns and id is looked at again. */
int entry_decode(struct slice record, struct cache_entry *ret);

#endif
