/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_entry.c - a cache record of any bytes is taken whole or not at all.
 *
 * The input is tried as it is, and once more with its checksum put right, since
 * hardly any mutation would get past it. What is accepted must be safe to read
 * (the patterns can be walked, all lengths lie within); and if it is what may be
 * put, encode to the same. */
#include "base/xxh64.h"
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

static void try_record(const uint8_t *data, size_t size)
{
	struct cache_entry entry;
	unsigned char *again;
	bool good;

	if (entry_decode(slice_of((const char *)data, size), &entry) != MTS_OK)
		return;
	check(strlen(entry.id) <= RECORD_ID_MAX);
	check(entry_size(&entry) == size);
	again = malloc(size);
	check(again);
	good = entry_encode(&entry, again) == MTS_OK;
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
	sum = htole64(xxh64(copy, size - ENTRY_SUM));
	memcpy(copy + size - ENTRY_SUM, &sum, sizeof(sum));
	try_record(copy, size);
	free(copy);
	return 0;
}
