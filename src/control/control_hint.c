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

/* -- what to do ------------------------------------------------------------ */

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

/* Of a policy that was looked up well. */
static const char *policy_hint(const struct ask_result *result)
{
	if (result->enforced)
		return "nothing is wrong here; if mail waits all the same, "
		       "Postfix's log says what is wrong with the MX host or "
		       "its certificate, which its owner has to mend";
	if (result->sts.entry.policy.mode == POLICY_TESTING)
		return "nothing is wrong: the policy is only on trial, mail "
		       "goes as if there were none";
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

/* The record is gone, and the policy is still there. */
static const char *gone_hint(const struct ask_result *result)
{
	if (!result->enforced)
		return "nothing is wrong: mail goes as if there were no policy";
	return "the domain's owner has to publish the record again; who wants "
	       "no MTA-STS any more has to publish mode none first (RFC 8461 "
	       "8.3)";
}

static const char *sts_hint(const struct ask_result *result)
{
	const struct lookup_result *sts = &result->sts;
	const struct discover_result *discovery = sts->discovery;

	if (!discovery)
		return "wait a minute and look at mtasts-ctl lookup; a walk "
		       "this slow points to a firewall or a slow resolver";
	if (discovery->outcome == DISCOVER_NO_RECORD && sts->has_policy)
		return gone_hint(result);
	if (discovery->outcome != DISCOVER_POLICY &&
	    discovery->outcome != DISCOVER_UNCHANGED)
		return unsolved_hint(discovery);
	if (sts->has_policy)
		return policy_hint(result);
	return "try again in a minute; if it stays so, see mtastsd's log";
}

/* What can't be looked up is worse than whatever else is: mail waits. */
static const char *unknowable_hint(enum dane_verdict verdict)
{
	if (verdict == DANE_SAYS_WAIT)
		return "see that this machine's resolver works (dig MX "
		       "DOMAIN); if it does, the domain's owner has to mend "
		       "its DNSSEC";
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

static const char *hosts_hint(enum control_cover cover)
{
	if (cover == CONTROL_COVER_UNKNOWN)
		return "see that this machine's resolver works (dig MX "
		       "DOMAIN); if it does, the domain's DNS is broken";
	if (cover == CONTROL_COVER_NO_HOSTS)
		return "the domain does not exist, or takes no mail (null MX); "
		       "if it should, its owner has to mend its MX records";
	if (cover == CONTROL_COVER_NONE)
		return "the domain's owner has to mend his policy or his MX "
		       "records, unless somebody forges the latter";
	return "if mail waits, the hosts that the policy names can't be "
	       "reached, or have no valid certificate; the domain's owner has "
	       "to mend them, or to name the others in his policy, too";
}

/* Whether the MX hosts are what mail waits for, or comes back for. */
static bool hosts_matter(const struct control_case *it,
                         enum control_cover cover)
{
	return it->result->enforced &&
	       it->result->verdict == DANE_SAYS_NOTHING &&
	       (cover <= CONTROL_COVER_NONE ||
	        (cover == CONTROL_COVER_SOME &&
	         sts_is_settled(&it->result->sts)));
}

/* Then nobody else is to blame, whatever it looks like. */
static bool is_short_of_memory(const struct ask_result *result)
{
	const struct discover_result *discovery = result->sts.discovery;

	return (discovery && discovery->outcome == DISCOVER_NO_MEMORY) ||
	       (result->dane_check && result->dane_check->short_of_memory);
}

const char *control_hint(const struct control_case *it)
{
	const struct ask_result *result = it->result;
	enum control_cover cover = control_cover(it);

	if (result->override)
		return "to have it looked up again, take the domain out of "
		       "domains: in the configuration";
	if (is_short_of_memory(result))
		return "mtastsd is short of memory: give it more";
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
		return "nothing is wrong: DANE applies, which dane_answer "
		       "leaves to the MTA";
	return "nothing is wrong here; if mail waits all the same, Postfix's "
	       "log says which MX host's certificate does not fit its TLSA "
	       "records, which its owner has to mend";
}

/* There is nowhere that mail could go. */
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
		return "that holds no mail up; if some waits, Postfix's log "
		       "says which host or certificate is at fault, and "
		       "\"domains: { DOMAIN: bypass }\" in the configuration "
		       "lets it go meanwhile";
	return "meanwhile \"domains: { DOMAIN: bypass }\" in the configuration "
	       "lets its mail go without MTA-STS and DANE";
}
