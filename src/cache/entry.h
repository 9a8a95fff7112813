/* SPDX-License-Identifier: BSD-2-Clause */
/* entry.h - the format of a record: one cache entry as bytes.
 *
 * Numbers are little-endian, so that a file can be moved to another machine:
 *
 *      0  "MTE" and the version, 3
 *      4  mode (1), length of the id (1), failed_cause (1), dane_state (1)
 *      8  max_age (4), record_ttl_s (4), mx_count (4), failures (4)
 *     24  length of the patterns (4), dane_ttl_s (4)
 *     32  fetched_s, checked_s, used_s, next_refresh_s, failed_s,
 *         dane_learnt_s, text_hash (8 each)
 *     88  the patterns, each with its NUL; the id
 *    end  checksum of everything before it and of the domain (8)
 *
 * If the version differs, a length is inconsistent or the checksum is wrong,
 * the whole record counts as damaged: half a policy is useless. */
#ifndef CACHE_ENTRY_H
#define CACHE_ENTRY_H

#include "cache/cache.h"

#include <stddef.h>
#include <stdint.h>

enum {
	ENTRY_VERSION = 3,
	ENTRY_HEAD = 88, /* what comes before the patterns */
	ENTRY_SUM = 8,
	/* The patterns come from a text of at most POLICY_MAX bytes. */
	ENTRY_MAX = ENTRY_HEAD + POLICY_MAX + RECORD_ID_MAX + ENTRY_SUM,
};

/* The size of ENTRY's record in bytes; 0: a length is out of bounds. */
size_t entry_size(const struct cache_entry *entry);

/* The checksum of the LEN bytes that a record of the domain NAME begins with.
 * It includes NAME because LMDB's keys have no checksums: otherwise damage to a
 * key could turn a record into the policy of another domain. */
uint64_t entry_sum(struct slice name, const unsigned char *data, size_t len);

/* Writes the record of ENTRY and the domain NAME to TO, which has space for
 * entry_size() bytes (not 0). MTS_ERANGE: ENTRY is not valid; its patterns must
 * be mx_count strings of lower-case letters, digits, hyphens, dots and
 * asterisks. */
int entry_encode(const struct cache_entry *entry, struct slice name,
                 unsigned char *to);

/* Reads the record of the domain NAME without copying it: RET borrows from it.
 * MTS_EDAMAGED: RET is undefined. The checksum (XXH64) shows that
 * entry_encode() accepted the patterns and the id, so their bytes are not
 * checked again; but everything that RET points to lies within the record. */
int entry_decode(struct slice record, struct slice name,
                 struct cache_entry *ret);

#endif
