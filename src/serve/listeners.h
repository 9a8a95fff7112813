/* SPDX-License-Identifier: BSD-2-Clause */
/* listeners.h - the sockets that MTAs connect to, and what is spoken on each.
 *
 * They change as a set: listeners_prepare() does everything that can fail, and
 * listeners_settle() puts the change in force or takes it back. A listener whose
 * socket was removed by a reload lives on until the last client that connected
 * through it has left; those clients are answered like all others. */
#ifndef SERVE_LISTENERS_H
#define SERVE_LISTENERS_H

#include "serve/server.h"

struct listeners; /* the set */
struct listener;  /* one of them */

/* A client has connected to LISTENER; STREAM as for endpoint_callback. */
typedef void listeners_callback(void *arg, struct listener *listener,
                                uv_stream_t *stream);

/* An empty set; NULL: out of memory. The caller's: listeners_free(). */
struct listeners *listeners_new(uv_loop_t *loop, listeners_callback *callback,
                                void *arg);

/* Prepares SETUP, which is borrowed until listeners_settle(): keeps the sockets
 * whose address is in SETUP, and opens the ones that are missing. Errors as for
 * endpoint_listen(); then nothing has changed, and nothing is to be settled.
 * The loop must not run between the two calls. */
int listeners_prepare(struct listeners *listeners,
                      const struct server_setup *setup, struct fault *why);

/* GOOD: puts the prepared setup in force; its maps must then live as long as the
 * set, or until the next setup. Otherwise: takes back what was prepared. Does
 * nothing if nothing was prepared. */
void listeners_settle(struct listeners *listeners, bool good);

/* Closes all sockets. Clients stay. */
void listeners_stop(struct listeners *listeners);

/* Call it after listeners_stop(), and when every client has left. Takes NULL,
 * leaves NULL. The loop must run once more. */
void listeners_free(struct listeners **listeners);

/* Counts a client that LISTENER has to outlive, until listener_leave(). */
void listener_join(struct listener *listener);

/* LISTENER may be gone afterwards. */
void listener_leave(struct listener *listener);

/* A reload may change it: a client remembers the one it began with. */
const struct protocol *listener_protocol(const struct listener *listener);

/* What questions are answered by. Changes with a reload. */
const struct protocol_context *listener_context(
    const struct listener *listener);

#endif
