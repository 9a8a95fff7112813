/* SPDX-License-Identifier: BSD-2-Clause */
/* ns_query.h - asks given name servers directly, without any cache between.
 *
 * Many domains share name servers, so the pool shares and keeps one resolver for
 * each server. */
#ifndef PROBE_NS_QUERY_H
#define PROBE_NS_QUERY_H

#include "dns/resolver.h"

enum { NS_POOL_IDLE_MAX = 16 }; /* resolvers kept without a query */

struct ns_pool;
struct ns_query;

/* TIMEOUT_MS limits each query. MTS_ENOMEM. On MTS_OK *RET is the caller's:
 * ns_pool_close(). */
int ns_pool_new(uv_loop_t *loop, uint64_t timeout_ms, struct ns_pool **ret);

/* Must not be called while a query is under way. Takes NULL, leaves NULL. The loop
 * must run once more afterwards. */
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
