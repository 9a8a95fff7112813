/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_entry.c - a cache record of arbitrary bytes is accepted whole or rejected.
 *
 * The input is tried as it is, and again with a corrected checksum, since hardly any
 * mutation would pass the check. An accepted record must be safe to read: all
 * patterns and all lengths lie within it. If the cache would also store such an
 * entry, it must encode to the same bytes. */
#include "cache/entry.h"

#include <endian.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_patterns(const struct policy *policy, bool good)
{
	const char *end = policy->mx.data + policy->mx.len;
	size_t offset = 0;
	uint32_t count = 0;
	const char *mx;

	while ((mx = policy_next_mx(policy, &offset))) {
		check(mx >= policy->mx.data && mx + strlen(mx) < end);
		count++;
	}
	check(!good || count == policy->mx_count);
}

static const struct slice name = { "a.example", 9 };

static void try_record(const uint8_t *data, size_t size)
{
	struct cache_entry entry;
	unsigned char *again;
	bool good;

	if (entry_decode(slice_of((const char *)data, size), name, &entry) !=
	    MTS_OK)
		return;
	check(strlen(entry.id) <= RECORD_ID_MAX);
	check(entry_size(&entry) == size);
	again = malloc(size);
	check(again);
	good = entry_encode(&entry, name, again) == MTS_OK;
	check_patterns(&entry.policy, good);
	check(!good || memcmp(again, data, size) == 0);
	free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy;
	uint64_t sum;

	try_record(data, size);
	if (size < ENTRY_SUM)
		return 0;
	copy = malloc(size);
	if (!copy)
		return 0;
	memcpy(copy, data, size);
	sum = htole64(entry_sum(name, copy, size - ENTRY_SUM));
	memcpy(copy + size - ENTRY_SUM, &sum, sizeof(sum));
	try_record(copy, size);
	free(copy);
	return 0;
}
