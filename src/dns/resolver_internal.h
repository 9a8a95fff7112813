/* SPDX-License-Identifier: BSD-2-Clause */
/* resolver_internal.h - what resolver.c and dns_query.c know of look-ups, and nobody
 * else. */
#ifndef DNS_RESOLVER_INTERNAL_H
#define DNS_RESOLVER_INTERNAL_H

#include "base/list.h"
#include "base/work_queue.h"
#include "dns/resolver.h"
#include "dns/server_set.h"

enum { RESOLVER_TRIES_MAX = 8 }; /* questions out for one look-up */

struct resolver {
	uv_loop_t *loop;
	uint64_t timeout_ms;
	struct work_queue *work_queue;
	struct stub *stub;
	struct server_source source;
	struct server_source next; /* between prepare and settle */
	struct resolver_options next_options;
	struct list queries;
	struct list waiting;   /* of queries that have not begun */
	struct work_item room; /* for one of them */
	size_t questions;      /* that are out */
	size_t questions_max;
	struct resolver_counts counts;
	bool heard;             /* a good answer has ever come, ... */
	uint64_t heard_ms;      /* ... the last one then */
	bool silent;            /* see resolver_is_silent() */
	struct dns_query *test; /* that is under way; or NULL */
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

/* Something has ended, or begun to wait: whoever waits gets its turn. */
void resolver_kick(struct resolver *resolver);

/* A look-up ended so; resolver_health.c. */
void resolver_note(struct resolver *resolver, enum dns_status status);

/* Asks for the query's name, from the first server on. */
void dns_query_begin(struct dns_query *query);

#endif
