/* SPDX-License-Identifier: BSD-2-Clause */
/* outcome.c - what a discovery's end means for what we remember. */
#include "serve/outcome.h"

#include "base/log.h"

#include <stdio.h>
#include <string.h>

enum {
	REFRESH_INTERVAL_S = 86400, /* 3.3: "suggested ... is once per day" */
};

/* -- a policy -------------------------------------------------------------- */

/* Seconds from its fetch until a policy's text should be fetched afresh: a day,
 * or half its life if that is less (RFC 8461 3.3, 10.2). */
static int64_t refresh_after_s(const struct policy *policy)
{
	int64_t half_s = policy->max_age_s / 2;

	return half_s < REFRESH_INTERVAL_S ? half_s : REFRESH_INTERVAL_S;
}

/* Mode and id changes are worth a line: mail may stop or flow because of
 * one. */
static void log_policy(const struct domain *domain,
                       const struct cache_entry *old,
                       const struct cache_entry *now)
{
	if (!old)
		log_debug("policy_new domain=%s id=%s mode=%s max_age=%u",
		          domain->name, now->id,
		          policy_mode_text(now->policy.mode),
		          (unsigned)now->policy.max_age_s);
	else if (old->policy.mode != now->policy.mode)
		log_info("policy_mode_changed domain=%s id=%s old_mode=%s "
		         "mode=%s",
		         domain->name, now->id,
		         policy_mode_text(old->policy.mode),
		         policy_mode_text(now->policy.mode));
	else if (strcmp(old->id, now->id) != 0)
		log_debug("policy_id_changed domain=%s old_id=%s id=%s",
		          domain->name, old->id, now->id);
}

void outcome_policy(const struct outcome_rules *rules,
                    const struct domain *domain,
                    const struct discover_result *result,
                    struct cache_entry *ret)
{
	int64_t now_s = clock_wall_s(rules->clock);
	struct cache_entry old;
	bool known = cache_get(rules->cache, domain, &old) == MTS_OK;
	int rc;

	*ret = (struct cache_entry){
		.policy = *result->policy,
		.text = result->text,
		.fetched_s = now_s,
		.checked_s = now_s,
		.record_ttl_s = result->record_ttl_s,
		.used_s = now_s,
		.next_refresh_s = now_s + refresh_after_s(result->policy),
	};
	if (known) {
		ret->dane_state = old.dane_state;
		ret->dane_learnt_s = old.dane_learnt_s;
		ret->dane_ttl_s = old.dane_ttl_s;
	}
	memcpy(ret->id, result->record.id, sizeof(ret->id));
	log_policy(domain, known ? &old : NULL, ret);
	absent_remove(rules->absent, domain);
	rc = cache_put(rules->cache, domain, ret);
	/* Too much is waiting for a disk that is full or broken: the cache has
	 * warned of that, and the answer is as good. */
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
	case DISCOVER_DNS_FAILED:
	case DISCOVER_NO_MEMORY:
	case DISCOVER_POLICY:
	default:
		return ABSENT_DNS_FAILED;
	}
}

/* For how long nobody asks again: the TTL, within the bounds. A failure has
 * none, and so gets the least. */
static uint64_t quiet_ms(const struct outcome_rules *rules,
                         const struct discover_result *result)
{
	uint64_t ms = (uint64_t)result->record_ttl_s * 1000;

	if (ms < rules->negative_min_ms)
		return rules->negative_min_ms;
	if (ms > rules->negative_max_ms)
		return rules->negative_max_ms;
	return ms;
}

/* Somebody should look again when the fetch may be tried, not later. */
static void look_in_time(struct absent_entry *entry, uint64_t now_ms)
{
	if (entry->until_ms > entry->retry_ms && entry->retry_ms > now_ms)
		entry->until_ms = entry->retry_ms;
}

/* A fetch that failed stays barred for its time (3.3) whatever is learnt of the
 * record meanwhile, or a name server that fails now and then would lift it. */
static void keep_barred(const struct outcome_rules *rules,
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
	struct absent_entry entry = {
		.cause = cause_of(result->outcome),
		.until_ms = now_ms + quiet_ms(rules, result),
		.reason = result->reason,
	};

	if (result->outcome == DISCOVER_FETCH_FAILED) {
		memcpy(entry.id, result->record.id, sizeof(entry.id));
		entry.retry_ms = now_ms + rules->retry_ms;
		look_in_time(&entry, now_ms);
	} else {
		keep_barred(rules, domain, now_ms, &entry);
	}
	/* Without memory the next asker asks again: slower, not wrong. */
	(void)absent_put(rules->absent, domain, &entry);
}

/* The record's id is one for which the fetch failed a while ago: there is
 * nothing new to learn, and retry_ms stays as it was. */
static void still_barred(const struct outcome_rules *rules,
                         const struct domain *domain,
                         const struct discover_result *result)
{
	uint64_t now_ms = clock_mono_ms(rules->clock);
	struct absent_entry entry;
	char reason[FAULT_TEXT];

	if (absent_get(rules->absent, domain, &entry) != MTS_OK)
		return;
	snprintf(reason, sizeof(reason), "%s", entry.reason);
	entry.reason = reason;
	entry.until_ms = now_ms + quiet_ms(rules, result);
	look_in_time(&entry, now_ms);
	(void)absent_put(rules->absent, domain, &entry);
}

static void unchanged(const struct outcome_rules *rules,
                      const struct domain *domain,
                      const struct discover_result *result)
{
	struct cache_entry entry;

	if (cache_get(rules->cache, domain, &entry) != MTS_OK ||
	    strcmp(entry.id, result->record.id) != 0) {
		still_barred(rules, domain, result);
		return;
	}
	/* Only the look at the record is fresh: max_age counts from the fetch
	 * (3.2), which this was not. */
	entry.checked_s = clock_wall_s(rules->clock);
	entry.record_ttl_s = result->record_ttl_s;
	absent_remove(rules->absent, domain);
	(void)cache_put(rules->cache, domain, &entry);
}

void outcome_other(const struct outcome_rules *rules,
                   const struct domain *domain,
                   const struct discover_result *result)
{
	if (result->outcome == DISCOVER_UNCHANGED) {
		unchanged(rules, domain, result);
		return;
	}
	remember_absent(rules, domain, result);
	log_debug("no_policy domain=%s outcome=%s reason=\"%s\"", domain->name,
	          discover_outcome_text(result->outcome), result->reason);
}
