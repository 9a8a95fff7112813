/* SPDX-License-Identifier: BSD-2-Clause */
/* dns_name.h - domain names in the wire format of DNS messages (RFC 1035 3.1).
 *
 * No I/O and no clock. */
#ifndef DNS_DNS_NAME_H
#define DNS_DNS_NAME_H

#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	DNS_NAME_WIRE = 255, /* RFC 1035 3.1 */
	DNS_NAME_TEXT = 1024 /* each byte as \DDD, with the NUL */
};

/* An uncompressed name: LEN bytes, the last of them 0. */
struct dns_name {
	size_t len;
	uint8_t wire[DNS_NAME_WIRE];
};

/* TEXT: labels separated by dots, as in a zone file. MTS_ESYNTAX: it is not a name;
 * MTS_ENOMEM. */
int dns_name_parse(const char *text, struct dns_name *ret);

/* The name as in a zone file; the caller frees it. NULL: out of memory, or NAME is
 * malformed. */
char *dns_name_format(const struct dns_name *name);

/* Reads a name from the start of LEN bytes. False: it is incomplete, or
 * compressed. */
bool dns_name_read(const uint8_t *bytes, size_t len, struct dns_name *ret);

/* Ignores ASCII case (RFC 4343). */
bool dns_name_is(const struct dns_name *a, const struct dns_name *b);

/* True if NAME is ZONE or below it. */
bool dns_name_is_within(const struct dns_name *name,
                        const struct dns_name *zone);

/* The number of labels, without the root's. */
size_t dns_name_labels(const struct dns_name *name);

/* The last LABELS labels of NAME; all of them if it has no more. */
struct dns_name dns_name_tail(const struct dns_name *name, size_t labels);

/* Puts PREFIX, like "_25._tcp", in front of NAME. False: the result is too long. */
bool dns_name_prepend(const char *prefix, const struct dns_name *name,
                      struct dns_name *ret);

/* NAME without the final dot, for people: everything but letters, digits, hyphens,
 * underscores, stars and dots becomes '?'. The root is ".". */
const char *dns_name_show(const struct dns_name *name,
                          char text[DNS_NAME_WIRE + 1]);

#endif
