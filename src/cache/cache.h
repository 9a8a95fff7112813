/* SPDX-License-Identifier: BSD-2-Clause */
/* cache.h - policies on disk (LMDB): read on the loop, written by a worker.
 *
 * The next get finds what was put (in memory) at once, and it is on disk within
 * a second: a worker of libuv's thread pool writes one batch at a time, since a
 * commit waits for the disk. A kill -9 loses at most what was put in that last
 * second; cache_is_saved() says whether a policy is safe. One loop and one
 * thread use a cache.
 *
 * The file is DIRECTORY/policies.mdb. If it is damaged or not ours, it is
 * renamed to policies.mdb.bad-YYYYMMDDTHHMMSSZ, a warning is logged, and a new
 * file is started. */
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

/* One policy and what is known about it. Times are seconds since 1970; 0: it
 * has not happened. */
struct cache_entry {
	struct policy policy;       /* borrowed from the cache */
	char id[RECORD_ID_MAX + 1]; /* of the TXT record when it was fetched */
	uint64_t text_hash;    /* XXH64 of the body as served: did it change? */
	int64_t fetched_s;     /* last successful HTTPS fetch */
	int64_t checked_s;     /* last successful query for the TXT record */
	uint32_t record_ttl_s; /* TTL of that TXT answer */
	int64_t used_s;        /* last look-up; coarse, see cache_touch() */
	int64_t next_refresh_s; /* when to refresh the policy */
	int64_t failed_s;       /* last failed refresh since the last success */
	uint32_t failures;      /* failed refreshes since the last success */
	uint8_t failed_cause;   /* of the last failed refresh, as it was logged;
	                         * the refresher defines the numbers */
	/* DANE for mail to the domain's MX hosts at port 25 (RFC 7672);
	 * independent of the policy. */
	uint8_t dane_state;    /* enum dane_state; 0: nothing is known */
	int64_t dane_learnt_s; /* when it was found out */
	uint32_t dane_ttl_s;   /* the lowest TTL of the answers it rests on */
};

struct cache_options {
	uv_loop_t *loop;
	const char *directory; /* created if missing (one level) */
	uint64_t max_size;     /* of the file, in bytes */
	const struct clock *clock;
};

/* Opens or creates the cache. MTS_ESYS: the folder or file can't be used.
 * MTS_EBUSY: another process uses it. On MTS_OK the caller owns *RET:
 * cache_close(). */
int cache_open(const struct cache_options *options, struct cache **ret,
               struct fault *why);

/* Writes what is pending, waits for it, and closes. Takes NULL, leaves NULL.
 * The loop must run once more, to close handles, before it is closed. Don't
 * fork() between open and close: LMDB and the lock don't survive it. */
void cache_close(struct cache **cache);

/* Finds the entry of DOMAIN, expired or not: the caller compares the times.
 * What RET borrows is valid until the caller returns to the loop or changes the
 * cache. MTS_ENOTFOUND; MTS_EDAMAGED: the record was damaged, which is logged,
 * and it is removed. If the file itself is damaged, it is set aside soon, and
 * until then this returns MTS_ENOTFOUND. */
int cache_get(struct cache *cache, const struct domain *domain,
              struct cache_entry *ret);

/* Stores a copy of ENTRY for DOMAIN; ENTRY may borrow from the entry that it
 * replaces. MTS_ENOMEM; MTS_EFULL: too much is pending; MTS_ERANGE: ENTRY is
 * not something that cache_get() could return. If a write fails later, that is
 * logged once, and the entry stays in memory until a retry succeeds. */
int cache_put(struct cache *cache, const struct domain *domain,
              const struct cache_entry *entry);

/* Notes that DOMAIN is being looked up. Writes only if used_s is more than an
 * hour old, so that hits cost no writes. True if it wrote: what ENTRY borrows
 * is then invalid, and the caller must get it again. */
bool cache_touch(struct cache *cache, const struct domain *domain,
                 const struct cache_entry *entry);

/* False while the policy that cache_get() finds is on its way to the disk, so
 * that a kill -9 would lose it. True while nothing can be written. */
bool cache_is_saved(const struct cache *cache, const struct domain *domain);

/* Writes what is pending without delay, as a caller waits for it. */
void cache_hurry(struct cache *cache);

/* Calls ON_BATCH, from the loop, each time a batch of writes has ended, whether
 * it succeeded or failed; NULL: stop. */
void cache_watch(struct cache *cache, void (*on_batch)(void *arg), void *arg);

/* Removes DOMAIN; MTS_ENOTFOUND, or MTS_ENOMEM and MTS_EFULL as cache_put(). */
int cache_remove(struct cache *cache, const struct domain *domain);

/* Removes everything; MTS_ENOMEM, MTS_EFULL or another error of the disk: then
 * nothing is removed. *RET_COUNT (unless RET_COUNT is NULL): how many policies
 * there were, pending ones included. Synchronous: waits for the disk. */
int cache_remove_all(struct cache *cache, uint64_t *ret_count);

/* Calls EACH for up to LIMIT entries in the order of their domains, beginning
 * after AFTER ("": at the start), pending writes included; EACH returns false
 * to stop. Returns true if there may be more. What EACH gets is valid only
 * during the call, and until it changes the cache: it may put and remove, but
 * not remove all. */
bool cache_each(struct cache *cache, const char *after, size_t limit,
                bool (*each)(void *arg, const char *domain,
                             const struct cache_entry *entry),
                void *arg);

/* The same for entries whose next_refresh_s is neither 0 nor after NOW_S, in
 * the order of next_refresh_s. Reads an index: it does not scan. */
bool cache_due(struct cache *cache, int64_t now_s, size_t limit,
               bool (*each)(void *arg, const char *domain,
                            const struct cache_entry *entry),
               void *arg);

/* For the handler of a fatal signal (async-signal-safe): the next cache_open()
 * checks the whole file, in case it is to blame. */
void cache_mark_suspect(void);

/* Counts the policies whose refresh fails and that end after FROM_S and not
 * after TO_S; without those of mode none, which protect nothing. Counts up to
 * MAX, at a microsecond each. Does not see pending changes. */
uint64_t cache_count_failing(struct cache *cache, int64_t from_s, int64_t to_s,
                             uint64_t max);

struct cache_stats {
	uint64_t policies; /* on disk; may not include pending ones */
	uint64_t none;     /* of these, by mode */
	uint64_t testing;
	uint64_t enforce;
	uint64_t failing;    /* of these, those whose refresh fails; not none */
	uint64_t bytes_used; /* in the file, without its free pages */
	uint64_t bytes_max;
	uint64_t pending;      /* writes not yet on disk */
	uint64_t commits;      /* since the start */
	uint64_t write_errors; /* since the start */
	bool writable; /* the last write succeeded, and the file still exists */
	/* Evicted since the start: after their end; none and testing; enforce,
	 * before their end. */
	uint64_t evicted_expired;
	uint64_t evicted_weak;
	uint64_t evicted_live;
};

void cache_get_stats(struct cache *cache, struct cache_stats *ret);

#endif
