/* SPDX-License-Identifier: BSD-2-Clause */
/* server.h - serves MTAs, on any number of sockets, in their languages
 * (protocol.h).
 *
 * Questions of one client are answered in their order; a client that waits for
 * a discovery holds nobody else up. */
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
	struct top *top; /* borrowed; NULL: nobody watches */
};

/* MTS_ENOMEM. Listens nowhere yet. On MTS_OK *RET is the caller's:
 * server_close(). */
int server_new(const struct server_options *options, struct server **ret,
               struct fault *why);

/* A socket to listen on, and what is spoken there. */
struct server_socket {
	const struct protocol *protocol;
	const char *map; /* tcp_table: what is asked there */
	struct bind_options bind;
};

struct server_setup {
	const struct server_socket *sockets; /* SOCKET_COUNT of them */
	size_t socket_count;
	const struct maps *maps;  /* outlive the server, or the next setup */
	struct answer_manner how; /* exim */
	uint64_t max_clients;     /* connections, all listeners together */
	struct activation *ready; /* what is bound already; may be NULL */
};

/* Prepares SETUP, which is borrowed until it is settled: opens listeners that
 * there are not yet; endpoint_listen()'s errors, after which all is as before.
 * After MTS_OK server_settle() puts it in force, or takes it back. Between both
 * the loop must not run. */
int server_prepare(struct server *server, const struct server_setup *setup,
                   struct fault *why);

/* Clients stay whatever becomes of their listeners: those of one that is gone
 * until they go by themselves. */
void server_settle(struct server *server, bool good);

/* Drops every client and closes every listener. Takes NULL, leaves NULL. The
 * loop must run once more before it is closed. */
void server_close(struct server **server);

struct server_counts {
	uint64_t clients; /* now, of ... */
	uint64_t max_clients;
	uint64_t accepted; /* since the start */
	uint64_t refused;  /* over max_clients */
	uint64_t dropped;  /* for nonsense */
	uint64_t requests;
	/* These by what was said; MAP_UNKNOWN: Exim, or it was no question. */
	uint64_t answers[PROTOCOL_KINDS][MAPS][ANSWER_KINDS];
};

void server_get_counts(const struct server *server, struct server_counts *ret);

#endif
