/* SPDX-License-Identifier: BSD-2-Clause */
/* discover.c - policy discovery for one domain (RFC 8461 3).
 *
 * One walk, one state after the other; each leaves its line in the trace. The
 * first step that fails is the last one. */
#include "net/discover.h"

#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	uint64_t step_ms; /* when the step under way began */
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

/* -- the trace ------------------------------------------------------------- */

/* snprintf() for lines: what does not fit is cut off, and that is right. */
__attribute__((format(printf, 3, 4))) static char *say(char *to, size_t size,
                                                       const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	if (vsnprintf(to, size, format, ap) < 0)
		*to = '\0';
	va_end(ap);
	return to;
}

static void add_line(struct discovery *d, const char *name, bool ok,
                     uint64_t ms, const char *text)
{
	struct discover_step *step;

	if (d->result.step_count == DISCOVER_STEPS_MAX)
		return;
	step = &d->steps[d->result.step_count++];
	step->name = name;
	step->ok = ok;
	step->ms = ms;
	say(step->text, sizeof(step->text), "%s", text);
	fault_scrub(step->text);
}

/* A step that has just ended. */
static void add_step(struct discovery *d, const char *name, bool ok,
                     const char *text)
{
	uint64_t now_ms = clock_mono_ms(d->options.clock);

	add_line(d, name, ok, now_ms - d->step_ms, text);
	d->step_ms = now_ms;
}

/* -- the end --------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void detach(struct discovery *d)
{
	d->state = DISCOVERY_DONE;
	dns_query_cancel(&d->txt);
	dns_query_cancel(&d->a);
	dns_query_cancel(&d->aaaa);
	fetch_cancel(&d->fetch);
	uv_close((uv_handle_t *)&d->timer, on_closed);
}

/* Ends the walk. Frees nothing until the loop's next round, so what RESULT
 * points to is there for the callback. */
static void finish(struct discovery *d, enum discover_outcome outcome,
                   const char *reason)
{
	detach(d);
	say(d->reason, sizeof(d->reason), "%s", reason);
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
	add_step(d, step, false, reason);
	finish(d, outcome, reason);
}

/* What could not even be started. */
static void fail_start(struct discovery *d, const char *step, int status)
{
	bool memory = status == MTS_ENOMEM;

	fail_step(d, step,
	          memory                         ? DISCOVER_NO_MEMORY
	          : d->state == DISCOVERY_RECORD ? DISCOVER_DNS_FAILED
	                                         : DISCOVER_FETCH_FAILED,
	          mts_status_text(status));
}

/* -- the policy ------------------------------------------------------------ */

/* Collects, for the trace, what the parser passed over. */
struct notes {
	char text[140];
	size_t used;
};

static void on_note(void *arg, enum policy_note note, unsigned line,
                    struct slice text)
{
	struct notes *notes = arg;
	size_t room = sizeof(notes->text) - notes->used;
	int n;

	if (note != POLICY_NOTE_BAD_MX)
		return;
	n = snprintf(notes->text + notes->used, room,
	             "; line %u left out: %.*s", line,
	             text.len < 60 ? (int)text.len : 60, text.data);
	if (n > 0 && (size_t)n < room)
		notes->used += (size_t)n;
	else
		notes->text[notes->used] = '\0'; /* whole or not at all */
}

static void read_policy(struct discovery *d, struct slice body)
{
	struct notes notes = { .used = 0 };
	struct policy_observer observer = { on_note, &notes };
	struct policy *policy = NULL;
	struct fault why;
	char text[sizeof(d->steps->text)];
	int status = policy_parse(body, &observer, &policy, &why);

	if (status == MTS_ENOMEM) {
		fail_step(d, "policy", DISCOVER_NO_MEMORY, "out of memory");
		return;
	}
	if (status != MTS_OK) {
		fail_step(d, "policy", DISCOVER_FETCH_FAILED, why.text);
		return;
	}
	say(text, sizeof(text), "mode %s, max_age %u s, %u mx%s",
	    policy_mode_text(policy->mode), (unsigned)policy->max_age_s,
	    (unsigned)policy->mx_count, notes.text);
	add_step(d, "policy", true, text);
	d->result.policy = policy;
	d->result.text = body;
	finish(d, DISCOVER_POLICY, "policy fetched");
	policy_free(&policy);
}

/* -- HTTPS ----------------------------------------------------------------- */

/* The lines for what was reached: "connect", "tls", "http". The last one tells
 * what is wrong, unless all is well. */
static void trace_fetch(struct discovery *d, const struct fetch_result *result)
{
	bool ok = result->cause == FETCH_OK;
	char text[sizeof(d->steps->text)];
	uint64_t tls_ms = result->tls_ms;
	uint64_t tls_took_ms = tls_ms - result->connect_ms;

	if (!result->connect_ms) {
		add_line(d, "connect", false, result->total_ms, result->reason);
		return;
	}
	say(text, sizeof(text), "%s port 443", result->address);
	add_line(d, "connect", true, result->connect_ms, text);
	if (!tls_ms) {
		add_line(d, "tls", false, result->total_ms - result->connect_ms,
		         result->reason);
		return;
	}
	say(text, sizeof(text), "%s, certificate good for mta-sts.%s",
	    result->tls, d->domain.name);
	add_line(d, "tls", true, tls_took_ms, text);
	say(text, sizeof(text), "status %ld, %zu bytes", result->http_status,
	    result->body.len);
	add_line(d, "http", ok, result->total_ms - tls_ms,
	         ok ? text : result->reason);
}

static void on_fetch(void *arg, const struct fetch_result *result)
{
	struct discovery *d = arg;

	d->fetch = NULL;
	d->result.cause = result->cause;
	trace_fetch(d, result);
	d->step_ms = clock_mono_ms(d->options.clock);
	if (result->cause == FETCH_OK)
		read_policy(d, result->body);
	else
		finish(d,
		       result->cause == FETCH_NO_MEMORY ? DISCOVER_NO_MEMORY
		                                        : DISCOVER_FETCH_FAILED,
		       result->reason);
}

static void policy_host(const struct discovery *d, char name[DISCOVER_NAME])
{
	say(name, DISCOVER_NAME, "mta-sts.%s", d->domain.name);
}

static void on_want(void *arg);

static void start_fetch(struct discovery *d)
{
	char name[DISCOVER_NAME];
	int status;

	d->state = DISCOVERY_FETCH;
	policy_host(d, name);
	status = fetcher_get(d->options.fetcher, name, d->addresses,
	                     d->address_count, on_fetch, d, &d->fetch);
	if (status != MTS_OK)
		fail_start(d, "connect", status);
	else if (!d->asked_aaaa)
		fetch_expect(d->fetch, on_want);
}

/* -- addresses ------------------------------------------------------------- */

/* Appends ITEM to the list in TEXT, if there is room for it. */
static void append_item(char *text, size_t size, const char *item)
{
	size_t used = strlen(text);

	if (used + strlen(item) + 3 <= size)
		say(text + used, size - used, "%s%s", used ? ", " : "", item);
}

static void take_addresses(struct discovery *d, const struct dns_answer *answer)
{
	char text[ADDRESS_TEXT];

	for (size_t i = 0; i < answer->count; i++) {
		const struct address *address = &answer->addresses[i];

		if (!d->options.allow_private_addresses &&
		    address_is_special(address))
			append_item(d->refused, sizeof(d->refused),
			            address_text(address, text));
		else if (d->address_count < DISCOVER_ADDRESSES_MAX)
			d->addresses[d->address_count++] = *address;
	}
}

/* Makes a list of the addresses in TEXT. */
static void list_addresses(const struct discovery *d, char *text, size_t size)
{
	char address[ADDRESS_TEXT];

	*text = '\0';
	for (size_t i = 0; i < d->address_count; i++)
		append_item(text, size,
		            address_text(&d->addresses[i], address));
}

static void fail_addresses(struct discovery *d)
{
	char host[DISCOVER_NAME];
	char text[sizeof(d->reason)];

	policy_host(d, host);
	if (*d->refused)
		say(text, sizeof(text),
		    "%s has only private addresses (%s); see "
		    "fetch.allow_private_addresses",
		    host, d->refused);
	else if (*d->dns_fault)
		say(text, sizeof(text),
		    "the addresses of %s can't be looked up: %s", host,
		    d->dns_fault);
	else
		say(text, sizeof(text), "%s has no address", host);
	fail_step(d, "address", DISCOVER_FETCH_FAILED, text);
}

static void use_addresses(struct discovery *d)
{
	char text[sizeof(d->steps->text)];

	list_addresses(d, text, sizeof(text));
	add_step(d, "address", true, text);
	start_fetch(d);
}

static void read_addresses(struct discovery *d, const struct dns_answer *answer)
{
	if (answer->status == DNS_OK)
		take_addresses(d, answer);
	else if (answer->status == DNS_FAILED || answer->status == DNS_TIMEOUT)
		say(d->dns_fault, sizeof(d->dns_fault), "%s", answer->reason);
}

/* The request is out, and these may help it on. */
static void offer_addresses(struct discovery *d, size_t first)
{
	fetch_offer(d->fetch, &d->addresses[first], d->address_count - first);
	for (size_t i = 0; i < d->result.step_count; i++)
		if (strcmp(d->steps[i].name, "address") == 0)
			list_addresses(d, d->steps[i].text,
			               sizeof(d->steps[i].text));
}

static void on_aaaa(void *arg, const struct dns_answer *answer)
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
		fail_addresses(d);
}

static int ask_aaaa(struct discovery *d)
{
	char name[DISCOVER_NAME];

	d->asked_aaaa = true;
	policy_host(d, name);
	return resolver_aaaa(d->options.resolver, name, on_aaaa, d, &d->aaaa);
}

static void on_want(void *arg)
{
	struct discovery *d = arg;

	if (ask_aaaa(d) != MTS_OK)
		fetch_offer(d->fetch, NULL, 0);
}

static void on_a(void *arg, const struct dns_answer *answer)
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

/* Nearly every policy host is reached by IPv4. So AAAA is a question too many,
 * unless there is no A, or the fetch does not get on with what there is. */
static void start_addresses(struct discovery *d)
{
	char name[DISCOVER_NAME];
	int status;

	d->state = DISCOVERY_ADDRESS;
	policy_host(d, name);
	status = resolver_a(d->options.resolver, name, on_a, d, &d->a);
	if (status != MTS_OK)
		fail_start(d, "address", status);
}

/* -- the record ------------------------------------------------------------ */

/* There is no good record: the end (3.1), but for a refresh. */
static void miss_record(struct discovery *d, enum discover_outcome outcome,
                        const char *reason)
{
	d->result.record_outcome = outcome;
	say(d->record_reason, sizeof(d->record_reason), "%s", reason);
	fault_scrub(d->record_reason);
	if (!d->options.despite_record) {
		fail_step(d, "record", outcome, reason);
		return;
	}
	add_step(d, "record", false, reason);
	start_addresses(d);
}

static void read_record(struct discovery *d, const struct dns_answer *answer)
{
	struct fault why;
	char text[sizeof(d->steps->text)];
	int status = record_select(answer->texts, answer->count,
	                           &d->result.record, &why);

	if (status != MTS_OK) {
		miss_record(d,
		            status == MTS_ENOTFOUND ? DISCOVER_NO_RECORD
		                                    : DISCOVER_BAD_RECORD,
		            why.text);
		return;
	}
	say(text, sizeof(text), "id %s, TTL %u s", d->result.record.id,
	    (unsigned)answer->ttl_s);
	add_step(d, "record", true, text);
	if (*d->known_id && strcmp(d->known_id, d->result.record.id) == 0)
		finish(d, DISCOVER_UNCHANGED,
		       "the record's id has not changed");
	else
		start_addresses(d);
}

static void on_txt(void *arg, const struct dns_answer *answer)
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
		miss_record(d, DISCOVER_NO_RECORD,
		            "there is no _mta-sts TXT record");
		return;
	case DNS_FAILED:
	case DNS_TIMEOUT:
		miss_record(d, DISCOVER_DNS_FAILED, answer->reason);
		return;
	}
}

/* -- the walk -------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer)
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
	char name[DISCOVER_NAME];
	int status;

	if (!d)
		return MTS_ENOMEM;
	d->state = DISCOVERY_STARTED;
	d->options = *options;
	d->domain = *domain;
	if (known_id)
		say(d->known_id, sizeof(d->known_id), "%s", known_id);
	d->callback = callback;
	d->arg = arg;
	d->step_ms = clock_mono_ms(options->clock);
	uv_timer_init(resolver_loop(options->resolver), &d->timer);
	d->timer.data = d;
	say(name, sizeof(name), "_mta-sts.%s", domain->name);
	if (strlen(name) > DOMAIN_MAX) {
		uv_timer_start(&d->timer, on_timer, 0, 0);
		*ret = d;
		return MTS_OK;
	}
	d->state = DISCOVERY_RECORD;
	status = resolver_txt(options->resolver, name, on_txt, d, &d->txt);
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
	detach(*discovery);
	*discovery = NULL;
}
