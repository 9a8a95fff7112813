/* SPDX-License-Identifier: BSD-2-Clause */
/* tlsrpt.h - the "_smtp._tls" TXT record, which says where to send TLS reports
 * (RFC 8460 3).
 *
 * Pure: no DNS. The caller has joined the strings of each record. */
#ifndef STS_TLSRPT_H
#define STS_TLSRPT_H

#include "base/slice.h"
#include "base/status.h"

enum { TLSRPT_RUA_MAX = 16 }; /* further ones are checked, but not returned */

struct tlsrpt {
	size_t rua_count;
	struct slice rua[TLSRPT_RUA_MAX]; /* parts of the text */
};

enum tlsrpt_scheme {
	TLSRPT_MAILTO,
	TLSRPT_HTTPS,
	TLSRPT_OTHER, /* RFC 8460 3 supports only the other two */
};

/* Parses one record, strictly by the ABNF of 3, and each rua as a URI (RFC
 * 3986) in which "," ";" and "!" are encoded. MTS_ESYNTAX: WHY names the first
 * fault, for a person to read. */
int tlsrpt_parse(struct slice text, struct tlsrpt *ret, struct fault *why);

/* Ignores case (RFC 3986 3.1). */
enum tlsrpt_scheme tlsrpt_scheme(struct slice rua);

/* The domain of a mailto: URI's first address; empty if it has none. */
struct slice tlsrpt_mail_domain(struct slice rua);

#endif
