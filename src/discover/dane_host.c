/* SPDX-License-Identifier: BSD-2-Clause */
/* dane_host.c - the TLSA records of one host (RFC 7672 2.2.2, 2.2.3).
 *
 * Addresses first: a TLSA question to the name servers of a zone that is not
 * signed often fails, and could find nothing that counts. */
#include "discover/dane_internal.h"

#include <getdns/getdns.h>
#include <stdarg.h>
#include <stdio.h>

/* -- the end --------------------------------------------------------------- */

static void end(struct dane_host *host, enum dane_host_state state,
                const char *format, ...) __attribute__((format(printf, 3, 4)));

static void end(struct dane_host *host, enum dane_host_state state,
                const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fault_vtext(host->text, sizeof(host->text), format, ap);
	va_end(ap);
	host->phase = HOST_OVER;
	host->state = state;
	if (state == DANE_HOST_SILENT || state == DANE_HOST_UNKNOWABLE ||
	    host->failed != HOST_OVER)
		dane_check_limit(host->walk, DANE_FAILURE_TTL_S);
	dane_check_host_over(host->walk);
}

void dane_host_stop(struct dane_host *host)
{
	secure_query_cancel(&host->a_query);
	secure_query_cancel(&host->aaaa_query);
	secure_query_cancel(&host->query);
}

void dane_host_give_up(struct dane_host *host)
{
	if (host->phase == HOST_OVER)
		return;
	dane_host_stop(host);
	end(host,
	    host->phase == HOST_ADDRESSES || host->failed == HOST_ADDRESSES
	        ? DANE_HOST_SILENT
	        : DANE_HOST_UNKNOWABLE,
	    "not found out in time");
}

static void note(struct dane_answer *to, const struct dns_answer *answer)
{
	to->over = true;
	to->status = answer->status;
	to->secure = answer->authenticated;
	to->bogus = answer->bogus;
	to->hops = answer->hops;
	if (answer->end)
		to->end = *answer->end;
	snprintf(to->reason, sizeof(to->reason), "%s", answer->reason);
	to->ttl_s = answer->end ? answer->ttl_s : DANE_FAILURE_TTL_S;
}

/* What is found out rests on this answer. */
static void rest_on(struct dane_host *host, const struct dane_answer *answer)
{
	dane_check_limit(host->walk, answer->ttl_s);
}

static bool failed(const struct dane_answer *answer)
{
	return answer->status == DNS_FAILED || answer->status == DNS_TIMEOUT;
}

/* -- something failed ------------------------------------------------------ */

static void try_base(struct dane_host *host);

/* No record can be secure there, or that would not matter. */
static void on_unsigned(struct dane_host *host)
{
	if (host->failed == HOST_ADDRESSES) {
		end(host, DANE_HOST_UNREACHABLE,
		    "its addresses can't be looked up (%s); %s", host->a.reason,
		    host->walk->mx_secure ? "its zone is not signed"
		                          : "the MX records are insecure");
		return;
	}
	if (host->failed == HOST_ALIAS) {
		end(host, DANE_HOST_NONE, "insecure addresses");
		return;
	}
	host->at++;
	try_base(host);
}

static void on_zone(void *arg, enum zone_security security)
{
	struct dane_host *host = arg;
	const char *zone = security == ZONE_SIGNED
	                       ? "its zone is signed"
	                       : "whether its zone is signed can't be learnt";

	if (security == ZONE_UNSIGNED)
		on_unsigned(host);
	else if (host->failed == HOST_ADDRESSES)
		end(host, DANE_HOST_SILENT,
		    "its addresses can't be looked up (%s); %s", host->a.reason,
		    zone);
	else
		end(host, DANE_HOST_UNKNOWABLE,
		    "%s can't be looked up (%s); %s",
		    host->failed == HOST_ALIAS ? "its alias"
		                               : "its TLSA records",
		    host->a.reason, zone);
}

/* ANSWER, the one to the question for NAME, is a failure. */
static void ask_zone(struct dane_host *host, const struct dns_name *name,
                     const struct dane_answer *answer)
{
	host->failed = host->phase;
	host->phase = HOST_ZONE;
	if (answer != &host->a)
		snprintf(host->a.reason, sizeof(host->a.reason), "%s",
		         answer->reason);
	/* Behind insecure MX records nothing is unknowable: do not spend time,
	 * for which mail would wait, on finding out what is signed. */
	if (host->walk->mx_secure)
		zones_find(host->walk->zones, &host->wish, name, on_zone, host);
	else
		on_unsigned(host);
}

/* -- TLSA records ---------------------------------------------------------- */

static void read_tlsa(struct dane_host *host, const struct dns_answer *answer)
{
	char text[DNS_NAME_WIRE + 1];
	size_t usable = 0;

	for (size_t i = 0; i < answer->count; i++)
		usable += dane_tlsa_is_usable(answer->texts[i]);
	end(host, usable ? DANE_HOST_USABLE : DANE_HOST_UNUSABLE,
	    "%zu TLSA record%s, %zu usable, for %s", answer->count,
	    answer->count == 1 ? "" : "s", usable,
	    dns_name_show(&host->base[host->at], text));
}

static bool tlsa_name(const struct dane_host *host, struct dns_name *ret)
{
	char prefix[24];

	snprintf(prefix, sizeof(prefix), "_%u._tcp",
	         (unsigned)host->walk->hop.port);
	return dns_name_prepend(prefix, &host->base[host->at], ret);
}

static void on_tlsa(void *arg, const struct dns_answer *answer)
{
	struct dane_host *host = arg;
	struct dane_answer said = { .over = false };
	struct dns_name name;

	host->query = NULL;
	note(&said, answer);
	rest_on(host, &said);
	if (answer->bogus) {
		end(host, DANE_HOST_UNKNOWABLE, "its TLSA records are %s",
		    answer->reason);
	} else if (failed(&said)) {
		(void)tlsa_name(host, &name);
		ask_zone(host, &name, &said);
	} else if (answer->status == DNS_OK && answer->authenticated) {
		read_tlsa(host, answer);
	} else {
		/* 2.2.3: "if any insecure records are encountered or the TLSA
		 * records don't exist, the next candidate is tried". */
		host->at++;
		try_base(host);
	}
}

static void try_base(struct dane_host *host)
{
	struct dns_name name;

	host->phase = HOST_TLSA;
	/* Where the name would be too long there can be no records. */
	while (host->at < host->base_count && !tlsa_name(host, &name))
		host->at++;
	if (host->at == host->base_count)
		end(host, DANE_HOST_NONE, "no secure TLSA records");
	else if (secure_dns_ask(host->walk->dns, &name, GETDNS_RRTYPE_TLSA,
	                        on_tlsa, host, &host->query) != MTS_OK)
		end(host, DANE_HOST_UNKNOWABLE, "too many look-ups wait");
}

/* -- addresses ------------------------------------------------------------- */

static void on_alias(void *arg, const struct dns_answer *answer)
{
	struct dane_host *host = arg;
	struct dane_answer said = { .over = false };

	host->query = NULL;
	note(&said, answer);
	rest_on(host, &said);
	if (answer->bogus) {
		end(host, DANE_HOST_UNKNOWABLE, "its alias is %s",
		    answer->reason);
	} else if (failed(&said)) {
		ask_zone(host, &host->name, &said);
	} else if (answer->status == DNS_OK && answer->authenticated) {
		host->base[0] = host->name;
		host->base_count = 1;
		try_base(host);
	} else {
		end(host, DANE_HOST_NONE, "insecure addresses");
	}
}

/* 2.2.2, "Insecure CNAME": the alias may be in a signed zone though its target
 * is not. */
static void on_insecure(struct dane_host *host,
                        const struct dane_answer *answer)
{
	rest_on(host, answer);
	if (answer->hops == 0) {
		end(host, DANE_HOST_NONE, "insecure addresses");
		return;
	}
	host->phase = HOST_ALIAS;
	if (secure_dns_ask(host->walk->dns, &host->name, GETDNS_RRTYPE_CNAME,
	                   on_alias, host, &host->query) != MTS_OK)
		end(host, DANE_HOST_UNKNOWABLE, "too many look-ups wait");
}

/* 2.2.2, "Secure CNAME": the expanded name first, then the one in the MX. */
static void on_secure(struct dane_host *host, const struct dane_answer *answer)
{
	rest_on(host, answer);
	if (answer->hops > 0)
		host->base[host->base_count++] = answer->end;
	if (answer->hops == 0 || !dns_name_is(&answer->end, &host->name))
		host->base[host->base_count++] = host->name;
	try_base(host);
}

static void on_no_address(struct dane_host *host)
{
	const struct dane_answer *worse =
	    failed(&host->a) ? &host->a : &host->aaaa;

	rest_on(host, &host->a);
	rest_on(host, &host->aaaa);
	if (host->a.bogus || host->aaaa.bogus)
		end(host, DANE_HOST_SILENT, "its addresses are %s",
		    host->a.bogus ? host->a.reason : host->aaaa.reason);
	else if (failed(worse))
		ask_zone(host, &host->name, worse);
	else
		end(host, DANE_HOST_UNREACHABLE, "it has no address");
}

/* Both families have been asked for. */
static void on_addresses(struct dane_host *host)
{
	bool a = host->a.status == DNS_OK;
	bool aaaa = host->aaaa.status == DNS_OK;

	if (a && (host->a.secure || !aaaa || !host->aaaa.secure)) {
		if (host->a.secure)
			on_secure(host, &host->a);
		else
			on_insecure(host, &host->a);
	} else if (aaaa) {
		if (host->aaaa.secure)
			on_secure(host, &host->aaaa);
		else
			on_insecure(host, &host->aaaa);
	} else {
		on_no_address(host);
	}
}

static void on_a(void *arg, const struct dns_answer *answer)
{
	struct dane_host *host = arg;

	host->a_query = NULL;
	note(&host->a, answer);
	if (host->aaaa.over)
		on_addresses(host);
}

static void on_aaaa(void *arg, const struct dns_answer *answer)
{
	struct dane_host *host = arg;

	host->aaaa_query = NULL;
	note(&host->aaaa, answer);
	if (host->a.over)
		on_addresses(host);
}

void dane_host_start(struct dane_host *host)
{
	struct secure_dns *dns = host->walk->dns;

	host->phase = HOST_ADDRESSES;
	host->failed = HOST_OVER;
	if (secure_dns_ask(dns, &host->name, GETDNS_RRTYPE_A, on_a, host,
	                   &host->a_query) == MTS_OK &&
	    secure_dns_ask(dns, &host->name, GETDNS_RRTYPE_AAAA, on_aaaa, host,
	                   &host->aaaa_query) == MTS_OK)
		return;
	dane_host_stop(host);
	end(host, DANE_HOST_UNKNOWABLE, "too many look-ups wait");
}
