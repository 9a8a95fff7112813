/* SPDX-License-Identifier: BSD-2-Clause */
/* discover_internal.h - what discover.c and discover_trace.c know of a walk, and
 * nobody else. */
#ifndef DISCOVER_DISCOVER_INTERNAL_H
#define DISCOVER_DISCOVER_INTERNAL_H

#include "discover/discover.h"

enum {
	/* Of a policy host; more would only make a dead host take longer. */
	DISCOVER_ADDRESSES_MAX = 16,
	DISCOVER_NAME = sizeof("_mta-sts.") + DOMAIN_MAX,
};

enum discovery_state {
	DISCOVERY_STARTED, /* can't go on; leaves by on_timer */
	DISCOVERY_RECORD,  /* the TXT query is out; leaves by on_txt */
	DISCOVERY_ADDRESS, /* A is out, or AAAA after it; leaves by on_a or
	                    * on_aaaa */
	DISCOVERY_FETCH,   /* the HTTPS request is out, and AAAA too if it does
	                    * not get on; leaves by on_fetch */
	DISCOVERY_DONE,    /* the callback is running, or has */
};

struct discovery {
	enum discovery_state state;
	struct discover_options options;
	struct domain domain;
	char known_id[RECORD_ID_MAX + 1];
	uv_timer_t timer; /* for what ends before it has begun */
	struct dns_query *txt;
	struct dns_query *a;
	struct dns_query *aaaa;
	bool asked_aaaa;
	struct fetch *fetch;
	uint64_t shortages; /* shortage_count() before it */
	uint64_t step_ms;   /* when the step under way began */
	struct discover_step steps[DISCOVER_STEPS_MAX];
	struct discover_result result;
	char reason[FAULT_TEXT];
	char record_reason[FAULT_TEXT];
	struct address addresses[DISCOVER_ADDRESSES_MAX];
	size_t address_count;
	char refused[120];   /* special addresses that were left out */
	char dns_fault[120]; /* of A or AAAA; empty: none */
	discover_callback *callback;
	void *arg;
};

/* Collects, for the trace, what the policy's parser passed over. */
struct discover_notes {
	char text[140];
	size_t used;
};

/* snprintf() for lines: what does not fit is cut off, and that is right. */
__attribute__((format(printf, 3, 4))) char *discover_say(char *to, size_t size,
                                                         const char *format,
                                                         ...);

/* Appends ITEM to the list in TEXT, if there is room for it. */
void discover_append(char *text, size_t size, const char *item);

/* Makes a list of the addresses in TEXT. */
void discover_list_addresses(const struct discovery *d, char *text,
                             size_t size);

/* A line for a step that took MS; NAME is a constant. */
void discover_add_line(struct discovery *d, const char *name, bool ok,
                       uint64_t ms, const char *text);

/* The same for a step that has just ended. */
void discover_add_step(struct discovery *d, const char *name, bool ok,
                       const char *text);

/* The lines for what was reached: "connect", "tls", "http". The last one tells
 * what is wrong, unless all is well. */
void discover_trace_fetch(struct discovery *d,
                          const struct fetch_result *result);

/* The line for a policy that is good. */
void discover_trace_policy(struct discovery *d, const struct policy *policy,
                           const struct discover_notes *notes);

/* A policy_observer's, with a struct discover_notes. */
void discover_on_note(void *arg, enum policy_note note, unsigned line,
                      struct slice text);

#endif
