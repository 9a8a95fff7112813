/* SPDX-License-Identifier: BSD-2-Clause */
/* lookup.h - what does MTA-STS demand for this domain?
 *
 * The life of a look-up: lookups_try() answers from the cache, or from what is
 * known to be absent, at once. If it can't, lookups_wait() joins the domain's
 * discovery, or starts one, and is called back when that ends or the time is
 * over. A discovery that nobody waits for any more goes on, and what it finds
 * is stored for the next who asks. A hit whose TXT record is due for a look
 * (RFC 8461 5.1) starts one in the background. */
#ifndef LOOKUP_LOOKUP_H
#define LOOKUP_LOOKUP_H

#include "base/clock.h"
#include "base/histogram.h"
#include "cache/absent.h"
#include "cache/cache.h"
#include "discover/discover.h"
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
	struct top *top; /* is told of failures; NULL: nobody watches */
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
	size_t discoveries_max;   /* under way; 0: 16,384. Each costs some
	                           * 10 KiB; beyond, new ones are refused */
};

/* MTS_ENOMEM. On MTS_OK *RET is the caller's: lookups_close(). */
int lookups_new(const struct lookups_options *options, struct lookups **ret,
                struct fault *why);

/* Takes the limits and times of OPTIONS from now on; the rest of it must be what
 * lookups_new() was told. What is under way goes on as it began. */
void lookups_set(struct lookups *lookups,
                 const struct lookups_options *options);

/* Cancels every discovery; no waiter is called back. Takes NULL, leaves NULL.
 * The loop must run once more before it is closed. */
void lookups_close(struct lookups **lookups);

/* Where an answer comes from. */
enum lookup_source {
	LOOKUP_CACHED,     /* a live policy from the cache */
	LOOKUP_ABSENT,     /* known to have none */
	LOOKUP_DISCOVERED, /* a discovery just ended, either way */
	LOOKUP_TIMED_OUT,  /* the discovery goes on in the background */
};

/* "cached", "absent", "discovered", "timed_out". */
const char *lookup_source_text(enum lookup_source source);

/* Borrowed, all of it: good until the receiver returns to the loop. */
struct lookup_result {
	enum lookup_source source;
	bool has_policy;
	struct cache_entry entry; /* has_policy: a live one */
	const char *reason;       /* no policy: why; never NULL */
	/* The discovery that just ended, or NULL. It may have failed although
	 * there is a policy: the cached one stays in force. */
	const struct discover_result *discovery;
};

/* Answers at once if it can: MTS_OK. MTS_EMORE: only a discovery can tell, or
 * the policy that one just found is not on disk yet; then it is in RET all the
 * same, for whoever can't wait. */
int lookups_try(struct lookups *lookups, const struct domain *domain,
                struct lookup_result *ret);

/* The same once more, for a question that this answered but that waited for
 * something else meanwhile: it is counted already. */
int lookups_try_again(struct lookups *lookups, const struct domain *domain,
                      struct lookup_result *ret);

struct lookup_waiter;

typedef void lookup_callback(void *arg, const struct lookup_result *result);

/* Waits for DOMAIN's discovery, or for its policy to be on disk, for TIMEOUT_MS
 * at most (0: lookup.timeout). An error return (MTS_ENOMEM; MTS_EFULL: too many
 * discoveries are under way) means "not started". Otherwise CALLBACK comes
 * exactly once, never from inside the call, unless lookup_waiter_cancel() comes
 * first. */
int lookups_wait(struct lookups *lookups, const struct domain *domain,
                 uint64_t timeout_ms, lookup_callback *callback, void *arg,
                 struct lookup_waiter **ret);

/* The same for an operator: whatever is cached or known to be absent, the
 * record is looked up and the policy fetched now. */
int lookups_refresh(struct lookups *lookups, const struct domain *domain,
                    uint64_t timeout_ms, lookup_callback *callback, void *arg,
                    struct lookup_waiter **ret);

/* The same for the refresher, in the background: fetches the policy of DOMAIN,
 * which has one in force, afresh, whatever the record says and whether or not
 * there is one (10.2); but not while the fetch for its id is barred (3.3). Joins
 * a discovery under way. The watch is told of the end, and what came of it is in
 * the cache then. MTS_EBUSY: that is being done already. MTS_EFULL, MTS_ENOMEM:
 * not started. */
int lookups_renew(struct lookups *lookups, const struct domain *domain);

/* outcome_import(), of which the refresher is told. */
int lookups_import(struct lookups *lookups, const struct domain *domain,
                   struct cache_entry *entry, enum outcome_import *ret);

/* Who is told of what changes in the schedule. May start discoveries and change
 * the cache. */
struct lookups_watch {
	/* Something is due at DUE_S now; what it was before is not known.
	 * INT64_MIN: it has been due, and is not being fetched. */
	void (*due)(void *arg, int64_t due_s);
	/* What lookups_renew() started has ended. */
	void (*renewed)(void *arg, const struct domain *domain,
	                enum discover_outcome outcome);
	void *arg;
};

/* One at a time; WATCH is copied; NULL: nobody from now on. */
void lookups_watch(struct lookups *lookups, const struct lookups_watch *watch);

/* The rules of the clocks. As long as LOOKUPS. */
const struct schedule_rules *lookups_schedule(const struct lookups *lookups);

/* The callback will not come. Takes NULL, leaves NULL. */
void lookup_waiter_cancel(struct lookup_waiter **waiter);

/* Since the start. */
struct lookup_counts {
	uint64_t hits;        /* answered from the cache */
	uint64_t absent;      /* answered from what is known to be absent */
	uint64_t misses;      /* started a discovery */
	uint64_t joined;      /* joined one under way */
	uint64_t timed_out;   /* waiters whose time was over */
	uint64_t discoveries; /* ended, all causes */
	uint64_t by_outcome[DISCOVER_OUTCOMES]; /* the same, one by one */
	struct histogram times;                 /* that they took */
	uint64_t fetched;                       /* policies fetched */
	uint64_t fetch_failed;
	uint64_t dns_failed;
	uint64_t refused;   /* discoveries not begun: too many are under way */
	uint64_t under_way; /* now */
	uint64_t waiting;   /* waiters now */
};

void lookups_get_counts(const struct lookups *lookups,
                        struct lookup_counts *ret);

#endif
