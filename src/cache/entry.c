/* SPDX-License-Identifier: BSD-2-Clause */
/* entry.c - the format of a record: one cache entry as bytes.
 *
 * Pure: no LMDB, no log. Every hit decodes a record, so decoding copies only
 * the id, and only the checksum reads every byte. */
#include "cache/entry.h"

#include "base/bytes.h"
#include "base/xxh64.h"

/* The offsets of the fields; see entry.h. */
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
	AT_DANE_TTL = 28,
	AT_FETCHED = 32,
	AT_CHECKED = 40,
	AT_USED = 48,
	AT_NEXT_REFRESH = 56,
	AT_FAILED = 64,
	AT_DANE_LEARNT = 72,
	AT_TEXT_HASH = 80,
};

static const unsigned char magic[4] = { 'M', 'T', 'E', ENTRY_VERSION };

/* -- the record ------------------------------------------------------------ */

size_t entry_size(const struct cache_entry *entry)
{
	size_t id_len = strnlen(entry->id, RECORD_ID_MAX + 1);

	if (id_len > RECORD_ID_MAX || entry->policy.mx.len > POLICY_MAX)
		return 0;
	return ENTRY_HEAD + entry->policy.mx.len + id_len + ENTRY_SUM;
}

static unsigned char *append_bytes(unsigned char *to, const char *data,
                                   size_t len)
{
	if (len)
		memcpy(to, data, len);
	return to + len;
}

static void encode_head(const struct cache_entry *entry, size_t id_len,
                        unsigned char *to)
{
	memset(to, 0, ENTRY_HEAD);
	memcpy(to + AT_MAGIC, magic, sizeof(magic));
	to[AT_MODE] = (unsigned char)entry->policy.mode;
	to[AT_ID_LEN] = (unsigned char)id_len;
	bytes_put_32(to + AT_MAX_AGE, entry->policy.max_age_s);
	bytes_put_32(to + AT_TTL, entry->record_ttl_s);
	bytes_put_32(to + AT_MX_COUNT, entry->policy.mx_count);
	bytes_put_32(to + AT_FAILURES, entry->failures);
	bytes_put_32(to + AT_MX_LEN, (uint32_t)entry->policy.mx.len);
	bytes_put_64(to + AT_FETCHED, (uint64_t)entry->fetched_s);
	bytes_put_64(to + AT_CHECKED, (uint64_t)entry->checked_s);
	bytes_put_64(to + AT_USED, (uint64_t)entry->used_s);
	bytes_put_64(to + AT_NEXT_REFRESH, (uint64_t)entry->next_refresh_s);
	bytes_put_64(to + AT_FAILED, (uint64_t)entry->failed_s);
	to[AT_FAILED_CAUSE] = entry->failed_cause;
	to[AT_DANE_STATE] = entry->dane_state;
	bytes_put_64(to + AT_DANE_LEARNT, (uint64_t)entry->dane_learnt_s);
	bytes_put_32(to + AT_DANE_TTL, entry->dane_ttl_s);
	bytes_put_64(to + AT_TEXT_HASH, entry->text_hash);
}

/* -- what may be stored ---------------------------------------------------- */

/* What a byte may be part of, or end. */
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

/* True if there are mx_count patterns, none of them empty, the last one ended
 * by its NUL. */
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

uint64_t entry_sum(struct slice name, const unsigned char *data, size_t len)
{
	return xxh64(data, len) + xxh64(name.data, name.len);
}

int entry_encode(const struct cache_entry *entry, struct slice name,
                 unsigned char *to)
{
	size_t id_len = strnlen(entry->id, RECORD_ID_MAX);
	unsigned char *p = to + ENTRY_HEAD;
	struct cache_entry again;
	size_t len;

	encode_head(entry, id_len, to);
	p = append_bytes(p, entry->policy.mx.data, entry->policy.mx.len);
	p = append_bytes(p, entry->id, id_len);
	len = (size_t)(p - to);
	bytes_put_64(p, entry_sum(name, to, len));
	/* Never store what can't be decoded: it would look like damage when it
	 * is read. */
	if (!mx_is_good(&entry->policy) || !id_is_good(entry->id, id_len) ||
	    entry_decode(slice_of((const char *)to, len + ENTRY_SUM), name,
	                 &again) != MTS_OK)
		return MTS_ERANGE;
	return MTS_OK;
}

/* -- decoding -------------------------------------------------------------- */

static void decode_head(const unsigned char *data, struct cache_entry *ret)
{
	ret->policy.mode = (enum policy_mode)data[AT_MODE];
	ret->policy.max_age_s = bytes_get_32(data + AT_MAX_AGE);
	ret->record_ttl_s = bytes_get_32(data + AT_TTL);
	ret->policy.mx_count = bytes_get_32(data + AT_MX_COUNT);
	ret->failures = bytes_get_32(data + AT_FAILURES);
	ret->fetched_s = (int64_t)bytes_get_64(data + AT_FETCHED);
	ret->checked_s = (int64_t)bytes_get_64(data + AT_CHECKED);
	ret->used_s = (int64_t)bytes_get_64(data + AT_USED);
	ret->next_refresh_s = (int64_t)bytes_get_64(data + AT_NEXT_REFRESH);
	ret->failed_s = (int64_t)bytes_get_64(data + AT_FAILED);
	ret->failed_cause = data[AT_FAILED_CAUSE];
	ret->dane_state = data[AT_DANE_STATE];
	ret->dane_learnt_s = (int64_t)bytes_get_64(data + AT_DANE_LEARNT);
	ret->dane_ttl_s = bytes_get_32(data + AT_DANE_TTL);
	ret->text_hash = bytes_get_64(data + AT_TEXT_HASH);
}

static bool head_is_good(const unsigned char *data,
                         const struct cache_entry *entry)
{
	const struct policy *policy = &entry->policy;

	return data[AT_MODE] <= POLICY_ENFORCE &&
	       policy->max_age_s <= POLICY_MAX_AGE_MAX &&
	       (policy->mx_count > 0 || policy->mode == POLICY_NONE) &&
	       entry->fetched_s >= 0 && entry->checked_s >= 0 &&
	       entry->used_s >= 0 && entry->next_refresh_s >= 0 &&
	       entry->failed_s >= 0 && entry->dane_learnt_s >= 0;
}

/* True if the lengths add up to the record's length, so that nothing reads past
 * its end. */
static bool size_is_good(const unsigned char *data, size_t len)
{
	uint64_t sum =
	    (uint64_t)bytes_get_32(data + AT_MX_LEN) + data[AT_ID_LEN];

	return data[AT_ID_LEN] <= RECORD_ID_MAX &&
	       sum == len - ENTRY_HEAD - ENTRY_SUM;
}

static bool mx_is_ended(struct slice mx)
{
	return mx.len == 0 ||
	       (mx.len <= POLICY_MAX && mx.data[mx.len - 1] == '\0');
}

int entry_decode(struct slice record, struct slice name,
                 struct cache_entry *ret)
{
	const unsigned char *data = (const unsigned char *)record.data;
	const char *p = record.data + ENTRY_HEAD;
	size_t id_len;

	if (record.len < ENTRY_HEAD + ENTRY_SUM || record.len > ENTRY_MAX ||
	    memcmp(data, magic, sizeof(magic)) != 0 ||
	    !size_is_good(data, record.len) ||
	    bytes_get_64(data + record.len - ENTRY_SUM) !=
	        entry_sum(name, data, record.len - ENTRY_SUM))
		return MTS_EDAMAGED;
	id_len = data[AT_ID_LEN];
	decode_head(data, ret);
	ret->policy.mx = slice_of(p, bytes_get_32(data + AT_MX_LEN));
	p += ret->policy.mx.len;
	memcpy(ret->id, p, id_len);
	ret->id[id_len] = '\0';
	/* Code that iterates over the patterns stops at the last NUL, and code
	 * that reads the id at its first. */
	return head_is_good(data, ret) && mx_is_ended(ret->policy.mx) &&
	               strlen(ret->id) == id_len
	           ? MTS_OK
	           : MTS_EDAMAGED;
}
