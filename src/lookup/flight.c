/* SPDX-License-Identifier: BSD-2-Clause */
/* flight.c - one piece of work that several askers wait for. */
#include "lookup/flight.h"

#include "base/status.h"

#include <stdlib.h>

struct flights {
	uv_loop_t *loop;
	struct map *by_key;
	size_t max;
	struct flight_counts counts; /* under_way is the map's count */
};

struct flights *flights_new(uv_loop_t *loop, size_t max)
{
	struct flights *flights = calloc(1, sizeof(*flights));

	if (!flights)
		return NULL;
	flights->by_key = map_new();
	if (!flights->by_key) {
		free(flights);
		return NULL;
	}
	flights->loop = loop;
	flights->max = max;
	return flights;
}

void flights_set_max(struct flights *flights, size_t max)
{
	flights->max = max;
}

void flights_get_counts(const struct flights *flights,
                        struct flight_counts *ret)
{
	*ret = flights->counts;
	ret->under_way = map_count(flights->by_key);
}

/* -- waiters --------------------------------------------------------------- */

static void flight_free_timer(uv_handle_t *timer)
{
	free(timer);
}

void flight_leave(struct flight_waiter *waiter)
{
	if (!waiter->flights)
		return;
	list_remove(&waiter->node);
	if (waiter->timer)
		uv_close((uv_handle_t *)waiter->timer, flight_free_timer);
	waiter->timer = NULL;
	waiter->flights->counts.waiting--;
	waiter->flights = NULL;
}

bool flight_is_waiting(const struct flight_waiter *waiter)
{
	return waiter->flights != NULL;
}

bool flight_has_waiters(const struct flight *flight)
{
	return !list_empty(&flight->waiters);
}

static void flight_on_timeout(uv_timer_t *timer)
{
	struct flight_waiter *waiter = timer->data;

	waiter->flights->counts.timed_out++;
	flight_leave(waiter);
	waiter->callback(waiter, NULL);
}

int flight_join(struct flight *flight, struct flight_waiter *waiter,
                uint64_t timeout_ms, flight_callback *callback)
{
	struct flights *flights = flight->flights;

	*waiter = (struct flight_waiter){ .callback = callback };
	if (timeout_ms > 0) {
		waiter->timer = malloc(sizeof(*waiter->timer));
		if (!waiter->timer)
			return MTS_ENOMEM;
		uv_timer_init(flights->loop, waiter->timer);
		waiter->timer->data = waiter;
		uv_timer_start(waiter->timer, flight_on_timeout, timeout_ms, 0);
	}
	waiter->flights = flights;
	list_append(&flight->waiters, &waiter->node);
	flights->counts.waiting++;
	flights->counts.joined += !flight->is_new;
	return MTS_OK;
}

/* -- flights --------------------------------------------------------------- */

struct flight *flights_find(const struct flights *flights, const char *key,
                            size_t len)
{
	struct map_node *node = map_find(flights->by_key, key, len);
	struct flight *flight;

	if (!node)
		return NULL;
	flight = container_of(node, struct flight, node);
	flight->is_new = false;
	return flight;
}

int flight_start(struct flights *flights, struct flight *flight,
                 const char *key, size_t len)
{
	if (map_count(flights->by_key) >= flights->max) {
		flights->counts.refused++;
		return MTS_EFULL;
	}
	*flight = (struct flight){ .node = { .key = key, .key_len = len },
		                   .flights = flights,
		                   .is_new = true };
	list_init(&flight->waiters);
	map_insert(flights->by_key, &flight->node);
	return MTS_OK;
}

void flight_end(struct flight *flight, const void *result)
{
	struct list waiters;
	struct list *first;

	map_remove(flight->flights->by_key, &flight->node);
	list_init(&waiters);
	list_take(&waiters, &flight->waiters);
	/* A callback may make any of the others leave, so always take the first
	 * of those that are still here. */
	while ((first = list_first(&waiters))) {
		struct flight_waiter *waiter =
		    container_of(first, struct flight_waiter, node);

		flight_leave(waiter);
		waiter->callback(waiter, result);
	}
}

void flight_drop(struct flight *flight)
{
	map_remove(flight->flights->by_key, &flight->node);
	list_each_safe (node, &flight->waiters)
		flight_leave(container_of(node, struct flight_waiter, node));
}

struct flights_closing {
	void (*drop)(struct flight *flight);
};

static void flights_drop_one(struct map_node *node, void *arg)
{
	struct flight *flight = container_of(node, struct flight, node);
	const struct flights_closing *closing = arg;

	flight_drop(flight);
	closing->drop(flight);
}

void flights_close(struct flights **flights,
                   void (*drop)(struct flight *flight))
{
	struct flights_closing closing = { .drop = drop };

	if (!*flights)
		return;
	map_each((*flights)->by_key, flights_drop_one, &closing);
	map_free(&(*flights)->by_key);
	free(*flights);
	*flights = NULL;
}
