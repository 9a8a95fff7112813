/* SPDX-License-Identifier: BSD-2-Clause */
/* secure_setup.c - whom authenticated answers are had from: which servers, and
 * whether their AD bit is believed or signatures are checked here. */
#include "base/log.h"
#include "dnssec/secure_internal.h"
#include "dnssec/trust_anchor.h"

#include <stdio.h>
#include <stdlib.h>

static bool are_loopback(const struct resolver_server *servers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!address_is_loopback(&servers[i].address))
			return false;
	return true;
}

static int make_validator(uv_loop_t *loop,
                          const struct resolver_server *servers, size_t count,
                          const char *anchor, struct validator **ret,
                          struct fault *why)
{
	struct validator_options options = { .loop = loop,
		                             .servers = servers,
		                             .server_count = count,
		                             .trust_anchor = anchor };

	return validator_new(&options, ret, why);
}

int secure_dns_validator(struct secure_dns *dns, struct validator **ret,
                         struct fault *why)
{
	struct resolver_server servers[RESOLVER_SERVERS_MAX];
	size_t count = resolver_get_servers(dns->resolver, servers);

	return make_validator(dns->loop, servers, count, dns->anchor, ret, why);
}

static void note_servers(struct secure_dns *dns)
{
	snprintf(dns->servers, sizeof(dns->servers), "%s",
	         resolver_servers(dns->resolver));
}

/* From now on by VALIDATOR, which is taken over, or with NULL by the AD bit; all
 * that is asked, is asked anew. */
static void go_by(struct secure_dns *dns, struct validator *validator)
{
	secure_dns_ask_again(dns);
	secure_health_stop(dns);
	validator_close(&dns->validator);
	dns->validator = validator;
	dns->validates = validator != NULL;
	note_servers(dns);
	secure_health_begin(dns);
	secure_dns_pump(dns);
}

/* Decides for the servers of now. On failure all stays as it was. */
static int set_up(struct secure_dns *dns, bool validates, struct fault *why)
{
	struct validator *validator = NULL;
	int status = MTS_OK;

	if (validates)
		status = secure_dns_validator(dns, &validator, why);
	if (status == MTS_OK)
		go_by(dns, validator);
	return status;
}

int secure_dns_validate_instead(struct secure_dns *dns)
{
	struct fault why;

	return set_up(dns, true, &why);
}

/* To be decided again after every change of servers. */
static bool shall_validate(enum secure_dns_mode mode,
                           const struct resolver_server *servers, size_t count)
{
	return mode == SECURE_DNS_VALIDATE ||
	       (mode == SECURE_DNS_AUTO && !are_loopback(servers, count));
}

static int begin(struct secure_dns *dns, struct fault *why)
{
	struct resolver_server servers[RESOLVER_SERVERS_MAX];
	size_t count = resolver_get_servers(dns->resolver, servers);
	bool validates = shall_validate(dns->mode, servers, count);

	if (!validates || dns->anchor)
		return set_up(dns, validates, why);
	note_servers(dns);
	secure_health_none(dns, "there is no trust anchor");
	return MTS_OK;
}

void secure_setup_look(struct secure_dns *dns)
{
	struct fault why;

	if (dns->mode == SECURE_DNS_OFF)
		return;
	resolver_look(dns->resolver);
	if (strcmp(dns->servers, resolver_servers(dns->resolver)) == 0)
		return;
	if (begin(dns, &why) == MTS_OK)
		return;
	log_warning("dnssec_servers servers=\"%s\" kept=yes reason=\"%s\"",
	            dns->servers, why.text);
	/* Not to be tried again with each question. */
	note_servers(dns);
}

/* -- the beginning --------------------------------------------------------- */

/* *RET is the caller's; NULL: there is none, and none is needed. */
static int find_anchor(enum secure_dns_mode mode, const char *configured,
                       char **ret, struct fault *why)
{
	const char *path;
	int status;

	*ret = NULL;
	if (mode == SECURE_DNS_TRUST_AD || mode == SECURE_DNS_OFF)
		return MTS_OK;
	status = trust_anchor_find(configured, trust_anchor_places, &path, why);
	if (status == MTS_OK) {
		*ret = strdup(path);
		return *ret ? MTS_OK
		            : fault_set(why, MTS_ENOMEM, "out of memory");
	}
	if (mode == SECURE_DNS_AUTO && !*configured && status != MTS_ENOMEM)
		return MTS_OK;
	return status;
}

int secure_setup_begin(struct secure_dns *dns, const char *trust_anchor,
                       struct fault *why)
{
	int status = find_anchor(dns->mode, trust_anchor, &dns->anchor, why);

	if (status != MTS_OK)
		return status;
	if (dns->mode != SECURE_DNS_OFF)
		return begin(dns, why);
	secure_health_none(dns, "dns.dnssec is off");
	return MTS_OK;
}

/* -- changes --------------------------------------------------------------- */

/* Whether what NEXT is to be is what there is: then what was learnt stays. */
static bool is_same(const struct secure_dns *dns,
                    const struct secure_next *next)
{
	return next->mode == dns->mode &&
	       text_same(next->anchor, dns->anchor) &&
	       strcmp(dns->servers, resolver_next_text(dns->resolver)) == 0;
}

static void drop_next(struct secure_dns *dns)
{
	validator_close(&dns->next.validator);
	free(dns->next.anchor);
	dns->next = (struct secure_next){ .prepared = false };
}

int secure_dns_prepare(struct secure_dns *dns,
                       const struct secure_dns_options *options,
                       struct fault *why)
{
	struct resolver_server servers[RESOLVER_SERVERS_MAX];
	size_t count = resolver_next_servers(dns->resolver, servers);
	struct secure_next *next = &dns->next;
	int status;

	*next = (struct secure_next){ .prepared = true,
		                      .mode = options->mode,
		                      .timeout_ms = options->timeout_ms };
	status =
	    find_anchor(next->mode, options->trust_anchor, &next->anchor, why);
	next->changes = status == MTS_OK && !is_same(dns, next);
	next->validates = shall_validate(next->mode, servers, count);
	if (next->changes && next->validates && next->anchor)
		status = make_validator(dns->loop, servers, count, next->anchor,
		                        &next->validator, why);
	if (status != MTS_OK)
		drop_next(dns);
	return status;
}

/* There are none any more. */
static void go_without(struct secure_dns *dns, const char *reason)
{
	secure_health_stop(dns);
	secure_dns_fail_all(dns, reason);
	validator_close(&dns->validator);
	dns->validates = false;
	note_servers(dns);
	secure_health_none(dns, reason);
}

void secure_dns_settle(struct secure_dns *dns, bool good)
{
	struct secure_next *next = &dns->next;
	char *anchor = dns->anchor;

	if (next->prepared && good) {
		dns->mode = next->mode;
		dns->timeout_ms = next->timeout_ms;
		dns->anchor = next->anchor;
		next->anchor = anchor;
	}
	if (next->prepared && good && next->changes) {
		struct validator *validator = next->validator;

		next->validator = NULL;
		if (dns->mode == SECURE_DNS_OFF)
			go_without(dns, "dns.dnssec is off");
		else if (next->validates && !validator)
			go_without(dns, "there is no trust anchor");
		else
			go_by(dns, validator);
	}
	drop_next(dns);
}
