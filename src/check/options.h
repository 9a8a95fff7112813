/* SPDX-License-Identifier: BSD-2-Clause */
/* options.h - what a check is told to do. */
#ifndef CHECK_OPTIONS_H
#define CHECK_OPTIONS_H

#include "base/clock.h"
#include "dns/resolver.h"
#include "dnssec/secure_dns.h"
#include "findings/findings.h"
#include "https/fetch.h"

enum check_expect {
	EXPECT_NOTHING,
	EXPECT_NONE,
	EXPECT_TESTING,
	EXPECT_ENFORCE,
};

/* --connect HOST:ADDRESS */
struct check_connect {
	char host[DNS_NAME_WIRE + 1];
	struct address address;
};

struct drift;
struct reports_seen;

/* All of it outlives the checks. */
struct check_options {
	const struct clock *clock;
	struct resolver *resolver;
	struct secure_dns *secure_dns; /* NULL: DNSSEC is not looked at */
	struct fetcher *fetcher;       /* with .keep_chain; its CA certificates
	                                * count for MX hosts, too */
	const char *ehlo;              /* the name we go by in SMTP */
	uint64_t timeout_ms;           /* of each HTTPS fetch, SMTP call */
	uint64_t dns_timeout_ms;       /* of each look-up */
	bool ipv4, ipv6;
	bool smtp; /* MX hosts are called */
	bool allow_private;
	const struct check_connect *connects;
	size_t connect_count;
	enum check_expect expect;
	unsigned min_score;
	/* Findings that are told; the others are as if they were not there. */
	bool told[FINDINGS];
	struct drift *drift;                /* NULL: no --state */
	const struct reports_seen *reports; /* NULL: no --reports */
};

/* Where DNSSEC is to be had, or may be; else NULL: to ask would only take
 * time. */
static inline struct secure_dns *check_dnssec(
    const struct check_options *options)
{
	enum secure_dns_health health;

	if (!options->secure_dns)
		return NULL;
	health = secure_dns_health(options->secure_dns);
	return health == SECURE_DNS_GOOD || health == SECURE_DNS_UNTESTED
	           ? options->secure_dns
	           : NULL;
}

#endif
