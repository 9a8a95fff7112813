/* SPDX-License-Identifier: BSD-2-Clause */
/* control_peer.h - the connections of the control socket (of control.c alone). */
#ifndef CONTROL_CONTROL_PEER_H
#define CONTROL_CONTROL_PEER_H

#include "base/list.h"
#include "base/user.h"
#include "control/control_job.h"

#include <uv.h>

enum { CONTROL_WHO_MAX = USER_NAME_MAX + 64 };

/* What is said for want of a place. */
#define CONTROL_TOO_MANY "too many control connections"

/* Those that are open, and what they share. */
struct control_peers {
	struct control_context context;
	struct list list; /* list_init() */
	size_t count;
};

/* Takes over STREAM, of a peer that may speak and is WHO (control_job.h), and
 * serves it until it goes. MTS_ENOMEM: STREAM is the caller's still. PEERS outlives
 * it. */
int control_peer_take(struct control_peers *peers, uv_stream_t *stream,
                      const char *who);

/* Closes the one that has not asked for longest, or not read its answer, if that is
 * a second at least; false: there is none. Who sends an import is let be. */
bool control_peers_drop_slowest(struct control_peers *peers);

/* Closes every connection. The loop must run once more before it is closed. */
void control_peers_drop(struct control_peers *peers);

/* The end, with ERROR, for a stream that gets nothing more. It has taken nothing
 * yet, or all that was said before, so the socket has room for this; if not, so
 * be it. Needs no memory. */
void control_say_last(uv_stream_t *stream, const char *error);

#endif
