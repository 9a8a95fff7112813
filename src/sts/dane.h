/* SPDX-License-Identifier: BSD-2-Clause */
/* dane.h - which comes first, DANE or MTA-STS (RFC 8461 2, RFC 7672).
 *
 * Pure: what DNS said is passed in as a state; see discover/dane_check.h for how it is
 * learnt. */
#ifndef STS_DANE_H
#define STS_DANE_H

#include <stdbool.h>

/* What is known of the TLSA records of a next hop's MX hosts. The numbers stand
 * in the cache: never change their meaning. */
enum dane_state {
	DANE_NOT_KNOWN = 0,   /* not looked for, or no DNSSEC data to be had */
	DANE_NONE = 1,        /* proven: no host has any */
	DANE_ALL = 2,         /* usable ones for every reachable host */
	DANE_SOME = 3,        /* usable ones for some of the hosts */
	DANE_UNUSABLE = 4,    /* there are some, none of them usable */
	DANE_INSECURE_MX = 5, /* for some or all hosts, but the MX records that
	                       * name them are not secure */
	DANE_UNKNOWABLE = 6,  /* there may be some, and it can't be learnt:
	                       * bogus, SERVFAIL or silence in a signed zone */
};

enum { DANE_STATES = 7 };

/* "not_known", "none", "all", ... */
const char *dane_state_text(enum dane_state state);

/* What an MTA is to be told. */
enum dane_verdict {
	DANE_SAYS_NOTHING, /* what MTA-STS says counts */
	DANE_SAYS_DANE,    /* "dane": with TLSA records, or as they are */
	DANE_SAYS_ONLY,    /* "dane-only": not without DANE */
	DANE_SAYS_WAIT,    /* a temporary error */
};

/* ENFORCED: there is an enforce policy in force. RFC 8461 2: MTA-STS must not
 * override a failing DANE validation; RFC 7672 2.1 and 2.2. */
enum dane_verdict dane_decide(enum dane_state state, bool enforced);

#endif
