/* SPDX-License-Identifier: BSD-2-Clause */
/* mx_hosts.h - the MX hosts of a domain, by name, as a mail server finds them
 * (RFC 5321 5.1). Whether the answer is authentic is not asked: the names are
 * compared with a policy, which is.
 *
 * Knows nothing of caches and of who asks. */
#ifndef DISCOVER_MX_HOSTS_H
#define DISCOVER_MX_HOSTS_H

#include "dns/resolver.h"
#include "sts/domain.h"

enum { MX_HOSTS_MAX = 32 }; /* the most preferred; Postfix tries 5 */

struct mx_hosts {
	bool known;     /* false: they can't be looked up; REASON says why */
	uint32_t ttl_s; /* known: for how long */
	/* Known: names that domain_is_name() takes, in lower case, each with its
	 * NUL, the most preferred first. None for a null MX or a domain that
	 * does not exist. Borrowed, as REASON is. */
	struct slice names;
	const char *reason; /* one line, never NULL */
};

struct mx_hosts_query;

/* RESULT lives only while the callback runs. */
typedef void mx_hosts_callback(void *arg, const struct mx_hosts *result);

/* Looks up the hosts of DOMAIN, which is copied. An error return (MTS_ENOMEM)
 * means "not started". Otherwise CALLBACK comes exactly once, never from inside
 * the call, within the resolver's time-out, unless mx_hosts_cancel() comes
 * first. */
int mx_hosts_start(struct resolver *resolver, const struct domain *domain,
                   mx_hosts_callback *callback, void *arg,
                   struct mx_hosts_query **ret);

/* The callback will not come. Takes NULL, leaves NULL. */
void mx_hosts_cancel(struct mx_hosts_query **query);

#endif
