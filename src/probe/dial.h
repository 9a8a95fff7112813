/* SPDX-License-Identifier: BSD-2-Clause */
/* dial.h - connects to one address as a sender does, up to the TLS handshake, and
 * reports what it saw. It uses SMTP with STARTTLS, or TLS at once.
 *
 * Unlike a sender it accepts any certificate and any version of TLS, so that it
 * can say what is wrong with them. No mail is ever sent. */
#ifndef PROBE_DIAL_H
#define PROBE_DIAL_H

#include "findings/report.h"
#include "probe/probe_options.h"

#include <uv.h>

struct dialer; /* shared by all calls */

/* Of OPTIONS, which outlive it, it takes the resolver's loop, the fetcher's
 * trust, ehlo, timeout_ms (for a whole call) and clock. MTS_ENOMEM, MTS_ELIB. On
 * MTS_OK *RET is the caller's: dialer_free(), which takes NULL and leaves NULL; no
 * call is under way then. */
int dialer_new(const struct probe_options *options, struct dialer **ret);
void dialer_free(struct dialer **dialer);

struct dial;

/* RESULT's view may be taken: set to NULL then. */
typedef void dial_callback(void *arg, struct mx_address *result);

/* Calls PORT of ADDRESS for HOST, which is the server name (SNI) and what the
 * certificate has to be for. SMTP: with STARTTLS. An error return means "not
 * started": MTS_ENOMEM. Otherwise CALLBACK comes exactly once, never from
 * inside the call, unless dial_cancel() comes first. */
int dial_start(struct dialer *dialer, const char *host,
               const struct address *address, in_port_t port, bool smtp,
               dial_callback *callback, void *arg, struct dial **ret);

/* The callback will not come. Takes NULL, leaves NULL. The loop must run once
 * more. */
void dial_cancel(struct dial **dial);

#endif
