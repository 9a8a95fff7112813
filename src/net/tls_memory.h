/* SPDX-License-Identifier: BSD-2-Clause */
/* tls_memory.h - notes what memory OpenSSL is refused (base/shortage.h). */
#ifndef NET_TLS_MEMORY_H
#define NET_TLS_MEMORY_H

/* From now on; of no use once OpenSSL has been used. */
void tls_memory_watch(void);

#endif
