/* SPDX-License-Identifier: BSD-2-Clause */
/* schedule.h - the clocks of a policy as rules: when its text is fetched afresh
 * (RFC 8461 3.3, 10.2), when it ends, and what the operator is told.
 *
 * Pure: time and chance are passed in. All times in seconds since 1970. CHANCE
 * is any number, each as probable as the others: it spreads what would fall
 * into one second. */
#ifndef LOOKUP_SCHEDULE_H
#define LOOKUP_SCHEDULE_H

#include "cache/cache.h"
#include "discover/discover.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	SCHEDULE_PAUSE_MAX_S = 6 * 3600, /* between tries, before its spread */
	SCHEDULE_IMPORT_S = 3600,        /* imported policies are spread over */
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

/* The first second in which ENTRY is not in force any more. */
int64_t schedule_end_s(const struct cache_entry *entry);

/* When the record of ENTRY may be asked for again: the first hit then does. */
int64_t schedule_id_check_s(const struct schedule_rules *rules,
                            const struct cache_entry *entry);

/* The next_refresh_s of ENTRY, which has just been fetched: after the interval,
 * or half of max_age if that is less, up to a tenth of it earlier by CHANCE;
 * not before min_interval is over. If it has ended by then, its end. */
int64_t schedule_after_fetch(const struct schedule_rules *rules,
                             const struct cache_entry *entry, uint32_t chance);

/* The same after a fetch that failed for the ENTRY->failures-th time: after a
 * pause that doubles each time; once more shortly before it ends; at last its
 * end. The pause is never shorter than fetch.retry (3.3). */
int64_t schedule_after_failure(const struct schedule_rules *rules,
                               const struct cache_entry *entry, int64_t now_s,
                               uint32_t chance);

/* The same for a policy that another cache had: soon, but not all of a million
 * at once. Within an hour by CHANCE, and before half of what is left of it is
 * over. */
int64_t schedule_after_import(const struct schedule_rules *rules,
                              const struct cache_entry *entry, int64_t now_s,
                              uint32_t chance);

/* The same for what could not be tried at all, through no fault of the
 * domain's. */
int64_t schedule_after_nothing(const struct schedule_rules *rules,
                               const struct cache_entry *entry, int64_t now_s,
                               uint32_t chance);

/* -- what ------------------------------------------------------------------ */

enum schedule_step {
	SCHEDULE_REFRESH, /* fetch it */
	SCHEDULE_LEAVE,   /* nobody asks: look at it again at its end */
	SCHEDULE_REMOVE,  /* it has ended */
};

/* What is to be done with ENTRY, which is due. */
enum schedule_step schedule_due(const struct schedule_rules *rules,
                                const struct cache_entry *entry, int64_t now_s);

/* True if nobody has asked for ENTRY for so long that it is refreshed no
 * more. */
bool schedule_is_unused(const struct schedule_rules *rules,
                        const struct cache_entry *entry, int64_t now_s);

/* True if ENTRY, which somebody asks for, has to be due at once: it had been
 * left, or is due later than any rule says, since the clock was set back or the
 * interval is shorter now. */
bool schedule_is_overdue(const struct schedule_rules *rules,
                         const struct cache_entry *entry, int64_t now_s);

/* -- failures -------------------------------------------------------------- */

/* Kinds of failure, as many as an operator can tell apart by what he would do.
 * The numbers are on disk. */
enum refresh_cause {
	REFRESH_FINE = 0,
	REFRESH_ADDRESS = 1, /* DNS gives no address of the policy host */
	REFRESH_CONNECTION = 2,
	REFRESH_CERTIFICATE = 3,
	REFRESH_HTTP = 4,
	REFRESH_POLICY = 5, /* the text is no policy */
};

/* "none", "address", "connection", "certificate", "http", "policy". */
const char *refresh_cause_text(enum refresh_cause cause);

/* Why RESULT, a fetch that failed, did. */
enum refresh_cause refresh_cause_of(const struct discover_result *result);

/* The cause of ENTRY's last failure. */
enum refresh_cause refresh_last_cause(const struct cache_entry *entry);

/* Counts a failure of ENTRY at NOW_S: changes failures, failed_s and
 * failed_cause. Returns true if the operator is to be warned: the first time
 * for this cause since the last good fetch, and not in mode none (3.3: "unless
 * the cached policy mode is none"). */
bool schedule_note_failure(struct cache_entry *entry, enum refresh_cause cause,
                           int64_t now_s);

/* True if the operator has been warned of ENTRY, and so is to be told how it
 * went on. */
bool schedule_was_warned(const struct cache_entry *entry);

#endif
