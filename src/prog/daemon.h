/* SPDX-License-Identifier: BSD-2-Clause */
/* daemon.h - mtastsd's parts, put together from its configuration. */
#ifndef PROG_DAEMON_H
#define PROG_DAEMON_H

#include "conf/conf.h"

#include <uv.h>

struct daemon;

/* Opens everything that CONF names, in an order that leaves nothing behind when
 * a later part fails: the cache (and its lock) first, the sockets last. CONF
 * and CONFIG_PATH are borrowed and outlive the daemon. On MTS_OK *RET is the
 * caller's: daemon_close(). */
int daemon_open(uv_loop_t *loop, const struct conf *conf,
                const char *config_path, struct daemon **ret,
                struct fault *why);

/* Stops listening, drops clients, writes the cache out. Takes NULL, leaves
 * NULL. The loop must run until it is empty before it is closed. */
void daemon_close(struct daemon **daemon);

/* One line on what is running, at level info. */
void daemon_log_ready(const struct daemon *daemon);

#endif
