/* SPDX-License-Identifier: BSD-2-Clause */
/* entry.c - a cache entry as the bytes of one record.
 *
 * Pure: no LMDB, no log. Decoding is on the path of every hit: it copies
 * nothing but the id, and looks at each byte at most twice. */
#include "cache/entry.h"

#include <endian.h>

/* Where a field lies; see entry.h. */
enum {
	AT_MAGIC = 0,
	AT_MODE = 4,
	AT_ID_LEN = 5,
	AT_FAILED_CAUSE = 6,
	AT_DANE_STATE = 7,
	AT_MAX_AGE = 8,
	AT_TTL = 12,
	AT_MX_COUNT = 16,
	AT_FAILURES = 20,
	AT_MX_LEN = 24,
	AT_TEXT_LEN = 28,
	AT_FETCHED = 32,
	AT_CHECKED = 40,
	AT_USED = 48,
	AT_NEXT_REFRESH = 56,
	AT_FAILED = 64,
	AT_DANE_LEARNT = 72,
	AT_DANE_TTL = 80,
	AT_ZERO = 84,
};

static const unsigned char magic[4] = { 'M', 'T', 'E', ENTRY_VERSION };

static inline uint32_t get_32(const unsigned char *at)
{
	uint32_t n;

	memcpy(&n, at, sizeof(n)); /* LMDB aligns to 2 */
	return le32toh(n);
}

static inline uint64_t get_64(const unsigned char *at)
{
	uint64_t n;

	memcpy(&n, at, sizeof(n));
	return le64toh(n);
}

static void put_32(unsigned char *at, uint32_t n)
{
	n = htole32(n);
	memcpy(at, &n, sizeof(n));
}

static void put_64(unsigned char *at, uint64_t n)
{
	n = htole64(n);
	memcpy(at, &n, sizeof(n));
}

/* -- XXH64 (Collet: "xxHash fast digest algorithm", with seed 0) ----------- */

static const uint64_t prime_1 = 0x9e3779b185ebca87u;
static const uint64_t prime_2 = 0xc2b2ae3d27d4eb4fu;
static const uint64_t prime_3 = 0x165667b19e3779f9u;
static const uint64_t prime_4 = 0x85ebca77c2b2ae63u;
static const uint64_t prime_5 = 0x27d4eb2f165667c5u;

static inline uint64_t rotate(uint64_t x, unsigned bits)
{
	return (x << bits) | (x >> (64 - bits));
}

static inline uint64_t sum_round(uint64_t acc, uint64_t lane)
{
	return rotate(acc + lane * prime_2, 31) * prime_1;
}

/* Takes as many stripes of 32 bytes as there are; moves *DATA on. */
static uint64_t sum_stripes(const unsigned char **data, size_t len)
{
	uint64_t acc[4] = { prime_1 + prime_2, prime_2, 0, 0 - prime_1 };
	const unsigned char *p = *data;
	uint64_t sum;

	for (; len >= 32; len -= 32, p += 32)
		for (size_t i = 0; i < 4; i++)
			acc[i] = sum_round(acc[i], get_64(p + 8 * i));
	sum = rotate(acc[0], 1) + rotate(acc[1], 7) + rotate(acc[2], 12) +
	      rotate(acc[3], 18);
	for (int i = 0; i < 4; i++)
		sum = (sum ^ sum_round(0, acc[i])) * prime_1 + prime_4;
	*data = p;
	return sum;
}

uint64_t entry_checksum(const unsigned char *data, size_t len)
{
	const unsigned char *end = data + len;
	uint64_t sum = len < 32 ? prime_5 : sum_stripes(&data, len);

	sum += len;
	for (; end - data >= 8; data += 8)
		sum = rotate(sum ^ sum_round(0, get_64(data)), 27) * prime_1 +
		      prime_4;
	if (end - data >= 4) {
		sum = rotate(sum ^ get_32(data) * prime_1, 23) * prime_2 +
		      prime_3;
		data += 4;
	}
	for (; data < end; data++)
		sum = rotate(sum ^ *data * prime_5, 11) * prime_1;
	sum = (sum ^ (sum >> 33)) * prime_2;
	sum = (sum ^ (sum >> 29)) * prime_3;
	return sum ^ (sum >> 32);
}

/* -- the record ------------------------------------------------------------ */

size_t entry_size(const struct cache_entry *entry)
{
	size_t id_len = strnlen(entry->id, RECORD_ID_MAX + 1);

	if (id_len > RECORD_ID_MAX || entry->policy.mx.len > POLICY_MAX ||
	    entry->text.len > POLICY_MAX)
		return 0;
	return ENTRY_HEAD + entry->policy.mx.len + id_len + entry->text.len +
	       ENTRY_SUM;
}

static unsigned char *put_bytes(unsigned char *to, const char *data, size_t len)
{
	if (len)
		memcpy(to, data, len);
	return to + len;
}

static void put_head(const struct cache_entry *entry, size_t id_len,
                     unsigned char *to)
{
	memset(to, 0, ENTRY_HEAD);
	memcpy(to + AT_MAGIC, magic, sizeof(magic));
	to[AT_MODE] = (unsigned char)entry->policy.mode;
	to[AT_ID_LEN] = (unsigned char)id_len;
	put_32(to + AT_MAX_AGE, entry->policy.max_age_s);
	put_32(to + AT_TTL, entry->record_ttl_s);
	put_32(to + AT_MX_COUNT, entry->policy.mx_count);
	put_32(to + AT_FAILURES, entry->failures);
	put_32(to + AT_MX_LEN, (uint32_t)entry->policy.mx.len);
	put_32(to + AT_TEXT_LEN, (uint32_t)entry->text.len);
	put_64(to + AT_FETCHED, (uint64_t)entry->fetched_s);
	put_64(to + AT_CHECKED, (uint64_t)entry->checked_s);
	put_64(to + AT_USED, (uint64_t)entry->used_s);
	put_64(to + AT_NEXT_REFRESH, (uint64_t)entry->next_refresh_s);
	put_64(to + AT_FAILED, (uint64_t)entry->failed_s);
	to[AT_FAILED_CAUSE] = entry->failed_cause;
	to[AT_DANE_STATE] = entry->dane_state;
	put_64(to + AT_DANE_LEARNT, (uint64_t)entry->dane_learnt_s);
	put_32(to + AT_DANE_TTL, entry->dane_ttl_s);
}

int entry_encode(const struct cache_entry *entry, unsigned char *to)
{
	size_t id_len = strnlen(entry->id, RECORD_ID_MAX);
	unsigned char *p = to + ENTRY_HEAD;
	struct cache_entry again;
	size_t len;

	put_head(entry, id_len, to);
	p = put_bytes(p, entry->policy.mx.data, entry->policy.mx.len);
	p = put_bytes(p, entry->id, id_len);
	p = put_bytes(p, entry->text.data, entry->text.len);
	len = (size_t)(p - to);
	put_64(p, entry_checksum(to, len));
	/* What can't be read back must not get in: it would be taken for
	 * damage some day. */
	return entry_decode(slice_of((const char *)to, len + ENTRY_SUM),
	                    &again) == MTS_OK
	           ? MTS_OK
	           : MTS_ERANGE;
}

static void get_head(const unsigned char *data, struct cache_entry *ret)
{
	ret->policy.mode = (enum policy_mode)data[AT_MODE];
	ret->policy.max_age_s = get_32(data + AT_MAX_AGE);
	ret->record_ttl_s = get_32(data + AT_TTL);
	ret->policy.mx_count = get_32(data + AT_MX_COUNT);
	ret->failures = get_32(data + AT_FAILURES);
	ret->fetched_s = (int64_t)get_64(data + AT_FETCHED);
	ret->checked_s = (int64_t)get_64(data + AT_CHECKED);
	ret->used_s = (int64_t)get_64(data + AT_USED);
	ret->next_refresh_s = (int64_t)get_64(data + AT_NEXT_REFRESH);
	ret->failed_s = (int64_t)get_64(data + AT_FAILED);
	ret->failed_cause = data[AT_FAILED_CAUSE];
	ret->dane_state = data[AT_DANE_STATE];
	ret->dane_learnt_s = (int64_t)get_64(data + AT_DANE_LEARNT);
	ret->dane_ttl_s = get_32(data + AT_DANE_TTL);
}

static bool head_is_good(const unsigned char *data,
                         const struct cache_entry *entry)
{
	const struct policy *policy = &entry->policy;

	return data[AT_MODE] <= POLICY_ENFORCE && get_32(data + AT_ZERO) == 0 &&
	       policy->max_age_s <= POLICY_MAX_AGE_MAX &&
	       (policy->mx_count > 0 || policy->mode == POLICY_NONE) &&
	       entry->fetched_s >= 0 && entry->checked_s >= 0 &&
	       entry->used_s >= 0 && entry->next_refresh_s >= 0 &&
	       entry->failed_s >= 0 && entry->dane_learnt_s >= 0;
}

/* What a byte may be part of. A table and no branches: this is on the path of
 * every hit. */
enum { IN_MX = 1, ENDS_MX = 2, IN_ID = 4 };

#define UPPER IN_ID
#define BOTH  (IN_MX | IN_ID)

static const unsigned char kinds[256] = {
	[0] = ENDS_MX, ['*'] = IN_MX, ['-'] = IN_MX, ['.'] = IN_MX,
	['0'] = BOTH,  ['1'] = BOTH,  ['2'] = BOTH,  ['3'] = BOTH,
	['4'] = BOTH,  ['5'] = BOTH,  ['6'] = BOTH,  ['7'] = BOTH,
	['8'] = BOTH,  ['9'] = BOTH,  ['a'] = BOTH,  ['b'] = BOTH,
	['c'] = BOTH,  ['d'] = BOTH,  ['e'] = BOTH,  ['f'] = BOTH,
	['g'] = BOTH,  ['h'] = BOTH,  ['i'] = BOTH,  ['j'] = BOTH,
	['k'] = BOTH,  ['l'] = BOTH,  ['m'] = BOTH,  ['n'] = BOTH,
	['o'] = BOTH,  ['p'] = BOTH,  ['q'] = BOTH,  ['r'] = BOTH,
	['s'] = BOTH,  ['t'] = BOTH,  ['u'] = BOTH,  ['v'] = BOTH,
	['w'] = BOTH,  ['x'] = BOTH,  ['y'] = BOTH,  ['z'] = BOTH,
	['A'] = UPPER, ['B'] = UPPER, ['C'] = UPPER, ['D'] = UPPER,
	['E'] = UPPER, ['F'] = UPPER, ['G'] = UPPER, ['H'] = UPPER,
	['I'] = UPPER, ['J'] = UPPER, ['K'] = UPPER, ['L'] = UPPER,
	['M'] = UPPER, ['N'] = UPPER, ['O'] = UPPER, ['P'] = UPPER,
	['Q'] = UPPER, ['R'] = UPPER, ['S'] = UPPER, ['T'] = UPPER,
	['U'] = UPPER, ['V'] = UPPER, ['W'] = UPPER, ['X'] = UPPER,
	['Y'] = UPPER, ['Z'] = UPPER,
};

#undef UPPER
#undef BOTH

/* As many patterns as the head says, none empty, the last one ended. */
static bool mx_is_good(const struct policy *policy)
{
	const unsigned char *mx = (const unsigned char *)policy->mx.data;
	unsigned last = ENDS_MX;
	unsigned both_end = 0;
	unsigned all = IN_MX | ENDS_MX;
	uint32_t count = 0;

	for (size_t i = 0; i < policy->mx.len; i++) {
		unsigned kind = kinds[mx[i]] & (IN_MX | ENDS_MX);

		both_end |= kind & last & ENDS_MX;
		count += kind >> 1;
		all = kind ? all : 0;
		last = kind;
	}
	return all && !both_end && last == ENDS_MX && count == policy->mx_count;
}

static bool id_is_good(const char *id, size_t len)
{
	unsigned all = IN_ID;

	for (size_t i = 0; i < len; i++)
		all &= kinds[(unsigned char)id[i]];
	return all & IN_ID;
}

/* The lengths add up to the record's, so that nothing after this can read
 * beyond it. */
static bool size_is_good(const unsigned char *data, size_t len)
{
	uint64_t sum = (uint64_t)get_32(data + AT_MX_LEN) +
	               get_32(data + AT_TEXT_LEN) + data[AT_ID_LEN];

	return data[AT_ID_LEN] <= RECORD_ID_MAX &&
	       sum == len - ENTRY_HEAD - ENTRY_SUM;
}

int entry_decode(struct slice record, struct cache_entry *ret)
{
	const unsigned char *data = (const unsigned char *)record.data;
	const char *p = record.data + ENTRY_HEAD;
	size_t id_len;

	if (record.len < ENTRY_HEAD + ENTRY_SUM || record.len > ENTRY_MAX ||
	    memcmp(data, magic, sizeof(magic)) != 0 ||
	    !size_is_good(data, record.len) ||
	    get_64(data + record.len - ENTRY_SUM) !=
	        entry_checksum(data, record.len - ENTRY_SUM))
		return MTS_EDAMAGED;
	id_len = data[AT_ID_LEN];
	get_head(data, ret);
	ret->policy.mx = slice_of(p, get_32(data + AT_MX_LEN));
	p += ret->policy.mx.len;
	memcpy(ret->id, p, id_len);
	ret->id[id_len] = '\0';
	ret->text = slice_of(p + id_len, get_32(data + AT_TEXT_LEN));
	if (!head_is_good(data, ret) || !mx_is_good(&ret->policy) ||
	    !id_is_good(ret->id, id_len) || ret->text.len > POLICY_MAX ||
	    ret->policy.mx.len > POLICY_MAX)
		return MTS_EDAMAGED;
	return MTS_OK;
}
