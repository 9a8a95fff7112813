/* SPDX-License-Identifier: BSD-2-Clause */
/* top.c - which domains were asked for most, and which failed most.
 *
 * When all slots are taken, a new name takes over a slot with the lowest count and
 * counts on from there. Finding a name and finding such a slot take a few steps
 * each, whatever is asked for. Names are found by a bucket of their hash. The
 * lowest count only ever grows, so a hand that moves around the slots soon finds
 * the next slot that has it. */
#include "lookup/top.h"

#include "base/xxh64.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 1024 };

struct sketch {
	uint64_t total;
	size_t used; /* slots */
	size_t hand; /* where the search for the lowest count begins */
	uint64_t lowest;
	uint64_t hashes[TOP_SLOTS];
	uint64_t counts[TOP_SLOTS];
	uint64_t errors[TOP_SLOTS];
	const char *causes[TOP_SLOTS];
	uint8_t lens[TOP_SLOTS];
	uint8_t last[BUCKETS]; /* a slot whose name is in the bucket */
	uint8_t live[BUCKETS]; /* number of such slots */
	char names[TOP_SLOTS][DOMAIN_MAX];
};

struct minute {
	uint64_t number; /* of the monotonic clock, plus 1; 0: never used */
	struct sketch kinds[2];
};

struct top {
	const struct clock *clock;
	struct minute minutes[TOP_MINUTES];
};

_Static_assert((int)DOMAIN_MAX <= UINT8_MAX, "lengths fit");

static void begin_minute(struct minute *minute, uint64_t number)
{
	memset(minute, 0, sizeof(*minute));
	minute->number = number;
}

/* Writes to all of its memory at once. Memory from calloc() is the system's until
 * it is written to, so the daemon would seem to grow for ten minutes. */
struct top *top_new(const struct clock *clock)
{
	struct top *top = malloc(sizeof(*top));

	if (!top)
		return NULL;
	top->clock = clock;
	for (size_t i = 0; i < TOP_MINUTES; i++)
		begin_minute(&top->minutes[i], 0);
	return top;
}

void top_free(struct top **top)
{
	free(*top);
	*top = NULL;
}

/* -- one minute ------------------------------------------------------------ */

static uint64_t hash_of(struct slice name, const char *cause)
{
	return xxh64(name.data, name.len) ^
	       (uint64_t)(uintptr_t)cause * UINT64_C(0x9e3779b97f4a7c15);
}

static size_t bucket_of(uint64_t hash)
{
	return hash % BUCKETS;
}

/* The slot of HASH, or TOP_SLOTS if it has none. Two names with the same 64-bit
 * hash would count as one. */
static size_t find_slot(const struct sketch *sketch, uint64_t hash)
{
	size_t bucket = bucket_of(hash);

	if (sketch->live[bucket] == 0)
		return TOP_SLOTS;
	if (sketch->hashes[sketch->last[bucket]] == hash)
		return sketch->last[bucket];
	for (size_t i = 0; i < sketch->used; i++)
		if (sketch->hashes[i] == hash)
			return i;
	return TOP_SLOTS;
}

/* A slot with the lowest count; all slots are taken. */
static size_t find_lowest(struct sketch *sketch)
{
	uint64_t lowest = UINT64_MAX;

	for (size_t n = 0; n < TOP_SLOTS; n++) {
		size_t slot = sketch->hand;

		if (sketch->counts[slot] == sketch->lowest)
			return slot;
		sketch->hand = (slot + 1) % TOP_SLOTS;
	}
	for (size_t i = 0; i < TOP_SLOTS; i++) {
		if (sketch->counts[i] < lowest) {
			lowest = sketch->counts[i];
			sketch->hand = i;
		}
	}
	sketch->lowest = lowest;
	return sketch->hand;
}

/* A slot for a new name, which counts on from the slot's count. */
static size_t take_slot(struct sketch *sketch)
{
	size_t slot;

	if (sketch->used < TOP_SLOTS)
		return sketch->used++;
	slot = find_lowest(sketch);
	sketch->live[bucket_of(sketch->hashes[slot])]--;
	sketch->errors[slot] = sketch->counts[slot];
	return slot;
}

static void count_name(struct sketch *sketch, struct slice name,
                       const char *cause)
{
	uint64_t hash = hash_of(name, cause);
	size_t slot = find_slot(sketch, hash);

	sketch->total++;
	if (slot == TOP_SLOTS) {
		slot = take_slot(sketch);
		sketch->hashes[slot] = hash;
		sketch->causes[slot] = cause;
		sketch->lens[slot] = (uint8_t)name.len;
		memcpy(sketch->names[slot], name.data, name.len);
		sketch->live[bucket_of(hash)]++;
	}
	sketch->last[bucket_of(hash)] = (uint8_t)slot;
	sketch->counts[slot]++;
}

/* -- the ring -------------------------------------------------------------- */

static uint64_t this_minute(const struct top *top)
{
	return clock_mono_ms(top->clock) / 60000 + 1;
}

static struct sketch *sketch_of(struct top *top, enum top_kind kind)
{
	uint64_t number = this_minute(top);
	struct minute *minute = &top->minutes[number % TOP_MINUTES];

	if (minute->number != number)
		begin_minute(minute, number);
	return &minute->kinds[kind];
}

void top_note_lookup(struct top *top, struct slice domain)
{
	if (top && domain.len <= DOMAIN_MAX)
		count_name(sketch_of(top, TOP_LOOKUPS), domain, NULL);
}

void top_note_failure(struct top *top, struct slice domain, const char *cause)
{
	if (top && domain.len <= DOMAIN_MAX)
		count_name(sketch_of(top, TOP_FAILURES), domain, cause);
}

/* -- the list -------------------------------------------------------------- */

/* Finds the sketches of the last MINUTES. */
static size_t gather(const struct top *top, enum top_kind kind,
                     unsigned minutes, const struct sketch *ret[TOP_MINUTES])
{
	uint64_t now = this_minute(top);
	size_t count = 0;

	for (size_t i = 0; i < TOP_MINUTES; i++) {
		const struct minute *minute = &top->minutes[i];

		if (minute->number && now - minute->number < minutes)
			ret[count++] = &minute->kinds[kind];
	}
	return count;
}

static uint64_t lowest_of(const struct sketch *sketch)
{
	uint64_t lowest = UINT64_MAX;

	if (sketch->used < TOP_SLOTS)
		return 0;
	for (size_t i = 0; i < TOP_SLOTS; i++)
		if (sketch->counts[i] < lowest)
			lowest = sketch->counts[i];
	return lowest;
}

/* A name, and where it was found first. */
struct candidate {
	const struct sketch *sketch;
	size_t slot;
	uint64_t count, error;
};

/* Adds up its counts in all sketches. A full sketch without it may have dropped it
 * with a count as high as its lowest one. */
static void add_up(struct candidate *candidate,
                   const struct sketch *const *sketches, size_t count)
{
	uint64_t hash = candidate->sketch->hashes[candidate->slot];

	for (size_t i = 0; i < count; i++) {
		size_t slot = find_slot(sketches[i], hash);

		if (slot < TOP_SLOTS) {
			candidate->count += sketches[i]->counts[slot];
			candidate->error += sketches[i]->errors[slot];
		} else {
			candidate->count += lowest_of(sketches[i]);
			candidate->error += lowest_of(sketches[i]);
		}
	}
}

static bool is_in_earlier(const struct sketch *const *sketches, size_t n,
                          uint64_t hash)
{
	for (size_t i = 0; i < n; i++)
		if (find_slot(sketches[i], hash) < TOP_SLOTS)
			return true;
	return false;
}

static size_t find_candidates(const struct sketch *const *sketches,
                              size_t count, struct candidate *ret)
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++) {
		for (size_t slot = 0; slot < sketches[i]->used; slot++) {
			if (is_in_earlier(sketches, i,
			                  sketches[i]->hashes[slot]))
				continue;
			ret[found] = (struct candidate){ .sketch = sketches[i],
				                         .slot = slot };
			add_up(&ret[found++], sketches, count);
		}
	}
	return found;
}

/* The highest count first; of equal counts, the one with the lower error. */
static int compare_candidates(const void *a, const void *b)
{
	const struct candidate *x = a;
	const struct candidate *y = b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return x->error < y->error ? -1 : x->error > y->error;
}

static void fill_row(const struct candidate *candidate, struct top_row *ret)
{
	const struct sketch *sketch = candidate->sketch;
	size_t len = sketch->lens[candidate->slot];

	memcpy(ret->domain, sketch->names[candidate->slot], len);
	ret->domain[len] = '\0';
	ret->cause = sketch->causes[candidate->slot];
	ret->count = candidate->count;
	ret->error = candidate->error;
}

size_t top_list(const struct top *top, enum top_kind kind, unsigned minutes,
                struct top_row *ret, size_t max)
{
	const struct sketch *sketches[TOP_MINUTES];
	size_t count = gather(top, kind, minutes, sketches);
	struct candidate *candidates =
	    calloc((size_t)TOP_MINUTES * TOP_SLOTS, sizeof(*candidates));
	size_t found;

	if (!candidates)
		return 0;
	found = find_candidates(sketches, count, candidates);
	qsort(candidates, found, sizeof(*candidates), compare_candidates);
	if (found > max)
		found = max;
	for (size_t i = 0; i < found; i++)
		fill_row(&candidates[i], &ret[i]);
	free(candidates);
	return found;
}

uint64_t top_total(const struct top *top, enum top_kind kind, unsigned minutes)
{
	const struct sketch *sketches[TOP_MINUTES];
	size_t count = gather(top, kind, minutes, sketches);
	uint64_t total = 0;

	for (size_t i = 0; i < count; i++)
		total += sketches[i]->total;
	return total;
}
