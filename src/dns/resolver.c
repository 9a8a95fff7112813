/* SPDX-License-Identifier: BSD-2-Clause */
/* resolver.c - DNS look-ups: which server is asked, when, and for what.
 *
 * A look-up first waits in a queue until the resolver may send more questions. Then
 * it asks the first server by UDP. Every TRY_MS without an answer it asks the next
 * server, too (the same one again if there is no other, since a packet may be lost),
 * and the first good answer wins. A server that says SERVFAIL or sends nonsense is
 * not asked again by this look-up, and the next one is asked at once.
 *
 * An answer that does not fit into a datagram is asked for again by TCP, with one
 * question a look-up at a time (see query_ask_tcp()). An answer that ends in a CNAME
 * without saying anything about its target starts the search again with that name.
 *
 * The look-up ends with an answer, when all servers have failed, or at its deadline,
 * which covers everything but the first queue. */
#include "dns/resolver.h"

#include "base/list.h"
#include "base/work_queue.h"
#include "dns/dns_reply.h"
#include "dns/dns_tcp.h"
#include "dns/server_set.h"
#include "sts/domain.h"

#include <arpa/nameser.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	TRY_MS = 1000, /* a server's time before the next is asked */
	TRIES_MAX = 8, /* questions by UDP out for one look-up */

	/* Questions by UDP out at once. Each costs a descriptor and some 4 KiB;
	 * further look-ups wait in the queue. */
	QUESTIONS_MAX = 512,

	HEARD_MS = 30 * 1000, /* a good answer is news for so long */
};

struct resolver {
	uv_loop_t *loop;
	uint64_t timeout_ms;
	size_t questions_max; /* descriptors for UDP and TCP; 0: any number */
	struct work_queue *work_queue;
	struct dns_tcp *tcp;
	struct server_source source;
	struct server_source next; /* between prepare and settle */
	struct resolver_options next_options;
	struct list queries;    /* all look-ups */
	struct list queued;     /* those that have not begun */
	struct work_item begin; /* begins the first of QUEUED */
	size_t questions;       /* that are out by UDP */
	struct resolver_counts counts;
	bool heard;             /* a good answer has ever come, */
	uint64_t heard_ms;      /* the last one at this time */
	bool silent;            /* see resolver_is_silent() */
	struct dns_query *test; /* the one under way; or NULL */
};

/* One question to one server by UDP. */
struct udp_try {
	struct dns_query *query;
	unsigned server;                   /* its index in the set */
	struct dns_udp_question *question; /* NULL: it has ended */
};

struct dns_query {
	struct list node;   /* in resolver.queries */
	struct list queued; /* in resolver.queued, or in none */
	struct resolver *resolver;
	uv_timer_t timer; /* the next try, or the deadline */
	uint64_t deadline_ms;
	struct server_set *set;
	unsigned order[RESOLVER_SERVERS_MAX]; /* to ask them in */
	size_t next;                          /* in ORDER */
	unsigned failed; /* a bit for each server that is not asked again */
	struct udp_try tries[TRIES_MAX];
	size_t try_count;
	struct dns_tcp_question *tcp; /* out or queued; or NULL */
	unsigned tcp_server;          /* TCP goes to this one */
	unsigned tcp_asked;           /* a bit for each server asked by TCP */
	struct dns_name name;         /* as asked, then its CNAME's target */
	uint16_t type;
	bool dnssec;
	bool authenticated; /* every answer so far */
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

/* -- how many questions may be out ----------------------------------------- */

/* A part of the descriptors is for TCP. */
static size_t resolver_udp_max(const struct resolver *resolver)
{
	size_t max = resolver->questions_max;

	return max > (size_t)2 * DNS_TCP_MAX ? max - DNS_TCP_MAX
	                                     : (max + 1) / 2;
}

static bool resolver_may_begin(const struct resolver *resolver)
{
	size_t max = QUESTIONS_MAX;

	if (resolver->questions_max && resolver_udp_max(resolver) < max)
		max = resolver_udp_max(resolver);
	return resolver->questions < max;
}

/* From the work queue: sending a question takes the system 10 microseconds. */
static void resolver_kick(struct resolver *resolver)
{
	if (!list_empty(&resolver->queued) && resolver_may_begin(resolver))
		work_queue_add_new(resolver->work_queue, &resolver->begin);
}

/* When descriptors run short, look-ups without any question out come first. */
static bool query_may_ask(const struct dns_query *query)
{
	const struct resolver *resolver = query->resolver;
	bool has_asked = query->tcp != NULL;

	if (resolver->questions_max == 0)
		return true;
	for (size_t i = 0; i < query->try_count; i++)
		has_asked |= query->tries[i].question != NULL;
	return resolver->questions <
	       resolver_udp_max(resolver) / (has_asked ? 2 : 1);
}

/* -- the end of a look-up -------------------------------------------------- */

static void query_on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void query_drop_questions(struct dns_query *query)
{
	for (size_t i = 0; i < query->try_count; i++) {
		if (query->tries[i].question)
			query->resolver->questions--;
		dns_udp_cancel(&query->tries[i].question);
	}
	query->try_count = 0;
	dns_tcp_cancel(&query->tcp);
}

/* After this the resolver may be closed; the memory stays until the timer's close
 * callback. */
static void query_detach(struct dns_query *query)
{
	query_drop_questions(query);
	list_remove(&query->node);
	list_remove(&query->queued);
	resolver_kick(query->resolver);
	server_set_unref(&query->set);
	query->resolver = NULL;
	uv_close((uv_handle_t *)&query->timer, query_on_closed);
}

static void resolver_count(struct resolver *resolver, enum dns_status status)
{
	resolver->counts.by_status[status]++;
	if (status == DNS_FAILED || status == DNS_TIMEOUT)
		return;
	resolver->heard = true;
	resolver->heard_ms = uv_now(resolver->loop);
	resolver->silent = false;
}

static void query_finish(struct dns_query *query,
                         const struct dns_answer *answer)
{
	resolver_count(query->resolver, answer->status);
	query_detach(query);
	query->callback(query->arg, answer);
}

static void query_fail(struct dns_query *query, enum dns_status status,
                       const char *reason)
{
	struct dns_answer answer = { .status = status, .reason = reason };

	query_finish(query, &answer);
}

static void query_time_out(struct dns_query *query)
{
	char reason[sizeof(query->reason) + 160];

	if (query->tcp && dns_tcp_out_ms(query->tcp) == 0)
		snprintf(query->reason, sizeof(query->reason),
		         "the question was still waiting for one of %d "
		         "connections by TCP",
		         DNS_TCP_MAX);
	snprintf(reason, sizeof(reason),
	         "no answer within %llu ms from %s%s%s%s",
	         (unsigned long long)query->resolver->timeout_ms,
	         query->set->servers[0].text,
	         query->set->count > 1 ? " and the other servers" : "",
	         *query->reason ? "; " : "", query->reason);
	query_fail(query, DNS_TIMEOUT, reason);
}

static void query_succeed(struct dns_query *query,
                          const struct dns_reply *reply)
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

	query_finish(query, &answer);
}

/* -- asking by UDP --------------------------------------------------------- */

static void query_on_reply(struct dns_query *query, unsigned server, int status,
                           struct slice message, bool udp);

static void try_on_message(void *arg, int status, struct slice message)
{
	struct udp_try *try = arg;
	struct dns_query *query = try->query;

	try->question = NULL;
	query->resolver->questions--;
	resolver_kick(query->resolver);
	query_on_reply(query, try->server, status, message, true);
}

static const char *ask_error_text(int status)
{
	switch (status) {
	case MTS_ENOTFOUND:
		return "it cannot be reached";
	case MTS_ESYS:
		return "no file descriptor is left";
	case MTS_EFULL:
		return "too many questions are waiting for answers";
	default:
		return mts_status_text(status);
	}
}

/* On an error, query->reason says why. */
static int try_ask(struct udp_try *try)
{
	struct dns_query *query = try->query;
	struct name_server *server = &query->set->servers[try->server];
	int status = MTS_EFULL;

	if (query_may_ask(query))
		status = dns_udp_ask(server->udp, &query->name, query->type,
		                     query->dnssec, try_on_message, try,
		                     &try->question);
	if (status == MTS_OK)
		query->resolver->questions++;
	else
		snprintf(query->reason, sizeof(query->reason),
		         "%s cannot be asked: %s", server->text,
		         ask_error_text(status));
	return status;
}

/* The next server that has not failed. False: all have. */
static bool query_pick_server(struct dns_query *query, unsigned *ret)
{
	for (size_t i = 0; i < query->set->count; i++) {
		unsigned server = query->order[query->next];

		query->next = (query->next + 1) % query->set->count;
		if (!(query->failed & 1u << server)) {
			*ret = server;
			return true;
		}
	}
	return false;
}

/* Asks the next server. If sending fails, the timer retries. */
static void query_try_next(struct dns_query *query)
{
	struct udp_try *try = &query->tries[query->try_count];

	if (query->try_count == TRIES_MAX ||
	    !query_pick_server(query, &try->server))
		return;
	try->query = query;
	try->question = NULL;
	if (try_ask(try) == MTS_OK)
		query->try_count++;
}

/* -- time ------------------------------------------------------------------ */

static void query_on_timer(uv_timer_t *handle);

static void query_set_timer(struct dns_query *query)
{
	uint64_t now_ms = uv_now(query->resolver->loop);
	uint64_t left_ms =
	    query->deadline_ms > now_ms ? query->deadline_ms - now_ms : 0;
	uint64_t step_ms = query->resolver->timeout_ms / TRIES_MAX;

	if (step_ms < TRY_MS)
		step_ms = TRY_MS;
	uv_timer_start(&query->timer, query_on_timer,
	               left_ms < step_ms ? left_ms : step_ms, 0);
}

/* The question by TCP is queued, or has been out for a short time only. */
static bool query_tcp_is_fresh(const struct dns_query *query)
{
	return query->tcp && dns_tcp_out_ms(query->tcp) < TRY_MS / 2;
}

/* Servers that have not answered by now are asked last for a while. */
static void query_mark_silent(struct dns_query *query)
{
	uint64_t until_ms = uv_now(query->resolver->loop) + SERVER_AVOID_MS;
	struct name_server *servers = query->set->servers;

	for (size_t i = 0; i < query->try_count; i++)
		if (query->tries[i].question)
			servers[query->tries[i].server].avoid_until_ms =
			    until_ms;
	if (query->tcp && !query_tcp_is_fresh(query))
		servers[query->tcp_server].avoid_until_ms = until_ms;
}

static void query_on_timer(uv_timer_t *handle)
{
	struct dns_query *query = handle->data;

	query_mark_silent(query);
	if (uv_now(query->resolver->loop) >= query->deadline_ms) {
		query_time_out(query);
		return;
	}
	if (!query_tcp_is_fresh(query))
		query_try_next(query);
	query_set_timer(query);
}

/* Asks for the query's name, from the first server on. */
static void query_begin(struct dns_query *query)
{
	query_drop_questions(query);
	query->failed = 0;
	query->tcp_asked = 0;
	query->next = 0;
	server_set_order(query->set, uv_now(query->resolver->loop),
	                 query->order);
	query_try_next(query);
	query_set_timer(query);
}

/* The wait in this queue is not part of the time limit: our callers have limits of
 * their own. */
static void resolver_begin_next(struct work_item *work_item)
{
	struct resolver *resolver =
	    container_of(work_item, struct resolver, begin);
	struct list *first = list_first(&resolver->queued);
	struct dns_query *query;

	if (!first || !resolver_may_begin(resolver))
		return;
	query = container_of(first, struct dns_query, queued);
	list_remove(&query->queued);
	query->deadline_ms = uv_now(resolver->loop) + resolver->timeout_ms;
	query_begin(query);
	resolver_kick(resolver);
}

/* -- replies --------------------------------------------------------------- */

static void query_on_server_failed(struct dns_query *query, unsigned server,
                                   const char *reason)
{
	snprintf(query->reason, sizeof(query->reason), "server %s: %s",
	         query->set->servers[server].text, reason);
	query->failed |= 1u << server;
	if (query->failed == (1u << query->set->count) - 1) {
		query_fail(query, DNS_FAILED, query->reason);
		return;
	}
	query_try_next(query);
	query_set_timer(query);
}

static void query_on_tcp_message(void *arg, int status, struct slice message)
{
	struct dns_query *query = arg;

	query->tcp = NULL;
	query_on_reply(query, query->tcp_server, status, message, false);
}

/* A look-up has one question by TCP at a time, so that a silent server cannot hold
 * many of the few connections there are. One that is queued keeps its place in the
 * queue. One that has been out for a while gives way to the next server, but each
 * server is asked once only: the last one has the rest of the time. */
static void query_ask_tcp(struct dns_query *query, unsigned server)
{
	const struct resolver_server *at = &query->set->servers[server].at;
	int status;

	if (query->tcp &&
	    (query_tcp_is_fresh(query) || query->tcp_asked & 1u << server))
		return;
	dns_tcp_cancel(&query->tcp);
	query->tcp_server = server;
	query->tcp_asked |= 1u << server;
	status = dns_tcp_ask(query->resolver->tcp, &at->address, at->port,
	                     &query->name, query->type, query->dnssec,
	                     query_on_tcp_message, query, &query->tcp);
	if (status == MTS_OK)
		query_set_timer(query);
	else
		query_on_server_failed(query, server, ask_error_text(status));
}

static void query_on_alias(struct dns_query *query,
                           const struct dns_reply *reply)
{
	query->hops += reply->hops;
	query->authenticated = query->authenticated && reply->authenticated;
	if (reply->ttl_s < query->alias_ttl_s)
		query->alias_ttl_s = reply->ttl_s;
	if (query->hops >= DNS_HOPS_MAX) {
		snprintf(query->reason, sizeof(query->reason),
		         "the CNAMEs form a loop, or are more than %d",
		         DNS_HOPS_MAX);
		query_fail(query, DNS_FAILED, query->reason);
		return;
	}
	query->name = reply->alias;
	query_begin(query);
}

static void query_take_reply(struct dns_query *query, unsigned server,
                             const struct dns_reply *reply)
{
	switch (reply->kind) {
	case DNS_REPLY_RECORDS:
	case DNS_REPLY_NODATA:
	case DNS_REPLY_NXDOMAIN:
		query_succeed(query, reply);
		return;
	case DNS_REPLY_ALIAS:
		query_on_alias(query, reply);
		return;
	case DNS_REPLY_TCP:
		query_ask_tcp(query, server);
		return;
	case DNS_REPLY_BAD:
		query_on_server_failed(query, server, reply->reason);
		return;
	}
}

/* The query may be freed when this returns. */
static void query_on_reply(struct dns_query *query, unsigned server, int status,
                           struct slice message, bool udp)
{
	struct dns_reply reply = { .kind = DNS_REPLY_BAD };

	query->set->servers[server].avoid_until_ms = 0;
	/* A lack of memory is a reason like others, and the reply says so. */
	if (status == MTS_OK)
		(void)dns_reply_read(message, &query->name, query->type, udp,
		                     &reply);
	else
		dns_reply_bad(&reply, "%s", ask_error_text(status));
	query_take_reply(query, server, &reply);
	dns_reply_clear(&reply);
}

/* -- look-ups -------------------------------------------------------------- */

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
	list_append(&resolver->queued, &query->queued);
	resolver_kick(resolver);
	*ret = query;
	return MTS_OK;
}

static bool name_is_good(const char *name)
{
	static const char prefix[] = "_mta-sts.";
	size_t len = strlen(name);
	size_t skip =
	    strncmp(name, prefix, strlen(prefix)) == 0 ? strlen(prefix) : 0;

	return len <= DOMAIN_MAX && domain_is_name(name + skip, len - skip);
}

static int resolver_ask_text(struct resolver *resolver, const char *name,
                             uint16_t type, dns_callback *callback, void *arg,
                             struct dns_query **ret)
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
	return resolver_ask_text(resolver, name, ns_t_txt, callback, arg, ret);
}

int resolver_a(struct resolver *resolver, const char *name,
               dns_callback *callback, void *arg, struct dns_query **ret)
{
	return resolver_ask_text(resolver, name, ns_t_a, callback, arg, ret);
}

int resolver_aaaa(struct resolver *resolver, const char *name,
                  dns_callback *callback, void *arg, struct dns_query **ret)
{
	return resolver_ask_text(resolver, name, ns_t_aaaa, callback, arg, ret);
}

void dns_query_cancel(struct dns_query **query)
{
	if (!*query)
		return;
	query_detach(*query);
	*query = NULL;
}

/* -- the resolver ---------------------------------------------------------- */

static int resolver_init_source(struct resolver *resolver,
                                struct server_source *source,
                                const struct resolver_options *options,
                                struct fault *why)
{
	return server_source_init(source, options->loop, resolver->work_queue,
	                          options->servers, options->server_count,
	                          options->resolv_conf, why);
}

int resolver_new(const struct resolver_options *options, struct resolver **ret,
                 struct fault *why)
{
	struct resolver *resolver = calloc(1, sizeof(*resolver));
	int status;

	if (!resolver)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	list_init(&resolver->queries);
	list_init(&resolver->queued);
	work_item_init(&resolver->begin, resolver_begin_next);
	resolver->loop = options->loop;
	resolver->timeout_ms = options->timeout_ms;
	resolver->questions_max = options->questions_max;
	status = work_queue_ref(options->loop, &resolver->work_queue);
	if (status == MTS_OK)
		status = dns_tcp_new(options->loop, &resolver->tcp);
	if (status == MTS_OK)
		status = resolver_init_source(resolver, &resolver->source,
		                              options, why);
	else
		fault_set(why, status, "out of memory");
	if (status != MTS_OK)
		resolver_close(&resolver);
	else
		*ret = resolver;
	return status;
}

int resolver_prepare(struct resolver *resolver,
                     const struct resolver_options *options, struct fault *why)
{
	int status =
	    resolver_init_source(resolver, &resolver->next, options, why);

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
	work_item_cancel(&r->begin);
	server_source_close(&r->source);
	server_source_close(&r->next);
	dns_tcp_close(&r->tcp);
	work_queue_unref(&r->work_queue);
	free(r);
}

uv_loop_t *resolver_loop(const struct resolver *resolver)
{
	return resolver->loop;
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
	server_source_update(&resolver->source);
}

static size_t copy_servers(struct server_source *source,
                           struct resolver_server ret[RESOLVER_SERVERS_MAX])
{
	server_source_update(source);
	for (size_t i = 0; i < source->set->count; i++)
		ret[i] = source->set->servers[i].at;
	return source->set->count;
}

size_t resolver_get_servers(struct resolver *resolver,
                            struct resolver_server ret[RESOLVER_SERVERS_MAX])
{
	return copy_servers(&resolver->source, ret);
}

size_t resolver_next_servers(struct resolver *resolver,
                             struct resolver_server ret[RESOLVER_SERVERS_MAX])
{
	return copy_servers(&resolver->next, ret);
}

void resolver_get_counts(const struct resolver *resolver,
                         struct resolver_counts *ret)
{
	*ret = resolver->counts;
}

/* -- does any server answer? ----------------------------------------------- */

/* A good answer has been counted already. */
static void resolver_on_test(void *arg, const struct dns_answer *answer)
{
	struct resolver *resolver = arg;

	resolver->test = NULL;
	resolver->silent =
	    answer->status == DNS_FAILED || answer->status == DNS_TIMEOUT;
}

/* Look-ups that fail prove nothing: the domain's own servers may be silent. But
 * every resolver can answer for the root at once. */
void resolver_test(struct resolver *resolver)
{
	static const struct dns_name root = { .len = 1 };
	uint64_t now_ms = uv_now(resolver->loop);

	if (resolver->test ||
	    (resolver->heard && now_ms - resolver->heard_ms < HEARD_MS))
		return;
	if (resolver_ask(resolver, &root, ns_t_ns, false, resolver_on_test,
	                 resolver, &resolver->test) != MTS_OK)
		resolver->test = NULL; /* the next call tries again */
}

bool resolver_is_silent(const struct resolver *resolver)
{
	return resolver->silent;
}
