/* SPDX-License-Identifier: BSD-2-Clause */
/* resolver.c - look-ups: which of them have begun, and which wait for that. How
 * one goes on is told in dns_query.c. */
#include "dns/resolver_internal.h"

#include "sts/domain.h"

#include <getdns/getdns.h>
#include <stdio.h>
#include <stdlib.h>

/* Look-ups with a question out; others wait for their turn. Each costs a
 * descriptor and some 4 KiB. */
enum { RESOLVER_ASKING_MAX = 512 };

const char *dns_status_text(enum dns_status status)
{
	switch (status) {
	case DNS_OK:
		return "ok";
	case DNS_NODATA:
		return "nodata";
	case DNS_NXDOMAIN:
		return "nxdomain";
	case DNS_FAILED:
		return "failed";
	case DNS_TIMEOUT:
		return "timeout";
	}
	return "unknown";
}

/* -- waiting --------------------------------------------------------------- */

static bool has_room(const struct resolver *resolver)
{
	size_t most = RESOLVER_ASKING_MAX;

	if (resolver->questions_max && resolver->questions_max < most)
		most = resolver->questions_max;
	return resolver->questions < most;
}

/* In its turn: to ask takes the system 10 microseconds. */
void resolver_kick(struct resolver *resolver)
{
	if (!list_empty(&resolver->waiting) && has_room(resolver))
		work_queue_add_new(resolver->work_queue, &resolver->room);
}

/* The time-out does not count the wait: those who wait for the look-up have a
 * time-out of their own. */
static void on_room(struct work_item *work_item)
{
	struct resolver *resolver =
	    container_of(work_item, struct resolver, room);
	struct list *first = list_first(&resolver->waiting);
	struct dns_query *query;

	if (!first || !has_room(resolver))
		return;
	query = container_of(first, struct dns_query, waiting);
	list_remove(&query->waiting);
	query->deadline_ms = uv_now(resolver->loop) + resolver->timeout_ms;
	dns_query_begin(query);
	resolver_kick(resolver);
}

_Static_assert((int)RESOLVER_SERVERS_MAX == (int)SERVERS_MAX,
               "every server is told");

/* -- the resolver ---------------------------------------------------------- */

int resolver_new(const struct resolver_options *options, struct resolver **ret,
                 struct fault *why)
{
	struct resolver *resolver = calloc(1, sizeof(*resolver));
	int status;

	if (!resolver)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	list_init(&resolver->queries);
	list_init(&resolver->waiting);
	work_item_init(&resolver->room, on_room);
	resolver->loop = options->loop;
	resolver->timeout_ms = options->timeout_ms;
	resolver->questions_max = options->questions_max;
	status = work_queue_ref(options->loop, &resolver->work_queue);
	if (status == MTS_OK)
		status = stub_new(options->loop, &resolver->stub);
	if (status != MTS_OK) {
		fault_set(why, status, "out of memory");
		goto out;
	}
	status = server_source_init(
	    &resolver->source, options->loop, resolver->stub, options->servers,
	    options->server_count, options->resolv_conf, why);
out:
	if (status != MTS_OK)
		resolver_close(&resolver);
	else
		*ret = resolver;
	return status;
}

int resolver_prepare(struct resolver *resolver,
                     const struct resolver_options *options, struct fault *why)
{
	int status = server_source_init(
	    &resolver->next, options->loop, resolver->stub, options->servers,
	    options->server_count, options->resolv_conf, why);

	if (status != MTS_OK)
		server_source_close(&resolver->next);
	else
		resolver->next_options = *options;
	return status;
}

void resolver_settle(struct resolver *resolver, bool good)
{
	struct server_source next = resolver->next;

	if (!next.set)
		return;
	resolver->next = (struct server_source){ .set = NULL };
	if (!good) {
		server_source_close(&next);
		return;
	}
	server_source_close(&resolver->source);
	resolver->source = next;
	resolver->timeout_ms = resolver->next_options.timeout_ms;
	resolver->questions_max = resolver->next_options.questions_max;
	resolver_kick(resolver);
}

void resolver_close(struct resolver **resolver)
{
	struct resolver *r = *resolver;

	if (!r)
		return;
	*resolver = NULL;
	list_each_safe (node, &r->queries) {
		struct dns_query *query =
		    container_of(node, struct dns_query, node);

		dns_query_cancel(&query);
	}
	work_item_cancel(&r->room);
	work_queue_unref(&r->work_queue);
	server_source_close(&r->source);
	server_source_close(&r->next);
	stub_close(&r->stub);
	free(r);
}

const char *resolver_servers(const struct resolver *resolver)
{
	return resolver->source.text;
}

const char *resolver_next_text(const struct resolver *resolver)
{
	return resolver->next.text;
}

void resolver_look(struct resolver *resolver)
{
	struct server_set *set = server_source_get(&resolver->source);

	server_set_unref(&set);
}

static size_t get_servers(struct server_source *source,
                          struct resolver_server ret[RESOLVER_SERVERS_MAX])
{
	struct server_set *set = server_source_get(source);
	size_t count = set->count;

	for (size_t i = 0; i < count; i++)
		stub_server_address(set->servers[i], &ret[i].address,
		                    &ret[i].port);
	server_set_unref(&set);
	return count;
}

size_t resolver_get_servers(struct resolver *resolver,
                            struct resolver_server ret[RESOLVER_SERVERS_MAX])
{
	return get_servers(&resolver->source, ret);
}

size_t resolver_next_servers(struct resolver *resolver,
                             struct resolver_server ret[RESOLVER_SERVERS_MAX])
{
	return get_servers(&resolver->next, ret);
}

uv_loop_t *resolver_loop(const struct resolver *resolver)
{
	return resolver->loop;
}

/* -- look-ups -------------------------------------------------------------- */

static bool name_is_good(const char *name)
{
	static const char prefix[] = "_mta-sts.";
	size_t len = strlen(name);
	size_t skip =
	    strncmp(name, prefix, strlen(prefix)) == 0 ? strlen(prefix) : 0;

	return len <= DOMAIN_MAX && domain_is_name(name + skip, len - skip);
}

int resolver_ask(struct resolver *resolver, const struct dns_name *name,
                 uint16_t type, bool dnssec, dns_callback *callback, void *arg,
                 struct dns_query **ret)
{
	struct dns_query *query = calloc(1, sizeof(*query));

	if (!query)
		return MTS_ENOMEM;
	query->resolver = resolver;
	query->name = *name;
	query->type = type;
	query->dnssec = dnssec;
	query->authenticated = dnssec;
	query->callback = callback;
	query->arg = arg;
	query->alias_ttl_s = UINT32_MAX;
	query->set = server_source_get(&resolver->source);
	uv_timer_init(resolver->loop, &query->timer);
	query->timer.data = query;
	list_append(&resolver->queries, &query->node);
	list_append(&resolver->waiting, &query->waiting);
	resolver_kick(resolver);
	*ret = query;
	return MTS_OK;
}

static int look_up(struct resolver *resolver, const char *name, uint16_t type,
                   dns_callback *callback, void *arg, struct dns_query **ret)
{
	struct dns_name wire;
	int status;

	if (!name_is_good(name))
		return MTS_ESYNTAX;
	status = dns_name_parse(name, &wire);
	if (status != MTS_OK)
		return status;
	return resolver_ask(resolver, &wire, type, false, callback, arg, ret);
}

int resolver_txt(struct resolver *resolver, const char *name,
                 dns_callback *callback, void *arg, struct dns_query **ret)
{
	return look_up(resolver, name, GETDNS_RRTYPE_TXT, callback, arg, ret);
}

int resolver_a(struct resolver *resolver, const char *name,
               dns_callback *callback, void *arg, struct dns_query **ret)
{
	return look_up(resolver, name, GETDNS_RRTYPE_A, callback, arg, ret);
}

int resolver_aaaa(struct resolver *resolver, const char *name,
                  dns_callback *callback, void *arg, struct dns_query **ret)
{
	return look_up(resolver, name, GETDNS_RRTYPE_AAAA, callback, arg, ret);
}
