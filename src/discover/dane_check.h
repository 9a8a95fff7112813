/* SPDX-License-Identifier: BSD-2-Clause */
/* dane_check.h - does DANE apply to mail for a next hop? (RFC 7672 2 and 3)
 *
 * MX, address and TLSA look-ups, each with its security status. Knows nothing
 * of caches, of MTA-STS and of who asks. */
#ifndef DISCOVER_DANE_CHECK_H
#define DISCOVER_DANE_CHECK_H

#include "dnssec/secure_dns.h"
#include "sts/dane.h"
#include "sts/domain.h"

enum {
	DANE_HOSTS_MAX = 32, /* MX hosts looked at, the most preferred first */
	DANE_STEPS_MAX = DANE_HOSTS_MAX + 2,
};

/* One line of the trace: "mx", or a host's name. */
struct dane_step {
	char name[DOMAIN_MAX + 1];
	bool ok;
	char text[200]; /* what came of it; safe to print */
};

/* Lives only while the callback runs. */
struct dane_result {
	enum dane_state state; /* never DANE_NOT_KNOWN */
	uint32_t ttl_s;        /* the least of what it rests on; of what could
	                        * not be learnt: a minute */
	const char *reason;    /* one line; never NULL */
	bool short_of_memory;  /* UNKNOWABLE, perhaps for that */
	const struct dane_step *steps;
	size_t step_count;
};

struct dane_check;

typedef void dane_callback(void *arg, const struct dane_result *result);

/* Starts the walk for HOP, whose port is not 0 and which is copied. An error return means "not
 * started": MTS_EFULL: too many look-ups wait (secure_dns_ask()); MTS_ENOMEM.
 * Otherwise CALLBACK comes exactly once, never from inside the call, unless
 * dane_cancel() comes first. It ends by itself within a few times the time-out
 * of one look-up. */
int dane_start(struct secure_dns *dns, const struct domain_hop *hop,
               dane_callback *callback, void *arg, struct dane_check **ret);

/* The callback will not come. Takes NULL, leaves NULL. */
void dane_cancel(struct dane_check **walk);

#endif
