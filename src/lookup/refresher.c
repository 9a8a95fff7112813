/* SPDX-License-Identifier: BSD-2-Clause */
/* refresher.c - has policies fetched afresh when they are due.
 *
 * After a day without power a million policies may be due at once, and a look-up
 * that somebody waits for must not wait for them. So they are started a few at a
 * time, PACE_MS apart, and next to none while fetches wait for their turn. What is
 * under way stays in the order of due times until it ends; it is passed over.
 *
 * Whoever has us send mail to domains of his whose policy hosts say nothing could
 * see to it that fetches always wait, until the policies of others have ended
 * (RFC 8461 10.2). So one is started each second even then. */
#include "lookup/refresher.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

enum {
	PACE_MS = 200,  /* between two rounds while there is more to do */
	BUSY_MS = 1000, /* while others wait for a fetch, or memory is short */
	/* When what was done can't be noted: or the same domain would be asked
	 * again and again. 3.3 asks for five minutes. */
	HOLD_MS = 5 * 60 * 1000,
	SHARE = 8,     /* one in so many fetches may be started in a round */
	CHANGES = 100, /* that a round makes: removals, and what is left */
	/* The timer does not know of a date that is set, or of the machine's
	 * sleep; the first hit on what is due tells of it (on_due()). */
	SLEEP_MAX_S = 86400,
};

struct refresher {
	struct refresher_options options;
	const struct schedule_rules *rules;
	uv_timer_t timer;
	int64_t awake_s;  /* the wall clock's time it is set for */
	uint64_t hold_ms; /* nothing before this, on the monotonic clock */
	uint64_t done, failed, removed;
	size_t under_way;
};

static void look(struct refresher *refresher);

/* -- the timer ------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer)
{
	look(timer->data);
}

/* Sleeps for MS; a due time before UNTIL_S ends that. */
static void sleep_ms(struct refresher *refresher, uint64_t ms, int64_t until_s)
{
	refresher->awake_s = until_s;
	uv_timer_start(&refresher->timer, on_timer, ms, 0);
}

/* Sleeps until DUE_S, or until on_due() is told of something. */
static void sleep_until(struct refresher *refresher, int64_t due_s)
{
	int64_t now_s = clock_wall_s(refresher->options.clock);
	int64_t span_s = due_s <= now_s ? 0 : due_s - now_s;

	if (span_s > SLEEP_MAX_S)
		span_s = SLEEP_MAX_S;
	sleep_ms(refresher, (uint64_t)span_s * 1000, due_s);
}

/* Sleeps until on_due() is told of something. */
static void sleep_on(struct refresher *refresher)
{
	refresher->awake_s = INT64_MAX;
	uv_timer_stop(&refresher->timer);
}

/* -- what is due ----------------------------------------------------------- */

/* One look at what is due. */
struct round {
	struct refresher *refresher;
	int64_t now_s;
	bool busy;    /* others wait for a fetch */
	size_t room;  /* so many may be started */
	bool stuck;   /* something could not be done: not again at once */
	int64_t next; /* due after NOW_S; INT64_MAX: nothing */
};

static bool refresh(struct round *round, const struct domain *domain)
{
	struct refresher *refresher = round->refresher;
	int rc;

	if (round->room == 0)
		return false;
	rc = lookups_renew(refresher->options.lookups, domain);
	if (rc == MTS_EBUSY)
		return true; /* it is under way */
	if (rc != MTS_OK) {
		round->stuck = true;
		return false;
	}
	refresher->under_way++;
	round->room--;
	return true;
}

/* Nobody asks for it: it stays in force, and is removed when it ends. */
static bool leave(struct round *round, const struct domain *domain,
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
	log_debug("policy_unused domain=%s id=%s reason=\"nobody asks: it is "
	          "refreshed no more\"",
	          domain->name, entry->id);
	return true;
}

/* Who has been warned of failures is told that they have come to this. */
static void log_end(const struct refresher *refresher,
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
		            "fetched afresh before it ended: the domain has "
		            "none until it can\"",
		            domain->name, policy_mode_text(entry->policy.mode),
		            entry->id, (unsigned)entry->failures,
		            refresh_cause_text(refresh_last_cause(entry)),
		            clock_iso(entry->failed_s, failed));
	else
		log_debug("policy_ended domain=%s mode=%s id=%s", domain->name,
		          policy_mode_text(entry->policy.mode), entry->id);
}

static bool remove_ended(struct round *round, const struct domain *domain,
                         const struct cache_entry *entry)
{
	struct cache_entry ended = *entry;

	/* What ENTRY borrows goes with it, but that is not logged. */
	if (cache_remove(round->refresher->options.cache, domain) != MTS_OK) {
		round->stuck = true;
		return false;
	}
	log_end(round->refresher, domain, &ended);
	round->refresher->removed++;
	return true;
}

/* cache_due()'s callback; false ends the round. */
static bool do_one(void *arg, const char *name, const struct cache_entry *entry)
{
	struct round *round = arg;
	struct domain domain = { .len = strlen(name) };

	memcpy(domain.name, name, domain.len + 1);
	switch (schedule_due(round->refresher->rules, entry, round->now_s)) {
	case SCHEDULE_REMOVE:
		return remove_ended(round, &domain, entry);
	case SCHEDULE_LEAVE:
		return leave(round, &domain, entry);
	case SCHEDULE_REFRESH:
		break;
	}
	return refresh(round, &domain);
}

static bool find_next(void *arg, const char *name,
                      const struct cache_entry *entry)
{
	struct round *round = arg;

	(void)name;
	if (entry->next_refresh_s <= round->now_s)
		return true; /* it is under way */
	round->next = entry->next_refresh_s;
	return false;
}

static bool others_wait(const struct refresher *refresher)
{
	size_t running = 0, waiting = 0;

	fetcher_load(refresher->options.fetcher, &running, &waiting);
	return waiting > 0;
}

/* How many may be started now. */
static size_t room_for(const struct refresher *refresher, bool busy)
{
	size_t share = busy ? 1 : refresher->options.concurrency / SHARE + 1;
	size_t rest;

	/* More than that may be under way after a reload. */
	if (refresher->under_way >= refresher->options.concurrency)
		return 0;
	rest = refresher->options.concurrency - refresher->under_way;
	return rest < share ? rest : share;
}

/* All that was due is under way: the time of what comes next. */
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

static void look(struct refresher *refresher)
{
	struct round round = {
		.refresher = refresher,
		.now_s = clock_wall_s(refresher->options.clock),
		.busy = others_wait(refresher),
	};
	uint64_t now_ms = clock_mono_ms(refresher->options.clock);
	bool had_room, more;

	if (now_ms < refresher->hold_ms) {
		sleep_ms(refresher, refresher->hold_ms - now_ms, INT64_MIN);
		return;
	}
	round.room = room_for(refresher, round.busy);
	had_room = round.room > 0;
	more = cache_due(refresher->options.cache, round.now_s,
	                 refresher->under_way + CHANGES, do_one, &round);
	if (round.stuck || (more && (round.busy || !had_room)))
		sleep_ms(refresher, BUSY_MS, INT64_MIN);
	else if (more)
		sleep_ms(refresher, PACE_MS, INT64_MIN);
	else
		sleep_until_next(&round);
}

/* -- what lookups tell ----------------------------------------------------- */

static void on_due(void *arg, int64_t due_s)
{
	struct refresher *refresher = arg;

	if (due_s < refresher->awake_s)
		sleep_until(refresher, due_s);
}

static void on_renewed(void *arg, const struct domain *domain,
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
	/* It is due still: it has ended meanwhile, or what came of it could not
	 * be noted. */
	if (schedule_due(refresher->rules, &entry, now_s) != SCHEDULE_REMOVE)
		refresher->hold_ms =
		    clock_mono_ms(refresher->options.clock) + HOLD_MS;
	on_due(refresher, now_s);
}

/* -- its life -------------------------------------------------------------- */

int refresher_new(const struct refresher_options *options,
                  struct refresher **ret, struct fault *why)
{
	struct refresher *refresher = calloc(1, sizeof(*refresher));
	struct lookups_watch watch = { .due = on_due,
		                       .renewed = on_renewed,
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

static void on_closed(uv_handle_t *timer)
{
	free(timer->data);
}

void refresher_close(struct refresher **refresher)
{
	if (!*refresher)
		return;
	lookups_watch((*refresher)->options.lookups, NULL);
	uv_close((uv_handle_t *)&(*refresher)->timer, on_closed);
	*refresher = NULL;
}

static bool count_one(void *arg, const char *name,
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
	          count_one, ret);
	if (ret->due == REFRESHER_DUE_MAX) {
		ret->next_s = round.now_s;
		return;
	}
	cache_due(refresher->options.cache, INT64_MAX, ret->due + 1, find_next,
	          &round);
	ret->next_s = round.next == INT64_MAX ? 0 : round.next;
}
