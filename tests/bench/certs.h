/* SPDX-License-Identifier: BSD-2-Clause */
/* certs.h - a private CA, and a certificate a name, made in memory. */
#ifndef BENCH_CERTS_H
#define BENCH_CERTS_H

#include <openssl/evp.h>
#include <openssl/x509.h>

/* One P-256 key for the CA and all that it signs: the sizes and the work of a
 * handshake are those of keys of their own. */
struct certs {
	EVP_PKEY *key;
	X509 *ca;
};

/* Makes the key and the CA, and writes the CA's certificate to PATH (PEM). */
void certs_start(struct certs *certs, const char *path);

/* A certificate for NAME, valid now; the caller's: X509_free(). */
X509 *certs_make(const struct certs *certs, const char *name);

#endif
