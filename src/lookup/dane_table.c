/* SPDX-License-Identifier: BSD-2-Clause */
/* dane_table.c - what is known of DANE for next hops, and for how long.
 *
 * The age of a state on disk is measured by the wall clock, which may jump; the
 * daemon passes one that hardly does (struct smooth_clock in base/clock.h). A
 * jump between two runs counts by its distance, in either direction: a state may
 * have to be learnt again too early, but none lives forever. In memory the
 * monotonic clock counts. */
#include "lookup/dane_table.h"

#include "base/log.h"
#include "base/recent.h"
#include "sts/verdict.h"

#include <stdlib.h>
#include <string.h>

enum {
	/* A TTL counts as this at least, whatever the zone says: a check takes
	 * a dozen queries. */
	DANE_TTL_MIN_S = 30,
	DANE_TTL_MAX_S = 86400,
	/* How long a state may answer after its TTL. */
	DANE_GRACE_S = 3600,
	/* A state that has not changed is written no more often than this. */
	DANE_WRITE_PAUSE_S = 60,
	/* Longer reasons are cut: 50,000 have to fit into a few MiB. */
	DANE_REASON_MAX = 100,
};

struct dane_table {
	const struct clock *clock;
	struct cache *cache;
	struct recent *items; /* struct dane_item, by hop */
};

/* One hop in memory. Its key and then, with a NUL, the reason are in TEXT. */
struct dane_item {
	struct recent_node node;
	uint64_t learnt_ms; /* monotonic */
	/* The last check failed, and there is no other one before this; 0: it
	 * did not fail. */
	uint64_t barred_ms;
	uint32_t ttl_s;
	uint8_t state; /* DANE_NOT_KNOWN: there is only a failure */
	char text[];
};

struct dane_table *dane_table_new(const struct clock *clock,
                                  struct cache *cache, size_t max)
{
	struct dane_table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->items = recent_new(max);
	if (!table->items) {
		free(table);
		return NULL;
	}
	table->clock = clock;
	table->cache = cache;
	return table;
}

void dane_table_free(struct dane_table **table)
{
	if (!*table)
		return;
	recent_free(&(*table)->items);
	free(*table);
	*table = NULL;
}

/* -- items ----------------------------------------------------------------- */

static struct dane_item *find_item(struct dane_table *table,
                                   const struct domain_hop *hop)
{
	char key[DOMAIN_HOP_KEY];
	size_t len = domain_hop_key(hop, key);
	struct recent_node *node = recent_use(table->items, key, len);

	return node ? container_of(node, struct dane_item, node) : NULL;
}

static const char *dane_item_reason(const struct dane_item *item)
{
	return item->text + item->node.node.key_len;
}

/* Puts a copy of FROM with REASON in place of what is there. If there is no
 * memory nothing changes, and the next asker starts a new check. */
static void put_item(struct dane_table *table, const struct domain_hop *hop,
                     const struct dane_item *from, const char *reason)
{
	size_t reason_len = strnlen(reason, DANE_REASON_MAX);
	char key[DOMAIN_HOP_KEY];
	size_t len = domain_hop_key(hop, key);
	struct dane_item *item = malloc(sizeof(*item) + len + reason_len + 1);

	if (!item)
		return;
	*item = *from;
	memcpy(item->text, key, len);
	memcpy(item->text + len, reason, reason_len);
	item->text[len + reason_len] = '\0';
	item->node.node.key = item->text;
	item->node.node.key_len = len;
	recent_put(table->items, &item->node);
}

bool dane_table_remove(struct dane_table *table, const struct domain_hop *hop)
{
	char key[DOMAIN_HOP_KEY];
	size_t len = domain_hop_key(hop, key);

	return recent_remove(table->items, key, len);
}

void dane_table_remove_all(struct dane_table *table)
{
	recent_remove_all(table->items);
}

size_t dane_table_count(const struct dane_table *table)
{
	return recent_count(table->items);
}

/* -- what is known --------------------------------------------------------- */

/* Seconds, in either direction: see the top of this file. */
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
	       known->age_s <= (uint64_t)known->ttl_s + DANE_GRACE_S;
}

/* What is on disk, which never is a failure. */
static struct dane_known known_on_disk(const struct dane_table *table,
                                       const struct cache_entry *entry)
{
	struct dane_known known = { .reason = "" };

	if (!entry || entry->dane_state == DANE_NOT_KNOWN ||
	    entry->dane_state >= DANE_UNKNOWABLE)
		return known;
	known.state = (enum dane_state)entry->dane_state;
	known.ttl_s = entry->dane_ttl_s;
	known.age_s =
	    distance_s(clock_wall_s(table->clock), entry->dane_learnt_s);
	return known;
}

/* The state in memory. A failure that still counts goes to FAILED. */
static struct dane_known known_in_memory(struct dane_table *table,
                                         const struct domain_hop *hop,
                                         struct dane_known *failed)
{
	uint64_t now_ms = clock_mono_ms(table->clock);
	struct dane_known known = { .reason = "" };
	struct dane_item *item = find_item(table, hop);

	*failed = (struct dane_known){ .reason = "" };
	if (!item)
		return known;
	known.state = (enum dane_state)item->state;
	known.ttl_s = item->ttl_s;
	known.age_s = (now_ms - item->learnt_ms) / 1000;
	if (item->barred_ms > now_ms)
		*failed = (struct dane_known){
			.state = DANE_UNKNOWABLE,
			.ttl_s =
			    (uint32_t)((item->barred_ms - now_ms + 999) / 1000),
			.reason = dane_item_reason(item),
		};
	return known;
}

enum dane_age dane_table_get(struct dane_table *table,
                             const struct domain_hop *hop,
                             const struct cache_entry *entry,
                             struct dane_known *ret)
{
	struct dane_known memory;
	struct dane_known failed;

	*ret = known_on_disk(table, domain_hop_is_plain(hop) ? entry : NULL);
	if (is_fresh(ret))
		return DANE_FRESH;
	memory = known_in_memory(table, hop, &failed);
	if (ret->state == DANE_NOT_KNOWN ||
	    (memory.state != DANE_NOT_KNOWN && memory.age_s <= ret->age_s))
		*ret = memory;
	if (is_fresh(ret))
		return DANE_FRESH;
	/* A failure does not replace what was learnt before it. */
	if (still_answers(ret))
		return failed.state == DANE_NOT_KNOWN ? DANE_OLD : DANE_FRESH;
	*ret = failed;
	return ret->state == DANE_UNKNOWABLE ? DANE_FRESH : DANE_UNKNOWN;
}

/* -- what was learnt ------------------------------------------------------- */

static uint32_t bounded_ttl_s(uint32_t ttl_s)
{
	if (ttl_s < DANE_TTL_MIN_S)
		return DANE_TTL_MIN_S;
	return ttl_s > DANE_TTL_MAX_S ? DANE_TTL_MAX_S : ttl_s;
}

/* Keeps the state that is there. */
static void put_failure(struct dane_table *table, const struct domain_hop *hop,
                        const struct dane_result *result)
{
	uint64_t now_ms = clock_mono_ms(table->clock);
	struct dane_item item = { .state = DANE_NOT_KNOWN };
	const struct dane_item *old = find_item(table, hop);
	static struct log_limit limit;

	if (old)
		item = *old;
	if (!item.barred_ms &&
	    log_limit_allows(&limit, "dane_unknowable", now_ms))
		log_info("dane_unknowable domain=%s port=%u reason=\"%s\"",
		         hop->domain.name, (unsigned)hop->port, result->reason);
	item.barred_ms = now_ms + 1000 * (uint64_t)bounded_ttl_s(result->ttl_s);
	put_item(table, hop, &item, result->reason);
}

/* Writes ITEM's state beside the live policy on disk. False: there is none, or
 * nothing had to be written. */
static bool write_to_disk(struct dane_table *table,
                          const struct domain_hop *hop,
                          const struct dane_item *item)
{
	int64_t now_s = clock_wall_s(table->clock);
	static struct log_limit limit;
	struct cache_entry entry;

	if (!domain_hop_is_plain(hop) ||
	    cache_get(table->cache, &hop->domain, &entry) != MTS_OK ||
	    !verdict_is_live(entry.policy.max_age_s, entry.fetched_s, now_s))
		return false;
	if (entry.dane_state == item->state &&
	    entry.dane_ttl_s == item->ttl_s &&
	    distance_s(now_s, entry.dane_learnt_s) < DANE_WRITE_PAUSE_S)
		return false;
	if (entry.dane_state != DANE_NOT_KNOWN &&
	    entry.dane_state != item->state &&
	    log_limit_allows(&limit, "dane_changed",
	                     clock_mono_ms(table->clock)))
		log_info("dane_changed domain=%s old=%s new=%s",
		         hop->domain.name,
		         dane_state_text((enum dane_state)entry.dane_state),
		         dane_state_text((enum dane_state)item->state));
	entry.dane_state = item->state;
	entry.dane_learnt_s = now_s;
	entry.dane_ttl_s = item->ttl_s;
	return cache_put(table->cache, &hop->domain, &entry) == MTS_OK;
}

void dane_table_put(struct dane_table *table, const struct domain_hop *hop,
                    const struct dane_result *result)
{
	struct dane_item item = {
		.state = (uint8_t)result->state,
		.ttl_s = bounded_ttl_s(result->ttl_s),
		.learnt_ms = clock_mono_ms(table->clock),
	};

	log_debug("dane domain=%s port=%u state=%s ttl=%u reason=\"%s\"",
	          hop->domain.name, (unsigned)hop->port,
	          dane_state_text(result->state), (unsigned)result->ttl_s,
	          result->reason);
	if (result->state == DANE_UNKNOWABLE)
		put_failure(table, hop, result);
	else if (write_to_disk(table, hop, &item))
		(void)dane_table_remove(table, hop);
	else
		put_item(table, hop, &item, "");
}
