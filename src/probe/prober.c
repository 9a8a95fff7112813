/* SPDX-License-Identifier: BSD-2-Clause */
/* prober.c - calls MX hosts, each of them once.
 *
 * A host's walk: A, AAAA and TLSA are asked for side by side; then each address
 * waits in a line that is fair to networks, and is called. When all of it is
 * over, those that wait for the host are told. */
#include "probe/prober.h"

#include "base/map.h"
#include "discover/dane_rules.h"
#include "https/fetch_queue.h"
#include "probe/dial.h"

#include <getdns/getdns.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct prober {
	const struct probe_options *options;
	struct dialer *dialer;
	struct fetch_queue *queue;
	uv_idle_t idle; /* starts those in line */
	size_t calls;
	struct map *hosts; /* of all below */
	struct list busy;
	struct list kept; /* the one that was used longest ago first */
	size_t kept_count;
};

/* One address of a host. */
struct call {
	struct queue_entry entry;
	struct host *host;
	size_t at; /* in the host's addresses */
	struct dial *dial;
};

struct host {
	struct map_node node;
	struct list link; /* in busy or kept */
	struct prober *prober;
	struct mx_host *found;
	struct dns_query *a, *aaaa;
	struct secure_query *tlsa;
	size_t left; /* look-ups and calls that are not over */
	struct list wishes;
	struct call *calls;
};

static void host_free(struct host *host)
{
	for (size_t i = 0; host->calls && i < host->found->count; i++) {
		dial_cancel(&host->calls[i].dial);
		fetch_queue_leave(host->prober->queue, &host->calls[i].entry);
	}
	dns_query_cancel(&host->a);
	dns_query_cancel(&host->aaaa);
	secure_query_cancel(&host->tlsa);
	map_remove(host->prober->hosts, &host->node);
	list_remove(&host->link);
	mx_host_unref(&host->found);
	free(host->calls);
	free(host);
}

/* -- the end of a host ----------------------------------------------------- */

static void keep(struct host *host)
{
	struct prober *prober = host->prober;

	list_remove(&host->link);
	list_append(&prober->kept, &host->link);
	if (prober->kept_count++ < PROBER_KEPT_MAX)
		return;
	prober->kept_count--;
	host_free(container_of(list_first(&prober->kept), struct host, link));
}

static void one_is_over(struct host *host)
{
	struct list *node;
	struct mx_host *found = host->found;

	if (--host->left > 0)
		return;
	free(host->calls);
	host->calls = NULL;
	found->references++; /* whoever is told may make HOST go */
	keep(host);
	while ((node = list_first(&host->wishes)) != NULL) {
		struct prober_wish *wish =
		    container_of(node, struct prober_wish, node);

		list_remove(node);
		found->references++;
		wish->callback(wish->arg, found);
	}
	mx_host_unref(&found);
}

/* -- calls ----------------------------------------------------------------- */

static void kick(struct prober *prober);

static void on_dial(void *arg, struct mx_address *result)
{
	struct call *call = arg;
	struct host *host = call->host;
	struct prober *prober = host->prober;

	call->dial = NULL;
	host->found->addresses[call->at] = *result;
	result->view = NULL;
	prober->calls--;
	fetch_queue_leave(prober->queue, &call->entry);
	kick(prober);
	one_is_over(host);
}

static void start_call(struct call *call)
{
	struct host *host = call->host;
	struct prober *prober = host->prober;
	struct mx_address *address = &host->found->addresses[call->at];

	prober->calls++;
	if (dial_start(prober->dialer, host->found->name, &address->address,
	               SMTP_PORT_25, true, on_dial, call,
	               &call->dial) == MTS_OK)
		return;
	prober->calls--;
	fetch_queue_leave(prober->queue, &call->entry);
	snprintf(address->error, sizeof(address->error), "out of memory");
	one_is_over(host);
}

static void on_idle(uv_idle_t *idle)
{
	struct prober *prober = idle->data;
	struct queue_entry *entry = NULL;

	if (prober->calls < PROBER_CALLS_MAX)
		entry = fetch_queue_take(prober->queue);
	if (entry)
		start_call(container_of(entry, struct call, entry));
	else
		uv_idle_stop(idle);
}

static void kick(struct prober *prober)
{
	uv_idle_start(&prober->idle, on_idle);
}

/* All addresses are known. */
static void call_all(struct host *host)
{
	struct mx_host *found = host->found;
	struct prober *prober = host->prober;

	if (!prober->options->smtp || found->count == 0)
		return;
	host->calls = calloc(found->count, sizeof(*host->calls));
	for (size_t i = 0; host->calls && i < found->count; i++) {
		struct call *call = &host->calls[i];

		list_init(&call->entry.node);
		call->host = host;
		call->at = i;
	}
	for (size_t i = 0; host->calls && i < found->count; i++)
		if (fetch_queue_add(prober->queue, &host->calls[i].entry,
		                    &found->addresses[i].address) == MTS_OK)
			host->left++;
	kick(prober);
}

/* -- look-ups -------------------------------------------------------------- */

static bool add_address(struct host *host, const struct address *address)
{
	struct mx_host *found = host->found;
	struct mx_address *all = reallocarray(
	    found->addresses, found->count + 1, sizeof(*found->addresses));

	if (!all)
		return false;
	found->addresses = all;
	all[found->count++] = (struct mx_address){ .address = *address };
	return true;
}

static void set_reason(struct mx_host *found, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void set_reason(struct mx_host *found, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fault_vtext(found->reason, sizeof(found->reason), format, ap);
	va_end(ap);
}

static void take_addresses(struct host *host, const struct dns_answer *answer)
{
	struct mx_host *found = host->found;
	bool any = host->prober->options->allow_private;
	size_t taken = 0;

	for (size_t i = 0; i < answer->count; i++) {
		if (!any && address_is_special(&answer->addresses[i]))
			found->special++;
		else if (taken < PROBER_FAMILY_MAX &&
		         add_address(host, &answer->addresses[i]))
			taken++;
		else
			found->cut_short = true;
	}
}

static void on_addresses(struct host *host, const struct dns_answer *answer)
{
	struct mx_host *found = host->found;

	if (answer->status == DNS_OK) {
		take_addresses(host, answer);
	} else if (answer->status == DNS_FAILED ||
	           answer->status == DNS_TIMEOUT) {
		found->dns_failed = true;
		set_reason(found, "%s", answer->reason);
	}
	if (!host->a && !host->aaaa)
		call_all(host);
	one_is_over(host);
}

static void on_a(void *arg, const struct dns_answer *answer)
{
	struct host *host = arg;

	host->a = NULL;
	on_addresses(host, answer);
}

static void on_aaaa(void *arg, const struct dns_answer *answer)
{
	struct host *host = arg;

	host->aaaa = NULL;
	on_addresses(host, answer);
}

static void on_tlsa(void *arg, const struct dns_answer *answer)
{
	struct host *host = arg;

	host->tlsa = NULL;
	if (answer->status == DNS_OK || answer->status == DNS_NODATA ||
	    answer->status == DNS_NXDOMAIN)
		host->found->dane = ANSWER_NO;
	if (answer->status == DNS_OK && answer->authenticated)
		for (size_t i = 0; i < answer->count; i++)
			if (dane_tlsa_is_usable(answer->texts[i]))
				host->found->dane = ANSWER_YES;
	one_is_over(host);
}

/* The addresses that --connect gives, instead of DNS. */
static bool take_connects(struct host *host)
{
	const struct probe_options *options = host->prober->options;
	bool found = false;

	for (size_t i = 0; i < options->connect_count; i++) {
		const struct probe_connect *connect = &options->connects[i];

		if (strcmp(connect->host, host->found->name) == 0)
			found |= add_address(host, &connect->address);
	}
	return found;
}

static void ask_tlsa(struct host *host)
{
	struct secure_dns *dns = probe_dnssec(host->prober->options);
	struct dns_name base, name;

	if (dns && dns_name_parse(host->found->name, &base) == MTS_OK &&
	    dns_name_prepend("_25._tcp", &base, &name) &&
	    secure_dns_ask(dns, &name, GETDNS_RRTYPE_TLSA, on_tlsa, host,
	                   &host->tlsa) == MTS_OK)
		host->left++;
}

static void start(struct host *host)
{
	const struct probe_options *options = host->prober->options;
	const char *name = host->found->name;

	host->left = 1; /* this very call */
	ask_tlsa(host);
	if (take_connects(host)) {
		call_all(host);
		return;
	}
	if (options->ipv4 &&
	    resolver_a(options->resolver, name, on_a, host, &host->a) == MTS_OK)
		host->left++;
	if (options->ipv6 && resolver_aaaa(options->resolver, name, on_aaaa,
	                                   host, &host->aaaa) == MTS_OK)
		host->left++;
	if (!host->a && !host->aaaa)
		set_reason(host->found, "it is no host name");
}

/* -- hosts ----------------------------------------------------------------- */

static struct host *host_new(struct prober *prober, const char *name)
{
	struct host *host = calloc(1, sizeof(*host));

	if (!host)
		return NULL;
	host->found = calloc(1, sizeof(*host->found));
	if (!host->found) {
		free(host);
		return NULL;
	}
	host->prober = prober;
	host->found->references = 1;
	snprintf(host->found->name, sizeof(host->found->name), "%s", name);
	host->node.key = host->found->name;
	host->node.key_len = strlen(host->found->name);
	list_init(&host->wishes);
	list_init(&host->link);
	list_append(&prober->busy, &host->link);
	map_insert(prober->hosts, &host->node);
	return host;
}

int prober_ask(struct prober *prober, const char *name,
               struct prober_wish *wish, struct mx_host **ret)
{
	struct map_node *node = map_find(prober->hosts, name, strlen(name));
	struct host *host = NULL;

	*ret = NULL;
	list_init(&wish->node);
	wish->first = !node;
	if (node) {
		host = container_of(node, struct host, node);
	} else {
		host = host_new(prober, name);
		if (!host)
			return MTS_ENOMEM;
		start(host);
		one_is_over(host); /* nobody waits for it yet */
	}
	if (host->left > 0) {
		list_append(&host->wishes, &wish->node);
		return MTS_OK;
	}
	list_remove(&host->link);
	list_append(&prober->kept, &host->link);
	host->found->references++;
	*ret = host->found;
	return MTS_OK;
}

void prober_forget(struct prober_wish *wish)
{
	if (wish->node.next)
		list_remove(&wish->node);
}

/* -- the prober ------------------------------------------------------------ */

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

int prober_new(const struct probe_options *options, struct prober **ret)
{
	struct prober *prober = calloc(1, sizeof(*prober));
	int status;

	if (!prober)
		return MTS_ENOMEM;
	prober->options = options;
	list_init(&prober->busy);
	list_init(&prober->kept);
	prober->hosts = map_new();
	status =
	    prober->hosts ? dialer_new(options, &prober->dialer) : MTS_ENOMEM;
	if (status == MTS_OK)
		status = fetch_queue_new(PROBER_NETWORK_MAX, &prober->queue);
	if (status != MTS_OK) {
		dialer_free(&prober->dialer);
		map_free(&prober->hosts);
		free(prober);
		return status;
	}
	uv_idle_init(resolver_loop(options->resolver), &prober->idle);
	prober->idle.data = prober;
	*ret = prober;
	return MTS_OK;
}

static void free_all(struct list *hosts)
{
	list_each_safe (node, hosts)
		host_free(container_of(node, struct host, link));
}

void prober_close(struct prober **prober)
{
	struct prober *p = *prober;

	if (!p)
		return;
	*prober = NULL;
	free_all(&p->busy);
	free_all(&p->kept);
	map_free(&p->hosts);
	fetch_queue_free(&p->queue);
	dialer_free(&p->dialer);
	uv_close((uv_handle_t *)&p->idle, on_closed);
}
