/* SPDX-License-Identifier: BSD-2-Clause */
/* dane_check.h - does DANE apply to mail for a next hop? (RFC 7672 2 and 3)
 *
 * A check looks up the MX records, then the addresses and TLSA records of each
 * host, each with its security status. It knows nothing of caches, of MTA-STS or
 * of who asks. */
#ifndef DISCOVER_DANE_CHECK_H
#define DISCOVER_DANE_CHECK_H

#include "dnssec/secure_dns.h"
#include "sts/dane.h"
#include "sts/domain.h"

enum {
	DANE_HOSTS_MAX = 32, /* MX hosts checked, most preferred first */
	DANE_STEPS_MAX = DANE_HOSTS_MAX + 2,
};

/* One line of the trace: "mx", or a host's name. */
struct dane_step {
	char name[DOMAIN_MAX + 1];
	bool ok;
	char text[200]; /* the outcome; safe to print */
};

/* Valid only during the callback. */
struct dane_result {
	enum dane_state state; /* never DANE_NOT_KNOWN */
	uint32_t ttl_s;        /* the lowest TTL of the answers used, between
	                        * 30 s and a day; at most a minute if a look-up
	                        * failed */
	const char *reason;    /* one line; never NULL */
	const struct dane_step *steps;
	size_t step_count;
};

struct dane_check;

typedef void dane_callback(void *arg, const struct dane_result *result);

/* Starts a check of HOP, which is copied; its port must not be 0. An error
 * return means "not started": MTS_EFULL: too many look-ups are queued (see
 * secure_dns_ask()); MTS_ENOMEM. Otherwise CALLBACK is called exactly once, never
 * from inside this call, unless dane_cancel() is called first. A check ends
 * within 3.75 times the time limit of one look-up. */
int dane_start(struct secure_dns *dns, const struct domain_hop *hop,
               dane_callback *callback, void *arg, struct dane_check **ret);

/* The callback will not be called. Accepts NULL; sets *CHECK to NULL. */
void dane_cancel(struct dane_check **check);

#endif
