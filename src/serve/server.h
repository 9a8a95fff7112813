/* SPDX-License-Identifier: BSD-2-Clause */
/* server.h - serves MTAs, on any number of sockets, in their languages
 * (protocol.h).
 *
 * Questions of one client are answered in their order; a client that waits for
 * a discovery holds nobody else up. */
#ifndef SERVE_SERVER_H
#define SERVE_SERVER_H

#include "serve/ask.h"
#include "serve/endpoint.h"
#include "serve/protocol.h"

struct server;

struct server_options {
	uv_loop_t *loop;
	const struct clock *clock;
	struct ask *ask;      /* borrowed; outlives the server */
	uint64_t max_clients; /* connections, all listeners together */
};

/* MTS_ENOMEM. On MTS_OK *RET is the caller's: server_close(). */
int server_new(const struct server_options *options, struct server **ret,
               struct fault *why);

/* Opens one more listener; endpoint_listen()'s errors. What CONTEXT points at
 * is borrowed and outlives the server. */
int server_listen(struct server *server, const struct protocol *protocol,
                  const struct protocol_context *context,
                  const struct endpoint_options *options, struct fault *why);

/* Drops every client and closes every listener. Takes NULL, leaves NULL. The
 * loop must run once more before it is closed. */
void server_close(struct server **server);

struct server_counts {
	uint64_t clients;  /* now */
	uint64_t accepted; /* since the start */
	uint64_t refused;  /* over max_clients */
	uint64_t dropped;  /* for nonsense */
	uint64_t requests;
};

void server_get_counts(const struct server *server, struct server_counts *ret);

#endif
