/* SPDX-License-Identifier: BSD-2-Clause */
/* key.c - the keys of the tables, and what orders them. */
#include "cache/key.h"

/* In front of used_s, which is far less. */
#define USE_WEAK   (INT64_C(1) << 60)
#define USE_STRONG (INT64_C(2) << 60)

int64_t key_number_of(enum store_table table, const struct cache_entry *entry)
{
	switch (table) {
	case STORE_BY_DUE:
		return entry->next_refresh_s;
	case STORE_BY_END:
		/* A record may claim any time; none that counts is so late. */
		return entry->fetched_s >= USE_WEAK
		           ? USE_WEAK
		           : entry->fetched_s + entry->policy.max_age_s;
	case STORE_BY_USE:
		return (entry->policy.mode == POLICY_ENFORCE ? USE_STRONG
		                                             : USE_WEAK) |
		       (entry->used_s & (USE_WEAK - 1));
	case STORE_BY_NAME:
	case STORE_TABLES:
	default:
		return 0;
	}
}

bool key_protects(int64_t number)
{
	return number >= USE_STRONG;
}

size_t key_make(int64_t number, struct slice name, char *ret)
{
	for (int i = 0; i < KEY_NUMBER; i++)
		ret[i] = (char)((uint64_t)number >> (56 - 8 * i));
	memcpy(ret + KEY_NUMBER, name.data, name.len);
	return KEY_NUMBER + name.len;
}

int64_t key_number(struct slice key)
{
	uint64_t number = 0;

	if (key.len < KEY_NUMBER)
		return -1;
	for (size_t i = 0; i < KEY_NUMBER; i++)
		number = number << 8 | (unsigned char)key.data[i];
	return (int64_t)number;
}

struct slice key_name(enum store_table table, struct slice key)
{
	size_t skip = table == STORE_BY_NAME ? 0 : KEY_NUMBER;

	return key.len < skip ? slice_of("", 0)
	                      : slice_of(key.data + skip, key.len - skip);
}
