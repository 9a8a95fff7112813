/* SPDX-License-Identifier: BSD-2-Clause */
/* getdns_uv.h - lets a getdns context run on a libuv loop.
 *
 * getdns ships an adapter of its own, but under another name on every system,
 * and on Debian in a library that exports nothing. This one also connects
 * getdns' UDP sockets, see getdns_uv_init(). */
#ifndef NET_GETDNS_UV_H
#define NET_GETDNS_UV_H

#include "net/address.h"
#include "net/turns.h"

#include <getdns/getdns_extra.h>
#include <uv.h>

/* Outlives its context; nothing in it need be freed. */
struct getdns_uv {
	getdns_eventloop base; /* first: getdns has pointers to it */
	uv_loop_t *loop;
	struct turns *turns;
	struct sockaddr_storage peer;
	socklen_t peer_len;
};

/* PEER is the one server of the context. A UDP socket is connected to it before
 * its first use: getdns asks from unconnected sockets and looks at nothing but
 * the 16 bits of the id, so anybody who can send to the port might answer; and
 * an unconnected socket does not learn that the server's port is closed. */
void getdns_uv_init(struct getdns_uv *adapter, uv_loop_t *loop,
                    struct turns *turns, const struct address *peer,
                    in_port_t port);

/* Makes CONTEXT run on it. MTS_OK or MTS_ELIB. */
int getdns_uv_attach(struct getdns_uv *adapter, getdns_context *context);

#endif
