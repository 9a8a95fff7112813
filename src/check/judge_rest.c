/* SPDX-License-Identifier: BSD-2-Clause */
/* judge_rest.c - what is left: delegation, TLS reports, DANE and DNSSEC. */
#include "check/judge_internal.h"

#include "check/render.h"
#include "sts/tlsrpt.h"

#include <stdlib.h>

enum { RUA_SHOWN = 100 };

/* -- consistency ----------------------------------------------------------- */

/* The alias NAME leads out of DOMAIN. */
static bool leaves(const struct dns_facts *facts, const char *domain)
{
	size_t len = strlen(facts->end);
	size_t n = strlen(domain);

	if (!dns_facts_known(facts) || facts->hops == 0)
		return false;
	return len < n || strcmp(facts->end + len - n, domain) != 0 ||
	       (len > n && facts->end[len - n - 1] != '.');
}

void judge_consistency(struct judging *j)
{
	const struct facts *facts = j->facts;
	const char *domain = j->report->domain.name;
	const struct dns_facts *host =
	    facts->host_a.hops ? &facts->host_a : &facts->host_aaaa;
	bool record = leaves(&facts->record, domain);
	bool policy = leaves(host, domain);

	/* What does not exist is delegated to nobody. */
	if (record == policy || facts->record.status != DNS_OK ||
	    facts->address_count == 0)
		return;
	if (record)
		report_add(j->report, FINDING_DELEGATION_SPLIT,
		           "_mta-sts.%s is an alias of %s, mta-sts.%s is none",
		           domain, facts->record.end, domain);
	else
		report_add(j->report, FINDING_DELEGATION_SPLIT,
		           "mta-sts.%s is an alias of %s, _mta-sts.%s is none",
		           domain, host->end, domain);
}

/* -- TLS reports ----------------------------------------------------------- */

static bool is_tls_rpt(struct slice text)
{
	return slice_starts(text, "v=TLSRPTv1;");
}

static bool keep_ruas(struct report *report, const struct tlsrpt *record)
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

/* "mail:post@example.com": a person's address all the same. */
static void judge_scheme(struct report *report, struct slice rua)
{
	char *raw = slice_copy(rua);
	char *masked = raw ? render_rua(raw, false) : NULL;

	if (masked)
		report_add(report, FINDING_RUA_SCHEME, "The address \"%.*s\"",
		           RUA_SHOWN, masked);
	else
		report->status = MTS_ENOMEM;
	free(masked);
	free(raw);
}

static void judge_ruas(struct judging *j, const struct tlsrpt *record)
{
	for (size_t i = 0; i < record->rua_count; i++)
		if (tlsrpt_scheme(record->rua[i]) == TLSRPT_OTHER)
			judge_scheme(j->report, record->rua[i]);
	for (size_t i = 0; i < j->facts->rua_count; i++) {
		const struct rua_facts *rua = &j->facts->ruas[i];

		if (rua->over &&
		    (rua->status == DNS_NODATA || rua->status == DNS_NXDOMAIN))
			report_add(j->report, FINDING_RUA_NO_MX,
			           "The domain %s has no MX record",
			           rua->domain);
	}
}

static void judge_tls_rpt_text(struct judging *j, struct slice text)
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
		           "A correct one is:\n"
		           "_smtp._tls.%s. IN TXT \"v=TLSRPTv1; "
		           "rua=mailto:tlsrpt@%s\"",
		           report->domain.name, report->domain.name);
		return;
	}
	if (!keep_ruas(report, &record))
		report->status = MTS_ENOMEM;
	judge_ruas(j, &record);
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
	/* One that lacks its ';' is there, and good for nothing. */
	for (size_t i = 0; i < facts->count && count == 0; i++)
		if (slice_starts(facts->texts[i], "v=TLSRPT"))
			first = &facts->texts[i];
	if (count > 1) {
		report_add(report, FINDING_TLS_RPT_MULTIPLE,
		           "%zu records begin with \"v=TLSRPTv1;\"", count);
	} else if (first) {
		judge_tls_rpt_text(j, *first);
	} else {
		finding = report_add(report, FINDING_TLS_RPT_MISSING,
		                     "There is no TLSRPT record at "
		                     "_smtp._tls.%s",
		                     report->domain.name);
		report_fix(report, finding,
		           "Publish this record, with an address of yours:\n"
		           "_smtp._tls.%s. IN TXT \"v=TLSRPTv1; "
		           "rua=mailto:tlsrpt@%s\"",
		           report->domain.name, report->domain.name);
	}
}

/* -- unscored -------------------------------------------------------------- */

void judge_extra(struct judging *j)
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
