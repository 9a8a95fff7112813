/* SPDX-License-Identifier: BSD-2-Clause */
/* listeners.c - the sockets that MTAs connect to, and what is spoken on each.
 *
 * Between prepare and settle each listener that stays has its future in NEXT;
 * one whose NEXT is NULL is removed. New listeners wait in FRESH. */
#include "serve/listeners.h"

#include "base/list.h"

#include <stdlib.h>
#include <string.h>

struct listeners {
	uv_loop_t *loop;
	listeners_callback *callback;
	void *arg;
	struct list all;
	struct list fresh;                  /* opened for PENDING */
	const struct server_setup *pending; /* between prepare and settle */
};

struct listener {
	struct list node;
	struct listeners *set;
	struct endpoint *endpoint; /* NULL: closed, but clients are left */
	const struct protocol *protocol;
	struct protocol_context context;
	char *map; /* tcp_table: the name of its map */
	size_t clients;
	/* Between prepare and settle; NULL: to be removed. */
	const struct server_socket *next;
	char *next_map;
};

/* -- one listener ---------------------------------------------------------- */

static void listener_free(struct listener *listener)
{
	list_remove(&listener->node);
	endpoint_close(&listener->endpoint);
	free(listener->map);
	free(listener->next_map);
	free(listener);
}

/* Accepts no more clients, and goes when the last one has left. */
static void listener_retire(struct listener *listener)
{
	endpoint_close(&listener->endpoint);
	if (listener->clients == 0)
		listener_free(listener);
}

void listener_join(struct listener *listener)
{
	listener->clients++;
}

void listener_leave(struct listener *listener)
{
	listener->clients--;
	if (!listener->endpoint)
		listener_retire(listener);
}

const struct protocol *listener_protocol(const struct listener *listener)
{
	return listener->protocol;
}

const struct protocol_context *listener_context(const struct listener *listener)
{
	return &listener->context;
}

static void listener_on_connection(void *arg, uv_stream_t *stream)
{
	struct listener *listener = arg;

	listener->set->callback(listener->set->arg, listener, stream);
}

/* -- preparing ------------------------------------------------------------- */

static struct listener *find_listener(struct listeners *listeners,
                                      const char *address)
{
	list_each (node, &listeners->all) {
		struct listener *listener =
		    container_of(node, struct listener, node);

		if (listener->endpoint &&
		    endpoint_is_at(listener->endpoint, address))
			return listener;
	}
	return NULL;
}

/* Notes which listeners stay. */
static void match_listeners(struct listeners *listeners,
                            const struct server_setup *setup)
{
	for (size_t i = 0; i < setup->socket_count; i++) {
		const struct server_socket *socket = &setup->sockets[i];
		struct listener *listener =
		    find_listener(listeners, socket->bind.address);

		if (listener)
			listener->next = socket;
	}
}

/* Lets new sockets be bound to the ports of those that will be removed: a port may
 * move from one address of this machine to another. True: there are such. */
static bool share_old_ports(struct listeners *listeners, bool share)
{
	bool any = false;

	list_each (node, &listeners->all) {
		struct listener *listener =
		    container_of(node, struct listener, node);

		if (!listener->endpoint || listener->next)
			continue;
		endpoint_share_port(listener->endpoint, share);
		any = true;
	}
	return any;
}

static int open_listener(struct listeners *listeners,
                         const struct server_socket *socket, bool share_port,
                         struct fault *why)
{
	struct endpoint_options options = { .loop = listeners->loop,
		                            .bind = socket->bind,
		                            .ready =
		                                listeners->pending->ready };
	struct listener *listener = calloc(1, sizeof(*listener));
	int rc;

	if (!listener)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	list_init(&listener->node);
	listener->set = listeners;
	listener->next = socket;
	listener->next_map = strdup(socket->map);
	options.bind.share_port = share_port;
	rc = listener->next_map
	         ? endpoint_listen(&options, listener_on_connection, listener,
	                           &listener->endpoint, why)
	         : fault_set(why, MTS_ENOMEM, "out of memory");
	if (rc == MTS_OK)
		list_append(&listeners->fresh, &listener->node);
	else
		listener_free(listener);
	return rc;
}

static int prepare_listener(struct listeners *listeners,
                            const struct server_socket *socket, bool share_port,
                            struct fault *why)
{
	struct listener *listener =
	    find_listener(listeners, socket->bind.address);

	if (!listener)
		return open_listener(listeners, socket, share_port, why);
	listener->next_map = strdup(socket->map);
	if (!listener->next_map)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	return endpoint_change(listener->endpoint, &socket->bind, why);
}

int listeners_prepare(struct listeners *listeners,
                      const struct server_setup *setup, struct fault *why)
{
	bool share_port;
	int rc = MTS_OK;

	listeners->pending = setup;
	match_listeners(listeners, setup);
	share_port = share_old_ports(listeners, true);
	for (size_t i = 0; i < setup->socket_count && rc == MTS_OK; i++)
		rc = prepare_listener(listeners, &setup->sockets[i], share_port,
		                      why);
	share_old_ports(listeners, false);
	if (rc != MTS_OK)
		listeners_settle(listeners, false);
	return rc;
}

/* -- settling -------------------------------------------------------------- */

static void retire_all(struct list *listeners)
{
	list_each_safe (node, listeners)
		listener_retire(container_of(node, struct listener, node));
}

/* One that is removed gets the new context, too, for the clients it has. */
static void listener_change(struct listener *listener,
                            const struct server_setup *setup)
{
	if (listener->next) {
		listener->protocol = listener->next->protocol;
		endpoint_settle(listener->endpoint, &listener->next->bind);
		free(listener->map);
		listener->map = listener->next_map;
		listener->next_map = NULL;
	}
	listener->context = (struct protocol_context){
		.maps = setup->maps,
		.map = maps_find(setup->maps, slice_str(listener->map)),
		.how = setup->how,
	};
}

/* SETUP is NULL if what was prepared is taken back. */
static void listener_settle(struct listener *listener,
                            const struct server_setup *setup)
{
	bool removed = setup && !listener->next;

	if (setup)
		listener_change(listener, setup);
	else if (listener->endpoint)
		endpoint_settle(listener->endpoint, NULL);
	listener->next = NULL;
	free(listener->next_map);
	listener->next_map = NULL;
	if (removed)
		listener_retire(listener);
}

void listeners_settle(struct listeners *listeners, bool good)
{
	const struct server_setup *setup = good ? listeners->pending : NULL;

	if (!listeners->pending)
		return;
	listeners->pending = NULL;
	if (setup)
		list_take(&listeners->all, &listeners->fresh);
	list_each_safe (node, &listeners->all)
		listener_settle(container_of(node, struct listener, node),
		                setup);
	retire_all(&listeners->fresh);
}

/* -- the set --------------------------------------------------------------- */

struct listeners *listeners_new(uv_loop_t *loop, listeners_callback *callback,
                                void *arg)
{
	struct listeners *listeners = calloc(1, sizeof(*listeners));

	if (!listeners)
		return NULL;
	listeners->loop = loop;
	listeners->callback = callback;
	listeners->arg = arg;
	list_init(&listeners->all);
	list_init(&listeners->fresh);
	return listeners;
}

void listeners_stop(struct listeners *listeners)
{
	listeners_settle(listeners, false);
	retire_all(&listeners->all);
}

void listeners_free(struct listeners **listeners)
{
	free(*listeners);
	*listeners = NULL;
}
