/* SPDX-License-Identifier: BSD-2-Clause */
/* socketmap.h - serves socketmap clients: Postfix, Sendmail, anybody's script
 * (wire/socketmap.h tells the language).
 *
 * One server may have any number of listeners. Questions of one client are
 * answered in their order; a client that waits for a discovery holds nobody
 * else up. */
#ifndef SERVE_SOCKETMAP_H
#define SERVE_SOCKETMAP_H

#include "serve/ask.h"
#include "serve/endpoint.h"

struct socketmap_server;

struct socketmap_options {
	uv_loop_t *loop;
	const struct clock *clock;
	struct ask *ask;      /* borrowed; outlives the server */
	uint64_t max_clients; /* connections, all listeners together */
};

/* MTS_ENOMEM. On MTS_OK *RET is the caller's: socketmap_close(). */
int socketmap_new(const struct socketmap_options *options,
                  struct socketmap_server **ret, struct fault *why);

/* Opens one more listener; endpoint_listen()'s errors. */
int socketmap_listen(struct socketmap_server *server,
                     const struct endpoint_options *options, struct fault *why);

/* Drops every client and closes every listener. Takes NULL, leaves NULL. The
 * loop must run once more before it is closed. */
void socketmap_close(struct socketmap_server **server);

struct socketmap_counts {
	uint64_t clients;  /* now */
	uint64_t accepted; /* since the start */
	uint64_t refused;  /* over max_clients */
	uint64_t dropped;  /* for nonsense */
	uint64_t requests;
};

void socketmap_get_counts(const struct socketmap_server *server,
                          struct socketmap_counts *ret);

#endif
