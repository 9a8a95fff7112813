/* SPDX-License-Identifier: BSD-2-Clause */
/* tls_view.h - what was seen of a server's TLS: version, certificates, and all
 * that is wrong with them. */
#ifndef CHECK_TLS_VIEW_H
#define CHECK_TLS_VIEW_H

#include "base/status.h"
#include "https/trust.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Faults of a certificate or its chain; there may be several. */
enum tls_fault {
	TLS_FAULT_EXPIRED,    /* or not yet valid */
	TLS_FAULT_NAME,       /* no DNS-ID of the SAN is the host */
	TLS_FAULT_UNTRUSTED,  /* no chain to a trusted root */
	TLS_FAULT_INCOMPLETE, /* the same, for want of the intermediate */
	TLS_FAULT_INVALID,    /* anything else */
	TLS_FAULTS,
};

/* One certificate. All texts are safe to show. */
struct cert_view {
	char *subject;
	char *issuer;
	char **names; /* the SAN's DNS names */
	size_t name_count;
	int64_t not_before_s, not_after_s; /* since 1970 */
	char sha256[65];                   /* fingerprint, in hex */
};

struct tls_view {
	char version[16];             /* "TLSv1.3"; "": none was agreed on */
	bool old;                     /* below 1.2 */
	char faults[TLS_FAULTS][160]; /* each in words, safe; "": none */
	struct cert_view *certs;      /* as sent, the server's own first */
	size_t cert_count;
};

/* Looks at what a server sent: CHAIN, its own certificate first, over a
 * connection of VERSION. The certificates are verified for HOST, at NOW_S, with
 * TRUST (RFC 8461 3.3, 4.2). MTS_ENOMEM. On MTS_OK *RET is the caller's:
 * tls_view_free(), which takes NULL and leaves NULL. */
int tls_view_new(const struct trust *trust, const char *host,
                 STACK_OF(X509) * chain, const char *version, int64_t now_s,
                 struct tls_view **ret);

/* The same for what has been verified for its host already: no fault is looked
 * for. To verify takes more than all else of this. */
int tls_view_new_good(STACK_OF(X509) * chain, const char *version,
                      struct tls_view **ret);
void tls_view_free(struct tls_view **view);

/* True if there is any fault in it. */
bool tls_view_is_bad(const struct tls_view *view);

/* When the first of the certificates that count ends: the server's own. 0: there
 * is none. */
int64_t tls_view_ends_s(const struct tls_view *view);

#endif
