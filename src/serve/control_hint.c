/* SPDX-License-Identifier: BSD-2-Clause */
/* control_hint.c - what to do, for each outcome of a walk. */
#include "serve/control_hint.h"

#include "sts/verdict.h"

#include <string.h>

/* Who can mend a failed fetch: mostly the domain's owner, sometimes we. */
static const char *fetch_hint(enum fetch_cause cause)
{
	switch (cause) {
	case FETCH_OK:
		return "the policy host has no usable address, or the policy's "
		       "text is no good: the domain's owner has to mend that";
	case FETCH_CONNECT:
		return "see that this machine may connect to port 443 of other "
		       "hosts; if it may, the policy host is down";
	case FETCH_TIMEOUT:
		return "see that no firewall swallows connections to port 443; "
		       "if none does, the policy host is too slow";
	case FETCH_TLS:
		return "the policy host speaks no TLS 1.2 or later: the "
		       "domain's owner has to mend that";
	case FETCH_CERT_NAME:
		return "the policy host's certificate is for other names: the "
		       "domain's owner has to get one for mta-sts.DOMAIN";
	case FETCH_CERT_EXPIRED:
		return "see that this machine's clock is right; if it is, the "
		       "domain's owner has to renew the certificate";
	case FETCH_CERT_UNTRUSTED:
		return "see that this machine's CA certificates are up to date "
		       "(fetch.ca_file); if so, the policy host's chain is bad";
	case FETCH_CERT_INVALID:
		return "the policy host's certificate is no good: the domain's "
		       "owner has to mend that";
	case FETCH_REDIRECT:
		return "the policy host redirects, which RFC 8461 3.3 forbids: "
		       "the domain's owner has to serve the policy itself";
	case FETCH_STATUS:
		return "the policy host answers without a policy: the domain's "
		       "owner has to put it at /.well-known/mta-sts.txt";
	case FETCH_TYPE:
		return "the policy is not served as text/plain: the domain's "
		       "owner has to set its media type";
	case FETCH_TOO_LARGE:
		return "the policy is too large: the domain's owner has to "
		       "shorten it to 64 KiB";
	case FETCH_CUT:
		return "the policy host's answer is cut off or broken: try "
		       "again; if it stays so, the domain's owner has to mend "
		       "it";
	case FETCH_NO_MEMORY:
		break;
	}
	return "mtastsd is short of memory: give it more";
}

static const char *policy_hint(enum policy_mode mode)
{
	switch (mode) {
	case POLICY_ENFORCE:
		return "nothing is wrong: mail goes only to hosts that the "
		       "policy names, with a valid certificate";
	case POLICY_TESTING:
		return "nothing is wrong: the policy is only on trial, mail "
		       "goes as if there were none";
	case POLICY_NONE:
		break;
	}
	return "nothing is wrong: the domain has called its policy off, mail "
	       "goes as if there were none";
}

static const char *unsolved_hint(const struct discover_result *discovery)
{
	switch (discovery->outcome) {
	case DISCOVER_NO_RECORD:
		return "nothing is wrong: the domain does not publish MTA-STS";
	case DISCOVER_BAD_RECORD:
		return "the TXT record at _mta-sts.DOMAIN has to be one, and "
		       "valid: the domain's owner has to mend it";
	case DISCOVER_DNS_FAILED:
		return "see that this machine's resolver works (dig TXT "
		       "_mta-sts.DOMAIN); if it does, the domain's DNS is "
		       "broken";
	case DISCOVER_FETCH_FAILED:
		return fetch_hint(discovery->cause);
	case DISCOVER_POLICY:
	case DISCOVER_UNCHANGED:
	case DISCOVER_NO_MEMORY:
		break;
	}
	return "mtastsd is short of memory: give it more";
}

static const char *sts_hint(const struct lookup_result *result)
{
	const struct discover_result *discovery = result->discovery;

	if (!discovery)
		return "wait a minute and look at mtasts-ctl lookup; a walk "
		       "this slow points to a firewall or a slow resolver";
	if (discovery->outcome != DISCOVER_POLICY &&
	    discovery->outcome != DISCOVER_UNCHANGED)
		return unsolved_hint(discovery);
	if (result->has_policy)
		return policy_hint(result->entry.policy.mode);
	return "try again in a minute; if it stays so, see mtastsd's log";
}

/* What can't be looked up is worse than whatever else is: mail waits. */
static const char *unknowable_hint(enum dane_verdict verdict)
{
	if (verdict == DANE_SAYS_WAIT)
		return "see that this machine's resolver works (dig MX "
		       "DOMAIN); if it does, the domain's owner has to mend "
		       "its DNSSEC; \"domains: { DOMAIN: bypass }\" lets mail "
		       "go until then";
	return "DANE can't be looked up now: what was learnt of it counts for "
	       "an hour more, then mail waits; see that this machine's "
	       "resolver works, and the domain's DNSSEC";
}

/* MTA-STS has ended well, or with what is none of our business. */
static bool sts_is_settled(const struct lookup_result *result)
{
	const struct discover_result *discovery = result->discovery;

	return discovery && (discovery->outcome == DISCOVER_NO_RECORD ||
	                     discovery->outcome == DISCOVER_POLICY ||
	                     discovery->outcome == DISCOVER_UNCHANGED);
}

/* strict_mx: whether any MX host of the domain may have the mail. */
static bool has_host(const struct ask_result *result)
{
	struct slice names = result->hosts.names;
	const struct policy *policy = &result->sts.entry.policy;

	for (size_t at = 0; at < names.len; at += strlen(names.data + at) + 1)
		if (verdict_mx_matches(policy, slice_str(names.data + at)))
			return true;
	return false;
}

static const char *hosts_hint(const struct ask_result *result)
{
	if (!result->hosts.known)
		return "see that this machine's resolver works (dig MX "
		       "DOMAIN); if it does, the domain's DNS is broken; mail "
		       "waits, as strict_mx says";
	return "no MX host of the domain is in its policy, so mail waits: the "
	       "domain's owner has to mend one of both, unless somebody forges "
	       "the MX records; \"domains: { DOMAIN: bypass }\" lets mail go "
	       "until then";
}

const char *control_hint(const struct ask_result *result)
{
	if (result->strict_mx && !has_host(result))
		return hosts_hint(result);
	if (result->verdict == DANE_SAYS_WAIT ||
	    (result->walk && result->walk->state == DANE_UNKNOWABLE &&
	     !result->dane_off))
		return unknowable_hint(result->verdict);
	if (result->verdict == DANE_SAYS_NOTHING ||
	    !sts_is_settled(&result->sts))
		return sts_hint(&result->sts);
	if (result->leave_dane)
		return "nothing is wrong: DANE applies, which dane_answer "
		       "leaves to the MTA";
	if (result->verdict == DANE_SAYS_ONLY)
		return "nothing is wrong: mail goes only to hosts with a "
		       "certificate that their TLSA records name";
	return "nothing is wrong: mail goes encrypted, and to a host with "
	       "usable TLSA records only with a certificate they name";
}

/* -- why ------------------------------------------------------------------- */

static const char *policy_why(const struct ask_result *result)
{
	if (!result->sts.has_policy)
		return "there is no policy, and DANE does not apply";
	switch (result->sts.entry.policy.mode) {
	case POLICY_ENFORCE:
		return "the policy is enforced";
	case POLICY_TESTING:
		return "the policy is only on trial";
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
	if (result->word)
		return result->word->bypass
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
	if (result->strict_mx && !has_host(result))
		return result->hosts.known
		           ? "the policy is enforced, and covers no MX host of "
		             "the domain (strict_mx)"
		           : "the policy is enforced, and the domain's MX "
		             "hosts "
		             "can't be looked up (strict_mx)";
	return nothing_why(result);
}
