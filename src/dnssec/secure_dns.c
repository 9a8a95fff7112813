/* SPDX-License-Identifier: BSD-2-Clause */
/* secure_dns.c - DNS look-ups that say whether the answer is authenticated.
 *
 * This file queues the look-ups, and decides whom to ask: libunbound on its
 * thread (validator.c), or the resolver, whose AD bit is then trusted. It decides
 * again when the servers or the options change. Whether DNSSEC works at all is
 * tested by dnssec_health.c.
 *
 * Each look-up is delivered from its own timer, which is also its time limit. So
 * callbacks never run inside libunbound's, and may call anything here. */
#include "dnssec/secure_dns.h"

#include "base/list.h"
#include "base/log.h"
#include "dns/server_set.h"
#include "dnssec/dnssec_health.h"
#include "dnssec/trust_anchor.h"
#include "dnssec/validator.h"

#include <getdns/getdns.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	/* Look-ups that are out at the same time. In libunbound each takes some
	 * 20 KB; by AD each takes a descriptor. */
	ASKED_VALIDATED_MAX = 192,
	ASKED_AD_MAX = 48,
	/* The same, with those that have timed out but libunbound still works
	 * on. */
	LOAD_MAX = 512,
	/* With a longer queue the last one would time out in it anyway. */
	QUEUED_MAX = 4096,
};

enum query_state {
	QUERY_QUEUED, /* leaves by ask_queued() or the timer */
	QUERY_ASKED,  /* leaves by query_on_validated(), query_on_answer() or
	               * the timer */
	QUERY_READY,  /* the reply is here; the timer delivers it */
};

struct secure_query {
	struct list node;       /* in the open queries */
	struct list queue_node; /* QUEUED */
	struct secure_dns *dns;
	enum query_state state;
	uv_timer_t timer; /* the time limit; READY: delivers */
	struct dns_name name;
	uint16_t type;
	struct validator_question *question; /* ASKED: one of the two */
	struct dns_query *query;
	struct dns_reply reply; /* READY */
	bool secure, bogus;     /* READY */
	dns_callback *callback;
	void *arg;
};

/* What will be effective after secure_dns_settle(). */
struct next_setup {
	bool prepared;
	bool changes; /* false: only the time limit may be another one */
	enum secure_dns_mode mode;
	uint64_t timeout_ms;
	char *anchor;
	bool validates;
	struct validator *validator;
};

struct secure_dns {
	uv_loop_t *loop;
	struct resolver *resolver;
	enum secure_dns_mode mode;
	char *anchor;                /* NULL: there is none */
	char servers[SERVERS_TEXT];  /* that the method below was chosen for */
	struct dnssec_method method; /* owns its validator */
	struct dnssec_health *health;
	struct next_setup next;

	struct list queries; /* all that are open */
	struct list queue;   /* those in QUERY_QUEUED */
	size_t queued_count;
	size_t asked_count;
	bool closing; /* ask nothing any more */
	struct secure_dns_counts counts;
};

/* -- the end of a look-up -------------------------------------------------- */

static void free_query(uv_handle_t *handle)
{
	free(handle->data);
}

/* After this, nothing but the timer can call back. */
static void withdraw_query(struct secure_query *query)
{
	if (query->state == QUERY_QUEUED) {
		list_remove(&query->queue_node);
		query->dns->queued_count--;
	} else if (query->state == QUERY_ASKED) {
		validator_cancel(&query->question);
		dns_query_cancel(&query->query);
		query->dns->asked_count--;
	}
}

/* After this the service may be closed. The memory stays until the loop has
 * closed the timer. */
static void detach_query(struct secure_query *query)
{
	withdraw_query(query);
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

static void ask_queued(struct secure_dns *dns);

/* Asks queued look-ups before the callback, which may close the service. */
static void end_query(struct secure_query *query,
                      const struct dns_answer *answer)
{
	struct secure_dns *dns = query->dns;
	enum secure_dns_result result = result_of(answer);

	dns->counts.by_result[result]++;
	dnssec_health_note(dns->health, result);
	detach_query(query);
	ask_queued(dns);
	query->callback(query->arg, answer);
	dns_reply_clear(&query->reply);
}

static void query_on_ready(uv_timer_t *timer)
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
	end_query(query, &answer);
}

static void make_ready(struct secure_query *query)
{
	withdraw_query(query);
	query->state = QUERY_READY;
	uv_timer_start(&query->timer, query_on_ready, 0, 0);
}

static void query_on_timeout(uv_timer_t *timer)
{
	struct secure_query *query = timer->data;
	const struct secure_dns *dns = query->dns;
	struct dns_answer answer = { .status = DNS_TIMEOUT };
	char reason[SERVERS_TEXT + 80];

	snprintf(reason, sizeof(reason), "no answer within %llu ms from %s%s",
	         (unsigned long long)dns->method.timeout_ms, dns->servers,
	         query->state == QUERY_QUEUED ? "; too many look-ups are queued"
	                                      : "");
	answer.reason = reason;
	end_query(query, &answer);
}

static void query_on_validated(void *arg, const struct validator_reply *reply)
{
	struct secure_query *query = arg;

	query->question = NULL;
	query->reply = *reply->reply;
	*reply->reply = (struct dns_reply){ .kind = DNS_REPLY_BAD };
	query->secure = reply->secure;
	query->bogus = reply->bogus;
	make_ready(query);
}

static void query_on_answer(void *arg, const struct dns_answer *answer)
{
	struct secure_query *query = arg;

	query->query = NULL;
	end_query(query, answer);
}

/* -- asking ---------------------------------------------------------------- */

static bool may_ask(const struct secure_dns *dns)
{
	if (dns->closing)
		return false;
	if (!dns->method.validator)
		return dns->asked_count < ASKED_AD_MAX;
	return dns->asked_count < ASKED_VALIDATED_MAX &&
	       validator_load(dns->method.validator) < LOAD_MAX;
}

static void ask_query(struct secure_query *query)
{
	struct secure_dns *dns = query->dns;
	int status;

	withdraw_query(query);
	query->state = QUERY_ASKED;
	dns->asked_count++;
	if (dns->method.validator)
		status = validator_ask(dns->method.validator, &query->name,
		                       query->type, query_on_validated, query,
		                       &query->question);
	else
		status =
		    resolver_ask(dns->resolver, &query->name, query->type, true,
		                 query_on_answer, query, &query->query);
	if (status == MTS_OK)
		return;
	dns_reply_bad(&query->reply, "the query can't be sent: %s",
	              mts_status_text(status));
	make_ready(query);
}

static void ask_queued(struct secure_dns *dns)
{
	while (!list_empty(&dns->queue) && may_ask(dns))
		ask_query(container_of(dns->queue.next, struct secure_query,
		                       queue_node));
}

static void enqueue_query(struct secure_query *query)
{
	query->state = QUERY_QUEUED;
	list_append(&query->dns->queue, &query->queue_node);
	query->dns->queued_count++;
}

/* Takes back what has been asked, to ask it of others or in another way. */
static void requeue_asked(struct secure_dns *dns)
{
	list_each (node, &dns->queries) {
		struct secure_query *query =
		    container_of(node, struct secure_query, node);

		if (query->state != QUERY_ASKED)
			continue;
		withdraw_query(query);
		enqueue_query(query);
	}
}

static void fail_query(struct secure_query *query, const char *reason)
{
	dns_reply_bad(&query->reply, "there is no DNSSEC: %s", reason);
	make_ready(query);
}

static void fail_queries(struct secure_dns *dns, const char *reason)
{
	list_each (node, &dns->queries) {
		struct secure_query *query =
		    container_of(node, struct secure_query, node);

		if (query->state != QUERY_READY)
			fail_query(query, reason);
	}
}

/* -- the method: validate, or trust the AD bit ------------------------------ */

static const char no_anchor[] = "there is no trust anchor";
static const char is_off[] = "dns.dnssec is off";

static bool all_loopback(const struct resolver_server *servers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!address_is_loopback(&servers[i].address))
			return false;
	return true;
}

/* The answer depends on the servers. */
static bool must_validate(enum secure_dns_mode mode,
                          const struct resolver_server *servers, size_t count)
{
	return mode == SECURE_DNS_VALIDATE ||
	       (mode == SECURE_DNS_AUTO && !all_loopback(servers, count));
}

static int make_validator(uv_loop_t *loop,
                          const struct resolver_server *servers, size_t count,
                          const char *anchor, struct validator **ret,
                          struct fault *why)
{
	struct validator_options options = { .loop = loop,
		                             .servers = servers,
		                             .server_count = count,
		                             .trust_anchor = anchor };

	return validator_new(&options, ret, why);
}

static int validator_for_current_servers(struct secure_dns *dns,
                                         struct validator **ret,
                                         struct fault *why)
{
	struct resolver_server servers[RESOLVER_SERVERS_MAX];
	size_t count = resolver_get_servers(dns->resolver, servers);

	return make_validator(dns->loop, servers, count, dns->anchor, ret, why);
}

static void copy_server_names(struct secure_dns *dns)
{
	snprintf(dns->servers, sizeof(dns->servers), "%s",
	         resolver_servers(dns->resolver));
}

static void set_validator(struct secure_dns *dns, struct validator *validator)
{
	dnssec_health_stop(dns->health);
	validator_close(&dns->method.validator);
	dns->method.validator = validator;
	dns->method.trust_anchor = dns->anchor;
	copy_server_names(dns);
}

/* From now on uses VALIDATOR, which it takes over; NULL: the AD bit. */
static void use_method(struct secure_dns *dns, struct validator *validator)
{
	requeue_asked(dns);
	set_validator(dns, validator);
	dnssec_health_restart(dns->health);
	ask_queued(dns);
}

static void use_nothing(struct secure_dns *dns, const char *reason)
{
	fail_queries(dns, reason);
	set_validator(dns, NULL);
	dnssec_health_set_none(dns->health, reason,
	                       dns->mode != SECURE_DNS_OFF);
}

static int start_validating(struct secure_dns *dns, struct fault *why)
{
	struct validator *validator;
	int status = validator_for_current_servers(dns, &validator, why);

	if (status == MTS_OK)
		use_method(dns, validator);
	return status;
}

/* Chooses for the current servers. On failure everything stays as it was. */
static int choose_method(struct secure_dns *dns, struct fault *why)
{
	struct resolver_server servers[RESOLVER_SERVERS_MAX];
	size_t count = resolver_get_servers(dns->resolver, servers);
	bool validates = must_validate(dns->mode, servers, count);

	if (validates && dns->anchor)
		return start_validating(dns, why);
	if (validates)
		use_nothing(dns, no_anchor);
	else
		use_method(dns, NULL);
	return MTS_OK;
}

/* Chooses again if resolv.conf has changed. */
static void follow_servers(struct secure_dns *dns)
{
	struct fault why;

	if (dns->mode == SECURE_DNS_OFF)
		return;
	resolver_look(dns->resolver);
	if (strcmp(dns->servers, resolver_servers(dns->resolver)) == 0)
		return;
	if (choose_method(dns, &why) == MTS_OK)
		return;
	log_warning("dnssec_servers servers=\"%s\" kept=yes reason=\"%s\"",
	            dns->servers, why.text);
	/* Do not try again with each question. */
	copy_server_names(dns);
}

static int secure_dns_on_new_validator(void *arg, struct validator **ret)
{
	struct fault why;

	return validator_for_current_servers(arg, ret, &why);
}

/* The resolver on a loopback address does not validate. */
static bool secure_dns_on_no_ad(void *arg)
{
	struct secure_dns *dns = arg;
	struct fault why;

	return dns->mode == SECURE_DNS_AUTO && dns->anchor &&
	       start_validating(dns, &why) == MTS_OK;
}

/* -- new options ----------------------------------------------------------- */

/* The caller owns *RET. NULL: there is none, and none is needed. */
static int find_anchor(enum secure_dns_mode mode, const char *configured,
                       char **ret, struct fault *why)
{
	const char *path;
	int status;

	*ret = NULL;
	if (mode == SECURE_DNS_TRUST_AD || mode == SECURE_DNS_OFF)
		return MTS_OK;
	status = trust_anchor_find(configured, trust_anchor_paths, &path, why);
	if (status == MTS_OK) {
		*ret = strdup(path);
		return *ret ? MTS_OK
		            : fault_set(why, MTS_ENOMEM, "out of memory");
	}
	if (mode == SECURE_DNS_AUTO && !*configured && status != MTS_ENOMEM)
		return MTS_OK;
	return status;
}

/* True if NEXT is what is effective already: then the state of the tests and
 * libunbound's cache stay valid. */
static bool is_same_setup(const struct secure_dns *dns,
                          const struct next_setup *next)
{
	return next->mode == dns->mode &&
	       text_same(next->anchor, dns->anchor) &&
	       strcmp(dns->servers, resolver_next_text(dns->resolver)) == 0;
}

static void drop_next(struct secure_dns *dns)
{
	validator_close(&dns->next.validator);
	free(dns->next.anchor);
	dns->next = (struct next_setup){ .prepared = false };
}

int secure_dns_prepare(struct secure_dns *dns,
                       const struct secure_dns_options *options,
                       struct fault *why)
{
	struct resolver_server servers[RESOLVER_SERVERS_MAX];
	size_t count = resolver_next_servers(dns->resolver, servers);
	struct next_setup *next = &dns->next;
	int status;

	*next = (struct next_setup){ .prepared = true,
		                     .mode = options->mode,
		                     .timeout_ms = options->timeout_ms };
	status =
	    find_anchor(next->mode, options->trust_anchor, &next->anchor, why);
	next->changes = status == MTS_OK && !is_same_setup(dns, next);
	next->validates = must_validate(next->mode, servers, count);
	if (next->changes && next->validates && next->anchor)
		status = make_validator(dns->loop, servers, count, next->anchor,
		                        &next->validator, why);
	if (status != MTS_OK)
		drop_next(dns);
	return status;
}

void secure_dns_settle(struct secure_dns *dns, bool good)
{
	struct next_setup *next = &dns->next;
	struct validator *validator = next->validator;
	char *anchor = dns->anchor;

	if (!next->prepared || !good) {
		drop_next(dns);
		return;
	}
	dns->mode = next->mode;
	dns->method.timeout_ms = next->timeout_ms;
	dns->anchor = next->anchor;
	next->validator = NULL;
	if (next->changes && dns->mode == SECURE_DNS_OFF)
		use_nothing(dns, is_off);
	else if (next->changes && next->validates && !validator)
		use_nothing(dns, no_anchor);
	else if (next->changes)
		use_method(dns, validator);
	dns->method.trust_anchor = dns->anchor;
	next->anchor = anchor;
	drop_next(dns);
}

/* -- new and close --------------------------------------------------------- */

static int make_health(struct secure_dns *dns, const struct clock *clock)
{
	const struct dnssec_health_options options = {
		.resolver = dns->resolver,
		.method = &dns->method,
		.clock = clock,
		.new_validator = secure_dns_on_new_validator,
		.on_no_ad = secure_dns_on_no_ad,
		.arg = dns,
	};

	return dnssec_health_new(&options, &dns->health);
}

static int start_secure_dns(struct secure_dns *dns,
                            const struct secure_dns_options *options,
                            struct fault *why)
{
	int status = make_health(dns, options->clock);

	if (status != MTS_OK)
		return fault_set(why, status, "out of memory");
	status =
	    find_anchor(dns->mode, options->trust_anchor, &dns->anchor, why);
	if (status != MTS_OK)
		return status;
	if (dns->mode != SECURE_DNS_OFF)
		return choose_method(dns, why);
	use_nothing(dns, is_off);
	return MTS_OK;
}

int secure_dns_new(const struct secure_dns_options *options,
                   struct secure_dns **ret, struct fault *why)
{
	struct secure_dns *dns = calloc(1, sizeof(*dns));
	int status;

	if (!dns)
		return fault_set(why, MTS_ENOMEM, "out of memory");
	list_init(&dns->queries);
	list_init(&dns->queue);
	dns->loop = options->loop;
	dns->resolver = options->resolver;
	dns->mode = options->mode;
	dns->method.timeout_ms = options->timeout_ms;
	dns->method.servers = dns->servers;
	status = start_secure_dns(dns, options, why);
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
	dnssec_health_free(&d->health);
	validator_close(&d->method.validator);
	drop_next(d);
	free(d->anchor);
	free(d);
}

enum secure_dns_health secure_dns_health(struct secure_dns *dns)
{
	follow_servers(dns);
	return dnssec_health_get(dns->health);
}

const char *secure_dns_text(const struct secure_dns *dns)
{
	return dnssec_health_describe(dns->health);
}

uv_loop_t *secure_dns_loop(const struct secure_dns *dns)
{
	return dns->loop;
}

uint64_t secure_dns_timeout_ms(const struct secure_dns *dns)
{
	return dns->method.timeout_ms;
}

void secure_dns_get_counts(const struct secure_dns *dns,
                           struct secure_dns_counts *ret)
{
	*ret = dns->counts;
}

/* -- look-ups -------------------------------------------------------------- */

static struct secure_query *query_new(struct secure_dns *dns)
{
	struct secure_query *query = calloc(1, sizeof(*query));

	if (!query)
		return NULL;
	query->dns = dns;
	uv_timer_init(dns->loop, &query->timer);
	query->timer.data = query;
	uv_timer_start(&query->timer, query_on_timeout, dns->method.timeout_ms,
	               0);
	list_append(&dns->queries, &query->node);
	enqueue_query(query);
	return query;
}

int secure_dns_ask(struct secure_dns *dns, const struct dns_name *name,
                   uint16_t type, dns_callback *callback, void *arg,
                   struct secure_query **ret)
{
	enum secure_dns_health health = secure_dns_health(dns);
	struct secure_query *query;

	if (dns->queued_count >= QUEUED_MAX)
		return MTS_EFULL;
	query = query_new(dns);
	if (!query)
		return MTS_ENOMEM;
	query->name = *name;
	query->type = type;
	query->callback = callback;
	query->arg = arg;
	if (health == SECURE_DNS_NONE)
		fail_query(query, dnssec_health_reason(dns->health));
	ask_queued(dns);
	*ret = query;
	return MTS_OK;
}

void secure_query_cancel(struct secure_query **query)
{
	struct secure_query *q = *query;

	if (!q)
		return;
	*query = NULL;
	detach_query(q);
	dns_reply_clear(&q->reply);
	ask_queued(q->dns);
}
