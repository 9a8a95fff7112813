/* SPDX-License-Identifier: BSD-2-Clause */
/* trust.h - the CA certificates that policy hosts are checked against. */
#ifndef HTTPS_TRUST_H
#define HTTPS_TRUST_H

#include "base/status.h"

#include <openssl/ssl.h>
#include <stdint.h>

struct trust;

/* Reads the PEM bundle FILE (NULL or "": the system's). MTS_ESYS: it can't be
 * read; MTS_ESYNTAX: it holds no certificate, or a broken one; MTS_ENOMEM. On
 * MTS_OK *RET is the caller's: trust_free(). */
int trust_new(const char *file, struct trust **ret, struct fault *why);

/* Takes NULL, leaves NULL. Connections keep what they use. */
void trust_free(struct trust **trust);

/* From now on TRUST is what NEXT was, which goes. Takes a NULL for NEXT. */
void trust_replace(struct trust *trust, struct trust **next);

/* Reads the file again if it has changed, looking no more often than once a
 * minute. If it is no good any more, what was read before stays, and the log
 * says so once. */
void trust_refresh(struct trust *trust, uint64_t now_ms);

/* The certificates, for as long as trust_refresh() is not called. */
X509_STORE *trust_store(const struct trust *trust);

/* Gives the certificates to CONTEXT. MTS_ELIB. */
int trust_apply(const struct trust *trust, SSL_CTX *context);

#endif
