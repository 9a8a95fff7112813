/* SPDX-License-Identifier: BSD-2-Clause */
/* mx.h - MX patterns (RFC 8461 3.2 and 4.1).
 *
 * Pure: no DNS. */
#ifndef STS_MX_H
#define STS_MX_H

#include "base/slice.h"

#include <stdbool.h>

/* True if PATTERN can be used and passed to an MTA: letters, digits, hyphens
 * and dots as in RFC 5321's Domain, at most one leading "*." (with at least one
 * label after it), at most 253 bytes, no final dot, and not one of Postfix's
 * match keywords
 * ("hostname", "nexthop", "dot-nexthop"). Case does not matter. */
bool mx_pattern_is_valid(struct slice pattern);

/* True if MX, the name in the MX record, matches PATTERN: it is the same, apart
 * from case and a final dot; or PATTERN begins with "*.", and the rest is the
 * same as MX without its first label (4.1: "*." stands for exactly one label).
 * PATTERN must be valid. */
bool mx_pattern_matches(const char *pattern, struct slice mx);

#endif
