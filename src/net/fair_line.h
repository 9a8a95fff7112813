/* SPDX-License-Identifier: BSD-2-Clause */
/* fair_line.h - who of those that wait is next, so that no network takes all the
 * room there is.
 *
 * Whoever publishes many domains whose policy hosts accept a connection and say
 * nothing has them at a few addresses. So each network (IPv4 /24, IPv6 /48) has
 * a lane. Lanes are served in turn; one of which nothing runs comes before those
 * of which something does; and of one lane, no more than a share may run at a
 * time. If all places are counted, the last ones are kept for lanes of which
 * nothing runs: some networks together do not get all of them either. */
#ifndef NET_FAIR_LINE_H
#define NET_FAIR_LINE_H

#include "base/list.h"
#include "base/status.h"
#include "net/address.h"

struct fair_line;
struct fair_lane;

/* A member; it lives in what waits or runs. */
struct fair_place {
	struct list node;       /* in its lane, while it waits */
	struct fair_lane *lane; /* NULL: it neither waits nor runs */
};

/* SHARE: how many of one lane may run. MTS_ENOMEM. On MTS_OK *RET is the
 * caller's: fair_line_free(). */
int fair_line_new(size_t share, struct fair_line **ret);

/* From now on. MOST: how many run at most, of which an eighth is kept for lanes
 * of which nothing runs; 0, as at first: they are not counted. */
void fair_line_set_share(struct fair_line *line, size_t share, size_t most);

/* No place is in it. Takes NULL, leaves NULL. */
void fair_line_free(struct fair_line **line);

/* PLACE, which neither waits nor runs, waits in the lane of ADDRESS, or with
 * FIRST at its head. MTS_ENOMEM: it does not. */
int fair_line_add(struct fair_line *line, struct fair_place *place,
                  const struct address *address, bool first);

/* The next one, which runs from now on; NULL: none waits that may. */
struct fair_place *fair_line_take(struct fair_line *line);

/* There is one to take. */
bool fair_line_is_ready(const struct fair_line *line);

/* PLACE neither waits nor runs any more. */
void fair_line_leave(struct fair_line *line, struct fair_place *place);

#endif
