/* SPDX-License-Identifier: BSD-2-Clause */
/* fetch_queue.c - who of those that wait is next.
 *
 * A lane exists while one of its places waits or runs. */
#include "https/fetch_queue.h"

#include "base/map.h"

#include <stdlib.h>

enum { LANE_KEY = 7 }; /* the family, and up to 48 bits */

struct fetch_lane {
	struct map_node node;
	char key[LANE_KEY];
	struct list order;  /* in the line's FRESH or STALE, or in none */
	struct list places; /* that wait */
	size_t running;
};

struct fetch_queue {
	struct map *lanes;
	struct list fresh; /* lanes to serve of which nothing runs */
	struct list stale; /* the others, but for those that have their share */
	size_t share;
	size_t running;
	size_t most; /* of them; 0: any number */
};

enum { KEPT = 8 }; /* one place in so many */

int fetch_queue_new(size_t share, struct fetch_queue **ret)
{
	struct fetch_queue *line = calloc(1, sizeof(*line));

	if (!line)
		return MTS_ENOMEM;
	line->lanes = map_new();
	if (!line->lanes) {
		free(line);
		return MTS_ENOMEM;
	}
	list_init(&line->fresh);
	list_init(&line->stale);
	line->share = share ? share : 1;
	*ret = line;
	return MTS_OK;
}

void fetch_queue_free(struct fetch_queue **line)
{
	if (!*line)
		return;
	map_free(&(*line)->lanes);
	free(*line);
	*line = NULL;
}

/* Puts LANE where it now belongs, at the end. */
static void place_lane(struct fetch_queue *line, struct fetch_lane *lane)
{
	list_remove(&lane->order);
	if (list_empty(&lane->places) || lane->running >= line->share)
		return;
	list_append(lane->running ? &line->stale : &line->fresh, &lane->order);
}

/* Lanes that keep their turn stay where they are. */
static void look_at_share(struct map_node *node, void *arg)
{
	struct fetch_lane *lane = container_of(node, struct fetch_lane, node);
	struct fetch_queue *line = arg;

	if (list_empty(&lane->order) || lane->running >= line->share)
		place_lane(line, lane);
}

void fetch_queue_set_share(struct fetch_queue *line, size_t share, size_t most)
{
	line->share = share ? share : 1;
	line->most = most;
	map_each(line->lanes, look_at_share, line);
}

static struct fetch_lane *lane_of(struct fetch_queue *line,
                                  const struct address *address)
{
	bool v6 = address->family == AF_INET6;
	char key[LANE_KEY] = { v6 ? 6 : 4 };
	struct map_node *node;
	struct fetch_lane *lane;

	memcpy(key + 1, &address->v6, v6 ? 6 : 3);
	node = map_find(line->lanes, key, sizeof(key));
	if (node)
		return container_of(node, struct fetch_lane, node);
	lane = calloc(1, sizeof(*lane));
	if (!lane)
		return NULL;
	memcpy(lane->key, key, sizeof(key));
	lane->node.key = lane->key;
	lane->node.key_len = sizeof(lane->key);
	list_init(&lane->order);
	list_init(&lane->places);
	map_insert(line->lanes, &lane->node);
	return lane;
}

int fetch_queue_add(struct fetch_queue *line, struct fetch_slot *place,
                    const struct address *address, bool first)
{
	struct fetch_lane *lane = lane_of(line, address);

	if (!lane)
		return MTS_ENOMEM;
	place->lane = lane;
	list_init(&place->node);
	if (first)
		list_prepend(&lane->places, &place->node);
	else
		list_append(&lane->places, &place->node);
	if (list_empty(&lane->order))
		place_lane(line, lane);
	return MTS_OK;
}

/* The lane that is next; NULL: there is none that may. */
static struct list *first_lane(const struct fetch_queue *line)
{
	if (!list_empty(&line->fresh))
		return list_first(&line->fresh);
	if (line->most && line->running >= line->most - line->most / KEPT)
		return NULL;
	return list_first(&line->stale);
}

bool fetch_queue_is_ready(const struct fetch_queue *line)
{
	return first_lane(line) != NULL;
}

struct fetch_slot *fetch_queue_take(struct fetch_queue *line)
{
	struct list *first = first_lane(line);
	struct fetch_lane *lane;
	struct fetch_slot *place;

	if (!first)
		return NULL;
	lane = container_of(first, struct fetch_lane, order);
	place =
	    container_of(list_first(&lane->places), struct fetch_slot, node);
	list_remove(&place->node);
	lane->running++;
	line->running++;
	place_lane(line, lane);
	return place;
}

void fetch_queue_leave(struct fetch_queue *line, struct fetch_slot *place)
{
	struct fetch_lane *lane = place->lane;

	if (!lane)
		return;
	place->lane = NULL;
	if (list_empty(&place->node)) {
		lane->running--;
		line->running--;
	} else {
		list_remove(&place->node);
	}
	if (lane->running || !list_empty(&lane->places)) {
		/* It keeps its turn, unless it had none. */
		if (list_empty(&lane->order) || list_empty(&lane->places))
			place_lane(line, lane);
		return;
	}
	list_remove(&lane->order);
	map_remove(line->lanes, &lane->node);
	free(lane);
}
