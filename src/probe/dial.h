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

/* OPTIONS must outlive the dialer. It uses the resolver's loop, the fetcher's CA
 * certificates, ehlo, clock, and timeout_ms as the limit for a whole call.
 * MTS_ENOMEM, MTS_ELIB. On MTS_OK *RET is the caller's: dialer_free(), which takes
 * NULL, leaves NULL, and must not be called while a call is under way. */
int dialer_new(const struct probe_options *options, struct dialer **ret);
void dialer_free(struct dialer **dialer);

struct dial;

/* The callback may take over RESULT's view, and then sets it to NULL. */
typedef void dial_callback(void *arg, struct mx_address *result);

/* Connects to PORT of ADDRESS for HOST, which is sent as the server name (SNI) and
 * which the certificate must match. With SMTP, the dialogue begins in SMTP and
 * STARTTLS; without, in TLS. An error return means "not
 * started": MTS_ENOMEM. Otherwise CALLBACK comes exactly once, never from
 * inside the call, unless dial_cancel() comes first. */
int dial_start(struct dialer *dialer, const char *host,
               const struct address *address, in_port_t port, bool smtp,
               dial_callback *callback, void *arg, struct dial **ret);

/* The callback will not come. Takes NULL, leaves NULL. The loop must run once
 * more. */
void dial_cancel(struct dial **dial);

#endif
