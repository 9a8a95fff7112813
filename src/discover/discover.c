/* SPDX-License-Identifier: BSD-2-Clause */
/* discover.c - policy discovery for one domain (RFC 8461 3).
 *
 * One walk, one state after the other; each leaves its line in the trace. The
 * first step that fails is the last one. */
#include "discover/discover_internal.h"

#include "base/shortage.h"

#include <stdlib.h>
#include <string.h>

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
	discover_say(d->reason, sizeof(d->reason), "%s", reason);
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
	discover_add_step(d, step, false, reason);
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

/* What failed may have failed for want of memory here. */
static enum discover_outcome unless_short(const struct discovery *d,
                                          enum discover_outcome outcome)
{
	return shortage_count() == d->shortages ? outcome : DISCOVER_NO_MEMORY;
}

/* -- the policy ------------------------------------------------------------ */

static void read_policy(struct discovery *d, struct slice body)
{
	struct discover_notes notes = { .used = 0 };
	struct policy_observer observer = { .note = discover_on_note,
		                            .arg = &notes };
	struct policy *policy = NULL;
	struct fault why;
	int status = policy_parse(body, &observer, &policy, &why);

	if (status == MTS_ENOMEM) {
		fail_step(d, "policy", DISCOVER_NO_MEMORY, "out of memory");
		return;
	}
	if (status != MTS_OK) {
		fail_step(d, "policy", DISCOVER_FETCH_FAILED, why.text);
		return;
	}
	discover_trace_policy(d, policy, &notes);
	d->result.policy = policy;
	d->result.text = body;
	finish(d, DISCOVER_POLICY, "policy fetched");
	policy_free(&policy);
}

/* -- HTTPS ----------------------------------------------------------------- */

static void on_fetch(void *arg, const struct fetch_result *result)
{
	struct discovery *d = arg;

	d->fetch = NULL;
	d->result.cause = result->cause;
	discover_trace_fetch(d, result);
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
	discover_say(name, DISCOVER_NAME, "mta-sts.%s", d->domain.name);
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

static void take_addresses(struct discovery *d, const struct dns_answer *answer)
{
	char text[ADDRESS_TEXT];

	for (size_t i = 0; i < answer->count; i++) {
		const struct address *address = &answer->addresses[i];

		if (!d->options.allow_private_addresses &&
		    address_is_special(address))
			discover_append(d->refused, sizeof(d->refused),
			                address_text(address, text));
		else if (d->address_count < DISCOVER_ADDRESSES_MAX)
			d->addresses[d->address_count++] = *address;
	}
}

static void fail_addresses(struct discovery *d)
{
	char host[DISCOVER_NAME];
	char text[sizeof(d->reason)];

	policy_host(d, host);
	if (*d->refused)
		discover_say(text, sizeof(text),
		             "%s has only private addresses (%s); see "
		             "fetch.allow_private_addresses",
		             host, d->refused);
	else if (*d->dns_fault)
		discover_say(text, sizeof(text),
		             "the addresses of %s can't be looked up: %s", host,
		             d->dns_fault);
	else
		discover_say(text, sizeof(text), "%s has no address", host);
	fail_step(d, "address",
	          *d->dns_fault ? unless_short(d, DISCOVER_FETCH_FAILED)
	                        : DISCOVER_FETCH_FAILED,
	          text);
}

static void use_addresses(struct discovery *d)
{
	char text[sizeof(d->steps->text)];

	discover_list_addresses(d, text, sizeof(text));
	discover_add_step(d, "address", true, text);
	start_fetch(d);
}

static void read_addresses(struct discovery *d, const struct dns_answer *answer)
{
	if (answer->status == DNS_OK)
		take_addresses(d, answer);
	else if (answer->status == DNS_FAILED || answer->status == DNS_TIMEOUT)
		discover_say(d->dns_fault, sizeof(d->dns_fault), "%s",
		             answer->reason);
}

/* The request is out, and these may help it on. */
static void offer_addresses(struct discovery *d, size_t first)
{
	fetch_offer(d->fetch, &d->addresses[first], d->address_count - first);
	for (size_t i = 0; i < d->result.step_count; i++)
		if (strcmp(d->steps[i].name, "address") == 0)
			discover_list_addresses(d, d->steps[i].text,
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
	discover_say(d->record_reason, sizeof(d->record_reason), "%s", reason);
	fault_scrub(d->record_reason);
	if (!d->options.despite_record) {
		fail_step(d, "record", outcome, reason);
		return;
	}
	discover_add_step(d, "record", false, reason);
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
	discover_say(text, sizeof(text), "id %s, TTL %u s", d->result.record.id,
	             (unsigned)answer->ttl_s);
	discover_add_step(d, "record", true, text);
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
		miss_record(d, unless_short(d, DISCOVER_DNS_FAILED),
		            answer->reason);
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
		discover_say(d->known_id, sizeof(d->known_id), "%s", known_id);
	d->callback = callback;
	d->arg = arg;
	d->shortages = shortage_count();
	d->step_ms = clock_mono_ms(options->clock);
	uv_timer_init(resolver_loop(options->resolver), &d->timer);
	d->timer.data = d;
	discover_say(name, sizeof(name), "_mta-sts.%s", domain->name);
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
