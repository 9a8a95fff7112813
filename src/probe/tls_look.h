/* SPDX-License-Identifier: BSD-2-Clause */
/* tls_look.h - reads the certificates a server sent into a tls_view, and finds
 * everything that is wrong with them, not only the first fault as a sender
 * does. */
#ifndef PROBE_TLS_LOOK_H
#define PROBE_TLS_LOOK_H

#include "base/status.h"
#include "findings/tls_view.h"
#include "https/ca_store.h"

#include <openssl/ssl.h>

/* Reads CHAIN, which a server sent over a connection of TLS version VERSION, its
 * own certificate first. Verifies it for HOST at NOW_S against TRUST (RFC 8461
 * 3.3, 4.2) and notes each fault. MTS_ENOMEM. On MTS_OK *RET is the caller's:
 * tls_view_free(). */
int tls_look(const struct ca_store *roots, const char *host,
             STACK_OF(X509) * chain, const char *version, int64_t now_s,
             struct tls_view **ret);

/* The same for a chain that has already been verified for its host: it is not
 * verified again, which would cost more than the rest together. */
int tls_look_verified(STACK_OF(X509) * chain, const char *version,
                      struct tls_view **ret);

#endif
