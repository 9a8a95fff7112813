/* SPDX-License-Identifier: BSD-2-Clause */
/* tlsrpt.h - the "_smtp._tls" TXT record: where TLS reports go (RFC 8460 3).
 *
 * Pure: no DNS. The strings of one record are joined by the caller. */
#ifndef STS_TLSRPT_H
#define STS_TLSRPT_H

#include "base/slice.h"
#include "base/status.h"

enum { TLSRPT_RUA_MAX = 16 }; /* more are read, and not kept */

struct tlsrpt {
	size_t rua_count;
	struct slice rua[TLSRPT_RUA_MAX]; /* parts of the text */
};

enum tlsrpt_scheme {
	TLSRPT_MAILTO,
	TLSRPT_HTTPS,
	TLSRPT_OTHER, /* "the following schemes are supported": these two */
};

/* Parses one record by the ABNF of 3, to the letter, and each rua as a URI (RFC
 * 3986) in which "," ";" and "!" are encoded. MTS_ESYNTAX: WHY names the first
 * fault, for a person to read. */
int tlsrpt_parse(struct slice text, struct tlsrpt *ret, struct fault *why);

/* Case does not count (RFC 3986 3.1). */
enum tlsrpt_scheme tlsrpt_scheme(struct slice rua);

/* The domain of a mailto: URI's first address; empty if it has none. */
struct slice tlsrpt_mail_domain(struct slice rua);

#endif
