/* SPDX-License-Identifier: BSD-2-Clause */
/* resolver.c - look-ups: which server is asked, when, and for what.
 *
 * A look-up's life: the first server is asked. Every RESOLVER_TRY_MS without an
 * answer the next one is asked too (the same again if it is the only one, since
 * a packet may be lost), and whoever answers first, of all that were asked,
 * wins. A server that says SERVFAIL or nonsense is out of this look-up, and the
 * next is asked at once. If an answer ends in a CNAME whose target it says
 * nothing about, all begins again with that name. The options' time-out is over
 * all of it. */
#include "net/resolver.h"

#include "base/list.h"
#include "net/server_set.h"
#include "net/turns.h"
#include "sts/domain.h"

#include <getdns/getdns.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	RESOLVER_TRY_MS = 1000, /* a server's time before the next is asked */
	RESOLVER_TRIES_MAX = 8, /* questions out for one look-up */
	/* Look-ups with a question out; others wait for their turn. Each costs
	 * a descriptor and some 10 KiB. */
	RESOLVER_ASKING_MAX = 512,
};

struct resolver {
	uv_loop_t *loop;
	uint64_t timeout_ms;
	struct turns *turns;
	struct stub *stub;
	struct server_source source;
	struct list queries;
	struct list waiting; /* of queries that have not begun */
	struct turn room;    /* for one of them */
	size_t questions;    /* that are out */
	size_t questions_max;
};

/* One question to one server. */
struct dns_try {
	struct dns_query *query;
	unsigned server; /* in the set */
	enum stub_transport transport;
	struct stub_question *question; /* NULL: over */
};

struct dns_query {
	struct list node;    /* in the resolver's queries */
	struct list waiting; /* in its list of those that wait, or in none */
	struct resolver *resolver;
	uv_timer_t timer; /* the next try, or the end */
	uint64_t deadline_ms;
	struct server_set *set;
	unsigned order[SERVERS_MAX];
	size_t next;   /* in order */
	unsigned dead; /* servers that are out: a bit each */
	struct dns_try tries[RESOLVER_TRIES_MAX];
	size_t try_count;
	struct dns_name name; /* as asked, then its CNAME's */
	uint16_t type;
	bool dnssec;
	bool authenticated; /* so far */
	unsigned hops;
	uint32_t alias_ttl_s;         /* the least of the CNAMEs so far */
	char reason[DNS_REASON + 80]; /* the last failure */
	dns_callback *callback;
	void *arg;
};

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

/* -- the end of a look-up -------------------------------------------------- */

static void on_timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static bool has_room(const struct resolver *resolver)
{
	size_t most = RESOLVER_ASKING_MAX;

	if (resolver->questions_max && resolver->questions_max < most)
		most = resolver->questions_max;
	return resolver->questions < most;
}

/* In its turn: to ask takes getdns and the system 50 microseconds. */
static void kick(struct resolver *resolver)
{
	if (!list_empty(&resolver->waiting) && has_room(resolver))
		turns_add_new(resolver->turns, &resolver->room);
}

static void drop_tries(struct dns_query *query)
{
	for (size_t i = 0; i < query->try_count; i++) {
		if (query->tries[i].question)
			query->resolver->questions--;
		stub_cancel(&query->tries[i].question);
	}
	query->try_count = 0;
}

/* After this the resolver may go; the memory stays until the timer is
 * closed. */
static void detach(struct dns_query *query)
{
	drop_tries(query);
	list_remove(&query->node);
	list_remove(&query->waiting);
	kick(query->resolver);
	server_set_unref(&query->set);
	query->resolver = NULL;
	uv_close((uv_handle_t *)&query->timer, on_timer_closed);
}

static void finish(struct dns_query *query, const struct dns_answer *answer)
{
	detach(query);
	query->callback(query->arg, answer);
}

static void fail(struct dns_query *query, enum dns_status status,
                 const char *reason)
{
	struct dns_answer answer = { .status = status, .reason = reason };

	finish(query, &answer);
}

static void time_out(struct dns_query *query)
{
	char reason[sizeof(query->reason) + 160];

	snprintf(reason, sizeof(reason),
	         "no answer within %llu ms from %s%s%s%s",
	         (unsigned long long)query->resolver->timeout_ms,
	         stub_server_text(query->set->servers[0]),
	         query->set->count > 1 ? " and the other servers" : "",
	         *query->reason ? "; " : "", query->reason);
	fail(query, DNS_TIMEOUT, reason);
}

static void succeed(struct dns_query *query, const struct dns_reply *reply)
{
	static const struct {
		enum dns_status status;
		const char *reason;
	} kinds[] = {
		[DNS_REPLY_RECORDS] = { DNS_OK, "found" },
		[DNS_REPLY_NODATA] = { DNS_NODATA,
		                       "the name has no such record" },
		[DNS_REPLY_NXDOMAIN] = { DNS_NXDOMAIN,
		                         "the name does not exist" },
	};
	struct dns_answer answer = {
		.status = kinds[reply->kind].status,
		.ttl_s = reply->ttl_s < query->alias_ttl_s ? reply->ttl_s
		                                           : query->alias_ttl_s,
		.count = reply->count,
		.texts = reply->texts,
		.addresses = reply->addresses,
		.reason = kinds[reply->kind].reason,
		.authenticated = query->authenticated && reply->authenticated,
		.hops = query->hops + reply->hops,
		.end = &reply->alias,
		.cut = reply->cut,
	};

	finish(query, &answer);
}

/* -- trying ---------------------------------------------------------------- */

static void on_reply(void *arg, const struct dns_reply *reply);

/* The next server that is not out; false: all are. */
static bool pick_server(struct dns_query *query, unsigned *ret)
{
	for (size_t i = 0; i < query->set->count; i++) {
		unsigned server = query->order[query->next];

		query->next = (query->next + 1) % query->set->count;
		if (!(query->dead & 1u << server)) {
			*ret = server;
			return true;
		}
	}
	return false;
}

/* Each question takes a descriptor. When they run short, what has none out comes
 * before what asks again. */
static bool may_ask(const struct dns_query *query)
{
	const struct resolver *resolver = query->resolver;

	if (resolver->questions_max == 0)
		return true;
	for (size_t i = 0; i < query->try_count; i++)
		if (query->tries[i].question)
			return resolver->questions <
			       resolver->questions_max / 2;
	return resolver->questions < resolver->questions_max;
}

static int ask(struct dns_try *try)
{
	struct dns_query *query = try->query;
	struct stub_server *server = query->set->servers[try->server];
	int status = MTS_EFULL;

	/* By TCP it takes the place of a question that has just ended. */
	if (try->transport == STUB_TCP || may_ask(query))
		status =
		    stub_ask(server, try->transport, &query->name, query->type,
		             query->dnssec, on_reply, try, &try->question);
	if (status == MTS_OK)
		query->resolver->questions++;
	else
		snprintf(query->reason, sizeof(query->reason),
		         "%s can't be asked: %s", stub_server_text(server),
		         status == MTS_ESYS    ? "no file descriptor is left"
		         : status == MTS_EFULL ? "too many questions are out"
		                               : mts_status_text(status));
	return status;
}

/* Asks the next server. What can't be asked now, is when the timer comes. */
static void try_next(struct dns_query *query)
{
	struct dns_try *try = &query->tries[query->try_count];

	if (query->try_count == RESOLVER_TRIES_MAX ||
	    !pick_server(query, &try->server))
		return;
	try->query = query;
	try->transport = STUB_UDP;
	try->question = NULL;
	if (ask(try) == MTS_OK)
		query->try_count++;
}

static void on_timer(uv_timer_t *handle);

static void set_timer(struct dns_query *query)
{
	uint64_t now_ms = uv_now(query->resolver->loop);
	uint64_t left_ms =
	    query->deadline_ms > now_ms ? query->deadline_ms - now_ms : 0;
	uint64_t step_ms = query->resolver->timeout_ms / RESOLVER_TRIES_MAX;

	if (step_ms < RESOLVER_TRY_MS)
		step_ms = RESOLVER_TRY_MS;
	uv_timer_start(&query->timer, on_timer,
	               left_ms < step_ms ? left_ms : step_ms, 0);
}

/* Whoever has not answered by now is not asked first for a while. */
static void mark_silent(struct dns_query *query)
{
	uint64_t until_ms = uv_now(query->resolver->loop) + SERVER_AVOID_MS;

	for (size_t i = 0; i < query->try_count; i++)
		if (query->tries[i].question)
			query->set->avoid_until_ms[query->tries[i].server] =
			    until_ms;
}

static void on_timer(uv_timer_t *handle)
{
	struct dns_query *query = handle->data;

	mark_silent(query);
	if (uv_now(query->resolver->loop) >= query->deadline_ms) {
		time_out(query);
		return;
	}
	try_next(query);
	set_timer(query);
}

/* Begins with the name, from the first server on. */
static void begin(struct dns_query *query)
{
	drop_tries(query);
	query->dead = 0;
	query->next = 0;
	server_set_order(query->set, uv_now(query->resolver->loop),
	                 query->order);
	try_next(query);
	set_timer(query);
}

/* The time-out does not count the wait: those who wait for the look-up have a
 * time-out of their own. */
static void on_room(struct turn *turn)
{
	struct resolver *resolver = container_of(turn, struct resolver, room);
	struct list *first = list_first(&resolver->waiting);
	struct dns_query *query;

	if (!first || !has_room(resolver))
		return;
	query = container_of(first, struct dns_query, waiting);
	list_remove(&query->waiting);
	query->deadline_ms = uv_now(resolver->loop) + resolver->timeout_ms;
	begin(query);
	kick(resolver);
}

/* -- replies --------------------------------------------------------------- */

static void on_bad(struct dns_try *try, const char *reason)
{
	struct dns_query *query = try->query;

	snprintf(query->reason, sizeof(query->reason), "server %s: %s",
	         stub_server_text(query->set->servers[try->server]), reason);
	query->dead |= 1u << try->server;
	if (query->dead == (1u << query->set->count) - 1) {
		fail(query, DNS_FAILED, query->reason);
		return;
	}
	try_next(query);
	set_timer(query);
}

static void on_alias(struct dns_query *query, const struct dns_reply *reply)
{
	query->hops += reply->hops;
	query->authenticated = query->authenticated && reply->authenticated;
	if (reply->ttl_s < query->alias_ttl_s)
		query->alias_ttl_s = reply->ttl_s;
	if (query->hops >= DNS_HOPS_MAX) {
		snprintf(query->reason, sizeof(query->reason),
		         "a loop of CNAMEs, or more than %d", DNS_HOPS_MAX);
		fail(query, DNS_FAILED, query->reason);
		return;
	}
	query->name = reply->alias;
	begin(query);
}

static void on_reply(void *arg, const struct dns_reply *reply)
{
	struct dns_try *try = arg;
	struct dns_query *query = try->query;

	try->question = NULL;
	query->resolver->questions--;
	query->set->avoid_until_ms[try->server] = 0;
	switch (reply->kind) {
	case DNS_REPLY_RECORDS:
	case DNS_REPLY_NODATA:
	case DNS_REPLY_NXDOMAIN:
		succeed(query, reply);
		return;
	case DNS_REPLY_ALIAS:
		on_alias(query, reply);
		return;
	case DNS_REPLY_TCP:
		try->transport = STUB_TCP;
		if (ask(try) == MTS_OK)
			set_timer(query);
		else
			on_bad(try, "can't be asked by TCP");
		return;
	case DNS_REPLY_BAD:
		on_bad(try, reply->reason);
		return;
	}
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
	turn_init(&resolver->room, on_room);
	resolver->loop = options->loop;
	resolver->timeout_ms = options->timeout_ms;
	resolver->questions_max = options->questions_max;
	status = turns_ref(options->loop, &resolver->turns);
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
	turn_cancel(&r->room);
	turns_unref(&r->turns);
	server_source_close(&r->source);
	stub_close(&r->stub);
	free(r);
}

const char *resolver_servers(const struct resolver *resolver)
{
	return resolver->source.text;
}

size_t resolver_get_servers(struct resolver *resolver,
                            struct resolver_server ret[RESOLVER_SERVERS_MAX])
{
	struct server_set *set = server_source_get(&resolver->source);
	size_t count = set->count;

	for (size_t i = 0; i < count; i++)
		stub_server_address(set->servers[i], &ret[i].address,
		                    &ret[i].port);
	server_set_unref(&set);
	return count;
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
	kick(resolver);
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

void dns_query_cancel(struct dns_query **query)
{
	if (!*query)
		return;
	detach(*query);
	*query = NULL;
}
