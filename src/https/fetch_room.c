/* SPDX-License-Identifier: BSD-2-Clause */
/* fetch_room.c - which fetch runs.
 *
 * A fetch waits until there is room, then runs. Room is for CONCURRENCY fetches
 * that are younger than FETCH_SLOW_MS; one that takes longer makes room for the
 * next and is counted among the slow ones, of which there may be many more. So
 * hosts that accept a connection and say nothing, each for a minute, do not keep
 * the others waiting; and half of all room is as much as one network gets
 * (fetch_queue.h). */
#include "https/fetch_internal.h"

enum {
	FETCH_SLOW_MS = 500,
	FETCH_LOOK_MS = 10, /* for more that are slow */
};

uint64_t fetch_now_ms(void)
{
	return uv_hrtime() / 1000000;
}

/* Where fetches of STATE are; NULL: nowhere. */
static struct list *list_of(struct fetcher *fetcher, enum fetch_state state,
                            size_t **ret_count)
{
	switch (state) {
	case FETCH_WAITING:
		*ret_count = &fetcher->waiting_count;
		return &fetcher->waiting;
	case FETCH_AGAIN:
		*ret_count = &fetcher->again_count;
		return &fetcher->again;
	case FETCH_YOUNG:
		*ret_count = &fetcher->young_count;
		return &fetcher->young;
	case FETCH_SLOW:
		*ret_count = &fetcher->slow_count;
		return &fetcher->slow;
	case FETCH_ASKING:
		*ret_count = &fetcher->asking_count;
		return &fetcher->asking;
	case FETCH_ENDED:
		break;
	}
	return NULL;
}

void fetch_set_state(struct fetch *fetch, enum fetch_state state)
{
	size_t *count;
	struct list *list = list_of(fetch->fetcher, fetch->state, &count);

	if (list) {
		list_remove(&fetch->node);
		--*count;
	}
	fetch->state = state;
	if (state == FETCH_ENDED)
		fetch_queue_leave(fetch->fetcher->line, &fetch->place);
	list = list_of(fetch->fetcher, state, &count);
	if (list) {
		list_append(list, &fetch->node);
		++*count;
	}
}

/* -- waiting and room ------------------------------------------------------ */

void fetch_want_more(struct fetch *fetch)
{
	if (!fetch->want)
		return;
	fetch->wanting = true;
	work_queue_add(fetch->fetcher->work_queue, &fetch->asks);
}

void fetch_on_asks(struct work_item *work_item)
{
	struct fetch *fetch = container_of(work_item, struct fetch, asks);
	fetch_want *want = fetch->want;

	fetch->want = NULL;
	want(fetch->arg); /* the fetch may be gone after it */
}

/* For how long a fetch without TLS is young: when many wait, room is made the
 * sooner. */
static uint64_t silent_ms(const struct fetcher *fetcher)
{
	return FETCH_SLOW_MS * fetcher->concurrency /
	       (fetcher->concurrency + fetcher->waiting_count);
}

static void start(struct fetch *fetch)
{
	fetch_set_state(fetch, FETCH_YOUNG);
	fetch->young_ms = fetch_now_ms();
	if (!fetch->started_ms)
		fetch->started_ms = fetch->young_ms;
	trust_refresh(fetch->fetcher->trust, fetch->young_ms);
	fetch_kick(fetch->fetcher); /* and not after: it may be closed then */
	if (fetch_try(fetch) != MTS_OK)
		fetch_give_up(fetch);
}

static struct fetch *first_of(struct list *list)
{
	struct list *node = list_first(list);

	return node ? container_of(node, struct fetch, node) : NULL;
}

static bool is_slow(const struct fetch *fetch, uint64_t now)
{
	uint64_t age_ms = now - fetch->young_ms;

	return age_ms >= FETCH_SLOW_MS || (!fetch->attempt->tls.done_ns &&
	                                   age_ms >= silent_ms(fetch->fetcher));
}

/* Those who have been at it for long make room, and may know other ways. */
static void age(struct fetcher *fetcher, uint64_t now)
{
	list_each_safe (node, &fetcher->young) {
		struct fetch *fetch = container_of(node, struct fetch, node);

		if (fetcher->slow_count >= fetcher->slow_max)
			return;
		if (!is_slow(fetch, now))
			continue;
		fetch_set_state(fetch, FETCH_SLOW);
		if (!fetch->attempt->tls.done_ns)
			fetch_want_more(fetch);
	}
}

static bool has_room(const struct fetcher *fetcher)
{
	return (!list_empty(&fetcher->again) ||
	        fetch_queue_is_ready(fetcher->line)) &&
	       fetcher->young_count < fetcher->concurrency;
}

/* There is one. */
static struct fetch *next(struct fetcher *fetcher)
{
	struct fetch *fetch = first_of(&fetcher->again);

	return fetch ? fetch
	             : container_of(fetch_queue_take(fetcher->line),
	                            struct fetch, place);
}

void fetch_on_room(struct work_item *work_item)
{
	struct fetcher *fetcher = container_of(work_item, struct fetcher, room);

	if (has_room(fetcher)) /* it may be over at once, the fetcher closed */
		start(next(fetcher));
}

static void on_timer(uv_timer_t *timer)
{
	struct fetcher *fetcher = timer->data;

	age(fetcher, fetch_now_ms());
	fetch_kick(fetcher);
}

void fetch_kick(struct fetcher *fetcher)
{
	const struct fetch *oldest = first_of(&fetcher->young);
	uint64_t age_ms = oldest ? fetch_now_ms() - oldest->young_ms : 0;
	uint64_t most_ms = silent_ms(fetcher);
	uint64_t left_ms = age_ms < most_ms ? most_ms - age_ms : FETCH_LOOK_MS;

	if (has_room(fetcher))
		work_queue_add_new(fetcher->work_queue, &fetcher->room);
	if (oldest && fetcher->slow_count < fetcher->slow_max)
		uv_timer_start(&fetcher->timer, on_timer, left_ms + 1, 0);
	else /* until one ends */
		uv_timer_stop(&fetcher->timer);
}
