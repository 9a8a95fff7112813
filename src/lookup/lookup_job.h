/* SPDX-License-Identifier: BSD-2-Clause */
/* lookup_job.h - one domain's discovery and everybody who waits for it.
 *
 * The inside of lookup.h: only lookup.c and lookup_job.c include this. A job
 * lives in the map from the moment it is started until its discovery ends,
 * whether or not anybody still waits. */
#ifndef LOOKUP_LOOKUP_JOB_H
#define LOOKUP_LOOKUP_JOB_H

#include "base/list.h"
#include "base/map.h"
#include "lookup/lookup.h"
#include "lookup/outcome.h"

struct lookups {
	struct lookups_options options;
	struct discover_options discover;
	struct outcome_rules rules;
	struct map *jobs;
	struct lookup_counts counts;
	struct lookups_watch watch; /* zeroes: nobody watches */
	bool flooded;               /* discoveries are refused; was said */
	uint64_t flood_refused;     /* counts.refused before that */
	struct list unsaved;        /* waiters for the disk; see lookup.c */
};

struct lookup_job {
	struct map_node node;
	struct lookups *lookups;
	struct domain domain;
	struct discovery *discovery;
	struct list waiters;
	uint64_t started_ms;
	bool force;   /* an operator wants it fetched even if the id is known */
	bool renew;   /* the refresher does, whatever the record says */
	bool despite; /* the walk under way goes on without a record */
};

struct lookup_waiter {
	struct list node; /* in its job's list, or in unsaved, while it waits */
	struct lookups *lookups;
	struct domain domain;
	lookup_callback *callback;
	void *arg;
	uint64_t until_ms; /* the loop's time; by then it is called */
	uv_timer_t timer;
};

/* The job of DOMAIN, or NULL. */
struct lookup_job *lookup_job_find(struct lookups *lookups,
                                   const struct domain *domain);

/* Starts one for DOMAIN, which has none. KNOWN_ID: the walk may end at the
 * record if that is its id; else NULL. RENEW: for the refresher. MTS_EFULL,
 * MTS_ENOMEM. */
int lookup_job_start(struct lookups *lookups, const struct domain *domain,
                     const char *known_id, bool renew, struct lookup_job **ret);

/* Ends it; nobody is called. */
void lookup_job_drop(struct lookup_job *job);

/* The waiter's memory goes when libuv gives the timer back. */
void lookup_waiter_drop(struct lookup_waiter *waiter);

/* A policy that could not be fetched a short while ago: its record's id, for
 * which no fetch is tried (3.3), or NULL. Borrowed from ABSENT. */
const char *lookup_barred_id(struct lookups *lookups,
                             const struct domain *domain,
                             struct absent_entry *absent);

/* Tells the watch, if there is one, that something is due at DUE_S. */
void lookup_tell_due(struct lookups *lookups, int64_t due_s);

#endif
