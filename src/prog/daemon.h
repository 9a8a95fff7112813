/* SPDX-License-Identifier: BSD-2-Clause */
/* daemon.h - mtastsd's parts, put together from its configuration. */
#ifndef PROG_DAEMON_H
#define PROG_DAEMON_H

#include "conf/conf.h"
#include "control/control.h"
#include "serve/activation.h"

#include <uv.h>

struct daemon;

/* All pointers are borrowed and outlive the daemon. */
struct daemon_options {
	uv_loop_t *loop;
	const struct conf *conf;  /* to begin with */
	const char *config_path;  /* where another one is read from */
	struct activation *ready; /* sockets that are bound already */
	bool debug;               /* log.level is debug whatever CONF says */
	bool background;          /* log.target is syslog whatever CONF says */
};

/* Opens everything that the configuration names, in an order that leaves nothing
 * behind when a later part fails: the cache (and its lock) first, the sockets
 * last. On MTS_OK *RET is the caller's: daemon_close(). */
int daemon_open(const struct daemon_options *options, struct daemon **ret,
                struct fault *why);

/* Stops listening, drops clients, writes the cache out. Takes NULL, leaves
 * NULL. The loop must run until it is empty before it is closed. */
void daemon_close(struct daemon **daemon);

/* One line on what is running, at level info. */
void daemon_log_ready(const struct daemon *daemon);

/* How many sockets MTAs can ask on. */
size_t daemon_listener_count(const struct daemon *daemon);

/* Reads the configuration again and takes it in, or refuses it as a whole: then
 * all goes on as before. WHO asked for it, for the log: "signal=HUP", "user=root
 * uid=0 pid=123". Connections and look-ups under way stay. The result lives as
 * long as the daemon, and changes with the next reload. */
const struct control_reload *daemon_reload(struct daemon *daemon,
                                           const char *who);

/* Opens the log as the configuration in force says. */
void daemon_open_log(const struct conf *conf, bool debug, bool background);

#endif
