/* SPDX-License-Identifier: BSD-2-Clause */
/* no_dane.c - stands in for net/secure_dns.h and net/dane.h where there is no
 * look-up with DNSSEC yet: none is to be had. */
#include "net/dane.h"

#include <stdlib.h>

struct secure_dns {
	char none;
};

int secure_dns_new(const struct secure_dns_options *options,
                   struct secure_dns **ret, struct fault *why)
{
	(void)options;
	*ret = calloc(1, sizeof(**ret));
	return *ret ? MTS_OK : fault_set(why, MTS_ENOMEM, "out of memory");
}

void secure_dns_close(struct secure_dns **dns)
{
	free(*dns);
	*dns = NULL;
}

enum secure_dns_health secure_dns_health(const struct secure_dns *dns)
{
	(void)dns;
	return SECURE_DNS_NONE;
}

const char *secure_dns_health_text(enum secure_dns_health health)
{
	(void)health;
	return "none";
}

const char *secure_dns_text(const struct secure_dns *dns)
{
	(void)dns;
	return "not built in";
}

int dane_start(struct secure_dns *dns, const struct dane_hop *hop,
               dane_callback *callback, void *arg, struct dane_walk **ret)
{
	(void)dns;
	(void)hop;
	(void)callback;
	(void)arg;
	(void)ret;
	return MTS_ENOMEM;
}

void dane_cancel(struct dane_walk **walk)
{
	*walk = NULL;
}
