/* SPDX-License-Identifier: BSD-2-Clause */
/* listener.c - sockets that MTAs ask on: they come, stay, change and go. */
#include "serve/listener.h"

#include <stdlib.h>
#include <string.h>

static void free_listener(struct listener *listener)
{
	list_remove(&listener->node);
	endpoint_close(&listener->endpoint);
	free(listener->map);
	free(listener->next_map);
	free(listener);
}

/* Nobody comes any more; those who did may stay. */
static void retire(struct listener *listener)
{
	endpoint_close(&listener->endpoint);
	if (listener->clients == 0)
		free_listener(listener);
}

void listener_leave(struct listener *listener)
{
	listener->clients--;
	if (!listener->endpoint)
		retire(listener);
}

/* -- what is to be --------------------------------------------------------- */

static struct listener *find(struct list *listeners, const char *address)
{
	list_each (node, listeners) {
		struct listener *listener =
		    container_of(node, struct listener, node);

		if (listener->endpoint &&
		    endpoint_is_at(listener->endpoint, address))
			return listener;
	}
	return NULL;
}

void listeners_match(struct list *listeners,
                     const struct server_socket *sockets, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct listener *listener =
		    find(listeners, sockets[i].bind.address);

		if (listener)
			listener->next = &sockets[i];
	}
}

bool listeners_share(struct list *listeners, bool share)
{
	bool any = false;

	list_each (node, listeners) {
		struct listener *listener =
		    container_of(node, struct listener, node);

		if (!listener->endpoint || listener->next)
			continue;
		endpoint_share_port(listener->endpoint, share);
		any = true;
	}
	return any;
}

static int open_listener(struct list *fresh,
                         const struct listener_options *options,
                         const struct server_socket *socket, struct fault *why)
{
	struct endpoint_options endpoint = { .loop = options->loop,
		                             .bind = socket->bind,
		                             .ready = options->ready };
	struct listener *listener = calloc(1, sizeof(*listener));
	int rc;

	if (!listener)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	list_init(&listener->node);
	listener->arg = options->arg;
	listener->next = socket;
	listener->next_map = strdup(socket->map);
	endpoint.bind.share_port = options->share_port;
	rc = listener->next_map
	         ? endpoint_listen(&endpoint, options->callback, listener,
	                           &listener->endpoint, why)
	         : fault_set(why, MTS_ENOMEM, "out of memory");
	if (rc == MTS_OK)
		list_append(fresh, &listener->node);
	else
		free_listener(listener);
	return rc;
}

int listener_prepare(struct list *listeners, struct list *fresh,
                     const struct listener_options *options,
                     const struct server_socket *socket, struct fault *why)
{
	struct listener *listener = find(listeners, socket->bind.address);

	if (!listener)
		return open_listener(fresh, options, socket, why);
	listener->next_map = strdup(socket->map);
	if (!listener->next_map)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	return endpoint_change(listener->endpoint, &socket->bind, why);
}

/* -- what is --------------------------------------------------------------- */

/* Becomes what was prepared. One that is gone keeps its clients, who are
 * answered as everybody else from now on. */
static void become(struct listener *listener, const struct server_setup *setup)
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

static void settle(struct listener *listener, const struct server_setup *setup)
{
	bool goes = !listener->next;

	if (setup)
		become(listener, setup);
	else if (listener->endpoint)
		endpoint_settle(listener->endpoint, NULL);
	listener->next = NULL;
	free(listener->next_map);
	listener->next_map = NULL;
	if (setup && goes)
		retire(listener);
}

void listeners_settle(struct list *listeners, struct list *fresh,
                      const struct server_setup *setup)
{
	if (setup)
		list_take(listeners, fresh);
	list_each_safe (node, listeners)
		settle(container_of(node, struct listener, node), setup);
	listeners_close(fresh);
}

void listeners_close(struct list *listeners)
{
	list_each_safe (node, listeners)
		retire(container_of(node, struct listener, node));
}
