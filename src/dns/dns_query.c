/* SPDX-License-Identifier: BSD-2-Clause */
/* dns_query.c - one look-up: which server is asked, when, and for what.
 *
 * The first server is asked. Every RESOLVER_TRY_MS without an answer the next one
 * is asked too (the same again if it is the only one, since a packet may be
 * lost), and whoever answers first, of all that were asked, wins. A server that
 * says SERVFAIL or nonsense is out of this look-up, and the next is asked at once.
 * If an answer ends in a CNAME whose target it says nothing about, all begins
 * again with that name. The options' time-out is over all of it. */
#include "dns/resolver_internal.h"

#include "base/shortage.h"

#include <stdio.h>
#include <stdlib.h>

/* A server's time before the next is asked. */
enum { RESOLVER_TRY_MS = 1000 };

/* -- the end --------------------------------------------------------------- */

static void on_timer_closed(uv_handle_t *handle)
{
	free(handle->data);
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
	resolver_kick(query->resolver);
	server_set_unref(&query->set);
	query->resolver = NULL;
	uv_close((uv_handle_t *)&query->timer, on_timer_closed);
}

static void finish(struct dns_query *query, const struct dns_answer *answer)
{
	resolver_note(query->resolver, answer->status);
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
	if (status == MTS_ENOMEM)
		shortage_note();
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

void dns_query_begin(struct dns_query *query)
{
	drop_tries(query);
	query->dead = 0;
	query->next = 0;
	server_set_order(query->set, uv_now(query->resolver->loop),
	                 query->order);
	try_next(query);
	set_timer(query);
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
	dns_query_begin(query);
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

void dns_query_cancel(struct dns_query **query)
{
	if (!*query)
		return;
	detach(*query);
	*query = NULL;
}
