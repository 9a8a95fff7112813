/* SPDX-License-Identifier: BSD-2-Clause */
/* walk.c - checks one domain: the life of a walk, and its look-ups of TXT
 * records. */
#include "check/walk_internal.h"

#include "check/judge.h"
#include "sts/tlsrpt.h"

#include <getdns/getdns.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	LIMIT_CALLS = 4, /* time-outs behind each other */
	LIMIT_LOOKUPS = 3,
};

uint64_t walk_limit_ms(const struct check_options *options)
{
	return LIMIT_CALLS * options->timeout_ms +
	       LIMIT_LOOKUPS * options->dns_timeout_ms;
}

uint64_t walk_ms(const struct walk *walk)
{
	return clock_mono_ms(walk->options->clock) - walk->start_ms + 1;
}

void walk_no_memory(struct walk *walk)
{
	walk->report->status = MTS_ENOMEM;
}

/* -- the end --------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
	struct walk *walk = handle->data;

	facts_clear(&walk->facts);
	report_free(&walk->report);
	dialer_free(&walk->dialer);
	free(walk->wishes);
	free(walk);
}

static void stop(struct walk *walk)
{
	dns_query_cancel(&walk->record);
	dns_query_cancel(&walk->apex);
	dns_query_cancel(&walk->tls_rpt);
	for (size_t i = 0; i < RUA_DOMAINS_MAX; i++)
		dns_query_cancel(&walk->ruas[i]);
	walk_policy_stop(walk);
	walk_mx_stop(walk);
	walk_zone_stop(walk);
	uv_close((uv_handle_t *)&walk->timer, on_closed);
}

static void finish(struct walk *walk)
{
	struct report *report = walk->report;

	walk->facts.out_of_time = walk->left > 0;
	stop(walk);
	report->timing.record_ms = walk->facts.record.ms;
	report->timing.tls_rpt_ms = walk->facts.tls_rpt.ms;
	report->timing.policy_ms = walk->facts.fetch.ms;
	report->timing.total_ms = walk_ms(walk);
	report->time_s = clock_wall_s(walk->options->clock);
	judge(report, &walk->facts, walk->options);
	walk->report = NULL;
	walk->owner.done(walk->owner.arg, report);
}

static void on_timer(uv_timer_t *timer)
{
	finish(timer->data);
}

void walk_begin_step(struct walk *walk)
{
	walk->left++;
}

static void set_timer(struct walk *walk)
{
	uint64_t limit_ms = walk_limit_ms(walk->options);
	uint64_t spent_ms = walk_ms(walk);

	uv_timer_start(&walk->timer, on_timer,
	               spent_ms < limit_ms ? limit_ms - spent_ms : 0, 0);
}

/* A step may end and another begin right after it. */
static void on_idle(uv_timer_t *timer)
{
	struct walk *walk = timer->data;

	if (walk->left == 0) {
		finish(walk);
		return;
	}
	set_timer(walk);
	if (walk->left > walk->waiting || walk->waits)
		return;
	walk->waits = true;
	walk->owner.waits(walk->owner.arg);
}

void walk_end_step(struct walk *walk)
{
	if (--walk->left == walk->waiting)
		uv_timer_start(&walk->timer, on_idle, 0, 0);
}

void walk_cancel(struct walk **walk)
{
	if (!*walk)
		return;
	stop(*walk);
	*walk = NULL;
}

/* -- look-ups -------------------------------------------------------------- */

void walk_take(struct walk *walk, struct dns_facts *facts,
               const struct dns_answer *answer)
{
	if (dns_facts_take(facts, answer, walk_ms(walk)) != MTS_OK)
		walk_no_memory(walk);
	walk_end_step(walk);
}

void walk_ask(struct walk *walk, const char *prefix, uint16_t type,
              dns_callback *callback, struct dns_query **ret)
{
	char text[NAME_MAX_TEXT + 8];
	struct dns_name name;

	snprintf(text, sizeof(text), "%s%s", prefix, walk->report->domain.name);
	if (dns_name_parse(text, &name) != MTS_OK)
		return;
	if (resolver_ask(walk->options->resolver, &name, type, false, callback,
	                 walk, ret) == MTS_OK)
		walk_begin_step(walk);
	else
		walk_no_memory(walk);
}

/* -- the record ------------------------------------------------------------ */

static void on_apex(void *arg, const struct dns_answer *answer)
{
	struct walk *walk = arg;

	walk->apex = NULL;
	walk_take(walk, &walk->facts.apex, answer);
}

static bool has_record(const struct dns_facts *facts)
{
	for (size_t i = 0; i < facts->count; i++)
		if (slice_starts(facts->texts[i], "v=STSv1"))
			return true;
	return false;
}

static void on_record(void *arg, const struct dns_answer *answer)
{
	struct walk *walk = arg;
	struct dns_facts *facts = &walk->facts.record;

	walk->record = NULL;
	walk_take(walk, facts, answer);
	if (has_record(facts))
		walk_zone_start(walk);
	else if (dns_facts_known(facts))
		walk_ask(walk, "", GETDNS_RRTYPE_TXT, on_apex, &walk->apex);
}

/* A name that is too long has no record. */
static void ask_record(struct walk *walk)
{
	static const char prefix[] = "_mta-sts.";
	struct dns_facts *facts = &walk->facts.record;

	if (walk->report->domain.len + strlen(prefix) <= DOMAIN_MAX) {
		walk_ask(walk, prefix, GETDNS_RRTYPE_TXT, on_record,
		         &walk->record);
		return;
	}
	facts->over = true;
	facts->status = DNS_NXDOMAIN;
}

/* -- TLSRPT ---------------------------------------------------------------- */

static void on_rua(void *arg, const struct dns_answer *answer)
{
	struct rua_step *step = arg;
	struct walk *walk = step->walk;

	walk->ruas[step->at] = NULL;
	walk->facts.ruas[step->at].over = true;
	walk->facts.ruas[step->at].status = answer->status;
	walk_end_step(walk);
}

/* Do those that reports are mailed to receive mail? */
static void ask_rua(struct walk *walk, struct slice domain)
{
	size_t at = walk->facts.rua_count;
	struct rua_facts *rua = &walk->facts.ruas[at];
	struct rua_step *step = &walk->rua_steps[at];
	struct dns_name name;

	if (at == RUA_DOMAINS_MAX || !domain_is_name(domain.data, domain.len))
		return;
	snprintf(rua->domain, sizeof(rua->domain), "%.*s", (int)domain.len,
	         domain.data);
	*step = (struct rua_step){ walk, at };
	if (dns_name_parse(rua->domain, &name) != MTS_OK ||
	    resolver_ask(walk->options->resolver, &name, GETDNS_RRTYPE_MX,
	                 false, on_rua, step, &walk->ruas[at]) != MTS_OK)
		return;
	walk->facts.rua_count++;
	walk_begin_step(walk);
}

static void on_tls_rpt(void *arg, const struct dns_answer *answer)
{
	struct walk *walk = arg;
	struct dns_facts *facts = &walk->facts.tls_rpt;
	struct tlsrpt record;

	walk->tls_rpt = NULL;
	walk_begin_step(walk); /* until the domains are asked for */
	walk_take(walk, facts, answer);
	for (size_t i = 0; i < facts->count; i++) {
		if (tlsrpt_parse(facts->texts[i], &record, NULL) != MTS_OK)
			continue;
		for (size_t k = 0; k < record.rua_count; k++)
			ask_rua(walk, tlsrpt_mail_domain(record.rua[k]));
	}
	walk_end_step(walk);
}

/* -- the walk -------------------------------------------------------------- */

int walk_start(const struct check_options *options, struct prober *prober,
               struct direct *direct, const struct domain *domain,
               const struct walk_owner *owner, struct walk **ret)
{
	struct walk *walk = calloc(1, sizeof(*walk));

	if (!walk)
		return MTS_ENOMEM;
	walk->report = report_new(domain);
	if (!walk->report) {
		free(walk);
		return MTS_ENOMEM;
	}
	walk->options = options;
	walk->prober = prober;
	walk->direct = direct;
	walk->owner = *owner;
	walk->start_ms = clock_mono_ms(options->clock);
	uv_timer_init(resolver_loop(options->resolver), &walk->timer);
	walk->timer.data = walk;
	set_timer(walk);
	walk_begin_step(walk); /* this very call */
	ask_record(walk);
	walk_ask(walk, "_smtp._tls.", GETDNS_RRTYPE_TXT, on_tls_rpt,
	         &walk->tls_rpt);
	walk_policy_start(walk);
	walk_mx_start(walk);
	walk_end_step(walk);
	*ret = walk;
	return MTS_OK;
}
