/* SPDX-License-Identifier: BSD-2-Clause */
/* metrics.c - collects the values of all metrics. */
#include "stats/daemon_health.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	ENDING_S = 2 * 86400,
	ENDING_MAX = 1000, /* a microsecond each */
};

_Static_assert((int)METRIC_REASONS == (int)HEALTH_REASONS,
               "each reason has its place");

/* -- the parts ------------------------------------------------------------- */

static void collect_server(const struct server *server,
                           struct metric_values *ret)
{
	struct server_counts counts;

	if (!server)
		return;
	server_get_counts(server, &counts);
	ret->clients = counts.clients;
	ret->connections[0] = counts.accepted;
	ret->connections[1] = counts.refused;
	ret->connections[2] = counts.dropped;
	_Static_assert(sizeof(ret->lookups) == sizeof(counts.answers),
	               "the same series");
	memcpy(ret->lookups, counts.answers, sizeof(ret->lookups));
}

static void collect_lookups(const struct lookups *lookups,
                            struct metric_values *ret)
{
	struct lookup_counts counts;

	if (!lookups)
		return;
	lookups_get_counts(lookups, &counts);
	ret->policy_lookups[0] = counts.hits;
	ret->policy_lookups[1] = counts.absent;
	ret->policy_lookups[2] = counts.misses;
	ret->policy_lookups[3] = counts.joined;
	ret->policy_lookups[4] = counts.refused;
	ret->lookup_timeouts[0] = counts.timed_out;
	ret->lookups_waiting[0] = counts.waiting;
	memcpy(ret->discoveries, counts.by_outcome, sizeof(ret->discoveries));
	ret->discoveries_running = counts.under_way;
	ret->discovery_times = counts.times;
}

static void collect_dane(const struct metrics_sources *sources,
                         struct metric_values *ret)
{
	struct secure_dns_counts secure;
	struct dane_counts counts;

	if (sources->dns) {
		secure_dns_get_counts(sources->dns, &secure);
		memcpy(ret->dns_secure_lookups, secure.by_result,
		       sizeof(ret->dns_secure_lookups));
	}
	if (!sources->dane_checks)
		return;
	dane_checks_get_counts(sources->dane_checks, &counts);
	memcpy(ret->dane_checks, counts.by_state, sizeof(ret->dane_checks));
	ret->dane_checks_running = counts.under_way;
	ret->dane_hops = counts.known;
	ret->dane_on = dane_checks_reach(sources->dane_checks) == DANE_REACH_ON;
	ret->lookup_timeouts[1] = counts.timed_out;
	ret->lookups_waiting[1] = counts.waiting;
}

static void collect_net(const struct metrics_sources *sources,
                        struct metric_values *ret)
{
	size_t running = 0, waiting = 0;
	struct resolver_counts dns;
	struct fetcher_counts fetches;

	if (sources->resolver) {
		resolver_get_counts(sources->resolver, &dns);
		memcpy(ret->dns_lookups, dns.by_status,
		       sizeof(ret->dns_lookups));
	}
	if (!sources->fetcher)
		return;
	fetcher_get_counts(sources->fetcher, &fetches);
	memcpy(ret->fetches, fetches.by_cause, sizeof(ret->fetches));
	fetcher_load(sources->fetcher, &running, &waiting);
	ret->fetches_open[0] = running;
	ret->fetches_open[1] = waiting;
}

static uint64_t late_s(const struct metrics_sources *sources,
                       const struct refresher_state *state)
{
	int64_t now_s = clock_wall_s(sources->clock);

	return state->oldest_s && state->oldest_s < now_s
	           ? (uint64_t)(now_s - state->oldest_s)
	           : 0;
}

static void collect_refreshes(const struct metrics_sources *sources,
                              struct metric_values *ret)
{
	struct refresher_state state;

	if (!sources->refresher)
		return;
	refresher_get_state(sources->refresher, &state);
	ret->refreshes[0] = state.done;
	ret->refreshes[1] = state.failed;
	ret->refreshes_running = state.under_way;
	ret->refreshes_due = state.due;
	ret->refresh_delay_s = late_s(sources, &state);
	ret->policies_ended = state.removed;
}

static void collect_cache(const struct metrics_sources *sources,
                          struct metric_values *ret)
{
	int64_t now_s = clock_wall_s(sources->clock);
	struct cache_stats stats;

	if (sources->absent)
		ret->absent_domains = absent_count(sources->absent);
	if (!sources->cache)
		return;
	cache_get_stats(sources->cache, &stats);
	ret->policies[POLICY_NONE] = stats.none;
	ret->policies[POLICY_TESTING] = stats.testing;
	ret->policies[POLICY_ENFORCE] = stats.enforce;
	ret->policies_failing = stats.failing;
	ret->policies_ending = cache_count_failing(
	    sources->cache, now_s, now_s + ENDING_S, ENDING_MAX);
	ret->cache_bytes = stats.bytes_used;
	ret->cache_max_bytes = stats.bytes_max;
	ret->cache_pending = stats.pending;
	ret->cache_commits = stats.commits;
	ret->cache_write_errors = stats.write_errors;
	ret->cache_evictions[0] = stats.evicted_expired;
	ret->cache_evictions[1] = stats.evicted_weak;
	ret->cache_evictions[2] = stats.evicted_live;
}

/* -- the process ----------------------------------------------------------- */

/* From /proc; 0 where there is none. */
static void collect_memory(struct metric_values *ret)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long long resident, shared;
	char text[128] = "";
	char *at = text;

	if (!file)
		return;
	if (fgets(text, sizeof(text), file)) {
		(void)strtoull(at, &at, 10); /* the address space */
		resident = strtoull(at, &at, 10);
		shared = strtoull(at, &at, 10);
		ret->process_memory[0] = resident * page;
		ret->process_memory[1] =
		    resident > shared ? (resident - shared) * page : 0;
	}
	fclose(file);
}

static uint64_t count_fds(void)
{
	const struct dirent *entry;
	uint64_t count = 0;
	DIR *dir = opendir("/proc/self/fd");

	if (!dir)
		return 0;
	while ((entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count - 1; /* without the one opened here */
}

static uint64_t microseconds(const struct timeval *time)
{
	return (uint64_t)time->tv_sec * 1000000 + (uint64_t)time->tv_usec;
}

static void collect_process(struct metric_values *ret)
{
	struct rusage usage;
	struct rlimit limit;

	if (getrusage(RUSAGE_SELF, &usage) == 0)
		ret->process_cpu_us = microseconds(&usage.ru_utime) +
		                      microseconds(&usage.ru_stime);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		ret->process_max_fds = limit.rlim_cur;
	ret->process_fds = count_fds();
	collect_memory(ret);
}

/* -- the whole ------------------------------------------------------------- */

void metrics_collect(const struct metrics_sources *sources,
                     struct metric_values *ret)
{
	unsigned unhealthy = daemon_health(sources);

	*ret = (struct metric_values){ .build_info = 1 };
	collect_server(sources->server, ret);
	collect_lookups(sources->lookups, ret);
	collect_dane(sources, ret);
	collect_net(sources, ret);
	collect_refreshes(sources, ret);
	collect_cache(sources, ret);
	for (unsigned i = 0; i < HEALTH_REASONS; i++)
		ret->unhealthy[i] = unhealthy >> i & 1;
	collect_process(ret);
	ret->process_start_s = (uint64_t)sources->started_s;
}
