/* SPDX-License-Identifier: BSD-2-Clause */
/* tls_rehearsal.h - a TLS hand-shake before the first one that counts.
 *
 * OpenSSL 3 sets up what it needs when it is first used: all algorithms of a kind,
 * sources of random numbers, tables. What there is no memory for at that time it
 * takes for something that does not exist, until the process ends, and every
 * hand-shake fails. So a process that is to live through a shortage of memory has
 * all of it used at its start. */
#ifndef HTTPS_TLS_REHEARSAL_H
#define HTTPS_TLS_REHEARSAL_H

#include <openssl/ssl.h>

/* Client and server shake hands in memory, with a certificate that is made for
 * it, in OpenSSL's CONTEXT; NULL: the default one. Some two milliseconds. What
 * fails is not told: where it can't work the first fetch will say so. */
void tls_rehearse(OSSL_LIB_CTX *context);

#endif
