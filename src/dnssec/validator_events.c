/* SPDX-License-Identifier: BSD-2-Clause */
/* validator_events.c - libevent as libunbound's event loop.
 *
 * libunbound knows libevent, ub_ctx_create_event(); but then it frees the event base,
 * while that runs, where it can't set itself up for want of memory. So it is given
 * these functions, and the base stays ours. Those are left out that it never calls
 * (unbound-event.h). */
#include "dnssec/validator_internal.h"

#include <event2/event.h>
#include <stdlib.h>
#include <unbound-event.h>

_Static_assert(UB_EV_TIMEOUT == EV_TIMEOUT && UB_EV_READ == EV_READ &&
                   UB_EV_WRITE == EV_WRITE && UB_EV_SIGNAL == EV_SIGNAL &&
                   UB_EV_PERSIST == EV_PERSIST,
               "libunbound's bits are libevent's");

struct validator_events {
	struct ub_event_base head;
	struct event_base *base;
};

struct one_event {
	struct ub_event head;
	struct event *event;
};

static struct event_base *base_of(struct ub_event_base *head)
{
	return container_of(head, struct validator_events, head)->base;
}

static struct event *event_of(struct ub_event *head)
{
	return container_of(head, struct one_event, head)->event;
}

/* It is not pending where libunbound calls these three. */
static void change(struct ub_event *head, evutil_socket_t fd, int bits)
{
	struct event *event = event_of(head);

	(void)event_assign(event, event_get_base(event), fd, (short)bits,
	                   event_get_callback(event),
	                   event_get_callback_arg(event));
}

static void add_bits(struct ub_event *head, short bits)
{
	struct event *event = event_of(head);

	change(head, event_get_fd(event), event_get_events(event) | bits);
}

static void del_bits(struct ub_event *head, short bits)
{
	struct event *event = event_of(head);

	change(head, event_get_fd(event), event_get_events(event) & ~bits);
}

static void set_fd(struct ub_event *head, int fd)
{
	change(head, fd, event_get_events(event_of(head)));
}

static void free_event(struct ub_event *head)
{
	struct one_event *one = container_of(head, struct one_event, head);

	event_free(one->event);
	free(one);
}

static int add(struct ub_event *head, struct timeval *timeout)
{
	return event_add(event_of(head), timeout);
}

static int del(struct ub_event *head)
{
	return event_del(event_of(head));
}

static int add_timer(struct ub_event *head, struct ub_event_base *base,
                     void (*callback)(int, short, void *), void *arg,
                     struct timeval *timeout)
{
	struct event *event = event_of(head);

	if (event_assign(event, base_of(base), -1, EV_TIMEOUT, callback, arg) !=
	    0)
		return -1;
	return event_add(event, timeout);
}

static struct ub_event *new_event(struct ub_event_base *base, int fd,
                                  short bits,
                                  void (*callback)(int, short, void *),
                                  void *arg)
{
	static struct ub_event_vmt functions = {
		.add_bits = add_bits,
		.del_bits = del_bits,
		.set_fd = set_fd,
		.free = free_event,
		.add = add,
		.del = del,
		.add_timer = add_timer,
		.del_timer = del,
	};
	struct one_event *one = malloc(sizeof(*one));

	if (!one)
		return NULL;
	one->head.magic = UB_EVENT_MAGIC;
	one->head.vmt = &functions;
	one->event = event_new(base_of(base), fd, bits, callback, arg);
	if (one->event)
		return &one->head;
	free(one);
	return NULL;
}

static void keep_base(struct ub_event_base *base)
{
	(void)base;
}

static int loop_exit(struct ub_event_base *base, struct timeval *timeout)
{
	return event_base_loopexit(base_of(base), timeout);
}

struct validator_events *validator_events_new(struct event_base *base)
{
	static struct ub_event_base_vmt functions = {
		.free = keep_base,
		.loopexit = loop_exit,
		.new_event = new_event,
	};
	struct validator_events *events = malloc(sizeof(*events));

	if (!events)
		return NULL;
	events->head.magic = UB_EVENT_MAGIC;
	events->head.vmt = &functions;
	events->base = base;
	return events;
}

struct ub_event_base *validator_events_get(struct validator_events *events)
{
	return &events->head;
}

void validator_events_free(struct validator_events *events)
{
	free(events);
}
