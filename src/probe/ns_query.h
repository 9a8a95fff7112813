/* SPDX-License-Identifier: BSD-2-Clause */
/* ns_query.h - asks name servers by their address, past all caches.
 *
 * What it takes to ask one is shared by all that ask it, and kept for a while:
 * many domains have the same servers. */
#ifndef PROBE_NS_QUERY_H
#define PROBE_NS_QUERY_H

#include "dns/resolver.h"

enum { NS_POOL_IDLE_MAX = 16 }; /* servers that nobody asks at the moment */

struct ns_pool;
struct ns_query;

/* TIMEOUT_MS: of a question. MTS_ENOMEM. On MTS_OK *RET is the caller's:
 * ns_pool_close(). */
int ns_pool_new(uv_loop_t *loop, uint64_t timeout_ms, struct ns_pool **ret);

/* No question is out. Takes NULL, leaves NULL. The loop must run once more. */
void ns_pool_close(struct ns_pool **ns_pool);

/* Asks the server at ADDRESS, port 53, for the TYPE records of NAME. An error
 * return means "not started": MTS_ENOMEM, MTS_ELIB. Otherwise CALLBACK comes
 * exactly once, never from inside the call, unless ns_query_cancel() comes first.
 */
int ns_query_start(struct ns_pool *ns_pool, const struct address *address,
                   const struct dns_name *name, uint16_t type,
                   dns_callback *callback, void *arg, struct ns_query **ret);

/* The callback will not come. Takes NULL, leaves NULL. */
void ns_query_cancel(struct ns_query **question);

#endif
