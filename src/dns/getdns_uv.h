/* SPDX-License-Identifier: BSD-2-Clause */
/* getdns_uv.h - runs a getdns context on a libuv loop.
 *
 * getdns has an adapter of its own, but each system gives that library another
 * name, and Debian's exports no symbols. */
#ifndef DNS_GETDNS_UV_H
#define DNS_GETDNS_UV_H

#include "base/work_queue.h"

#include <getdns/getdns_extra.h>
#include <uv.h>

/* Must outlive its context. Nothing in it needs to be freed. */
struct getdns_uv {
	getdns_eventloop base; /* first: getdns holds pointers to it */
	uv_loop_t *loop;
	struct work_queue *work_queue;
};

void getdns_uv_init(struct getdns_uv *adapter, uv_loop_t *loop,
                    struct work_queue *work_queue);

/* Makes CONTEXT run on it. MTS_OK or MTS_ELIB. */
int getdns_uv_attach(struct getdns_uv *adapter, getdns_context *context);

#endif
