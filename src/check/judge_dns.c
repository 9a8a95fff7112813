/* SPDX-License-Identifier: BSD-2-Clause */
/* judge_dns.c - judges what DNS says: the MTA-STS record, whether the zone's name
 * servers agree on it, delegation, the TLSRPT record, and DNSSEC and DANE. */
#include "check/judge_internal.h"

#include "findings/render.h"
#include "sts/tlsrpt.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum {
	RECORD_SHOWN = 200, /* bytes of a record in a finding */
	RUA_SHOWN = 100,    /* the same of a rua */
};

static const struct slice no_text = { "", 0 };

/* A record that senders accept as one. */
static bool is_record(struct slice text)
{
	return slice_starts(text, "v=STSv1;");
}

/* A record that was probably meant to be one. */
static bool is_meant(struct slice text)
{
	return text.len >= 5 && strncasecmp(text.data, "v=sts", 5) == 0;
}

static int record_shown_len(struct slice text)
{
	return text.len < RECORD_SHOWN ? (int)text.len : RECORD_SHOWN;
}

/* Counts the texts for which IS is true, and returns the first of them or an
 * empty text. */
static size_t count_texts(const struct dns_facts *facts,
                          bool (*is)(struct slice), struct slice *ret_first)
{
	size_t n = 0;

	*ret_first = no_text;
	for (size_t i = 0; i < facts->count; i++) {
		if (!is(facts->texts[i]))
			continue;
		if (n++ == 0)
			*ret_first = facts->texts[i];
	}
	return n;
}

static void record_keep_text(struct judging *j, struct slice text)
{
	j->report->record.text = slice_copy(text);
	if (!j->report->record.text)
		j->report->status = MTS_ENOMEM;
}

/* -- one record ------------------------------------------------------------ */

/* An invalid id has a finding of its own. */
static bool record_fault_is_id(const char *why)
{
	return strstr(why, "the id ") != NULL;
}

static void record_judge_text(struct judging *j, struct slice text)
{
	struct report *report = j->report;
	struct sts_record record;
	struct finding *finding;
	struct fault why = { 0 };
	char id[SUGGEST_ID];
	int status = record_parse(text, &record, &why);

	record_keep_text(j, text);
	if (status == MTS_OK && is_record(text)) {
		snprintf(report->record.id, sizeof(report->record.id), "%s",
		         record.id);
		return;
	}
	finding = report_add(report,
	                     status != MTS_OK && record_fault_is_id(why.text)
	                         ? FINDING_ID_INVALID
	                         : FINDING_RECORD_SYNTAX,
	                     "%s: \"%.*s\"",
	                     status == MTS_OK
	                         ? "It does not begin with exactly \"v=STSv1;\""
	                         : why.text,
	                     record_shown_len(text), text.data);
	report_fix(report, finding,
	           "Replace the record with:\n"
	           "_mta-sts.%s. IN TXT \"v=STSv1; id=%s;\"",
	           report->domain.name, suggest_id(report->time_s, id));
}

/* -- no record ------------------------------------------------------------- */

static bool policy_is_served(const struct judging *j)
{
	struct slice text = j->report->policy.text;

	return j->report->policy.policy != NULL ||
	       slice_starts(text, "version:");
}

static void record_judge_absence(struct judging *j)
{
	struct report *report = j->report;
	struct slice apex;
	struct finding *finding;
	char id[SUGGEST_ID];

	if (count_texts(&j->facts->apex, is_record, &apex) > 0) {
		finding = report_add(report, FINDING_RECORD_WRONG_PLACE,
		                     "The record is at %s itself: \"%.*s\"",
		                     report->domain.name,
		                     record_shown_len(apex), apex.data);
	} else if (policy_is_served(j) ||
	           j->options->expect != EXPECT_NOTHING) {
		finding = report_add(
		    report, FINDING_MISSING_RECORD,
		    "There is no TXT record at _mta-sts.%s%s",
		    report->domain.name,
		    policy_is_served(j) ? ", although a policy is served" : "");
	} else {
		report_add(report, FINDING_NOT_CONFIGURED,
		           "There is no TXT record at _mta-sts.%s, and no "
		           "policy is served",
		           report->domain.name);
		return;
	}
	report_fix(report, finding,
	           "Publish this record:\n"
	           "_mta-sts.%s. IN TXT \"v=STSv1; id=%s;\"",
	           report->domain.name, suggest_id(report->time_s, id));
}

/* -- the name servers ------------------------------------------------------ */

static bool answer_has_text(const struct dns_facts *facts, struct slice text)
{
	for (size_t i = 0; i < facts->count; i++)
		if (facts->texts[i].len == text.len &&
		    memcmp(facts->texts[i].data, text.data, text.len) == 0)
			return true;
	return false;
}

/* True if both have the same records, in any order. */
static bool answer_is_same(const struct dns_facts *a, const struct dns_facts *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!answer_has_text(b, a->texts[i]))
			return false;
	return true;
}

static void record_judge_servers(struct judging *j)
{
	const struct facts *facts = j->facts;
	const struct server_facts *first = NULL;

	for (size_t i = 0; i < facts->server_count; i++) {
		const struct server_facts *server = &facts->servers[i];
		struct slice a, b;

		if (!dns_facts_known(&server->answer))
			continue;
		if (!first) {
			first = server;
			continue;
		}
		if (answer_is_same(&first->answer, &server->answer))
			continue;
		count_texts(&first->answer, is_meant, &a);
		count_texts(&server->answer, is_meant, &b);
		report_add(j->report, FINDING_RECORD_INCONSISTENT,
		           "%s has \"%.*s\", but %s has \"%.*s\"", first->name,
		           record_shown_len(a), a.data, server->name,
		           record_shown_len(b), b.data);
		return;
	}
}

/* -- the record ------------------------------------------------------------ */

static void record_judge_several(struct judging *j, size_t n)
{
	struct report *report = j->report;
	struct slice first;

	count_texts(&j->facts->record, is_record, &first);
	record_keep_text(j, first);
	report_add(report, FINDING_RECORD_MULTIPLE,
	           "%zu TXT records at _mta-sts.%s begin with \"v=STSv1;\"", n,
	           report->domain.name);
}

static void judge_dns_failure(struct judging *j, const struct dns_facts *facts,
                              const char *what)
{
	if (dns_facts_known(facts))
		return;
	report_add(j->report, FINDING_DNS_ERROR, "%s%s cannot be looked up: %s",
	           what, j->report->domain.name,
	           facts->over ? facts->reason
	                       : "no answer within the time limit");
}

void judge_record(struct judging *j)
{
	const struct dns_facts *facts = &j->facts->record;
	struct slice record, meant;
	size_t records = count_texts(facts, is_record, &record);
	size_t others = facts->count - records;

	j->score.record_known = dns_facts_known(facts);
	judge_dns_failure(j, facts, "_mta-sts.");
	if (!j->score.record_known)
		return;
	judge_dns_failure(j, &j->facts->mx, "The MX records of ");
	judge_dns_failure(j, &j->facts->tls_rpt, "_smtp._tls.");
	if (records > 1) {
		record_judge_several(j, records);
	} else if (records == 1) {
		record_judge_text(j, record);
	} else if (count_texts(facts, is_meant, &meant) > 0) {
		record_judge_text(j, meant);
		others--;
	} else {
		record_judge_absence(j);
	}
	if (others > 0)
		report_add(j->report, FINDING_RECORD_UNRELATED,
		           "%zu other TXT record%s at _mta-sts.%s", others,
		           others == 1 ? "" : "s", j->report->domain.name);
	record_judge_servers(j);
}

/* -- delegation ------------------------------------------------------------ */

/* True if the name is an alias (CNAME) of a name outside DOMAIN. */
static bool alias_leaves_domain(const struct dns_facts *facts,
                                const char *domain)
{
	size_t len = strlen(facts->end);
	size_t n = strlen(domain);

	if (!dns_facts_known(facts) || facts->hops == 0)
		return false;
	return len < n || strcmp(facts->end + len - n, domain) != 0 ||
	       (len > n && facts->end[len - n - 1] != '.');
}

void judge_delegation(struct judging *j)
{
	const struct facts *facts = j->facts;
	const char *domain = j->report->domain.name;
	const struct dns_facts *host =
	    facts->host_a.hops ? &facts->host_a : &facts->host_aaaa;
	bool record = alias_leaves_domain(&facts->record, domain);
	bool policy = alias_leaves_domain(host, domain);

	/* What does not exist is not delegated. */
	if (record == policy || facts->record.status != DNS_OK ||
	    facts->address_count == 0)
		return;
	if (record)
		report_add(j->report, FINDING_DELEGATION_SPLIT,
		           "_mta-sts.%s is an alias of %s, but mta-sts.%s is "
		           "not delegated",
		           domain, facts->record.end, domain);
	else
		report_add(j->report, FINDING_DELEGATION_SPLIT,
		           "mta-sts.%s is an alias of %s, but _mta-sts.%s is "
		           "not delegated",
		           domain, host->end, domain);
}

/* -- TLS reports ----------------------------------------------------------- */

static bool is_tls_rpt(struct slice text)
{
	return slice_starts(text, "v=TLSRPTv1;");
}

static bool tls_rpt_keep_ruas(struct report *report,
                              const struct tlsrpt *record)
{
	struct report_tls_rpt *to = &report->tls_rpt;

	to->rua = calloc(record->rua_count, sizeof(*to->rua));
	if (!to->rua)
		return false;
	for (size_t i = 0; i < record->rua_count; i++) {
		to->rua[i] = slice_copy(record->rua[i]);
		if (!to->rua[i])
			return false;
		to->rua_count++;
	}
	return true;
}

/* Even with a wrong scheme ("mail:post@example.com") it may be a person's
 * address, so it is masked. */
static void tls_rpt_judge_scheme(struct report *report, struct slice rua)
{
	char *raw = slice_copy(rua);
	char *masked = raw ? render_rua(raw, false) : NULL;

	if (masked)
		report_add(report, FINDING_RUA_SCHEME,
		           "The address is \"%.*s\"", RUA_SHOWN, masked);
	else
		report->status = MTS_ENOMEM;
	free(masked);
	free(raw);
}

static void tls_rpt_judge_ruas(struct judging *j, const struct tlsrpt *record)
{
	for (size_t i = 0; i < record->rua_count; i++)
		if (tlsrpt_scheme(record->rua[i]) == TLSRPT_OTHER)
			tls_rpt_judge_scheme(j->report, record->rua[i]);
	for (size_t i = 0; i < j->facts->rua_count; i++) {
		const struct rua_facts *rua = &j->facts->ruas[i];

		if (rua->over &&
		    (rua->status == DNS_NODATA || rua->status == DNS_NXDOMAIN))
			report_add(j->report, FINDING_RUA_NO_MX,
			           "The domain %s has no MX record",
			           rua->domain);
	}
}

static void tls_rpt_judge_text(struct judging *j, struct slice text)
{
	struct report *report = j->report;
	struct tlsrpt record;
	struct finding *finding;
	struct fault why = { 0 };

	report->tls_rpt.text = slice_copy(text);
	if (!report->tls_rpt.text)
		report->status = MTS_ENOMEM;
	if (tlsrpt_parse(text, &record, &why) != MTS_OK) {
		finding =
		    report_add(report, FINDING_TLS_RPT_SYNTAX, "%s", why.text);
		report_fix(report, finding,
		           "A correct record is:\n"
		           "_smtp._tls.%s. IN TXT \"v=TLSRPTv1; "
		           "rua=mailto:tlsrpt@%s\"",
		           report->domain.name, report->domain.name);
		return;
	}
	if (!tls_rpt_keep_ruas(report, &record))
		report->status = MTS_ENOMEM;
	tls_rpt_judge_ruas(j, &record);
}

void judge_tls_rpt(struct judging *j)
{
	const struct dns_facts *facts = &j->facts->tls_rpt;
	struct report *report = j->report;
	struct finding *finding;
	const struct slice *first = NULL;
	size_t count = 0;

	if (!dns_facts_known(facts)) {
		j->score.runs[GROUP_REPORT] = RUN_UNKNOWN;
		return;
	}
	for (size_t i = 0; i < facts->count; i++) {
		if (!is_tls_rpt(facts->texts[i]))
			continue;
		if (count++ == 0)
			first = &facts->texts[i];
	}
	/* A record without its ';' is malformed, not missing. */
	for (size_t i = 0; i < facts->count && count == 0; i++)
		if (slice_starts(facts->texts[i], "v=TLSRPT"))
			first = &facts->texts[i];
	if (count > 1) {
		report_add(report, FINDING_TLS_RPT_MULTIPLE,
		           "%zu records begin with \"v=TLSRPTv1;\"", count);
	} else if (first) {
		tls_rpt_judge_text(j, *first);
	} else {
		finding = report_add(report, FINDING_TLS_RPT_MISSING,
		                     "There is no TLSRPT record at "
		                     "_smtp._tls.%s",
		                     report->domain.name);
		report_fix(report, finding,
		           "Publish this record, with your own address:\n"
		           "_smtp._tls.%s. IN TXT \"v=TLSRPTv1; "
		           "rua=mailto:tlsrpt@%s\"",
		           report->domain.name, report->domain.name);
	}
}

/* -- DNSSEC and DANE ------------------------------------------------------- */

void judge_dnssec(struct judging *j)
{
	const struct report *report = j->report;
	size_t hosts = 0;

	for (size_t i = 0; i < report->mx_count; i++)
		hosts += report->mx[i].host &&
		         report->mx[i].host->dane == ANSWER_YES;
	if (hosts)
		report_add(j->report, FINDING_DANE_PRESENT,
		           "%zu of %zu MX hosts %s TLSA records", hosts,
		           report->mx_count, hosts == 1 ? "has" : "have");
	if (j->facts->mx_secure)
		report_add(j->report, FINDING_DNSSEC_SIGNED,
		           "The MX records of %s are signed",
		           report->domain.name);
}
