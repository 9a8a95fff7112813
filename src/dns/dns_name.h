/* SPDX-License-Identifier: BSD-2-Clause */
/* dns_name.h - domain names as they stand in DNS messages.
 *
 * Pure but for memory. */
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

/* A name uncompressed: LEN bytes, the last of them 0. */
struct dns_name {
	size_t len;
	uint8_t wire[DNS_NAME_WIRE];
};

/* TEXT: labels with dots between, as in a zone file. MTS_ESYNTAX: it is no
 * name; MTS_ENOMEM. */
int dns_name_parse(const char *text, struct dns_name *ret);

/* The name as a zone file would have it, to be freed; NULL: memory is short, or
 * it is no name. */
char *dns_name_format(const struct dns_name *name);

/* Reads a name from the start of LEN bytes. False: there is no whole one, or it
 * is compressed. */
bool dns_name_read(const uint8_t *bytes, size_t len, struct dns_name *ret);

/* ASCII case does not count (RFC 4343). */
bool dns_name_is(const struct dns_name *a, const struct dns_name *b);

/* True if NAME is ZONE or below it. */
bool dns_name_is_within(const struct dns_name *name,
                        const struct dns_name *zone);

/* How many labels, without the root's. */
size_t dns_name_labels(const struct dns_name *name);

/* The last LABELS labels of NAME; all of them if it has no more. */
struct dns_name dns_name_tail(const struct dns_name *name, size_t labels);

/* PREFIX, like "_25._tcp", in front of NAME. False: that is too long. */
bool dns_name_prepend(const char *prefix, const struct dns_name *name,
                      struct dns_name *ret);

/* NAME without final dot, for a person: what is no letter, digit, hyphen,
 * underscore, star or dot becomes '?'. "." for the root. */
const char *dns_name_show(const struct dns_name *name,
                          char text[DNS_NAME_WIRE + 1]);

#endif
