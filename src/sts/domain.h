/* SPDX-License-Identifier: BSD-2-Clause */
/* domain.h - turns the key of a look-up into a policy domain (RFC 8461 3.4).
 *
 * Pure: no DNS. */
#ifndef STS_DOMAIN_H
#define STS_DOMAIN_H

#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	DOMAIN_MAX = 253,      /* RFC 1035 2.3.4: 255 on the wire */
	DOMAIN_LABEL_MAX = 63, /* RFC 1035 2.3.4 */
	DOMAIN_KEY_MAX = 1024, /* a longer key can't be a domain, even in
				* U-labels, which are long */
};

/* A host name: A-labels, lower case, no final dot (RFC 5321's Domain). */
struct domain {
	size_t len;
	char name[DOMAIN_MAX + 1]; /* NUL-terminated */
};

static inline struct slice domain_slice(const struct domain *domain)
{
	return slice_of(domain->name, domain->len);
}

/* The next hop that a key names. */
struct domain_hop {
	struct domain domain;
	bool direct;   /* "[domain]": the host itself, without MX records */
	uint16_t port; /* SMTP_PORT if the key names none; 0: the key names a
			* service that we don't know */
};

enum { SMTP_PORT = 25 }; /* RFC 5321 4.5.4.2 */

/* True if NAME is one or more labels of letters, digits and inner hyphens, 1 to
 * 63 bytes each, 253 in all, the last one not all digits (RFC 5321 4.1.2, RFC
 * 3696 2). No final dot. */
bool domain_is_name(const char *name, size_t len);

/* Turns the key of a look-up into its policy domain. Case and a final dot don't
 * matter; "domain:port", "[domain]" and "[domain]:port" name the smart host's
 * domain; U-labels become A-labels (IDNA2008, UTS 46 non-transitional mapping).
 * MTS_ESYNTAX: the key does not name a domain (an address literal, a bare
 * address,
 * ".parent", nonsense), so the answer is "no policy"; WHY says what is wrong.
 * MTS_ENOMEM. RET is changed only on MTS_OK. */
int domain_from_key(const char *key, size_t len, struct domain *ret,
                    struct fault *why);

/* The same, and how mail gets there. Knows the services for mail: smtp,
 * submission, submissions, smtps, lmtp. */
int domain_hop_from_key(const char *key, size_t len, struct domain_hop *ret,
                        struct fault *why);

/* Writes a key that identifies HOP in a map; returns its length. */
enum { DOMAIN_HOP_KEY = DOMAIN_MAX + 3 };
size_t domain_hop_key(const struct domain_hop *hop, char key[DOMAIN_HOP_KEY]);

/* True if HOP means the domain's MX hosts at SMTP_PORT. */
static inline bool domain_hop_is_plain(const struct domain_hop *hop)
{
	return !hop->direct && hop->port == SMTP_PORT;
}

#endif
