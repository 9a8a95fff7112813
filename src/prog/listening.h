/* SPDX-License-Identifier: BSD-2-Clause */
/* listening.h - the configuration's listeners and maps, as the server takes
 * them. */
#ifndef PROG_LISTENING_H
#define PROG_LISTENING_H

#include "conf/conf.h"
#include "serve/server.h"

/* A plain value; zeroes: no listeners. */
struct listening {
	struct maps *maps;
	struct server_socket *sockets;
	char **texts; /* "socketmap unix:/..." for status */
	size_t count;
	uint64_t max_clients;
};

/* RET borrows names from CONF. MTS_ENOMEM; MTS_ERANGE: the limit of file descriptors
 * is too low. Call listening_close() in any case. */
int listening_open(const struct conf *conf, struct listening *ret,
                   struct fault *why);

void listening_close(struct listening *listening);

/* The setup for server_prepare(). Borrows LISTENING. */
struct server_setup listening_setup(const struct listening *listening,
                                    const struct conf *conf,
                                    struct activation *ready);

/* The options of CONF that apply to the built-in maps, and to Exim. */
struct answer_manner listening_manner(const struct conf *conf);

#endif
