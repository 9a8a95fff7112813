/* SPDX-License-Identifier: BSD-2-Clause */
/* tls_memory.h - notes what memory OpenSSL is refused (base/shortage.h). */
#ifndef HTTPS_TLS_MEMORY_H
#define HTTPS_TLS_MEMORY_H

/* From now on; of no use once OpenSSL has been used. */
void tls_memory_watch(void);

#endif
