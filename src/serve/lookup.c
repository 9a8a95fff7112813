/* SPDX-License-Identifier: BSD-2-Clause */
/* lookup.c - the look-up service: who is asked first, who waits for what.
 *
 * A job is one domain's discovery and everybody who waits for it. It lives in
 * the map from the moment it is started until its discovery ends, whether or
 * not anybody still waits. What a discovery found is stored by outcome.c before
 * the waiters are called, so what they are told is what the next asker gets. */
#include "serve/lookup.h"

#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "serve/outcome.h"
#include "sts/verdict.h"

#include <stdlib.h>
#include <string.h>

/* Discoveries under way. Each costs some 10 KiB; beyond this new domains are
 * answered as "no policy" without one (RFC 8461 3.3). */
enum { JOBS_MAX = 16384 };

struct lookups {
	struct lookups_options options;
	struct discover_options discover;
	struct outcome_rules rules;
	struct map *jobs;
	struct lookup_counts counts;
};

struct job {
	struct map_node node;
	struct lookups *lookups;
	struct domain domain;
	struct discovery *discovery;
	struct list waiters;
	bool force; /* somebody wants it fetched even if the id is known */
};

struct lookup_waiter {
	struct list node; /* in its job's list, while it waits */
	struct lookups *lookups;
	struct domain domain;
	lookup_callback *callback;
	void *arg;
	uv_timer_t timer;
};

static void on_discovery(void *arg, const struct discover_result *result);

/* -- the service ----------------------------------------------------------- */

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
	};
	*ret = lookups;
	return MTS_OK;
}

static void free_waiter_handle(uv_handle_t *handle)
{
	free(handle->data);
}

/* The waiter's memory goes when libuv gives the timer back. */
static void drop_waiter(struct lookup_waiter *waiter)
{
	list_remove(&waiter->node);
	waiter->lookups->counts.waiting--;
	uv_close((uv_handle_t *)&waiter->timer, free_waiter_handle);
}

static void free_job(struct job *job)
{
	map_remove(job->lookups->jobs, &job->node);
	job->lookups->counts.under_way--;
	discovery_cancel(&job->discovery);
	free(job);
}

static void close_job(struct map_node *node, void *arg)
{
	struct job *job = container_of(node, struct job, node);

	(void)arg;
	list_each_safe (w, &job->waiters)
		drop_waiter(container_of(w, struct lookup_waiter, node));
	free_job(job);
}

void lookups_close(struct lookups **lookups)
{
	if (!*lookups)
		return;
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

/* -- jobs ------------------------------------------------------------------ */

static struct job *find_job(struct lookups *lookups,
                            const struct domain *domain)
{
	struct map_node *node =
	    map_find(lookups->jobs, domain->name, domain->len);

	return node ? container_of(node, struct job, node) : NULL;
}

/* KNOWN_ID: the walk may end at the record if that is its id; else NULL. */
static int start_job(struct lookups *lookups, const struct domain *domain,
                     const char *known_id, struct job **ret)
{
	struct job *job;
	int rc;

	if (map_count(lookups->jobs) >= JOBS_MAX)
		return MTS_EFULL;
	job = calloc(1, sizeof(*job));
	if (!job)
		return MTS_ENOMEM;
	job->lookups = lookups;
	job->domain = *domain;
	list_init(&job->waiters);
	rc = discovery_start(&lookups->discover, domain, known_id, on_discovery,
	                     job, &job->discovery);
	if (rc != MTS_OK) {
		free(job);
		return rc;
	}
	job->node.key = job->domain.name;
	job->node.key_len = job->domain.len;
	map_insert(lookups->jobs, &job->node);
	lookups->counts.under_way++;
	*ret = job;
	return MTS_OK;
}

static void count_outcome(struct lookup_counts *counts,
                          enum discover_outcome outcome)
{
	counts->discoveries++;
	counts->fetched += outcome == DISCOVER_POLICY;
	counts->fetch_failed += outcome == DISCOVER_FETCH_FAILED;
	counts->dns_failed += outcome == DISCOVER_DNS_FAILED;
}

/* The cached policy of DOMAIN, if it is live. */
static bool get_live(struct lookups *lookups, const struct domain *domain,
                     int64_t now_s, struct cache_entry *ret)
{
	return cache_get(lookups->options.cache, domain, ret) == MTS_OK &&
	       verdict_is_live(ret->policy.max_age_s, ret->fetched_s, now_s);
}

/* A policy that could not be fetched a short while ago: its record's id, for
 * which no fetch is tried (3.3), or NULL. */
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

/* Tells every waiter. Each may cancel others, so take them one at a time; and
 * what he goes on to ask may change the cache, from which TOLD borrows. */
static void tell_waiters(struct lookups *lookups, const struct domain *domain,
                         struct list *waiters, struct lookup_result *told)
{
	bool fetched = told->discovery->outcome == DISCOVER_POLICY;
	struct list *first;

	while ((first = list_first(waiters))) {
		struct lookup_waiter *waiter =
		    container_of(first, struct lookup_waiter, node);
		lookup_callback *callback = waiter->callback;
		void *arg = waiter->arg;

		if (!fetched)
			told->has_policy = get_live(
			    lookups, domain,
			    clock_wall_s(lookups->options.clock), &told->entry);
		drop_waiter(waiter);
		callback(arg, told);
	}
}

/* A walk that ended at the record has nothing for those who wait if the policy
 * that it was to check is gone meanwhile: flushed, or at its end. Unless that
 * id is barred (3.3), there may well be a policy to be had. */
static bool leaves_waiters_empty_handed(struct job *job, const char *id)
{
	struct lookups *lookups = job->lookups;
	struct cache_entry entry;
	struct absent_entry absent;
	const char *barred;

	if (list_empty(&job->waiters) ||
	    get_live(lookups, &job->domain,
	             clock_wall_s(lookups->options.clock), &entry))
		return false;
	barred = barred_id(lookups, &job->domain, &absent);
	return !barred || strcmp(barred, id) != 0;
}

/* The walk ended at the record, but somebody wants the text: walk again. */
static bool walk_again(struct job *job, const struct discover_result *result)
{
	if (result->outcome != DISCOVER_UNCHANGED ||
	    (!job->force &&
	     !leaves_waiters_empty_handed(job, result->record.id)))
		return false;
	job->force = false;
	job->discovery = NULL;
	return discovery_start(&job->lookups->discover, &job->domain, NULL,
	                       on_discovery, job, &job->discovery) == MTS_OK;
}

static void on_discovery(void *arg, const struct discover_result *result)
{
	struct job *job = arg;
	struct lookups *lookups = job->lookups;
	struct domain domain = job->domain;
	int64_t now_s = clock_wall_s(lookups->options.clock);
	struct lookup_result told = { .source = LOOKUP_DISCOVERED,
		                      .reason = result->reason,
		                      .discovery = result };
	struct absent_entry absent;
	struct list waiters;

	if (walk_again(job, result))
		return;
	count_outcome(&lookups->counts, result->outcome);
	list_init(&waiters);
	list_take(&waiters, &job->waiters);
	job->discovery = NULL; /* it ended by itself */
	free_job(job);
	if (result->outcome == DISCOVER_POLICY) {
		outcome_policy(&lookups->rules, &domain, result, &told.entry);
		told.has_policy = true;
	} else {
		outcome_other(&lookups->rules, &domain, result);
		told.has_policy =
		    get_live(lookups, &domain, now_s, &told.entry);
		/* Barred from a second fetch: say why the first one failed. */
		if (result->outcome == DISCOVER_UNCHANGED && !told.has_policy &&
		    absent_get(lookups->options.absent, &domain, &absent) ==
		        MTS_OK)
			told.reason = absent.reason;
	}
	tell_waiters(lookups, &domain, &waiters, &told);
}

/* -- the id check of a hit (RFC 8461 5.1, 8.1) ----------------------------- */

static bool id_check_is_due(const struct lookups *lookups,
                            const struct cache_entry *entry, int64_t now_s)
{
	int64_t ttl_ms = (int64_t)entry->record_ttl_s * 1000;
	int64_t min_ms = (int64_t)lookups->options.id_check_min_ms;
	int64_t max_ms = (int64_t)lookups->options.id_check_max_ms;
	int64_t age_s = now_s - entry->checked_s;

	if (ttl_ms < min_ms)
		ttl_ms = min_ms;
	if (ttl_ms > max_ms)
		ttl_ms = max_ms;
	/* A clock that was set back must not stop the checks. */
	return age_s < 0 || age_s * 1000 >= ttl_ms;
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
	struct job *job;

	if (find_job(lookups, domain))
		return;
	if (absent_get(lookups->options.absent, domain, &failed) == MTS_OK &&
	    failed.until_ms > now_ms)
		return;
	barred = barred_id(lookups, domain, &failed);
	/* If there is no room or memory for it, the next hit tries again. */
	(void)start_job(lookups, domain, barred ? barred : entry->id, &job);
}

/* -- asking ---------------------------------------------------------------- */

/* A hit: what is to be done for later, none of which may delay it. */
static void serve_hit(struct lookups *lookups, const struct domain *domain,
                      struct cache_entry *entry, int64_t now_s)
{
	lookups->counts.hits++;
	if (id_check_is_due(lookups, entry, now_s))
		check_id(lookups, domain, entry);
	/* The write table has it now, so it is found again. */
	if (cache_touch(lookups->options.cache, domain, entry))
		(void)cache_get(lookups->options.cache, domain, entry);
}

int lookups_try(struct lookups *lookups, const struct domain *domain,
                struct lookup_result *ret)
{
	int64_t now_s = clock_wall_s(lookups->options.clock);
	struct absent_entry absent;

	*ret = (struct lookup_result){ .source = LOOKUP_CACHED, .reason = "" };
	if (get_live(lookups, domain, now_s, &ret->entry)) {
		ret->has_policy = true;
		serve_hit(lookups, domain, &ret->entry, now_s);
		return MTS_OK;
	}
	if (absent_get(lookups->options.absent, domain, &absent) == MTS_OK &&
	    absent.until_ms > clock_mono_ms(lookups->options.clock)) {
		ret->source = LOOKUP_ABSENT;
		ret->reason = absent.reason;
		lookups->counts.absent++;
		return MTS_OK;
	}
	return MTS_EMORE;
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
	    get_live(lookups, &waiter->domain,
	             clock_wall_s(lookups->options.clock), &told.entry);
	drop_waiter(waiter);
	callback(arg, &told);
}

static int add_waiter(struct job *job, uint64_t timeout_ms,
                      lookup_callback *callback, void *arg,
                      struct lookup_waiter **ret)
{
	struct lookups *lookups = job->lookups;
	struct lookup_waiter *waiter = calloc(1, sizeof(*waiter));

	if (!waiter)
		return MTS_ENOMEM;
	waiter->lookups = lookups;
	waiter->domain = job->domain;
	waiter->callback = callback;
	waiter->arg = arg;
	uv_timer_init(lookups->options.loop, &waiter->timer);
	waiter->timer.data = waiter;
	if (timeout_ms == 0)
		timeout_ms = lookups->options.timeout_ms;
	uv_timer_start(&waiter->timer, on_waiter_timeout, timeout_ms, 0);
	list_append(&job->waiters, &waiter->node);
	lookups->counts.waiting++;
	*ret = waiter;
	return MTS_OK;
}

int lookups_wait(struct lookups *lookups, const struct domain *domain,
                 uint64_t timeout_ms, lookup_callback *callback, void *arg,
                 struct lookup_waiter **ret)
{
	struct job *job = find_job(lookups, domain);
	struct absent_entry absent;
	int rc;

	if (job) {
		lookups->counts.joined++;
		return add_waiter(job, timeout_ms, callback, arg, ret);
	}
	rc = start_job(lookups, domain, barred_id(lookups, domain, &absent),
	               &job);
	if (rc != MTS_OK)
		return rc;
	lookups->counts.misses++;
	/* Without its waiter the discovery goes on all the same. */
	return add_waiter(job, timeout_ms, callback, arg, ret);
}

int lookups_refresh(struct lookups *lookups, const struct domain *domain,
                    uint64_t timeout_ms, lookup_callback *callback, void *arg,
                    struct lookup_waiter **ret)
{
	struct job *job = find_job(lookups, domain);
	int rc;

	if (!job) {
		rc = start_job(lookups, domain, NULL, &job);
		if (rc != MTS_OK)
			return rc;
	}
	job->force = true;
	return add_waiter(job, timeout_ms, callback, arg, ret);
}

void lookup_waiter_cancel(struct lookup_waiter **waiter)
{
	if (!*waiter)
		return;
	drop_waiter(*waiter);
	*waiter = NULL;
}
