/* SPDX-License-Identifier: BSD-2-Clause */
/* endpoint.h - listening sockets, from "unix:/path" or "inet:host:port".
 *
 * A unix socket's file that nobody answers on (left by a crash) is replaced;
 * one that somebody answers on is not: MTS_EBUSY. */
#ifndef SERVE_ENDPOINT_H
#define SERVE_ENDPOINT_H

#include "base/status.h"

#include <sys/types.h>
#include <uv.h>

struct endpoint_options {
	uv_loop_t *loop;
	const char *address; /* "unix:/path", "inet:127.0.0.1:8461",
	                      * "inet:[::1]:8461", "inet:localhost:8461" */
	mode_t mode;         /* unix: of the file */
	const char *owner;   /* unix: a user's name, or NULL */
	const char *group;   /* unix: a group's name, or NULL */
};

struct endpoint;

/* Is told of each connection: STREAM is open, non-blocking and the receiver's,
 * who closes it with uv_close() and frees it, as it came from malloc(). */
typedef void endpoint_callback(void *arg, uv_stream_t *stream);

/* Binds and listens. MTS_ESYNTAX: the address; MTS_ERANGE: the path is too long
 * for a unix socket; MTS_EBUSY: port or path in use; MTS_ENOTFOUND: there is no
 * such owner or group; MTS_ESYS; MTS_ENOMEM. WHY says what, where and how to
 * mend it. On MTS_OK *RET is the caller's: endpoint_close(). */
int endpoint_listen(const struct endpoint_options *options,
                    endpoint_callback *callback, void *arg,
                    struct endpoint **ret, struct fault *why);

/* Stops listening and removes the unix socket's file. Takes NULL, leaves NULL.
 * The loop must run once more before it is closed. */
void endpoint_close(struct endpoint **endpoint);

/* Closes STREAM and frees it when libuv is done with it. */
void endpoint_drop_stream(uv_stream_t *stream);

#endif
