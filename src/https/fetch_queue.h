/* SPDX-License-Identifier: BSD-2-Clause */
/* fetch_queue.h - who of those that wait is next, so that no network takes all the
 * room there is.
 *
 * Whoever publishes many domains whose policy hosts accept a connection and say
 * nothing has them at a few addresses. So each network (IPv4 /24, IPv6 /48) has
 * a lane. Lanes are served in turn; one of which nothing runs comes before those
 * of which something does; and of one lane, no more than a share may run at a
 * time. If all places are counted, the last ones are kept for lanes of which
 * nothing runs: some networks together do not get all of them either. */
#ifndef HTTPS_FETCH_QUEUE_H
#define HTTPS_FETCH_QUEUE_H

#include "base/address.h"
#include "base/list.h"
#include "base/status.h"

struct fetch_queue;
struct fetch_lane;

/* A member; it lives in what waits or runs. */
struct fetch_slot {
	struct list node;        /* in its lane, while it waits */
	struct fetch_lane *lane; /* NULL: it neither waits nor runs */
};

/* SHARE: how many of one lane may run. MTS_ENOMEM. On MTS_OK *RET is the
 * caller's: fetch_queue_free(). */
int fetch_queue_new(size_t share, struct fetch_queue **ret);

/* From now on. MOST: how many run at most, of which an eighth is kept for lanes
 * of which nothing runs; 0, as at first: they are not counted. */
void fetch_queue_set_share(struct fetch_queue *line, size_t share, size_t most);

/* No place is in it. Takes NULL, leaves NULL. */
void fetch_queue_free(struct fetch_queue **line);

/* PLACE, which neither waits nor runs, waits in the lane of ADDRESS, or with
 * FIRST at its head. MTS_ENOMEM: it does not. */
int fetch_queue_add(struct fetch_queue *line, struct fetch_slot *place,
                    const struct address *address, bool first);

/* The next one, which runs from now on; NULL: none waits that may. */
struct fetch_slot *fetch_queue_take(struct fetch_queue *line);

/* There is one to take. */
bool fetch_queue_is_ready(const struct fetch_queue *line);

/* PLACE neither waits nor runs any more. */
void fetch_queue_leave(struct fetch_queue *line, struct fetch_slot *place);

#endif
