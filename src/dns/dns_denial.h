/* SPDX-License-Identifier: BSD-2-Clause */
/* dns_denial.h - reads a proof that a name has no DS record (RFC 4034 4, RFC 5155).
 *
 * The reason for the absence tells whether names below can be signed: the name is
 * no zone cut, or it is the cut to an unsigned zone. The proof must have been
 * validated before. Pure. */
#ifndef DNS_DNS_DENIAL_H
#define DNS_DNS_DENIAL_H

#include "dns/dns_packet.h"

enum dns_cut {
	DNS_CUT_UNKNOWN, /* the records do not say */
	DNS_CUT_NONE,    /* no delegation: the name is in the zone above */
	DNS_CUT_UNSIGNED, /* a delegation (NS) without DS: the zone is unsigned */
};

/* Reads the authority section of PACKET, which denies NAME's DS records. */
enum dns_cut dns_denial_read(const struct dns_packet *packet,
                             const struct dns_name *name);

/* True if TYPE is set in the LEN bytes of a type bit map (RFC 4034 4.1.2). A
 * malformed map has no types after the fault. */
bool dns_bitmap_has(const uint8_t *map, size_t len, uint16_t type);

/* The hash of NAME (RFC 5155 5), as the 32 characters of an owner name's first
 * label. False: OpenSSL refuses SHA-1, the salt is too long, or there are more
 * ITERATIONS than validators accept. */
enum { NSEC3_LABEL = 32 };
bool nsec3_label(const struct dns_name *name, const uint8_t *salt,
                 size_t salt_len, unsigned iterations,
                 char ret[NSEC3_LABEL + 1]);

#endif
