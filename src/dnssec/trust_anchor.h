/* SPDX-License-Identifier: BSD-2-Clause */
/* trust_anchor.h - finds and checks the file with the root's keys, where all
 * validation begins (RFC 4033 2, RFC 7958).
 *
 * It is a zone file with DS or DNSKEY records. We never fetch or write it: the
 * operating system's updates keep it current. */
#ifndef DNSSEC_TRUST_ANCHOR_H
#define DNSSEC_TRUST_ANCHOR_H

#include "base/status.h"

#include <stddef.h>

/* Where systems keep it, best first; ends with NULL. */
extern const char *const trust_anchor_paths[];

/* Checks that PATH can be read and has a DS or DNSKEY record. libunbound checks the
 * rest. MTS_ESYS: it can't be read; MTS_ESYNTAX: it is not a regular file;
 * MTS_ENOTFOUND: it has no such record; MTS_ERANGE: it is too large; MTS_ENOMEM;
 * MTS_ELIB. WHY names the file. */
int trust_anchor_check(const char *path, struct fault *why);

/* Finds the file to use: CONFIGURED, or if that is "" the first valid one of PATHS,
 * which ends with NULL. *RET is borrowed. Errors as above; MTS_ENOTFOUND also: no
 * file of PATHS is valid. */
int trust_anchor_find(const char *configured, const char *const *paths,
                      const char **ret, struct fault *why);

#endif
