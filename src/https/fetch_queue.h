/* SPDX-License-Identifier: BSD-2-Clause */
/* fetch_queue.h - decides which waiting request runs next, so that no network
 * can take all slots.
 *
 * Each network (IPv4 /24, IPv6 /48) has a queue of its own; the queues are
 * served round-robin, and a network with nothing running comes first. At most a
 * fixed number of requests to one network run at a time. The last eighth of the
 * slots is reserved for networks with nothing running.
 *
 * Why: an attacker can publish many domains whose policy hosts accept
 * connections and stay silent, but has them at a few addresses only. */
#ifndef HTTPS_FETCH_QUEUE_H
#define HTTPS_FETCH_QUEUE_H

#include "base/address.h"
#include "base/list.h"
#include "base/status.h"

struct fetch_queue;
struct network_queue;

/* A request that waits or runs. It lives inside the caller's struct; NODE has
 * to be initialised with list_init(), NETWORK with NULL. */
struct queue_entry {
	struct list node; /* in its network's queue, while it waits */
	struct network_queue *network; /* NULL: it neither waits nor runs */
};

/* NETWORK_LIMIT: how many requests to one network may run (0 counts as 1).
 * There is no limit for all of them yet. MTS_ENOMEM. On MTS_OK *RET is the
 * caller's: fetch_queue_free(). */
int fetch_queue_new(size_t network_limit, struct fetch_queue **ret);

/* Changes the limits. SLOTS: how many requests may run in all. Of these an
 * eighth is reserved for networks with nothing running; not to run more than
 * SLOTS is the caller's task. 0: any number. */
void fetch_queue_set_limits(struct fetch_queue *queue, size_t network_limit,
                            size_t slots);

/* All entries must have left. Takes NULL, leaves NULL. */
void fetch_queue_free(struct fetch_queue **queue);

/* ENTRY, which neither waits nor runs, now waits at the end of the queue of
 * ADDRESS's network. MTS_ENOMEM: it does not wait. */
int fetch_queue_add(struct fetch_queue *queue, struct queue_entry *entry,
                    const struct address *address);

/* Removes the next entry from its queue; it runs from now on. NULL: none waits,
 * or the limits allow none of those that wait. */
struct queue_entry *fetch_queue_take(struct fetch_queue *queue);

/* True if fetch_queue_take() would return an entry. */
bool fetch_queue_is_ready(const struct fetch_queue *queue);

/* ENTRY stops waiting or running, if it does either. */
void fetch_queue_leave(struct fetch_queue *queue, struct queue_entry *entry);

#endif
