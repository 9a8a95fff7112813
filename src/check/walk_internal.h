/* SPDX-License-Identifier: BSD-2-Clause */
/* walk_internal.h - what the parts of a walk know of it, and nobody else.
 *
 * A walk is a number of branches side by side. Each look-up or call that begins
 * is counted by walk_begin_step(), and when it is over by walk_end_step(); with
 * the last one all that can be known is, and the walk is judged. */
#ifndef CHECK_WALK_INTERNAL_H
#define CHECK_WALK_INTERNAL_H

#include "check/cleartext.h"
#include "check/dial.h"
#include "check/facts.h"
#include "check/walk.h"

struct mx_wish {
	struct walk *walk;
	size_t row;
	struct prober_wish wish;
};

/* A name server of the zone. */
struct server_walk {
	struct walk *walk;
	size_t at; /* in the facts' servers */
	struct dns_query *a;
	struct direct_question *txt;
};

struct walk {
	const struct check_options *options;
	struct prober *prober;
	struct direct *direct;
	uv_timer_t timer; /* the end: all is known, or time is over */
	struct report *report;
	struct facts facts;
	size_t left; /* steps that are not over */
	size_t
	    waiting; /* of them, for mail hosts that others asked for first */
	bool waits;  /* its owner knows that there is nothing else */
	uint64_t start_ms;
	struct dns_query *record, *apex, *tls_rpt;
	struct dns_query *host_a, *host_aaaa;
	struct dns_query *mx;
	struct secure_query *mx_secure;
	struct dns_query *ns;
	struct dns_name zone; /* whose name servers are looked for */
	struct dns_query *ruas[RUA_DOMAINS_MAX];
	struct rua_step {
		struct walk *walk;
		size_t at;
	} rua_steps[RUA_DOMAINS_MAX];
	struct server_walk servers[SERVERS_ASKED_MAX];
	struct fetch *fetch;
	struct dialer *dialer; /* for the policy host, when its TLS fails */
	struct dial *dial;
	struct cleartext *cleartext;
	struct mx_wish *wishes; /* one a row */
	struct walk_owner owner;
};

void walk_begin_step(struct walk *walk);
void walk_end_step(struct walk *walk);

/* Milliseconds since the walk began. */
uint64_t walk_ms(const struct walk *walk);

/* Memory was short: the report says so. */
void walk_no_memory(struct walk *walk);

/* Keeps an answer, and ends its step. */
void walk_take(struct walk *walk, struct dns_facts *facts,
               const struct dns_answer *answer);

/* Looks up TYPE of PREFIX and the domain; a step. */
void walk_ask(struct walk *walk, const char *prefix, uint16_t type,
              dns_callback *callback, struct dns_query **ret);

/* -- walk_policy.c --------------------------------------------------------- */

void walk_policy_start(struct walk *walk);
void walk_policy_stop(struct walk *walk);

/* -- walk_mx.c ------------------------------------------------------------- */

void walk_mx_start(struct walk *walk);
void walk_mx_stop(struct walk *walk);

/* -- walk_zone.c: do the zone's name servers agree? ------------------------ */

/* The record has been looked up. */
void walk_zone_start(struct walk *walk);
void walk_zone_stop(struct walk *walk);

#endif
