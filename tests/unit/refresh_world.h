/* SPDX-License-Identifier: BSD-2-Clause */
/* refresh_world.h - months in milliseconds: the refresher with a real cache and
 * look-up service, a clock that jumps to whenever its timer is due, and domains
 * whose DNS and policy hosts the test controls. */
#ifndef TESTS_REFRESH_WORLD_H
#define TESTS_REFRESH_WORLD_H

#include "tests.h"

#include "base/clock.h"
#include "cache/absent.h"
#include "cache/cache.h"
#include "lookup/lookup.h"
#include "lookup/refresher.h"

enum { MINUTE = 60, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

enum {
	START_S = 1700000000,
	SITES = 2000,
	CONCURRENCY = 64,
};

/* What a domain publishes, and how often it was asked. */
struct site {
	enum discover_outcome record; /* DISCOVER_POLICY: it is good */
	enum fetch_cause fetch;       /* FETCH_OK: as STEP says */
	const char *step;             /* NULL; else the step that fails */
	const char *id;
	const char *text;
	uint32_t ttl_s;
	enum policy_mode mode;
	uint32_t max_age_s;
	/* Seen. */
	unsigned discoveries, fetches;
	int64_t fetched_s; /* when last, on the wall clock */
	bool despite; /* the last discovery was to go on without a record */
};

struct world {
	uv_loop_t loop;
	char directory[64];
	struct smooth_clock smooth_clock;
	struct cache *cache;
	struct absent *absent;
	struct lookups *lookups;
	struct refresher *refresher;
	struct lookups_options options;
	struct site sites[SITES]; /* of world_domain() */
	size_t waiting;           /* queued fetches of others */
	bool hang;                /* discoveries do not end */
	size_t running, running_max;
	uint64_t timeout_ms, wake_ms; /* of the refresher's timer, as set */
	uint64_t wakes;               /* of it */
	unsigned order[SITES * 2];    /* of discoveries: which domain */
	size_t order_count;
	char log[1 << 16];
	int log_fd, stderr_fd;
};

/* The clocks. World time passes on both; a jump is the wall clock's alone. */
extern int64_t world_wall_s;
extern uint64_t world_mono_ms;

int world_setup(void **state);
int world_teardown(void **state);

/* Closes everything and opens it again, as a restart of the daemon does. */
void world_restart(struct world *w);

struct domain world_domain(unsigned n);

/* Asks for domain N, as an MTA does, and waits for a discovery if necessary. True
 * if there is a policy. */
bool world_ask(struct world *w, unsigned n);

/* The cached entry; false if there is none. */
bool world_get(struct world *w, unsigned n, struct cache_entry *ret);

/* Lets SECONDS pass, and calls the refresher when its timer is due. */
void world_pass(struct world *w, int64_t seconds);

/* The same, asking for domain N each STEP_S. Returns how often there was a
 * policy. */
unsigned world_pass_asking(struct world *w, unsigned n, int64_t seconds,
                           int64_t step_s);

/* Ends all discoveries under way. */
void world_settle(struct world *w);

/* How often TEXT is in the log since the start. */
unsigned world_logged(struct world *w, const char *text);

#endif
