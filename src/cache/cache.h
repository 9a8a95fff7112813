/* SPDX-License-Identifier: BSD-2-Clause */
/* cache.h - policies on disk (LMDB), one writer thread, readers on the loop.
 *
 * A put is visible to the next get at once (from memory) and is on disk within
 * a second (one LMDB transaction a batch, on libuv's thread pool, since a
 * commit waits for the disk). What a kill -9 can take away is only what was put
 * in that last second, of which cache_is_saved() tells. One loop and one thread
 * use a cache.
 *
 * The file is DIRECTORY/policies.mdb. A file that is not ours, or is damaged,
 * is renamed to policies.mdb.bad-YYYYMMDDTHHMMSSZ, a warning is logged, and a
 * new one is begun. */
#ifndef CACHE_CACHE_H
#define CACHE_CACHE_H

#include "base/clock.h"
#include "base/status.h"
#include "sts/domain.h"
#include "sts/policy.h"
#include "sts/record.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct cache;

/* One policy and what is known about it. Times in seconds since 1970, 0 if it
 * has not happened. */
struct cache_entry {
	struct policy policy;       /* borrowed from the cache */
	char id[RECORD_ID_MAX + 1]; /* of the TXT record it was fetched for */
	uint64_t text_hash;    /* XXH64 of the body as served: did it change? */
	int64_t fetched_s;     /* last successful HTTPS fetch */
	int64_t checked_s;     /* last successful look at the TXT record */
	uint32_t record_ttl_s; /* that TXT answer's time to live */
	int64_t used_s;        /* last asked for; coarse: see cache_touch */
	int64_t next_refresh_s; /* when the text is to be fetched afresh */
	int64_t failed_s;       /* last failed refresh since the last good */
	uint32_t failures;      /* failed refreshes since the last good */
	uint8_t failed_cause;   /* of the last failed refresh: what was warned
	                         * of; what numbers mean is the refresher's */
	/* DANE for mail to the domain's MX hosts at port 25 (RFC 7672), beside
	 * the policy and independent of it. */
	uint8_t dane_state;    /* enum dane_state; 0: nothing is known */
	int64_t dane_learnt_s; /* when */
	uint32_t dane_ttl_s;   /* the least TTL of what it was learnt from */
};

struct cache_options {
	uv_loop_t *loop;
	const char *directory; /* must exist or be creatable (one level) */
	uint64_t max_size;     /* bytes the file may grow to */
	const struct clock *clock;
};

/* Opens or makes the cache. MTS_ESYS: the folder or file can't be used.
 * MTS_EBUSY: another process has it. On MTS_OK *RET is the caller's:
 * cache_close(). */
int cache_open(const struct cache_options *options, struct cache **ret,
               struct fault *why);

/* Writes what is pending, waits for it, closes. Takes NULL, leaves NULL. The
 * loop must run once more afterwards (to close handles) before it is closed. No
 * fork() between open and close: neither LMDB nor the lock goes with it. */
void cache_close(struct cache **cache);

/* Finds the entry of DOMAIN, live or not (the caller looks at the time). What
 * RET borrows is valid until the caller returns to the loop or changes the
 * cache. MTS_ENOTFOUND; MTS_EDAMAGED: the record is no good (it is logged and
 * removed). If the file itself turns out to be damaged, it is set aside soon
 * after, and until then this is MTS_ENOTFOUND. */
int cache_get(struct cache *cache, const struct domain *domain,
              struct cache_entry *ret);

/* Stores ENTRY, which is copied, for DOMAIN; it may borrow from what it
 * replaces. MTS_ENOMEM; MTS_EFULL: too much is pending; MTS_ERANGE: it is not
 * what cache_get() could return. A write that fails later is logged once, kept
 * in memory and tried again. */
int cache_put(struct cache *cache, const struct domain *domain,
              const struct cache_entry *entry);

/* Notes that DOMAIN was asked for now. Written only if used_s is more than an
 * hour old, so that hits cost no writes; then it is true, and what ENTRY
 * borrows has to be got anew. */
bool cache_touch(struct cache *cache, const struct domain *domain,
                 const struct cache_entry *entry);

/* False as long as a kill -9 would lose the policy that cache_get() finds, since
 * it is on its way to the disk. True while nothing can be written. */
bool cache_is_saved(const struct cache *cache, const struct domain *domain);

/* Somebody waits for that: what is pending goes out at once. */
void cache_hurry(struct cache *cache);

/* Calls ON_BATCH, from the loop, whenever some writes have ended, well or not;
 * NULL: no more. */
void cache_watch(struct cache *cache, void (*on_batch)(void *arg), void *arg);

/* Forgets DOMAIN; MTS_ENOTFOUND, MTS_ENOMEM, MTS_EFULL as for cache_put(). */
int cache_remove(struct cache *cache, const struct domain *domain);

/* Forgets everything; MTS_ENOMEM, MTS_EFULL or what else went wrong on disk:
 * then nothing is forgotten. *RET_COUNT, unless RET_COUNT is NULL: how many there
 * were, pending ones among them. Synchronous: it waits for the disk. */
int cache_remove_all(struct cache *cache, uint64_t *ret_count);

/* Calls EACH for up to LIMIT entries in order of domain, those after AFTER (""
 * from the start), pending writes included; EACH returns false to stop. Returns
 * true if there may be more. What EACH gets is valid only within the call, and
 * until it changes the cache: it may put and remove, but not remove all. */
bool cache_each(struct cache *cache, const char *after, size_t limit,
                bool (*each)(void *arg, const char *domain,
                             const struct cache_entry *entry),
                void *arg);

/* The same for those whose next_refresh_s is not 0 and not after NOW_S, in
 * order of next_refresh_s. The order is kept on disk: it costs no scan. */
bool cache_due(struct cache *cache, int64_t now_s, size_t limit,
               bool (*each)(void *arg, const char *domain,
                            const struct cache_entry *entry),
               void *arg);

/* For the handler of SIGBUS (async-signal-safe): true if the fault at ADDRESS was
 * the disk's, which did not hand out a page of the file, and whoever read may go
 * on. Policies on such pages are MTS_ENOTFOUND; the file is opened anew soon
 * after, and set aside if they can't be read then either. */
bool cache_absorb_fault(const void *address);

/* For the handler of a fatal signal (async-signal-safe): if the file is to
 * blame, the next cache_open() finds out, by looking at all of it. */
void cache_mark_suspect(void);

/* How many policies that could not be fetched afresh end after FROM_S and not
 * after TO_S; none of mode none, which protects nothing. At most MAX are
 * counted, a microsecond each. Pending changes are not seen. */
uint64_t cache_count_failing(struct cache *cache, int64_t from_s, int64_t to_s,
                             uint64_t max);

struct cache_stats {
	uint64_t policies; /* on disk; pending ones may not be counted */
	uint64_t none;     /* of these, by mode, ... */
	uint64_t testing;
	uint64_t enforce;
	uint64_t failing;    /* ... and not to be fetched afresh; not of none */
	uint64_t bytes_used; /* of the file; what is free in it not counted */
	uint64_t bytes_max;
	uint64_t pending;      /* writes not yet on disk */
	uint64_t commits;      /* since start */
	uint64_t write_errors; /* since start */
	bool writable; /* the last write went well, to a file that is there */
	/* What had to make room, since start: after its end; none and testing;
	 * enforce, before its end. */
	uint64_t evicted_expired;
	uint64_t evicted_weak;
	uint64_t evicted_live;
};

void cache_get_stats(struct cache *cache, struct cache_stats *ret);

#endif
