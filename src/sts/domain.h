/* SPDX-License-Identifier: BSD-2-Clause */
/* domain.h - from what an MTA asks for to a policy domain (RFC 8461 3.4).
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
	DOMAIN_KEY_MAX =
	    1024, /* a longer key is no domain; U-labels are long */
};

/* A host name in A-labels, lower case, no final dot: RFC 5321's Domain. */
struct domain {
	size_t len;
	char name[DOMAIN_MAX + 1]; /* NUL-terminated */
};

static inline struct slice domain_slice(const struct domain *domain)
{
	return slice_of(domain->name, domain->len);
}

/* Where mail is to go: the policy domain, and what else the key says. */
struct domain_hop {
	struct domain domain;
	bool direct;   /* "[domain]": the host itself, no MX look-up */
	uint16_t port; /* SMTP_PORT if none is named; 0: a service's name that
	                * is not known here */
};

enum { SMTP_PORT = 25 }; /* RFC 5321 4.5.4.2 */

/* True if NAME is one or more labels of letters, digits and inner hyphens, 1 to
 * 63 bytes each, 253 in all, the last one not all digits (RFC 5321 4.1.2, RFC
 * 3696 2). No final dot. */
bool domain_is_name(const char *name, size_t len);

/* Turns a look-up key into its policy domain: case and a final dot don't count,
 * "domain:port", "[domain]" and "[domain]:port" name the smart host's domain,
 * U-labels become A-labels (IDNA2008, UTS 46 non-transitional mapping).
 * MTS_ESYNTAX: it names no domain (an address literal, a bare address,
 * ".parent", nonsense), so there is "no policy"; WHY says what it is.
 * MTS_ENOMEM: memory was short. RET is untouched unless MTS_OK. */
int domain_from_key(const char *key, size_t len, struct domain *ret,
                    struct fault *why);

/* The same, and how mail gets there. Of services' names those that mail has are
 * known: smtp, submission, submissions, smtps, lmtp. */
int domain_hop_from_key(const char *key, size_t len, struct domain_hop *ret,
                        struct fault *why);

/* What a hop is found by in a map: as many bytes of KEY as are returned. */
enum { DOMAIN_HOP_KEY = DOMAIN_MAX + 3 };
size_t domain_hop_key(const struct domain_hop *hop, char key[DOMAIN_HOP_KEY]);

/* True of the domain's MX hosts at SMTP_PORT. */
static inline bool domain_hop_is_plain(const struct domain_hop *hop)
{
	return !hop->direct && hop->port == SMTP_PORT;
}

#endif
