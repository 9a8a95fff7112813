/* SPDX-License-Identifier: BSD-2-Clause */
/* daemon.h - mtastsd's modules, put together as the configuration says. */
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
	const struct conf *conf;  /* the one to start with */
	const char *config_path;  /* where a reload reads the next one */
	struct activation *ready; /* sockets that are bound already */
	bool debug;               /* log.level is debug, whatever CONF says */
	bool background;          /* log.target is syslog, whatever CONF says */
};

/* Opens everything that the configuration names: first the cache, which locks its
 * folder, last the sockets. If a later module fails, the earlier ones are closed
 * again. On MTS_OK *RET is the caller's: daemon_close(). */
int daemon_open(const struct daemon_options *options, struct daemon **ret,
                struct fault *why);

/* Stops listening, drops the clients, writes the cache to disk. Takes NULL, leaves
 * NULL. The loop must run until it is empty before it is closed. */
void daemon_close(struct daemon **daemon);

/* Logs what is running, at level info. */
void daemon_log_ready(const struct daemon *daemon);

/* The number of sockets that MTAs can connect to. */
size_t daemon_listener_count(const struct daemon *daemon);

/* Reads the configuration again and puts it in force, or rejects it as a whole; then
 * nothing has changed. WHO asked for it, for the log: "signal=HUP", "user=root
 * uid=0 pid=123". Connections and running look-ups are not interrupted. The result
 * lives as long as the daemon, and changes with the next reload. */
const struct control_reload *daemon_reload(struct daemon *daemon,
                                           const char *who);

/* Opens the log as CONF says. */
void daemon_open_log(const struct conf *conf, bool debug, bool background);

#endif
