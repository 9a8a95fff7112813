/* SPDX-License-Identifier: BSD-2-Clause */
/* bench_fill.c - fills a cache with policies, as many as an ISP meets.
 *
 *	bench_fill [-s SEED] DIRECTORY DOMAIN FIRST:LAST
 *
 * DOMAIN holds a run of '#' where the number goes. The policies are made up, in
 * the shares of what domains publish: 70 % enforce, 22 % testing, 8 % none; a
 * wildcard at one provider, five hosts at another, hosts of their own, or a
 * dozen of them; max_age from a day to a year. They are put in random order,
 * which is how a cache grows. In sorted order LMDB's pages would be full, and the
 * file smaller than a real one. Each policy was just fetched, checked and used. Its
 * refresh is due between 6 and 24 hours from now, so nothing is due during a run.
 *
 * Unlike the rest of "make bench" this uses src/, because the file must be the same
 * as one written by mtastsd; only the speed differs. Prints one JSON object. */
#include "bench.h"

#include "base/buffer.h"
#include "base/xxh64.h"
#include "cache/entry.h"
#include "cache/store.h"
#include "sts/dane.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	DUE_MIN_S = 6 * 3600,
	INTERVAL_S = 24 * 3600, /* refresh.interval */
	TTL_S = 24 * 3600,      /* longer than any run: no hit looks at DNS */
};

static const uint64_t max_size = UINT64_C(1) << 30; /* the default */

struct fill {
	struct store *store;
	struct pattern domain;
	struct range range;
	uint64_t seed;
	int64_t now_s;
	struct buffer text;    /* of the policy that is being put */
	uint64_t record_bytes; /* of all so far */
};

/* What a share of the domains publishes as its mx lines; @ is the domain. */
static const struct shape {
	unsigned percent;
	const char *lines;
} shapes[] = {
	{ 40, "mx: *.mail.protection.big-provider.example\r\n" },
	{ 25, "mx: aspmx.l.provider.example\r\n"
	      "mx: alt1.aspmx.l.provider.example\r\n"
	      "mx: alt2.aspmx.l.provider.example\r\n"
	      "mx: alt3.aspmx.l.provider.example\r\n"
	      "mx: alt4.aspmx.l.provider.example\r\n" },
	{ 20, "mx: mx1.@\r\nmx: mx2.@\r\n" },
	{ 10, "mx: mail.@\r\nmx: *.@\r\n" },
	{ 5, "mx: mx-a1.@\r\nmx: mx-a2.@\r\nmx: mx-a3.@\r\n"
	     "mx: mx-b1.@\r\nmx: mx-b2.@\r\nmx: mx-b3.@\r\n"
	     "mx: mx-c1.@\r\nmx: mx-c2.@\r\nmx: mx-c3.@\r\n"
	     "mx: *.mail.@\r\nmx: backup1.@\r\n"
	     "mx: backup2.@\r\n" },
};

static const struct {
	unsigned percent;
	const char *name;
} modes[] = { { 70, "enforce" }, { 22, "testing" }, { 8, "none" } };

static const uint32_t max_ages_s[] = { 86400, 604800, 604800, 2592000,
	                               31557600 };

/* -- what it puts ---------------------------------------------------------- */

/* splitmix64 (Steele, Lea, Flood): any seed will do. */
static uint64_t random_next(struct fill *fill)
{
	uint64_t z = fill->seed += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static uint64_t random_below(struct fill *fill, uint64_t end)
{
	return (random_next(fill) >> 11) % end;
}

static const char *random_mode(struct fill *fill)
{
	uint64_t n = random_below(fill, 100);
	size_t i = 0;

	for (; n >= modes[i].percent; i++)
		n -= modes[i].percent;
	return modes[i].name;
}

static const char *random_lines(struct fill *fill)
{
	uint64_t n = random_below(fill, 100);
	size_t i = 0;

	for (; n >= shapes[i].percent; i++)
		n -= shapes[i].percent;
	return shapes[i].lines;
}

static uint32_t random_max_age_s(struct fill *fill)
{
	return max_ages_s[random_below(fill, sizeof(max_ages_s) /
	                                         sizeof(max_ages_s[0]))];
}

/* One policy's text; OUT is empty. */
static void put_text(struct fill *fill, struct buffer *out)
{
	buffer_printf(out, "version: STSv1\r\nmode: %s\r\n", random_mode(fill));
	for (const char *p = random_lines(fill); *p; p++) {
		if (*p == '@')
			buffer_puts(out, fill->domain.text);
		else
			buffer_put(out, p, 1);
	}
	buffer_printf(out, "max_age: %u\r\n", random_max_age_s(fill));
	if (buffer_status(out) != MTS_OK)
		bench_die("out of memory");
}

/* As the daemon would: after the interval, or half of max_age. */
static int64_t random_due_s(struct fill *fill, uint32_t max_age_s)
{
	uint32_t latest_s = max_age_s / 2;

	if (latest_s > INTERVAL_S)
		latest_s = INTERVAL_S;
	return fill->now_s + DUE_MIN_S +
	       (int64_t)random_below(fill, latest_s - DUE_MIN_S);
}

static struct cache_entry make_entry(struct fill *fill,
                                     const struct policy *policy)
{
	struct cache_entry entry = {
		.policy = *policy,
		.text_hash = xxh64(fill->text.data, fill->text.len),
		.fetched_s = fill->now_s,
		.checked_s = fill->now_s,
		.record_ttl_s = TTL_S,
		.used_s = fill->now_s,
		.next_refresh_s = random_due_s(fill, policy->max_age_s),
		/* As for most domains: no DANE, and that is proven. */
		.dane_state = DANE_NONE,
		.dane_learnt_s = fill->now_s,
		.dane_ttl_s = TTL_S,
	};

	snprintf(entry.id, sizeof(entry.id), "2025%08uZ",
	         (unsigned)random_below(fill, 100000000));
	return entry;
}

static void put(struct fill *fill, MDB_txn *txn, uint64_t number)
{
	static unsigned char record[ENTRY_MAX];
	struct policy *policy = NULL;
	struct cache_entry entry;
	struct slice name;
	struct fault why;
	size_t size;
	int rc;

	pattern_set(&fill->domain, number);
	name = slice_of(fill->domain.text, fill->domain.len);
	buffer_clear(&fill->text);
	put_text(fill, &fill->text);
	if (policy_parse(buffer_slice(&fill->text), NULL, &policy, &why) !=
	    MTS_OK)
		bench_die("%s", why.text);
	entry = make_entry(fill, policy);
	size = entry_size(&entry);
	if (size == 0 || entry_encode(&entry, name, record) != MTS_OK)
		bench_die("an entry that is no record");
	fill->record_bytes += size;
	rc = tables_put(store_tables(fill->store), txn, name,
	                slice_of((const char *)record, size));
	if (rc)
		bench_die("put: %s", mdb_strerror(rc));
	policy_free(&policy);
}

/* -- the whole ------------------------------------------------------------- */

/* The numbers of the range in random order (Fisher, Yates). */
static uint64_t *shuffled(struct fill *fill)
{
	uint64_t count = range_count(fill->range);
	uint64_t *numbers = calloc(count, sizeof(*numbers));

	if (!numbers)
		bench_die("out of memory");
	for (uint64_t i = 0; i < count; i++) {
		uint64_t j = random_below(fill, i + 1);

		numbers[i] = numbers[j];
		numbers[j] = fill->range.first + i;
	}
	return numbers;
}

/* Uses one transaction. Each of several would rewrite most pages and leave the old
 * ones free, and the file would be twice as large. */
static void put_all(struct fill *fill)
{
	uint64_t count = range_count(fill->range);
	uint64_t *numbers = shuffled(fill);
	MDB_txn *txn;
	int rc = store_begin(fill->store, &txn);

	if (rc)
		bench_die("begin: %s", mdb_strerror(rc));
	for (uint64_t i = 0; i < count; i++)
		put(fill, txn, numbers[i]);
	rc = mdb_txn_commit(txn);
	if (rc)
		bench_die("commit: %s", mdb_strerror(rc));
	free(numbers);
}

static void print(struct fill *fill, double seconds)
{
	struct store_stats stats;

	store_get_stats(fill->store, &stats);
	printf("{\"policies\": %llu, \"seconds\": %.3f, \"bytes\": %llu, "
	       "\"record_bytes\": %llu}\n",
	       (unsigned long long)stats.keys[STORE_BY_NAME], seconds,
	       (unsigned long long)stats.bytes_used,
	       (unsigned long long)fill->record_bytes);
}

int main(int argc, char **argv)
{
	struct fill fill = { .seed = 1, .now_s = clock_wall_s(&clock_system) };
	struct fault why = { 0 };
	uint64_t start_ns;
	int option;

	while ((option = getopt(argc, argv, "s:")) != -1) {
		if (option != 's')
			return 2;
		fill.seed = bench_number(optarg);
	}
	if (argc - optind != 3)
		bench_die("usage: bench_fill [-s SEED] DIRECTORY DOMAIN "
		          "FIRST:LAST");
	fill.domain = pattern_make(argv[optind + 1]);
	fill.range = range_parse(argv[optind + 2]);
	if (store_open(argv[optind], max_size, &clock_system, &fill.store,
	               &why) != MTS_OK)
		bench_die("%s", why.text);
	buffer_init(&fill.text, POLICY_MAX);
	start_ns = bench_now_ns();
	put_all(&fill);
	print(&fill, (double)(bench_now_ns() - start_ns) / 1e9);
	store_close(&fill.store);
	buffer_free(&fill.text);
	free(fill.domain.text);
	return 0;
}
