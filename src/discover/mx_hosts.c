/* SPDX-License-Identifier: BSD-2-Clause */
/* mx_hosts.c - the MX hosts of a domain, by name. */
#include "discover/mx_hosts.h"

#include "dns/dns_reply.h"

#include <getdns/getdns.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mx_hosts_query {
	struct dns_query *dns;
	struct domain domain;
	mx_hosts_callback *callback;
	void *arg;
};

/* The hosts so far, by preference. */
struct hosts {
	size_t count;
	struct host {
		uint16_t preference;
		char name[DNS_NAME_WIRE + 1];
	} at[MX_HOSTS_MAX];
	char names[MX_HOSTS_MAX * (DOMAIN_MAX + 1)];
};

/* What is no host name is left out: no policy can cover it. */
static bool to_host(const struct dns_mx *mx, struct host *ret)
{
	ret->preference = mx->preference;
	dns_name_show(&mx->name, ret->name);
	for (char *c = ret->name; *c; c++)
		*c = ascii_lower(*c);
	return domain_is_name(ret->name, strlen(ret->name));
}

/* Puts HOST in by preference; the least preferred falls out. */
static void put_host(struct hosts *hosts, const struct host *host)
{
	size_t at = hosts->count;

	while (at > 0 && hosts->at[at - 1].preference > host->preference)
		at--;
	if (at == MX_HOSTS_MAX)
		return;
	if (hosts->count < MX_HOSTS_MAX)
		hosts->count++;
	memmove(&hosts->at[at + 1], &hosts->at[at],
	        (hosts->count - 1 - at) * sizeof(hosts->at[0]));
	hosts->at[at] = *host;
}

static struct slice names_of(struct hosts *hosts)
{
	size_t used = 0;

	for (size_t i = 0; i < hosts->count; i++) {
		size_t size = strlen(hosts->at[i].name) + 1;

		memcpy(hosts->names + used, hosts->at[i].name, size);
		used += size;
	}
	return slice_of(hosts->names, used);
}

static void tell_records(struct mx_hosts_query *query,
                         const struct dns_answer *answer)
{
	struct hosts *hosts = malloc(sizeof(*hosts));
	struct mx_hosts result = { .known = hosts != NULL,
		                   .ttl_s = answer->ttl_s,
		                   .reason = "out of memory" };
	struct dns_mx mx;
	struct host host;

	if (hosts) {
		hosts->count = 0;
		for (size_t i = 0; i < answer->count; i++)
			if (dns_mx_read(answer->texts[i], &mx) &&
			    !dns_mx_is_null(&mx) && to_host(&mx, &host))
				put_host(hosts, &host);
		result.names = names_of(hosts);
		result.reason = "";
	}
	query->callback(query->arg, &result);
	free(hosts);
}

static void on_answer(void *arg, const struct dns_answer *answer)
{
	struct mx_hosts_query *query = arg;
	const char *name = query->domain.name;
	struct mx_hosts result = { .known = true,
		                   .ttl_s = answer->ttl_s,
		                   .names = slice_of("", 0),
		                   .reason = answer->reason };

	query->dns = NULL;
	switch (answer->status) {
	case DNS_OK:
		tell_records(query, answer);
		break;
	case DNS_NODATA: /* RFC 5321 5.1: the domain itself is the host */
		result.names = slice_of(name, query->domain.len + 1);
		query->callback(query->arg, &result);
		break;
	case DNS_FAILED:
	case DNS_TIMEOUT:
		result.known = false;
		query->callback(query->arg, &result);
		break;
	case DNS_NXDOMAIN:
		query->callback(query->arg, &result);
		break;
	}
	free(query);
}

int mx_hosts_start(struct resolver *resolver, const struct domain *domain,
                   mx_hosts_callback *callback, void *arg,
                   struct mx_hosts_query **ret)
{
	struct mx_hosts_query *query = calloc(1, sizeof(*query));
	struct dns_name name;
	int status;

	if (!query)
		return MTS_ENOMEM;
	query->domain = *domain;
	query->callback = callback;
	query->arg = arg;
	status = dns_name_parse(domain->name, &name);
	if (status == MTS_OK)
		status = resolver_ask(resolver, &name, GETDNS_RRTYPE_MX, false,
		                      on_answer, query, &query->dns);
	if (status != MTS_OK)
		free(query);
	else
		*ret = query;
	return status;
}

void mx_hosts_cancel(struct mx_hosts_query **query)
{
	if (!*query)
		return;
	dns_query_cancel(&(*query)->dns);
	free(*query);
	*query = NULL;
}
