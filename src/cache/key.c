/* SPDX-License-Identifier: BSD-2-Clause */
/* key.c - the keys of the tables, and what orders them. */
#include "cache/key.h"

/* In front of used_s, which is far less and may be 0; and the latest end that
 * counts: a record may claim any time. */
#define USED     (INT64_C(1) << 60)
#define LAST_END USED

static int64_t number_of_use(const struct cache_entry *entry,
                             enum policy_mode mode)
{
	return entry->policy.mode == mode ? USED | (entry->used_s & (USED - 1))
	                                  : 0;
}

static int64_t number_of_end(const struct cache_entry *entry)
{
	return entry->fetched_s >= LAST_END
	           ? LAST_END
	           : entry->fetched_s + entry->policy.max_age_s;
}

int64_t key_number_of(enum store_table table, const struct cache_entry *entry)
{
	switch (table) {
	case STORE_BY_DUE:
		return entry->next_refresh_s;
	case STORE_BY_END:
		return number_of_end(entry);
	case STORE_BY_USE_NONE:
		return number_of_use(entry, POLICY_NONE);
	case STORE_BY_USE_TESTING:
		return number_of_use(entry, POLICY_TESTING);
	case STORE_BY_USE_ENFORCE:
		return number_of_use(entry, POLICY_ENFORCE);
	case STORE_BY_FAILING:
		return entry->failures > 0 && entry->policy.mode != POLICY_NONE
		           ? number_of_end(entry)
		           : 0;
	case STORE_BY_NAME:
	case STORE_TABLES:
	default:
		return 0;
	}
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

	return key.len < skip ? slice_of("", 0) : slice_skip(key, skip);
}
