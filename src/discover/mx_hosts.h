/* SPDX-License-Identifier: BSD-2-Clause */
/* mx_hosts.h - the names of a domain's MX hosts, as a mail server finds them (RFC
 * 5321 5.1).
 *
 * The answer need not be authenticated: the names are compared with a policy,
 * which is. This knows nothing of caches or of who asks. */
#ifndef DISCOVER_MX_HOSTS_H
#define DISCOVER_MX_HOSTS_H

#include "dns/resolver.h"
#include "sts/domain.h"

enum { MX_HOSTS_MAX = 32 }; /* most preferred first; Postfix tries 5 */

struct mx_hosts {
	bool known;     /* false: the look-up failed; REASON says why */
	uint32_t ttl_s; /* known: how long they are valid */
	/* Known: names that domain_is_name() accepts, in lower case, each with
	 * its NUL, most preferred first. Empty for a null MX, or if the domain
	 * does not exist. Borrowed, like REASON. */
	struct slice names;
	const char *reason; /* one line, never NULL */
};

struct mx_hosts_query;

/* RESULT is valid only during the callback. */
typedef void mx_hosts_callback(void *arg, const struct mx_hosts *result);

/* Looks up the hosts of DOMAIN, which is copied. An error return (MTS_ENOMEM)
 * means "not started". Otherwise CALLBACK is called exactly once, never from
 * inside this call, within the resolver's time limit, unless mx_hosts_cancel() is
 * called first. */
int mx_hosts_start(struct resolver *resolver, const struct domain *domain,
                   mx_hosts_callback *callback, void *arg,
                   struct mx_hosts_query **ret);

/* The callback will not be called. Accepts a pointer to NULL; sets *QUERY to
 * NULL. */
void mx_hosts_cancel(struct mx_hosts_query **query);

#endif
