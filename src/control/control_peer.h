/* SPDX-License-Identifier: BSD-2-Clause */
/* control_peer.h - the connections of the control socket, for control.c. */
#ifndef CONTROL_CONTROL_PEER_H
#define CONTROL_CONTROL_PEER_H

#include "base/list.h"
#include "base/user.h"
#include "control/control_job.h"

#include <uv.h>

enum { CONTROL_WHO_MAX = USER_NAME_MAX + 64 };

/* Sent if there are too many connections. */
#define CONTROL_TOO_MANY "too many control connections"

/* The open connections, and what they share. */
struct control_peers {
	struct control_context context;
	struct list list; /* list_init() */
	size_t count;
};

/* Takes over STREAM from a permitted peer, described by WHO (control_job.h),
 * and serves it until it goes away. MTS_ENOMEM: STREAM is still the
 * caller's. PEERS must outlive it. */
int control_peer_take(struct control_peers *peers, uv_stream_t *stream,
                      const char *who);

/* Closes the connection for which we have waited longest, if that is at
 * least a second; false: there is none. An import is never closed. */
bool control_peers_drop_slowest(struct control_peers *peers);

/* Closes every connection. The loop must run once more before it is closed. */
void control_peers_drop(struct control_peers *peers);

/* Sends an end with ERROR on a stream that gets nothing more. The socket's
 * buffer is empty, so the line fits; if it does not, it is lost. Allocates
 * nothing. */
void control_say_last(uv_stream_t *stream, const char *error);

#endif
