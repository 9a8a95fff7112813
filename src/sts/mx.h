/* SPDX-License-Identifier: BSD-2-Clause */
/* mx.h - MX patterns (RFC 8461 3.2 and 4.1).
 *
 * Pure: no DNS. */
#ifndef STS_MX_H
#define STS_MX_H

#include "base/slice.h"

#include <stdbool.h>

/* True if PATTERN may be used, and may be shown to an MTA: letters, digits,
 * hyphens and dots by RFC 5321's Domain, at most one leading "*." (at least one
 * label after it), 253 bytes, no final dot, and none of Postfix's match
 * keywords ("hostname", "nexthop", "dot-nexthop" in any case). Case does not
 * count. */
bool mx_pattern_is_valid(struct slice pattern);

/* True if MX, the name in the MX record, matches PATTERN: equal but for case
 * and a final dot, or, where PATTERN begins with "*.", equal after MX's first
 * label (4.1: the whole left-most label and only that). PATTERN is valid. */
bool mx_pattern_matches(const char *pattern, struct slice mx);

#endif
