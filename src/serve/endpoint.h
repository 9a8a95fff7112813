/* SPDX-License-Identifier: BSD-2-Clause */
/* endpoint.h - listening sockets, from "unix:/path" or "inet:host:port". */
#ifndef SERVE_ENDPOINT_H
#define SERVE_ENDPOINT_H

#include "serve/bind.h"

#include <uv.h>

struct endpoint_options {
	uv_loop_t *loop;
	struct bind_options bind;
	struct activation *ready; /* what is bound already; may be NULL */
};

struct endpoint;

/* Is told of each connection: STREAM is open, non-blocking and the receiver's,
 * who closes it with uv_close() and frees it, as it came from malloc(). */
typedef void endpoint_callback(void *arg, uv_stream_t *stream);

/* Binds and listens; bind_address()'s errors. Nobody is accepted before the loop
 * runs. On MTS_OK *RET is the caller's: endpoint_close(). */
int endpoint_listen(const struct endpoint_options *options,
                    endpoint_callback *callback, void *arg,
                    struct endpoint **ret, struct fault *why);

/* Stops listening and removes the unix socket's file, if it is still its own.
 * Takes NULL, leaves NULL. The loop must run once more before it is closed. */
void endpoint_close(struct endpoint **endpoint);

/* Whether it listens at ADDRESS, as a configuration writes it; and, if that is a
 * unix socket, can be found there: its file may have been removed. */
bool endpoint_is_at(const struct endpoint *endpoint, const char *address);

/* Gives the file of a unix socket the mode and owner of OPTIONS, if those are
 * new; bind_set_file()'s errors. After MTS_OK endpoint_settle() makes that good,
 * or with NULL undoes it. */
int endpoint_change(struct endpoint *endpoint,
                    const struct bind_options *options, struct fault *why);
void endpoint_settle(struct endpoint *endpoint,
                     const struct bind_options *options);

/* Lets one more socket of ours be bound to the port, while this one is about to
 * be closed: it may be one for other addresses that takes its place. */
void endpoint_share_port(struct endpoint *endpoint, bool share);

/* Closes STREAM and frees it when libuv is done with it. */
void endpoint_drop_stream(uv_stream_t *stream);

#endif
