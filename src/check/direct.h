/* SPDX-License-Identifier: BSD-2-Clause */
/* direct.h - asks name servers by their address, past all caches.
 *
 * What it takes to ask one is shared by all that ask it, and kept for a while:
 * many domains have the same servers. */
#ifndef CHECK_DIRECT_H
#define CHECK_DIRECT_H

#include "dns/resolver.h"

enum { DIRECT_KEPT_MAX = 16 }; /* servers that nobody asks at the moment */

struct direct;
struct direct_question;

/* TIMEOUT_MS: of a question. MTS_ENOMEM. On MTS_OK *RET is the caller's:
 * direct_close(). */
int direct_new(uv_loop_t *loop, uint64_t timeout_ms, struct direct **ret);

/* No question is out. Takes NULL, leaves NULL. The loop must run once more. */
void direct_close(struct direct **direct);

/* Asks the server at ADDRESS, port 53, for the TYPE records of NAME. An error
 * return means "not started": MTS_ENOMEM, MTS_ELIB. Otherwise CALLBACK comes
 * exactly once, never from inside the call, unless direct_cancel() comes first.
 */
int direct_ask(struct direct *direct, const struct address *address,
               const struct dns_name *name, uint16_t type,
               dns_callback *callback, void *arg, struct direct_question **ret);

/* The callback will not come. Takes NULL, leaves NULL. */
void direct_cancel(struct direct_question **question);

#endif
