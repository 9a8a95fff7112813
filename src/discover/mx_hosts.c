/* SPDX-License-Identifier: BSD-2-Clause */
/* mx_hosts.c - the names of a domain's MX hosts. */
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

/* Sorted by preference. */
struct mx_host_list {
	size_t count;
	struct mx_host {
		uint16_t preference;
		char name[DNS_NAME_WIRE + 1];
	} hosts[MX_HOSTS_MAX];
	char names[MX_HOSTS_MAX * (DOMAIN_MAX + 1)];
};

/* False: MX does not name a host, so no policy can match it. */
static bool read_mx_host(const struct dns_mx *mx, struct mx_host *ret)
{
	ret->preference = mx->preference;
	dns_name_show(&mx->name, ret->name);
	for (char *c = ret->name; *c; c++)
		*c = ascii_lower(*c);
	return domain_is_name(ret->name, strlen(ret->name));
}

/* Inserts HOST by preference. If there are too many, the least preferred one is
 * dropped. */
static void insert_host(struct mx_host_list *list, const struct mx_host *host)
{
	size_t at = list->count;

	while (at > 0 && list->hosts[at - 1].preference > host->preference)
		at--;
	if (at == MX_HOSTS_MAX)
		return;
	if (list->count < MX_HOSTS_MAX)
		list->count++;
	memmove(&list->hosts[at + 1], &list->hosts[at],
	        (list->count - 1 - at) * sizeof(list->hosts[0]));
	list->hosts[at] = *host;
}

static struct slice join_names(struct mx_host_list *list)
{
	size_t used = 0;

	for (size_t i = 0; i < list->count; i++) {
		size_t size = strlen(list->hosts[i].name) + 1;

		memcpy(list->names + used, list->hosts[i].name, size);
		used += size;
	}
	return slice_of(list->names, used);
}

static void report_records(struct mx_hosts_query *query,
                           const struct dns_answer *answer)
{
	struct mx_host_list *list = malloc(sizeof(*list));
	struct mx_hosts result = { .known = list != NULL,
		                   .ttl_s = answer->ttl_s,
		                   .reason = "out of memory" };
	struct dns_mx mx;
	struct mx_host host;

	if (list) {
		list->count = 0;
		for (size_t i = 0; i < answer->count; i++)
			if (dns_mx_read(answer->texts[i], &mx) &&
			    !dns_mx_is_null(&mx) && read_mx_host(&mx, &host))
				insert_host(list, &host);
		result.names = join_names(list);
		result.reason = "";
	}
	query->callback(query->arg, &result);
	free(list);
}

static void mx_hosts_on_answer(void *arg, const struct dns_answer *answer)
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
		report_records(query, answer);
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
		                      mx_hosts_on_answer, query, &query->dns);
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
