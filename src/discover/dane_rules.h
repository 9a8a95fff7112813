/* SPDX-License-Identifier: BSD-2-Clause */
/* dane_rules.h - from what DNS says of each host to a domain's DANE state (RFC
 * 7672).
 *
 * Pure. */
#ifndef DISCOVER_DANE_RULES_H
#define DISCOVER_DANE_RULES_H

#include "base/slice.h"
#include "sts/dane.h"

#include <stdbool.h>
#include <stdint.h>

/* What was learnt of one host. */
enum dane_host_state {
	DANE_HOST_UNREACHABLE, /* it has no address (2.2.2), or its addresses
	                        * can't be looked up in a zone that is not
	                        * signed */
	DANE_HOST_SILENT,      /* the same in a signed zone: no server answers,
	                        * neither us nor the MTA */
	DANE_HOST_NONE,        /* it has no secure TLSA record */
	DANE_HOST_USABLE,
	DANE_HOST_UNUSABLE,
	DANE_HOST_UNKNOWABLE, /* it may have some: bogus addresses, or TLSA
	                       * look-ups that fail (2.1.2) */
};

/* "unreachable", "silent", ... */
const char *dane_host_state_text(enum dane_host_state state);

/* True if a TLSA record of this RDATA can authenticate a server: usage DANE-TA(2)
 * or DANE-EE(3) (3.1), selector 0 or 1, and as much data as its matching type has
 * (RFC 6698 2.1). */
bool dane_tlsa_is_usable(struct slice rdata);

/* What COUNT hosts make together. MX_SECURE: the MX records that name them are
 * secure, or there is no need of any. ALL: there are no more hosts. */
enum dane_state dane_combine(const enum dane_host_state *hosts, size_t count,
                             bool mx_secure, bool all);

#endif
