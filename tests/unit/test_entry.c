/* SPDX-License-Identifier: BSD-2-Clause */
/* test_entry.c - records of the cache: there and back, and every damage. */
#include "tests.h"

#include "cache/entry.h"

#define MX "mx1.example\0*.example.net\0"

static struct cache_entry sample(void)
{
	struct cache_entry entry = {
		.policy = { .mode = POLICY_ENFORCE,
		            .max_age_s = 86400,
		            .mx_count = 2,
		            .mx = slice_of(MX, sizeof(MX) - 1) },
		.id = "20160831085700Z",
		.text_hash = 0x0123456789abcdef,
		.fetched_s = 1500000000,
		.checked_s = 1500000001,
		.record_ttl_s = 300,
		.used_s = 1500000002,
		.next_refresh_s = 1500043200,
		.failed_s = 1500000003,
		.failures = 4,
		.failed_cause = 7,
		.dane_state = 3,
		.dane_learnt_s = 1500000004,
		.dane_ttl_s = 3600,
	};

	return entry;
}

static void assert_same(const struct cache_entry *a,
                        const struct cache_entry *b)
{
	assert_int_equal(a->policy.mode, b->policy.mode);
	assert_int_equal(a->policy.max_age_s, b->policy.max_age_s);
	assert_int_equal(a->policy.mx_count, b->policy.mx_count);
	assert_int_equal(a->policy.mx.len, b->policy.mx.len);
	assert_memory_equal(a->policy.mx.data, b->policy.mx.data,
	                    a->policy.mx.len);
	assert_string_equal(a->id, b->id);
	assert_true(a->text_hash == b->text_hash);
	assert_int_equal(a->fetched_s, b->fetched_s);
	assert_int_equal(a->checked_s, b->checked_s);
	assert_int_equal(a->record_ttl_s, b->record_ttl_s);
	assert_int_equal(a->used_s, b->used_s);
	assert_int_equal(a->next_refresh_s, b->next_refresh_s);
	assert_int_equal(a->failed_s, b->failed_s);
	assert_int_equal(a->failures, b->failures);
	assert_int_equal(a->failed_cause, b->failed_cause);
	assert_int_equal(a->dane_state, b->dane_state);
	assert_int_equal(a->dane_learnt_s, b->dane_learnt_s);
	assert_int_equal(a->dane_ttl_s, b->dane_ttl_s);
}

static struct slice name(void)
{
	return slice_str("example.org");
}

/* The caller's: free(). Exact, so that ASAN sees the first byte too far. */
static unsigned char *encode(const struct cache_entry *entry, size_t *len)
{
	unsigned char *record;

	*len = entry_size(entry);
	assert_true(*len > 0);
	record = malloc(*len);
	assert_non_null(record);
	assert_int_equal(entry_encode(entry, name(), record), MTS_OK);
	return record;
}

static int decode(const unsigned char *record, size_t len)
{
	struct cache_entry entry;

	return entry_decode(slice_of((const char *)record, len), name(),
	                    &entry);
}

static void test_round_trip(void **state)
{
	struct cache_entry entry = sample();
	struct cache_entry again;
	unsigned char *record;
	size_t len;

	(void)state;
	record = encode(&entry, &len);
	assert_int_equal(
	    entry_decode(slice_of((const char *)record, len), name(), &again),
	    MTS_OK);
	assert_same(&entry, &again);
	/* Nothing is copied: a hit must not cost an allocation. */
	assert_in_range((uintptr_t)again.policy.mx.data, (uintptr_t)record,
	                (uintptr_t)record + len);
	free(record);
}

static void test_smallest_and_largest(void **state)
{
	static char large[POLICY_MAX];
	struct cache_entry entry = { .policy = { .mode = POLICY_NONE } };
	struct cache_entry again;
	unsigned char *record;
	size_t len;

	(void)state;
	record = encode(&entry, &len);
	assert_int_equal(len, ENTRY_HEAD + ENTRY_SUM);
	assert_int_equal(
	    entry_decode(slice_of((const char *)record, len), name(), &again),
	    MTS_OK);
	assert_same(&entry, &again);
	free(record);

	memset(large, 'a', sizeof(large) - 1);
	entry.policy.mode = POLICY_ENFORCE;
	entry.policy.max_age_s = POLICY_MAX_AGE_MAX;
	entry.policy.mx_count = 1;
	entry.policy.mx = slice_of(large, sizeof(large));
	memset(entry.id, 'Z', RECORD_ID_MAX);
	record = encode(&entry, &len);
	assert_int_equal(len, ENTRY_MAX);
	assert_int_equal(
	    entry_decode(slice_of((const char *)record, len), name(), &again),
	    MTS_OK);
	assert_same(&entry, &again);
	free(record);
}

/* LMDB's keys have no checksum of their own. */
static void test_other_domain(void **state)
{
	struct cache_entry entry = sample();
	unsigned char *record;
	size_t len;

	(void)state;
	record = encode(&entry, &len);
	assert_int_equal(entry_decode(slice_of((const char *)record, len),
	                              slice_str("example.com"), &entry),
	                 MTS_EDAMAGED);
	free(record);
}

static void test_every_flipped_bit(void **state)
{
	struct cache_entry entry = sample();
	unsigned char *record;
	size_t len;

	(void)state;
	record = encode(&entry, &len);
	for (size_t i = 0; i < len * 8; i++) {
		record[i / 8] ^= (unsigned char)(1u << i % 8);
		assert_int_equal(decode(record, len), MTS_EDAMAGED);
		record[i / 8] ^= (unsigned char)(1u << i % 8);
	}
	assert_int_equal(decode(record, len), MTS_OK);
	free(record);
}

static void test_every_cut(void **state)
{
	struct cache_entry entry = sample();
	unsigned char *record;
	size_t len;

	(void)state;
	record = encode(&entry, &len);
	for (size_t cut = 0; cut < len; cut++) {
		unsigned char *part = malloc(cut ? cut : 1);

		assert_non_null(part);
		memcpy(part, record, cut);
		assert_int_equal(decode(part, cut), MTS_EDAMAGED);
		free(part);
	}
	free(record);
}

/* Damage with a checksum that is right: a fault of ours, not of the disk. */
static const struct {
	const char *what;
	size_t at;
	unsigned char byte;
} forged[] = {
	{ "a version to come", 3, 4 },
	{ "a version that was", 3, 2 },
	{ "a mode beyond enforce", 4, 3 },
	{ "an id longer than 3.1's 32", 5, 33 },
	{ "an id that eats the checksum", 5, 16 },
	{ "a max_age over a year (3.2)", 11, 2 },
	{ "no patterns though mode is enforce", 16, 0 },
	{ "patterns that end within the next", 24, 13 },
	{ "patterns longer than the record", 27, 0x7f },
	{ "a fetch before 1970", 39, 0x80 },
	{ "a look before 1970", 47, 0x80 },
	{ "a use before 1970", 55, 0x80 },
	{ "a refresh before 1970", 63, 0x80 },
	{ "a failure before 1970", 71, 0x80 },
	{ "DANE learnt before 1970", 79, 0x80 },
	{ "a last pattern without its NUL", ENTRY_HEAD + sizeof(MX) - 2, 'x' },
	{ "an id with a NUL in it", ENTRY_HEAD + sizeof(MX) + 2, '\0' },
};

static void test_forged(void **state)
{
	struct cache_entry entry = sample();
	unsigned char *record;
	size_t len;

	(void)state;
	record = encode(&entry, &len);
	for (size_t i = 0; i < ARRAY_LEN(forged); i++) {
		unsigned char old = record[forged[i].at];
		uint64_t sum;

		record[forged[i].at] = forged[i].byte;
		sum = entry_sum(name(), record, len - ENTRY_SUM);
		memcpy(record + len - ENTRY_SUM, &sum, sizeof(sum));
		if (decode(record, len) != MTS_EDAMAGED)
			fail_msg("%s is taken", forged[i].what);
		record[forged[i].at] = old;
	}
	free(record);
}

/* What entry_decode() does not look for must never get in. */
static const struct {
	const char *what;
	const char *mx;
	size_t mx_len;
	uint32_t mx_count;
	const char *id;
} never[] = {
	{ "an empty pattern", "\0mx1.example", 13, 2, "a1" },
	{ "an empty pattern at the end", "mx1.example\0", 13, 2, "a1" },
	{ "a last pattern without its NUL", "mx1.example", 11, 1, "a1" },
	{ "a capital in a pattern", "Mx1.example", 12, 1, "a1" },
	{ "a blank in a pattern", "m 1.example", 12, 1, "a1" },
	{ "a colon in a pattern", "m:1.example", 12, 1, "a1" },
	{ "more patterns than there are", "mx1.example", 12, 2, "a1" },
	{ "fewer patterns than there are", "a.b\0c.d", 8, 1, "a1" },
	{ "no patterns though mode is enforce", "", 0, 0, "a1" },
	{ "a blank in the id", "mx1.example", 12, 1, "a 1" },
	{ "a letter beyond ASCII in the id", "mx1.example", 12, 1, "\xe4" },
};

static void test_never_gets_in(void **state)
{
	unsigned char record[1024];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(never); i++) {
		struct cache_entry entry = sample();

		entry.policy.mx = slice_of(never[i].mx, never[i].mx_len);
		entry.policy.mx_count = never[i].mx_count;
		snprintf(entry.id, sizeof(entry.id), "%s", never[i].id);
		assert_in_range(entry_size(&entry), 1, sizeof(record));
		if (entry_encode(&entry, name(), record) != MTS_ERANGE)
			fail_msg("%s gets in", never[i].what);
	}
}

static void test_refused(void **state)
{
	static char large[POLICY_MAX + 1];
	struct cache_entry entry = sample();
	unsigned char record[ENTRY_MAX];

	(void)state;
	entry.policy.mx = slice_of(large, sizeof(large));
	assert_int_equal(entry_size(&entry), 0);
	entry = sample();
	memset(entry.id, 'a', sizeof(entry.id)); /* no NUL */
	assert_int_equal(entry_size(&entry), 0);
	entry = sample();
	entry.used_s = -1;
	assert_int_equal(entry_encode(&entry, name(), record), MTS_ERANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_smallest_and_largest),
		cmocka_unit_test(test_other_domain),
		cmocka_unit_test(test_every_flipped_bit),
		cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_never_gets_in),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
