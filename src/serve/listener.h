/* SPDX-License-Identifier: BSD-2-Clause */
/* listener.h - a socket that MTAs ask on, and what is spoken there. The inside of
 * server.h: only server.c and listener.c include this.
 *
 * A listener outlives its socket while clients are left that came by it. */
#ifndef SERVE_LISTENER_H
#define SERVE_LISTENER_H

#include "base/list.h"
#include "serve/server.h"

struct listener {
	struct list node;
	void *arg; /* the callback's, to which the listener itself is passed */
	struct endpoint *endpoint; /* NULL: it is gone */
	const struct protocol *protocol;
	struct protocol_context context;
	char *map; /* tcp_table: the name */
	size_t clients;
	/* Between prepare and settle: what it is to be; NULL: to go. */
	const struct server_socket *next;
	char *next_map;
};

struct listener_options {
	uv_loop_t *loop;
	struct activation *ready;
	bool share_port;
	endpoint_callback *callback; /* its ARG is the listener */
	void *arg;
};

/* A client that came by it is gone. */
void listener_leave(struct listener *listener);

/* Notes which of the LISTENERS are at one of the COUNT SOCKETS. */
void listeners_match(struct list *listeners,
                     const struct server_socket *sockets, size_t count);

/* Lets others be bound to the ports of those that are to go. True: there are
 * such. */
bool listeners_share(struct list *listeners, bool share);

/* Sees to it that there is one for SOCKET: in LISTENERS, or a new one in FRESH;
 * endpoint_listen()'s errors. */
int listener_prepare(struct list *listeners, struct list *fresh,
                     const struct listener_options *options,
                     const struct server_socket *socket, struct fault *why);

/* Puts SETUP in force, or with NULL takes back what was prepared. */
void listeners_settle(struct list *listeners, struct list *fresh,
                      const struct server_setup *setup);

/* Closes the sockets of all. Each listener goes with the last client that came
 * by it. */
void listeners_close(struct list *listeners);

#endif
