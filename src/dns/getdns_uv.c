/* SPDX-License-Identifier: BSD-2-Clause */
/* getdns_uv.c - runs a getdns context on a libuv loop.
 *
 * getdns schedules an event (a descriptor to read or write, a time-out, or both)
 * and later clears it. It clears the event before it closes the descriptor, and
 * may do either from inside the event's callback. libuv releases a handle only in
 * a later round of the loop, so an event's handles live in a block of their own,
 * which the last close callback frees.
 *
 * When a descriptor is ready, the read or write waits in the work queue: reading
 * an answer takes getdns some 30 microseconds. */
#include "dns/getdns_uv.h"

#include <stdlib.h>

/* Longer time-outs never fire: the resolver's come first, and a timer that is not
 * set costs nothing. */
#define NEVER_MS ((uint64_t)24 * 3600 * 1000)

struct event {
	struct getdns_uv *adapter;
	uv_poll_t poll;
	uv_timer_t timer;
	struct work_item work_item;
	int wanted;                    /* UV_READABLE, UV_WRITABLE */
	int found;                     /* the same; what is ready */
	getdns_eventloop_event *owner; /* NULL: cleared */
	bool polls, times;             /* which handles are open */
};

static void event_on_poll(uv_poll_t *handle, int status, int events)
{
	struct event *event = handle->data;

	/* The read or write will report an error. */
	event->found = status < 0 ? UV_READABLE | UV_WRITABLE : events;
	uv_poll_stop(handle);
	work_queue_add(event->adapter->work_queue, &event->work_item);
}

static void event_run(struct work_item *work_item)
{
	struct event *event = container_of(work_item, struct event, work_item);
	getdns_eventloop_event *owner = event->owner;
	int events = event->found;

	if ((events & UV_READABLE) && owner->read_cb)
		owner->read_cb(owner->userarg);
	/* The first callback may have cleared the event, and freed its owner. If
	 * it scheduled the event again, that is another block. */
	if (event->owner && (events & UV_WRITABLE) && owner->write_cb)
		owner->write_cb(owner->userarg);
	if (event->owner)
		(void)uv_poll_start(&event->poll, event->wanted, event_on_poll);
}

static void event_on_timeout(uv_timer_t *handle)
{
	struct event *event = handle->data;

	if (event->owner->timeout_cb)
		event->owner->timeout_cb(event->owner->userarg);
}

static void event_on_poll_closed(uv_handle_t *handle)
{
	struct event *event = handle->data;

	event->polls = false;
	if (!event->times)
		free(event);
}

static void event_on_timer_closed(uv_handle_t *handle)
{
	struct event *event = handle->data;

	event->times = false;
	if (!event->polls)
		free(event);
}

static getdns_return_t event_clear(getdns_eventloop *base,
                                   getdns_eventloop_event *owner)
{
	struct event *event = owner->ev;

	(void)base;
	if (!event)
		return GETDNS_RETURN_GOOD;
	owner->ev = NULL;
	event->owner = NULL;
	work_item_cancel(&event->work_item);
	if (event
	        ->polls) /* stops at once: getdns may close the descriptor next */
		uv_close((uv_handle_t *)&event->poll, event_on_poll_closed);
	if (event->times)
		uv_close((uv_handle_t *)&event->timer, event_on_timer_closed);
	return GETDNS_RETURN_GOOD;
}

static void event_start_timer(struct event *event, uv_loop_t *loop,
                              uv_timer_cb callback, uint64_t timeout_ms)
{
	uv_timer_init(loop, &event->timer);
	event->timer.data = event;
	event->times = true;
	uv_timer_start(&event->timer, callback, timeout_ms, 0);
}

static int event_start_poll(struct event *event, uv_loop_t *loop, int fd,
                            int events)
{
	if (uv_poll_init(loop, &event->poll, fd) != 0)
		return MTS_ELIB;
	event->poll.data = event;
	event->polls = true;
	if (uv_poll_start(&event->poll, events, event_on_poll) != 0)
		return MTS_ELIB;
	return MTS_OK;
}

static getdns_return_t event_schedule(getdns_eventloop *base, int fd,
                                      uint64_t timeout_ms,
                                      getdns_eventloop_event *owner)
{
	struct getdns_uv *adapter = (struct getdns_uv *)base;
	int events = (owner->read_cb ? UV_READABLE : 0) |
	             (owner->write_cb ? UV_WRITABLE : 0);
	bool times = owner->timeout_cb && timeout_ms < NEVER_MS;
	struct event *event;

	if ((!events || fd < 0) && !times) {
		owner->ev = NULL;
		return GETDNS_RETURN_GOOD;
	}
	event = calloc(1, sizeof(*event));
	if (!event)
		return GETDNS_RETURN_MEMORY_ERROR;
	event->adapter = adapter;
	event->owner = owner;
	event->wanted = events;
	work_item_init(&event->work_item, event_run);
	owner->ev = event;
	if (times)
		event_start_timer(event, adapter->loop, event_on_timeout,
		                  timeout_ms);
	if (!events || fd < 0)
		return GETDNS_RETURN_GOOD;
	if (event_start_poll(event, adapter->loop, fd, events) == MTS_OK)
		return GETDNS_RETURN_GOOD;
	if (!event->polls && !event->times)
		free(event);
	else
		event_clear(base, owner);
	owner->ev = NULL;
	return GETDNS_RETURN_GENERIC_ERROR;
}

static void adapter_cleanup(getdns_eventloop *base)
{
	(void)base; /* getdns does not own the adapter */
}

static void adapter_run(getdns_eventloop *base)
{
	(void)base; /* only synchronous calls use this; we make none */
}

static void adapter_run_once(getdns_eventloop *base, int blocking)
{
	(void)base;
	(void)blocking;
}

static getdns_eventloop_vmt adapter_methods = { adapter_cleanup, event_schedule,
	                                        event_clear, adapter_run,
	                                        adapter_run_once };

void getdns_uv_init(struct getdns_uv *adapter, uv_loop_t *loop,
                    struct work_queue *work_queue)
{
	*adapter = (struct getdns_uv){ .base = { &adapter_methods },
		                       .loop = loop,
		                       .work_queue = work_queue };
}

int getdns_uv_attach(struct getdns_uv *adapter, getdns_context *context)
{
	return getdns_context_set_eventloop(context, &adapter->base) ==
	               GETDNS_RETURN_GOOD
	           ? MTS_OK
	           : MTS_ELIB;
}
