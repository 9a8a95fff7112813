/* SPDX-License-Identifier: BSD-2-Clause */
/* server.h - serves MTAs: on any number of sockets, in any of the protocols of
 * protocol.h.
 *
 * The questions of one client are answered in order. A client that waits for a
 * look-up does not delay the others. */
#ifndef SERVE_SERVER_H
#define SERVE_SERVER_H

#include "lookup/ask.h"
#include "lookup/top.h"
#include "serve/activation.h"
#include "serve/endpoint.h"
#include "serve/protocol.h"

struct server;

struct server_options {
	uv_loop_t *loop;
	const struct clock *clock;
	struct ask *ask; /* borrowed; outlives the server */
	struct top *top; /* borrowed; NULL: none */
};

/* A server without sockets. MTS_ENOMEM. On MTS_OK *RET is the caller's:
 * server_close(). */
int server_new(const struct server_options *options, struct server **ret,
               struct fault *why);

/* A socket to listen on, and what is spoken there. */
struct server_socket {
	const struct protocol *protocol;
	const char *map; /* tcp_table: the name of the map */
	struct bind_options bind;
};

struct server_setup {
	const struct server_socket *sockets; /* SOCKET_COUNT of them */
	size_t socket_count;
	const struct maps *maps;  /* lives until the next setup is settled */
	struct answer_manner how; /* exim */
	uint64_t max_clients;     /* connections, all listeners together */
	struct activation *ready; /* sockets that are bound; may be NULL */
};

/* Prepares SETUP, which is borrowed until server_settle(): opens the listeners
 * that are missing. Errors as for endpoint_listen(); then nothing has changed.
 * After MTS_OK server_settle() puts the setup in force, or takes it back. The loop
 * must not run in between. */
int server_prepare(struct server *server, const struct server_setup *setup,
                   struct fault *why);

/* Clients stay connected, even those whose listener is removed. */
void server_settle(struct server *server, bool good);

/* Drops every client and closes every listener. Takes NULL, leaves NULL. The
 * loop must run once more before it is closed. */
void server_close(struct server **server);

struct server_counts {
	uint64_t clients; /* connected now */
	uint64_t max_clients;
	/* Since the start: */
	uint64_t accepted;
	uint64_t refused; /* because of max_clients */
	uint64_t dropped; /* because what they sent was no request */
	uint64_t requests;
	/* By answer. MAP_UNKNOWN: Exim, or a question with an error. */
	uint64_t answers[PROTOCOL_KINDS][MAPS][ANSWER_KINDS];
};

void server_get_counts(const struct server *server, struct server_counts *ret);

#endif
