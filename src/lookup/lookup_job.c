/* SPDX-License-Identifier: BSD-2-Clause */
/* lookup_job.c - one domain's discovery, from its start to its end.
 *
 * What a discovery found is stored by outcome.c before the waiters are called,
 * so what they are told is what the next asker gets. */
#include "lookup/lookup_job.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

/* Discoveries under way; beyond this, new domains are answered as "no policy"
 * without one (RFC 8461 3.3), and the operator is told. */
enum { JOBS_MAX = 16384 };

static void on_discovery(void *arg, const struct discover_result *result);

/* -- its life -------------------------------------------------------------- */

struct lookup_job *lookup_job_find(struct lookups *lookups,
                                   const struct domain *domain)
{
	struct map_node *node =
	    map_find(lookups->jobs, domain->name, domain->len);

	return node ? container_of(node, struct lookup_job, node) : NULL;
}

static int start_walk(struct lookup_job *job, const char *known_id)
{
	struct discover_options options = job->lookups->discover;

	options.despite_record = job->renew;
	job->despite = job->renew;
	return discovery_start(&options, &job->domain, known_id, on_discovery,
	                       job, &job->discovery);
}

static size_t jobs_max(const struct lookups *lookups)
{
	return lookups->options.discoveries_max
	           ? lookups->options.discoveries_max
	           : JOBS_MAX;
}

/* Somebody may ask for names at random so that others' mail goes without its
 * policy. One line an episode, which ends when half of them are done. */
static int refuse(struct lookups *lookups)
{
	if (!lookups->flooded) {
		log_warning(
		    "too_many_discoveries limit=%zu reason=\"domains that are "
		    "not in the cache are answered as without a policy\"",
		    jobs_max(lookups));
		lookups->flood_refused = lookups->counts.refused;
		lookups->flooded = true;
	}
	lookups->counts.refused++;
	return MTS_EFULL;
}

static void note_less(struct lookups *lookups)
{
	if (!lookups->flooded ||
	    map_count(lookups->jobs) > jobs_max(lookups) / 2)
		return;
	lookups->flooded = false;
	log_warning("discoveries_again refused=%llu",
	            (unsigned long long)(lookups->counts.refused -
	                                 lookups->flood_refused));
}

int lookup_job_start(struct lookups *lookups, const struct domain *domain,
                     const char *known_id, bool renew, struct lookup_job **ret)
{
	struct lookup_job *job;
	int rc;

	if (map_count(lookups->jobs) >= jobs_max(lookups))
		return refuse(lookups);
	job = calloc(1, sizeof(*job));
	if (!job)
		return MTS_ENOMEM;
	job->lookups = lookups;
	job->domain = *domain;
	job->renew = renew;
	job->started_ms = clock_mono_ms(lookups->options.clock);
	list_init(&job->waiters);
	rc = start_walk(job, known_id);
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

static void free_waiter_handle(uv_handle_t *handle)
{
	free(handle->data);
}

void lookup_waiter_drop(struct lookup_waiter *waiter)
{
	list_remove(&waiter->node);
	waiter->lookups->counts.waiting--;
	uv_close((uv_handle_t *)&waiter->timer, free_waiter_handle);
}

static void free_job(struct lookup_job *job)
{
	map_remove(job->lookups->jobs, &job->node);
	job->lookups->counts.under_way--;
	note_less(job->lookups);
	discovery_cancel(&job->discovery);
	free(job);
}

void lookup_job_drop(struct lookup_job *job)
{
	list_each_safe (w, &job->waiters)
		lookup_waiter_drop(container_of(w, struct lookup_waiter, node));
	free_job(job);
}

const char *lookup_barred_id(struct lookups *lookups,
                             const struct domain *domain,
                             struct absent_entry *absent)
{
	uint64_t now_ms = clock_mono_ms(lookups->options.clock);

	if (absent_get(lookups->options.absent, domain, absent) != MTS_OK ||
	    absent->retry_ms <= now_ms || !absent->id[0])
		return NULL;
	return absent->id;
}

void lookup_tell_due(struct lookups *lookups, int64_t due_s)
{
	if (lookups->watch.due)
		lookups->watch.due(lookups->watch.arg, due_s);
}

/* -- another walk ---------------------------------------------------------- */

static bool is_barred(struct lookup_job *job, const char *id)
{
	struct absent_entry absent;
	const char *barred =
	    lookup_barred_id(job->lookups, &job->domain, &absent);

	return barred && strcmp(barred, id) == 0;
}

static bool has_live_policy(struct lookup_job *job)
{
	struct cache_entry entry;

	return outcome_get_live(&job->lookups->rules, &job->domain, &entry);
}

/* The walk ended at the record, whose id is ID: does anybody want the text all
 * the same? An operator does. The refresher, and those who wait for a policy
 * that is gone meanwhile (flushed, or at its end), do unless that id is barred
 * (3.3). */
static bool wants_text(struct lookup_job *job, const char *id)
{
	if (job->force)
		return true;
	if (!job->renew && (list_empty(&job->waiters) || has_live_policy(job)))
		return false;
	return !is_barred(job, id);
}

/* Walks again if this walk was not meant for everybody who has joined it. */
static bool walk_again(struct lookup_job *job,
                       const struct discover_result *result)
{
	bool again = false;

	if (result->outcome == DISCOVER_UNCHANGED)
		again = wants_text(job, result->record.id);
	else if (result->outcome == DISCOVER_NO_RECORD ||
	         result->outcome == DISCOVER_BAD_RECORD ||
	         result->outcome == DISCOVER_DNS_FAILED)
		again = job->renew && !job->despite;
	if (!again)
		return false;
	job->force = false;
	job->discovery = NULL;
	return start_walk(job, NULL) == MTS_OK;
}

/* -- the end --------------------------------------------------------------- */

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

/* Failures are the domain's, or DNS's; that there is no record is none. */
static void note_failure(struct top *top, const struct domain *domain,
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
			told->has_policy = outcome_get_live(
			    &lookups->rules, domain, &told->entry);
		lookup_waiter_drop(waiter);
		callback(arg, told);
	}
}

/* Lets the rules do with RESULT what is to be done, and says in TOLD what that
 * means for those who wait. */
static void settle(struct lookups *lookups, const struct domain *domain,
                   bool renew, const struct discover_result *result,
                   struct absent_entry *absent, struct lookup_result *told)
{
	bool tried = result->outcome == DISCOVER_POLICY ||
	             result->outcome == DISCOVER_FETCH_FAILED;

	if (result->outcome == DISCOVER_POLICY) {
		outcome_policy(&lookups->rules, domain, result, &told->entry);
		told->has_policy = true;
	} else {
		outcome_other(&lookups->rules, domain, result);
		told->has_policy =
		    outcome_get_live(&lookups->rules, domain, &told->entry);
		/* Barred from a second fetch: say why the first one failed. */
		if (result->outcome == DISCOVER_UNCHANGED &&
		    !told->has_policy &&
		    absent_get(lookups->options.absent, domain, absent) ==
		        MTS_OK)
			told->reason = absent->reason;
	}
	if (renew && !tried) {
		outcome_postpone(&lookups->rules, domain);
		told->has_policy =
		    outcome_get_live(&lookups->rules, domain, &told->entry);
	}
	if (told->has_policy)
		lookup_tell_due(lookups, told->entry.next_refresh_s);
}

/* A policy that was fetched without a record, for a domain whose cached one is
 * gone meanwhile: then the record has the word, and says that there is none
 * (3.1: "skip the remaining steps"). */
static const struct discover_result *mind_record(
    struct lookup_job *job, const struct discover_result *result,
    struct discover_result *plain)
{
	if (result->outcome != DISCOVER_POLICY ||
	    result->record_outcome == DISCOVER_POLICY || has_live_policy(job))
		return result;
	*plain = *result;
	plain->outcome = result->record_outcome;
	plain->reason = result->record_reason;
	plain->policy = NULL;
	return plain;
}

static void on_discovery(void *arg, const struct discover_result *result)
{
	struct lookup_job *job = arg;
	struct lookups *lookups = job->lookups;
	struct domain domain = job->domain;
	bool renew = job->renew;
	struct lookup_result told = { .source = LOOKUP_DISCOVERED };
	struct discover_result plain;
	struct absent_entry absent;
	struct list waiters;

	if (walk_again(job, result))
		return;
	result = mind_record(job, result, &plain);
	told.discovery = result;
	told.reason = result->reason;
	count_outcome(&lookups->counts, result->outcome,
	              clock_mono_ms(lookups->options.clock) - job->started_ms);
	note_failure(lookups->options.top, &domain, result);
	list_init(&waiters);
	list_take(&waiters, &job->waiters);
	job->discovery = NULL; /* it ended by itself */
	free_job(job);
	settle(lookups, &domain, renew, result, &absent, &told);
	if (renew && lookups->watch.renewed)
		lookups->watch.renewed(lookups->watch.arg, &domain,
		                       result->outcome);
	tell_waiters(lookups, &domain, &waiters, &told);
}
