/* SPDX-License-Identifier: BSD-2-Clause */
/* gmp_memory.h - memory for GNU MP, which ends the process where it is refused some.
 *
 * A libunbound built with nettle, as Debian's, verifies signatures with GMP. That
 * calls abort() where malloc() fails, and knows no other way: what it asks for
 * must be had (GMP manual, "Custom Allocation"). So what the system refuses comes
 * out of a reserve of a megabyte, of which a signature by ECDSA, or by RSA with a
 * key that anybody uses, takes a few KiB on a thread. */
#ifndef DNSSEC_GMP_MEMORY_H
#define DNSSEC_GMP_MEMORY_H

/* From now on, in this process; again: nothing. Before any other thread uses GMP.
 * Nothing where libunbound uses none. */
void gmp_memory_guard(void);

#endif
