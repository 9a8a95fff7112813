/* SPDX-License-Identifier: BSD-2-Clause */
/* walk_policy.c - a walk's branch to the policy host: addresses, then the fetch
 * that a sender makes, and beside it port 80.
 *
 * Where the fetch fails in the TLS hand-shake, the host is called once more, by
 * whoever takes any TLS, to see what it does speak. */
#include "check/walk_internal.h"

#include <getdns/getdns.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

enum { HTTPS_PORT = 443 };

static void policy_host(const struct walk *walk, char name[NAME_MAX_TEXT])
{
	snprintf(name, NAME_MAX_TEXT, "mta-sts.%s", walk->report->domain.name);
}

/* -- the fetch ------------------------------------------------------------- */

static int hash(struct slice body, char hex[65])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (EVP_Digest(body.data ? body.data : "", body.len, digest, &len,
	               EVP_sha256(), NULL) != 1)
		return MTS_ENOMEM;
	for (size_t i = 0; i < len && i < 32; i++)
		snprintf(&hex[2 * i], 3, "%02x", digest[i]);
	return MTS_OK;
}

static void take_body(struct walk *walk, struct slice body)
{
	struct report_policy *policy = &walk->report->policy;
	struct fault why = { 0 };
	char *copy = slice_copy(body);

	if (!copy || hash(body, policy->sha256) != MTS_OK) {
		free(copy);
		walk_no_memory(walk);
		return;
	}
	policy->text = slice_of(copy, body.len);
	if (policy_parse(policy->text, NULL, &policy->policy, &why) ==
	    MTS_ENOMEM)
		walk_no_memory(walk);
}

static void on_dial(void *arg, struct mx_address *result)
{
	struct walk *walk = arg;
	struct report_policy *policy = &walk->report->policy;

	walk->dial = NULL;
	if (result->view) {
		walk->facts.fetch.reached_tls = true;
		walk->facts.fetch.old_tls = result->view->old;
		tls_view_free(&policy->view);
		policy->view = result->view;
		result->view = NULL;
	}
	walk_end_step(walk);
}

/* What TLS does it speak, if not what senders do? */
static void look_closer(struct walk *walk, const char *tried)
{
	char name[NAME_MAX_TEXT];
	char text[ADDRESS_TEXT];
	struct address *address = &walk->facts.addresses[0];

	for (size_t i = 0; i < walk->facts.address_count; i++)
		if (strcmp(address_text(&walk->facts.addresses[i], text),
		           tried) == 0)
			address = &walk->facts.addresses[i];
	policy_host(walk, name);
	if (dialer_new(walk->options, &walk->dialer) == MTS_OK &&
	    dial_start(walk->dialer, name, address, HTTPS_PORT, false, on_dial,
	               walk, &walk->dial) == MTS_OK)
		walk_begin_step(walk);
	else
		walk_no_memory(walk);
}

/* Where the hand-shake found no fault, which is as strict, there is none. */
static void take_certs(struct walk *walk, const struct fetch_result *result)
{
	struct tls_view **view = &walk->report->policy.view;
	char name[NAME_MAX_TEXT];
	int status;

	policy_host(walk, name);
	walk->facts.fetch.reached_tls = true;
	if (result->verified)
		status = tls_view_new_good(result->chain, result->tls, view);
	else
		status = tls_view_new(fetcher_trust(walk->options->fetcher),
		                      name, result->chain, result->tls,
		                      clock_wall_s(walk->options->clock), view);
	if (status != MTS_OK)
		walk_no_memory(walk);
}

static void on_fetch(void *arg, const struct fetch_result *result)
{
	struct walk *walk = arg;
	struct fetch_facts *facts = &walk->facts.fetch;

	walk->fetch = NULL;
	facts->over = true;
	facts->cause = result->cause;
	facts->http_status = result->http_status;
	facts->challenge = result->challenge;
	facts->ms = result->total_ms;
	snprintf(facts->reason, sizeof(facts->reason), "%s", result->reason);
	snprintf(walk->report->policy.address,
	         sizeof(walk->report->policy.address), "%s", result->address);
	if (result->chain)
		take_certs(walk, result);
	if (result->cause == FETCH_OK)
		take_body(walk, result->body);
	else if (result->cause == FETCH_TLS)
		look_closer(walk, result->address);
	else if (result->cause == FETCH_NO_MEMORY)
		walk_no_memory(walk);
	walk_end_step(walk);
}

static void on_cleartext(void *arg, bool served)
{
	struct walk *walk = arg;

	walk->cleartext = NULL;
	walk->facts.cleartext = served;
	walk_end_step(walk);
}

static void fetch(struct walk *walk)
{
	const struct check_options *options = walk->options;
	struct facts *facts = &walk->facts;
	char name[NAME_MAX_TEXT];

	if (facts->address_count == 0)
		return;
	policy_host(walk, name);
	if (fetcher_get(options->fetcher, name, facts->addresses,
	                facts->address_count, on_fetch, walk,
	                &walk->fetch) == MTS_OK)
		walk_begin_step(walk);
	else
		walk_no_memory(walk);
	if (cleartext_start(resolver_loop(options->resolver), name,
	                    facts->addresses, facts->address_count,
	                    options->timeout_ms, on_cleartext, walk,
	                    &walk->cleartext) == MTS_OK)
		walk_begin_step(walk);
	else
		walk_no_memory(walk);
}

/* -- addresses ------------------------------------------------------------- */

static void take_addresses(struct walk *walk, const struct dns_answer *answer)
{
	struct facts *facts = &walk->facts;
	char text[ADDRESS_TEXT];

	for (size_t i = 0; i < answer->count; i++) {
		const struct address *address = &answer->addresses[i];
		size_t used = strlen(facts->special);

		if (!walk->options->allow_private &&
		    address_is_special(address))
			snprintf(facts->special + used,
			         sizeof(facts->special) - used, "%s%s",
			         used ? ", " : "", address_text(address, text));
		else if (facts->address_count < POLICY_ADDRESSES_MAX)
			facts->addresses[facts->address_count++] = *address;
	}
}

static void on_addresses(struct walk *walk, struct dns_facts *facts,
                         const struct dns_answer *answer)
{
	if (answer->status == DNS_OK)
		take_addresses(walk, answer);
	if (!walk->host_a && !walk->host_aaaa)
		fetch(walk);
	walk_take(walk, facts, answer);
}

static void on_a(void *arg, const struct dns_answer *answer)
{
	struct walk *walk = arg;

	walk->host_a = NULL;
	on_addresses(walk, &walk->facts.host_a, answer);
}

static void on_aaaa(void *arg, const struct dns_answer *answer)
{
	struct walk *walk = arg;

	walk->host_aaaa = NULL;
	on_addresses(walk, &walk->facts.host_aaaa, answer);
}

/* The addresses that --connect gives, instead of DNS. */
static bool take_connects(struct walk *walk)
{
	const struct check_options *options = walk->options;
	struct facts *facts = &walk->facts;
	char name[NAME_MAX_TEXT];

	policy_host(walk, name);
	for (size_t i = 0; i < options->connect_count; i++)
		if (strcmp(options->connects[i].host, name) == 0 &&
		    facts->address_count < POLICY_ADDRESSES_MAX)
			facts->addresses[facts->address_count++] =
			    options->connects[i].address;
	return facts->address_count > 0;
}

void walk_policy_start(struct walk *walk)
{
	if (take_connects(walk)) {
		fetch(walk);
		return;
	}
	if (walk->options->ipv4)
		walk_ask(walk, "mta-sts.", GETDNS_RRTYPE_A, on_a,
		         &walk->host_a);
	if (walk->options->ipv6)
		walk_ask(walk, "mta-sts.", GETDNS_RRTYPE_AAAA, on_aaaa,
		         &walk->host_aaaa);
}

void walk_policy_stop(struct walk *walk)
{
	dns_query_cancel(&walk->host_a);
	dns_query_cancel(&walk->host_aaaa);
	fetch_cancel(&walk->fetch);
	dial_cancel(&walk->dial);
	cleartext_cancel(&walk->cleartext);
}
