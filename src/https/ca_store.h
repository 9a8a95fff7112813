/* SPDX-License-Identifier: BSD-2-Clause */
/* ca_store.h - the CA certificates that policy hosts are verified against. */
#ifndef HTTPS_CA_STORE_H
#define HTTPS_CA_STORE_H

#include "base/status.h"

#include <openssl/ssl.h>
#include <stdint.h>

struct ca_store;

/* Reads the PEM bundle FILE (NULL or "": the system's). MTS_ESYS: it can't be
 * read; MTS_ESYNTAX: it holds no certificate, or a damaged one; MTS_ENOMEM. On
 * MTS_OK *RET is the caller's: ca_store_free(). */
int ca_store_new(const char *file, struct ca_store **ret, struct fault *why);

/* Takes NULL, leaves NULL. Connections that still use the certificates hold
 * references of their own. */
void ca_store_free(struct ca_store **store);

/* Gives STORE the content of *NEXT, which is freed. Takes a NULL in *NEXT, and
 * then does nothing. */
void ca_store_replace(struct ca_store *store, struct ca_store **next);

/* Reads the file again if it has changed; checks at most once a minute. If the
 * new file is invalid, the old certificates stay in use and one warning is
 * logged. NOW_MS: monotonic. */
void ca_store_refresh(struct ca_store *store, uint64_t now_ms);

/* The certificates. Borrowed; valid until ca_store_refresh() or
 * ca_store_replace(). */
X509_STORE *ca_store_x509(const struct ca_store *store);

/* Makes CONTEXT verify against the certificates. MTS_ELIB. */
int ca_store_apply(const struct ca_store *store, SSL_CTX *context);

#endif
