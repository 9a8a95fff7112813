/* SPDX-License-Identifier: BSD-2-Clause */
/* judge_hosts.c - judges the hosts a sender connects to: can the policy be
 * fetched, is the policy host's certificate valid, does the policy cover each MX
 * host, and would a sender's TLS connection to it succeed?
 *
 * The verdict on the fetch is the fetcher's own; here it only becomes findings. */
#include "check/judge_internal.h"

#include "sts/mx.h"
#include "sts/verdict.h"

enum {
	SLOW_MS = 5 * 1000,
	DAY_S = 24 * 60 * 60,
	EXPIRING_DAYS = 14,
	EXPIRING_SOON_DAYS = 3,
};

/* -- fetch ----------------------------------------------------------------- */

static void fetch_say_no_address(struct judging *j)
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
		           "The addresses of mta-sts.%s cannot be looked up: "
		           "%s",
		           domain, bad->reason);
	else
		report_add(j->report, FINDING_POLICY_FETCH_FAILED,
		           "mta-sts.%s has no %saddress", domain,
		           judge_family(j->options));
}

static void fetch_say_http(struct judging *j)
{
	const struct fetch_facts *fetch = &j->facts->fetch;
	struct finding *finding;

	if (fetch->http_status == 403 || fetch->challenge) {
		finding = report_add(
		    j->report, FINDING_BOT_BLOCKED, "HTTP status %ld%s",
		    fetch->http_status,
		    fetch->challenge ? ", with a challenge page" : "");
	} else {
		finding = report_add(j->report, FINDING_HTTP_STATUS,
		                     "HTTP status %ld instead of 200",
		                     fetch->http_status);
	}
	if (fetch->http_status == 404)
		report_fix(j->report, finding,
		           "Make the file available at this URL:\n"
		           "https://mta-sts.%s/.well-known/mta-sts.txt",
		           j->report->domain.name);
}

static void fetch_judge_cause(struct judging *j)
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
			return; /* reported as tls_old */
		break;
	case FETCH_STATUS:
		fetch_say_http(j);
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
		fetch_say_no_address(j);
	else if (!fetch->over)
		report_add(
		    j->report, FINDING_POLICY_FETCH_FAILED,
		    "https://mta-sts.%s: no answer within the time limit",
		    j->report->domain.name);
	else
		fetch_judge_cause(j);
	if (fetch->over && fetch->cause == FETCH_OK && fetch->ms > SLOW_MS)
		report_add(j->report, FINDING_SLOW,
		           "Fetching the policy took %.1f s",
		           (double)fetch->ms / 1000);
	if (j->facts->cleartext)
		report_add(j->report, FINDING_HTTP_CLEARTEXT,
		           "http://mta-sts.%s serves the file too",
		           j->report->domain.name);
}

/* -- cert ------------------------------------------------------------------ */

static const enum finding_id policy_host_ids[TLS_FAULTS] = {
	[TLS_FAULT_EXPIRED] = FINDING_CERT_EXPIRED,
	[TLS_FAULT_NAME] = FINDING_CERT_SAN_MISMATCH,
	[TLS_FAULT_UNTRUSTED] = FINDING_CERT_UNTRUSTED,
	[TLS_FAULT_INCOMPLETE] = FINDING_CERT_CHAIN_INCOMPLETE,
	[TLS_FAULT_INVALID] = FINDING_CERT_INVALID,
};

/* The fetcher's verdict, for when we found no fault ourselves. */
static enum finding_id cert_id_of_cause(enum fetch_cause cause)
{
	if (cause == FETCH_CERT_NAME)
		return FINDING_CERT_SAN_MISMATCH;
	if (cause == FETCH_CERT_EXPIRED)
		return FINDING_CERT_EXPIRED;
	if (cause == FETCH_CERT_UNTRUSTED)
		return FINDING_CERT_UNTRUSTED;
	return FINDING_CERT_INVALID;
}

static void cert_judge_faults(struct judging *j)
{
	const struct fetch_facts *fetch = &j->facts->fetch;
	const struct tls_view *view = j->report->policy.view;
	bool refused = fetch->over && fetch->cause >= FETCH_CERT_NAME &&
	               fetch->cause <= FETCH_CERT_INVALID;
	size_t found = 0;

	/* The fetch succeeded as a sender's would: no fault to report. */
	if (fetch->cause == FETCH_OK)
		return;
	for (size_t i = 0; view && i < TLS_FAULTS; i++) {
		if (!view->faults[i][0])
			continue;
		report_add(j->report, policy_host_ids[i],
		           "The certificate of mta-sts.%s: %s",
		           j->report->domain.name, view->faults[i]);
		found++;
	}
	/* The fetcher's verdict counts, even if we found no fault. */
	if (refused && found == 0)
		report_add(j->report, cert_id_of_cause(fetch->cause),
		           "mta-sts.%s: %s", j->report->domain.name,
		           fetch->reason);
}

static void cert_judge_expiry(struct judging *j, const struct tls_view *view)
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

	cert_judge_faults(j);
	if (fetch->old_tls)
		report_add(j->report, FINDING_TLS_OLD,
		           "mta-sts.%s supports no version later than %s",
		           j->report->domain.name,
		           view && *view->version ? view->version : "TLS 1.1");
	if (view)
		cert_judge_expiry(j, view);
	if (!view)
		j->score.runs[GROUP_CERT] = RUN_BLOCKED;
}

/* -- MX patterns ----------------------------------------------------------- */

/* Taken from the providers' documentation. */
const char *provider_pattern(const char *mx, const char **ret_provider)
{
	static const struct {
		const char *suffix, *pattern, *provider;
	} rows[] = {
		{ ".mail.protection.outlook.com",
		  "*.mail.protection.outlook.com", "Microsoft 365" },
		{ ".mx.microsoft", NULL, "Microsoft 365" },
		{ "aspmx.l.google.com", "aspmx.l.google.com", "Google" },
		{ ".aspmx.l.google.com", "*.aspmx.l.google.com", "Google" },
		{ ".googlemail.com", "*.googlemail.com", "Google" },
		{ "smtp.google.com", "smtp.google.com", "Google" },
	};
	const char *dot = strchr(mx, '.');
	size_t len = strlen(mx);

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t n = strlen(rows[i].suffix);

		if (len < n || strcmp(mx + len - n, rows[i].suffix) != 0 ||
		    (*rows[i].suffix != '.' && len != n))
			continue;
		*ret_provider = rows[i].provider;
		/* Each customer has a name of its own below .mx.microsoft, and
		 * "*" covers only one label. */
		return rows[i].pattern ? rows[i].pattern : dot + 1;
	}
	return NULL;
}

static void mx_say_no_match(struct judging *j, const struct mx_row *row)
{
	const char *provider = NULL;
	const char *pattern = provider_pattern(row->name, &provider);
	struct finding *finding;
	/* Is the pattern the host's name without its first label? */
	const char *star =
	    pattern && strchr(row->name, '.') + 1 == pattern ? "*." : "";

	if (pattern)
		finding = report_add(j->report, FINDING_MX_WILDCARD_MISSING,
		                     "%s belongs to %s and matches no pattern",
		                     row->name, provider);
	else
		finding = report_add(j->report, FINDING_MX_PARTIAL_MATCH,
		                     "%s matches no pattern", row->name);
	if (mx_pattern_is_valid(slice_str(row->name)))
		report_fix(
		    j->report, finding,
		    "Add this line to the policy, then change the id in the "
		    "TXT record:\n"
		    "mx: %s%s",
		    star, pattern ? pattern : row->name);
	else
		report_fix(
		    j->report, finding,
		    "No pattern can match this name. Give the host a name "
		    "of letters, digits and hyphens, and use that name "
		    "in the MX record.");
}

static void mx_match_rows(struct judging *j, const struct policy *policy)
{
	/* Mode none needs no patterns, so there is nothing to compare. */
	if (policy->mode == POLICY_NONE && policy->mx_count == 0)
		return;
	for (size_t i = 0; i < j->report->mx_count; i++) {
		struct mx_row *row = &j->report->mx[i];
		bool good = verdict_mx_matches(policy, slice_str(row->name));

		row->matched = good ? ANSWER_YES : ANSWER_NO;
		if (!good && policy->mode != POLICY_NONE)
			mx_say_no_match(j, row);
	}
}

static bool mx_pattern_is_used(const struct report *report, const char *pattern)
{
	for (size_t i = 0; i < report->mx_count; i++)
		if (mx_pattern_matches(pattern, slice_str(report->mx[i].name)))
			return true;
	return false;
}

static void mx_judge_patterns(struct judging *j, const struct policy *policy)
{
	const struct report *report = j->report;
	const char *pattern;
	size_t offset = 0;

	while ((pattern = policy_next_mx(policy, &offset)) != NULL) {
		if (report->mx_count && !mx_pattern_is_used(report, pattern))
			report_add(j->report, FINDING_MX_UNUSED,
			           "No MX host matches the pattern %s",
			           pattern);
		if (strncmp(pattern, "*.", 2) == 0 &&
		    strcmp(pattern + 2, report->domain.name) == 0)
			report_add(j->report, FINDING_MX_TOO_BROAD,
			           "The pattern %s covers every name directly "
			           "below the domain",
			           pattern);
	}
}

/* -- MX hosts -------------------------------------------------------------- */

static void mx_judge_cert(struct judging *j, const char *host,
                          const char *address, const struct tls_view *view)
{
	static const enum finding_id mx_ids[TLS_FAULTS] = {
		[TLS_FAULT_EXPIRED] = FINDING_MX_CERT_EXPIRED,
		[TLS_FAULT_NAME] = FINDING_MX_CERT_SAN,
		[TLS_FAULT_UNTRUSTED] = FINDING_MX_CERT_UNTRUSTED,
		[TLS_FAULT_INCOMPLETE] = FINDING_MX_CERT_UNTRUSTED,
		[TLS_FAULT_INVALID] = FINDING_MX_CERT_UNTRUSTED,
	};

	for (size_t i = 0; i < TLS_FAULTS; i++)
		if (view->faults[i][0])
			report_add(j->report, mx_ids[i],
			           "The certificate of %s (%s): %s", host,
			           address, view->faults[i]);
}

static void mx_judge_address(struct judging *j, const char *host,
                             const struct mx_address *address)
{
	char text[ADDRESS_TEXT];

	address_text(&address->address, text);
	switch (address->reach) {
	case REACH_NOT_TRIED:
		if (*address->error)
			report_add(j->report, FINDING_MX_UNREACHABLE,
			           "%s (%s): %s", host, text, address->error);
		return;
	case REACH_FAILED:
		report_add(j->report, FINDING_MX_UNREACHABLE, "%s (%s): %s",
		           host, text, address->error);
		return;
	case REACH_PLAIN:
		report_add(j->report, FINDING_STARTTLS_MISSING, "%s (%s)%s%s",
		           host, text,
		           *address->error ? ": " : " offers no STARTTLS",
		           address->error);
		return;
	case REACH_TLS_FAILED:
		report_add(j->report, FINDING_STARTTLS_MISSING,
		           "%s (%s) offers STARTTLS, but TLS fails: %s", host,
		           text, address->error);
		return;
	case REACH_TLS:
		break;
	}
	if (address->view->old)
		report_add(j->report, FINDING_MX_TLS_OLD,
		           "%s (%s) supports no version later than %s", host,
		           text, address->view->version);
	mx_judge_cert(j, host, text, address->view);
}

static void mx_judge_no_address(struct judging *j, const struct mx_host *host)
{
	if (host->dns_failed)
		report_add(j->report, FINDING_DNS_ERROR,
		           "The addresses of %s cannot be looked up: %s",
		           host->name, host->reason);
	else if (host->special)
		report_add(j->report, FINDING_MX_NO_ADDRESS,
		           "%s has only private addresses", host->name);
	else
		report_add(j->report, FINDING_MX_NO_ADDRESS,
		           "%s has no %saddress", host->name,
		           judge_family(j->options));
}

static void mx_judge_row(struct judging *j, const struct mx_row *row,
                         bool called)
{
	const struct mx_host *host = row->host;

	if (!host) {
		if (called)
			report_add(j->report, FINDING_MX_UNREACHABLE,
			           "%s: no answer within the time limit",
			           row->name);
		return;
	}
	if (host->count == 0)
		mx_judge_no_address(j, host);
	for (size_t i = 0; i < host->count; i++)
		mx_judge_address(j, row->name, &host->addresses[i]);
}

/* True if any host answered in SMTP. */
static bool mx_is_any_reached(const struct report *report)
{
	for (size_t i = 0; i < report->mx_count; i++) {
		const struct mx_host *host = report->mx[i].host;

		for (size_t k = 0; host && k < host->count; k++)
			if (host->addresses[k].reach >= REACH_PLAIN)
				return true;
	}
	return false;
}

/* True if it is not known from here whether senders could deliver. */
static bool mx_is_unknown(const struct report *report)
{
	if (!report->has_mx)
		return true;
	if (!report_find(report, FINDING_MX_UNREACHABLE) ||
	    mx_is_any_reached(report))
		return false;
	for (size_t i = 0; i < report->finding_count; i++)
		if (finding_row(report->findings[i].id)->group == GROUP_MX &&
		    report->findings[i].severity >= SEVERITY_WARNING)
			return false;
	return true;
}

void judge_mx(struct judging *j)
{
	const struct report *report = j->report;
	const struct policy *policy = report->policy.policy;

	if (j->facts->mx_null)
		report_add(j->report, FINDING_MX_NULL,
		           "The MX record is \".\"");
	if (j->facts->mx_implicit)
		report_add(j->report, FINDING_MX_IMPLICIT,
		           "%s has no MX record", report->domain.name);
	if (policy) {
		mx_match_rows(j, policy);
		mx_judge_patterns(j, policy);
	}
	for (size_t i = 0; i < report->mx_count; i++)
		mx_judge_row(j, &report->mx[i], i < MX_CALLED_MAX);
	if (mx_is_unknown(report))
		j->score.runs[GROUP_MX] = RUN_UNKNOWN;
	else if (!policy)
		j->score.runs[GROUP_MX] = RUN_BLOCKED;
}
