/* SPDX-License-Identifier: BSD-2-Clause */
/* control_why.c - what becomes of the mail, and which clock, failure or word led
 * there. */
#include "control/control_hint.h"

#include "sts/verdict.h"

/* -- MX hosts -------------------------------------------------------------- */

enum control_cover control_cover(const struct control_case *it)
{
	const struct ask_result *result = it->result;
	const struct mx_hosts *hosts =
	    result->strict_mx ? &result->hosts : it->hosts;
	size_t all = 0, covered = 0;

	if (!hosts || !result->sts.has_policy)
		return CONTROL_COVER_NOT_ASKED;
	if (!hosts->known)
		return CONTROL_COVER_UNKNOWN;
	for (size_t at = 0; at < hosts->names.len; all++) {
		struct slice name = slice_str(hosts->names.data + at);

		covered += verdict_mx_matches(&result->sts.entry.policy, name);
		at += name.len + 1;
	}
	if (all == 0)
		return CONTROL_COVER_NO_HOSTS;
	if (covered == 0)
		return CONTROL_COVER_NONE;
	return covered < all ? CONTROL_COVER_SOME : CONTROL_COVER_ALL;
}

/* -- the mail -------------------------------------------------------------- */

static const char *enforced_mail(const struct control_case *it)
{
	switch (control_cover(it)) {
	case CONTROL_COVER_UNKNOWN:
		return it->result->strict_mx
		           ? "waits until the MX records can be looked up"
		           : "waits, since the MX records can't be looked up";
	case CONTROL_COVER_NO_HOSTS:
		return "comes back: the domain has no mail host";
	case CONTROL_COVER_NONE:
		return "waits: the policy names none of the domain's MX hosts";
	case CONTROL_COVER_SOME:
		return "goes only to those MX hosts that the policy names, "
		       "with a certificate that is valid for the host; "
		       "otherwise it waits";
	case CONTROL_COVER_NOT_ASKED:
	case CONTROL_COVER_ALL:
		break;
	}
	return "goes only to hosts that the policy names, with a certificate "
	       "that is valid for the host; otherwise it waits";
}

const char *control_mail(const struct control_case *it)
{
	const struct ask_result *result = it->result;

	if (result->override && result->override->bypass)
		return "goes without MTA-STS and DANE";
	switch (result->verdict) {
	case DANE_SAYS_WAIT:
		return "waits until DANE can be looked up";
	case DANE_SAYS_ONLY:
	case DANE_SAYS_DANE:
		if (result->leave_dane)
			return "goes as main.cf has it, which has to ask for "
			       "DANE";
		if (result->verdict == DANE_SAYS_ONLY)
			return "goes only to hosts with a certificate that "
			       "their TLSA records name; otherwise it waits";
		return "goes encrypted, and to a host with usable TLSA records "
		       "only with a certificate that they name; otherwise it "
		       "waits";
	case DANE_SAYS_NOTHING:
		break;
	}
	if (result->enforced)
		return enforced_mail(it);
	return "is not held up: it goes as main.cf has it, without MTA-STS";
}

/* -- why ------------------------------------------------------------------- */

/* There is none, or none that could be had. */
static const char *absent_why(const struct lookup_result *sts)
{
	if (!sts->discovery)
		return sts->source == LOOKUP_TIMED_OUT
		           ? "it was not found out in time whether there is a "
		             "policy, which counts as none, and DANE does not "
		             "apply"
		           : "there is no policy, and DANE does not apply";
	switch (sts->discovery->outcome) {
	case DISCOVER_BAD_RECORD:
		return "the record is no good, which counts as none (RFC 8461 "
		       "3.1), and DANE does not apply";
	case DISCOVER_DNS_FAILED:
		return "the record can't be looked up, which counts as none, "
		       "and DANE does not apply";
	case DISCOVER_FETCH_FAILED:
		return "there is a record, but its policy can't be had, which "
		       "counts as none (RFC 8461 3.3), and DANE does not apply";
	case DISCOVER_NO_MEMORY:
		return "mtastsd was short of memory and found no policy out, "
		       "which counts as none, and DANE does not apply";
	case DISCOVER_NO_RECORD:
	case DISCOVER_POLICY:
	case DISCOVER_UNCHANGED:
		break;
	}
	return "there is no policy, and DANE does not apply";
}

static const char *policy_why(const struct ask_result *result)
{
	if (!result->sts.has_policy)
		return absent_why(&result->sts);
	switch (result->sts.entry.policy.mode) {
	case POLICY_ENFORCE:
		return "the policy is enforced";
	case POLICY_TESTING:
		return result->enforced
		           ? "the policy is only on trial, and enforced all "
		             "the same, as the option testing says"
		           : "the policy is only on trial";
	case POLICY_NONE:
		break;
	}
	return "the policy is called off";
}

/* DANE says nothing where a policy is enforced, though there are records. */
static const char *nothing_why(const struct ask_result *result)
{
	if (result->dane.state == DANE_UNUSABLE)
		return "no TLSA record is usable, so the policy counts";
	if (result->dane.state == DANE_INSECURE_MX)
		return "the MX records are not secure, so the policy counts: "
		       "forged ones would make DANE worthless";
	return policy_why(result);
}

static const char *dane_why(enum dane_state state)
{
	switch (state) {
	case DANE_SOME:
		return "there are TLSA records for some of the hosts (RFC 7672 "
		       "2.2)";
	case DANE_UNUSABLE:
		return "there are TLSA records, none of them usable: encrypted "
		       "all the same (RFC 7672 2.2)";
	case DANE_INSECURE_MX:
		return "there are TLSA records, of hosts that MX records name "
		       "which are not secure (RFC 7672 2.2.1)";
	case DANE_NOT_KNOWN:
	case DANE_NONE:
	case DANE_ALL:
	case DANE_UNKNOWABLE:
		break;
	}
	return "DANE applies";
}

static const char *dane_only_why(enum dane_state state)
{
	if (state == DANE_SOME)
		return "there are TLSA records for some of the hosts, and the "
		       "policy lets no mail go unauthenticated to the others";
	return "there are TLSA records for every host, and DANE comes before "
	       "MTA-STS (RFC 8461 2)";
}

const char *control_why(const struct ask_result *result)
{
	struct control_case it = { .result = result };

	if (result->override)
		return result->override->bypass
		           ? "the configuration (domains:) says that the "
		             "domain goes without MTA-STS and DANE"
		           : "the configuration (domains:) pins this policy";
	switch (result->verdict) {
	case DANE_SAYS_WAIT:
		return "DANE may apply and can't be looked up, so mail has to "
		       "wait (RFC 8461 2, RFC 7672 2.1)";
	case DANE_SAYS_DANE:
		return result->leave_dane ? "DANE applies, which dane_answer "
		                            "leaves to the MTA"
		                          : dane_why(result->dane.state);
	case DANE_SAYS_ONLY:
		return result->leave_dane ? "DANE applies, which dane_answer "
		                            "leaves to the MTA"
		                          : dane_only_why(result->dane.state);
	case DANE_SAYS_NOTHING:
		break;
	}
	if (result->strict_mx && control_cover(&it) <= CONTROL_COVER_NONE)
		return result->hosts.known
		           ? "the policy is enforced, and covers no MX host of "
		             "the domain (strict_mx)"
		           : "the policy is enforced, and the domain's MX "
		             "hosts "
		             "can't be looked up (strict_mx)";
	return nothing_why(result);
}

const char *control_why_still(const struct ask_result *result)
{
	const struct lookup_result *sts = &result->sts;

	if (result->override || !sts->has_policy)
		return NULL;
	if (!sts->discovery)
		return sts->entry.failures
		           ? "its refresh has failed since, but it is in force "
		             "until its max_age is over"
		           : NULL;
	switch (sts->discovery->outcome) {
	case DISCOVER_NO_RECORD:
		return "its record is gone, but it is in force until its "
		       "max_age is over (RFC 8461 5.1)";
	case DISCOVER_BAD_RECORD:
		return "its record is no good any more, but it is in force "
		       "until its max_age is over (RFC 8461 5.1)";
	case DISCOVER_DNS_FAILED:
		return "its record can't be looked up now, but it is in force "
		       "until its max_age is over (RFC 8461 5.1)";
	case DISCOVER_FETCH_FAILED:
		return "it can't be fetched afresh now, but it is in force "
		       "until its max_age is over (RFC 8461 5.1)";
	case DISCOVER_NO_MEMORY:
		return "mtastsd is too short of memory to look it up now, but "
		       "it is in force until its max_age is over (RFC 8461 "
		       "5.1)";
	case DISCOVER_POLICY:
	case DISCOVER_UNCHANGED:
		break;
	}
	return NULL;
}
