/* SPDX-License-Identifier: BSD-2-Clause */
/* lookup.c - the look-up service: who is answered at once, who waits for what.
 * lookup_job.c is what they wait for. */
#include "lookup/lookup.h"

#include "lookup/lookup_job.h"

#include <stdlib.h>

static void on_batch(void *arg);

/* -- the service ----------------------------------------------------------- */

/* Whole seconds, rounded up: no rule is quicker than what is configured. */
static int64_t seconds(uint64_t ms)
{
	return (int64_t)((ms + 999) / 1000);
}

static struct schedule_rules schedule_of(const struct lookups_options *options)
{
	return (struct schedule_rules){
		.interval_s = seconds(options->refresh_ms),
		.min_interval_s = seconds(options->refresh_min_ms),
		.unused_after_s = seconds(options->unused_after_ms),
		.retry_s = seconds(options->retry_ms),
		.id_check_min_s = seconds(options->id_check_min_ms),
		.id_check_max_s = seconds(options->id_check_max_ms),
	};
}

void lookups_set(struct lookups *lookups, const struct lookups_options *options)
{
	lookups->options = *options;
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

int lookups_new(const struct lookups_options *options, struct lookups **ret,
                struct fault *why)
{
	struct lookups *lookups = calloc(1, sizeof(*lookups));

	if (!lookups)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	lookups->jobs = map_new();
	if (!lookups->jobs) {
		free(lookups);
		return fault_set(why, MTS_ENOMEM, "out of memory");
	}
	lookups_set(lookups, options);
	list_init(&lookups->unsaved);
	cache_watch(options->cache, on_batch, lookups);
	*ret = lookups;
	return MTS_OK;
}

static void close_job(struct map_node *node, void *arg)
{
	(void)arg;
	lookup_job_drop(container_of(node, struct lookup_job, node));
}

void lookups_close(struct lookups **lookups)
{
	if (!*lookups)
		return;
	cache_watch((*lookups)->options.cache, NULL, NULL);
	list_each_safe (w, &(*lookups)->unsaved)
		lookup_waiter_drop(container_of(w, struct lookup_waiter, node));
	map_each((*lookups)->jobs, close_job, NULL);
	map_free(&(*lookups)->jobs);
	free(*lookups);
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
	*ret = lookups->counts;
}

int lookups_import(struct lookups *lookups, const struct domain *domain,
                   struct cache_entry *entry, enum outcome_import *ret)
{
	int rc = outcome_import(&lookups->rules, domain, entry, ret);

	if (rc == MTS_OK && *ret == OUTCOME_IMPORTED)
		lookup_tell_due(lookups, entry->next_refresh_s);
	return rc;
}

void lookups_watch(struct lookups *lookups, const struct lookups_watch *watch)
{
	lookups->watch = watch ? *watch : (struct lookups_watch){ 0 };
}

const struct schedule_rules *lookups_schedule(const struct lookups *lookups)
{
	return &lookups->rules.schedule;
}

/* -- the id check of a hit (RFC 8461 5.1, 8.1) ----------------------------- */

static bool id_check_is_due(const struct lookups *lookups,
                            const struct cache_entry *entry, int64_t now_s)
{
	/* A clock that was set back must not stop the checks. */
	return now_s < entry->checked_s ||
	       now_s >= schedule_id_check_s(&lookups->rules.schedule, entry);
}

/* Asks for the TXT record again, in the background. A check that failed a
 * moment ago is not repeated with every hit, and a new id whose policy could
 * not be fetched is not fetched again before its time (3.3). */
static void check_id(struct lookups *lookups, const struct domain *domain,
                     const struct cache_entry *entry)
{
	uint64_t now_ms = clock_mono_ms(lookups->options.clock);
	struct absent_entry failed;
	const char *barred;
	struct lookup_job *job;

	if (lookup_job_find(lookups, domain))
		return;
	if (absent_get(lookups->options.absent, domain, &failed) == MTS_OK &&
	    failed.until_ms > now_ms)
		return;
	barred = lookup_barred_id(lookups, domain, &failed);
	/* If there is no room or memory for it, the next hit tries again. */
	(void)lookup_job_start(lookups, domain, barred ? barred : entry->id,
	                       false, &job);
}

/* -- asking ---------------------------------------------------------------- */

/* Somebody asks for what was left to end, or is due too late: it is due now. */
static bool hurry(struct lookups *lookups, const struct domain *domain,
                  const struct cache_entry *entry, int64_t now_s)
{
	struct cache_entry due = *entry;

	due.next_refresh_s = now_s;
	due.used_s = now_s;
	if (cache_put(lookups->options.cache, domain, &due) != MTS_OK)
		return false;
	lookup_tell_due(lookups, now_s);
	return true;
}

/* The refresher sleeps until the first is due, but the date may have been set
 * meanwhile. */
static void wake_refresher(struct lookups *lookups, const struct domain *domain)
{
	const struct lookup_job *job = lookup_job_find(lookups, domain);

	if (!job || !job->renew)
		lookup_tell_due(lookups, INT64_MIN);
}

/* A hit: what is to be done for later, none of which may delay it. */
static void serve_hit(struct lookups *lookups, const struct domain *domain,
                      struct cache_entry *entry, int64_t now_s)
{
	bool changed;

	if (id_check_is_due(lookups, entry, now_s))
		check_id(lookups, domain, entry);
	if (entry->next_refresh_s <= now_s)
		wake_refresher(lookups, domain);
	if (schedule_is_overdue(&lookups->rules.schedule, entry, now_s))
		changed = hurry(lookups, domain, entry, now_s);
	else
		changed = cache_touch(lookups->options.cache, domain, entry);
	/* The write table has it now, so it is found again. */
	if (changed)
		(void)cache_get(lookups->options.cache, domain, entry);
}

/* COUNTED: as an answer of its kind. */
static int try_now(struct lookups *lookups, const struct domain *domain,
                   bool counted, struct lookup_result *ret)
{
	int64_t now_s = clock_wall_s(lookups->options.clock);
	struct absent_entry absent;

	*ret = (struct lookup_result){ .source = LOOKUP_CACHED, .reason = "" };
	if (outcome_get_live(&lookups->rules, domain, &ret->entry)) {
		ret->has_policy = true;
		if (!cache_is_saved(lookups->options.cache, domain))
			return MTS_EMORE;
		lookups->counts.hits += counted;
		serve_hit(lookups, domain, &ret->entry, now_s);
		return MTS_OK;
	}
	if (absent_get(lookups->options.absent, domain, &absent) == MTS_OK &&
	    absent.until_ms > clock_mono_ms(lookups->options.clock)) {
		ret->source = LOOKUP_ABSENT;
		ret->reason = absent.reason;
		lookups->counts.absent += counted;
		return MTS_OK;
	}
	return MTS_EMORE;
}

int lookups_try(struct lookups *lookups, const struct domain *domain,
                struct lookup_result *ret)
{
	return try_now(lookups, domain, true, ret);
}

int lookups_try_again(struct lookups *lookups, const struct domain *domain,
                      struct lookup_result *ret)
{
	return try_now(lookups, domain, false, ret);
}

static void on_waiter_timeout(uv_timer_t *timer)
{
	struct lookup_waiter *waiter = timer->data;
	struct lookup_result told = {
		.source = LOOKUP_TIMED_OUT,
		.reason = "discovery has not ended in time and goes on",
	};
	lookup_callback *callback = waiter->callback;
	struct lookups *lookups = waiter->lookups;
	void *arg = waiter->arg;

	lookups->counts.timed_out++;
	/* After a forced look-up there may well be a policy in force. */
	told.has_policy =
	    outcome_get_live(&lookups->rules, &waiter->domain, &told.entry);
	lookup_waiter_drop(waiter);
	callback(arg, &told);
}

static struct lookup_waiter *new_waiter(struct lookups *lookups,
                                        const struct domain *domain,
                                        uint64_t timeout_ms,
                                        lookup_callback *callback, void *arg)
{
	struct lookup_waiter *waiter = calloc(1, sizeof(*waiter));

	if (!waiter)
		return NULL;
	if (timeout_ms == 0)
		timeout_ms = lookups->options.timeout_ms;
	waiter->until_ms = uv_now(lookups->options.loop) + timeout_ms;
	waiter->lookups = lookups;
	waiter->domain = *domain;
	waiter->callback = callback;
	waiter->arg = arg;
	uv_timer_init(lookups->options.loop, &waiter->timer);
	waiter->timer.data = waiter;
	lookups->counts.waiting++;
	return waiter;
}

/* Takes a waiter that is in no list. */
static void take_waiter(struct lookup_job *job, struct lookup_waiter *waiter)
{
	uint64_t now_ms = uv_now(job->lookups->options.loop);

	uv_timer_start(
	    &waiter->timer, on_waiter_timeout,
	    waiter->until_ms > now_ms ? waiter->until_ms - now_ms : 0, 0);
	list_append(&job->waiters, &waiter->node);
}

static int add_waiter(struct lookup_job *job, uint64_t timeout_ms,
                      lookup_callback *callback, void *arg,
                      struct lookup_waiter **ret)
{
	struct lookup_waiter *waiter =
	    new_waiter(job->lookups, &job->domain, timeout_ms, callback, arg);

	if (!waiter)
		return MTS_ENOMEM;
	take_waiter(job, waiter);
	*ret = waiter;
	return MTS_OK;
}

/* The job of DOMAIN: one that is under way, or a new one. */
static int join(struct lookups *lookups, const struct domain *domain,
                struct lookup_job **ret)
{
	struct absent_entry absent;
	int rc;

	*ret = lookup_job_find(lookups, domain);
	if (*ret) {
		lookups->counts.joined++;
		return MTS_OK;
	}
	rc = lookup_job_start(lookups, domain,
	                      lookup_barred_id(lookups, domain, &absent), false,
	                      ret);
	if (rc == MTS_OK)
		lookups->counts.misses++;
	return rc;
}

/* -- hits that wait for the disk ------------------------------------------- *
 *
 * What was answered from the cache once must not be gone after a kill -9. So a
 * hit on a policy that was fetched a moment ago, and is not on disk yet, waits
 * for the commit, which then starts at once: some milliseconds. Whoever waited
 * for the discovery itself is told at once; and if the disk takes its time, or
 * nothing at all, memory has to do. If an operator has it forgotten meanwhile,
 * whoever waits goes on to wait for a discovery, as the next asker does. */

enum { UNSAVED_MS = 1000 };

static bool wait_on(struct lookup_waiter *waiter)
{
	struct lookup_job *job;

	if (join(waiter->lookups, &waiter->domain, &job) != MTS_OK)
		return false;
	list_remove(&waiter->node);
	take_waiter(job, waiter);
	return true;
}

static void tell_unsaved(struct lookup_waiter *waiter)
{
	struct lookup_result told = { .source = LOOKUP_CACHED, .reason = "" };
	lookup_callback *callback = waiter->callback;
	struct lookups *lookups = waiter->lookups;
	struct domain domain = waiter->domain;
	void *arg = waiter->arg;

	told.has_policy =
	    outcome_get_live(&lookups->rules, &domain, &told.entry);
	if (!told.has_policy && wait_on(waiter))
		return;
	lookup_waiter_drop(waiter);
	if (told.has_policy) {
		lookups->counts.hits++;
		serve_hit(lookups, &domain, &told.entry,
		          clock_wall_s(lookups->options.clock));
	} else {
		told.reason = "the policy was forgotten just now";
	}
	callback(arg, &told);
}

static void on_unsaved_timeout(uv_timer_t *timer)
{
	tell_unsaved(timer->data);
}

/* Each that is told may cancel others, so start over. */
static void on_batch(void *arg)
{
	struct lookups *lookups = arg;
	struct list waiting;
	struct list *first;

	list_init(&waiting);
	list_take(&waiting, &lookups->unsaved);
	while ((first = list_first(&waiting))) {
		struct lookup_waiter *waiter =
		    container_of(first, struct lookup_waiter, node);

		if (cache_is_saved(lookups->options.cache, &waiter->domain)) {
			tell_unsaved(waiter);
			continue;
		}
		list_remove(first);
		list_append(&lookups->unsaved, first);
	}
	if (!list_empty(&lookups->unsaved))
		cache_hurry(lookups->options.cache);
}

static bool is_unsaved(struct lookups *lookups, const struct domain *domain)
{
	struct cache_entry entry;

	return !cache_is_saved(lookups->options.cache, domain) &&
	       outcome_get_live(&lookups->rules, domain, &entry);
}

static int wait_for_disk(struct lookups *lookups, const struct domain *domain,
                         uint64_t timeout_ms, lookup_callback *callback,
                         void *arg, struct lookup_waiter **ret)
{
	struct lookup_waiter *waiter =
	    new_waiter(lookups, domain, timeout_ms, callback, arg);

	if (!waiter)
		return MTS_ENOMEM;
	uv_timer_start(&waiter->timer, on_unsaved_timeout, UNSAVED_MS, 0);
	list_append(&lookups->unsaved, &waiter->node);
	cache_hurry(lookups->options.cache);
	*ret = waiter;
	return MTS_OK;
}

int lookups_wait(struct lookups *lookups, const struct domain *domain,
                 uint64_t timeout_ms, lookup_callback *callback, void *arg,
                 struct lookup_waiter **ret)
{
	struct lookup_job *job;
	int rc;

	if (is_unsaved(lookups, domain))
		return wait_for_disk(lookups, domain, timeout_ms, callback, arg,
		                     ret);
	rc = join(lookups, domain, &job);
	if (rc != MTS_OK)
		return rc;
	/* Without its waiter the discovery goes on all the same. */
	return add_waiter(job, timeout_ms, callback, arg, ret);
}

int lookups_refresh(struct lookups *lookups, const struct domain *domain,
                    uint64_t timeout_ms, lookup_callback *callback, void *arg,
                    struct lookup_waiter **ret)
{
	struct lookup_job *job = lookup_job_find(lookups, domain);
	int rc;

	if (!job) {
		rc = lookup_job_start(lookups, domain, NULL, false, &job);
		if (rc != MTS_OK)
			return rc;
	}
	job->force = true;
	return add_waiter(job, timeout_ms, callback, arg, ret);
}

int lookups_renew(struct lookups *lookups, const struct domain *domain)
{
	struct lookup_job *job = lookup_job_find(lookups, domain);
	struct absent_entry absent;

	if (!job)
		return lookup_job_start(
		    lookups, domain, lookup_barred_id(lookups, domain, &absent),
		    true, &job);
	if (job->renew)
		return MTS_EBUSY;
	job->renew = true;
	return MTS_OK;
}

void lookup_waiter_cancel(struct lookup_waiter **waiter)
{
	if (!*waiter)
		return;
	lookup_waiter_drop(*waiter);
	*waiter = NULL;
}
