/* SPDX-License-Identifier: BSD-2-Clause */
/* dane_checks.c - finds out whether DANE applies to a next hop.
 *
 * Each check is a flight (lookup/flight.h) from the moment it is wanted until it
 * ends. At the daemon's start it is not known yet whether the resolver delivers
 * DNSSEC data. A check that is wanted before that is known waits for it. */
#include "lookup/dane_checks.h"

#include <stdlib.h>

enum {
	/* Checks at a time, including those without waiters. */
	DANE_CHECKS_MAX = 16384,
	/* How often we look whether the resolver's test has ended. */
	DANE_TEST_PAUSE_MS = 50,
};

struct dane_checks {
	struct dane_checks_options options;
	struct flights *flights; /* struct dane_work, by hop */
	struct list untested;    /* struct dane_work that has not begun */
	uv_timer_t *timer;       /* runs while there are any */
	struct dane_counts counts;
};

/* One hop's check. */
struct dane_work {
	struct flight flight;
	struct dane_checks *checks;
	struct domain_hop hop;
	char key[DOMAIN_HOP_KEY];
	struct list untested;     /* in the service's list until it may begin */
	struct dane_check *check; /* NULL: not begun, or ended */
};

/* -- the service ----------------------------------------------------------- */

int dane_checks_new(const struct dane_checks_options *options,
                    struct dane_checks **ret, struct fault *why)
{
	struct dane_checks *checks = calloc(1, sizeof(*checks));

	if (!checks)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	checks->options = *options;
	list_init(&checks->untested);
	checks->flights = flights_new(options->loop, DANE_CHECKS_MAX);
	checks->timer = malloc(sizeof(*checks->timer));
	if (!checks->flights || !checks->timer) {
		flights_close(&checks->flights, NULL);
		free(checks->timer);
		free(checks);
		return fault_set(why, MTS_ENOMEM, "out of memory");
	}
	uv_timer_init(options->loop, checks->timer);
	checks->timer->data = checks;
	*ret = checks;
	return MTS_OK;
}

static void dane_work_free(struct dane_work *work)
{
	list_remove(&work->untested);
	dane_cancel(&work->check);
	free(work);
}

static void dane_work_drop(struct flight *flight)
{
	dane_work_free(container_of(flight, struct dane_work, flight));
}

static void dane_checks_free_timer(uv_handle_t *timer)
{
	free(timer);
}

void dane_checks_close(struct dane_checks **checks)
{
	if (!*checks)
		return;
	flights_close(&(*checks)->flights, dane_work_drop);
	uv_close((uv_handle_t *)(*checks)->timer, dane_checks_free_timer);
	free(*checks);
	*checks = NULL;
}

void dane_checks_set_always(struct dane_checks *checks, bool always)
{
	checks->options.always = always;
}

enum dane_reach dane_checks_reach(const struct dane_checks *checks)
{
	enum secure_dns_health health = secure_dns_health(checks->options.dns);

	if (checks->options.always || health == SECURE_DNS_GOOD ||
	    health == SECURE_DNS_UNTESTED)
		return DANE_REACH_ON;
	return health == SECURE_DNS_DEAD ? DANE_REACH_CUT_OFF : DANE_REACH_OFF;
}

void dane_checks_get_counts(const struct dane_checks *checks,
                            struct dane_counts *ret)
{
	struct flight_counts flights;

	flights_get_counts(checks->flights, &flights);
	*ret = checks->counts;
	ret->joined = flights.joined;
	ret->timed_out = flights.timed_out;
	ret->under_way = flights.under_way;
	ret->waiting = flights.waiting;
	ret->known = dane_table_count(checks->options.table);
}

void dane_checks_store(struct dane_checks *checks, const struct domain_hop *hop,
                       const struct dane_result *result)
{
	if (result->state != DANE_UNKNOWABLE ||
	    dane_checks_reach(checks) == DANE_REACH_ON)
		dane_table_put(checks->options.table, hop, result);
}

/* -- one check ------------------------------------------------------------- */

/* RESULT is NULL if there was no check. */
static void end_check(struct dane_work *work, const struct dane_result *result)
{
	flight_end(&work->flight, result);
	dane_work_free(work);
}

static void dane_work_on_check(void *arg, const struct dane_result *result)
{
	struct dane_work *work = arg;
	struct dane_checks *checks = work->checks;

	work->check = NULL;
	checks->counts.checks++;
	checks->counts.by_state[result->state]++;
	if (result->state == DANE_UNKNOWABLE) {
		checks->counts.unknowable++;
		top_note_failure(checks->options.top,
		                 domain_slice(&work->hop.domain),
		                 dane_state_text(result->state));
	}
	dane_checks_store(checks, &work->hop, result);
	end_check(work, result);
}

static int run_check(struct dane_work *work)
{
	return dane_start(work->checks->options.dns, &work->hop,
	                  dane_work_on_check, work, &work->check);
}

static bool is_untested(const struct dane_checks *checks)
{
	return !checks->options.always &&
	       secure_dns_health(checks->options.dns) == SECURE_DNS_UNTESTED;
}

/* Once it is known whether there is DNSSEC data, starts what has waited for
 * that, or ends it. */
static void dane_checks_on_test(uv_timer_t *timer)
{
	struct dane_checks *checks = timer->data;

	if (is_untested(checks))
		return;
	uv_timer_stop(timer);
	/* From now on no check joins the list, and only this loop frees one that
	 * is in it. */
	list_each_safe (node, &checks->untested) {
		struct dane_work *work =
		    container_of(node, struct dane_work, untested);

		list_remove(node);
		if (dane_checks_reach(checks) != DANE_REACH_ON ||
		    run_check(work) != MTS_OK)
			end_check(work, NULL);
	}
}

static int begin_check(struct dane_work *work)
{
	struct dane_checks *checks = work->checks;

	if (!is_untested(checks))
		return run_check(work);
	list_append(&checks->untested, &work->untested);
	if (!uv_is_active((uv_handle_t *)checks->timer))
		uv_timer_start(checks->timer, dane_checks_on_test,
		               DANE_TEST_PAUSE_MS, DANE_TEST_PAUSE_MS);
	return MTS_OK;
}

static struct flight *find_check(struct dane_checks *checks,
                                 const struct domain_hop *hop)
{
	char key[DOMAIN_HOP_KEY];

	return flights_find(checks->flights, key, domain_hop_key(hop, key));
}

static int start_check(struct dane_checks *checks, const struct domain_hop *hop,
                       struct flight **ret)
{
	struct dane_work *work = calloc(1, sizeof(*work));
	int rc;

	if (!work)
		return MTS_ENOMEM;
	work->checks = checks;
	work->hop = *hop;
	list_init(&work->untested);
	rc = flight_start(checks->flights, &work->flight, work->key,
	                  domain_hop_key(hop, work->key));
	if (rc != MTS_OK) {
		free(work);
		return rc;
	}
	rc = begin_check(work);
	if (rc != MTS_OK) {
		flight_drop(&work->flight);
		free(work);
		return rc;
	}
	*ret = &work->flight;
	return MTS_OK;
}

void dane_checks_refresh(struct dane_checks *checks,
                         const struct domain_hop *hop)
{
	struct flight *flight;

	if (!find_check(checks, hop))
		(void)start_check(checks, hop, &flight);
}

/* -- waiting --------------------------------------------------------------- */

static void dane_waiter_on_end(struct flight_waiter *wait, const void *result)
{
	struct dane_waiter *waiter =
	    container_of(wait, struct dane_waiter, wait);

	waiter->callback(waiter->arg, result);
}

int dane_checks_wait(struct dane_checks *checks, const struct domain_hop *hop,
                     uint64_t timeout_ms, dane_waiter_callback *callback,
                     void *arg, struct dane_waiter *waiter)
{
	struct flight *flight = find_check(checks, hop);
	int rc = flight ? MTS_OK : start_check(checks, hop, &flight);

	if (rc != MTS_OK)
		return rc;
	waiter->callback = callback;
	waiter->arg = arg;
	/* If the waiter can't join, the check goes on. */
	return flight_join(flight, &waiter->wait, timeout_ms,
	                   dane_waiter_on_end);
}

void dane_waiter_cancel(struct dane_waiter *waiter)
{
	flight_leave(&waiter->wait);
}
