/* SPDX-License-Identifier: BSD-2-Clause */
/* secure_dns.c - DNS look-ups that say whether the answer is authenticated.
 *
 * A look-up waits for its turn, is asked, and is told from its own timer, which
 * is also its time-out: so callbacks never come from inside libunbound, and may
 * do as they like. */
#include "dnssec/secure_dns.h"

#include "dnssec/secure_internal.h"

#include <getdns/getdns.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	/* Look-ups that are asked at once: what a validator holds for each is
	 * some 20 KB, and by AD each takes a descriptor. */
	ASKED_VALIDATED_MAX = 192,
	ASKED_AD_MAX = 48,
	/* The same with those that have timed out and libunbound still has. */
	LOAD_MAX = 512,
	/* More than that many in front of one would not be through in time. */
	WAITING_MAX = 4096,
};

enum query_state {
	QUERY_WAITING, /* for its turn */
	QUERY_ASKED,   /* somebody is asked */
	QUERY_READY,   /* its timer will tell */
};

struct secure_query {
	struct list node;      /* in the queries */
	struct list work_item; /* in the waiting ones */
	struct secure_dns *dns;
	enum query_state state;
	uv_timer_t timer;
	struct dns_name name;
	uint16_t type;
	struct validator_question *question;
	struct dns_query *query;
	struct dns_reply reply; /* READY */
	bool secure, bogus;     /* READY */
	dns_callback *callback;
	void *arg;
};

/* -- the end of a look-up -------------------------------------------------- */

static void free_query(uv_handle_t *handle)
{
	free(handle->data);
}

/* Leaves its state: whatever it waited for does not come any more. */
static void leave(struct secure_query *query)
{
	if (query->state == QUERY_WAITING) {
		list_remove(&query->work_item);
		query->dns->waiting_count--;
	} else if (query->state == QUERY_ASKED) {
		validator_cancel(&query->question);
		dns_query_cancel(&query->query);
		query->dns->asked_count--;
	}
}

/* After this the service may go; the memory stays until the timer is closed. */
static void detach(struct secure_query *query)
{
	leave(query);
	list_remove(&query->node);
	uv_close((uv_handle_t *)&query->timer, free_query);
}

static enum secure_dns_result result_of(const struct dns_answer *answer)
{
	if (answer->status == DNS_TIMEOUT)
		return SECURE_DNS_TIMEOUT;
	if (answer->status == DNS_FAILED)
		return answer->bogus ? SECURE_DNS_BOGUS : SECURE_DNS_FAILED;
	return answer->authenticated ? SECURE_DNS_SECURE : SECURE_DNS_INSECURE;
}

/* The callback may close the service: so others get their turn before it. */
static void finish(struct secure_query *query, const struct dns_answer *answer)
{
	query->dns->counts.by_result[result_of(answer)]++;
	if (answer->status == DNS_FAILED || answer->status == DNS_TIMEOUT)
		secure_health_doubt(query->dns);
	else
		secure_health_note(query->dns, answer->authenticated);
	detach(query);
	secure_dns_pump(query->dns);
	query->callback(query->arg, answer);
	dns_reply_clear(&query->reply);
}

static void tell(uv_timer_t *timer)
{
	struct secure_query *query = timer->data;
	const struct dns_reply *reply = &query->reply;
	struct dns_answer answer = {
		.status = DNS_FAILED,
		.reason = reply->reason,
		.bogus = query->bogus,
	};

	if (reply->kind == DNS_REPLY_RECORDS ||
	    reply->kind == DNS_REPLY_NODATA ||
	    reply->kind == DNS_REPLY_NXDOMAIN) {
		answer = (struct dns_answer){
			.status = reply->kind == DNS_REPLY_RECORDS ? DNS_OK
			          : reply->kind == DNS_REPLY_NODATA
			              ? DNS_NODATA
			              : DNS_NXDOMAIN,
			.ttl_s = reply->ttl_s,
			.count = reply->count,
			.texts = reply->texts,
			.addresses = reply->addresses,
			.reason = "answered",
			.authenticated = query->secure,
			.hops = reply->hops,
			.end = &reply->alias,
			.cut = reply->cut,
		};
	}
	finish(query, &answer);
}

static void become_ready(struct secure_query *query)
{
	leave(query);
	query->state = QUERY_READY;
	uv_timer_start(&query->timer, tell, 0, 0);
}

static void on_timeout(uv_timer_t *timer)
{
	struct secure_query *query = timer->data;
	struct dns_answer answer = { .status = DNS_TIMEOUT };
	char reason[SERVERS_TEXT + 80];

	snprintf(
	    reason, sizeof(reason), "no answer within %llu ms from %s%s",
	    (unsigned long long)query->dns->timeout_ms, query->dns->servers,
	    query->state == QUERY_WAITING ? "; too many look-ups wait" : "");
	answer.reason = reason;
	finish(query, &answer);
}

static void on_validated(void *arg, const struct validator_reply *reply)
{
	struct secure_query *query = arg;

	query->question = NULL;
	query->reply = *reply->reply;
	*reply->reply = (struct dns_reply){ .kind = DNS_REPLY_BAD };
	query->secure = reply->secure;
	query->bogus = reply->bogus;
	become_ready(query);
}

static void on_answer(void *arg, const struct dns_answer *answer)
{
	struct secure_query *query = arg;

	query->query = NULL;
	finish(query, answer);
}

/* -- asking ---------------------------------------------------------------- */

static bool has_room(const struct secure_dns *dns)
{
	if (dns->closing)
		return false;
	if (!dns->validates)
		return dns->asked_count < ASKED_AD_MAX;
	return dns->asked_count < ASKED_VALIDATED_MAX &&
	       validator_load(dns->validator) < LOAD_MAX;
}

static void ask(struct secure_query *query)
{
	struct secure_dns *dns = query->dns;
	int status;

	leave(query);
	query->state = QUERY_ASKED;
	dns->asked_count++;
	if (dns->validates)
		status =
		    validator_ask(dns->validator, &query->name, query->type,
		                  on_validated, query, &query->question);
	else
		status = resolver_ask(dns->resolver, &query->name, query->type,
		                      true, on_answer, query, &query->query);
	if (status == MTS_OK)
		return;
	dns_reply_bad(&query->reply, "it can't be asked for: %s",
	              mts_status_text(status));
	become_ready(query);
}

void secure_dns_pump(struct secure_dns *dns)
{
	while (!list_empty(&dns->waiting) && has_room(dns))
		ask(container_of(dns->waiting.next, struct secure_query,
		                 work_item));
}

static void wait_for_turn(struct secure_query *query)
{
	query->state = QUERY_WAITING;
	list_append(&query->dns->waiting, &query->work_item);
	query->dns->waiting_count++;
}

void secure_dns_ask_again(struct secure_dns *dns)
{
	list_each (node, &dns->queries) {
		struct secure_query *query =
		    container_of(node, struct secure_query, node);

		if (query->state != QUERY_ASKED)
			continue;
		leave(query);
		wait_for_turn(query);
	}
}

void secure_dns_fail_all(struct secure_dns *dns, const char *reason)
{
	list_each (node, &dns->queries) {
		struct secure_query *query =
		    container_of(node, struct secure_query, node);

		if (query->state == QUERY_READY)
			continue;
		dns_reply_bad(&query->reply, "there is no DNSSEC: %s", reason);
		become_ready(query);
	}
}

/* -- the service ----------------------------------------------------------- */

int secure_dns_new(const struct secure_dns_options *options,
                   struct secure_dns **ret, struct fault *why)
{
	struct secure_dns *dns = calloc(1, sizeof(*dns));
	int status;

	if (!dns)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	list_init(&dns->queries);
	list_init(&dns->waiting);
	dns->loop = options->loop;
	dns->resolver = options->resolver;
	dns->mode = options->mode;
	dns->timeout_ms = options->timeout_ms;
	dns->clock = options->clock;
	status = secure_setup_begin(dns, options->trust_anchor, why);
	if (status != MTS_OK)
		secure_dns_close(&dns);
	else
		*ret = dns;
	return status;
}

void secure_dns_close(struct secure_dns **dns)
{
	struct secure_dns *d = *dns;

	if (!d)
		return;
	*dns = NULL;
	d->closing = true;
	list_each_safe (node, &d->queries) {
		struct secure_query *query =
		    container_of(node, struct secure_query, node);

		secure_query_cancel(&query);
	}
	secure_health_stop(d);
	validator_close(&d->validator);
	secure_dns_settle(d, false);
	free(d->anchor);
	free(d);
}

enum secure_dns_health secure_dns_health(struct secure_dns *dns)
{
	secure_setup_look(dns);
	secure_health_look(dns);
	return dns->health.state;
}

const char *secure_dns_text(const struct secure_dns *dns)
{
	return dns->health.text;
}

uv_loop_t *secure_dns_loop(const struct secure_dns *dns)
{
	return dns->loop;
}

uint64_t secure_dns_timeout_ms(const struct secure_dns *dns)
{
	return dns->timeout_ms;
}

/* -- look-ups -------------------------------------------------------------- */

static struct secure_query *query_new(struct secure_dns *dns)
{
	struct secure_query *query = calloc(1, sizeof(*query));

	if (!query)
		return NULL;
	list_init(&query->work_item);
	query->dns = dns;
	uv_timer_init(dns->loop, &query->timer);
	query->timer.data = query;
	uv_timer_start(&query->timer, on_timeout, dns->timeout_ms, 0);
	list_append(&dns->queries, &query->node);
	wait_for_turn(query);
	return query;
}

int secure_dns_ask(struct secure_dns *dns, const struct dns_name *name,
                   uint16_t type, dns_callback *callback, void *arg,
                   struct secure_query **ret)
{
	struct secure_query *query;

	(void)secure_dns_health(dns);
	if (dns->waiting_count >= WAITING_MAX)
		return MTS_EFULL;
	query = query_new(dns);
	if (!query)
		return MTS_ENOMEM;
	query->name = *name;
	query->type = type;
	query->callback = callback;
	query->arg = arg;
	if (dns->health.state == SECURE_DNS_NONE) {
		dns_reply_bad(&query->reply, "there is no DNSSEC: %s",
		              dns->health.reason);
		become_ready(query);
	}
	secure_dns_pump(dns);
	*ret = query;
	return MTS_OK;
}

void secure_query_cancel(struct secure_query **query)
{
	struct secure_query *q = *query;

	if (!q)
		return;
	*query = NULL;
	detach(q);
	dns_reply_clear(&q->reply);
	secure_dns_pump(q->dns);
}

void secure_dns_get_counts(const struct secure_dns *dns,
                           struct secure_dns_counts *ret)
{
	*ret = dns->counts;
}
