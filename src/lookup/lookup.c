/* SPDX-License-Identifier: BSD-2-Clause */
/* lookup.c - what does MTA-STS demand for this domain?
 *
 * Three parts: answers at once, from the cache and from what is known to be
 * absent; policy discoveries, which askers share (lookup/flight.h); and waiters.
 * A waiter waits for a discovery, or for the next commit of the cache. When a
 * discovery ends, outcome.c stores what it found before the waiters are called,
 * so that they get the same answer as the next asker. */
#include "lookup/lookup.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

enum {
	/* New domains beyond this get the answer "no policy" without a
	 * discovery (RFC 8461 3.3), and the operator a warning. */
	LOOKUP_DISCOVERIES_MAX = 16384,
	/* How long a hit may wait for the disk. */
	LOOKUP_DISK_MS = 1000,
};

struct lookups {
	struct lookups_options options;
	struct discover_options discover;
	struct outcome_rules rules;
	struct flights *discoveries; /* struct policy_discovery, by domain */
	struct flights *commits;     /* at most one flight, COMMIT */
	struct flight commit;
	struct lookup_counts counts; /* those that the tables don't count */
	struct lookups_watch watch;  /* zeroes: there is none */
	bool flooded; /* discoveries are refused, and the log says so */
	uint64_t refused_before_flood;
};

/* One domain's discovery. It may run twice. The first run may end at the record,
 * because its id is known or because there is none, while an asker who joined
 * meanwhile needs the policy's text. */
struct policy_discovery {
	struct flight flight;
	struct lookups *lookups;
	struct domain domain;
	struct discovery *discovery; /* NULL: it has ended */
	uint64_t started_ms;
	bool force;          /* an operator wants a fetch, known id or not */
	bool renew;          /* the refresher does, whatever the record says */
	bool despite_record; /* this run fetches even without a record */
};

static void policy_discovery_on_end(void *arg,
                                    const struct discover_result *result);
static void lookups_on_batch(void *arg);

/* -- the service ----------------------------------------------------------- */

/* Whole seconds, rounded up, so that no rule is faster than configured. */
static int64_t whole_seconds(uint64_t ms)
{
	return (int64_t)((ms + 999) / 1000);
}

static struct schedule_rules schedule_of(const struct lookups_options *options)
{
	return (struct schedule_rules){
		.interval_s = whole_seconds(options->refresh_ms),
		.min_interval_s = whole_seconds(options->refresh_min_ms),
		.unused_after_s = whole_seconds(options->unused_after_ms),
		.retry_s = whole_seconds(options->retry_ms),
		.id_check_min_s = whole_seconds(options->id_check_min_ms),
		.id_check_max_s = whole_seconds(options->id_check_max_ms),
	};
}

static size_t discoveries_max(const struct lookups *lookups)
{
	return lookups->options.discoveries_max
	           ? lookups->options.discoveries_max
	           : LOOKUP_DISCOVERIES_MAX;
}

void lookups_set(struct lookups *lookups, const struct lookups_options *options)
{
	lookups->options = *options;
	flights_set_max(lookups->discoveries, discoveries_max(lookups));
	lookups->discover = (struct discover_options){
		.resolver = options->resolver,
		.fetcher = options->fetcher,
		.clock = options->clock,
		.allow_private_addresses = options->allow_private_addresses,
	};
	lookups->rules = (struct outcome_rules){
		.clock = options->clock,
		.cache = options->cache,
		.absent = options->absent,
		.negative_min_ms = options->negative_min_ms,
		.negative_max_ms = options->negative_max_ms,
		.retry_ms = options->retry_ms,
		.schedule = schedule_of(options),
	};
}

static void policy_discovery_drop(struct flight *flight)
{
	struct policy_discovery *work =
	    container_of(flight, struct policy_discovery, flight);

	discovery_cancel(&work->discovery);
	free(work);
}

/* COMMIT is a part of the service, and the cache does the work. */
static void commit_drop(struct flight *flight)
{
	(void)flight;
}

static void lookups_free(struct lookups *lookups)
{
	flights_close(&lookups->commits, commit_drop);
	flights_close(&lookups->discoveries, policy_discovery_drop);
	free(lookups);
}

int lookups_new(const struct lookups_options *options, struct lookups **ret,
                struct fault *why)
{
	struct lookups *lookups = calloc(1, sizeof(*lookups));

	if (!lookups)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	lookups->discoveries =
	    flights_new(options->loop, LOOKUP_DISCOVERIES_MAX);
	lookups->commits = flights_new(options->loop, 1);
	if (!lookups->discoveries || !lookups->commits) {
		lookups_free(lookups);
		return fault_set(why, MTS_ENOMEM, "out of memory");
	}
	lookups_set(lookups, options);
	cache_watch(options->cache, lookups_on_batch, lookups);
	*ret = lookups;
	return MTS_OK;
}

void lookups_close(struct lookups **lookups)
{
	if (!*lookups)
		return;
	cache_watch((*lookups)->options.cache, NULL, NULL);
	lookups_free(*lookups);
	*lookups = NULL;
}

const char *lookup_source_text(enum lookup_source source)
{
	switch (source) {
	case LOOKUP_CACHED:
		return "cached";
	case LOOKUP_ABSENT:
		return "absent";
	case LOOKUP_DISCOVERED:
		return "discovered";
	case LOOKUP_TIMED_OUT:
		return "timed_out";
	default:
		return "unknown";
	}
}

void lookups_get_counts(const struct lookups *lookups,
                        struct lookup_counts *ret)
{
	struct flight_counts discoveries, commits;

	flights_get_counts(lookups->discoveries, &discoveries);
	flights_get_counts(lookups->commits, &commits);
	*ret = lookups->counts;
	ret->joined = discoveries.joined;
	ret->timed_out = discoveries.timed_out;
	ret->refused = discoveries.refused;
	ret->under_way = discoveries.under_way;
	ret->waiting = discoveries.waiting + commits.waiting;
}

void lookups_watch(struct lookups *lookups, const struct lookups_watch *watch)
{
	lookups->watch = watch ? *watch : (struct lookups_watch){ 0 };
}

static void report_due(struct lookups *lookups, int64_t due_s)
{
	if (lookups->watch.due)
		lookups->watch.due(lookups->watch.arg, due_s);
}

int lookups_import(struct lookups *lookups, const struct domain *domain,
                   struct cache_entry *entry, enum outcome_import *ret)
{
	int rc = outcome_import(&lookups->rules, domain, entry, ret);

	if (rc == MTS_OK && *ret == OUTCOME_IMPORTED)
		report_due(lookups, entry->next_refresh_s);
	return rc;
}

const struct schedule_rules *lookups_schedule(const struct lookups *lookups)
{
	return &lookups->rules.schedule;
}

/* -- discoveries: their start ---------------------------------------------- */

static struct policy_discovery *find_discovery(struct lookups *lookups,
                                               const struct domain *domain)
{
	struct flight *flight =
	    flights_find(lookups->discoveries, domain->name, domain->len);

	return flight ? container_of(flight, struct policy_discovery, flight)
	              : NULL;
}

/* The id of DOMAIN's record if the policy for that id may not be fetched again
 * yet, because the last fetch was a short while ago (3.3), or NULL. Borrowed
 * from ABSENT, which this fills. */
static const char *barred_id(struct lookups *lookups,
                             const struct domain *domain,
                             struct absent_entry *absent)
{
	uint64_t now_ms = clock_mono_ms(lookups->options.clock);

	if (absent_get(lookups->options.absent, domain, absent) != MTS_OK ||
	    absent->retry_ms <= now_ms || !absent->id[0])
		return NULL;
	return absent->id;
}

/* An attacker may ask for random names so that other people's mail goes out
 * without its policy. One line when that begins, and one when half of the discoveries
 * have ended. */
static void note_flood(struct lookups *lookups)
{
	struct flight_counts counts;

	if (lookups->flooded)
		return;
	log_warning("too_many_discoveries limit=%zu reason=\"domains that are "
	            "not in the cache get the answer that they have no "
	            "policy\"",
	            discoveries_max(lookups));
	flights_get_counts(lookups->discoveries, &counts);
	lookups->refused_before_flood = counts.refused - 1;
	lookups->flooded = true;
}

static void note_end_of_flood(struct lookups *lookups)
{
	struct flight_counts counts;

	if (!lookups->flooded)
		return;
	flights_get_counts(lookups->discoveries, &counts);
	if (counts.under_way > discoveries_max(lookups) / 2)
		return;
	lookups->flooded = false;
	log_warning("discoveries_again refused=%llu",
	            (unsigned long long)(counts.refused -
	                                 lookups->refused_before_flood));
}

/* KNOWN_ID: the run may end at the record if it has that id; NULL: it may
 * not. */
static int run_discovery(struct policy_discovery *work, const char *known_id)
{
	struct discover_options options = work->lookups->discover;

	options.despite_record = work->renew;
	work->despite_record = work->renew;
	return discovery_start(&options, &work->domain, known_id,
	                       policy_discovery_on_end, work, &work->discovery);
}

/* Starts a discovery for DOMAIN, which has none. RENEW: for the refresher.
 * MTS_EFULL, MTS_ENOMEM. */
static int start_discovery(struct lookups *lookups, const struct domain *domain,
                           const char *known_id, bool renew,
                           struct policy_discovery **ret)
{
	struct policy_discovery *work = calloc(1, sizeof(*work));
	int rc;

	if (!work)
		return MTS_ENOMEM;
	work->lookups = lookups;
	work->domain = *domain;
	work->renew = renew;
	work->started_ms = clock_mono_ms(lookups->options.clock);
	rc = flight_start(lookups->discoveries, &work->flight,
	                  work->domain.name, work->domain.len);
	if (rc != MTS_OK) {
		note_flood(lookups);
		free(work);
		return rc;
	}
	rc = run_discovery(work, known_id);
	if (rc != MTS_OK) {
		flight_drop(&work->flight);
		free(work);
		return rc;
	}
	*ret = work;
	return MTS_OK;
}

/* -- discoveries: a second run --------------------------------------------- */

static bool has_live_policy(struct policy_discovery *work)
{
	struct cache_entry entry;

	return outcome_get_live(&work->lookups->rules, &work->domain, &entry);
}

/* The run ended at the record, whose id is ID. Is the policy's text needed even
 * so? Always for an operator. For the refresher, and for waiters if the cached
 * policy has gone in the meantime (flushed or expired), only if the policy for that id
 * may be fetched again (3.3). */
static bool wants_text(struct policy_discovery *work, const char *id)
{
	struct absent_entry absent;
	const char *barred;

	if (work->force)
		return true;
	if (!work->renew &&
	    (!flight_has_waiters(&work->flight) || has_live_policy(work)))
		return false;
	barred = barred_id(work->lookups, &work->domain, &absent);
	return !barred || strcmp(barred, id) != 0;
}

/* Runs again if this run did not do what everybody who has joined needs. */
static bool run_again(struct policy_discovery *work,
                      const struct discover_result *result)
{
	bool again = false;

	if (result->outcome == DISCOVER_UNCHANGED)
		again = wants_text(work, result->record.id);
	else if (result->outcome == DISCOVER_NO_RECORD ||
	         result->outcome == DISCOVER_BAD_RECORD ||
	         result->outcome == DISCOVER_DNS_FAILED)
		again = work->renew && !work->despite_record;
	if (!again)
		return false;
	work->force = false;
	return run_discovery(work, NULL) == MTS_OK;
}

/* -- discoveries: their end ------------------------------------------------ */

static void count_outcome(struct lookup_counts *counts,
                          enum discover_outcome outcome, uint64_t ms)
{
	counts->discoveries++;
	counts->by_outcome[outcome]++;
	histogram_add(&counts->times, ms);
	counts->fetched += outcome == DISCOVER_POLICY;
	counts->fetch_failed += outcome == DISCOVER_FETCH_FAILED;
	counts->dns_failed += outcome == DISCOVER_DNS_FAILED;
}

/* Failures are the domain's, or those of DNS. Having no record is not one. */
static void note_top_failure(struct top *top, const struct domain *domain,
                             const struct discover_result *result)
{
	const char *cause = discover_outcome_text(result->outcome);

	if (result->outcome == DISCOVER_FETCH_FAILED)
		cause = refresh_cause_text(refresh_cause_of(result));
	else if (result->outcome != DISCOVER_BAD_RECORD &&
	         result->outcome != DISCOVER_DNS_FAILED)
		return;
	top_note_failure(top, domain_slice(domain), cause);
}

/* For a domain without a record, the refresher's run has fetched a policy. If
 * the cached one has gone in the meantime, the record decides: there is no policy (3.1:
 * "skip the remaining steps"). */
static const struct discover_result *heed_record(
    struct policy_discovery *work, const struct discover_result *result,
    struct discover_result *changed)
{
	if (result->outcome != DISCOVER_POLICY ||
	    result->record_outcome == DISCOVER_POLICY || has_live_policy(work))
		return result;
	*changed = *result;
	changed->outcome = result->record_outcome;
	changed->reason = result->record_reason;
	changed->policy = NULL;
	return changed;
}

/* Applies the rules for RESULT to the cache, and sets ANSWER to what they mean
 * for the waiters. ANSWER may borrow from ABSENT. */
static void apply_outcome(struct policy_discovery *work,
                          const struct discover_result *result,
                          struct absent_entry *absent,
                          struct lookup_result *answer)
{
	struct lookups *lookups = work->lookups;
	const struct outcome_rules *rules = &lookups->rules;
	const struct domain *domain = &work->domain;
	bool fetch_tried = result->outcome == DISCOVER_POLICY ||
	                   result->outcome == DISCOVER_FETCH_FAILED;

	if (result->outcome == DISCOVER_POLICY) {
		outcome_policy(rules, domain, result, &answer->entry);
		answer->has_policy = true;
	} else {
		outcome_other(rules, domain, result);
		if (work->renew && !fetch_tried)
			outcome_postpone(rules, domain);
		answer->has_policy =
		    outcome_get_live(rules, domain, &answer->entry);
		/* Not fetched again yet: say why the first fetch failed. */
		if (result->outcome == DISCOVER_UNCHANGED &&
		    !answer->has_policy &&
		    absent_get(lookups->options.absent, domain, absent) ==
		        MTS_OK)
			answer->reason = absent->reason;
	}
	if (answer->has_policy)
		report_due(lookups, answer->entry.next_refresh_s);
}

static void policy_discovery_on_end(void *arg,
                                    const struct discover_result *result)
{
	struct policy_discovery *work = arg;
	struct lookups *lookups = work->lookups;
	struct lookup_result answer = { .source = LOOKUP_DISCOVERED };
	struct discover_result changed;
	struct absent_entry absent;

	work->discovery = NULL;
	if (run_again(work, result))
		return;
	result = heed_record(work, result, &changed);
	answer.discovery = result;
	answer.reason = result->reason;
	count_outcome(&lookups->counts, result->outcome,
	              clock_mono_ms(lookups->options.clock) - work->started_ms);
	note_top_failure(lookups->options.top, &work->domain, result);
	apply_outcome(work, result, &absent, &answer);
	if (work->renew && lookups->watch.renewed)
		lookups->watch.renewed(lookups->watch.arg, &work->domain,
		                       result->outcome);
	flight_end(&work->flight, &answer);
	note_end_of_flood(lookups);
	free(work);
}

/* -- answers at once ------------------------------------------------------- */

static bool id_check_is_due(const struct lookups *lookups,
                            const struct cache_entry *entry, int64_t now_s)
{
	/* A clock that was set back must not stop the checks. */
	return now_s < entry->checked_s ||
	       now_s >= schedule_id_check_s(&lookups->rules.schedule, entry);
}

/* Looks up the TXT record again in the background (RFC 8461 5.1, 8.1). A check
 * that failed a moment ago is not repeated with every hit, and the policy for a
 * new id is not fetched again before fetch.retry (3.3). */
static void check_id(struct lookups *lookups, const struct domain *domain,
                     const struct cache_entry *entry)
{
	uint64_t now_ms = clock_mono_ms(lookups->options.clock);
	struct policy_discovery *work;
	struct absent_entry failed;
	const char *barred;

	if (find_discovery(lookups, domain))
		return;
	if (absent_get(lookups->options.absent, domain, &failed) == MTS_OK &&
	    failed.until_ms > now_ms)
		return;
	barred = barred_id(lookups, domain, &failed);
	/* If it can't be started, the next hit tries again. */
	(void)start_discovery(lookups, domain, barred ? barred : entry->id,
	                      false, &work);
}

/* Makes ENTRY due now: it was no longer refreshed, or is due too late, but is in
 * use again. */
static bool make_due(struct lookups *lookups, const struct domain *domain,
                     const struct cache_entry *entry, int64_t now_s)
{
	struct cache_entry due = *entry;

	due.next_refresh_s = now_s;
	due.used_s = now_s;
	if (cache_put(lookups->options.cache, domain, &due) != MTS_OK)
		return false;
	report_due(lookups, now_s);
	return true;
}

/* The refresher sleeps until the first policy is due. If the clock was set
 * forward meanwhile, it does not know. */
static void wake_refresher(struct lookups *lookups, const struct domain *domain)
{
	const struct policy_discovery *work = find_discovery(lookups, domain);

	if (!work || !work->renew)
		report_due(lookups, INT64_MIN);
}

/* Does what a hit causes, none of which may delay it. */
static void follow_up_hit(struct lookups *lookups, const struct domain *domain,
                          struct cache_entry *entry, int64_t now_s)
{
	bool changed;

	if (id_check_is_due(lookups, entry, now_s))
		check_id(lookups, domain, entry);
	if (entry->next_refresh_s <= now_s)
		wake_refresher(lookups, domain);
	if (schedule_is_overdue(&lookups->rules.schedule, entry, now_s))
		changed = make_due(lookups, domain, entry, now_s);
	else
		changed = cache_touch(lookups->options.cache, domain, entry);
	/* The write table has it now, so this finds it. */
	if (changed)
		(void)cache_get(lookups->options.cache, domain, entry);
}

/* COUNT: count it as an answer of its kind. */
static int try_lookup(struct lookups *lookups, const struct domain *domain,
                      bool count, struct lookup_result *ret)
{
	int64_t now_s = clock_wall_s(lookups->options.clock);
	struct absent_entry absent;

	*ret = (struct lookup_result){ .source = LOOKUP_CACHED, .reason = "" };
	if (outcome_get_live(&lookups->rules, domain, &ret->entry)) {
		ret->has_policy = true;
		if (!cache_is_saved(lookups->options.cache, domain))
			return MTS_EMORE;
		lookups->counts.hits += count;
		follow_up_hit(lookups, domain, &ret->entry, now_s);
		return MTS_OK;
	}
	if (absent_get(lookups->options.absent, domain, &absent) == MTS_OK &&
	    absent.until_ms > clock_mono_ms(lookups->options.clock)) {
		ret->source = LOOKUP_ABSENT;
		ret->reason = absent.reason;
		lookups->counts.absent += count;
		return MTS_OK;
	}
	return MTS_EMORE;
}

int lookups_try(struct lookups *lookups, const struct domain *domain,
                struct lookup_result *ret)
{
	return try_lookup(lookups, domain, true, ret);
}

int lookups_try_again(struct lookups *lookups, const struct domain *domain,
                      struct lookup_result *ret)
{
	return try_lookup(lookups, domain, false, ret);
}

/* -- waiting for a discovery ----------------------------------------------- */

/* DATA is the struct lookup_result of the discovery, or NULL if time is up. */
static void lookup_on_discovery(struct flight_waiter *wait, const void *data)
{
	struct lookup_waiter *waiter =
	    container_of(wait, struct lookup_waiter, wait);
	const struct lookup_result *answer = data;
	struct lookup_result result = {
		.source = LOOKUP_TIMED_OUT,
		.reason = "discovery has not ended in time and goes on",
	};

	if (answer)
		result = *answer;
	/* A waiter before this one may have changed the cache, from which the
	 * answer borrows. And if time is up, there may well be a live policy:
	 * lookups_refresh() waits whatever is cached. */
	if (!answer || answer->discovery->outcome != DISCOVER_POLICY)
		result.has_policy = outcome_get_live(
		    &waiter->lookups->rules, &waiter->domain, &result.entry);
	waiter->callback(waiter->arg, &result);
}

/* At least 1, as 0 would mean no limit. */
static uint64_t lookup_left_ms(const struct lookup_waiter *waiter,
                               uint64_t end_ms)
{
	uint64_t now_ms = uv_now(waiter->lookups->options.loop);

	return end_ms > now_ms ? end_ms - now_ms : 1;
}

static int join_discovery(struct policy_discovery *work,
                          struct lookup_waiter *waiter)
{
	return flight_join(&work->flight, &waiter->wait,
	                   lookup_left_ms(waiter, waiter->end_ms),
	                   lookup_on_discovery);
}

/* Joins a discovery that is under way, or starts one. If the waiter can't join,
 * the discovery goes on. */
static int wait_for_discovery(struct lookup_waiter *waiter)
{
	struct lookups *lookups = waiter->lookups;
	const struct domain *domain = &waiter->domain;
	struct policy_discovery *work = find_discovery(lookups, domain);
	struct absent_entry absent;
	int rc;

	if (!work) {
		rc = start_discovery(lookups, domain,
		                     barred_id(lookups, domain, &absent), false,
		                     &work);
		if (rc != MTS_OK)
			return rc;
		lookups->counts.misses++;
	}
	return join_discovery(work, waiter);
}

/* -- waiting for the disk --------------------------------------------------- *
 *
 * Once an answer has come from the cache, a kill -9 must not make it disappear.
 * So a hit on a policy that was fetched a moment ago, and is not on disk yet,
 * waits for the commit, which then starts at once and takes some milliseconds.
 * (Those who waited for the discovery itself get their answer at once.) All of
 * them wait for one flight, the next commit. If the disk is slow, or nothing can
 * be written, memory has to do. If an operator flushes the policy meanwhile,
 * they go on to wait for a discovery, as the next asker does. */

static const char commit_key[] = "commit";

static void lookup_on_commit(struct flight_waiter *wait, const void *data);

static int wait_for_commit(struct lookup_waiter *waiter)
{
	struct lookups *lookups = waiter->lookups;

	if (!flights_find(lookups->commits, commit_key, sizeof(commit_key)))
		(void)flight_start(lookups->commits, &lookups->commit,
		                   commit_key, sizeof(commit_key));
	return flight_join(&lookups->commit, &waiter->wait,
	                   lookup_left_ms(waiter, waiter->disk_end_ms),
	                   lookup_on_commit);
}

static void answer_hit(struct lookup_waiter *waiter)
{
	struct lookup_result result = { .source = LOOKUP_CACHED, .reason = "" };
	struct lookups *lookups = waiter->lookups;

	result.has_policy =
	    outcome_get_live(&lookups->rules, &waiter->domain, &result.entry);
	if (!result.has_policy && wait_for_discovery(waiter) == MTS_OK)
		return;
	if (result.has_policy) {
		lookups->counts.hits++;
		follow_up_hit(lookups, &waiter->domain, &result.entry,
		              clock_wall_s(lookups->options.clock));
	} else {
		result.reason = "the policy was flushed just now";
	}
	waiter->callback(waiter->arg, &result);
}

/* A commit has ended, or DATA is NULL and the disk takes too long. */
static void lookup_on_commit(struct flight_waiter *wait, const void *data)
{
	struct lookup_waiter *waiter =
	    container_of(wait, struct lookup_waiter, wait);
	struct cache *cache = waiter->lookups->options.cache;

	if (data && !cache_is_saved(cache, &waiter->domain) &&
	    wait_for_commit(waiter) == MTS_OK)
		return; /* its policy was not part of that commit */
	answer_hit(waiter);
}

static void lookups_on_batch(void *arg)
{
	struct lookups *lookups = arg;

	if (!flights_find(lookups->commits, commit_key, sizeof(commit_key)))
		return;
	flight_end(&lookups->commit, commit_key);
	if (flights_find(lookups->commits, commit_key, sizeof(commit_key)))
		cache_hurry(lookups->options.cache);
}

static bool is_on_its_way_to_disk(struct lookups *lookups,
                                  const struct domain *domain)
{
	struct cache_entry entry;

	return !cache_is_saved(lookups->options.cache, domain) &&
	       outcome_get_live(&lookups->rules, domain, &entry);
}

/* -- waiting --------------------------------------------------------------- */

static void init_waiter(struct lookup_waiter *waiter, struct lookups *lookups,
                        const struct domain *domain, uint64_t timeout_ms,
                        lookup_callback *callback, void *arg)
{
	uint64_t now_ms = uv_now(lookups->options.loop);

	if (timeout_ms == 0)
		timeout_ms = lookups->options.timeout_ms;
	*waiter =
	    (struct lookup_waiter){ .lookups = lookups,
		                    .domain = *domain,
		                    .callback = callback,
		                    .arg = arg,
		                    .end_ms = now_ms + timeout_ms,
		                    .disk_end_ms = now_ms + LOOKUP_DISK_MS };
}

int lookups_wait(struct lookups *lookups, const struct domain *domain,
                 uint64_t timeout_ms, lookup_callback *callback, void *arg,
                 struct lookup_waiter *waiter)
{
	int rc;

	init_waiter(waiter, lookups, domain, timeout_ms, callback, arg);
	if (!is_on_its_way_to_disk(lookups, domain))
		return wait_for_discovery(waiter);
	rc = wait_for_commit(waiter);
	cache_hurry(lookups->options.cache);
	return rc;
}

int lookups_refresh(struct lookups *lookups, const struct domain *domain,
                    uint64_t timeout_ms, lookup_callback *callback, void *arg,
                    struct lookup_waiter *waiter)
{
	struct policy_discovery *work = find_discovery(lookups, domain);
	int rc;

	init_waiter(waiter, lookups, domain, timeout_ms, callback, arg);
	if (!work) {
		rc = start_discovery(lookups, domain, NULL, false, &work);
		if (rc != MTS_OK)
			return rc;
	}
	work->force = true;
	return join_discovery(work, waiter);
}

void lookup_waiter_cancel(struct lookup_waiter *waiter)
{
	flight_leave(&waiter->wait);
}

int lookups_renew(struct lookups *lookups, const struct domain *domain)
{
	struct policy_discovery *work = find_discovery(lookups, domain);
	struct absent_entry absent;

	if (!work)
		return start_discovery(lookups, domain,
		                       barred_id(lookups, domain, &absent),
		                       true, &work);
	if (work->renew)
		return MTS_EBUSY;
	work->renew = true;
	return MTS_OK;
}
