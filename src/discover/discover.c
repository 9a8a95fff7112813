/* SPDX-License-Identifier: BSD-2-Clause */
/* discover.c - policy discovery for one domain (RFC 8461 3).
 *
 * A discovery goes through its states in order: the TXT record, the addresses of
 * the policy host, the HTTPS request, the policy text. Each step adds a line to
 * the trace. The first step that fails is the last one, except that a refresh
 * goes on without a record. */
#include "discover/discover.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	/* Of one policy host. With more, a dead host would only take longer. */
	ADDRESSES_MAX = 16,
	HOST_NAME_SIZE = sizeof("_mta-sts.") + DOMAIN_MAX,
};

enum discovery_state {
	DISCOVERY_STARTED, /* the name is too long for DNS; leaves by
	                    * discovery_on_timer() */
	DISCOVERY_RECORD,  /* the TXT query is out; leaves by
	                    * discovery_on_txt() */
	DISCOVERY_ADDRESS, /* A is out, or AAAA after it; leaves by
	                    * discovery_on_a() or discovery_on_aaaa() */
	DISCOVERY_FETCH,   /* the HTTPS request is out, and AAAA too if the
	                    * request makes no progress; leaves by
	                    * discovery_on_fetch() */
	DISCOVERY_DONE,    /* the callback is running, or has run */
};

struct discovery {
	enum discovery_state state;
	struct discover_options options;
	struct domain domain;
	char known_id[RECORD_ID_MAX + 1];
	uv_timer_t timer; /* DISCOVERY_STARTED only */
	struct dns_query *txt;
	struct dns_query *a;
	struct dns_query *aaaa;
	bool asked_aaaa;
	struct fetch *fetch;
	uint64_t step_ms; /* when the current step began */
	struct discover_step steps[DISCOVER_STEPS_MAX];
	struct discover_result result;
	char reason[FAULT_TEXT];
	char record_reason[FAULT_TEXT];
	struct address addresses[ADDRESSES_MAX];
	size_t address_count;
	char refused[120];   /* private addresses that were left out */
	char dns_fault[120]; /* of A or AAAA; empty: none */
	discover_callback *callback;
	void *arg;
};

const char *discover_outcome_text(enum discover_outcome outcome)
{
	switch (outcome) {
	case DISCOVER_POLICY:
		return "policy";
	case DISCOVER_UNCHANGED:
		return "unchanged";
	case DISCOVER_NO_RECORD:
		return "no_record";
	case DISCOVER_BAD_RECORD:
		return "bad_record";
	case DISCOVER_DNS_FAILED:
		return "dns_failed";
	case DISCOVER_FETCH_FAILED:
		return "fetch_failed";
	case DISCOVER_NO_MEMORY:
		return "no_memory";
	}
	return "unknown";
}

/* -- text ------------------------------------------------------------------ */

/* snprintf() for texts that may be cut off. */
static void write_text(char *to, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void write_text(char *to, size_t size, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	if (vsnprintf(to, size, format, ap) < 0)
		*to = '\0';
	va_end(ap);
}

/* Appends ITEM to the comma-separated list in TEXT if it fits. */
static void append_item(char *text, size_t size, const char *item)
{
	size_t used = strlen(text);

	if (used + strlen(item) + 3 <= size)
		write_text(text + used, size - used, "%s%s", used ? ", " : "",
		           item);
}

static void list_addresses(const struct discovery *d, char *text, size_t size)
{
	char address[ADDRESS_TEXT];

	*text = '\0';
	for (size_t i = 0; i < d->address_count; i++)
		append_item(text, size,
		            address_text(&d->addresses[i], address));
}

/* -- the trace ------------------------------------------------------------- */

/* Adds the line of a step that took MS; NAME is a constant. */
static void add_timed_step(struct discovery *d, const char *name, bool ok,
                           uint64_t ms, const char *text)
{
	struct discover_step *step;

	if (d->result.step_count == DISCOVER_STEPS_MAX)
		return;
	step = &d->steps[d->result.step_count++];
	step->name = name;
	step->ok = ok;
	step->ms = ms;
	write_text(step->text, sizeof(step->text), "%s", text);
	fault_scrub(step->text);
}

/* Adds the line of the current step, which has just ended. */
static void add_trace_step(struct discovery *d, const char *name, bool ok,
                           const char *text)
{
	uint64_t now_ms = clock_mono_ms(d->options.clock);

	add_timed_step(d, name, ok, now_ms - d->step_ms, text);
	d->step_ms = now_ms;
}

/* Adds the lines "connect", "tls" and "http", as far as the request got. The last
 * one gives the reason if it failed. */
static void add_fetch_steps(struct discovery *d,
                            const struct fetch_result *result)
{
	bool ok = result->cause == FETCH_OK;
	char text[sizeof(d->steps->text)];

	if (!result->connect_ms) {
		add_timed_step(d, "connect", false, result->total_ms,
		               result->reason);
		return;
	}
	write_text(text, sizeof(text), "%s port 443", result->address);
	add_timed_step(d, "connect", true, result->connect_ms, text);
	if (!result->tls_ms) {
		add_timed_step(d, "tls", false,
		               result->total_ms - result->connect_ms,
		               result->reason);
		return;
	}
	write_text(text, sizeof(text),
	           "%s, certificate is valid for mta-sts.%s", result->tls,
	           d->domain.name);
	add_timed_step(d, "tls", true, result->tls_ms - result->connect_ms,
	               text);
	write_text(text, sizeof(text), "status %ld, %zu bytes",
	           result->http_status, result->body.len);
	add_timed_step(d, "http", ok, result->total_ms - result->tls_ms,
	               ok ? text : result->reason);
}

/* -- the end --------------------------------------------------------------- */

static void free_discovery(uv_handle_t *handle)
{
	free(handle->data);
}

/* The memory stays until the loop has closed the timer. */
static void detach_discovery(struct discovery *d)
{
	d->state = DISCOVERY_DONE;
	dns_query_cancel(&d->txt);
	dns_query_cancel(&d->a);
	dns_query_cancel(&d->aaaa);
	fetch_cancel(&d->fetch);
	uv_close((uv_handle_t *)&d->timer, free_discovery);
}

static void end_discovery(struct discovery *d, enum discover_outcome outcome,
                          const char *reason)
{
	detach_discovery(d);
	write_text(d->reason, sizeof(d->reason), "%s", reason);
	fault_scrub(d->reason);
	d->result.outcome = outcome;
	d->result.reason = d->reason;
	d->result.record_reason = d->record_reason;
	d->result.steps = d->steps;
	d->callback(d->arg, &d->result);
}

static void fail_step(struct discovery *d, const char *step,
                      enum discover_outcome outcome, const char *reason)
{
	add_trace_step(d, step, false, reason);
	end_discovery(d, outcome, reason);
}

/* A query or request could not be started. */
static void fail_start(struct discovery *d, const char *step, int status)
{
	fail_step(d, step,
	          status == MTS_ENOMEM ? DISCOVER_NO_MEMORY
	                               : DISCOVER_FETCH_FAILED,
	          mts_status_text(status));
}

/* -- the policy text ------------------------------------------------------- */

/* For the trace: the mx lines that the parser ignored. */
struct ignored_lines {
	char text[140];
	size_t used;
};

static void on_policy_note(void *arg, enum policy_note note, unsigned line,
                           struct slice text)
{
	struct ignored_lines *ignored = arg;
	size_t size = sizeof(ignored->text) - ignored->used;
	int n;

	if (note != POLICY_NOTE_BAD_MX)
		return;
	n = snprintf(ignored->text + ignored->used, size,
	             "; line %u ignored: %.*s", line,
	             text.len < 60 ? (int)text.len : 60, text.data);
	if (n > 0 && (size_t)n < size)
		ignored->used += (size_t)n;
	else
		ignored->text[ignored->used] = '\0'; /* whole or not at all */
}

static void read_policy_text(struct discovery *d, struct slice body)
{
	struct ignored_lines ignored = { .used = 0 };
	struct policy_observer observer = { .note = on_policy_note,
		                            .arg = &ignored };
	struct policy *policy = NULL;
	char text[sizeof(d->steps->text)];
	struct fault why;
	int status = policy_parse(body, &observer, &policy, &why);

	if (status != MTS_OK) {
		fail_step(d, "policy",
		          status == MTS_ENOMEM ? DISCOVER_NO_MEMORY
		                               : DISCOVER_FETCH_FAILED,
		          status == MTS_ENOMEM ? "out of memory" : why.text);
		return;
	}
	write_text(text, sizeof(text), "mode %s, max_age %u s, %u mx%s",
	           policy_mode_text(policy->mode), (unsigned)policy->max_age_s,
	           (unsigned)policy->mx_count, ignored.text);
	add_trace_step(d, "policy", true, text);
	d->result.policy = policy;
	d->result.text = body;
	end_discovery(d, DISCOVER_POLICY, "policy fetched");
	policy_free(&policy);
}

/* -- HTTPS ----------------------------------------------------------------- */

static void discovery_on_fetch(void *arg, const struct fetch_result *result)
{
	struct discovery *d = arg;

	d->fetch = NULL;
	d->result.cause = result->cause;
	add_fetch_steps(d, result);
	d->step_ms = clock_mono_ms(d->options.clock);
	if (result->cause == FETCH_OK)
		read_policy_text(d, result->body);
	else
		end_discovery(d,
		              result->cause == FETCH_NO_MEMORY
		                  ? DISCOVER_NO_MEMORY
		                  : DISCOVER_FETCH_FAILED,
		              result->reason);
}

static void make_host_name(const struct discovery *d, char name[HOST_NAME_SIZE])
{
	write_text(name, HOST_NAME_SIZE, "mta-sts.%s", d->domain.name);
}

static void discovery_on_slow_fetch(void *arg);

static void start_fetch(struct discovery *d)
{
	char name[HOST_NAME_SIZE];
	int status;

	d->state = DISCOVERY_FETCH;
	make_host_name(d, name);
	status =
	    fetcher_get(d->options.fetcher, name, d->addresses,
	                d->address_count, discovery_on_fetch, d, &d->fetch);
	if (status != MTS_OK)
		fail_start(d, "connect", status);
	else if (!d->asked_aaaa)
		fetch_expect(d->fetch, discovery_on_slow_fetch);
}

/* -- addresses ------------------------------------------------------------- */

static void collect_addresses(struct discovery *d,
                              const struct dns_answer *answer)
{
	char text[ADDRESS_TEXT];

	for (size_t i = 0; i < answer->count; i++) {
		const struct address *address = &answer->addresses[i];

		if (!d->options.allow_private_addresses &&
		    address_is_special(address))
			append_item(d->refused, sizeof(d->refused),
			            address_text(address, text));
		else if (d->address_count < ADDRESSES_MAX)
			d->addresses[d->address_count++] = *address;
	}
}

static void fail_policy_host(struct discovery *d)
{
	char host[HOST_NAME_SIZE];
	char text[sizeof(d->reason)];

	make_host_name(d, host);
	if (*d->refused)
		write_text(text, sizeof(text),
		           "%s has only private addresses (%s); see "
		           "fetch.allow_private_addresses",
		           host, d->refused);
	else if (*d->dns_fault)
		write_text(text, sizeof(text),
		           "the addresses of %s can't be looked up: %s", host,
		           d->dns_fault);
	else
		write_text(text, sizeof(text), "%s has no address", host);
	fail_step(d, "address", DISCOVER_FETCH_FAILED, text);
}

static void use_addresses(struct discovery *d)
{
	char text[sizeof(d->steps->text)];

	list_addresses(d, text, sizeof(text));
	add_trace_step(d, "address", true, text);
	start_fetch(d);
}

static void read_addresses(struct discovery *d, const struct dns_answer *answer)
{
	if (answer->status == DNS_OK)
		collect_addresses(d, answer);
	else if (answer->status == DNS_FAILED || answer->status == DNS_TIMEOUT)
		write_text(d->dns_fault, sizeof(d->dns_fault), "%s",
		           answer->reason);
}

/* Gives the addresses from FIRST on to the request that is under way. */
static void offer_addresses(struct discovery *d, size_t first)
{
	fetch_offer(d->fetch, &d->addresses[first], d->address_count - first);
	for (size_t i = 0; i < d->result.step_count; i++)
		if (strcmp(d->steps[i].name, "address") == 0)
			list_addresses(d, d->steps[i].text,
			               sizeof(d->steps[i].text));
}

static void discovery_on_aaaa(void *arg, const struct dns_answer *answer)
{
	struct discovery *d = arg;
	size_t before = d->address_count;

	d->aaaa = NULL;
	read_addresses(d, answer);
	if (d->state == DISCOVERY_FETCH)
		offer_addresses(d, before);
	else if (d->address_count)
		use_addresses(d);
	else
		fail_policy_host(d);
}

static int ask_aaaa(struct discovery *d)
{
	char name[HOST_NAME_SIZE];

	d->asked_aaaa = true;
	make_host_name(d, name);
	return resolver_aaaa(d->options.resolver, name, discovery_on_aaaa, d,
	                     &d->aaaa);
}

static void discovery_on_slow_fetch(void *arg)
{
	struct discovery *d = arg;

	if (ask_aaaa(d) != MTS_OK)
		fetch_offer(d->fetch, NULL, 0);
}

static void discovery_on_a(void *arg, const struct dns_answer *answer)
{
	struct discovery *d = arg;
	int status;

	d->a = NULL;
	read_addresses(d, answer);
	if (d->address_count) {
		use_addresses(d);
		return;
	}
	status = ask_aaaa(d);
	if (status != MTS_OK)
		fail_start(d, "address", status);
}

/* Nearly every policy host can be reached over IPv4. So AAAA is asked for only if
 * there is no A record, or if the request makes no progress with A. */
static void start_addresses(struct discovery *d)
{
	char name[HOST_NAME_SIZE];
	int status;

	d->state = DISCOVERY_ADDRESS;
	make_host_name(d, name);
	status =
	    resolver_a(d->options.resolver, name, discovery_on_a, d, &d->a);
	if (status != MTS_OK)
		fail_start(d, "address", status);
}

/* -- the record ------------------------------------------------------------ */

/* There is no valid record: the end (3.1), except for a refresh. */
static void fail_record(struct discovery *d, enum discover_outcome outcome,
                        const char *reason)
{
	d->result.record_outcome = outcome;
	write_text(d->record_reason, sizeof(d->record_reason), "%s", reason);
	fault_scrub(d->record_reason);
	if (!d->options.despite_record) {
		fail_step(d, "record", outcome, reason);
		return;
	}
	add_trace_step(d, "record", false, reason);
	start_addresses(d);
}

static void read_record(struct discovery *d, const struct dns_answer *answer)
{
	struct fault why;
	char text[sizeof(d->steps->text)];
	int status = record_select(answer->texts, answer->count,
	                           &d->result.record, &why);

	if (status != MTS_OK) {
		fail_record(d,
		            status == MTS_ENOTFOUND ? DISCOVER_NO_RECORD
		                                    : DISCOVER_BAD_RECORD,
		            why.text);
		return;
	}
	write_text(text, sizeof(text), "id %s, TTL %u s", d->result.record.id,
	           (unsigned)answer->ttl_s);
	add_trace_step(d, "record", true, text);
	if (*d->known_id && strcmp(d->known_id, d->result.record.id) == 0)
		end_discovery(d, DISCOVER_UNCHANGED,
		              "the record's id has not changed");
	else
		start_addresses(d);
}

static void discovery_on_txt(void *arg, const struct dns_answer *answer)
{
	struct discovery *d = arg;

	d->txt = NULL;
	d->result.record_ttl_s = answer->ttl_s;
	switch (answer->status) {
	case DNS_OK:
		read_record(d, answer);
		return;
	case DNS_NODATA:
	case DNS_NXDOMAIN:
		fail_record(d, DISCOVER_NO_RECORD,
		            "there is no _mta-sts TXT record");
		return;
	case DNS_FAILED:
	case DNS_TIMEOUT:
		fail_record(d, DISCOVER_DNS_FAILED, answer->reason);
		return;
	}
}

/* -- start and cancel ------------------------------------------------------ */

static void discovery_on_timer(uv_timer_t *timer)
{
	fail_step(timer->data, "record", DISCOVER_NO_RECORD,
	          "the domain is too long to have an _mta-sts record");
}

int discovery_start(const struct discover_options *options,
                    const struct domain *domain, const char *known_id,
                    discover_callback *callback, void *arg,
                    struct discovery **ret)
{
	struct discovery *d = calloc(1, sizeof(*d));
	char name[HOST_NAME_SIZE];
	int status;

	if (!d)
		return MTS_ENOMEM;
	d->state = DISCOVERY_STARTED;
	d->options = *options;
	d->domain = *domain;
	if (known_id)
		write_text(d->known_id, sizeof(d->known_id), "%s", known_id);
	d->callback = callback;
	d->arg = arg;
	d->step_ms = clock_mono_ms(options->clock);
	uv_timer_init(resolver_loop(options->resolver), &d->timer);
	d->timer.data = d;
	write_text(name, sizeof(name), "_mta-sts.%s", domain->name);
	if (strlen(name) > DOMAIN_MAX) {
		uv_timer_start(&d->timer, discovery_on_timer, 0, 0);
		*ret = d;
		return MTS_OK;
	}
	d->state = DISCOVERY_RECORD;
	status =
	    resolver_txt(options->resolver, name, discovery_on_txt, d, &d->txt);
	if (status != MTS_OK)
		discovery_cancel(&d);
	else
		*ret = d;
	return status;
}

void discovery_cancel(struct discovery **discovery)
{
	if (!*discovery)
		return;
	detach_discovery(*discovery);
	*discovery = NULL;
}
