/* SPDX-License-Identifier: BSD-2-Clause */
/* cleartext.h - is the policy served by HTTP at port 80, too? */
#ifndef PROBE_CLEARTEXT_H
#define PROBE_CLEARTEXT_H

#include "base/address.h"

#include <stdbool.h>
#include <uv.h>

struct cleartext;

typedef void cleartext_callback(void *arg, bool served);

/* Asks one of the addresses, which are copied: the first of two that can be
 * connected to. An error return means "not started": MTS_ENOMEM. Otherwise
 * CALLBACK comes exactly once, never from inside the call, unless
 * cleartext_cancel() comes first. */
int cleartext_start(uv_loop_t *loop, const char *host,
                    const struct address *addresses, size_t count,
                    uint64_t timeout_ms, cleartext_callback *callback,
                    void *arg, struct cleartext **ret);

/* The callback will not come. Takes NULL, leaves NULL. The loop must run once
 * more. */
void cleartext_cancel(struct cleartext **cleartext);

#endif
