/* SPDX-License-Identifier: BSD-2-Clause */
/* tls_view.h - what a server showed of its TLS: the version, its certificates,
 * and everything that is wrong with them. Plain values; probe/tls_look.c fills
 * them in. */
#ifndef FINDINGS_TLS_VIEW_H
#define FINDINGS_TLS_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What can be wrong with a certificate or its chain. Several at once can be. */
enum tls_fault {
	TLS_FAULT_EXPIRED,    /* or not yet valid */
	TLS_FAULT_NAME,       /* no DNS name in the SAN matches the host */
	TLS_FAULT_UNTRUSTED,  /* no chain to a trusted root */
	TLS_FAULT_INCOMPLETE, /* an intermediate certificate was not sent */
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
	char faults[TLS_FAULTS][160]; /* in words, safe to show; "": none */
	struct cert_view *certs;      /* as sent, the server's own first */
	size_t cert_count;
};

/* Takes NULL, leaves NULL. */
void tls_view_free(struct tls_view **view);

/* True if any fault was found. */
bool tls_view_is_bad(const struct tls_view *view);

/* When the server's own certificate expires, in seconds since 1970. 0 if there
 * is none; VIEW may be NULL. */
int64_t tls_view_ends_s(const struct tls_view *view);

#endif
