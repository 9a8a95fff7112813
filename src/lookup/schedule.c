/* SPDX-License-Identifier: BSD-2-Clause */
/* schedule.c - the rules for the times of a policy. */
#include "lookup/schedule.h"

#include "sts/verdict.h"

#include <string.h>

enum {
	SPREAD = 10,    /* chance changes a span by up to a tenth */
	DOUBLE_MAX = 8, /* 5 minutes doubled 8 times is most of a day */
};

/* -- when ------------------------------------------------------------------ */

static int64_t min_s(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t max_s(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Up to a tenth of SPAN_S, by CHANCE. */
static int64_t spread(int64_t span_s, uint32_t chance)
{
	return (int64_t)((uint64_t)(span_s / SPREAD + 1) * chance >> 32);
}

/* Stored times may have any value, so sums must not overflow. */
static int64_t plus(int64_t time_s, int64_t span_s)
{
	return time_s > INT64_MAX - span_s ? INT64_MAX : time_s + span_s;
}

/* From BEFORE_S to NOW_S, in either direction: the clock may have been set
 * back. */
static uint64_t span_between(int64_t before_s, int64_t now_s)
{
	return now_s >= before_s ? (uint64_t)now_s - (uint64_t)before_s
	                         : (uint64_t)before_s - (uint64_t)now_s;
}

int64_t schedule_end_s(const struct cache_entry *entry)
{
	return plus(entry->fetched_s, (int64_t)entry->policy.max_age_s + 1);
}

int64_t schedule_id_check_s(const struct schedule_rules *rules,
                            const struct cache_entry *entry)
{
	int64_t ttl_s = (int64_t)entry->record_ttl_s;

	ttl_s =
	    min_s(max_s(ttl_s, rules->id_check_min_s), rules->id_check_max_s);
	return plus(entry->checked_s, ttl_s);
}

int64_t schedule_after_fetch(const struct schedule_rules *rules,
                             const struct cache_entry *entry, uint32_t chance)
{
	int64_t after_s =
	    min_s(rules->interval_s, (int64_t)entry->policy.max_age_s / 2);
	int64_t due_s;

	after_s -= spread(after_s, chance);
	due_s = plus(entry->fetched_s, max_s(after_s, rules->min_interval_s));
	return min_s(due_s, schedule_end_s(entry));
}

/* The shortest time between two tries. */
static int64_t first_pause_s(const struct schedule_rules *rules)
{
	return max_s(rules->retry_s, rules->min_interval_s);
}

/* PAUSE_S after NOW_S. If ENTRY has expired by then, one shortest pause before its
 * end, so that it gets a last try; if even that is too soon, its end. */
static int64_t after_pause(const struct schedule_rules *rules,
                           const struct cache_entry *entry, int64_t now_s,
                           int64_t pause_s)
{
	int64_t first_s = first_pause_s(rules);
	int64_t end_s = schedule_end_s(entry);

	if (plus(now_s, pause_s) < end_s)
		return now_s + pause_s;
	if (end_s - first_s >= plus(now_s, first_s))
		return end_s - first_s;
	return end_s;
}

int64_t schedule_after_failure(const struct schedule_rules *rules,
                               const struct cache_entry *entry, int64_t now_s,
                               uint32_t chance)
{
	int64_t first_s = first_pause_s(rules);
	int64_t pause_s = first_s;

	for (uint32_t i = 1; i < entry->failures && i <= DOUBLE_MAX; i++)
		pause_s *= 2;
	pause_s = max_s(min_s(pause_s, SCHEDULE_PAUSE_MAX_S), first_s);
	return after_pause(rules, entry, now_s,
	                   pause_s + spread(pause_s, chance));
}

int64_t schedule_after_import(const struct schedule_rules *rules,
                              const struct cache_entry *entry, int64_t now_s,
                              uint32_t chance)
{
	int64_t end_s = schedule_end_s(entry);
	int64_t span_s = min_s(SCHEDULE_IMPORT_S, (end_s - now_s) / 2);
	int64_t due_s =
	    plus(now_s, (int64_t)((uint64_t)max_s(span_s, 0) * chance >> 32));

	due_s = max_s(due_s, plus(entry->fetched_s, rules->min_interval_s));
	return min_s(due_s, end_s);
}

int64_t schedule_after_nothing(const struct schedule_rules *rules,
                               const struct cache_entry *entry, int64_t now_s,
                               uint32_t chance)
{
	int64_t pause_s = first_pause_s(rules);

	return after_pause(rules, entry, now_s,
	                   pause_s + spread(pause_s, chance));
}

/* -- what ------------------------------------------------------------------ */

bool schedule_is_unused(const struct schedule_rules *rules,
                        const struct cache_entry *entry, int64_t now_s)
{
	return span_between(entry->used_s, now_s) >
	       (uint64_t)rules->unused_after_s;
}

enum schedule_step schedule_due(const struct schedule_rules *rules,
                                const struct cache_entry *entry, int64_t now_s)
{
	if (!verdict_is_live(entry->policy.max_age_s, entry->fetched_s, now_s))
		return SCHEDULE_REMOVE;
	if (schedule_is_unused(rules, entry, now_s))
		return SCHEDULE_LEAVE;
	return SCHEDULE_REFRESH;
}

bool schedule_is_overdue(const struct schedule_rules *rules,
                         const struct cache_entry *entry, int64_t now_s)
{
	int64_t pause_s = max_s(first_pause_s(rules), SCHEDULE_PAUSE_MAX_S);
	int64_t latest_s =
	    max_s(rules->interval_s, pause_s + pause_s / SPREAD + 1);

	if (entry->next_refresh_s <= now_s)
		return false; /* it is due already */
	return schedule_is_unused(rules, entry, now_s) ||
	       entry->next_refresh_s > plus(now_s, latest_s);
}

/* -- failures -------------------------------------------------------------- */

/* failed_cause: the last cause in the upper bits; below, one bit for each cause
 * that the operator has been warned about. */
enum { CAUSE_SHIFT = 5 };

static uint8_t cause_bit(enum refresh_cause cause)
{
	return cause == REFRESH_FINE ? 0 : (uint8_t)(1u << (cause - 1));
}

const char *refresh_cause_text(enum refresh_cause cause)
{
	switch (cause) {
	case REFRESH_ADDRESS:
		return "address";
	case REFRESH_CONNECTION:
		return "connection";
	case REFRESH_CERTIFICATE:
		return "certificate";
	case REFRESH_HTTP:
		return "http";
	case REFRESH_POLICY:
		return "policy";
	case REFRESH_FINE:
		break;
	}
	return "none";
}

/* HTTPS succeeded, or was not reached. */
static enum refresh_cause cause_without_fetch(
    const struct discover_result *result)
{
	const char *step = "";

	if (result->step_count > 0)
		step = result->steps[result->step_count - 1].name;
	return strcmp(step, "policy") == 0 ? REFRESH_POLICY : REFRESH_ADDRESS;
}

enum refresh_cause refresh_cause_of(const struct discover_result *result)
{
	switch (result->cause) {
	case FETCH_OK:
		return cause_without_fetch(result);
	case FETCH_CERT_NAME:
	case FETCH_CERT_EXPIRED:
	case FETCH_CERT_UNTRUSTED:
	case FETCH_CERT_INVALID:
		return REFRESH_CERTIFICATE;
	case FETCH_REDIRECT:
	case FETCH_STATUS:
	case FETCH_TYPE:
	case FETCH_TOO_LARGE:
		return REFRESH_HTTP;
	case FETCH_CONNECT:
	case FETCH_TIMEOUT:
	case FETCH_TLS:
	case FETCH_CUT:
	case FETCH_NO_MEMORY:
		break;
	}
	return REFRESH_CONNECTION;
}

enum refresh_cause refresh_last_cause(const struct cache_entry *entry)
{
	unsigned last = entry->failed_cause >> CAUSE_SHIFT;

	return last <= REFRESH_POLICY ? (enum refresh_cause)last : REFRESH_FINE;
}

bool schedule_note_failure(struct cache_entry *entry, enum refresh_cause cause,
                           int64_t now_s)
{
	uint8_t warned = entry->failed_cause & ((1u << CAUSE_SHIFT) - 1);
	bool warn =
	    entry->policy.mode != POLICY_NONE && !(warned & cause_bit(cause));

	if (warn)
		warned |= cause_bit(cause);
	entry->failed_cause = (uint8_t)(cause << CAUSE_SHIFT | warned);
	entry->failed_s = now_s;
	if (entry->failures < UINT32_MAX)
		entry->failures++;
	return warn;
}

bool schedule_was_warned(const struct cache_entry *entry)
{
	return entry->failed_cause & ((1u << CAUSE_SHIFT) - 1);
}
