/* SPDX-License-Identifier: BSD-2-Clause */
/* schedule.h - the rules for the times of a policy: when it is refreshed (RFC
 * 8461 3.3, 10.2), when it expires, and when the operator is warned.
 *
 * Pure: time and chance are passed in. All times are seconds since 1970. CHANCE
 * is a random number, evenly distributed over its type: it spreads out what would
 * otherwise be due in the same second. */
#ifndef LOOKUP_SCHEDULE_H
#define LOOKUP_SCHEDULE_H

#include "cache/cache.h"
#include "discover/discover.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	SCHEDULE_PAUSE_MAX_S = 6 * 3600, /* between tries, without the spread */
	SCHEDULE_IMPORT_S = 3600,        /* imported policies are due within */
};

struct schedule_rules {
	int64_t interval_s;     /* refresh.interval */
	int64_t min_interval_s; /* refresh.min_interval */
	int64_t unused_after_s; /* cache.unused_after */
	int64_t retry_s;        /* fetch.retry */
	int64_t id_check_min_s; /* refresh.id_check_min */
	int64_t id_check_max_s; /* refresh.id_check_max */
};

/* -- when ------------------------------------------------------------------ */

/* The first second in which ENTRY is no longer in force. */
int64_t schedule_end_s(const struct cache_entry *entry);

/* When the TXT record of ENTRY is due for a check: the first hit after that
 * starts one. */
int64_t schedule_id_check_s(const struct schedule_rules *rules,
                            const struct cache_entry *entry);

/* The next_refresh_s of ENTRY, which has just been fetched: after the interval,
 * or half of max_age if that is less, up to a tenth of it earlier by CHANCE, but
 * not before min_interval. If it expires before that, its end. */
int64_t schedule_after_fetch(const struct schedule_rules *rules,
                             const struct cache_entry *entry, uint32_t chance);

/* The same after the fetch has failed ENTRY->failures times in a row: after a
 * pause that doubles each time, then once more shortly before ENTRY expires, then
 * its end. The pause is never shorter than fetch.retry (3.3). */
int64_t schedule_after_failure(const struct schedule_rules *rules,
                               const struct cache_entry *entry, int64_t now_s,
                               uint32_t chance);

/* The same for a policy from another cache. Soon, but not a million of them at
 * once: within an hour by CHANCE, and in the first half of its remaining
 * life. */
int64_t schedule_after_import(const struct schedule_rules *rules,
                              const struct cache_entry *entry, int64_t now_s,
                              uint32_t chance);

/* The same if no fetch could be tried, for which the domain is not to blame. */
int64_t schedule_after_nothing(const struct schedule_rules *rules,
                               const struct cache_entry *entry, int64_t now_s,
                               uint32_t chance);

/* -- what ------------------------------------------------------------------ */

enum schedule_step {
	SCHEDULE_REFRESH, /* fetch it */
	SCHEDULE_LEAVE,   /* not in use: do nothing until it expires */
	SCHEDULE_REMOVE,  /* it has expired */
};

/* What to do with ENTRY, which is due. */
enum schedule_step schedule_due(const struct schedule_rules *rules,
                                const struct cache_entry *entry, int64_t now_s);

/* True if ENTRY has not been asked for during so long a time that it is no longer
 * refreshed. */
bool schedule_is_unused(const struct schedule_rules *rules,
                        const struct cache_entry *entry, int64_t now_s);

/* True if ENTRY, which a client has just asked for, must be made due at once: it
 * was unused and no longer refreshed, or it is due later than any rule allows,
 * because the clock was set back or the interval was shortened. */
bool schedule_is_overdue(const struct schedule_rules *rules,
                         const struct cache_entry *entry, int64_t now_s);

/* -- failures -------------------------------------------------------------- */

/* Kinds of failure: those for which an operator would do different things. The
 * numbers are on disk. */
enum refresh_cause {
	REFRESH_FINE = 0,
	REFRESH_ADDRESS = 1, /* DNS gives no address of the policy host */
	REFRESH_CONNECTION = 2,
	REFRESH_CERTIFICATE = 3,
	REFRESH_HTTP = 4,
	REFRESH_POLICY = 5, /* the text is not a policy */
};

/* "none", "address", "connection", "certificate", "http", "policy". */
const char *refresh_cause_text(enum refresh_cause cause);

/* Why the fetch of RESULT failed. */
enum refresh_cause refresh_cause_of(const struct discover_result *result);

/* The cause of ENTRY's last failure. */
enum refresh_cause refresh_last_cause(const struct cache_entry *entry);

/* Counts a failure of ENTRY at NOW_S: changes failures, failed_s and
 * failed_cause. Returns true if the operator is to be warned: the first time
 * for each cause since the last good fetch, and not in mode none (3.3: "unless
 * the cached policy mode is none"). */
bool schedule_note_failure(struct cache_entry *entry, enum refresh_cause cause,
                           int64_t now_s);

/* True if the operator has been warned about ENTRY. Then the log also says how it
 * ended. */
bool schedule_was_warned(const struct cache_entry *entry);

#endif
