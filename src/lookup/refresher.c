/* SPDX-License-Identifier: BSD-2-Clause */
/* refresher.c - refreshes policies when they are due.
 *
 * It works in rounds. After a day without power a million policies may be due at
 * once, and a look-up that a client waits for must not wait for them. So each
 * round starts only a few refreshes, rounds are PACE_MS apart, and while other
 * fetches are queued a round starts only one. Policies whose refresh is under way
 * stay first in the order of due times until it ends; a round skips them.
 *
 * An attacker could send mail to many domains of his own with silent policy hosts,
 * so that fetches are always queued, and wait until the policies of others expire
 * (RFC 8461 10.2). That is why one refresh a second is started even then. */
#include "lookup/refresher.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

enum {
	PACE_MS = 200, /* between two rounds while there is more to do */
	BUSY_MS =
	    1000, /* the same while fetches are queued, or after an error */
	/* The pause if a result could not be stored. Without it the same domain
	 * would be fetched again and again. 3.3 asks for five minutes. */
	HOLD_MS = 5 * 60 * 1000,
	SHARE = 8,     /* a round starts 1/8 of the concurrency */
	CHANGES = 100, /* policies a round removes or leaves */
	/* The timer does not notice when the date is set or the machine was
	 * suspended. The first hit on a policy that is due reports it
	 * (refresher_on_due()). */
	SLEEP_MAX_S = 86400,
};

struct refresher {
	struct refresher_options options;
	const struct schedule_rules *rules;
	uv_timer_t timer;
	int64_t awake_s;  /* wall clock: when the timer fires */
	uint64_t hold_ms; /* monotonic: no round before this */
	uint64_t done, failed, removed;
	size_t under_way;
};

static void refresher_run(struct refresher *refresher);

/* -- the timer ------------------------------------------------------------- */

static void refresher_on_timer(uv_timer_t *timer)
{
	refresher_run(timer->data);
}

/* Sleeps for MS, or until something is reported that is due before UNTIL_S. */
static void sleep_ms(struct refresher *refresher, uint64_t ms, int64_t until_s)
{
	refresher->awake_s = until_s;
	uv_timer_start(&refresher->timer, refresher_on_timer, ms, 0);
}

/* Sleeps until DUE_S, or until refresher_on_due() is called. */
static void sleep_until(struct refresher *refresher, int64_t due_s)
{
	int64_t now_s = clock_wall_s(refresher->options.clock);
	int64_t span_s = due_s <= now_s ? 0 : due_s - now_s;

	if (span_s > SLEEP_MAX_S)
		span_s = SLEEP_MAX_S;
	sleep_ms(refresher, (uint64_t)span_s * 1000, due_s);
}

/* Sleeps until refresher_on_due() is called. */
static void sleep_on(struct refresher *refresher)
{
	refresher->awake_s = INT64_MAX;
	uv_timer_stop(&refresher->timer);
}

/* -- what is due ----------------------------------------------------------- */

/* One round over what is due. */
struct round {
	struct refresher *refresher;
	int64_t now_s;
	bool busy;    /* other fetches are queued */
	size_t left;  /* refreshes that may still be started */
	bool stuck;   /* something failed: don't repeat it at once */
	int64_t next; /* when the next one is due; INT64_MAX: none */
};

static bool start_refresh(struct round *round, const struct domain *domain)
{
	struct refresher *refresher = round->refresher;
	int rc;

	if (round->left == 0)
		return false;
	rc = lookups_renew(refresher->options.lookups, domain);
	if (rc == MTS_EBUSY)
		return true; /* its refresh is under way */
	if (rc != MTS_OK) {
		round->stuck = true;
		return false;
	}
	refresher->under_way++;
	round->left--;
	return true;
}

/* It is not in use: it stays in force, and is removed when it expires. */
static bool leave_unused(struct round *round, const struct domain *domain,
                         const struct cache_entry *entry)
{
	struct cache_entry left = *entry;
	int rc;

	left.next_refresh_s = schedule_end_s(entry);
	rc = cache_put(round->refresher->options.cache, domain, &left);
	if (rc != MTS_OK) {
		round->stuck = true;
		return false;
	}
	log_debug(
	    "policy_unused domain=%s id=%s reason=\"it is not in use and no "
	    "longer refreshed\"",
	    domain->name, entry->id);
	return true;
}

/* A warning if there were warnings about its failures. */
static void log_expiry(const struct refresher *refresher,
                       const struct domain *domain,
                       const struct cache_entry *entry)
{
	static struct log_limit limit;
	char failed[CLOCK_ISO];

	if (schedule_was_warned(entry) &&
	    log_limit_allows(&limit, "policy_ended",
	                     clock_mono_ms(refresher->options.clock)))
		log_warning("policy_ended domain=%s mode=%s id=%s failures=%u "
		            "cause=%s last_failed=%s reason=\"it could not be "
		            "refreshed before it expired: the domain has no "
		            "policy until that succeeds\"",
		            domain->name, policy_mode_text(entry->policy.mode),
		            entry->id, (unsigned)entry->failures,
		            refresh_cause_text(refresh_last_cause(entry)),
		            clock_iso(entry->failed_s, failed));
	else
		log_debug("policy_ended domain=%s mode=%s id=%s", domain->name,
		          policy_mode_text(entry->policy.mode), entry->id);
}

static bool remove_expired(struct round *round, const struct domain *domain,
                           const struct cache_entry *entry)
{
	struct cache_entry ended = *entry;

	/* Removing it frees what ENTRY borrows, but none of that is logged. */
	if (cache_remove(round->refresher->options.cache, domain) != MTS_OK) {
		round->stuck = true;
		return false;
	}
	log_expiry(round->refresher, domain, &ended);
	round->refresher->removed++;
	return true;
}

/* cache_due()'s callback; false ends the round. */
static bool handle_due(void *arg, const char *name,
                       const struct cache_entry *entry)
{
	struct round *round = arg;
	struct domain domain = { .len = strlen(name) };

	memcpy(domain.name, name, domain.len + 1);
	switch (schedule_due(round->refresher->rules, entry, round->now_s)) {
	case SCHEDULE_REMOVE:
		return remove_expired(round, &domain, entry);
	case SCHEDULE_LEAVE:
		return leave_unused(round, &domain, entry);
	case SCHEDULE_REFRESH:
		break;
	}
	return start_refresh(round, &domain);
}

static bool find_next(void *arg, const char *name,
                      const struct cache_entry *entry)
{
	struct round *round = arg;

	(void)name;
	if (entry->next_refresh_s <= round->now_s)
		return true; /* its refresh is under way */
	round->next = entry->next_refresh_s;
	return false;
}

static bool is_busy(const struct refresher *refresher)
{
	size_t running = 0, waiting = 0;

	fetcher_load(refresher->options.fetcher, &running, &waiting);
	return waiting > 0;
}

/* How many refreshes a round may start now. */
static size_t may_start(const struct refresher *refresher, bool busy)
{
	size_t share = busy ? 1 : refresher->options.concurrency / SHARE + 1;
	size_t rest;

	/* After a reload there may be more under way than the new limit. */
	if (refresher->under_way >= refresher->options.concurrency)
		return 0;
	rest = refresher->options.concurrency - refresher->under_way;
	return rest < share ? rest : share;
}

/* Everything that is due is under way: sleeps until the next policy is due. */
static void sleep_until_next(struct round *round)
{
	struct refresher *refresher = round->refresher;

	round->next = INT64_MAX;
	cache_due(refresher->options.cache, INT64_MAX, refresher->under_way + 1,
	          find_next, round);
	if (round->next == INT64_MAX)
		sleep_on(refresher);
	else
		sleep_until(refresher, round->next);
}

static void refresher_run(struct refresher *refresher)
{
	struct round round = {
		.refresher = refresher,
		.now_s = clock_wall_s(refresher->options.clock),
		.busy = is_busy(refresher),
	};
	uint64_t now_ms = clock_mono_ms(refresher->options.clock);
	bool could_start, more;

	if (now_ms < refresher->hold_ms) {
		sleep_ms(refresher, refresher->hold_ms - now_ms, INT64_MIN);
		return;
	}
	round.left = may_start(refresher, round.busy);
	could_start = round.left > 0;
	more = cache_due(refresher->options.cache, round.now_s,
	                 refresher->under_way + CHANGES, handle_due, &round);
	if (round.stuck || (more && (round.busy || !could_start)))
		sleep_ms(refresher, BUSY_MS, INT64_MIN);
	else if (more)
		sleep_ms(refresher, PACE_MS, INT64_MIN);
	else
		sleep_until_next(&round);
}

/* -- the watch ------------------------------------------------------------- */

static void refresher_on_due(void *arg, int64_t due_s)
{
	struct refresher *refresher = arg;

	if (due_s < refresher->awake_s)
		sleep_until(refresher, due_s);
}

static void refresher_on_renewed(void *arg, const struct domain *domain,
                                 enum discover_outcome outcome)
{
	struct refresher *refresher = arg;
	int64_t now_s = clock_wall_s(refresher->options.clock);
	struct cache_entry entry;

	refresher->under_way--;
	refresher->done += outcome == DISCOVER_POLICY;
	refresher->failed += outcome == DISCOVER_FETCH_FAILED;
	if (cache_get(refresher->options.cache, domain, &entry) != MTS_OK ||
	    entry.next_refresh_s > now_s)
		return;
	/* It is still due: it has expired meanwhile, or the result could not be
	 * stored. */
	if (schedule_due(refresher->rules, &entry, now_s) != SCHEDULE_REMOVE)
		refresher->hold_ms =
		    clock_mono_ms(refresher->options.clock) + HOLD_MS;
	refresher_on_due(refresher, now_s);
}

/* -- its life -------------------------------------------------------------- */

int refresher_new(const struct refresher_options *options,
                  struct refresher **ret, struct fault *why)
{
	struct refresher *refresher = calloc(1, sizeof(*refresher));
	struct lookups_watch watch = { .due = refresher_on_due,
		                       .renewed = refresher_on_renewed,
		                       .arg = refresher };

	if (!refresher)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	refresher->options = *options;
	refresher->rules = lookups_schedule(options->lookups);
	uv_timer_init(options->loop, &refresher->timer);
	refresher->timer.data = refresher;
	lookups_watch(options->lookups, &watch);
	sleep_ms(refresher, 0, INT64_MIN);
	*ret = refresher;
	return MTS_OK;
}

void refresher_set_concurrency(struct refresher *refresher,
                               uint64_t concurrency)
{
	refresher->options.concurrency = concurrency;
	sleep_ms(refresher, 0, INT64_MIN);
}

static void refresher_free(uv_handle_t *timer)
{
	free(timer->data);
}

void refresher_close(struct refresher **refresher)
{
	if (!*refresher)
		return;
	lookups_watch((*refresher)->options.lookups, NULL);
	uv_close((uv_handle_t *)&(*refresher)->timer, refresher_free);
	*refresher = NULL;
}

static bool count_due(void *arg, const char *name,
                      const struct cache_entry *entry)
{
	struct refresher_state *state = arg;

	(void)name;
	if (state->due++ == 0)
		state->oldest_s = entry->next_refresh_s;
	return true;
}

void refresher_get_state(struct refresher *refresher,
                         struct refresher_state *ret)
{
	struct round round = {
		.now_s = clock_wall_s(refresher->options.clock),
		.next = INT64_MAX,
	};

	*ret = (struct refresher_state){ .done = refresher->done,
		                         .failed = refresher->failed,
		                         .removed = refresher->removed,
		                         .under_way = refresher->under_way };
	cache_due(refresher->options.cache, round.now_s, REFRESHER_DUE_MAX,
	          count_due, ret);
	if (ret->due == REFRESHER_DUE_MAX) {
		ret->next_s = round.now_s;
		return;
	}
	cache_due(refresher->options.cache, INT64_MAX, ret->due + 1, find_next,
	          &round);
	ret->next_s = round.next == INT64_MAX ? 0 : round.next;
}
