/* SPDX-License-Identifier: BSD-2-Clause */
/* domain_check.c - checks one domain.
 *
 * A check runs these branches side by side:
 *   record   the TXT record at _mta-sts; then the zone's own name servers,
 *            each asked directly, or the TXT records of the domain itself
 *   TLSRPT   the TXT record at _smtp._tls; then the MX records of the domains
 *            that reports are mailed to
 *   policy   the addresses of the policy host; then the fetch, and a request
 *            on port 80
 *   MX       the MX records; then each host, called by the prober
 *
 * Each query or connection is a step: check_begin_step() when it starts,
 * check_end_step() when it is over. When no step is left, or the time limit is
 * reached, the facts are judged and the owner gets the report. */
#include "check/domain_check.h"

#include "check/facts.h"
#include "check/judge.h"
#include "dns/dns_reply.h"
#include "probe/cleartext.h"
#include "probe/dial.h"
#include "probe/tls_look.h"
#include "sts/tlsrpt.h"

#include <getdns/getdns.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	/* The longest chain of steps that follow each other has this many
	 * calls (HTTPS or SMTP) and DNS queries, each with its own time
	 * limit. */
	LIMIT_CALLS = 4,
	LIMIT_QUERIES = 3,
	HTTPS_PORT = 443,
	/* A top-level zone holds no domain's record: stop above two labels. */
	ZONE_LABELS_MIN = 2,
};

/* One MX host that the prober was asked for. */
struct host_step {
	struct domain_check *check;
	size_t row; /* in the report's MX rows */
	struct prober_wish wish;
};

/* One name server of the zone: first its address, then its TXT answer. */
struct server_step {
	struct domain_check *check;
	size_t at; /* in the facts' servers */
	struct dns_query *a;
	struct ns_query *txt;
};

/* One domain that TLS reports are mailed to. */
struct rua_step {
	struct domain_check *check;
	size_t at; /* in the facts' ruas */
	struct dns_query *mx;
};

struct domain_check {
	const struct check_options *options;
	struct prober *prober;
	struct ns_pool *name_servers;
	struct domain_check_owner owner;
	uint64_t start_ms;
	uv_timer_t timer; /* fires at once when no step is left, or at the time
	                   * limit */
	size_t steps;     /* begun and not over */
	size_t waiting;   /* of these, hosts that the prober calls for another
	                   * domain */
	bool waits;       /* the owner knows that only such hosts are left */
	struct facts facts;
	struct report *report;

	struct dns_query *record, *apex;
	struct dns_query *ns;
	struct dns_name zone; /* the name whose NS records are asked for */
	struct server_step servers[SERVERS_ASKED_MAX];

	struct dns_query *tls_rpt;
	struct rua_step ruas[RUA_DOMAINS_MAX];

	struct dns_query *host_a, *host_aaaa;
	struct fetch *fetch;
	struct dialer *dialer; /* for DIAL */
	struct dial *dial;     /* to the policy host, when the fetch failed in
	                        * TLS */
	struct cleartext *cleartext;

	struct dns_query *mx;
	struct secure_query *mx_secure;
	struct host_step *hosts; /* one for each MX row that is called */
	size_t host_count;
};

/* -- steps, and the end of a check ----------------------------------------- */

uint64_t domain_check_limit_ms(const struct check_options *options)
{
	return LIMIT_CALLS * options->probe.timeout_ms +
	       LIMIT_QUERIES * options->probe.dns_timeout_ms;
}

/* Milliseconds since the check began; never 0. */
static uint64_t check_ms(const struct domain_check *check)
{
	return clock_mono_ms(check->options->probe.clock) - check->start_ms + 1;
}

/* The report will say that something is missing from it. */
static void check_no_memory(struct domain_check *check)
{
	check->report->status = MTS_ENOMEM;
}

static void check_on_closed(uv_handle_t *handle)
{
	struct domain_check *check = handle->data;

	facts_clear(&check->facts);
	report_free(&check->report);
	dialer_free(&check->dialer);
	free(check->hosts);
	free(check);
}

/* Cancels every step, then frees the check. */
static void check_stop(struct domain_check *check)
{
	dns_query_cancel(&check->record);
	dns_query_cancel(&check->apex);
	dns_query_cancel(&check->ns);
	for (size_t i = 0; i < SERVERS_ASKED_MAX; i++) {
		dns_query_cancel(&check->servers[i].a);
		ns_query_cancel(&check->servers[i].txt);
	}
	dns_query_cancel(&check->tls_rpt);
	for (size_t i = 0; i < RUA_DOMAINS_MAX; i++)
		dns_query_cancel(&check->ruas[i].mx);
	dns_query_cancel(&check->host_a);
	dns_query_cancel(&check->host_aaaa);
	fetch_cancel(&check->fetch);
	dial_cancel(&check->dial);
	cleartext_cancel(&check->cleartext);
	dns_query_cancel(&check->mx);
	secure_query_cancel(&check->mx_secure);
	for (size_t i = 0; i < check->host_count; i++)
		prober_forget(&check->hosts[i].wish);
	uv_close((uv_handle_t *)&check->timer, check_on_closed);
}

static void check_finish(struct domain_check *check)
{
	struct report *report = check->report;

	check_stop(check);
	report->timing.record_ms = check->facts.record.ms;
	report->timing.tls_rpt_ms = check->facts.tls_rpt.ms;
	report->timing.policy_ms = check->facts.fetch.ms;
	report->timing.total_ms = check_ms(check);
	report->time_s = clock_wall_s(check->options->probe.clock);
	judge(report, &check->facts, check->options);
	check->report = NULL;
	check->owner.done(check->owner.arg, report);
}

static void check_on_limit(uv_timer_t *timer)
{
	check_finish(timer->data);
}

static void check_set_limit(struct domain_check *check)
{
	uint64_t limit_ms = domain_check_limit_ms(check->options);
	uint64_t spent_ms = check_ms(check);

	uv_timer_start(&check->timer, check_on_limit,
	               spent_ms < limit_ms ? limit_ms - spent_ms : 0, 0);
}

static void check_begin_step(struct domain_check *check)
{
	check->steps++;
}

/* Comes from the loop after the last step, or the last that does not just wait,
 * has ended. By now the callback that ended it may have begun another. */
static void check_on_idle(uv_timer_t *timer)
{
	struct domain_check *check = timer->data;

	if (check->steps == 0) {
		check_finish(check);
		return;
	}
	check_set_limit(check);
	if (check->steps > check->waiting || check->waits)
		return;
	check->waits = true;
	check->owner.waits(check->owner.arg);
}

static void check_end_step(struct domain_check *check)
{
	if (--check->steps == check->waiting)
		uv_timer_start(&check->timer, check_on_idle, 0, 0);
}

void domain_check_cancel(struct domain_check **check)
{
	if (!*check)
		return;
	check_stop(*check);
	*check = NULL;
}

/* -- DNS queries ----------------------------------------------------------- */

/* Begins a step: asks for the TYPE records of PREFIX and the domain. A name that
 * is no valid DNS name has none, and is not asked for. */
static void check_ask(struct domain_check *check, const char *prefix,
                      uint16_t type, dns_callback *callback,
                      struct dns_query **ret)
{
	char text[NAME_MAX_TEXT + 8];
	struct dns_name name;

	snprintf(text, sizeof(text), "%s%s", prefix,
	         check->report->domain.name);
	if (dns_name_parse(text, &name) != MTS_OK)
		return;
	if (resolver_ask(check->options->probe.resolver, &name, type, false,
	                 callback, check, ret) == MTS_OK)
		check_begin_step(check);
	else
		check_no_memory(check);
}

/* Copies ANSWER into FACTS, and ends the step. */
static void check_take(struct domain_check *check, struct dns_facts *facts,
                       const struct dns_answer *answer)
{
	if (dns_facts_take(facts, answer, check_ms(check)) != MTS_OK)
		check_no_memory(check);
	check_end_step(check);
}

/* -- record: the zone's own name servers ----------------------------------- */

static void server_on_txt(void *arg, const struct dns_answer *answer)
{
	struct server_step *server = arg;
	struct domain_check *check = server->check;

	server->txt = NULL;
	check_take(check, &check->facts.servers[server->at].answer, answer);
}

static void server_ask_txt(struct server_step *server,
                           const struct address *address)
{
	struct domain_check *check = server->check;
	struct dns_name name;

	if (dns_name_parse(check->facts.record.end, &name) == MTS_OK &&
	    ns_query_start(check->name_servers, address, &name,
	                   GETDNS_RRTYPE_TXT, server_on_txt, server,
	                   &server->txt) == MTS_OK)
		check_begin_step(check);
}

/* Asks the server at the first address that we may connect to. */
static void server_on_a(void *arg, const struct dns_answer *answer)
{
	struct server_step *server = arg;
	struct domain_check *check = server->check;
	struct server_facts *facts = &check->facts.servers[server->at];

	server->a = NULL;
	for (size_t i = 0; i < answer->count && answer->status == DNS_OK; i++) {
		if (!check->options->probe.allow_private &&
		    address_is_special(&answer->addresses[i]))
			continue;
		address_text(&answer->addresses[i], facts->address);
		server_ask_txt(server, &answer->addresses[i]);
		break;
	}
	check_end_step(check);
}

static void zone_add_server(struct domain_check *check, struct slice rdata)
{
	size_t at = check->facts.server_count;
	struct server_step *server = &check->servers[at];
	const struct probe_options *probe = &check->options->probe;
	uint16_t type = probe->ipv4 ? GETDNS_RRTYPE_A : GETDNS_RRTYPE_AAAA;
	struct dns_name name;

	if (at == SERVERS_ASKED_MAX ||
	    !dns_name_read((const uint8_t *)rdata.data, rdata.len, &name))
		return;
	dns_name_show(&name, check->facts.servers[at].name);
	server->check = check;
	server->at = at;
	if (resolver_ask(probe->resolver, &name, type, false, server_on_a,
	                 server, &server->a) != MTS_OK)
		return;
	check->facts.server_count++;
	check_begin_step(check);
}

static void zone_ask_ns(struct domain_check *check);

/* A name without NS records of its own belongs to a zone above it. */
static void zone_on_ns(void *arg, const struct dns_answer *answer)
{
	struct domain_check *check = arg;
	size_t labels = dns_name_labels(&check->zone);

	check->ns = NULL;
	if (answer->status == DNS_OK && answer->hops == 0) {
		for (size_t i = 0; i < answer->count; i++)
			zone_add_server(check, answer->texts[i]);
	} else if (labels > ZONE_LABELS_MIN && answer->status != DNS_FAILED &&
	           answer->status != DNS_TIMEOUT) {
		check->zone = dns_name_tail(&check->zone, labels - 1);
		zone_ask_ns(check);
	}
	check_end_step(check);
}

static void zone_ask_ns(struct domain_check *check)
{
	if (resolver_ask(check->options->probe.resolver, &check->zone,
	                 GETDNS_RRTYPE_NS, false, zone_on_ns, check,
	                 &check->ns) == MTS_OK)
		check_begin_step(check);
}

/* -- record ---------------------------------------------------------------- */

static void record_on_apex(void *arg, const struct dns_answer *answer)
{
	struct domain_check *check = arg;

	check->apex = NULL;
	check_take(check, &check->facts.apex, answer);
}

static bool record_is_there(const struct dns_facts *facts)
{
	for (size_t i = 0; i < facts->count; i++)
		if (slice_starts(facts->texts[i], "v=STSv1"))
			return true;
	return false;
}

/* With a record: do all name servers have the same one? The zone is looked for
 * from the record's name, or that of its alias, upwards. Without: is it at the
 * domain itself by mistake? */
static void record_on_answer(void *arg, const struct dns_answer *answer)
{
	struct domain_check *check = arg;
	struct dns_facts *facts = &check->facts.record;

	check->record = NULL;
	check_take(check, facts, answer);
	if (record_is_there(facts)) {
		if (dns_name_parse(facts->end, &check->zone) == MTS_OK)
			zone_ask_ns(check);
	} else if (dns_facts_known(facts)) {
		check_ask(check, "", GETDNS_RRTYPE_TXT, record_on_apex,
		          &check->apex);
	}
}

/* A domain whose record's name would be too long for DNS has no record. */
static void record_start(struct domain_check *check)
{
	static const char prefix[] = "_mta-sts.";
	struct dns_facts *facts = &check->facts.record;

	if (check->report->domain.len + strlen(prefix) <= DOMAIN_MAX) {
		check_ask(check, prefix, GETDNS_RRTYPE_TXT, record_on_answer,
		          &check->record);
		return;
	}
	facts->over = true;
	facts->status = DNS_NXDOMAIN;
}

/* -- TLSRPT ---------------------------------------------------------------- */

static void rua_on_mx(void *arg, const struct dns_answer *answer)
{
	struct rua_step *step = arg;
	struct domain_check *check = step->check;

	step->mx = NULL;
	check->facts.ruas[step->at].over = true;
	check->facts.ruas[step->at].status = answer->status;
	check_end_step(check);
}

/* Does a domain that reports are mailed to receive mail? */
static void rua_ask_mx(struct domain_check *check, struct slice domain)
{
	size_t at = check->facts.rua_count;
	struct rua_facts *rua = &check->facts.ruas[at];
	struct rua_step *step = &check->ruas[at];
	struct dns_name name;

	if (at == RUA_DOMAINS_MAX || !domain_is_name(domain.data, domain.len))
		return;
	snprintf(rua->domain, sizeof(rua->domain), "%.*s", (int)domain.len,
	         domain.data);
	step->check = check;
	step->at = at;
	if (dns_name_parse(rua->domain, &name) != MTS_OK ||
	    resolver_ask(check->options->probe.resolver, &name,
	                 GETDNS_RRTYPE_MX, false, rua_on_mx, step,
	                 &step->mx) != MTS_OK)
		return;
	check->facts.rua_count++;
	check_begin_step(check);
}

static void tls_rpt_on_answer(void *arg, const struct dns_answer *answer)
{
	struct domain_check *check = arg;
	struct dns_facts *facts = &check->facts.tls_rpt;
	struct tlsrpt record;

	check->tls_rpt = NULL;
	check_take(check, facts, answer);
	for (size_t i = 0; i < facts->count; i++) {
		if (tlsrpt_parse(facts->texts[i], &record, NULL) != MTS_OK)
			continue;
		for (size_t k = 0; k < record.rua_count; k++)
			rua_ask_mx(check, tlsrpt_mail_domain(record.rua[k]));
	}
}

/* -- policy: the fetch ----------------------------------------------------- */

static void policy_host_name(const struct domain_check *check,
                             char name[NAME_MAX_TEXT])
{
	snprintf(name, NAME_MAX_TEXT, "mta-sts.%s", check->report->domain.name);
}

static int policy_hash(struct slice body, char hex[65])
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

static void policy_take_body(struct domain_check *check, struct slice body)
{
	struct report_policy *policy = &check->report->policy;
	struct fault why = { 0 };
	char *copy = slice_copy(body);

	if (!copy || policy_hash(body, policy->sha256) != MTS_OK) {
		free(copy);
		check_no_memory(check);
		return;
	}
	policy->text = slice_of(copy, body.len);
	if (policy_parse(policy->text, NULL, &policy->policy, &why) ==
	    MTS_ENOMEM)
		check_no_memory(check);
}

static void policy_on_dial(void *arg, struct mx_address *result)
{
	struct domain_check *check = arg;
	struct report_policy *policy = &check->report->policy;

	check->dial = NULL;
	if (result->view) {
		check->facts.fetch.old_tls = result->view->old;
		tls_view_free(&policy->view);
		policy->view = result->view;
		result->view = NULL;
	}
	check_end_step(check);
}

/* The fetch failed in TLS at the address TRIED: connects there once more,
 * accepting any version and certificate, to see what the host does offer. */
static void policy_dial(struct domain_check *check, const char *tried)
{
	char name[NAME_MAX_TEXT];
	char text[ADDRESS_TEXT];
	struct address *address = &check->facts.addresses[0];

	for (size_t i = 0; i < check->facts.address_count; i++)
		if (strcmp(address_text(&check->facts.addresses[i], text),
		           tried) == 0)
			address = &check->facts.addresses[i];
	policy_host_name(check, name);
	if (dialer_new(&check->options->probe, &check->dialer) == MTS_OK &&
	    dial_start(check->dialer, name, address, HTTPS_PORT, false,
	               policy_on_dial, check, &check->dial) == MTS_OK)
		check_begin_step(check);
	else
		check_no_memory(check);
}

/* The fetcher verifies as strictly as we do: where it found no fault, there is
 * none to look for. */
static void policy_take_chain(struct domain_check *check,
                              const struct fetch_result *result)
{
	const struct probe_options *probe = &check->options->probe;
	struct tls_view **view = &check->report->policy.view;
	char name[NAME_MAX_TEXT];
	int status;

	policy_host_name(check, name);
	if (result->verified)
		status = tls_look_verified(result->chain, result->tls, view);
	else
		status = tls_look(fetcher_ca_store(probe->fetcher), name,
		                  result->chain, result->tls,
		                  clock_wall_s(probe->clock), view);
	if (status != MTS_OK)
		check_no_memory(check);
}

static void policy_on_fetch(void *arg, const struct fetch_result *result)
{
	struct domain_check *check = arg;
	struct fetch_facts *facts = &check->facts.fetch;

	check->fetch = NULL;
	facts->over = true;
	facts->cause = result->cause;
	facts->http_status = result->http_status;
	facts->challenge = result->challenge;
	facts->ms = result->total_ms;
	snprintf(facts->reason, sizeof(facts->reason), "%s", result->reason);
	snprintf(check->report->policy.address,
	         sizeof(check->report->policy.address), "%s", result->address);
	if (result->chain)
		policy_take_chain(check, result);
	if (result->cause == FETCH_OK)
		policy_take_body(check, result->body);
	else if (result->cause == FETCH_TLS)
		policy_dial(check, result->address);
	else if (result->cause == FETCH_NO_MEMORY)
		check_no_memory(check);
	check_end_step(check);
}

static void policy_on_cleartext(void *arg, bool served)
{
	struct domain_check *check = arg;

	check->cleartext = NULL;
	check->facts.cleartext = served;
	check_end_step(check);
}

static void policy_fetch(struct domain_check *check)
{
	const struct probe_options *probe = &check->options->probe;
	struct facts *facts = &check->facts;
	char name[NAME_MAX_TEXT];

	if (facts->address_count == 0)
		return;
	policy_host_name(check, name);
	if (fetcher_get(probe->fetcher, name, facts->addresses,
	                facts->address_count, policy_on_fetch, check,
	                &check->fetch) == MTS_OK)
		check_begin_step(check);
	else
		check_no_memory(check);
	if (cleartext_start(resolver_loop(probe->resolver), name,
	                    facts->addresses, facts->address_count,
	                    probe->timeout_ms, policy_on_cleartext, check,
	                    &check->cleartext) == MTS_OK)
		check_begin_step(check);
	else
		check_no_memory(check);
}

/* -- policy: the addresses ------------------------------------------------- */

static void policy_add_addresses(struct domain_check *check,
                                 const struct dns_answer *answer)
{
	struct facts *facts = &check->facts;
	char text[ADDRESS_TEXT];

	for (size_t i = 0; i < answer->count; i++) {
		const struct address *address = &answer->addresses[i];
		size_t used = strlen(facts->special);

		if (!check->options->probe.allow_private &&
		    address_is_special(address))
			snprintf(facts->special + used,
			         sizeof(facts->special) - used, "%s%s",
			         used ? ", " : "", address_text(address, text));
		else if (facts->address_count < POLICY_ADDRESSES_MAX)
			facts->addresses[facts->address_count++] = *address;
	}
}

/* Starts the fetch after the second of the two answers. */
static void policy_on_addresses(struct domain_check *check,
                                struct dns_facts *facts,
                                const struct dns_answer *answer)
{
	if (answer->status == DNS_OK)
		policy_add_addresses(check, answer);
	if (!check->host_a && !check->host_aaaa)
		policy_fetch(check);
	check_take(check, facts, answer);
}

static void policy_on_a(void *arg, const struct dns_answer *answer)
{
	struct domain_check *check = arg;

	check->host_a = NULL;
	policy_on_addresses(check, &check->facts.host_a, answer);
}

static void policy_on_aaaa(void *arg, const struct dns_answer *answer)
{
	struct domain_check *check = arg;

	check->host_aaaa = NULL;
	policy_on_addresses(check, &check->facts.host_aaaa, answer);
}

/* True if --connect gives addresses of the policy host: DNS is not asked. */
static bool policy_use_connects(struct domain_check *check)
{
	const struct probe_options *probe = &check->options->probe;
	struct facts *facts = &check->facts;
	char name[NAME_MAX_TEXT];

	policy_host_name(check, name);
	for (size_t i = 0; i < probe->connect_count; i++)
		if (strcmp(probe->connects[i].host, name) == 0 &&
		    facts->address_count < POLICY_ADDRESSES_MAX)
			facts->addresses[facts->address_count++] =
			    probe->connects[i].address;
	return facts->address_count > 0;
}

static void policy_start(struct domain_check *check)
{
	if (policy_use_connects(check)) {
		policy_fetch(check);
		return;
	}
	if (check->options->probe.ipv4)
		check_ask(check, "mta-sts.", GETDNS_RRTYPE_A, policy_on_a,
		          &check->host_a);
	if (check->options->probe.ipv6)
		check_ask(check, "mta-sts.", GETDNS_RRTYPE_AAAA, policy_on_aaaa,
		          &check->host_aaaa);
}

/* -- MX: the hosts --------------------------------------------------------- */

static void host_on_probed(void *arg, struct mx_host *host)
{
	struct host_step *step = arg;
	struct domain_check *check = step->check;

	check->report->mx[step->row].host = host;
	check->report->timing.mx_ms = check_ms(check);
	check->waiting -= !step->wish.first;
	check_end_step(check);
}

static void host_ask(struct domain_check *check, size_t row)
{
	struct host_step *step = &check->hosts[row];
	struct mx_row *mx = &check->report->mx[row];

	step->check = check;
	step->row = row;
	step->wish.callback = host_on_probed;
	step->wish.arg = step;
	if (prober_ask(check->prober, mx->name, &step->wish, &mx->host) !=
	    MTS_OK) {
		check_no_memory(check);
	} else if (!mx->host) {
		check_begin_step(check);
		check->waiting += !step->wish.first;
	}
}

/* Calls the most preferred hosts only: a domain with many MX records must not
 * make us call hosts without end. */
static void host_ask_all(struct domain_check *check)
{
	size_t count = check->report->mx_count;

	if (count > MX_CALLED_MAX)
		count = MX_CALLED_MAX;
	check->hosts = calloc(count ? count : 1, sizeof(*check->hosts));
	if (!check->hosts) {
		check_no_memory(check);
		return;
	}
	check->host_count = count;
	for (size_t i = 0; i < count; i++)
		host_ask(check, i);
}

/* -- MX: the records ------------------------------------------------------- */

/* False: the record is malformed. */
static bool mx_read_row(struct slice rdata, struct mx_row *row)
{
	char text[DNS_NAME_WIRE + 1];
	struct dns_mx mx;

	if (!dns_mx_read(rdata, &mx))
		return false;
	row->preference = mx.preference;
	dns_name_show(&mx.name, text);
	snprintf(row->name, sizeof(row->name), "%.*s", DOMAIN_MAX, text);
	for (char *p = row->name; *p; p++)
		*p = ascii_lower(*p);
	return true;
}

static int mx_compare_rows(const void *a, const void *b)
{
	const struct mx_row *x = a;
	const struct mx_row *y = b;

	if (x->preference != y->preference)
		return x->preference < y->preference ? -1 : 1;
	return strcmp(x->name, y->name);
}

static bool mx_has_row(const struct report *report, const char *name)
{
	for (size_t i = 0; i < report->mx_count; i++)
		if (strcmp(report->mx[i].name, name) == 0)
			return true;
	return false;
}

static bool mx_alloc_rows(struct domain_check *check, size_t count)
{
	check->report->mx = calloc(count ? count : 1, sizeof(struct mx_row));
	if (!check->report->mx)
		check_no_memory(check);
	return check->report->mx != NULL;
}

static void mx_read_rows(struct domain_check *check,
                         const struct dns_answer *answer)
{
	struct report *report = check->report;
	size_t count = answer->count;

	if (count > MX_ROWS_MAX)
		count = MX_ROWS_MAX;
	if (!mx_alloc_rows(check, count))
		return;
	for (size_t i = 0; i < count; i++) {
		struct mx_row row = { .preference = 0 };

		if (!mx_read_row(answer->texts[i], &row))
			continue;
		if (strcmp(row.name, ".") == 0) /* RFC 7505 */
			check->facts.mx_null = true;
		else if (!mx_has_row(report, row.name))
			report->mx[report->mx_count++] = row;
	}
	/* Only a null MX that stands alone means "no mail" (RFC 7505 3). */
	if (report->mx_count)
		check->facts.mx_null = false;
	qsort(report->mx, report->mx_count, sizeof(*report->mx),
	      mx_compare_rows);
}

/* RFC 5321 5.1: "treated as if it was associated with an implicit MX RR, with a
 * preference of 0, pointing to that host". */
static void mx_make_implicit(struct domain_check *check)
{
	struct report *report = check->report;

	if (!mx_alloc_rows(check, 1))
		return;
	check->facts.mx_implicit = true;
	report->mx_count = 1;
	snprintf(report->mx[0].name, sizeof(report->mx[0].name), "%s",
	         report->domain.name);
}

static void mx_on_answer(void *arg, const struct dns_answer *answer)
{
	struct domain_check *check = arg;

	check->mx = NULL;
	check->report->has_mx = answer->status == DNS_OK ||
	                        answer->status == DNS_NODATA ||
	                        answer->status == DNS_NXDOMAIN;
	check->report->timing.mx_ms = check_ms(check);
	if (answer->status == DNS_OK)
		mx_read_rows(check, answer);
	else if (answer->status == DNS_NODATA)
		mx_make_implicit(check);
	host_ask_all(check);
	check_take(check, &check->facts.mx, answer);
}

static void mx_on_secure(void *arg, const struct dns_answer *answer)
{
	struct domain_check *check = arg;

	check->mx_secure = NULL;
	check->facts.mx_secure =
	    answer->status == DNS_OK && answer->authenticated;
	check_end_step(check);
}

static void mx_start(struct domain_check *check)
{
	struct secure_dns *dns = probe_dnssec(&check->options->probe);
	struct dns_name name;

	check_ask(check, "", GETDNS_RRTYPE_MX, mx_on_answer, &check->mx);
	if (dns &&
	    dns_name_parse(check->report->domain.name, &name) == MTS_OK &&
	    secure_dns_ask(dns, &name, GETDNS_RRTYPE_MX, mx_on_secure, check,
	                   &check->mx_secure) == MTS_OK)
		check_begin_step(check);
}

/* -- the start ------------------------------------------------------------- */

int domain_check_start(const struct check_options *options,
                       struct prober *prober, struct ns_pool *name_servers,
                       const struct domain *domain,
                       const struct domain_check_owner *owner,
                       struct domain_check **ret)
{
	struct domain_check *check = calloc(1, sizeof(*check));

	if (!check)
		return MTS_ENOMEM;
	check->report = report_new(domain);
	if (!check->report) {
		free(check);
		return MTS_ENOMEM;
	}
	check->options = options;
	check->prober = prober;
	check->name_servers = name_servers;
	check->owner = *owner;
	check->start_ms = clock_mono_ms(options->probe.clock);
	uv_timer_init(resolver_loop(options->probe.resolver), &check->timer);
	check->timer.data = check;
	check_set_limit(check);
	check_begin_step(check); /* this call */
	record_start(check);
	check_ask(check, "_smtp._tls.", GETDNS_RRTYPE_TXT, tls_rpt_on_answer,
	          &check->tls_rpt);
	policy_start(check);
	mx_start(check);
	check_end_step(check);
	*ret = check;
	return MTS_OK;
}
