/* SPDX-License-Identifier: BSD-2-Clause */
/* prober.c - calls MX hosts, each of them only once.
 *
 * While a host is probed it is a flight (lookup/flight.h), which every domain that
 * names it joins. A, AAAA and TLSA records are asked for side by side. Then each
 * address waits in a queue that is fair to networks, and is called. When the last
 * query and call have ended, the result is remembered and all waiters get it. */
#include "probe/prober.h"

#include "base/map.h"
#include "discover/dane_rules.h"
#include "https/fetch_queue.h"
#include "probe/dial.h"

#include <getdns/getdns.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { SMTP_PORT_25 = 25 };

struct prober {
	const struct probe_options *options;
	struct dialer *dialer;
	struct flights *flights; /* hosts under way, by name */
	struct fetch_queue *queue;
	uv_idle_t idle; /* starts calls from the queue */
	size_t calls;
	struct map *results; /* by name */
	struct list recent;  /* the results, least recently used first */
	size_t result_count;
};

/* One address of a host, waiting in the queue or being called. */
struct host_call {
	struct queue_entry entry;
	struct host *host;
	size_t at; /* in the host's addresses */
	struct dial *dial;
};

/* A host that is being probed. */
struct host {
	struct flight flight;
	struct prober *prober;
	struct mx_host *found;
	struct dns_query *a, *aaaa;
	struct secure_query *tlsa;
	size_t steps; /* queries and calls that are not over */
	struct host_call *calls;
};

/* A host that has been probed. */
struct host_result {
	struct map_node node;
	struct list link; /* in the prober's recent */
	struct mx_host *found;
};

/* -- results --------------------------------------------------------------- */

static void result_free(struct prober *prober, struct host_result *result)
{
	map_remove(prober->results, &result->node);
	list_remove(&result->link);
	prober->result_count--;
	mx_host_unref(&result->found);
	free(result);
}

/* Remembers FOUND. If memory runs out, the host is probed again when asked for. */
static void result_add(struct prober *prober, struct mx_host *found)
{
	struct host_result *result = calloc(1, sizeof(*result));

	if (!result)
		return;
	found->references++;
	result->found = found;
	result->node.key = found->name;
	result->node.key_len = strlen(found->name);
	map_insert(prober->results, &result->node);
	list_append(&prober->recent, &result->link);
	if (prober->result_count++ >= PROBER_RESULTS_MAX)
		result_free(prober, container_of(list_first(&prober->recent),
		                                 struct host_result, link));
}

/* A new reference to the result for NAME, or NULL. */
static struct mx_host *result_find(struct prober *prober, const char *name)
{
	struct map_node *node = map_find(prober->results, name, strlen(name));
	struct host_result *result;

	if (!node)
		return NULL;
	result = container_of(node, struct host_result, node);
	list_remove(&result->link);
	list_append(&prober->recent, &result->link);
	result->found->references++;
	return result->found;
}

/* -- a host ---------------------------------------------------------------- */

/* Frees a host whose flight has ended or was dropped. */
static void host_free(struct host *host)
{
	for (size_t i = 0; host->calls && i < host->found->count; i++) {
		dial_cancel(&host->calls[i].dial);
		fetch_queue_leave(host->prober->queue, &host->calls[i].entry);
	}
	dns_query_cancel(&host->a);
	dns_query_cancel(&host->aaaa);
	secure_query_cancel(&host->tlsa);
	mx_host_unref(&host->found);
	free(host->calls);
	free(host);
}

static void host_on_drop(struct flight *flight)
{
	host_free(container_of(flight, struct host, flight));
}

/* With the last step the result is complete. */
static void host_end_step(struct host *host)
{
	struct mx_host *found = host->found;

	if (--host->steps > 0)
		return;
	result_add(host->prober, found);
	flight_end(&host->flight, &found);
	host_free(host);
}

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
	return host;
}

static void host_set_reason(struct mx_host *found, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void host_set_reason(struct mx_host *found, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fault_vtext(found->reason, sizeof(found->reason), format, ap);
	va_end(ap);
}

/* -- calls ----------------------------------------------------------------- */

static void prober_wake(struct prober *prober);

static void call_on_dial(void *arg, struct mx_address *result)
{
	struct host_call *call = arg;
	struct host *host = call->host;
	struct prober *prober = host->prober;

	call->dial = NULL;
	host->found->addresses[call->at] = *result;
	result->view = NULL;
	prober->calls--;
	fetch_queue_leave(prober->queue, &call->entry);
	prober_wake(prober);
	host_end_step(host);
}

static void call_start(struct host_call *call)
{
	struct host *host = call->host;
	struct prober *prober = host->prober;
	struct mx_address *address = &host->found->addresses[call->at];

	prober->calls++;
	if (dial_start(prober->dialer, host->found->name, &address->address,
	               SMTP_PORT_25, true, call_on_dial, call,
	               &call->dial) == MTS_OK)
		return;
	prober->calls--;
	fetch_queue_leave(prober->queue, &call->entry);
	snprintf(address->error, sizeof(address->error), "out of memory");
	host_end_step(host);
}

/* Starts one call from the queue, if one may start. */
static void prober_on_idle(uv_idle_t *idle)
{
	struct prober *prober = idle->data;
	struct queue_entry *entry = NULL;

	if (prober->calls < PROBER_CALLS_MAX)
		entry = fetch_queue_take(prober->queue);
	if (entry)
		call_start(container_of(entry, struct host_call, entry));
	else
		uv_idle_stop(idle);
}

static void prober_wake(struct prober *prober)
{
	uv_idle_start(&prober->idle, prober_on_idle);
}

/* Queues a call for each address, once all addresses are known. */
static void host_queue_calls(struct host *host)
{
	struct mx_host *found = host->found;
	struct prober *prober = host->prober;

	if (!prober->options->smtp || found->count == 0)
		return;
	host->calls = calloc(found->count, sizeof(*host->calls));
	for (size_t i = 0; host->calls && i < found->count; i++) {
		struct host_call *call = &host->calls[i];

		list_init(&call->entry.node);
		call->host = host;
		call->at = i;
	}
	for (size_t i = 0; host->calls && i < found->count; i++)
		if (fetch_queue_add(prober->queue, &host->calls[i].entry,
		                    &found->addresses[i].address) == MTS_OK)
			host->steps++;
	prober_wake(prober);
}

/* -- DNS ------------------------------------------------------------------- */

static bool host_add_address(struct host *host, const struct address *address)
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

static void host_add_addresses(struct host *host,
                               const struct dns_answer *answer)
{
	struct mx_host *found = host->found;
	bool any = host->prober->options->allow_private;
	size_t taken = 0;

	for (size_t i = 0; i < answer->count; i++) {
		if (!any && address_is_special(&answer->addresses[i]))
			found->special++;
		else if (taken < PROBER_FAMILY_MAX &&
		         host_add_address(host, &answer->addresses[i]))
			taken++;
		else
			found->cut_short = true;
	}
}

static void host_on_addresses(struct host *host,
                              const struct dns_answer *answer)
{
	struct mx_host *found = host->found;

	if (answer->status == DNS_OK) {
		host_add_addresses(host, answer);
	} else if (answer->status == DNS_FAILED ||
	           answer->status == DNS_TIMEOUT) {
		found->dns_failed = true;
		host_set_reason(found, "%s", answer->reason);
	}
	if (!host->a && !host->aaaa)
		host_queue_calls(host);
	host_end_step(host);
}

static void host_on_a(void *arg, const struct dns_answer *answer)
{
	struct host *host = arg;

	host->a = NULL;
	host_on_addresses(host, answer);
}

static void host_on_aaaa(void *arg, const struct dns_answer *answer)
{
	struct host *host = arg;

	host->aaaa = NULL;
	host_on_addresses(host, answer);
}

static void host_on_tlsa(void *arg, const struct dns_answer *answer)
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
	host_end_step(host);
}

static void host_ask_tlsa(struct host *host)
{
	struct secure_dns *dns = probe_dnssec(host->prober->options);
	struct dns_name base, name;

	if (dns && dns_name_parse(host->found->name, &base) == MTS_OK &&
	    dns_name_prepend("_25._tcp", &base, &name) &&
	    secure_dns_ask(dns, &name, GETDNS_RRTYPE_TLSA, host_on_tlsa, host,
	                   &host->tlsa) == MTS_OK)
		host->steps++;
}

/* True if --connect gives addresses of the host: DNS is not asked. */
static bool host_use_connects(struct host *host)
{
	const struct probe_options *options = host->prober->options;
	bool found = false;

	for (size_t i = 0; i < options->connect_count; i++) {
		const struct probe_connect *connect = &options->connects[i];

		if (strcmp(connect->host, host->found->name) == 0)
			found |= host_add_address(host, &connect->address);
	}
	return found;
}

/* Begins a step, which the caller ends, and every query or call that can start
 * now. */
static void host_start(struct host *host)
{
	const struct probe_options *options = host->prober->options;
	const char *name = host->found->name;

	host->steps = 1;
	host_ask_tlsa(host);
	if (host_use_connects(host)) {
		host_queue_calls(host);
		return;
	}
	if (options->ipv4 && resolver_a(options->resolver, name, host_on_a,
	                                host, &host->a) == MTS_OK)
		host->steps++;
	if (options->ipv6 &&
	    resolver_aaaa(options->resolver, name, host_on_aaaa, host,
	                  &host->aaaa) == MTS_OK)
		host->steps++;
	if (!host->a && !host->aaaa)
		host_set_reason(host->found, "it is not a host name");
}

/* -- askers ---------------------------------------------------------------- */

static void wish_on_result(struct flight_waiter *waiter, const void *result)
{
	struct prober_wish *wish =
	    container_of(waiter, struct prober_wish, waiter);
	struct mx_host *found = *(struct mx_host *const *)result;

	found->references++;
	wish->callback(wish->arg, found);
}

/* Probes a host that is not under way. If there is nothing to do for it, the
 * result is there at once. */
static int prober_start(struct prober *prober, const char *name,
                        struct prober_wish *wish, struct mx_host **ret)
{
	struct host *host = host_new(prober, name);
	int status = MTS_OK;

	if (!host)
		return MTS_ENOMEM;
	status = flight_start(prober->flights, &host->flight, host->found->name,
	                      strlen(host->found->name));
	if (status != MTS_OK) {
		host_free(host);
		return status;
	}
	host_start(host);
	if (host->steps > 1) {
		status = flight_join(&host->flight, &wish->waiter, 0,
		                     wish_on_result);
	} else {
		host->found->references++;
		*ret = host->found;
	}
	host_end_step(host);
	return status;
}

int prober_ask(struct prober *prober, const char *name,
               struct prober_wish *wish, struct mx_host **ret)
{
	struct flight *flight;

	wish->first = false;
	*ret = result_find(prober, name);
	if (*ret)
		return MTS_OK;
	flight = flights_find(prober->flights, name, strlen(name));
	if (flight)
		return flight_join(flight, &wish->waiter, 0, wish_on_result);
	wish->first = true;
	return prober_start(prober, name, wish, ret);
}

void prober_forget(struct prober_wish *wish)
{
	flight_leave(&wish->waiter);
}

/* -- the prober ------------------------------------------------------------ */

static void prober_on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

int prober_new(const struct probe_options *options, struct prober **ret)
{
	uv_loop_t *loop = resolver_loop(options->resolver);
	struct prober *prober = calloc(1, sizeof(*prober));
	int status = MTS_ENOMEM;

	if (!prober)
		return MTS_ENOMEM;
	prober->options = options;
	list_init(&prober->recent);
	prober->results = map_new();
	prober->flights = flights_new(loop, SIZE_MAX);
	if (prober->results && prober->flights)
		status = dialer_new(options, &prober->dialer);
	if (status == MTS_OK)
		status = fetch_queue_new(PROBER_NETWORK_MAX, &prober->queue);
	if (status != MTS_OK) {
		dialer_free(&prober->dialer);
		flights_close(&prober->flights, host_on_drop);
		map_free(&prober->results);
		free(prober);
		return status;
	}
	uv_idle_init(loop, &prober->idle);
	prober->idle.data = prober;
	*ret = prober;
	return MTS_OK;
}

void prober_close(struct prober **prober)
{
	struct prober *p = *prober;

	if (!p)
		return;
	*prober = NULL;
	flights_close(&p->flights, host_on_drop);
	list_each_safe (node, &p->recent)
		result_free(p, container_of(node, struct host_result, link));
	map_free(&p->results);
	fetch_queue_free(&p->queue);
	dialer_free(&p->dialer);
	uv_close((uv_handle_t *)&p->idle, prober_on_closed);
}
