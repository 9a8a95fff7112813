/* SPDX-License-Identifier: BSD-2-Clause */
/* dane_internal.h - what dane.c (a next hop) and dane_host.c (one host of it)
 * share. Nobody else includes it. */
#ifndef DISCOVER_DANE_INTERNAL_H
#define DISCOVER_DANE_INTERNAL_H

#include "discover/dane_check.h"
#include "discover/dane_rules.h"
#include "dnssec/zones.h"

/* What an answer said, for when it is gone. */
struct dane_answer {
	enum dns_status status;
	bool secure;
	bool bogus;
	bool over; /* it has come */
	unsigned hops;
	uint32_t ttl_s;
	struct dns_name end;
	char reason[120];
};

enum dane_host_phase {
	HOST_ADDRESSES, /* A and AAAA are out */
	HOST_ALIAS,     /* 2.2.2: is the alias itself secure? */
	HOST_TLSA,      /* the TLSA question is out, for base[at] */
	HOST_ZONE,      /* something failed: is its zone signed? */
	HOST_OVER,
};

struct dane_host {
	struct dane_check *walk;
	struct dns_name name;
	uint16_t preference;
	enum dane_host_phase phase;
	enum dane_host_phase failed; /* HOST_ZONE: the phase that failed */
	struct secure_query *a_query, *aaaa_query, *query;
	struct dane_answer a, aaaa;
	struct dns_name base[2]; /* candidate TLSA base domains (2.2.3) */
	size_t base_count;
	size_t at;
	struct zones_wish wish;
	enum dane_host_state state; /* HOST_OVER */
	char text[200];             /* what came of it */
};

struct dane_check {
	uv_timer_t timer; /* the end: all is known, or time is over */
	struct secure_dns *dns;
	struct domain_hop hop;
	struct zones *zones;
	struct secure_query *mx_query;
	struct zones_wish wish;
	bool mx_secure;
	bool more; /* hosts than those below */
	struct dane_host *hosts;
	size_t host_count;
	size_t over_count;  /* hosts that are done with */
	uint32_t ttl_s;     /* the least so far */
	uint64_t shortages; /* shortage_count() before it */
	enum dane_state state;
	struct dane_step *steps;
	size_t step_count;
	char reason[200];
	char failure[160]; /* why the MX look-up failed */
	dane_callback *callback;
	void *arg;
};

enum { DANE_FAILURE_TTL_S = 60 };

/* Begins with the host, whose name and walk are set. */
void dane_host_start(struct dane_host *host);

/* Nothing more comes of it. */
void dane_host_stop(struct dane_host *host);

/* Time is over: it stays as little known as it is. */
void dane_host_give_up(struct dane_host *host);

/* HOST is over, for dane_host.c to say. */
void dane_check_host_over(struct dane_check *walk);

/* The result is good for no longer than TTL_S. */
void dane_check_limit(struct dane_check *walk, uint32_t ttl_s);

#endif
