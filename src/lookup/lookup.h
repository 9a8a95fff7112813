/* SPDX-License-Identifier: BSD-2-Clause */
/* lookup.h - what does MTA-STS demand for this domain?
 *
 * The life of a look-up: lookups_try() answers at once if the cache has a live
 * policy, or if the domain is known to have none. Otherwise lookups_wait() joins
 * the policy discovery for the domain, or starts one (lookup/flight.h), and
 * calls back when the discovery ends or the time limit expires. A discovery
 * without waiters goes on, and its result is stored for the next asker. A hit whose TXT record is due for a check (RFC 8461 5.1) starts one in
 * the background. */
#ifndef LOOKUP_LOOKUP_H
#define LOOKUP_LOOKUP_H

#include "base/clock.h"
#include "base/histogram.h"
#include "cache/absent.h"
#include "cache/cache.h"
#include "discover/discover.h"
#include "lookup/flight.h"
#include "lookup/outcome.h"
#include "lookup/schedule.h"
#include "lookup/top.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct lookups;

/* All pointers are borrowed and outlive the service. */
struct lookups_options {
	uv_loop_t *loop;
	const struct clock *clock;
	struct cache *cache;
	struct absent *absent;
	struct resolver *resolver;
	struct fetcher *fetcher;
	struct top *top; /* counts failures by domain; may be NULL */
	bool allow_private_addresses;
	uint64_t timeout_ms;      /* lookup.timeout */
	uint64_t negative_min_ms; /* lookup.negative_min */
	uint64_t negative_max_ms; /* lookup.negative_max */
	uint64_t retry_ms;        /* fetch.retry */
	uint64_t id_check_min_ms; /* refresh.id_check_min */
	uint64_t id_check_max_ms; /* refresh.id_check_max */
	uint64_t refresh_ms;      /* refresh.interval */
	uint64_t refresh_min_ms;  /* refresh.min_interval */
	uint64_t unused_after_ms; /* cache.unused_after */
	size_t discoveries_max;   /* at a time; 0: 16,384. Each takes some
	                           * 10 KiB; further ones are refused */
};

/* MTS_ENOMEM. On MTS_OK *RET is the caller's: lookups_close(). */
int lookups_new(const struct lookups_options *options, struct lookups **ret,
                struct fault *why);

/* Uses the limits and times of OPTIONS from now on; its pointers must be those
 * that lookups_new() was given. Discoveries under way go on as they began. */
void lookups_set(struct lookups *lookups,
                 const struct lookups_options *options);

/* Cancels every discovery; no waiter is called back. Takes NULL, leaves NULL.
 * The loop must run once more before it is closed. */
void lookups_close(struct lookups **lookups);

/* Where an answer comes from. */
enum lookup_source {
	LOOKUP_CACHED,     /* a live policy from the cache */
	LOOKUP_ABSENT,     /* the domain is known to have none */
	LOOKUP_DISCOVERED, /* a discovery has just ended, well or not */
	LOOKUP_TIMED_OUT,  /* the discovery goes on in the background */
};

/* "cached", "absent", "discovered", "timed_out". */
const char *lookup_source_text(enum lookup_source source);

/* All of it is borrowed and valid until the receiver returns to the loop. */
struct lookup_result {
	enum lookup_source source;
	bool has_policy;
	struct cache_entry entry; /* has_policy: a live one */
	const char *reason;       /* no policy: why; never NULL */
	/* The discovery that has just ended, or NULL. It may have failed although
	 * there is a policy: the cached one stays in force. */
	const struct discover_result *discovery;
};

/* MTS_OK: RET is the answer. MTS_EMORE: only a discovery can tell, or the policy
 * was fetched a moment ago and is not on disk yet; RET has it even so, for
 * callers that can't wait. */
int lookups_try(struct lookups *lookups, const struct domain *domain,
                struct lookup_result *ret);

/* The same without counting it: for a question that has been answered, and
 * counted, already, and then had to wait for something else. */
int lookups_try_again(struct lookups *lookups, const struct domain *domain,
                      struct lookup_result *ret);

typedef void lookup_callback(void *arg, const struct lookup_result *result);

/* The caller's memory, which must stay where it is while it waits. The members
 * belong to lookup.c. All zeroes: it does not wait. */
struct lookup_waiter {
	struct flight_waiter wait;
	struct lookups *lookups;
	struct domain domain;
	lookup_callback *callback;
	void *arg;
	uint64_t end_ms; /* time limit, on the loop's clock */
	uint64_t disk_end_ms;
};

/* Waits for DOMAIN's discovery, or for its policy to be on disk, for TIMEOUT_MS
 * at most (0: lookup.timeout). An error return (MTS_ENOMEM; MTS_EFULL: too many
 * discoveries are under way) means "not started". Otherwise CALLBACK comes
 * exactly once, never from inside the call, unless lookup_waiter_cancel() comes
 * first. WAITER is the caller's again when CALLBACK begins. */
int lookups_wait(struct lookups *lookups, const struct domain *domain,
                 uint64_t timeout_ms, lookup_callback *callback, void *arg,
                 struct lookup_waiter *waiter);

/* The same for an operator: whatever is cached or known to be absent, the
 * record is looked up and the policy fetched now. */
int lookups_refresh(struct lookups *lookups, const struct domain *domain,
                    uint64_t timeout_ms, lookup_callback *callback, void *arg,
                    struct lookup_waiter *waiter);

/* The callback will not come. Does nothing if WAITER does not wait. */
void lookup_waiter_cancel(struct lookup_waiter *waiter);

/* For the refresher: fetches the policy of DOMAIN, which has a live one, in the
 * background, whatever the record says and whether or not there is one (10.2),
 * except for an id that may not be fetched again yet (3.3). Joins a discovery
 * under way. When it ends, the cache has the result and the watch is called.
 * MTS_EBUSY: a renewal is under way already. MTS_EFULL, MTS_ENOMEM: not
 * started. */
int lookups_renew(struct lookups *lookups, const struct domain *domain);

/* Calls outcome_import(), and the watch if a policy was imported. */
int lookups_import(struct lookups *lookups, const struct domain *domain,
                   struct cache_entry *entry, enum outcome_import *ret);

/* Is called when the schedule changes. The calls come while a discovery is
 * being finished: they may change the cache, but must start a discovery only
 * later, from the loop. */
struct lookups_watch {
	/* Something is now due at DUE_S; when it was due before is not known.
	 * INT64_MIN: it is overdue, and no fetch is under way. */
	void (*due)(void *arg, int64_t due_s);
	/* What lookups_renew() started has ended. */
	void (*renewed)(void *arg, const struct domain *domain,
	                enum discover_outcome outcome);
	void *arg;
};

/* Sets the only watch; WATCH is copied. NULL: none from now on. */
void lookups_watch(struct lookups *lookups, const struct lookups_watch *watch);

/* The rules of the schedule, valid as long as LOOKUPS. */
const struct schedule_rules *lookups_schedule(const struct lookups *lookups);

/* Since the start. */
struct lookup_counts {
	uint64_t hits;        /* answered from the cache */
	uint64_t absent;      /* answered from what is known to be absent */
	uint64_t misses;      /* started a discovery */
	uint64_t joined;      /* joined one under way */
	uint64_t timed_out;   /* waiters whose time limit expired */
	uint64_t discoveries; /* ended, all outcomes */
	uint64_t by_outcome[DISCOVER_OUTCOMES]; /* the same, by outcome */
	struct histogram times;                 /* how long they took */
	uint64_t fetched;                       /* policies fetched */
	uint64_t fetch_failed;
	uint64_t dns_failed;
	uint64_t refused;   /* discoveries not started: too many under way */
	uint64_t under_way; /* now */
	uint64_t waiting;   /* waiters now */
};

void lookups_get_counts(const struct lookups *lookups,
                        struct lookup_counts *ret);

#endif
