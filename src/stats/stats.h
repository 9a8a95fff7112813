/* SPDX-License-Identifier: BSD-2-Clause */
/* stats.h - the socket for monitoring, which speaks HTTP: GET and HEAD of
 * /metrics, /stats.json and /healthz.
 *
 * libmicrohttpd, which runs on our loop, does the HTTP. The pages change
 * nothing and name no domain, so every client that can connect may read
 * them. */
#ifndef STATS_STATS_H
#define STATS_STATS_H

#include "serve/activation.h"
#include "stats/metrics.h"

struct stats;

/* All pointers are borrowed and must outlive the service. */
struct stats_options {
	uv_loop_t *loop;
	const char *address; /* "unix:/path", "inet:127.0.0.1:9461"; "": none */
	struct activation
	    *ready; /* sockets that are bound already; may be NULL */
	const struct metrics_sources *sources;
};

enum { STATS_MODE = 0666 }; /* of a unix socket */

/* endpoint_listen()'s errors; MTS_ELIB. On MTS_OK *RET is the caller's:
 * stats_close(). */
int stats_open(const struct stats_options *options, struct stats **ret,
               struct fault *why);

/* Prepares OPTIONS, of which the address may be another one; they are
 * borrowed until they are settled. stats_open()'s errors. stats_settle()
 * then puts them in force, or drops them. Connections stay. */
int stats_prepare(struct stats *stats, const struct stats_options *options,
                  struct fault *why);
void stats_settle(struct stats *stats, bool good);

/* Drops every connection and closes the socket. Takes NULL, leaves NULL. The
 * loop must run once more before it is closed. */
void stats_close(struct stats **stats);

#endif
