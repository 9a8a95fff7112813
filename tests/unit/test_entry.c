/* SPDX-License-Identifier: BSD-2-Clause */
/* test_entry.c - records of the cache: there and back, and every damage. */
#include "tests.h"

#include "cache/entry.h"

#define MX   "mx1.example\0*.example.net\0"
#define TEXT "version: STSv1\nmode: enforce\nmx: mx1.example\nmax_age: 86400\n"

static struct cache_entry sample(void)
{
	struct cache_entry entry = {
		.policy = { .mode = POLICY_ENFORCE,
		            .max_age_s = 86400,
		            .mx_count = 2,
		            .mx = slice_of(MX, sizeof(MX) - 1) },
		.id = "20160831085700Z",
		.text = slice_of(TEXT, sizeof(TEXT) - 1),
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
	assert_int_equal(a->text.len, b->text.len);
	assert_memory_equal(a->text.data, b->text.data, a->text.len);
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

/* The caller's: free(). Exact, so that ASAN sees the first byte too far. */
static unsigned char *encode(const struct cache_entry *entry, size_t *len)
{
	unsigned char *record;

	*len = entry_size(entry);
	assert_true(*len > 0);
	record = malloc(*len);
	assert_non_null(record);
	assert_int_equal(entry_encode(entry, record), MTS_OK);
	return record;
}

static int decode(const unsigned char *record, size_t len)
{
	struct cache_entry entry;

	return entry_decode(slice_of((const char *)record, len), &entry);
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
	    entry_decode(slice_of((const char *)record, len), &again), MTS_OK);
	assert_same(&entry, &again);
	/* Nothing is copied: a hit must not cost an allocation. */
	assert_in_range((uintptr_t)again.text.data, (uintptr_t)record,
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
	    entry_decode(slice_of((const char *)record, len), &again), MTS_OK);
	assert_same(&entry, &again);
	free(record);

	memset(large, 'a', sizeof(large) - 1);
	entry.policy.mode = POLICY_ENFORCE;
	entry.policy.max_age_s = POLICY_MAX_AGE_MAX;
	entry.policy.mx_count = 1;
	entry.policy.mx = slice_of(large, sizeof(large));
	entry.text = slice_of(large, sizeof(large));
	memset(entry.id, 'Z', RECORD_ID_MAX);
	record = encode(&entry, &len);
	assert_int_equal(len, ENTRY_MAX);
	assert_int_equal(
	    entry_decode(slice_of((const char *)record, len), &again), MTS_OK);
	assert_same(&entry, &again);
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
	{ "a version to come", 3, 3 },
	{ "a version that was", 3, 1 },
	{ "a mode beyond enforce", 4, 3 },
	{ "an id longer than 3.1's 32", 5, 33 },
	{ "an id that eats the text", 5, 16 },
	{ "what is to be 0", 84, 1 },
	{ "what is to be 0, again", 87, 1 },
	{ "a max_age over a year (3.2)", 11, 2 },
	{ "more patterns than there are", 16, 3 },
	{ "fewer patterns than there are", 16, 1 },
	{ "no patterns though mode is enforce", 16, 0 },
	{ "patterns that end within the next", 24, 13 },
	{ "patterns longer than the record", 27, 0x7f },
	{ "a text longer than the record", 31, 0x7f },
	{ "a fetch before 1970", 39, 0x80 },
	{ "a look before 1970", 47, 0x80 },
	{ "a use before 1970", 55, 0x80 },
	{ "a refresh before 1970", 63, 0x80 },
	{ "a failure before 1970", 71, 0x80 },
	{ "DANE learnt before 1970", 79, 0x80 },
	{ "an empty pattern", ENTRY_HEAD, 0 },
	{ "a capital in a pattern", ENTRY_HEAD, 'M' },
	{ "a blank in a pattern", ENTRY_HEAD + 1, ' ' },
	{ "a colon in a pattern", ENTRY_HEAD + 1, ':' },
	{ "a last pattern without its NUL", ENTRY_HEAD + sizeof(MX) - 2, 'x' },
	{ "a blank in the id", ENTRY_HEAD + sizeof(MX) - 1, ' ' },
	{ "a NUL in the id", ENTRY_HEAD + sizeof(MX) - 1, 0 },
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
		sum = entry_checksum(record, len - ENTRY_SUM);
		memcpy(record + len - ENTRY_SUM, &sum, sizeof(sum));
		if (decode(record, len) != MTS_EDAMAGED)
			fail_msg("%s is taken", forged[i].what);
		record[forged[i].at] = old;
	}
	free(record);
}

static void test_refused(void **state)
{
	static char large[POLICY_MAX + 1];
	struct cache_entry entry = sample();
	unsigned char record[ENTRY_MAX];

	(void)state;
	entry.text = slice_of(large, sizeof(large));
	assert_int_equal(entry_size(&entry), 0);
	entry = sample();
	entry.policy.mx = slice_of(large, sizeof(large));
	assert_int_equal(entry_size(&entry), 0);
	entry = sample();
	memset(entry.id, 'a', sizeof(entry.id)); /* no NUL */
	assert_int_equal(entry_size(&entry), 0);
	entry = sample();
	entry.policy.mx_count = 3;
	assert_int_equal(entry_encode(&entry, record), MTS_ERANGE);
	entry = sample();
	entry.used_s = -1;
	assert_int_equal(entry_encode(&entry, record), MTS_ERANGE);
}

/* XXH64's published values, seed 0. */
static const struct {
	const char *text;
	uint64_t sum;
} sums[] = {
	{ "", 0xef46db3751d8e999u },
	{ "a", 0xd24ec4f1a98c6e5bu },
	{ "abc", 0x44bc2cf5ad770999u },
	{ "Nobody inspects the spammish repetition", 0xfbcea83c8a378bf1u },
};

static void test_checksum(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sums); i++)
		assert_true(entry_checksum((const unsigned char *)sums[i].text,
		                           strlen(sums[i].text)) ==
		            sums[i].sum);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_smallest_and_largest),
		cmocka_unit_test(test_every_flipped_bit),
		cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_checksum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
