/* SPDX-License-Identifier: BSD-2-Clause */
/* findings.c - everything that mtasts-check can find: one row each. */
#include "findings/findings.h"

static const struct {
	const char *name;
	unsigned weight;
} groups[GROUPS] = {
	[GROUP_RECORD] = { "record", 15 },
	[GROUP_FETCH] = { "fetch", 15 },
	[GROUP_CERT] = { "cert", 15 },
	[GROUP_SYNTAX] = { "syntax", 15 },
	[GROUP_MX] = { "mx", 25 },
	[GROUP_CONSISTENCY] = { "consistency", 5 },
	[GROUP_REPORT] = { "report", 10 },
	[GROUP_EXPECTATION] = { "expectation", 0 },
	[GROUP_EXTRA] = { "extra", 0 },
};

/* clang-format off */
#define INFO     SEVERITY_INFO, false
#define UNKNOWN  SEVERITY_UNKNOWN, false
#define WARNING  SEVERITY_WARNING, false
#define CRITICAL SEVERITY_CRITICAL, false
#define ENFORCE  SEVERITY_CRITICAL, true /* critical in mode enforce only */

static const struct finding_row rows[FINDINGS] = {
	[FINDING_NOT_CONFIGURED] = {
	      "not_configured", GROUP_RECORD, INFO,
	      "MTA-STS is not configured",
	      "The domain publishes no MTA-STS record. That is so of most "
	      "domains, and nothing is wrong; senders then use TLS if it is"
	      " offered, and do not insist on it.",
	      "Publish a policy at https://mta-sts.DOMAIN/.well-known/mta-"
	      "sts.txt, then a TXT record at _mta-sts.DOMAIN. Begin in mode"
	      " testing.",
	      "RFC 8461 3.1" },
	[FINDING_MISSING_RECORD] = {
	      "missing_record", GROUP_RECORD, CRITICAL,
	      "MTA-STS TXT record missing",
	      "Senders look for the TXT record first. Without it they do "
	      "not fetch the policy, so that the policy has no effect.",
	      "Publish the TXT record at _mta-sts.DOMAIN.",
	      "RFC 8461 3.1" },
	[FINDING_RECORD_MULTIPLE] = {
	      "record_multiple", GROUP_RECORD, CRITICAL,
	      "More than one MTA-STS TXT record",
	      "If more than one TXT record begins with \"v=STSv1;\" senders "
	      "must assume that the domain has no policy.",
	      "Delete all of them but one.",
	      "RFC 8461 3.1" },
	[FINDING_RECORD_SYNTAX] = {
	      "record_syntax", GROUP_RECORD, CRITICAL,
	      "MTA-STS TXT record malformed",
	      "A record that breaks the grammar counts as none: senders do "
	      "not fetch the policy.",
	      "Replace the record with a correct one.",
	      "RFC 8461 3.1" },
	[FINDING_ID_INVALID] = {
	      "id_invalid", GROUP_RECORD, CRITICAL,
	      "Policy ID invalid",
	      "The id must be 1 to 32 letters and digits. With any other "
	      "the whole record counts as none.",
	      "Give the record a new id of letters and digits, such as the "
	      "date and time.",
	      "RFC 8461 3.1" },
	[FINDING_RECORD_UNRELATED] = {
	      "record_unrelated", GROUP_RECORD, INFO,
	      "Other TXT records at _mta-sts",
	      "Other TXT records stand beside the one of MTA-STS. Senders "
	      "pass over them.",
	      "Remove them if nothing needs them there.",
	      "RFC 8461 3.1" },
	[FINDING_RECORD_WRONG_PLACE] = {
	      "record_wrong_place", GROUP_RECORD, CRITICAL,
	      "MTA-STS TXT record in the wrong place",
	      "The record stands at the domain itself. Senders look for it "
	      "at _mta-sts.DOMAIN and nowhere else.",
	      "Move the record to _mta-sts.DOMAIN.",
	      "RFC 8461 3.1" },
	[FINDING_DNS_ERROR] = {
	      "dns_error", GROUP_RECORD, WARNING,
	      "DNS look-up failed",
	      "A name server answered with an error, or not at all. Senders"
	      " who meet the same find no policy, no mail host, or no address"
	      " for their reports.",
	      "Mend the zone or its name servers.",
	      "RFC 8461 3.1" },
	[FINDING_RECORD_INCONSISTENT] = {
	      "record_inconsistent", GROUP_RECORD, WARNING,
	      "Name servers disagree about the TXT record",
	      "The name servers of the zone hand out different TXT records."
	      " Which one a sender sees is a matter of chance.",
	      "Bring the zone up to date on all of its name servers.",
	      "RFC 8461 3.1" },
	[FINDING_POLICY_FETCH_FAILED] = {
	      "policy_fetch_failed", GROUP_FETCH, CRITICAL,
	      "Policy file HTTPS unreachable",
	      "Senders who can not fetch the policy go on as if there were "
	      "none.",
	      "Serve the policy at https://mta-sts.DOMAIN/.well-known/mta-"
	      "sts.txt.",
	      "RFC 8461 3.3" },
	[FINDING_HTTP_STATUS] = {
	      "http_status", GROUP_FETCH, CRITICAL,
	      "Policy file not served with status 200",
	      "A policy counts only if it comes with HTTP status 200.",
	      "Make the server answer 200 for this URL.",
	      "RFC 8461 3.3" },
	[FINDING_REDIRECT] = {
	      "redirect", GROUP_FETCH, CRITICAL,
	      "Policy file is a redirect",
	      "Senders must not follow redirects when they fetch a policy.",
	      "Serve the policy at the URL itself, without a redirect.",
	      "RFC 8461 3.3" },
	[FINDING_BOT_BLOCKED] = {
	      "bot_blocked", GROUP_FETCH, CRITICAL,
	      "Policy host blocks automatic clients",
	      "The server refused the request, or sent a challenge for "
	      "browsers. Mail servers are no browsers: to them it is as if "
	      "there were no policy.",
	      "Exempt /.well-known/mta-sts.txt from bot protection, access "
	      "rules and challenges.",
	      "RFC 8461 3.3" },
	[FINDING_TOO_LARGE] = {
	      "too_large", GROUP_FETCH, CRITICAL,
	      "Policy file over 64 KiB",
	      "Senders need not read more than 64 KiB (65,536 bytes), and "
	      "refuse the policy if there is more.",
	      "Shrink the file: use wildcards, and only the fields that the"
	      " RFC names.",
	      "RFC 8461 3.3" },
	[FINDING_CONTENT_TYPE] = {
	      "content_type", GROUP_FETCH, CRITICAL,
	      "Policy file not served as text/plain",
	      "The media type should be text/plain. Strict senders ignore a"
	      " policy that has another, or none.",
	      "Serve the file with \"Content-Type: text/plain\".",
	      "RFC 8461 3.2" },
	[FINDING_SLOW] = {
	      "slow", GROUP_FETCH, WARNING,
	      "Policy host is slow",
	      "Senders give up after a while, some of them after a few "
	      "seconds, and then have no policy.",
	      "Make the policy host faster, or move the file to another.",
	      "RFC 8461 3.3" },
	[FINDING_HTTP_CLEARTEXT] = {
	      "http_cleartext", GROUP_FETCH, INFO,
	      "Policy file served on port 80 too",
	      "The policy can be had without TLS as well. Senders never ask"
	      " for it there, so it does no harm.",
	      "Nothing needs to be done.",
	      "RFC 8461 3.3" },
	[FINDING_CERT_INVALID] = {
	      "cert_invalid", GROUP_CERT, CRITICAL,
	      "Policy host certificate invalid",
	      "Senders check the certificate of the policy host and refuse "
	      "the policy if it does not hold.",
	      "Renew the certificate from a CA that is widely trusted.",
	      "RFC 8461 3.3" },
	[FINDING_CERT_EXPIRED] = {
	      "cert_expired", GROUP_CERT, CRITICAL,
	      "Policy host certificate expired",
	      "The certificate is out of its time of validity. Senders "
	      "refuse the policy.",
	      "Renew the certificate, and see why it was not renewed "
	      "automatically.",
	      "RFC 8461 3.3" },
	[FINDING_CERT_SAN_MISMATCH] = {
	      "cert_san_mismatch", GROUP_CERT, CRITICAL,
	      "Cert SAN mismatch",
	      "The certificate does not name the policy host in its "
	      "subjectAltName. The common name does not count. Senders "
	      "refuse the policy.",
	      "Get a certificate with mta-sts.DOMAIN in its subjectAltName.",
	      "RFC 8461 3.3" },
	[FINDING_CERT_UNTRUSTED] = {
	      "cert_untrusted", GROUP_CERT, CRITICAL,
	      "Policy host certificate not trusted",
	      "The certificate does not lead to a root that is widely "
	      "trusted, or is self-signed. Senders refuse the policy.",
	      "Get a certificate from a CA that is widely trusted.",
	      "RFC 8461 3.3" },
	[FINDING_CERT_CHAIN_INCOMPLETE] = {
	      "cert_chain_incomplete", GROUP_CERT, CRITICAL,
	      "Policy host certificate chain incomplete",
	      "The server does not send the intermediate certificate. "
	      "Browsers fetch it themselves, mail servers do not.",
	      "Make the server send its certificate followed by the "
	      "intermediate ones (\"fullchain\").",
	      "RFC 8461 3.3" },
	[FINDING_TLS_OLD] = {
	      "tls_old", GROUP_CERT, CRITICAL,
	      "Policy host speaks no TLS 1.2",
	      "TLS 1.2 is the least that senders accept.",
	      "Turn on TLS 1.2 and TLS 1.3.",
	      "RFC 8461 7.2" },
	[FINDING_CERT_EXPIRING] = {
	      "cert_expiring", GROUP_CERT, WARNING,
	      "Policy host certificate expires soon",
	      "When the certificate has expired, senders refuse the policy.",
	      "Renew the certificate, and see that this happens "
	      "automatically.",
	      "RFC 8461 3.3" },
	[FINDING_VERSION_INVALID] = {
	      "version_invalid", GROUP_SYNTAX, CRITICAL,
	      "Policy version missing or bad",
	      "A policy without the line \"version: STSv1\" is none.",
	      "Put \"version: STSv1\" on the first line.",
	      "RFC 8461 3.2" },
	[FINDING_MODE_INVALID] = {
	      "mode_invalid", GROUP_SYNTAX, CRITICAL,
	      "Policy mode missing or bad",
	      "The mode must be enforce, testing or none, in lower case. "
	      "With any other the policy is none.",
	      "Put \"mode: testing\" or \"mode: enforce\" on a line of its own.",
	      "RFC 8461 3.2" },
	[FINDING_MAX_AGE_INVALID] = {
	      "max_age_invalid", GROUP_SYNTAX, CRITICAL,
	      "Policy max_age missing or bad",
	      "max_age must be a number of seconds from 0 to 31557600. With"
	      " any other the policy is none.",
	      "Put \"max_age: 604800\" on a line of its own.",
	      "RFC 8461 3.2" },
	[FINDING_MX_MISSING] = {
	      "mx_missing", GROUP_SYNTAX, CRITICAL,
	      "Policy names no MX",
	      "A policy in mode enforce or testing must name the MX hosts.",
	      "Add a line \"mx: HOST\" for each of the hosts in the MX "
	      "records.",
	      "RFC 8461 3.2" },
	[FINDING_MX_INVALID] = {
	      "mx_invalid", GROUP_SYNTAX, CRITICAL,
	      "Policy has an invalid MX pattern",
	      "Some senders leave out the pattern, others refuse the whole "
	      "policy.",
	      "Write host names in letters, digits and hyphens (A-labels, "
	      "not U-labels), with at most one \"*.\" in front.",
	      "RFC 8461 3.2" },
	[FINDING_BAD_LINE] = {
	      "bad_line", GROUP_SYNTAX, CRITICAL,
	      "Policy has a malformed line",
	      "Each line must be \"key: value\". Some senders refuse the "
	      "whole policy for any other, a blank line too.",
	      "Delete the line, or mend it.",
	      "RFC 8461 3.2" },
	[FINDING_DUPLICATE_FIELD] = {
	      "duplicate_field", GROUP_SYNTAX, WARNING,
	      "Policy has a field twice",
	      "Of a field that comes more than once (but for mx) only the "
	      "first counts, in senders that keep to the RFC.",
	      "Delete all but the one that is meant.",
	      "RFC 8461 3.2" },
	[FINDING_UNKNOWN_FIELD] = {
	      "unknown_field", GROUP_SYNTAX, INFO,
	      "Policy has an unknown field",
	      "Senders pass over fields that they do not know.",
	      "Delete it, unless it is meant as an extension.",
	      "RFC 8461 3.2" },
	[FINDING_MODE_NONE] = {
	      "mode_none", GROUP_SYNTAX, WARNING,
	      "Policy mode is none",
	      "The domain has opted out: senders act as if it had no "
	      "policy.",
	      "If that is not meant, go to testing, then to enforce.",
	      "RFC 8461 5" },
	[FINDING_MODE_TESTING] = {
	      "mode_testing", GROUP_SYNTAX, INFO,
	      "Policy mode is testing",
	      "Senders report what would fail, and deliver all the same: "
	      "there is no protection yet.",
	      "Go to enforce once the TLS reports are clean.",
	      "RFC 8461 5" },
	[FINDING_PREMATURE_ENFORCE] = {
	      "premature_enforce", GROUP_SYNTAX, WARNING,
	      "Premature enforce mode",
	      "The policy is enforced while reports show sessions that "
	      "fail: mail is deferred, and returned when the sender gives "
	      "up.",
	      "Go back to testing until the reports are clean.",
	      "RFC 8461 8.3" },
	[FINDING_MAX_AGE_BELOW_DAY] = {
	      "max_age_below_day", GROUP_SYNTAX, WARNING,
	      "Max-age below 86400",
	      "Some large senders are reported to ignore a policy that "
	      "lives for less than a day, and whoever blocks the policy "
	      "host is through sooner.",
	      "Use 604800 (a week) or more.",
	      "RFC 8461 3.2" },
	[FINDING_MAX_AGE_SHORT] = {
	      "max_age_short", GROUP_SYNTAX, INFO,
	      "Max-age below a week",
	      "The longer a policy lives, the longer senders are protected "
	      "while the policy host can not be reached.",
	      "Raise max_age to 604800 (a week) or more, once the policy "
	      "has proved itself.",
	      "RFC 8461 3.2" },
	[FINDING_MX_PARTIAL_MATCH] = {
	      "mx_partial_match", GROUP_MX, ENFORCE,
	      "MX host not covered by the policy",
	      "A host in the MX records matches none of the patterns. In "
	      "mode enforce senders do not deliver to it.",
	      "Add the host to the policy, then rotate the id.",
	      "RFC 8461 4.1" },
	[FINDING_MX_WILDCARD_MISSING] = {
	      "mx_wildcard_missing", GROUP_MX, ENFORCE,
	      "MX wildcard missing",
	      "The MX hosts are a known provider's, and the policy lacks "
	      "the pattern that covers them. In mode enforce senders do not"
	      " deliver there.",
	      "Add the provider's pattern to the policy, then rotate the "
	      "id.",
	      "RFC 8461 4.1" },
	[FINDING_MX_UNUSED] = {
	      "mx_unused", GROUP_MX, INFO,
	      "MX pattern without a host",
	      "The pattern matches none of the hosts in the MX records.",
	      "Remove it, unless a move to that host is planned.",
	      "RFC 8461 4.1" },
	[FINDING_MX_TOO_BROAD] = {
	      "mx_too_broad", GROUP_MX, INFO,
	      "MX pattern too broad",
	      "The pattern covers every host directly below the domain: "
	      "whoever gets hold of one of these and a certificate for it "
	      "can receive its mail.",
	      "List the hosts by their names.",
	      "RFC 8461 10.4" },
	[FINDING_MX_NULL] = {
	      "mx_null", GROUP_MX, INFO,
	      "Domain takes no mail (null MX)",
	      "The MX record says that the domain receives no mail.",
	      "Nothing needs to be done; a policy has no use here.",
	      "RFC 7505 3" },
	[FINDING_MX_IMPLICIT] = {
	      "mx_implicit", GROUP_MX, INFO,
	      "No MX record",
	      "There is no MX record, so mail goes to the address of the "
	      "domain itself, and the policy has to name the domain.",
	      "Publish an MX record.",
	      "RFC 5321 5.1" },
	[FINDING_MX_NO_ADDRESS] = {
	      "mx_no_address", GROUP_MX, WARNING,
	      "MX host without an address",
	      "Mail can not be delivered to this host.",
	      "Give it an address that can be reached, or delete the MX "
	      "record.",
	      "RFC 5321 5.1" },
	[FINDING_STARTTLS_MISSING] = {
	      "starttls_missing", GROUP_MX, ENFORCE,
	      "MX host offers no STARTTLS",
	      "Without STARTTLS senders can not deliver to this host under "
	      "the policy.",
	      "Turn on STARTTLS, with a certificate for the host's name.",
	      "RFC 8461 4" },
	[FINDING_MX_TLS_OLD] = {
	      "mx_tls_old", GROUP_MX, ENFORCE,
	      "MX host speaks no TLS 1.2",
	      "TLS 1.2 is the least that senders accept.",
	      "Turn on TLS 1.2 and TLS 1.3.",
	      "RFC 8461 7.2" },
	[FINDING_MX_CERT_EXPIRED] = {
	      "mx_cert_expired", GROUP_MX, ENFORCE,
	      "MX certificate expired",
	      "The certificate is out of its time of validity. Senders do "
	      "not deliver to this host.",
	      "Renew the certificate, and make the mail server load it.",
	      "RFC 8461 4.2" },
	[FINDING_MX_CERT_UNTRUSTED] = {
	      "mx_cert_untrusted", GROUP_MX, ENFORCE,
	      "MX certificate not trusted",
	      "The certificate does not lead to a root that is widely "
	      "trusted. Senders do not deliver to this host.",
	      "Get a certificate from a CA that is widely trusted, and send"
	      " its intermediates.",
	      "RFC 8461 4.2" },
	[FINDING_MX_CERT_SAN] = {
	      "mx_cert_san", GROUP_MX, ENFORCE,
	      "MX certificate for another name",
	      "The certificate does not name the MX host in its "
	      "subjectAltName. Senders do not deliver to this host.",
	      "Get a certificate with the MX host's name in its "
	      "subjectAltName.",
	      "RFC 8461 4.2" },
	[FINDING_MX_UNREACHABLE] = {
	      "mx_unreachable", GROUP_MX, UNKNOWN,
	      "MX host can not be reached from here",
	      "Port 25 is closed on many networks, so that may say more "
	      "about this one than about the host.",
	      "Run the check where outgoing port 25 is open.",
	      "" },
	[FINDING_POLICY_ID_STALE] = {
	      "policy_id_stale", GROUP_CONSISTENCY, CRITICAL,
	      "Stale policy ID",
	      "The policy's text has changed and the id has not. Senders "
	      "that have the old policy do not notice the new one.",
	      "Give the TXT record a new id.",
	      "RFC 8461 3.1" },
	[FINDING_ID_CHANGED_SAME_BODY] = {
	      "id_changed_same_body", GROUP_CONSISTENCY, INFO,
	      "Policy ID changed, policy did not",
	      "The id is new, the text is the same. Senders fetch the "
	      "policy once more, and no harm is done.",
	      "Nothing needs to be done.",
	      "RFC 8461 3.1" },
	[FINDING_BASELINE] = {
	      "baseline", GROUP_CONSISTENCY, INFO,
	      "First run: nothing to compare with yet",
	      "Whether the id keeps up with the policy shows only in time. "
	      "This run was noted.",
	      "Run the check again with the same state file.",
	      "" },
	[FINDING_DELEGATION_SPLIT] = {
	      "delegation_split", GROUP_CONSISTENCY, WARNING,
	      "Only one half is delegated",
	      "The TXT record or the policy host is an alias that leads to "
	      "a provider, the other is not. When the provider changes the "
	      "policy, the id does not follow, or the reverse.",
	      "Delegate both _mta-sts.DOMAIN and mta-sts.DOMAIN to the "
	      "provider, or neither.",
	      "RFC 8461 8.2" },
	[FINDING_TLS_RPT_MISSING] = {
	      "tls_rpt_missing", GROUP_REPORT, WARNING,
	      "TLS reporting (TLSRPT) not configured",
	      "Without a TLSRPT record senders do not tell you what fails.",
	      "Publish a TXT record at _smtp._tls.DOMAIN.",
	      "RFC 8460 3" },
	[FINDING_TLS_RPT_MULTIPLE] = {
	      "tls_rpt_multiple", GROUP_REPORT, WARNING,
	      "More than one TLSRPT record",
	      "If more than one TXT record begins with \"v=TLSRPTv1;\" "
	      "senders must assume that the domain wants no reports.",
	      "Delete all of them but one.",
	      "RFC 8460 3" },
	[FINDING_TLS_RPT_SYNTAX] = {
	      "tls_rpt_syntax", GROUP_REPORT, WARNING,
	      "TLSRPT record malformed",
	      "A record that breaks the grammar is passed over: no reports "
	      "come.",
	      "Replace the record with a correct one.",
	      "RFC 8460 3" },
	[FINDING_RUA_SCHEME] = {
	      "rua_scheme", GROUP_REPORT, WARNING,
	      "TLSRPT address is neither mailto: nor https:",
	      "Reports go by mail or HTTPS only.",
	      "Use \"mailto:\" or \"https:\" in rua.",
	      "RFC 8460 3" },
	[FINDING_RUA_NO_MX] = {
	      "rua_no_mx", GROUP_REPORT, INFO,
	      "TLSRPT mail domain has no MX",
	      "Reports that are mailed there may not arrive.",
	      "Use an address in a domain that receives mail.",
	      "RFC 8460 3" },
	[FINDING_MODE_UNEXPECTED] = {
	      "mode_unexpected", GROUP_EXPECTATION, CRITICAL,
	      "Policy mode is not as expected",
	      "The mode is another one than --expect says.",
	      "Bring the policy to the mode that is meant, or change what "
	      "is expected.",
	      "RFC 8461 5" },
	[FINDING_DANE_PRESENT] = {
	      "dane_present", GROUP_EXTRA, INFO,
	      "DANE TLSA records present",
	      "Mail hosts have TLSA records that DNSSEC secures. Senders "
	      "that know DANE go by them first.",
	      "Nothing needs to be done.",
	      "RFC 8461 2" },
	[FINDING_DNSSEC_SIGNED] = {
	      "dnssec_signed", GROUP_EXTRA, INFO,
	      "MX records secured by DNSSEC",
	      "The MX records of the domain are signed.",
	      "Nothing needs to be done.",
	      "RFC 7672 2" },
};
/* clang-format on */

const char *group_text(enum group group)
{
	return groups[group].name;
}

unsigned group_weight(enum group group)
{
	return groups[group].weight;
}

const char *severity_text(enum severity severity)
{
	static const char *const texts[] = { "info", "unknown", "warning",
		                             "critical" };

	return texts[severity];
}

const struct finding_row *finding_row(enum finding_id id)
{
	return &rows[id];
}

bool finding_by_name(struct slice name, enum finding_id *ret)
{
	for (size_t i = 0; i < FINDINGS; i++) {
		if (!slice_is(name, rows[i].name))
			continue;
		*ret = (enum finding_id)i;
		return true;
	}
	return false;
}
