/* SPDX-License-Identifier: BSD-2-Clause */
/* test_control_hint.c - the texts that say what happens to the mail, why, and what to do about it. */
#include "tests.h"

#include "control/control_hint.h"

#define NO_WALK ((enum discover_outcome)99)

/* The outcome of a look-up, and parts of the texts for it. NULL: any text. */
struct row {
	const char *label;
	int mode; /* of the policy in force; -1: none */
	enum discover_outcome outcome;
	enum dane_state dane;
	enum dane_state walked; /* DANE_NOT_KNOWN: no walk */
	bool leave, enforce_testing, strict;
	const char *hosts; /* with a NUL after each; NULL: not looked up; "":
	                    * they can't be; NULL_MX: there are none */
	const char *mail, *why, *still, *hint, *more; /* "-": there is none */
};

#define ENFORCE POLICY_ENFORCE
#define GOOD    "mx1.example.org\0"
#define BAD     "mx.elsewhere.example\0"
#define MIXED   "mx1.example.org\0mx.elsewhere.example\0"
#define NULL_MX "."
#define BYPASS  "domains: { DOMAIN: bypass }"

static const struct row rows[] = {
	/* A policy is in force, and all is well. */
	{ .label = "enforce",
	  .mode = ENFORCE,
	  .outcome = DISCOVER_POLICY,
	  .hosts = GOOD,
	  .mail = "only to hosts that the policy covers",
	  .why = "the policy is enforced",
	  .still = "-",
	  .hint = "if mail still waits, Postfix's log",
	  .more = BYPASS },
	{ .label = "testing",
	  .mode = POLICY_TESTING,
	  .outcome = DISCOVER_POLICY,
	  .hosts = BAD,
	  .mail = "is not held up",
	  .why = "in testing mode",
	  .still = "-",
	  .hint = "nothing is wrong: a policy in testing mode",
	  .more = "-" },
	{ .label = "testing, taken for enforce",
	  .mode = POLICY_TESTING,
	  .outcome = DISCOVER_POLICY,
	  .enforce_testing = true,
	  .mail = "only to hosts that the policy covers",
	  .why = "but the option testing says to enforce it",
	  .more = BYPASS },
	{ .label = "none",
	  .mode = POLICY_NONE,
	  .outcome = DISCOVER_UNCHANGED,
	  .mail = "is not held up",
	  .why = "in mode none",
	  .hint = "has ended MTA-STS with mode none",
	  .more = "-" },
	/* MX hosts. */
	{ .label = "no host is named",
	  .mode = ENFORCE,
	  .outcome = DISCOVER_POLICY,
	  .hosts = BAD,
	  .mail = "waits: the policy covers none",
	  .hint = "fix the policy or the MX records",
	  .more = BYPASS },
	{ .label = "some are",
	  .mode = ENFORCE,
	  .outcome = DISCOVER_POLICY,
	  .hosts = MIXED,
	  .mail = "only to the MX hosts that the policy covers",
	  .hint = "add the other hosts to the policy",
	  .more = BYPASS },
	{ .label = "there are none",
	  .mode = ENFORCE,
	  .outcome = DISCOVER_POLICY,
	  .hosts = NULL_MX,
	  .mail = "is returned to the sender: the domain has no mail host",
	  .why = "the policy is enforced",
	  .hint = "accepts no mail (null MX)",
	  .more = "-" },
	{ .label = "there are none, and its record can't be looked up",
	  .mode = ENFORCE,
	  .outcome = DISCOVER_DNS_FAILED,
	  .hosts = NULL_MX,
	  .mail = "is returned to the sender: the domain has no mail host",
	  .hint = "accepts no mail (null MX)",
	  .more = "-" },
	{ .label = "there are none, testing",
	  .mode = POLICY_TESTING,
	  .outcome = DISCOVER_POLICY,
	  .hosts = NULL_MX,
	  .mail = "is not held up",
	  .more = "-" },
	{ .label = "they can't be looked up",
	  .mode = ENFORCE,
	  .outcome = DISCOVER_POLICY,
	  .hosts = "",
	  .mail = "waits because the domain's MX records can't be",
	  .hint = "dig MX DOMAIN" },
	{ .label = "they can't, strict_mx",
	  .mode = ENFORCE,
	  .outcome = DISCOVER_POLICY,
	  .hosts = "",
	  .strict = true,
	  .mail = "waits until the domain's MX records can be",
	  .why = "(strict_mx)",
	  .hint = "dig MX DOMAIN" },
	{ .label = "no host is named, strict_mx",
	  .mode = ENFORCE,
	  .outcome = DISCOVER_POLICY,
	  .hosts = BAD,
	  .strict = true,
	  .mail = "waits: the policy covers none",
	  .why = "covers none of the domain's MX hosts" },
	/* A policy is in force, but its refresh fails. */
	{ .label = "the record is gone",
	  .mode = ENFORCE,
	  .outcome = DISCOVER_NO_RECORD,
	  .hosts = GOOD,
	  .mail = "is delivered only to hosts",
	  .still = "its record is gone, but the policy is in force until",
	  .hint = "publish a policy with mode none first",
	  .more = "this does not hold mail up; " },
	{ .label = "the record is gone, testing",
	  .mode = POLICY_TESTING,
	  .outcome = DISCOVER_NO_RECORD,
	  .hint = "nothing is wrong",
	  .more = "-" },
	{ .label = "the record is broken",
	  .mode = ENFORCE,
	  .outcome = DISCOVER_BAD_RECORD,
	  .still = "its record is invalid now, but",
	  .hint = "owner has to fix it",
	  .more = "this does not hold mail up; " },
	{ .label = "DNS is dead",
	  .mode = ENFORCE,
	  .outcome = DISCOVER_DNS_FAILED,
	  .still = "its record can't be looked up now, but",
	  .hint = "dig TXT _mta-sts.DOMAIN",
	  .more = "this does not hold mail up; " },
	{ .label = "the fetch fails",
	  .mode = ENFORCE,
	  .outcome = DISCOVER_FETCH_FAILED,
	  .hosts = GOOD,
	  .mail = "is delivered only to hosts",
	  .still = "the last fetch failed, but",
	  .hint = "renew the certificate",
	  .more = "this does not hold mail up; " },
	{ .label = "nor is a host named",
	  .mode = ENFORCE,
	  .outcome = DISCOVER_FETCH_FAILED,
	  .hosts = BAD,
	  .mail = "waits: the policy covers none",
	  .hint = "fix the policy or the MX records",
	  .more = "meanwhile" },
	/* No policy. */
	{ .label = "no record",
	  .mode = -1,
	  .outcome = DISCOVER_NO_RECORD,
	  .hosts = GOOD,
	  .mail = "is not held up",
	  .why = "there is no policy",
	  .still = "-",
	  .hint = "nothing is wrong: the domain does not publish",
	  .more = "-" },
	{ .label = "a bad record",
	  .mode = -1,
	  .outcome = DISCOVER_BAD_RECORD,
	  .mail = "is not held up",
	  .why = "which counts as no policy (RFC 8461 3.1)",
	  .hint = "owner has to fix it",
	  .more = "-" },
	{ .label = "DNS is dead, nothing is known",
	  .mode = -1,
	  .outcome = DISCOVER_DNS_FAILED,
	  .mail = "is not held up",
	  .why = "can't be looked up, which counts as no policy",
	  .hint = "dig TXT _mta-sts.DOMAIN",
	  .more = "-" },
	{ .label = "it can't be fetched, or is barred",
	  .mode = -1,
	  .outcome = DISCOVER_FETCH_FAILED,
	  .mail = "is not held up",
	  .why = "counts as no policy (RFC 8461 3.3)",
	  .hint = "renew the certificate",
	  .more = "-" },
	{ .label = "the policy look-up took too long",
	  .mode = -1,
	  .outcome = NO_WALK,
	  .mail = "is not held up",
	  .why = "the policy look-up took too long",
	  .hint = "wait a minute",
	  .more = "-" },
	/* DANE. */
	{ .label = "DANE for all",
	  .mode = ENFORCE,
	  .outcome = DISCOVER_POLICY,
	  .dane = DANE_ALL,
	  .walked = DANE_ALL,
	  .hosts = BAD,
	  .mail = "whose certificate matches their TLSA records",
	  .why = "takes precedence over MTA-STS",
	  .hint = "does not match its TLSA records",
	  .more = BYPASS },
	{ .label = "DANE for all, no policy",
	  .mode = -1,
	  .outcome = DISCOVER_NO_RECORD,
	  .dane = DANE_ALL,
	  .walked = DANE_ALL,
	  .mail = "is delivered only to hosts whose certificate",
	  .hint = "does not match its TLSA records",
	  .more = BYPASS },
	{ .label = "DANE, left to the MTA",
	  .mode = ENFORCE,
	  .outcome = DISCOVER_POLICY,
	  .dane = DANE_ALL,
	  .walked = DANE_ALL,
	  .leave = true,
	  .mail = "main.cf has to ask for DANE",
	  .why = "leaves it to the MTA",
	  .hint = "leaves it to the MTA",
	  .more = "-" },
	{ .label = "DANE, and a bad record",
	  .mode = -1,
	  .outcome = DISCOVER_BAD_RECORD,
	  .dane = DANE_ALL,
	  .walked = DANE_ALL,
	  .hint = "owner has to fix it" },
	{ .label = "DANE for some",
	  .mode = ENFORCE,
	  .outcome = DISCOVER_POLICY,
	  .dane = DANE_SOME,
	  .walked = DANE_SOME,
	  .why = "some of the MX hosts have TLSA records, and" },
	{ .label = "DANE for some, no policy",
	  .mode = -1,
	  .outcome = DISCOVER_NO_RECORD,
	  .dane = DANE_SOME,
	  .walked = DANE_SOME,
	  .mail = "is delivered encrypted",
	  .why = "some of the MX hosts have TLSA records (RFC 7672" },
	{ .label = "unusable",
	  .mode = -1,
	  .outcome = DISCOVER_NO_RECORD,
	  .dane = DANE_UNUSABLE,
	  .walked = DANE_UNUSABLE,
	  .mail = "is delivered encrypted",
	  .why = "but none is usable" },
	{ .label = "unusable, so the policy counts",
	  .mode = ENFORCE,
	  .outcome = DISCOVER_POLICY,
	  .dane = DANE_UNUSABLE,
	  .walked = DANE_UNUSABLE,
	  .mail = "only to hosts that the policy covers",
	  .why = "no TLSA record is usable" },
	{ .label = "insecure MX, so the policy counts",
	  .mode = ENFORCE,
	  .outcome = DISCOVER_POLICY,
	  .dane = DANE_INSECURE_MX,
	  .walked = DANE_INSECURE_MX,
	  .why = "not signed with DNSSEC, so the policy" },
	{ .label = "insecure MX, no policy",
	  .mode = -1,
	  .outcome = DISCOVER_NO_RECORD,
	  .dane = DANE_INSECURE_MX,
	  .walked = DANE_INSECURE_MX,
	  .why = "but the MX records are not signed" },
	{ .label = "DANE unknowable",
	  .mode = -1,
	  .outcome = DISCOVER_NO_RECORD,
	  .dane = DANE_UNKNOWABLE,
	  .walked = DANE_UNKNOWABLE,
	  .mail = "waits until it is known whether DANE applies",
	  .why = "mail has to wait",
	  .hint = "fix its DNSSEC",
	  .more = "meanwhile \"" BYPASS },
	{ .label = "DANE unknowable, left to the MTA",
	  .mode = ENFORCE,
	  .outcome = DISCOVER_POLICY,
	  .dane = DANE_UNKNOWABLE,
	  .walked = DANE_UNKNOWABLE,
	  .leave = true,
	  .mail = "waits until it is known whether DANE applies",
	  .hint = "fix its DNSSEC",
	  .more = BYPASS },
	{ .label = "DANE, and everything, unknowable",
	  .mode = -1,
	  .outcome = DISCOVER_DNS_FAILED,
	  .dane = DANE_UNKNOWABLE,
	  .walked = DANE_UNKNOWABLE,
	  .hosts = "",
	  .mail = "waits until it is known whether DANE applies",
	  .hint = "dig MX DOMAIN" },
	{ .label = "DANE was known",
	  .mode = ENFORCE,
	  .outcome = DISCOVER_POLICY,
	  .dane = DANE_ALL,
	  .walked = DANE_UNKNOWABLE,
	  .hint = "for one more hour" },
	/* The hint must not blame the domain for our lack of memory. */
	{ .label = "no memory",
	  .mode = -1,
	  .outcome = DISCOVER_NO_MEMORY,
	  .mail = "is not held up",
	  .why = "mtastsd was short of memory",
	  .hint = "give it more" },
	{ .label = "no memory, and a policy in force",
	  .mode = ENFORCE,
	  .outcome = DISCOVER_NO_MEMORY,
	  .hosts = "",
	  .still = "too short of memory",
	  .hint = "give it more" },
};

static void check(const struct row *row, const char *what, const char *text,
                  const char *part)
{
	if (!part)
		return;
	if (strcmp(part, "-") == 0 ? text == NULL
	                           : text != NULL && strstr(text, part))
		return;
	fail_msg("%s: %s is '%s', not '%s'", row->label, what,
	         text ? text : "NULL", part);
}

static struct mx_hosts hosts_of(const char *list)
{
	bool none = strcmp(list, NULL_MX) == 0;
	size_t len = 0;

	while (!none && list[len])
		len += strlen(list + len) + 1;
	return (struct mx_hosts){ .known = none || len > 0,
		                  .names = slice_of(list, len),
		                  .reason = "because" };
}

static void fill(const struct row *row, struct ask_result *result)
{
	static const char mx[] = "*.example.org";
	bool enforced = row->mode == ENFORCE ||
	                (row->mode == POLICY_TESTING && row->enforce_testing);

	*result = (struct ask_result){
		.sts = { .has_policy = row->mode >= 0, .reason = "" },
		.sts_known = true,
		.enforced = enforced,
		.dane = { .state = row->dane },
		.verdict = dane_decide(row->dane, enforced),
		.leave_dane = row->leave,
		.strict_mx = row->strict,
	};
	if (row->mode >= 0)
		result->sts.entry.policy = (struct policy){
			.mode = (enum policy_mode)row->mode,
			.mx_count = 1,
			.mx = slice_of(mx, sizeof(mx)),
		};
}

static void test_texts_of_each_outcome(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *row = &rows[i];
		struct discover_result discovery = {
			.outcome = row->outcome,
			.cause = FETCH_CERT_EXPIRED,
		};
		struct dane_result found = { .state = row->walked };
		struct ask_result result;
		struct control_case it = { .result = &result };
		struct mx_hosts hosts;

		fill(row, &result);
		result.sts.source = LOOKUP_TIMED_OUT;
		if (row->outcome != NO_WALK)
			result.sts.discovery = &discovery;
		if (row->walked != DANE_NOT_KNOWN)
			result.dane_check = &found;
		if (row->hosts) {
			hosts = hosts_of(row->hosts);
			it.hosts = &hosts;
			result.hosts = hosts;
		}
		check(row, "mail", control_mail(&it), row->mail);
		check(row, "why", control_why(&result), row->why);
		check(row, "still", control_why_still(&result), row->still);
		check(row, "hint", control_hint(&it), row->hint);
		check(row, "more", control_hint_more(&it), row->more);
	}
}

/* An override in the configuration comes before everything else. */
static void test_override_comes_first(void **state)
{
	static const struct row enforce = { .mode = ENFORCE },
				none = { .mode = -1 };
	struct override bypass = { .bypass = true },
			pinned = { .bypass = false };
	struct ask_result result;
	struct control_case it = { .result = &result };

	(void)state;
	fill(&none, &result);
	result.override = &bypass;
	check(&none, "mail", control_mail(&it),
	      "is delivered without MTA-STS and DANE");
	check(&none, "why", control_why(&result), "exempts the domain");
	check(&none, "hint", control_hint(&it), "remove it from domains:");
	check(&none, "more", control_hint_more(&it), "-");
	fill(&enforce, &result);
	result.override = &pinned;
	check(&enforce, "mail", control_mail(&it),
	      "only to hosts that the policy covers");
	check(&enforce, "why", control_why(&result), "pins this policy");
	check(&enforce, "still", control_why_still(&result), "-");
	check(&enforce, "hint", control_hint(&it), "remove it from domains:");
	check(&enforce, "more", control_hint_more(&it), "-");
}

/* What "lookup" says of a policy whose refresh fails. */
static void test_failed_refresh_is_mentioned(void **state)
{
	static const struct row row = { .mode = ENFORCE };
	struct ask_result result;

	(void)state;
	fill(&row, &result);
	check(&row, "still", control_why_still(&result), "-");
	result.sts.entry.failures = 2;
	check(&row, "still", control_why_still(&result),
	      "the last refresh failed, but");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts_of_each_outcome),
		cmocka_unit_test(test_override_comes_first),
		cmocka_unit_test(test_failed_refresh_is_mentioned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
