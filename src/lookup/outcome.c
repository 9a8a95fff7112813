/* SPDX-License-Identifier: BSD-2-Clause */
/* outcome.c - what the result of a discovery means for the cache and for the
 * domains that are known to have no policy. */
#include "lookup/outcome.h"

#include "base/log.h"
#include "base/xxh64.h"
#include "sts/verdict.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/* A random number for schedule.h. If there is none, policies are due a little
 * later than they would be, which does no harm. */
static uint32_t chance(void)
{
	uint32_t number = 0;

	if (getrandom(&number, sizeof(number), GRND_NONBLOCK) !=
	    (ssize_t)sizeof(number))
		return 0;
	return number;
}

bool outcome_get_live(const struct outcome_rules *rules,
                      const struct domain *domain, struct cache_entry *ret)
{
	return cache_get(rules->cache, domain, ret) == MTS_OK &&
	       verdict_is_live(ret->policy.max_age_s, ret->fetched_s,
	                       clock_wall_s(rules->clock));
}

static void store_policy(const struct outcome_rules *rules,
                         const struct domain *domain,
                         const struct cache_entry *entry)
{
	int rc = cache_put(rules->cache, domain, entry);

	/* MTS_EFULL: too much waits for a disk that is full or broken. The
	 * cache has warned of that, and the answer is correct even so. */
	if (rc == MTS_EFULL)
		log_debug("policy_not_stored domain=%s", domain->name);
	else if (rc != MTS_OK)
		log_warning("policy_not_stored domain=%s reason=\"%s\"",
		            domain->name, mts_status_text(rc));
}

/* -- no policy ------------------------------------------------------------- */

static enum absent_cause cause_of(enum discover_outcome outcome)
{
	switch (outcome) {
	case DISCOVER_NO_RECORD:
		return ABSENT_NO_RECORD;
	case DISCOVER_BAD_RECORD:
		return ABSENT_BAD_RECORD;
	case DISCOVER_FETCH_FAILED:
	case DISCOVER_UNCHANGED:
		return ABSENT_FETCH_FAILED;
	case DISCOVER_NO_MEMORY:
		return ABSENT_NO_MEMORY;
	case DISCOVER_DNS_FAILED:
	case DISCOVER_POLICY:
	default:
		return ABSENT_DNS_FAILED;
	}
}

/* How long the absence is remembered: the TTL, within the bounds. A failure has
 * no TTL, so it gets the minimum. */
static uint64_t remember_ms(const struct outcome_rules *rules, uint32_t ttl_s)
{
	uint64_t ms = (uint64_t)ttl_s * 1000;

	if (ms < rules->negative_min_ms)
		return rules->negative_min_ms;
	if (ms > rules->negative_max_ms)
		return rules->negative_max_ms;
	return ms;
}

/* The absence must not be remembered for longer than the fetch is barred. */
static void end_with_the_bar(struct absent_entry *entry, uint64_t now_ms)
{
	if (entry->until_ms > entry->retry_ms && entry->retry_ms > now_ms)
		entry->until_ms = entry->retry_ms;
}

/* After a failed fetch the next one stays barred until its time (3.3), whatever
 * is learnt about the record meanwhile. Otherwise a name server that fails now
 * and then would lift the bar. */
static void keep_bar(const struct outcome_rules *rules,
                     const struct domain *domain, uint64_t now_ms,
                     struct absent_entry *entry)
{
	struct absent_entry old;

	if (absent_get(rules->absent, domain, &old) != MTS_OK ||
	    old.retry_ms <= now_ms)
		return;
	memcpy(entry->id, old.id, sizeof(entry->id));
	entry->retry_ms = old.retry_ms;
}

static void remember_absent(const struct outcome_rules *rules,
                            const struct domain *domain,
                            const struct discover_result *result)
{
	uint64_t now_ms = clock_mono_ms(rules->clock);
	/* A lack of memory here says nothing about the domain. */
	bool short_of_memory = result->outcome == DISCOVER_NO_MEMORY;
	uint32_t ttl_s = short_of_memory ? 0 : result->record_ttl_s;
	struct absent_entry entry = {
		.cause = cause_of(result->outcome),
		.until_ms = now_ms + remember_ms(rules, ttl_s),
		.reason = result->reason,
	};

	if (result->record_outcome != DISCOVER_POLICY) {
		/* A domain without a policy: that the refresher tried a
		 * fetch even so is no part of the reason. */
		entry.cause = cause_of(result->record_outcome);
		entry.reason = result->record_reason;
		keep_bar(rules, domain, now_ms, &entry);
	} else if (result->outcome == DISCOVER_FETCH_FAILED) {
		memcpy(entry.id, result->record.id, sizeof(entry.id));
		entry.retry_ms = now_ms + rules->retry_ms;
		end_with_the_bar(&entry, now_ms);
	} else {
		keep_bar(rules, domain, now_ms, &entry);
	}
	/* If there is no memory, the next asker causes a new discovery: slower,
	 * not wrong. */
	(void)absent_put(rules->absent, domain, &entry);
}

/* Copies what is known of DOMAIN's absence to RET, to be changed and put back.
 * The table's reason does not live long enough for that, so REASON gets a copy.
 * False: nothing is known. */
static bool copy_absence(const struct outcome_rules *rules,
                         const struct domain *domain, struct absent_entry *ret,
                         char reason[FAULT_TEXT])
{
	if (absent_get(rules->absent, domain, ret) != MTS_OK)
		return false;
	snprintf(reason, FAULT_TEXT, "%s", ret->reason);
	ret->reason = reason;
	return true;
}

/* The record still has the id for which the fetch failed: the absence is
 * remembered for longer, and retry_ms stays as it was. */
static void prolong_absence(const struct outcome_rules *rules,
                            const struct domain *domain,
                            const struct discover_result *result)
{
	uint64_t now_ms = clock_mono_ms(rules->clock);
	struct absent_entry entry;
	char reason[FAULT_TEXT];

	if (!copy_absence(rules, domain, &entry, reason))
		return;
	entry.until_ms = now_ms + remember_ms(rules, result->record_ttl_s);
	end_with_the_bar(&entry, now_ms);
	(void)absent_put(rules->absent, domain, &entry);
}

/* The domain has a policy in force, so it is no longer absent. But a bar on
 * fetches for an id stays until its time is over or the policy for that id has
 * been fetched (FETCHED, which may be NULL): it matters again if the policy
 * expires, or if the record gets that id again (3.3). */
static void end_absence(const struct outcome_rules *rules,
                        const struct domain *domain, const char *fetched)
{
	uint64_t now_ms = clock_mono_ms(rules->clock);
	struct absent_entry entry;
	char reason[FAULT_TEXT];

	if (!copy_absence(rules, domain, &entry, reason))
		return;
	entry.until_ms = now_ms;
	if (entry.retry_ms <= now_ms ||
	    (fetched && strcmp(entry.id, fetched) == 0) ||
	    absent_put(rules->absent, domain, &entry) != MTS_OK)
		absent_remove(rules->absent, domain);
}

static void note_unchanged(const struct outcome_rules *rules,
                           const struct domain *domain,
                           const struct discover_result *result)
{
	struct cache_entry entry;

	if (!outcome_get_live(rules, domain, &entry) ||
	    strcmp(entry.id, result->record.id) != 0) {
		prolong_absence(rules, domain, result);
		return;
	}
	/* Only the record was looked up, the policy was not fetched: max_age
	 * still counts from the last fetch (3.2). */
	entry.checked_s = clock_wall_s(rules->clock);
	entry.record_ttl_s = result->record_ttl_s;
	end_absence(rules, domain, NULL);
	(void)cache_put(rules->cache, domain, &entry);
}

/* -- a policy -------------------------------------------------------------- */

/* A warning if the domain gives up the protection of its mail: an attacker may
 * have caused it (8.3 has the rules, 10.2 the dangers). */
static enum log_level level_of(const struct cache_entry *old,
                               const struct cache_entry *now)
{
	return old->policy.mode == POLICY_ENFORCE &&
	               now->policy.mode != POLICY_ENFORCE
	           ? LOG_LEVEL_WARNING
	           : LOG_LEVEL_INFO;
}

/* 3.1: one id stands for one text, but not every publisher obeys that. */
static void log_same_id(const struct domain *domain,
                        const struct cache_entry *old,
                        const struct cache_entry *now)
{
	/* The text of an imported policy is not known. */
	if (old->text_hash == now->text_hash || old->text_hash == 0)
		log_debug("policy_refreshed domain=%s id=%s", domain->name,
		          now->id);
	else
		log_line(level_of(old, now),
		         "policy_text_changed domain=%s id=%s old_mode=%s "
		         "mode=%s old_max_age=%u max_age=%u reason=\"the "
		         "policy changed, but the id of its record did not\"",
		         domain->name, now->id,
		         policy_mode_text(old->policy.mode),
		         policy_mode_text(now->policy.mode),
		         (unsigned)old->policy.max_age_s,
		         (unsigned)now->policy.max_age_s);
}

/* A change of mode or id may stop mail or let it flow, so it is logged. */
static void log_policy_change(const struct domain *domain,
                              const struct cache_entry *old,
                              const struct cache_entry *now)
{
	if (strcmp(old->id, now->id) == 0)
		log_same_id(domain, old, now);
	else if (old->policy.mode != now->policy.mode)
		log_line(level_of(old, now),
		         "policy_mode_changed domain=%s old_id=%s id=%s "
		         "old_mode=%s mode=%s",
		         domain->name, old->id, now->id,
		         policy_mode_text(old->policy.mode),
		         policy_mode_text(now->policy.mode));
	else
		log_info("policy_id_changed domain=%s old_id=%s id=%s mode=%s",
		         domain->name, old->id, now->id,
		         policy_mode_text(now->policy.mode));
}

static bool is_change(const struct cache_entry *old,
                      const struct cache_entry *now)
{
	return old->text_hash != now->text_hash ||
	       strcmp(old->id, now->id) != 0;
}

static void log_policy(const struct outcome_rules *rules,
                       const struct domain *domain,
                       const struct cache_entry *old,
                       const struct cache_entry *now)
{
	static struct log_limit limit;

	if (!old)
		log_debug("policy_new domain=%s id=%s mode=%s max_age=%u",
		          domain->name, now->id,
		          policy_mode_text(now->policy.mode),
		          (unsigned)now->policy.max_age_s);
	else if (!is_change(old, now) ||
	         log_limit_allows(&limit, "policy_changed",
	                          clock_mono_ms(rules->clock)))
		log_policy_change(domain, old, now);
}

static void log_recovery(const struct outcome_rules *rules,
                         const struct domain *domain,
                         const struct cache_entry *old)
{
	static struct log_limit limit;
	char failed[CLOCK_ISO];

	if (schedule_was_warned(old) &&
	    log_limit_allows(&limit, "policy_refresh_recovered",
	                     clock_mono_ms(rules->clock)))
		log_info("policy_refresh_recovered domain=%s failures=%u "
		         "last_cause=%s last_failed=%s",
		         domain->name, (unsigned)old->failures,
		         refresh_cause_text(refresh_last_cause(old)),
		         clock_iso(old->failed_s, failed));
}

/* Copies from OLD what a fetch says nothing about. */
static void copy_known(const struct outcome_rules *rules,
                       const struct discover_result *result,
                       const struct cache_entry *old, struct cache_entry *ret)
{
	ret->dane_state = old->dane_state;
	ret->dane_learnt_s = old->dane_learnt_s;
	ret->dane_ttl_s = old->dane_ttl_s;
	/* While a policy is in force, only hits count as use. */
	if (verdict_is_live(old->policy.max_age_s, old->fetched_s,
	                    clock_wall_s(rules->clock)))
		ret->used_s = old->used_s;
	if (result->record_outcome != DISCOVER_POLICY) {
		memcpy(ret->id, old->id, sizeof(ret->id));
		ret->checked_s = old->checked_s;
		ret->record_ttl_s = old->record_ttl_s;
	}
}

/* Handles a policy that expires before it may be fetched again: until then the
 * domain has none, however often clients ask, unless the record's id
 * changes. */
static void bar_short_lived(const struct outcome_rules *rules,
                            const struct domain *domain,
                            const struct cache_entry *entry)
{
	int64_t pause_s = rules->schedule.min_interval_s;
	uint64_t now_ms = clock_mono_ms(rules->clock);
	struct absent_entry absent = {
		.cause = ABSENT_ENDED,
		.retry_ms = now_ms + (uint64_t)pause_s * 1000,
	};
	char reason[FAULT_TEXT];

	if ((int64_t)entry->policy.max_age_s >= pause_s)
		return;
	snprintf(
	    reason, sizeof(reason),
	    "its policy expired after a max_age of %u s and is not fetched "
	    "again within %lld s",
	    (unsigned)entry->policy.max_age_s, (long long)pause_s);
	memcpy(absent.id, entry->id, sizeof(absent.id));
	absent.reason = reason;
	absent.until_ms = now_ms + remember_ms(rules, entry->record_ttl_s);
	end_with_the_bar(&absent, now_ms);
	(void)absent_put(rules->absent, domain, &absent);
}

void outcome_policy(const struct outcome_rules *rules,
                    const struct domain *domain,
                    const struct discover_result *result,
                    struct cache_entry *ret)
{
	int64_t now_s = clock_wall_s(rules->clock);
	struct cache_entry old;
	bool known = cache_get(rules->cache, domain, &old) == MTS_OK;

	*ret = (struct cache_entry){
		.policy = *result->policy,
		.text_hash = xxh64(result->text.data, result->text.len),
		.fetched_s = now_s,
		.checked_s = now_s,
		.record_ttl_s = result->record_ttl_s,
		.used_s = now_s,
	};
	memcpy(ret->id, result->record.id, sizeof(ret->id));
	if (known)
		copy_known(rules, result, &old, ret);
	ret->next_refresh_s =
	    schedule_after_fetch(&rules->schedule, ret, chance());
	log_policy(rules, domain, known ? &old : NULL, ret);
	if (known)
		log_recovery(rules, domain, &old);
	end_absence(rules, domain, ret->id);
	bar_short_lived(rules, domain, ret);
	store_policy(rules, domain, ret);
}

/* -- a policy in force that could not be refreshed ------------------------- */

static void log_refresh_failure(const struct outcome_rules *rules,
                                const struct domain *domain,
                                const struct cache_entry *entry, bool warn,
                                const char *reason)
{
	static struct log_limit limit;
	enum log_level level = warn ? LOG_LEVEL_WARNING : LOG_LEVEL_DEBUG;
	char ends[CLOCK_ISO], retry[CLOCK_ISO];
	int64_t end_s = schedule_end_s(entry);
	bool last = entry->next_refresh_s >= end_s;

	if (!log_on(level))
		return;
	if (warn && !log_limit_allows(&limit, "policy_refresh_failed",
	                              clock_mono_ms(rules->clock)))
		return;
	log_line(level,
	         "policy_refresh_failed domain=%s cause=%s mode=%s id=%s "
	         "failures=%u ends=%s retry=%s reason=\"%s\"",
	         domain->name, refresh_cause_text(refresh_last_cause(entry)),
	         policy_mode_text(entry->policy.mode), entry->id,
	         (unsigned)entry->failures, clock_iso(end_s, ends),
	         last ? "never" : clock_iso(entry->next_refresh_s, retry),
	         reason);
}

/* 3.3: "MTAs SHOULD alert administrators ... when such attempts fail". */
static void note_failed_refresh(const struct outcome_rules *rules,
                                const struct domain *domain,
                                const struct discover_result *result)
{
	int64_t now_s = clock_wall_s(rules->clock);
	struct cache_entry entry;
	bool warn;

	if (!outcome_get_live(rules, domain, &entry))
		return;
	warn = schedule_note_failure(&entry, refresh_cause_of(result), now_s);
	entry.next_refresh_s =
	    schedule_after_failure(&rules->schedule, &entry, now_s, chance());
	log_refresh_failure(rules, domain, &entry, warn, result->reason);
	store_policy(rules, domain, &entry);
}

void outcome_postpone(const struct outcome_rules *rules,
                      const struct domain *domain)
{
	struct cache_entry entry;

	if (!outcome_get_live(rules, domain, &entry))
		return;
	entry.next_refresh_s = schedule_after_nothing(
	    &rules->schedule, &entry, clock_wall_s(rules->clock), chance());
	store_policy(rules, domain, &entry);
}

void outcome_other(const struct outcome_rules *rules,
                   const struct domain *domain,
                   const struct discover_result *result)
{
	static uint64_t next_warning_ms;

	if (result->outcome == DISCOVER_UNCHANGED) {
		note_unchanged(rules, domain, result);
		return;
	}
	remember_absent(rules, domain, result);
	if (result->outcome == DISCOVER_FETCH_FAILED)
		note_failed_refresh(rules, domain, result);
	if (result->outcome == DISCOVER_NO_MEMORY &&
	    log_limit_one(&next_warning_ms, clock_mono_ms(rules->clock)))
		log_warning("memory_refused domain=%s reason=\"%s\"",
		            domain->name, result->reason);
	log_debug("no_policy domain=%s outcome=%s reason=\"%s\"", domain->name,
	          discover_outcome_text(result->outcome), result->reason);
}

/* -- policies from another cache ------------------------------------------- */

/* A time in the future counts as one just as far in the past. */
static int64_t not_in_future(int64_t time_s, int64_t now_s)
{
	int64_t past_s;

	if (time_s <= now_s)
		return time_s;
	past_s = now_s - (time_s - now_s);
	return past_s > 0 ? past_s : 1;
}

int outcome_import(const struct outcome_rules *rules,
                   const struct domain *domain, struct cache_entry *entry,
                   enum outcome_import *ret)
{
	int64_t now_s = clock_wall_s(rules->clock);
	struct cache_entry old;

	*ret = OUTCOME_ENDED;
	if (!verdict_is_live(entry->policy.max_age_s, entry->fetched_s, now_s))
		return MTS_OK;
	entry->fetched_s = not_in_future(entry->fetched_s, now_s);
	/* Nothing is known about id checks since the fetch: the first hit
	 * starts one. */
	entry->checked_s = entry->fetched_s;
	entry->used_s = entry->used_s > now_s ? now_s : entry->used_s;
	if (cache_get(rules->cache, domain, &old) == MTS_OK) {
		bool live =
		    verdict_is_live(old.policy.max_age_s, old.fetched_s, now_s);

		*ret = OUTCOME_OLDER;
		if (live &&
		    not_in_future(old.fetched_s, now_s) >= entry->fetched_s)
			return MTS_OK;
		entry->dane_state = old.dane_state;
		entry->dane_learnt_s = old.dane_learnt_s;
		entry->dane_ttl_s = old.dane_ttl_s;
		if (old.used_s > entry->used_s)
			entry->used_s = old.used_s;
	}
	*ret = OUTCOME_IMPORTED;
	entry->next_refresh_s =
	    schedule_after_import(&rules->schedule, entry, now_s, chance());
	return cache_put(rules->cache, domain, entry);
}
