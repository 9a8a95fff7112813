/* SPDX-License-Identifier: BSD-2-Clause */
/* getdns_uv.h - lets a getdns context run on a libuv loop.
 *
 * getdns ships an adapter of its own, but under another name on every system,
 * and on Debian in a library that exports nothing. */
#ifndef DNS_GETDNS_UV_H
#define DNS_GETDNS_UV_H

#include "base/work_queue.h"

#include <getdns/getdns_extra.h>
#include <uv.h>

/* Outlives its context; nothing in it need be freed. */
struct getdns_uv {
	getdns_eventloop base; /* first: getdns has pointers to it */
	uv_loop_t *loop;
	struct work_queue *work_queue;
};

void getdns_uv_init(struct getdns_uv *adapter, uv_loop_t *loop,
                    struct work_queue *work_queue);

/* Makes CONTEXT run on it. MTS_OK or MTS_ELIB. */
int getdns_uv_attach(struct getdns_uv *adapter, getdns_context *context);

#endif
