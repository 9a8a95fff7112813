/* SPDX-License-Identifier: BSD-2-Clause */
/* listening.h - what a configuration says of listeners and maps, for the
 * server. */
#ifndef PROG_LISTENING_H
#define PROG_LISTENING_H

#include "conf/conf.h"
#include "serve/server.h"

/* A plain value; zeroes: nothing. */
struct listening {
	struct maps *maps;
	struct server_socket *sockets;
	char **texts; /* "socketmap unix:/..." for status */
	size_t count;
	uint64_t max_clients;
};

/* RET borrows names from CONF. MTS_ENOMEM. To be closed in any case. */
int listening_open(const struct conf *conf, struct listening *ret,
                   struct fault *why);

void listening_close(struct listening *listening);

/* LISTENING as the server wants it, which borrows it. */
struct server_setup listening_setup(const struct listening *listening,
                                    const struct conf *conf,
                                    struct activation *ready);

/* How the maps that are not the operator's answer, and exim. */
struct answer_manner listening_manner(const struct conf *conf);

#endif
