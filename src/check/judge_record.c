/* SPDX-License-Identifier: BSD-2-Clause */
/* judge_record.c - the TXT record: is there one, and one only, and is it good? */
#include "check/judge_internal.h"

#include <stdio.h>
#include <strings.h>

enum { SHOWN = 200 }; /* bytes of a record in a finding */

static const struct slice none = { "", 0 };

/* A record that a sender takes for one. */
static bool is_record(struct slice text)
{
	return slice_starts(text, "v=STSv1;");
}

/* One that is meant to be, by the look of it. */
static bool is_meant(struct slice text)
{
	return text.len >= 5 && strncasecmp(text.data, "v=sts", 5) == 0;
}

static int shown(struct slice text)
{
	return text.len < SHOWN ? (int)text.len : SHOWN;
}

static size_t count(const struct dns_facts *facts, bool (*is)(struct slice),
                    struct slice *ret_first)
{
	size_t n = 0;

	*ret_first = none;
	for (size_t i = 0; i < facts->count; i++) {
		if (!is(facts->texts[i]))
			continue;
		if (n++ == 0)
			*ret_first = facts->texts[i];
	}
	return n;
}

static void keep_text(struct judging *j, struct slice text)
{
	j->report->record.text = slice_copy(text);
	if (!j->report->record.text)
		j->report->status = MTS_ENOMEM;
}

/* -- the one record -------------------------------------------------------- */

/* "id=" with something that is no id is a fault of its own. */
static bool is_about_id(const char *why)
{
	return strstr(why, "the id ") != NULL;
}

static void judge_text(struct judging *j, struct slice text)
{
	struct report *report = j->report;
	struct sts_record record;
	struct finding *finding;
	struct fault why = { 0 };
	char id[SUGGEST_ID];
	int status = record_parse(text, &record, &why);

	keep_text(j, text);
	if (status == MTS_OK && is_record(text)) {
		snprintf(report->record.id, sizeof(report->record.id), "%s",
		         record.id);
		return;
	}
	finding = report_add(
	    report,
	    status != MTS_OK && is_about_id(why.text) ? FINDING_ID_INVALID
						      : FINDING_RECORD_SYNTAX,
	    "%s, in \"%.*s\"",
	    status == MTS_OK
		? "It does not begin with \"v=STSv1;\", to the letter"
		: why.text,
	    shown(text), text.data);
	report_fix(report, finding,
	           "Replace the record with:\n"
	           "_mta-sts.%s. IN TXT \"v=STSv1; id=%s;\"",
	           report->domain.name, suggest_id(report->time_s, id));
}

/* -- no record ------------------------------------------------------------- */

static bool is_served(const struct judging *j)
{
	struct slice text = j->report->policy.text;

	return j->report->policy.policy != NULL ||
	       slice_starts(text, "version:");
}

static void judge_absence(struct judging *j)
{
	struct report *report = j->report;
	struct slice apex;
	struct finding *finding;
	char id[SUGGEST_ID];

	if (count(&j->facts->apex, is_record, &apex) > 0) {
		finding =
		    report_add(report, FINDING_RECORD_WRONG_PLACE,
		               "The record is at %s itself: \"%.*s\"",
		               report->domain.name, shown(apex), apex.data);
	} else if (is_served(j) || j->options->expect != EXPECT_NOTHING) {
		finding = report_add(
		    report, FINDING_MISSING_RECORD,
		    "There is no TXT record at _mta-sts.%s%s",
		    report->domain.name,
		    is_served(j) ? ", though a policy is served" : "");
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

static bool has_text(const struct dns_facts *facts, struct slice text)
{
	for (size_t i = 0; i < facts->count; i++)
		if (facts->texts[i].len == text.len &&
		    memcmp(facts->texts[i].data, text.data, text.len) == 0)
			return true;
	return false;
}

/* The same records, in any order. */
static bool same(const struct dns_facts *a, const struct dns_facts *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!has_text(b, a->texts[i]))
			return false;
	return true;
}

static void judge_servers(struct judging *j)
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
		if (same(&first->answer, &server->answer))
			continue;
		count(&first->answer, is_meant, &a);
		count(&server->answer, is_meant, &b);
		report_add(j->report, FINDING_RECORD_INCONSISTENT,
		           "%s has \"%.*s\", %s has \"%.*s\"", first->name,
		           shown(a), a.data, server->name, shown(b), b.data);
		return;
	}
}

/* -- all of it ------------------------------------------------------------- */

static void judge_several(struct judging *j, size_t n)
{
	struct report *report = j->report;
	struct slice first;

	count(&j->facts->record, is_record, &first);
	keep_text(j, first);
	report_add(report, FINDING_RECORD_MULTIPLE,
	           "%zu TXT records at _mta-sts.%s begin with \"v=STSv1;\"", n,
	           report->domain.name);
}

static void judge_dns(struct judging *j, const struct dns_facts *facts,
                      const char *what)
{
	if (dns_facts_known(facts))
		return;
	report_add(j->report, FINDING_DNS_ERROR, "%s%s can't be looked up: %s",
	           what, j->report->domain.name,
	           facts->over ? facts->reason : "the time was over");
}

void judge_record(struct judging *j)
{
	const struct dns_facts *facts = &j->facts->record;
	struct slice record, meant;
	size_t records = count(facts, is_record, &record);
	size_t others = facts->count - records;

	j->score.record_known = dns_facts_known(facts);
	judge_dns(j, facts, "_mta-sts.");
	if (!j->score.record_known)
		return;
	judge_dns(j, &j->facts->mx, "The MX records of ");
	judge_dns(j, &j->facts->tls_rpt, "_smtp._tls.");
	if (records > 1) {
		judge_several(j, records);
	} else if (records == 1) {
		judge_text(j, record);
	} else if (count(facts, is_meant, &meant) > 0) {
		judge_text(j, meant);
		others--;
	} else {
		judge_absence(j);
	}
	if (others > 0)
		report_add(j->report, FINDING_RECORD_UNRELATED,
		           "%zu other TXT record%s at _mta-sts.%s", others,
		           others == 1 ? "" : "s", j->report->domain.name);
	judge_servers(j);
}
