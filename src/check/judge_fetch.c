/* SPDX-License-Identifier: BSD-2-Clause */
/* judge_fetch.c - the policy host: can the policy be fetched, and is the
 * certificate good? The verdict is the fetcher's; what is added is why. */
#include "check/judge_internal.h"

enum {
	SLOW_MS = 5 * 1000,
	DAY_S = 24 * 60 * 60,
	EXPIRING_DAYS = 14,
	EXPIRING_SOON_DAYS = 3,
};

/* -- fetch ----------------------------------------------------------------- */

static void say_no_address(struct judging *j)
{
	const struct facts *facts = j->facts;
	const char *domain = j->report->domain.name;
	const struct dns_facts *bad = NULL;

	if (facts->host_a.over && !dns_facts_known(&facts->host_a))
		bad = &facts->host_a;
	else if (facts->host_aaaa.over && !dns_facts_known(&facts->host_aaaa))
		bad = &facts->host_aaaa;
	if (*facts->special)
		report_add(j->report, FINDING_POLICY_FETCH_FAILED,
		           "mta-sts.%s has only private addresses: %s", domain,
		           facts->special);
	else if (bad)
		report_add(j->report, FINDING_POLICY_FETCH_FAILED,
		           "The addresses of mta-sts.%s can't be looked up: "
		           "%s",
		           domain, bad->reason);
	else
		report_add(j->report, FINDING_POLICY_FETCH_FAILED,
		           "mta-sts.%s has no %saddress", domain,
		           judge_family(j->options));
}

static void say_http(struct judging *j)
{
	const struct fetch_facts *fetch = &j->facts->fetch;
	struct finding *finding;

	if (fetch->http_status == 403 || fetch->challenge) {
		finding = report_add(
		    j->report, FINDING_BOT_BLOCKED, "HTTP status %ld%s",
		    fetch->http_status,
		    fetch->challenge ? ", with a challenge for browsers" : "");
	} else {
		finding = report_add(j->report, FINDING_HTTP_STATUS,
		                     "HTTP status %ld instead of 200",
		                     fetch->http_status);
	}
	if (fetch->http_status == 404)
		report_fix(j->report, finding,
		           "Put the file where this URL finds it:\n"
		           "https://mta-sts.%s/.well-known/mta-sts.txt",
		           j->report->domain.name);
}

static void judge_cause(struct judging *j)
{
	const struct fetch_facts *fetch = &j->facts->fetch;
	enum finding_id id = FINDING_POLICY_FETCH_FAILED;

	switch (fetch->cause) {
	case FETCH_OK:
	case FETCH_CERT_NAME:
	case FETCH_CERT_EXPIRED:
	case FETCH_CERT_UNTRUSTED:
	case FETCH_CERT_INVALID:
		return;
	case FETCH_TLS:
		if (fetch->old_tls)
			return; /* tls_old says it */
		break;
	case FETCH_STATUS:
		say_http(j);
		return;
	case FETCH_REDIRECT:
		id = FINDING_REDIRECT;
		break;
	case FETCH_TYPE:
		id = FINDING_CONTENT_TYPE;
		break;
	case FETCH_TOO_LARGE:
		id = FINDING_TOO_LARGE;
		break;
	case FETCH_CONNECT:
	case FETCH_TIMEOUT:
	case FETCH_CUT:
	case FETCH_NO_MEMORY:
		break;
	}
	report_add(j->report, id, "https://mta-sts.%s: %s",
	           j->report->domain.name, fetch->reason);
}

void judge_fetch(struct judging *j)
{
	const struct fetch_facts *fetch = &j->facts->fetch;

	if (j->facts->address_count == 0)
		say_no_address(j);
	else if (!fetch->over)
		report_add(j->report, FINDING_POLICY_FETCH_FAILED,
		           "https://mta-sts.%s: the time was over",
		           j->report->domain.name);
	else
		judge_cause(j);
	if (fetch->over && fetch->cause == FETCH_OK && fetch->ms > SLOW_MS)
		report_add(j->report, FINDING_SLOW,
		           "It took %.1f s to fetch the policy",
		           (double)fetch->ms / 1000);
	if (j->facts->cleartext)
		report_add(j->report, FINDING_HTTP_CLEARTEXT,
		           "http://mta-sts.%s serves the file as well",
		           j->report->domain.name);
}

/* -- cert ------------------------------------------------------------------ */

static const enum finding_id ids[TLS_FAULTS] = {
	[TLS_FAULT_EXPIRED] = FINDING_CERT_EXPIRED,
	[TLS_FAULT_NAME] = FINDING_CERT_SAN_MISMATCH,
	[TLS_FAULT_UNTRUSTED] = FINDING_CERT_UNTRUSTED,
	[TLS_FAULT_INCOMPLETE] = FINDING_CERT_CHAIN_INCOMPLETE,
	[TLS_FAULT_INVALID] = FINDING_CERT_INVALID,
};

/* What the fetcher said, in the words of that. */
static enum finding_id id_of(enum fetch_cause cause)
{
	if (cause == FETCH_CERT_NAME)
		return FINDING_CERT_SAN_MISMATCH;
	if (cause == FETCH_CERT_EXPIRED)
		return FINDING_CERT_EXPIRED;
	if (cause == FETCH_CERT_UNTRUSTED)
		return FINDING_CERT_UNTRUSTED;
	return FINDING_CERT_INVALID;
}

static void judge_faults(struct judging *j)
{
	const struct fetch_facts *fetch = &j->facts->fetch;
	const struct tls_view *view = j->report->policy.view;
	bool refused = fetch->over && fetch->cause >= FETCH_CERT_NAME &&
	               fetch->cause <= FETCH_CERT_INVALID;
	size_t found = 0;

	/* What a sender takes is good, and other addresses are not looked at. */
	if (fetch->cause == FETCH_OK)
		return;
	for (size_t i = 0; view && i < TLS_FAULTS; i++) {
		if (!view->faults[i][0])
			continue;
		report_add(j->report, ids[i],
		           "The certificate of mta-sts.%s: %s",
		           j->report->domain.name, view->faults[i]);
		found++;
	}
	/* The fetcher's word counts, whatever a second look says. */
	if (refused && found == 0)
		report_add(j->report, id_of(fetch->cause), "mta-sts.%s: %s",
		           j->report->domain.name, fetch->reason);
}

static void judge_end(struct judging *j, const struct tls_view *view)
{
	int64_t left_s = tls_view_ends_s(view) - j->report->time_s;
	bool soon = left_s < (int64_t)EXPIRING_SOON_DAYS * DAY_S;

	if (view->cert_count == 0 || left_s < 0 ||
	    left_s >= (int64_t)EXPIRING_DAYS * DAY_S)
		return;
	report_add_as(j->report, FINDING_CERT_EXPIRING,
	              soon ? SEVERITY_CRITICAL : SEVERITY_WARNING,
	              "The certificate of mta-sts.%s expires in %lld day%s",
	              j->report->domain.name, (long long)(left_s / DAY_S),
	              left_s / DAY_S == 1 ? "" : "s");
}

void judge_cert(struct judging *j)
{
	const struct fetch_facts *fetch = &j->facts->fetch;
	const struct tls_view *view = j->report->policy.view;

	judge_faults(j);
	if (fetch->old_tls)
		report_add(j->report, FINDING_TLS_OLD,
		           "mta-sts.%s speaks %s at best",
		           j->report->domain.name,
		           view && *view->version ? view->version
		                                  : "an older version");
	if (view)
		judge_end(j, view);
	if (!view)
		j->score.runs[GROUP_CERT] = RUN_BLOCKED;
}
