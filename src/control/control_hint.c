/* SPDX-License-Identifier: BSD-2-Clause */
/* control_hint.c - what happens to the mail, why, and what to do about it, for
 * each outcome of a look-up. */
#include "control/control_hint.h"

#include "sts/verdict.h"

#include <string.h>

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
		return it->result->strict_mx ? "waits until the domain's MX "
		                               "records can be looked up"
		                             : "waits because the domain's MX "
		                               "records can't be looked up";
	case CONTROL_COVER_NO_HOSTS:
		return "is returned to the sender: the domain has no mail host";
	case CONTROL_COVER_NONE:
		return "waits: the policy covers none of the domain's MX hosts";
	case CONTROL_COVER_SOME:
		return "is delivered only to the MX hosts that the policy "
		       "covers, and only if the host's certificate is valid; "
		       "otherwise it waits";
	case CONTROL_COVER_NOT_ASKED:
	case CONTROL_COVER_ALL:
		break;
	}
	return "is delivered only to hosts that the policy covers, and only if "
	       "the host's certificate is valid; otherwise it waits";
}

const char *control_mail(const struct control_case *it)
{
	const struct ask_result *result = it->result;

	if (result->override && result->override->bypass)
		return "is delivered without MTA-STS and DANE";
	switch (result->verdict) {
	case DANE_SAYS_WAIT:
		return "waits until it is known whether DANE applies";
	case DANE_SAYS_ONLY:
	case DANE_SAYS_DANE:
		if (result->leave_dane)
			return "is delivered as main.cf says; main.cf has to "
			       "ask for DANE";
		if (result->verdict == DANE_SAYS_ONLY)
			return "is delivered only to hosts whose certificate "
			       "matches their TLSA records; otherwise it waits";
		return "is delivered encrypted, and to a host with usable TLSA "
		       "records only if its certificate matches them; "
		       "otherwise it waits";
	case DANE_SAYS_NOTHING:
		break;
	}
	if (result->enforced)
		return enforced_mail(it);
	return "is not held up: it is delivered as main.cf says, without "
	       "MTA-STS";
}

/* -- why ------------------------------------------------------------------- */

/* Why there is no policy. */
static const char *absent_why(const struct lookup_result *sts)
{
	if (!sts->discovery)
		return sts->source == LOOKUP_TIMED_OUT
		           ? "the policy look-up took too long, which counts "
		             "as no policy, and DANE does not apply"
		           : "there is no policy, and DANE does not apply";
	switch (sts->discovery->outcome) {
	case DISCOVER_BAD_RECORD:
		return "the record is invalid, which counts as no policy (RFC "
		       "8461 3.1), and DANE does not apply";
	case DISCOVER_DNS_FAILED:
		return "the record can't be looked up, which counts as no "
		       "policy, and DANE does not apply";
	case DISCOVER_FETCH_FAILED:
		return "there is a record, but fetching the policy failed, "
		       "which counts as no policy (RFC 8461 3.3), and DANE "
		       "does not apply";
	case DISCOVER_NO_MEMORY:
		return "mtastsd was short of memory and could not look up the "
		       "policy, which counts as no policy, and DANE does not "
		       "apply";
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
		           ? "the policy is in testing mode, but the option "
		             "testing says to enforce it"
		           : "the policy is in testing mode";
	case POLICY_NONE:
		break;
	}
	return "the policy is in mode none";
}

/* Why DANE does not apply, or why the policy applies though TLSA records
 * exist. */
static const char *nothing_why(const struct ask_result *result)
{
	if (result->dane.state == DANE_UNUSABLE)
		return "no TLSA record is usable, so the policy applies";
	if (result->dane.state == DANE_INSECURE_MX)
		return "the MX records are not signed with DNSSEC, so the "
		       "policy applies: DANE is worthless if they can be "
		       "forged";
	return policy_why(result);
}

static const char *dane_why(enum dane_state state)
{
	switch (state) {
	case DANE_SOME:
		return "some of the MX hosts have TLSA records (RFC 7672 2.2)";
	case DANE_UNUSABLE:
		return "there are TLSA records, but none is usable, so the "
		       "mail must at least be encrypted (RFC 7672 2.2)";
	case DANE_INSECURE_MX:
		return "the MX hosts have TLSA records, but the MX records are "
		       "not signed with DNSSEC (RFC 7672 2.2.1)";
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
		return "some of the MX hosts have TLSA records, and the policy "
		       "forbids unauthenticated delivery to the others";
	return "every MX host has TLSA records, and DANE takes precedence over "
	       "MTA-STS (RFC 8461 2)";
}

const char *control_why(const struct ask_result *result)
{
	struct control_case it = { .result = result };

	if (result->override)
		return result->override->bypass
		           ? "the configuration (domains:) exempts the domain "
		             "from MTA-STS and DANE"
		           : "the configuration (domains:) pins this policy";
	switch (result->verdict) {
	case DANE_SAYS_WAIT:
		return "DANE may apply, but the look-up failed, so mail has to "
		       "wait (RFC 8461 2, RFC 7672 2.1)";
	case DANE_SAYS_DANE:
		return result->leave_dane ? "DANE applies, and dane_answer "
		                            "leaves it to the MTA"
		                          : dane_why(result->dane.state);
	case DANE_SAYS_ONLY:
		return result->leave_dane ? "DANE applies, and dane_answer "
		                            "leaves it to the MTA"
		                          : dane_only_why(result->dane.state);
	case DANE_SAYS_NOTHING:
		break;
	}
	if (result->strict_mx && control_cover(&it) <= CONTROL_COVER_NONE)
		return result->hosts.known
		           ? "the policy is enforced, but covers none of the "
		             "domain's MX hosts (strict_mx)"
		           : "the policy is enforced, but the domain's MX "
		             "hosts can't be looked up (strict_mx)";
	return nothing_why(result);
}

const char *control_why_still(const struct ask_result *result)
{
	const struct lookup_result *sts = &result->sts;

	if (result->override || !sts->has_policy)
		return NULL;
	if (!sts->discovery)
		return sts->entry.failures
		           ? "the last refresh failed, but the policy is in "
		             "force until it expires"
		           : NULL;
	switch (sts->discovery->outcome) {
	case DISCOVER_NO_RECORD:
		return "its record is gone, but the policy is in force until "
		       "it expires (RFC 8461 5.1)";
	case DISCOVER_BAD_RECORD:
		return "its record is invalid now, but the policy is in force "
		       "until it expires (RFC 8461 5.1)";
	case DISCOVER_DNS_FAILED:
		return "its record can't be looked up now, but the policy is "
		       "in force until it expires (RFC 8461 5.1)";
	case DISCOVER_FETCH_FAILED:
		return "the last fetch failed, but the policy is in force "
		       "until it expires (RFC 8461 5.1)";
	case DISCOVER_NO_MEMORY:
		return "mtastsd is too short of memory to look it up now, but "
		       "the policy is in force until it expires (RFC 8461 5.1)";
	case DISCOVER_POLICY:
	case DISCOVER_UNCHANGED:
		break;
	}
	return NULL;
}

/* -- what to do ------------------------------------------------------------ */

/* What to do about a failed fetch. Mostly the domain's owner has to act,
 * sometimes this machine's operator. */
static const char *fetch_hint(enum fetch_cause cause)
{
	switch (cause) {
	case FETCH_OK:
		return "the policy host has no usable address, or the policy's "
		       "text is invalid; the domain's owner has to fix that";
	case FETCH_CONNECT:
		return "check that this machine can connect to port 443 of "
		       "other hosts; if it can, the policy host is down";
	case FETCH_TIMEOUT:
		return "check that no firewall drops connections to port 443; "
		       "if none does, the policy host is too slow";
	case FETCH_TLS:
		return "the policy host does not support TLS 1.2 or later; the "
		       "domain's owner has to fix that";
	case FETCH_CERT_NAME:
		return "the policy host's certificate is for other names; the "
		       "domain's owner has to get one for mta-sts.DOMAIN";
	case FETCH_CERT_EXPIRED:
		return "check this machine's clock; if it is right, the "
		       "domain's owner has to renew the certificate";
	case FETCH_CERT_UNTRUSTED:
		return "check that this machine's CA certificates are up to "
		       "date (fetch.ca_file); if they are, the policy host's "
		       "certificate chain is wrong";
	case FETCH_CERT_INVALID:
		return "the policy host's certificate is invalid; the domain's "
		       "owner has to fix that";
	case FETCH_REDIRECT:
		return "the policy host redirects, which RFC 8461 3.3 forbids; "
		       "the domain's owner has to serve the policy on that "
		       "host";
	case FETCH_STATUS:
		return "the policy host does not serve a policy; the domain's "
		       "owner has to put it at /.well-known/mta-sts.txt";
	case FETCH_TYPE:
		return "the policy is not served as text/plain; the domain's "
		       "owner has to set its media type";
	case FETCH_TOO_LARGE:
		return "the policy is too large; the domain's owner has to "
		       "shorten it to 64 KiB at most";
	case FETCH_CUT:
		return "the policy host's answer is cut off or broken; try "
		       "again, and if that does not help, the domain's owner "
		       "has to fix it";
	case FETCH_NO_MEMORY:
		break;
	}
	return "mtastsd is short of memory; give it more";
}

/* The policy look-up succeeded. */
static const char *policy_hint(const struct ask_result *result)
{
	if (result->enforced)
		return "nothing is wrong here; if mail still waits, Postfix's "
		       "log says what is wrong with the MX host or its "
		       "certificate, and the host's owner has to fix that";
	if (result->sts.entry.policy.mode == POLICY_TESTING)
		return "nothing is wrong: a policy in testing mode does not "
		       "affect delivery";
	return "nothing is wrong: the domain has ended MTA-STS with mode none, "
	       "and its policy does not affect delivery";
}

static const char *unsolved_hint(const struct discover_result *discovery)
{
	switch (discovery->outcome) {
	case DISCOVER_NO_RECORD:
		return "nothing is wrong: the domain does not publish MTA-STS";
	case DISCOVER_BAD_RECORD:
		return "there must be exactly one valid TXT record at "
		       "_mta-sts.DOMAIN; the domain's owner has to fix it";
	case DISCOVER_DNS_FAILED:
		return "check that this machine's resolver works (dig TXT "
		       "_mta-sts.DOMAIN); if it does, the domain's DNS is "
		       "broken";
	case DISCOVER_FETCH_FAILED:
		return fetch_hint(discovery->cause);
	case DISCOVER_POLICY:
	case DISCOVER_UNCHANGED:
	case DISCOVER_NO_MEMORY:
		break;
	}
	return "mtastsd is short of memory; give it more";
}

/* The record is gone, but a cached policy is still in force. */
static const char *gone_hint(const struct ask_result *result)
{
	if (!result->enforced)
		return "nothing is wrong: the policy does not affect delivery";
	return "the domain's owner has to publish the record again, or, to end "
	       "MTA-STS, publish a policy with mode none first (RFC 8461 8.3)";
}

static const char *sts_hint(const struct ask_result *result)
{
	const struct lookup_result *sts = &result->sts;
	const struct discover_result *discovery = sts->discovery;

	if (!discovery)
		return "wait a minute and run mtasts-ctl lookup; a look-up "
		       "this slow points to a firewall or a slow resolver";
	if (discovery->outcome == DISCOVER_NO_RECORD && sts->has_policy)
		return gone_hint(result);
	if (discovery->outcome != DISCOVER_POLICY &&
	    discovery->outcome != DISCOVER_UNCHANGED)
		return unsolved_hint(discovery);
	if (sts->has_policy)
		return policy_hint(result);
	return "try again in a minute; if that does not help, see mtastsd's "
	       "log";
}

/* The DANE state can't be determined: mail waits now, or will in an hour. */
static const char *unknowable_hint(enum dane_verdict verdict)
{
	if (verdict == DANE_SAYS_WAIT)
		return "check that this machine's resolver works (dig MX "
		       "DOMAIN); if it does, the domain's owner has to fix its "
		       "DNSSEC";
	return "the DANE look-up fails now; the last result is used for one "
	       "more hour, then mail waits; check that this machine's resolver "
	       "works, and the domain's DNSSEC";
}

/* The MTA-STS look-up was conclusive: a policy, or no record. */
static bool sts_is_settled(const struct lookup_result *result)
{
	const struct discover_result *discovery = result->discovery;

	return discovery && (discovery->outcome == DISCOVER_NO_RECORD ||
	                     discovery->outcome == DISCOVER_POLICY ||
	                     discovery->outcome == DISCOVER_UNCHANGED);
}

static const char *hosts_hint(enum control_cover cover)
{
	if (cover == CONTROL_COVER_UNKNOWN)
		return "check that this machine's resolver works (dig MX "
		       "DOMAIN); if it does, the domain's DNS is broken";
	if (cover == CONTROL_COVER_NO_HOSTS)
		return "the domain does not exist or accepts no mail (null "
		       "MX); if it should, its owner has to fix its MX records";
	if (cover == CONTROL_COVER_NONE)
		return "the domain's owner has to fix the policy or the MX "
		       "records, unless an attacker forges the MX records";
	return "if mail waits, the hosts that the policy covers can't be "
	       "reached or have no valid certificate; the domain's owner has "
	       "to fix them, or add the other hosts to the policy";
}

/* True if the MX hosts are the reason why mail waits or is returned. */
static bool hosts_matter(const struct control_case *it,
                         enum control_cover cover)
{
	return it->result->enforced &&
	       it->result->verdict == DANE_SAYS_NOTHING &&
	       (cover <= CONTROL_COVER_NONE ||
	        (cover == CONTROL_COVER_SOME &&
	         sts_is_settled(&it->result->sts)));
}

/* Then no other hint is true, whatever the look-up's outcome seems to be. */
static bool is_short_of_memory(const struct ask_result *result)
{
	const struct discover_result *discovery = result->sts.discovery;

	return discovery && discovery->outcome == DISCOVER_NO_MEMORY;
}

const char *control_hint(const struct control_case *it)
{
	const struct ask_result *result = it->result;
	enum control_cover cover = control_cover(it);

	if (result->override)
		return "to have the domain looked up again, remove it from "
		       "domains: in the configuration";
	if (is_short_of_memory(result))
		return "mtastsd is short of memory; give it more";
	if (hosts_matter(it, cover))
		return hosts_hint(cover);
	if (result->verdict == DANE_SAYS_WAIT ||
	    (result->dane_check &&
	     result->dane_check->state == DANE_UNKNOWABLE && !result->dane_off))
		return unknowable_hint(result->verdict);
	if (result->verdict == DANE_SAYS_NOTHING ||
	    !sts_is_settled(&result->sts))
		return sts_hint(result);
	if (result->leave_dane)
		return "nothing is wrong: DANE applies, and dane_answer leaves "
		       "it to the MTA";
	return "nothing is wrong here; if mail still waits, Postfix's log says "
	       "which MX host's certificate does not match its TLSA records, "
	       "and the host's owner has to fix that";
}

/* The domain has no mail host, so a bypass would not help either. */
static bool nothing_helps(const struct control_case *it)
{
	enum control_cover cover = control_cover(it);

	return cover == CONTROL_COVER_NO_HOSTS && hosts_matter(it, cover);
}

const char *control_hint_more(const struct control_case *it)
{
	const struct ask_result *result = it->result;
	bool waits = result->enforced;

	if (result->verdict != DANE_SAYS_NOTHING)
		waits =
		    !result->leave_dane || result->verdict == DANE_SAYS_WAIT;
	if (result->override || !waits || nothing_helps(it))
		return NULL;
	if (control_why_still(result) && !hosts_matter(it, control_cover(it)))
		return "this does not hold mail up; if mail waits, Postfix's "
		       "log says which host or certificate is at fault, and "
		       "\"domains: { DOMAIN: bypass }\" in the configuration "
		       "delivers it meanwhile";
	return "meanwhile \"domains: { DOMAIN: bypass }\" in the configuration "
	       "delivers the domain's mail without MTA-STS and DANE";
}
