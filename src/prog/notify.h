/* SPDX-License-Identifier: BSD-2-Clause */
/* notify.h - talks to systemd, or to any service manager with the same protocol:
 * takes the sockets that it passes (sd_listen_fds(3)), and reports the daemon's state
 * (sd_notify(3)). Without libsystemd, or without a manager, all this does nothing. */
#ifndef PROG_NOTIFY_H
#define PROG_NOTIFY_H

#include "serve/activation.h"

#include <stddef.h>
#include <uv.h>

/* Adds the sockets that were passed to this process to ACTIVATION. A descriptor
 * that is not a listening socket is closed, with a warning. Call it once, before
 * fork(). MTS_ENOMEM. */
int notify_inherit(struct activation *activation, struct fault *why);

/* Ready to answer on LISTENERS sockets: after the start, and after each reload.
 * PROBLEM says why the reload was refused, or is NULL. */
void notify_ready(size_t listeners, const char *problem);

void notify_reloading(void);
void notify_stopping(void);

/* Sends the watchdog, if there is one, a sign of life as long as LOOP runs, until
 * notify_unwatch(). The loop must run once more after that. */
void notify_watch(uv_loop_t *loop);
void notify_unwatch(void);

#endif
