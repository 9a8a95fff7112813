/* SPDX-License-Identifier: BSD-2-Clause */
/* dane_check.c - does DANE apply to mail for a next hop? (RFC 7672 2 and 3)
 *
 * A check looks up the MX records, then checks all hosts in parallel, and then
 * combines the results (dane_rules.c). For each host it looks up the addresses
 * first and the TLSA records second. If a look-up fails, it asks whether the zone
 * is signed (zones.c): in an unsigned zone there can be no DANE.
 *
 * A hostile zone can make us do only so much: the number of hosts, of TLSA names
 * per host and of zone questions is limited, and so is the time. */
#include "discover/dane_check.h"

#include "discover/dane_rules.h"
#include "dns/dns_reply.h"
#include "dnssec/zones.h"

#include <getdns/getdns.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	/* How long a check may take, in quarters of one look-up's time limit.
	 * With the default settings it ends shortly before its callers give up,
	 * so they still get what the hosts that did answer add up to. */
	CHECK_QUARTERS = 15,
	TTL_MIN_S = 30,
	TTL_MAX_S = 24 * 60 * 60,
	FAILURE_TTL_S = 60, /* of a result that rests on a failed look-up */
};

/* What remains of a DNS answer after its callback. */
struct saved_answer {
	enum dns_status status;
	bool secure;
	bool bogus;
	bool arrived;
	unsigned hops;
	uint32_t ttl_s;
	struct dns_name end;
	char reason[120];
};

enum host_phase {
	HOST_ADDRESSES, /* A and AAAA are out; leaves by dane_host_on_a() or
	                 * dane_host_on_aaaa(), whichever comes last */
	HOST_ALIAS,     /* 2.2.2: is the alias itself secure? CNAME is out;
	                 * leaves by dane_host_on_alias() */
	HOST_TLSA,      /* TLSA for base[current] is out; leaves by
	                 * dane_host_on_tlsa() */
	HOST_ZONE,      /* a look-up failed: is its zone signed? leaves by
	                 * dane_host_on_zone() */
	HOST_DONE,      /* the state is set */
};

struct dane_host {
	struct dane_check *check;
	struct dns_name name;
	uint16_t preference;
	enum host_phase phase;
	enum host_phase failed; /* the phase that failed; HOST_DONE: none */
	struct secure_query *a_query, *aaaa_query, *query;
	struct saved_answer a, aaaa;
	char failure[120];       /* why the phase failed */
	struct dns_name base[2]; /* candidate TLSA base domains (2.2.3) */
	size_t base_count;
	size_t current; /* the candidate that is tried */
	struct zone_request zone;
	enum dane_host_state state; /* HOST_DONE */
	char text[200];             /* HOST_DONE: the outcome */
};

/* host_count is 0 until the MX records are known. */
struct dane_check {
	uv_timer_t timer; /* the time limit, then the call of the callback */
	struct secure_dns *dns;
	struct domain_hop hop;
	struct zones *zones;
	struct secure_query *mx_query;
	struct zone_request mx_zone;
	char mx_failure[160];
	bool mx_secure;
	bool more_hosts; /* than DANE_HOSTS_MAX */
	struct dane_host *hosts;
	size_t host_count;
	size_t done_count; /* hosts in HOST_DONE */
	uint32_t ttl_s;    /* the lowest so far */
	enum dane_state state;
	struct dane_step *steps;
	size_t step_count;
	char reason[200];
	dane_callback *callback;
	void *arg;
};

/* -- the result ------------------------------------------------------------ */

static void limit_ttl(struct dane_check *check, uint32_t ttl_s)
{
	if (ttl_s < check->ttl_s)
		check->ttl_s = ttl_s;
}

static void free_dane_check(uv_handle_t *handle)
{
	struct dane_check *check = handle->data;

	free(check->hosts);
	free(check->steps);
	free(check);
}

static void stop_host(struct dane_host *host)
{
	secure_query_cancel(&host->a_query);
	secure_query_cancel(&host->aaaa_query);
	secure_query_cancel(&host->query);
}

void dane_cancel(struct dane_check **check)
{
	struct dane_check *c = *check;

	if (!c)
		return;
	*check = NULL;
	secure_query_cancel(&c->mx_query);
	for (size_t i = 0; i < c->host_count; i++)
		stop_host(&c->hosts[i]);
	zones_free(&c->zones);
	uv_close((uv_handle_t *)&c->timer, free_dane_check);
}

static void add_dane_step(struct dane_check *check, const char *name, bool ok,
                          const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void add_dane_step(struct dane_check *check, const char *name, bool ok,
                          const char *format, ...)
{
	struct dane_step *step = &check->steps[check->step_count++];
	va_list ap;

	snprintf(step->name, sizeof(step->name), "%.*s", DOMAIN_MAX, name);
	step->ok = ok;
	va_start(ap, format);
	fault_vtext(step->text, sizeof(step->text), format, ap);
	va_end(ap);
}

/* The callback may start another check, and may close the secure_dns. */
static void call_back(uv_timer_t *timer)
{
	struct dane_check *check = timer->data;
	struct dane_result result = {
		.state = check->state,
		.ttl_s = check->ttl_s,
		.reason = check->reason,
		.steps = check->steps,
		.step_count = check->step_count,
	};
	dane_callback *callback = check->callback;
	void *arg = check->arg;

	dane_cancel(&check);
	callback(arg, &result);
}

static void end_dane_check(struct dane_check *check, enum dane_state state,
                           const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void end_dane_check(struct dane_check *check, enum dane_state state,
                           const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fault_vtext(check->reason, sizeof(check->reason), format, ap);
	va_end(ap);
	check->state = state;
	if (state == DANE_UNKNOWABLE)
		limit_ttl(check, FAILURE_TTL_S);
	if (check->ttl_s < TTL_MIN_S)
		check->ttl_s = TTL_MIN_S;
	if (check->ttl_s > TTL_MAX_S)
		check->ttl_s = TTL_MAX_S;
	uv_timer_start(&check->timer, call_back, 0, 0);
}

/* -- all hosts together ---------------------------------------------------- */

static const char *describe_state(enum dane_state state)
{
	switch (state) {
	case DANE_ALL:
		return "usable TLSA records for every reachable host";
	case DANE_SOME:
		return "usable TLSA records for some hosts";
	case DANE_UNUSABLE:
		return "TLSA records, none of them usable";
	case DANE_INSECURE_MX:
		return "TLSA records, but insecure MX records";
	case DANE_NONE:
		return "no TLSA records";
	case DANE_UNKNOWABLE:
	case DANE_NOT_KNOWN:
		break;
	}
	return "TLSA records can't be looked up";
}

static const struct dane_host *first_in_state(const struct dane_check *check,
                                              enum dane_host_state state)
{
	for (size_t i = 0; i < check->host_count; i++)
		if (check->hosts[i].state == state)
			return &check->hosts[i];
	return NULL;
}

static bool is_host_ok(const struct dane_host *host)
{
	return host->state != DANE_HOST_UNKNOWABLE &&
	       host->state != DANE_HOST_SILENT;
}

/* Adds the hosts' steps in order of preference, however their answers came. */
static void combine_hosts(struct dane_check *check)
{
	/* Initialized for the compiler, which can't see that there is a host. */
	enum dane_host_state states[DANE_HOSTS_MAX] = { 0 };
	const struct dane_host *cause =
	    first_in_state(check, DANE_HOST_UNKNOWABLE);
	char name[DNS_NAME_WIRE + 1];
	enum dane_state state;

	for (size_t i = 0; i < check->host_count; i++) {
		const struct dane_host *host = &check->hosts[i];

		states[i] = host->state;
		add_dane_step(check, dns_name_show(&host->name, name),
		              is_host_ok(host), "%s: %s",
		              dane_host_state_text(host->state), host->text);
	}
	state = dane_combine(states, check->host_count, check->mx_secure,
	                     !check->more_hosts);
	if (!cause)
		cause = first_in_state(check, DANE_HOST_SILENT);
	if (state == DANE_UNKNOWABLE && cause)
		end_dane_check(check, state, "%s: %s",
		               dns_name_show(&cause->name, name), cause->text);
	else
		end_dane_check(check, state, "%s", describe_state(state));
}

/* -- one host: the end ----------------------------------------------------- */

static void end_host(struct dane_host *host, enum dane_host_state state,
                     const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void end_host(struct dane_host *host, enum dane_host_state state,
                     const char *format, ...)
{
	struct dane_check *check = host->check;
	va_list ap;

	va_start(ap, format);
	fault_vtext(host->text, sizeof(host->text), format, ap);
	va_end(ap);
	host->phase = HOST_DONE;
	host->state = state;
	if (!is_host_ok(host) || host->failed != HOST_DONE)
		limit_ttl(check, FAILURE_TTL_S);
	if (++check->done_count == check->host_count)
		combine_hosts(check);
}

/* The question could not be asked: the queue is full, or memory is short. */
static void end_host_unasked(struct dane_host *host, int status)
{
	end_host(host, DANE_HOST_UNKNOWABLE, "%s",
	         status == MTS_ENOMEM ? "out of memory"
	                              : "too many look-ups are queued");
}

static void time_out_host(struct dane_host *host)
{
	bool no_address =
	    host->phase == HOST_ADDRESSES || host->failed == HOST_ADDRESSES;

	if (host->phase == HOST_DONE)
		return;
	stop_host(host);
	end_host(host, no_address ? DANE_HOST_SILENT : DANE_HOST_UNKNOWABLE,
	         "no answer in time");
}

static void save_answer(struct saved_answer *to,
                        const struct dns_answer *answer)
{
	to->arrived = true;
	to->status = answer->status;
	to->secure = answer->authenticated;
	to->bogus = answer->bogus;
	to->hops = answer->hops;
	if (answer->end)
		to->end = *answer->end;
	snprintf(to->reason, sizeof(to->reason), "%s", answer->reason);
	to->ttl_s = answer->end ? answer->ttl_s : FAILURE_TTL_S;
}

static bool has_failed(const struct saved_answer *answer)
{
	return answer->status == DNS_FAILED || answer->status == DNS_TIMEOUT;
}

/* -- one host: is the zone of a failed look-up signed? ---------------------- */

static void try_base_domain(struct dane_host *host);

/* Nothing in that zone can be secure, or it would not matter. */
static void skip_failure(struct dane_host *host)
{
	if (host->failed == HOST_ADDRESSES) {
		end_host(
		    host, DANE_HOST_UNREACHABLE,
		    "its addresses can't be looked up (%s); %s", host->failure,
		    host->check->mx_secure ? "its zone is not signed"
					   : "the MX records are insecure");
		return;
	}
	if (host->failed == HOST_ALIAS) {
		end_host(host, DANE_HOST_NONE, "insecure addresses");
		return;
	}
	host->current++;
	try_base_domain(host);
}

static void dane_host_on_zone(void *arg, enum zone_security security)
{
	struct dane_host *host = arg;
	const char *zone = security == ZONE_SIGNED
	                       ? "its zone is signed"
	                       : "whether its zone is signed is unknown";

	if (security == ZONE_UNSIGNED)
		skip_failure(host);
	else if (host->failed == HOST_ADDRESSES)
		end_host(host, DANE_HOST_SILENT,
		         "its addresses can't be looked up (%s); %s",
		         host->failure, zone);
	else
		end_host(host, DANE_HOST_UNKNOWABLE,
		         "%s can't be looked up (%s); %s",
		         host->failed == HOST_ALIAS ? "its alias"
		                                    : "its TLSA records",
		         host->failure, zone);
}

/* The look-up of NAME failed with ANSWER. */
static void fail_phase(struct dane_host *host, const struct dns_name *name,
                       const struct saved_answer *answer)
{
	host->failed = host->phase;
	host->phase = HOST_ZONE;
	snprintf(host->failure, sizeof(host->failure), "%s", answer->reason);
	/* With insecure MX records a failure never makes the result unknowable.
	 * So don't spend time, while mail waits, on finding out what is
	 * signed. */
	if (host->check->mx_secure)
		zones_find(host->check->zones, &host->zone, name,
		           dane_host_on_zone, host);
	else
		skip_failure(host);
}

/* -- one host: TLSA records ------------------------------------------------ */

static void read_tlsa_records(struct dane_host *host,
                              const struct dns_answer *answer)
{
	char name[DNS_NAME_WIRE + 1];
	size_t usable = 0;

	for (size_t i = 0; i < answer->count; i++)
		usable += dane_tlsa_is_usable(answer->texts[i]);
	end_host(host, usable ? DANE_HOST_USABLE : DANE_HOST_UNUSABLE,
	         "%zu TLSA record%s, %zu usable, for %s", answer->count,
	         answer->count == 1 ? "" : "s", usable,
	         dns_name_show(&host->base[host->current], name));
}

/* False: the name would be too long. */
static bool make_tlsa_name(const struct dane_host *host, struct dns_name *ret)
{
	char prefix[24];

	snprintf(prefix, sizeof(prefix), "_%u._tcp",
	         (unsigned)host->check->hop.port);
	return dns_name_prepend(prefix, &host->base[host->current], ret);
}

static void dane_host_on_tlsa(void *arg, const struct dns_answer *answer)
{
	struct dane_host *host = arg;
	struct saved_answer saved = { .arrived = false };
	struct dns_name name;

	host->query = NULL;
	save_answer(&saved, answer);
	limit_ttl(host->check, saved.ttl_s);
	if (answer->bogus) {
		end_host(host, DANE_HOST_UNKNOWABLE, "its TLSA records are %s",
		         answer->reason);
	} else if (has_failed(&saved)) {
		(void)make_tlsa_name(host, &name);
		fail_phase(host, &name, &saved);
	} else if (answer->status == DNS_OK && answer->authenticated) {
		read_tlsa_records(host, answer);
	} else {
		/* 2.2.3: "if any insecure records are encountered or the TLSA
		 * records don't exist, the next candidate is tried". */
		host->current++;
		try_base_domain(host);
	}
}

static void try_base_domain(struct dane_host *host)
{
	struct dns_name name;
	int status;

	host->phase = HOST_TLSA;
	/* If the TLSA name would be too long, there can be no records. */
	while (host->current < host->base_count && !make_tlsa_name(host, &name))
		host->current++;
	if (host->current == host->base_count) {
		end_host(host, DANE_HOST_NONE, "no secure TLSA records");
		return;
	}
	status = secure_dns_ask(host->check->dns, &name, GETDNS_RRTYPE_TLSA,
	                        dane_host_on_tlsa, host, &host->query);
	if (status != MTS_OK)
		end_host_unasked(host, status);
}

/* -- one host: addresses --------------------------------------------------- */

static void dane_host_on_alias(void *arg, const struct dns_answer *answer)
{
	struct dane_host *host = arg;
	struct saved_answer saved = { .arrived = false };

	host->query = NULL;
	save_answer(&saved, answer);
	limit_ttl(host->check, saved.ttl_s);
	if (answer->bogus) {
		end_host(host, DANE_HOST_UNKNOWABLE, "its alias is %s",
		         answer->reason);
	} else if (has_failed(&saved)) {
		fail_phase(host, &host->name, &saved);
	} else if (answer->status == DNS_OK && answer->authenticated) {
		host->base[0] = host->name;
		host->base_count = 1;
		try_base_domain(host);
	} else {
		end_host(host, DANE_HOST_NONE, "insecure addresses");
	}
}

/* 2.2.2, "Insecure CNAME": the alias may be in a signed zone even if its target
 * is not. */
static void use_insecure_address(struct dane_host *host,
                                 const struct saved_answer *answer)
{
	int status;

	limit_ttl(host->check, answer->ttl_s);
	if (answer->hops == 0) {
		end_host(host, DANE_HOST_NONE, "insecure addresses");
		return;
	}
	host->phase = HOST_ALIAS;
	status =
	    secure_dns_ask(host->check->dns, &host->name, GETDNS_RRTYPE_CNAME,
	                   dane_host_on_alias, host, &host->query);
	if (status != MTS_OK)
		end_host_unasked(host, status);
}

/* 2.2.2, "Secure CNAME": the expanded name first, then the one in the MX. */
static void use_secure_address(struct dane_host *host,
                               const struct saved_answer *answer)
{
	limit_ttl(host->check, answer->ttl_s);
	if (answer->hops > 0)
		host->base[host->base_count++] = answer->end;
	if (answer->hops == 0 || !dns_name_is(&answer->end, &host->name))
		host->base[host->base_count++] = host->name;
	try_base_domain(host);
}

static void fail_host_addresses(struct dane_host *host)
{
	const struct saved_answer *worse =
	    has_failed(&host->a) ? &host->a : &host->aaaa;

	limit_ttl(host->check, host->a.ttl_s);
	limit_ttl(host->check, host->aaaa.ttl_s);
	if (host->a.bogus || host->aaaa.bogus)
		end_host(host, DANE_HOST_SILENT, "its addresses are %s",
		         host->a.bogus ? host->a.reason : host->aaaa.reason);
	else if (has_failed(worse))
		fail_phase(host, &host->name, worse);
	else
		end_host(host, DANE_HOST_UNREACHABLE, "it has no address");
}

/* Decides once both answers are here. A secure answer wins over an insecure
 * one. */
static void read_host_addresses(struct dane_host *host)
{
	const struct saved_answer *a = &host->a;
	const struct saved_answer *aaaa = &host->aaaa;
	const struct saved_answer *best = NULL;

	if (!a->arrived || !aaaa->arrived)
		return;
	if (aaaa->status == DNS_OK)
		best = aaaa;
	if (a->status == DNS_OK && (a->secure || !best || !best->secure))
		best = a;
	if (!best)
		fail_host_addresses(host);
	else if (best->secure)
		use_secure_address(host, best);
	else
		use_insecure_address(host, best);
}

static void dane_host_on_a(void *arg, const struct dns_answer *answer)
{
	struct dane_host *host = arg;

	host->a_query = NULL;
	save_answer(&host->a, answer);
	read_host_addresses(host);
}

static void dane_host_on_aaaa(void *arg, const struct dns_answer *answer)
{
	struct dane_host *host = arg;

	host->aaaa_query = NULL;
	save_answer(&host->aaaa, answer);
	read_host_addresses(host);
}

static void start_host(struct dane_host *host)
{
	struct secure_dns *dns = host->check->dns;
	int status;

	host->phase = HOST_ADDRESSES;
	host->failed = HOST_DONE;
	status = secure_dns_ask(dns, &host->name, GETDNS_RRTYPE_A,
	                        dane_host_on_a, host, &host->a_query);
	if (status == MTS_OK)
		status =
		    secure_dns_ask(dns, &host->name, GETDNS_RRTYPE_AAAA,
		                   dane_host_on_aaaa, host, &host->aaaa_query);
	if (status == MTS_OK)
		return;
	stop_host(host);
	end_host_unasked(host, status);
}

/* -- MX records ------------------------------------------------------------ */

static void start_dane_hosts(struct dane_check *check)
{
	for (size_t i = 0; i < check->host_count; i++)
		start_host(&check->hosts[i]);
}

static bool alloc_hosts(struct dane_check *check, size_t count)
{
	check->hosts = calloc(count, sizeof(*check->hosts));
	if (!check->hosts)
		return false;
	for (size_t i = 0; i < count; i++)
		check->hosts[i].check = check;
	return true;
}

/* The domain itself is the host: RFC 5321 5.1, "implicit MX", or "[host]". */
static int use_domain_as_host(struct dane_check *check,
                              const struct dns_name *name)
{
	if (!alloc_hosts(check, 1))
		return MTS_ENOMEM;
	check->hosts[0].name = *name;
	check->host_count = 1;
	return MTS_OK;
}

static void end_out_of_memory(struct dane_check *check)
{
	add_dane_step(check, "mx", false, "out of memory");
	end_dane_check(check, DANE_UNKNOWABLE, "out of memory");
}

/* Inserts MX by preference. If there are too many, the least preferred host is
 * dropped. */
static void insert_mx(struct dane_check *check, const struct dns_mx *mx)
{
	size_t at = check->host_count;

	for (size_t i = 0; i < check->host_count; i++)
		if (dns_name_is(&check->hosts[i].name, &mx->name))
			return;
	while (at > 0 && check->hosts[at - 1].preference > mx->preference)
		at--;
	if (check->host_count < DANE_HOSTS_MAX)
		check->host_count++;
	else
		check->more_hosts = true;
	if (at == DANE_HOSTS_MAX)
		return;
	for (size_t i = check->host_count - 1; i > at; i--) {
		check->hosts[i].name = check->hosts[i - 1].name;
		check->hosts[i].preference = check->hosts[i - 1].preference;
	}
	check->hosts[at].name = mx->name;
	check->hosts[at].preference = mx->preference;
}

static void read_mx_records(struct dane_check *check,
                            const struct dns_answer *answer)
{
	const char *security = answer->authenticated ? "secure" : "insecure";
	struct dns_mx mx;

	if (!alloc_hosts(check, DANE_HOSTS_MAX)) {
		end_out_of_memory(check);
		return;
	}
	for (size_t i = 0; i < answer->count; i++)
		if (dns_mx_read(answer->texts[i], &mx) && !dns_mx_is_null(&mx))
			insert_mx(check, &mx);
	if (check->host_count == 0) {
		add_dane_step(check, "mx", true,
		              "%s null MX: the domain accepts no mail",
		              security);
		end_dane_check(check, DANE_NONE,
		               "the domain accepts no mail (null MX)");
		return;
	}
	add_dane_step(check, "mx", true, "%s, %zu host%s%s", security,
	              check->host_count, check->host_count == 1 ? "" : "s",
	              check->more_hosts ? "; the others are not checked" : "");
	start_dane_hosts(check);
}

static void read_no_mx(struct dane_check *check)
{
	struct dns_name name;

	if (dns_name_parse(check->hop.domain.name, &name) != MTS_OK ||
	    use_domain_as_host(check, &name) != MTS_OK) {
		end_out_of_memory(check);
		return;
	}
	add_dane_step(check, "mx", true,
	              "none (%s): the domain itself is the host",
	              check->mx_secure ? "secure" : "insecure");
	start_dane_hosts(check);
}

static void dane_check_on_mx_zone(void *arg, enum zone_security security)
{
	struct dane_check *check = arg;

	limit_ttl(check, FAILURE_TTL_S);
	if (security == ZONE_UNSIGNED) {
		add_dane_step(check, "mx", true,
		              "the look-up failed (%s); the zone is not signed",
		              check->mx_failure);
		end_dane_check(
		    check, DANE_NONE,
		    "the MX records can't be looked up, and the zone is "
		    "not signed");
		return;
	}
	add_dane_step(check, "mx", false, "the look-up failed (%s); %s",
	              check->mx_failure,
	              security == ZONE_SIGNED
	                  ? "the zone is signed"
	                  : "whether the zone is signed is unknown");
	end_dane_check(check, DANE_UNKNOWABLE,
	               "the MX records can't be looked up: %s",
	               check->mx_failure);
}

static void fail_mx(struct dane_check *check, const struct dns_answer *answer)
{
	struct dns_name name;

	snprintf(check->mx_failure, sizeof(check->mx_failure), "%s",
	         answer->reason);
	if (answer->bogus)
		dane_check_on_mx_zone(check, ZONE_SIGNED);
	else if (dns_name_parse(check->hop.domain.name, &name) != MTS_OK)
		end_out_of_memory(check);
	else
		zones_find(check->zones, &check->mx_zone, &name,
		           dane_check_on_mx_zone, check);
}

static void dane_check_on_mx(void *arg, const struct dns_answer *answer)
{
	struct dane_check *check = arg;

	check->mx_query = NULL;
	check->mx_secure = answer->authenticated;
	if (answer->end)
		limit_ttl(check, answer->ttl_s);
	switch (answer->status) {
	case DNS_OK:
		read_mx_records(check, answer);
		return;
	case DNS_NODATA:
		read_no_mx(check);
		return;
	case DNS_NXDOMAIN:
		add_dane_step(check, "mx", true, "the domain does not exist");
		end_dane_check(check, DANE_NONE, "the domain does not exist");
		return;
	case DNS_FAILED:
	case DNS_TIMEOUT:
		fail_mx(check, answer);
		return;
	}
}

/* -- start and time limit -------------------------------------------------- */

/* The hosts that have answered still count. */
static void dane_check_on_timeout(uv_timer_t *timer)
{
	struct dane_check *check = timer->data;

	zones_free(&check->zones);
	if (check->host_count == 0) {
		add_dane_step(check, "mx", false, "no answer in time");
		end_dane_check(check, DANE_UNKNOWABLE,
		               "no answer in time for the MX records");
		secure_query_cancel(&check->mx_query);
		return;
	}
	for (size_t i = 0; i < check->host_count; i++)
		time_out_host(&check->hosts[i]);
}

static int dane_check_new(struct secure_dns *dns, const struct domain_hop *hop,
                          struct dane_check **ret)
{
	struct dane_check *check = calloc(1, sizeof(*check));

	if (!check)
		return MTS_ENOMEM;
	check->steps = calloc(DANE_STEPS_MAX, sizeof(*check->steps));
	if (!check->steps || zones_new(dns, &check->zones) != MTS_OK) {
		free(check->steps);
		free(check);
		return MTS_ENOMEM;
	}
	check->dns = dns;
	check->hop = *hop;
	check->ttl_s = UINT32_MAX;
	uv_timer_init(secure_dns_loop(dns), &check->timer);
	check->timer.data = check;
	uv_timer_start(&check->timer, dane_check_on_timeout,
	               CHECK_QUARTERS * secure_dns_timeout_ms(dns) / 4, 0);
	*ret = check;
	return MTS_OK;
}

int dane_start(struct secure_dns *dns, const struct domain_hop *hop,
               dane_callback *callback, void *arg, struct dane_check **ret)
{
	struct dane_check *check;
	struct dns_name name;
	int status = dane_check_new(dns, hop, &check);

	if (status != MTS_OK)
		return status;
	check->callback = callback;
	check->arg = arg;
	status = dns_name_parse(hop->domain.name, &name);
	if (status == MTS_OK && hop->direct) {
		status = use_domain_as_host(check, &name);
		check->mx_secure = true;
		if (status == MTS_OK)
			start_dane_hosts(check);
	} else if (status == MTS_OK) {
		status =
		    secure_dns_ask(dns, &name, GETDNS_RRTYPE_MX,
		                   dane_check_on_mx, check, &check->mx_query);
	}
	if (status != MTS_OK)
		dane_cancel(&check);
	else
		*ret = check;
	return status;
}
