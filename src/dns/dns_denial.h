/* SPDX-License-Identifier: BSD-2-Clause */
/* dns_denial.h - is there a zone cut at a name, and to a signed zone? (RFC 4034
 * 4, RFC 5155)
 *
 * Pure. What is read here has been validated, and says that a name has no DS
 * records; why it has none tells whether names below it can be signed. */
#ifndef DNS_DNS_DENIAL_H
#define DNS_DNS_DENIAL_H

#include "dns/dns_packet.h"

enum dns_cut {
	DNS_CUT_UNKNOWN,  /* it can't be told from what is there */
	DNS_CUT_NONE,     /* no delegation: the name is in the zone above */
	DNS_CUT_UNSIGNED, /* a delegation (NS) without DS: below is unsigned */
};

/* Reads the authority section of PACKET, which denies NAME's DS. */
enum dns_cut dns_denial_read(const struct dns_packet *packet,
                             const struct dns_name *name);

/* True if TYPE is set in the LEN bytes of a type bit map (RFC 4034 4.1.2); a
 * broken map has no types from the fault on. */
bool dns_bitmap_has(const uint8_t *map, size_t len, uint16_t type);

/* The hash of NAME (RFC 5155 5), as the 32 characters of an owner name's first
 * label. False: the library refuses SHA-1, or there are more ITERATIONS than a
 * validator would do. */
enum { NSEC3_LABEL = 32 };
bool nsec3_label(const struct dns_name *name, const uint8_t *salt,
                 size_t salt_len, unsigned iterations,
                 char ret[NSEC3_LABEL + 1]);

#endif
