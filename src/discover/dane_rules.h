/* SPDX-License-Identifier: BSD-2-Clause */
/* dane_rules.h - the DANE state of a next hop from the states of its hosts (RFC
 * 7672).
 *
 * Pure. */
#ifndef DISCOVER_DANE_RULES_H
#define DISCOVER_DANE_RULES_H

#include "base/slice.h"
#include "sts/dane.h"

#include <stdbool.h>
#include <stdint.h>

/* The result of the look-ups for one host. */
enum dane_host_state {
	DANE_HOST_UNREACHABLE, /* it has no address (2.2.2), or the address
	                        * look-up failed in an unsigned zone */
	DANE_HOST_SILENT,      /* the address look-up failed, or was bogus, and
	                        * the zone may be signed: the MTA can't find
	                        * the host either */
	DANE_HOST_NONE,        /* it has no secure TLSA record */
	DANE_HOST_USABLE,      /* at least one TLSA record is usable */
	DANE_HOST_UNUSABLE,    /* it has TLSA records, none of them usable */
	DANE_HOST_UNKNOWABLE,  /* it may have TLSA records, but the look-up
	                        * failed (2.1.2) */
};

/* "unreachable", "silent", ... */
const char *dane_host_state_text(enum dane_host_state state);

/* True if a TLSA record with this RDATA can authenticate a server: its usage is
 * DANE-TA(2) or DANE-EE(3) (3.1), its selector 0 or 1, and its data as long as the
 * matching type requires (RFC 6698 2.1). */
bool dane_tlsa_is_usable(struct slice rdata);

/* The state of a next hop with these COUNT hosts. MX_SECURE: the MX records are
 * secure, or none are needed. ALL: there are no other hosts. */
enum dane_state dane_combine(const enum dane_host_state *hosts, size_t count,
                             bool mx_secure, bool all);

#endif
