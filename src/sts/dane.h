/* SPDX-License-Identifier: BSD-2-Clause */
/* dane.h - decides between DANE and MTA-STS (RFC 8461 2, RFC 7672).
 *
 * Pure: the caller passes in what DNS said as a state. discover/dane_check.h
 * finds it out. */
#ifndef STS_DANE_H
#define STS_DANE_H

#include <stdbool.h>

/* What is known about the TLSA records of a next hop's MX hosts. The cache
 * stores these numbers: never change their meaning. */
enum dane_state {
	DANE_NOT_KNOWN = 0,   /* not checked, or DNSSEC is not available */
	DANE_NONE = 1,        /* proven: no host has TLSA records */
	DANE_ALL = 2,         /* every reachable host has usable ones */
	DANE_SOME = 3,        /* some of the hosts have usable ones */
	DANE_UNUSABLE = 4,    /* there are some, but none is usable */
	DANE_INSECURE_MX = 5, /* some or all hosts have them, but the MX records
			       * that name the hosts are not secure */
	DANE_UNKNOWABLE = 6,  /* there may be some, but DNS does not say: bogus,
			       * SERVFAIL or silence in a signed zone */
};

enum { DANE_STATES = 7 };

/* "not_known", "none", "all", ... */
const char *dane_state_text(enum dane_state state);

/* What DANE means for the answer to an MTA. */
enum dane_verdict {
	DANE_SAYS_NOTHING, /* answer what MTA-STS says */
	DANE_SAYS_DANE, /* answer "dane": use TLSA records where they exist */
	DANE_SAYS_ONLY, /* answer "dane-only": don't deliver without DANE */
	DANE_SAYS_WAIT, /* answer a temporary error */
};

/* Decides by STATE. ENFORCED: the domain has a live enforce policy. RFC 8461 2:
 * MTA-STS must not override a failing DANE validation; RFC 7672 2.1 and 2.2. */
enum dane_verdict dane_decide(enum dane_state state, bool enforced);

#endif
