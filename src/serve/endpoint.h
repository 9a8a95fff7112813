/* SPDX-License-Identifier: BSD-2-Clause */
/* endpoint.h - a listening address, "unix:/path" or "inet:host:port", and the
 * connections that arrive there. */
#ifndef SERVE_ENDPOINT_H
#define SERVE_ENDPOINT_H

#include "serve/bind.h"

#include <uv.h>

struct endpoint_options {
	uv_loop_t *loop;
	struct bind_options bind;
	struct activation *ready; /* sockets that are bound; may be NULL */
};

struct endpoint;

/* Called for each connection. STREAM is open and non-blocking; it belongs to the
 * callee, which closes it with uv_close() and then passes it to free(). */
typedef void endpoint_callback(void *arg, uv_stream_t *stream);

/* Binds and listens. Errors as for bind_address(). Connections are accepted once the
 * loop runs. On MTS_OK *RET is the caller's: endpoint_close(). */
int endpoint_listen(const struct endpoint_options *options,
                    endpoint_callback *callback, void *arg,
                    struct endpoint **ret, struct fault *why);

/* Stops listening, and removes the unix socket's file unless another process has
 * replaced it. Takes NULL, leaves NULL. The loop must run once more before it is
 * closed. */
void endpoint_close(struct endpoint **endpoint);

/* True if the endpoint listens at ADDRESS, as a configuration writes it, and clients
 * can reach it: a unix socket's file may have been removed. */
bool endpoint_is_at(const struct endpoint *endpoint, const char *address);

/* Gives the file of a unix socket the mode and owner of OPTIONS, if those have changed.
 * Errors as for bind_set_file(). After MTS_OK endpoint_settle() confirms the change,
 * or with NULL undoes it. */
int endpoint_change(struct endpoint *endpoint,
                    const struct bind_options *options, struct fault *why);
void endpoint_settle(struct endpoint *endpoint,
                     const struct bind_options *options);

/* Allows another socket of ours to be bound to the same port while this one is about
 * to be closed, such as one for all addresses that replaces it. */
void endpoint_share_port(struct endpoint *endpoint, bool share);

/* Closes STREAM, and frees it when libuv is done with it. */
void endpoint_drop_stream(uv_stream_t *stream);

#endif
