/* SPDX-License-Identifier: BSD-2-Clause */
/* trust_anchor.h - the file with the root's keys, where all validation begins
 * (RFC 4033 2, RFC 7958).
 *
 * In the form of a zone file, with DS or DNSKEY records. It is never fetched
 * and never written to: whoever keeps the system up to date keeps it up to
 * date. */
#ifndef DNSSEC_TRUST_ANCHOR_H
#define DNSSEC_TRUST_ANCHOR_H

#include "base/status.h"

#include <stddef.h>

/* The places where systems keep it, the best first; NULL ends them. */
extern const char *const trust_anchor_places[];

/* Checks that PATH begins with records, DS or DNSKEY among them; whether all of
 * it is good, libunbound tells. MTS_ESYS: it can't be read; MTS_ESYNTAX: it is no
 * file; MTS_ENOTFOUND: it holds no anchor; MTS_ERANGE: it is too large;
 * MTS_ENOMEM; MTS_ELIB. WHY names it. */
int trust_anchor_check(const char *path, struct fault *why);

/* The file to use: CONFIGURED unless that is "", else the first of PLACES that
 * is good. *RET is borrowed. As above; MTS_ENOTFOUND also: there is none in any
 * of the places. */
int trust_anchor_find(const char *configured, const char *const *places,
                      const char **ret, struct fault *why);

#endif
