/* SPDX-License-Identifier: BSD-2-Clause */
/* fetch_tls.h - whether the certificate is the policy host's (RFC 8461 3.3). */
#ifndef HTTPS_FETCH_TLS_H
#define HTTPS_FETCH_TLS_H

#include "https/fetch.h"
#include "https/trust.h"

enum { FETCH_REASON = 240 };

/* One connection. Outlives its SSL_CTX. */
struct fetch_tls {
	const struct trust *trust;
	const char *host;
	/* By uv_hrtime(); 0: not reached. libcurl tells the first one only if
	 * the second is reached. */
	uint64_t connected_ns; /* TCP is there, the hand-shake begins */
	uint64_t done_ns;      /* the hand-shake is done */
	bool closed;           /* close_notify has come: it sends no more */
	char version[16];      /* "TLSv1.3", once the hand-shake is done */
	bool verified;         /* the certificates were found to be good */
	bool keep_chain;
	STACK_OF(X509) * chain; /* the caller's to free; NULL: none came */
	enum fetch_cause cause; /* FETCH_OK, or what the certificate lacks */
	char reason[FETCH_REASON];
};

/* MTS_ELIB, MTS_ENOMEM. Call once, before the others. */
int fetch_tls_init(void);

/* Sets CONTEXT up for one connection to tls->host, which it tells of. */
int fetch_tls_prepare(struct fetch_tls *tls, SSL_CTX *context);

#endif
