/* SPDX-License-Identifier: BSD-2-Clause */
/* dane_check.c - does DANE apply to mail for a next hop? (RFC 7672 2 and 3)
 *
 * The MX records; then all hosts at once (dane_host.c); then what they make
 * together (dane_rules.c). Where a look-up fails it is found out whether DANE
 * might apply there at all (zones.c). How much of this a stranger can make us do
 * is bounded: so many hosts, at most two candidates each, so many questions about
 * zones, so much time. */
#include "discover/dane_check.h"

#include "base/shortage.h"
#include "discover/dane_internal.h"
#include "dns/dns_reply.h"

#include <getdns/getdns.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	/* A walk's time, in quarters of the time-out of one look-up: with the
	 * defaults it is over a little before those who wait for it give up,
	 * and they still hear what the hosts that answered make together. */
	WALK_QUARTERS = 15,
	TTL_MIN_S = 30,
	TTL_MAX_S = 24 * 60 * 60,
};

/* -- the result ------------------------------------------------------------ */

void dane_check_limit(struct dane_check *walk, uint32_t ttl_s)
{
	if (ttl_s < walk->ttl_s)
		walk->ttl_s = ttl_s;
}

static void free_walk(uv_handle_t *handle)
{
	struct dane_check *walk = handle->data;

	free(walk->hosts);
	free(walk->steps);
	free(walk);
}

void dane_cancel(struct dane_check **walk)
{
	struct dane_check *w = *walk;

	if (!w)
		return;
	*walk = NULL;
	secure_query_cancel(&w->mx_query);
	for (size_t i = 0; i < w->host_count; i++)
		dane_host_stop(&w->hosts[i]);
	zones_free(&w->zones);
	uv_close((uv_handle_t *)&w->timer, free_walk);
}

static void add_step(struct dane_check *walk, const char *name, bool ok,
                     const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void add_step(struct dane_check *walk, const char *name, bool ok,
                     const char *format, ...)
{
	struct dane_step *step = &walk->steps[walk->step_count++];
	va_list ap;

	snprintf(step->name, sizeof(step->name), "%.*s", DOMAIN_MAX, name);
	step->ok = ok;
	va_start(ap, format);
	fault_vtext(step->text, sizeof(step->text), format, ap);
	va_end(ap);
}

/* The callback may start another walk, and close the service. */
static void tell(uv_timer_t *timer)
{
	struct dane_check *walk = timer->data;
	struct dane_result result = {
		.state = walk->state,
		.ttl_s = walk->ttl_s,
		.reason = walk->reason,
		.short_of_memory = walk->state == DANE_UNKNOWABLE &&
		                   shortage_count() != walk->shortages,
		.steps = walk->steps,
		.step_count = walk->step_count,
	};
	dane_callback *callback = walk->callback;
	void *arg = walk->arg;

	dane_cancel(&walk);
	callback(arg, &result);
}

static void finish(struct dane_check *walk, enum dane_state state,
                   const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void finish(struct dane_check *walk, enum dane_state state,
                   const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fault_vtext(walk->reason, sizeof(walk->reason), format, ap);
	va_end(ap);
	walk->state = state;
	if (state == DANE_UNKNOWABLE)
		dane_check_limit(walk, DANE_FAILURE_TTL_S);
	if (walk->ttl_s < TTL_MIN_S)
		walk->ttl_s = TTL_MIN_S;
	if (walk->ttl_s > TTL_MAX_S)
		walk->ttl_s = TTL_MAX_S;
	uv_timer_start(&walk->timer, tell, 0, 0);
}

/* -- the hosts together ---------------------------------------------------- */

static const char *state_words(enum dane_state state)
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

/* The host that makes the state what it is, if it is one. */
static const struct dane_host *culprit(const struct dane_check *walk)
{
	for (size_t i = 0; i < walk->host_count; i++)
		if (walk->hosts[i].state == DANE_HOST_UNKNOWABLE)
			return &walk->hosts[i];
	for (size_t i = 0; i < walk->host_count; i++)
		if (walk->hosts[i].state == DANE_HOST_SILENT)
			return &walk->hosts[i];
	return NULL;
}

static void combine(struct dane_check *walk)
{
	/* The compiler is not sure that there is one. */
	enum dane_host_state states[DANE_HOSTS_MAX] = { 0 };
	const struct dane_host *host = culprit(walk);
	char text[DNS_NAME_WIRE + 1];
	enum dane_state state;

	for (size_t i = 0; i < walk->host_count; i++) {
		const struct dane_host *h = &walk->hosts[i];

		states[i] = h->state;
		add_step(walk, dns_name_show(&h->name, text),
		         h->state != DANE_HOST_UNKNOWABLE &&
		             h->state != DANE_HOST_SILENT,
		         "%s: %s", dane_host_state_text(h->state), h->text);
	}
	state = dane_combine(states, walk->host_count, walk->mx_secure,
	                     !walk->more);
	if (state == DANE_UNKNOWABLE && host)
		finish(walk, state, "%s: %s", dns_name_show(&host->name, text),
		       host->text);
	else
		finish(walk, state, "%s", state_words(state));
}

void dane_check_host_over(struct dane_check *walk)
{
	if (++walk->over_count == walk->host_count)
		combine(walk);
}

static void on_time(uv_timer_t *timer)
{
	struct dane_check *walk = timer->data;

	if (walk->host_count == 0) {
		add_step(walk, "mx", false, "not found out in time");
		finish(walk, DANE_UNKNOWABLE,
		       "the MX records were not found out in time");
		secure_query_cancel(&walk->mx_query);
		zones_free(&walk->zones);
		return;
	}
	zones_free(&walk->zones);
	for (size_t i = 0; i < walk->host_count; i++)
		dane_host_give_up(&walk->hosts[i]);
}

/* -- MX records ------------------------------------------------------------ */

static void start_hosts(struct dane_check *walk)
{
	for (size_t i = 0; i < walk->host_count; i++)
		dane_host_start(&walk->hosts[i]);
}

/* Makes room for COUNT hosts and their steps. False: memory is short. */
static bool make_hosts(struct dane_check *walk, size_t count)
{
	walk->hosts = calloc(count, sizeof(*walk->hosts));
	if (!walk->hosts)
		return false;
	for (size_t i = 0; i < count; i++)
		walk->hosts[i].walk = walk;
	return true;
}

/* The domain itself is the host: RFC 5321 5.1, "implicit MX", or "[host]". */
static int use_domain(struct dane_check *walk, const struct dns_name *name)
{
	if (!make_hosts(walk, 1))
		return MTS_ENOMEM;
	walk->hosts[0].name = *name;
	walk->host_count = 1;
	return MTS_OK;
}

static void out_of_memory(struct dane_check *walk)
{
	shortage_note();
	add_step(walk, "mx", false, "out of memory");
	finish(walk, DANE_UNKNOWABLE, "out of memory");
}

/* Puts MX among the hosts by preference; the least preferred falls out. */
static void put_host(struct dane_check *walk, const struct dns_mx *mx)
{
	size_t at = walk->host_count;

	for (size_t i = 0; i < walk->host_count; i++)
		if (dns_name_is(&walk->hosts[i].name, &mx->name))
			return;
	while (at > 0 && walk->hosts[at - 1].preference > mx->preference)
		at--;
	if (walk->host_count < DANE_HOSTS_MAX)
		walk->host_count++;
	else
		walk->more = true;
	if (at == DANE_HOSTS_MAX)
		return;
	for (size_t i = walk->host_count - 1; i > at; i--) {
		walk->hosts[i].name = walk->hosts[i - 1].name;
		walk->hosts[i].preference = walk->hosts[i - 1].preference;
	}
	walk->hosts[at].name = mx->name;
	walk->hosts[at].preference = mx->preference;
}

static void on_mx_records(struct dane_check *walk,
                          const struct dns_answer *answer)
{
	const char *security = answer->authenticated ? "secure" : "insecure";
	struct dns_mx mx;

	if (!make_hosts(walk, DANE_HOSTS_MAX)) {
		out_of_memory(walk);
		return;
	}
	for (size_t i = 0; i < answer->count; i++)
		if (dns_mx_read(answer->texts[i], &mx) && !dns_mx_is_null(&mx))
			put_host(walk, &mx);
	if (walk->host_count == 0) {
		add_step(walk, "mx", true, "%s null MX: it takes no mail",
		         security);
		finish(walk, DANE_NONE, "it takes no mail (null MX)");
		return;
	}
	add_step(walk, "mx", true, "%s, %zu host%s%s", security,
	         walk->host_count, walk->host_count == 1 ? "" : "s",
	         walk->more ? ", and more that are not looked at" : "");
	start_hosts(walk);
}

static void on_no_mx(struct dane_check *walk)
{
	struct dns_name name;

	if (dns_name_parse(walk->hop.domain.name, &name) != MTS_OK ||
	    use_domain(walk, &name) != MTS_OK) {
		out_of_memory(walk);
		return;
	}
	add_step(walk, "mx", true, "none (%s): the domain itself is the host",
	         walk->mx_secure ? "secure" : "insecure");
	start_hosts(walk);
}

static void on_mx_zone(void *arg, enum zone_security security)
{
	struct dane_check *walk = arg;

	dane_check_limit(walk, DANE_FAILURE_TTL_S);
	if (security == ZONE_UNSIGNED) {
		add_step(walk, "mx", true,
		         "they can't be looked up (%s); the zone is not signed",
		         walk->failure);
		finish(walk, DANE_NONE,
		       "the MX records can't be looked up, and the zone is not "
		       "signed");
		return;
	}
	add_step(walk, "mx", false, "they can't be looked up (%s); %s",
	         walk->failure,
	         security == ZONE_SIGNED
	             ? "the zone is signed"
	             : "whether the zone is signed can't be learnt");
	finish(walk, DANE_UNKNOWABLE, "the MX records can't be looked up: %s",
	       walk->failure);
}

static void on_mx_failed(struct dane_check *walk,
                         const struct dns_answer *answer)
{
	struct dns_name name;

	snprintf(walk->failure, sizeof(walk->failure), "%s", answer->reason);
	if (answer->bogus)
		on_mx_zone(walk, ZONE_SIGNED);
	else if (dns_name_parse(walk->hop.domain.name, &name) != MTS_OK)
		out_of_memory(walk);
	else
		zones_find(walk->zones, &walk->wish, &name, on_mx_zone, walk);
}

static void on_mx(void *arg, const struct dns_answer *answer)
{
	struct dane_check *walk = arg;

	walk->mx_query = NULL;
	walk->mx_secure = answer->authenticated;
	if (answer->end)
		dane_check_limit(walk, answer->ttl_s);
	switch (answer->status) {
	case DNS_OK:
		on_mx_records(walk, answer);
		return;
	case DNS_NODATA:
		on_no_mx(walk);
		return;
	case DNS_NXDOMAIN:
		add_step(walk, "mx", true, "the domain does not exist");
		finish(walk, DANE_NONE, "the domain does not exist");
		return;
	case DNS_FAILED:
	case DNS_TIMEOUT:
		on_mx_failed(walk, answer);
		return;
	}
}

/* -- starting -------------------------------------------------------------- */

static int walk_new(struct secure_dns *dns, const struct domain_hop *hop,
                    struct dane_check **ret)
{
	struct dane_check *walk = calloc(1, sizeof(*walk));

	if (!walk)
		return MTS_ENOMEM;
	walk->steps = calloc(DANE_STEPS_MAX, sizeof(*walk->steps));
	if (!walk->steps || zones_new(dns, &walk->zones) != MTS_OK) {
		free(walk->steps);
		free(walk);
		return MTS_ENOMEM;
	}
	walk->dns = dns;
	walk->hop = *hop;
	walk->ttl_s = UINT32_MAX;
	uv_timer_init(secure_dns_loop(dns), &walk->timer);
	walk->timer.data = walk;
	uv_timer_start(&walk->timer, on_time,
	               WALK_QUARTERS * secure_dns_timeout_ms(dns) / 4, 0);
	*ret = walk;
	return MTS_OK;
}

int dane_start(struct secure_dns *dns, const struct domain_hop *hop,
               dane_callback *callback, void *arg, struct dane_check **ret)
{
	struct dane_check *walk;
	struct dns_name name;
	int status = walk_new(dns, hop, &walk);

	if (status != MTS_OK)
		return status;
	walk->callback = callback;
	walk->arg = arg;
	walk->shortages = shortage_count();
	status = dns_name_parse(hop->domain.name, &name);
	if (status == MTS_OK && hop->direct) {
		status = use_domain(walk, &name);
		walk->mx_secure = true;
		if (status == MTS_OK)
			start_hosts(walk);
	} else if (status == MTS_OK) {
		status = secure_dns_ask(dns, &name, GETDNS_RRTYPE_MX, on_mx,
		                        walk, &walk->mx_query);
	}
	if (status != MTS_OK)
		dane_cancel(&walk);
	else
		*ret = walk;
	return status;
}
