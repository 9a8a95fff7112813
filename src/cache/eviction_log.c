/* SPDX-License-Identifier: BSD-2-Clause */
/* eviction_log.c - counts what had to make room, and tells the operator. */
#include "cache/eviction_log.h"

#include "base/log.h"

#include <stdbool.h>

enum { SAY_MS = 3600 * 1000 }; /* between two words of it */

static void add_evicted(struct evicted *sum, const struct evicted *more)
{
	sum->expired += more->expired;
	sum->weak += more->weak;
	sum->live += more->live;
}

static bool is_time(uint64_t last_ms, uint64_t now_ms)
{
	return last_ms == 0 || now_ms - last_ms >= SAY_MS;
}

/* A cache that is full evicts with every batch: one word an hour. But nobody
 * should have to wait for the one that says that mail loses its protection. */
void tally_add(struct tally *tally, const struct batch_result *result,
               uint64_t now_ms)
{
	const struct evicted *evicted = &tally->unlogged;
	uint64_t sum;
	bool warn;

	now_ms++; /* 0 means never */
	add_evicted(&tally->evicted, &result->evicted);
	add_evicted(&tally->unlogged, &result->evicted);
	if (result->too_large && !tally->too_large)
		log_warning("policy_too_large count=%llu reason=\"it finds no "
		            "room in the cache: raise cache.max_size\"",
		            (unsigned long long)result->too_large);
	tally->too_large += result->too_large;
	sum = evicted->expired + evicted->weak + evicted->live;
	warn = evicted->live > 0 && is_time(tally->warned_ms, now_ms);
	if (sum == 0 || (!warn && !is_time(tally->logged_ms, now_ms)))
		return;
	log_line(warn ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO,
	         "cache_full evicted=%llu expired=%llu none_or_testing=%llu "
	         "enforce=%llu reason=\"raise cache.max_size\"",
	         (unsigned long long)sum, (unsigned long long)evicted->expired,
	         (unsigned long long)evicted->weak,
	         (unsigned long long)evicted->live);
	tally->unlogged = (struct evicted){ 0 };
	tally->logged_ms = now_ms;
	if (warn)
		tally->warned_ms = now_ms;
}
