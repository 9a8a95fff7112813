/* SPDX-License-Identifier: BSD-2-Clause */
/* cleartext.h - checks whether the policy is also served over plain HTTP, on port
 * 80. */
#ifndef PROBE_CLEARTEXT_H
#define PROBE_CLEARTEXT_H

#include "base/address.h"

#include <stdbool.h>
#include <uv.h>

struct cleartext;

typedef void cleartext_callback(void *arg, bool served);

/* Sends a request to the first address that accepts a connection; at most two are
 * tried. ADDRESSES are copied. An error return means "not started": MTS_ENOMEM. Otherwise
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
