/* SPDX-License-Identifier: BSD-2-Clause */
/* probe_options.h - what every probe of a live host needs: whom to ask, which
 * addresses it may connect to, and how long it may take. */
#ifndef PROBE_PROBE_OPTIONS_H
#define PROBE_PROBE_OPTIONS_H

#include "base/clock.h"
#include "dns/resolver.h"
#include "dnssec/secure_dns.h"
#include "https/fetch.h"

/* --connect HOST:ADDRESS: connect to ADDRESS instead of asking DNS for HOST. */
struct probe_connect {
	char host[DNS_NAME_WIRE + 1];
	struct address address;
};

/* Everything here must outlive the probes. */
struct probe_options {
	const struct clock *clock;
	struct resolver *resolver;
	struct secure_dns *secure_dns; /* NULL: DNSSEC is not checked */
	struct fetcher *fetcher;       /* with .keep_chain; MX hosts are checked
	                                * against its CA certificates too */
	const char *ehlo;              /* our own name in SMTP */
	uint64_t timeout_ms;           /* for one HTTPS fetch or SMTP call */
	uint64_t dns_timeout_ms;       /* for one DNS query */
	bool ipv4, ipv6;
	bool smtp;          /* connect to MX hosts */
	bool allow_private; /* connect to private addresses too */
	const struct probe_connect *connects;
	size_t connect_count;
};

/* The DNSSEC service, if it works or has not been tried yet. NULL if it is known
 * not to work: asking it would only cost time. */
static inline struct secure_dns *probe_dnssec(
    const struct probe_options *options)
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
