/* SPDX-License-Identifier: BSD-2-Clause */
/* flight.h - one piece of work that several askers wait for.
 *
 * The life of a flight. A service that does slow work (policy discovery, a DANE
 * check, an MX look-up) keeps one table of what is under way, a struct flights.
 * When it is asked for something, it looks in the table:
 *
 *     found = flights_find(flights, key, len);
 *
 * If nothing is there, it allocates an object of its own that contains a struct
 * flight, enters it with flight_start() and starts the work. Either way
 * flight_join() adds the asker to those who wait. Each waiter has a time limit
 * of its own. When that expires, this one waiter is called and has left; the
 * flight and the other waiters go on. A flight without waiters goes on as well, so
 * that its result can be stored for the next asker.
 *
 * When the work has ended, the service stores the result and calls
 * flight_end(). That takes the flight out of the table and then calls every
 * waiter, in the order in which they joined. If the work is abandoned instead,
 * flight_drop() and flights_close() remove the flight and call none of the
 * waiters.
 *
 * Who owns what: the service owns its object and frees it after flight_end() or
 * flight_drop(). The asker owns its struct flight_waiter, which must stay where
 * it is from flight_join() until its callback has begun or flight_leave() has
 * returned. This module allocates nothing but the table and the timers.
 *
 * Every callback comes exactly once, from the loop, never from inside
 * flight_join(). It may do anything except close the table: it may free its own
 * waiter, make other waiters leave, join other flights, and start a new flight
 * for the same key. */
#ifndef LOOKUP_FLIGHT_H
#define LOOKUP_FLIGHT_H

#include "base/list.h"
#include "base/map.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct flights;

/* The members of the structs below belong to flight.c. */
struct flight {
	struct map_node node;
	struct flights *flights;
	struct list waiters;
	bool is_new; /* flights_find() has not returned it yet */
};

struct flight_waiter;

/* RESULT is what flight_end() was given, or NULL if WAITER's time limit expired
 * first. */
typedef void flight_callback(struct flight_waiter *waiter, const void *result);

/* All zeroes: it does not wait. */
struct flight_waiter {
	struct list node; /* in its flight's list while it waits */
	struct flights *flights;
	flight_callback *callback;
	uv_timer_t *timer; /* NULL: no time limit */
};

/* An empty table for at most MAX flights at a time; NULL if there is no memory.
 * LOOP is borrowed and outlives the table, which is the caller's:
 * flights_close(). */
struct flights *flights_new(uv_loop_t *loop, size_t max);

/* Changes the limit. Flights beyond a lower one go on. */
void flights_set_max(struct flights *flights, size_t max);

/* Drops every flight: none of the waiters is called. DROP is called for each
 * flight, with its waiters gone, to stop the work and free the service's object.
 * Not to be called from a waiter's callback. Takes NULL, leaves NULL. The loop
 * must run once more before it is closed. */
void flights_close(struct flights **flights,
                   void (*drop)(struct flight *flight));

/* The flight with this key that is under way, or NULL. */
struct flight *flights_find(const struct flights *flights, const char *key,
                            size_t len);

/* Enters FLIGHT, whose key is not in the table. KEY has to stay as it is until
 * the flight ends. MTS_EFULL: the table has reached its limit; FLIGHT is not in
 * it then. */
int flight_start(struct flights *flights, struct flight *flight,
                 const char *key, size_t len);

/* Adds WAITER, which does not wait yet, for TIMEOUT_MS at most (0: no limit).
 * MTS_ENOMEM: not added; the flight goes on. */
int flight_join(struct flight *flight, struct flight_waiter *waiter,
                uint64_t timeout_ms, flight_callback *callback);

/* Stops WAITER from waiting: its callback will not come. Does nothing if it does
 * not wait. */
void flight_leave(struct flight_waiter *waiter);

/* True if WAITER waits: its callback is still to come. */
bool flight_is_waiting(const struct flight_waiter *waiter);

bool flight_has_waiters(const struct flight *flight);

/* The work has ended: takes FLIGHT out of the table, then calls every waiter
 * with RESULT. (NULL would look like an expired time limit.) FLIGHT itself is not
 * used any more when the first callback runs. */
void flight_end(struct flight *flight, const void *result);

/* The work is abandoned: takes FLIGHT out of the table and calls none of the
 * waiters. */
void flight_drop(struct flight *flight);

struct flight_counts {
	uint64_t under_way; /* now */
	uint64_t waiting;   /* waiters now */
	uint64_t joined;    /* waiters that found their flight under way */
	uint64_t timed_out; /* waiters whose time limit expired */
	uint64_t refused;   /* flights not started because of the limit */
};

/* The last three are since the table was made. */
void flights_get_counts(const struct flights *flights,
                        struct flight_counts *ret);

#endif
