/* SPDX-License-Identifier: BSD-2-Clause */
/* notify.h - what systemd, or whoever speaks its protocol, is told, and the
 * sockets that it passes. Built without libsystemd nothing of this does
 * anything; nor if nobody wants to hear it. */
#ifndef PROG_NOTIFY_H
#define PROG_NOTIFY_H

#include "serve/activation.h"

#include <stddef.h>
#include <uv.h>

/* Adds to ACTIVATION what was passed to this process (sd_listen_fds(3)); a
 * socket that is of no use is named in a warning. Call it before fork(), once.
 * MTS_ENOMEM. */
int notify_inherit(struct activation *activation, struct fault *why);

/* Ready to answer on LISTENERS sockets; after a reload, too, where PROBLEM is
 * what was wrong with that, or NULL. */
void notify_ready(size_t listeners, const char *problem);

void notify_reloading(void);
void notify_stopping(void);

/* Tells the watchdog, if there is one, that LOOP turns, until notify_unwatch(),
 * after which the loop must run once more. */
void notify_watch(uv_loop_t *loop);
void notify_unwatch(void);

#endif
