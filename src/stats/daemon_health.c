/* SPDX-License-Identifier: BSD-2-Clause */
/* daemon_health.c - is anything wrong that an operator has to fix? */
#include "stats/daemon_health.h"

/* After a day without power many refreshes are due and wait for their turn.
 * That is no problem unless they stay late. */
enum { LATE_S = 3600 };

static bool is_late(const struct metrics_sources *sources)
{
	int64_t now_s = clock_wall_s(sources->clock);
	struct refresher_state state;

	refresher_get_state(sources->refresher, &state);
	return state.oldest_s && now_s - state.oldest_s > LATE_S;
}

unsigned daemon_health(const struct metrics_sources *sources)
{
	unsigned reasons = 0;
	struct cache_stats stats;

	if (sources->cache) {
		cache_get_stats(sources->cache, &stats);
		reasons |= stats.writable ? 0 : 1u << HEALTH_CACHE;
	}
	if (sources->resolver) {
		resolver_test(sources->resolver);
		if (resolver_is_silent(sources->resolver))
			reasons |= 1u << HEALTH_DNS;
	}
	if (sources->refresher && is_late(sources))
		reasons |= 1u << HEALTH_REFRESH;
	return reasons;
}

static const struct {
	const char *name, *text;
} rows[HEALTH_REASONS] = {
	[HEALTH_CACHE] = { "cache", "the cache can't be written, or was "
	                            "removed: check that its disk works and is "
	                            "not full; see mtastsd's log" },
	[HEALTH_DNS] = { "dns", "no name server answers: check that this "
	                        "machine's resolver works" },
	[HEALTH_REFRESH] = { "refresh",
	                     "refreshes are late by more than an hour: check "
	                     "that this machine can connect to port 443 of "
	                     "other hosts, or raise fetch.concurrency" },
};

const char *daemon_health_name(enum health_reason reason)
{
	return rows[reason].name;
}

const char *daemon_health_text(enum health_reason reason)
{
	return rows[reason].text;
}

static json_t *health_reason_object(enum health_reason reason)
{
	return json_pack("{s:s, s:s}", "name", daemon_health_name(reason),
	                 "text", daemon_health_text(reason));
}

json_t *daemon_health_json(unsigned reasons)
{
	json_t *array = json_array();

	for (unsigned i = 0; array && i < HEALTH_REASONS; i++) {
		if (!(reasons >> i & 1))
			continue;
		if (json_array_append_new(
			array, health_reason_object((enum health_reason)i)) ==
		    0)
			continue;
		json_decref(array);
		array = NULL;
	}
	if (!array)
		return NULL;
	return json_pack("{s:b, s:o}", "healthy", reasons == 0, "reasons",
	                 array);
}
