/* SPDX-License-Identifier: BSD-2-Clause */
/* fetch_tls.h - checks that a server's certificate is valid for the policy host
 * (RFC 8461 3.3), and records how far the TLS handshake got. */
#ifndef HTTPS_FETCH_TLS_H
#define HTTPS_FETCH_TLS_H

#include "https/ca_store.h"
#include "https/fetch.h"

/* One connection. It has to outlive the SSL_CTX. The first three members are
 * set by the caller. */
struct fetch_tls {
	const struct ca_store *ca_store;
	const char *host;
	bool keep_chain;

	/* By uv_hrtime(); 0: not reached. libcurl reports the time of the
	 * connection only if the handshake succeeds, too. */
	uint64_t connected_ns;  /* TCP is connected and the handshake starts */
	uint64_t done_ns;       /* the handshake is done */
	bool closed;            /* the server has sent close_notify */
	char version[16];       /* "TLSv1.3", once the handshake is done */
	bool verified;          /* the certificates were verified */
	STACK_OF(X509) * chain; /* the caller's to free; NULL: none came */
	enum fetch_cause cause; /* FETCH_OK, or the certificate's first fault */
	char reason[FETCH_REASON];
};

/* Call once, before fetch_tls_prepare(). MTS_ELIB. */
int fetch_tls_init(void);

/* Sets CONTEXT up for one connection to tls->host; TLS is filled in during the
 * handshake. MTS_ENOMEM, MTS_ELIB. */
int fetch_tls_prepare(struct fetch_tls *tls, SSL_CTX *context);

#endif
