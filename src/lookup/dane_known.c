/* SPDX-License-Identifier: BSD-2-Clause */
/* dane_known.c - what is known of DANE for a next hop, and for how long.
 *
 * On disk a state's age is told by the wall clock, which may jump; the daemon
 * gives us one that hardly does (base/clock.h). A step between two runs counts
 * by its distance, either way: then a state may have to be learnt anew, and none
 * lives forever. In memory the monotonic clock counts. */
#include "lookup/dane_known.h"

#include "base/log.h"
#include "sts/verdict.h"

enum {
	/* What a state's TTL is at least, whatever the zone says: a walk costs
	 * a dozen questions. */
	TTL_MIN_S = 30,
	TTL_MAX_S = 86400,
	/* How long a state may answer when its TTL is over. */
	GRACE_S = 3600,
	/* A state that is what it was is written no more often than this. */
	WRITE_PAUSE_S = 60,
};

/* -- what is known --------------------------------------------------------- */

/* Seconds, either way: see the top of this file. */
static uint64_t distance_s(int64_t a, int64_t b)
{
	return a > b ? (uint64_t)a - (uint64_t)b : (uint64_t)b - (uint64_t)a;
}

static bool is_fresh(const struct dane_known *known)
{
	return known->state != DANE_NOT_KNOWN && known->age_s <= known->ttl_s;
}

static bool still_answers(const struct dane_known *known)
{
	return known->state != DANE_NOT_KNOWN &&
	       known->age_s <= (uint64_t)known->ttl_s + GRACE_S;
}

/* What is on disk. Failures never are. */
static struct dane_known read_record(const struct dane_rules *rules,
                                     const struct cache_entry *entry)
{
	struct dane_known known = { .reason = "" };

	if (!entry || entry->dane_state == DANE_NOT_KNOWN ||
	    entry->dane_state >= DANE_UNKNOWABLE)
		return known;
	known.state = (enum dane_state)entry->dane_state;
	known.ttl_s = entry->dane_ttl_s;
	known.age_s =
	    distance_s(clock_wall_s(rules->clock), entry->dane_learnt_s);
	return known;
}

/* What is in memory; and in BARRED, when a failure is, if that still counts. */
static struct dane_known read_memory(const struct dane_rules *rules,
                                     const struct domain_hop *hop,
                                     struct dane_known *barred)
{
	uint64_t now_ms = clock_mono_ms(rules->clock);
	struct dane_known known = { .reason = "" };
	struct dane_states_entry entry;

	*barred = (struct dane_known){ .reason = "" };
	if (dane_states_get(rules->states, hop, &entry) != MTS_OK)
		return known;
	known.state = entry.state;
	known.ttl_s = entry.ttl_s;
	known.age_s = (now_ms - entry.learnt_ms) / 1000;
	if (entry.barred_ms > now_ms)
		*barred = (struct dane_known){
			.state = DANE_UNKNOWABLE,
			.ttl_s =
			    (uint32_t)((entry.barred_ms - now_ms + 999) / 1000),
			.reason = entry.reason,
		};
	return known;
}

enum dane_age dane_known_get(const struct dane_rules *rules,
                             const struct domain_hop *hop,
                             const struct cache_entry *entry,
                             struct dane_known *ret)
{
	bool on_disk = domain_hop_is_plain(hop);
	struct dane_known memory;
	struct dane_known barred;

	*ret = read_record(rules, on_disk ? entry : NULL);
	if (is_fresh(ret))
		return DANE_FRESH;
	memory = read_memory(rules, hop, &barred);
	if (ret->state == DANE_NOT_KNOWN ||
	    (memory.state != DANE_NOT_KNOWN && memory.age_s <= ret->age_s))
		*ret = memory;
	if (is_fresh(ret))
		return DANE_FRESH;
	/* A failure does not take away what was learnt before its time. */
	if (still_answers(ret))
		return barred.state == DANE_NOT_KNOWN ? DANE_OLD : DANE_FRESH;
	*ret = barred;
	return ret->state == DANE_UNKNOWABLE ? DANE_FRESH : DANE_UNKNOWN;
}

/* -- what was learnt ------------------------------------------------------- */

static uint32_t bounded_ttl_s(uint32_t ttl_s)
{
	if (ttl_s < TTL_MIN_S)
		return TTL_MIN_S;
	return ttl_s > TTL_MAX_S ? TTL_MAX_S : ttl_s;
}

/* Nobody asks again for a while. */
static void remember_failure(const struct dane_rules *rules,
                             const struct domain_hop *hop,
                             const struct dane_result *result)
{
	uint64_t now_ms = clock_mono_ms(rules->clock);
	struct dane_states_entry entry = { .state = DANE_NOT_KNOWN };
	static struct log_limit limit;

	(void)dane_states_get(rules->states, hop, &entry);
	if (!entry.barred_ms &&
	    log_limit_allows(&limit, "dane_unknowable", now_ms))
		log_info("dane_unknowable domain=%s port=%u reason=\"%s\"",
		         hop->domain.name, (unsigned)hop->port, result->reason);
	entry.barred_ms =
	    now_ms + 1000 * (uint64_t)bounded_ttl_s(result->ttl_s);
	entry.reason = result->reason;
	/* Without memory the next asker asks again: slower, not wrong. */
	(void)dane_states_put(rules->states, hop, &entry);
}

/* Beside the live policy on disk; false if there is none, or if there is no
 * need to write. */
static bool write_record(const struct dane_rules *rules,
                         const struct domain_hop *hop, enum dane_state state,
                         uint32_t ttl_s)
{
	int64_t now_s = clock_wall_s(rules->clock);
	static struct log_limit limit;
	struct cache_entry entry;

	if (!domain_hop_is_plain(hop) ||
	    cache_get(rules->cache, &hop->domain, &entry) != MTS_OK ||
	    !verdict_is_live(entry.policy.max_age_s, entry.fetched_s, now_s))
		return false;
	if (entry.dane_state == state && entry.dane_ttl_s == ttl_s &&
	    distance_s(now_s, entry.dane_learnt_s) < WRITE_PAUSE_S)
		return false;
	if (entry.dane_state != DANE_NOT_KNOWN && entry.dane_state != state &&
	    log_limit_allows(&limit, "dane_changed",
	                     clock_mono_ms(rules->clock)))
		log_info("dane_changed domain=%s old=%s new=%s",
		         hop->domain.name,
		         dane_state_text((enum dane_state)entry.dane_state),
		         dane_state_text(state));
	entry.dane_state = (uint8_t)state;
	entry.dane_learnt_s = now_s;
	entry.dane_ttl_s = ttl_s;
	return cache_put(rules->cache, &hop->domain, &entry) == MTS_OK;
}

void dane_known_put(const struct dane_rules *rules,
                    const struct domain_hop *hop,
                    const struct dane_result *result)
{
	struct dane_states_entry entry = {
		.state = result->state,
		.ttl_s = bounded_ttl_s(result->ttl_s),
		.learnt_ms = clock_mono_ms(rules->clock),
	};

	log_debug("dane domain=%s port=%u state=%s ttl=%u reason=\"%s\"",
	          hop->domain.name, (unsigned)hop->port,
	          dane_state_text(result->state), (unsigned)result->ttl_s,
	          result->reason);
	if (result->state == DANE_UNKNOWABLE)
		remember_failure(rules, hop, result);
	else if (write_record(rules, hop, entry.state, entry.ttl_s))
		(void)dane_states_remove(rules->states, hop);
	else
		(void)dane_states_put(rules->states, hop, &entry);
}
