/* SPDX-License-Identifier: BSD-2-Clause */
/* mx_sets.c - which MX hosts a domain has, for strict_mx.
 *
 * A table of what is known, and a flight (lookup/flight.h) for each look-up. */
#include "lookup/mx_sets.h"

#include "base/log.h"
#include "base/recent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MX_LOOKUPS_MAX = 16384, /* at a time */
	/* A TTL counts as this at least: the smtp(8) processes of one delivery
	 * ask more than once. */
	MX_TTL_MIN_S = 5,
	MX_TTL_MAX_S = 86400,
	/* After a failure there is no new look-up for so long. */
	MX_RETRY_S = 30,
	/* Old hosts go on to answer for so long if new look-ups fail. */
	MX_GRACE_S = 3600,
	MX_REASON_MAX = 100,
};

struct mx_sets {
	struct mx_sets_options options;
	struct recent *known;    /* struct mx_item, by domain */
	struct flights *flights; /* struct mx_work, by domain */
};

/* What is known of one domain. The domain's name, the hosts' names and, with a
 * NUL, the reason are in TEXT. */
struct mx_item {
	struct recent_node node;
	bool known;
	bool failing;      /* the last look-up failed */
	uint64_t until_ms; /* it answers until then, */
	uint64_t grace_ms; /* or until then if new look-ups fail */
	size_t names_len;
	char text[];
};

/* One look-up. */
struct mx_work {
	struct flight flight;
	struct mx_sets *sets;
	struct domain domain;
	struct mx_hosts_query *query;
};

/* -- the service ----------------------------------------------------------- */

static void mx_work_drop(struct flight *flight)
{
	struct mx_work *work = container_of(flight, struct mx_work, flight);

	mx_hosts_cancel(&work->query);
	free(work);
}

int mx_sets_new(const struct mx_sets_options *options, struct mx_sets **ret,
                struct fault *why)
{
	struct mx_sets *sets = calloc(1, sizeof(*sets));

	if (!sets)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	sets->options = *options;
	sets->known = recent_new(options->max);
	sets->flights = flights_new(options->loop, MX_LOOKUPS_MAX);
	*ret = sets;
	if (sets->known && sets->flights)
		return MTS_OK;
	mx_sets_close(ret);
	return fault_set(why, MTS_ENOMEM, "out of memory");
}

void mx_sets_close(struct mx_sets **sets)
{
	if (!*sets)
		return;
	flights_close(&(*sets)->flights, mx_work_drop);
	if ((*sets)->known)
		recent_free(&(*sets)->known);
	free(*sets);
	*sets = NULL;
}

/* -- what is known --------------------------------------------------------- */

static struct mx_item *find_known(struct mx_sets *sets,
                                  const struct domain *domain)
{
	struct recent_node *node =
	    recent_use(sets->known, domain->name, domain->len);

	return node ? container_of(node, struct mx_item, node) : NULL;
}

int mx_sets_get(struct mx_sets *sets, const struct domain *domain,
                struct mx_hosts *ret)
{
	struct mx_item *item = find_known(sets, domain);
	const char *names;

	if (!item || clock_mono_ms(sets->options.clock) >= item->until_ms)
		return MTS_EMORE;
	names = item->text + item->node.node.key_len;
	*ret = (struct mx_hosts){
		.known = item->known,
		.names = slice_of(names, item->names_len),
		.reason = names + item->names_len,
	};
	return MTS_OK;
}

void mx_sets_forget(struct mx_sets *sets, const struct domain *domain)
{
	(void)recent_remove(sets->known, domain->name, domain->len);
}

void mx_sets_forget_all(struct mx_sets *sets)
{
	recent_remove_all(sets->known);
}

/* -- what was found -------------------------------------------------------- */

static uint32_t answers_for_s(const struct mx_hosts *result)
{
	if (!result->known)
		return MX_RETRY_S;
	if (result->ttl_s < MX_TTL_MIN_S)
		return MX_TTL_MIN_S;
	return result->ttl_s > MX_TTL_MAX_S ? MX_TTL_MAX_S : result->ttl_s;
}

/* Without memory the next asker causes a new look-up. */
static void put_known(struct mx_sets *sets, const struct domain *domain,
                      const struct mx_hosts *result, uint64_t until_ms)
{
	struct slice names = result->known ? result->names : slice_of("", 0);
	size_t size = sizeof(struct mx_item) + domain->len + names.len;
	struct mx_item *item = malloc(size + MX_REASON_MAX);
	char *to;

	if (!item)
		return;
	*item = (struct mx_item){ .known = result->known,
		                  .failing = !result->known,
		                  .until_ms = until_ms,
		                  .grace_ms = until_ms,
		                  .names_len = names.len };
	if (result->known)
		item->grace_ms += (uint64_t)MX_GRACE_S * 1000;
	to = item->text;
	memcpy(to, domain->name, domain->len);
	memcpy(to + domain->len, names.data, names.len);
	snprintf(to + domain->len + names.len, MX_REASON_MAX, "%s",
	         result->reason);
	item->node.node.key = item->text;
	item->node.node.key_len = domain->len;
	recent_put(sets->known, &item->node);
}

/* A failure does not replace hosts that may still answer. */
static void store_hosts(struct mx_sets *sets, const struct domain *domain,
                        const struct mx_hosts *result)
{
	uint64_t now_ms = clock_mono_ms(sets->options.clock);
	uint64_t until_ms = now_ms + (uint64_t)answers_for_s(result) * 1000;
	struct mx_item *item = find_known(sets, domain);

	if (!result->known && !(item && item->failing))
		log_info("mx_unknown domain=%s reason=\"%s\"", domain->name,
		         result->reason);
	if (result->known || !item || !item->known ||
	    now_ms >= item->grace_ms) {
		put_known(sets, domain, result, until_ms);
		return;
	}
	item->failing = true;
	item->until_ms = until_ms < item->grace_ms ? until_ms : item->grace_ms;
}

/* -- look-ups -------------------------------------------------------------- */

static void mx_work_on_hosts(void *arg, const struct mx_hosts *result)
{
	struct mx_work *work = arg;

	work->query = NULL;
	store_hosts(work->sets, &work->domain, result);
	flight_end(&work->flight, result);
	free(work);
}

static int start_lookup(struct mx_sets *sets, const struct domain *domain,
                        struct flight **ret)
{
	struct mx_work *work = calloc(1, sizeof(*work));
	int rc;

	if (!work)
		return MTS_ENOMEM;
	work->sets = sets;
	work->domain = *domain;
	rc = flight_start(sets->flights, &work->flight, work->domain.name,
	                  domain->len);
	if (rc != MTS_OK) {
		free(work);
		return rc;
	}
	rc = mx_hosts_start(sets->options.resolver, domain, mx_work_on_hosts,
	                    work, &work->query);
	if (rc != MTS_OK) {
		flight_drop(&work->flight);
		free(work);
		return rc;
	}
	*ret = &work->flight;
	return MTS_OK;
}

/* -- waiting --------------------------------------------------------------- */

/* DATA is what the look-up found, or NULL if time is up. Each waiter gets what
 * the table has now, as a waiter before this one may have changed it. */
static void mx_waiter_on_end(struct flight_waiter *wait, const void *data)
{
	struct mx_waiter *waiter = container_of(wait, struct mx_waiter, wait);
	struct mx_hosts result = { .names = slice_of("", 0),
		                   .reason = "no answer in time" };

	if (data &&
	    mx_sets_get(waiter->sets, &waiter->domain, &result) != MTS_OK)
		result = *(const struct mx_hosts *)data;
	waiter->callback(waiter->arg, &result);
}

int mx_sets_wait(struct mx_sets *sets, const struct domain *domain,
                 uint64_t timeout_ms, mx_waiter_callback *callback, void *arg,
                 struct mx_waiter *waiter)
{
	struct flight *flight =
	    flights_find(sets->flights, domain->name, domain->len);
	int rc = flight ? MTS_OK : start_lookup(sets, domain, &flight);

	if (rc != MTS_OK)
		return rc;
	waiter->sets = sets;
	waiter->domain = *domain;
	waiter->callback = callback;
	waiter->arg = arg;
	/* If the waiter can't join, the look-up goes on. */
	return flight_join(flight, &waiter->wait, timeout_ms, mx_waiter_on_end);
}

void mx_waiter_cancel(struct mx_waiter *waiter)
{
	flight_leave(&waiter->wait);
}
