/* SPDX-License-Identifier: BSD-2-Clause */
/* resolver_health.c - does any name server answer?
 *
 * What others ask does not tell: a domain's own servers may be silent, however
 * well ours are. So when no good answer came for a while, and somebody wants to
 * know, the root is asked for, which every resolver can answer at once. */
#include "dns/resolver_internal.h"

#include <getdns/getdns.h>

enum { HEARD_MS = 30 * 1000 }; /* an answer that old still counts */

void resolver_note(struct resolver *resolver, enum dns_status status)
{
	resolver->counts.by_status[status]++;
	if (status == DNS_FAILED || status == DNS_TIMEOUT)
		return;
	resolver->heard = true;
	resolver->heard_ms = uv_now(resolver->loop);
	resolver->silent = false;
}

static void on_root(void *arg, const struct dns_answer *answer)
{
	struct resolver *resolver = arg;

	resolver->test = NULL;
	/* A good answer has been noted. */
	resolver->silent =
	    answer->status == DNS_FAILED || answer->status == DNS_TIMEOUT;
}

void resolver_test(struct resolver *resolver)
{
	static const struct dns_name root = { .len = 1 };
	uint64_t now_ms = uv_now(resolver->loop);

	if (resolver->test ||
	    (resolver->heard && now_ms - resolver->heard_ms < HEARD_MS))
		return;
	if (resolver_ask(resolver, &root, GETDNS_RRTYPE_NS, false, on_root,
	                 resolver, &resolver->test) != MTS_OK)
		resolver->test = NULL; /* the next who wants to know */
}

bool resolver_is_silent(const struct resolver *resolver)
{
	return resolver->silent;
}

void resolver_get_counts(const struct resolver *resolver,
                         struct resolver_counts *ret)
{
	*ret = resolver->counts;
}
