/* SPDX-License-Identifier: BSD-2-Clause */
/* findings.c - every finding that our tools can report, one table row each.
 *
 * The texts are also in doc/man/mtasts-check.1; test_check_man.c compares. */
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
	      "The domain publishes no MTA-STS record. Most domains do not, "
	      "so nothing is wrong. Senders use TLS when this domain offers "
	      "it, but do not insist on it.",
	      "To set it up, publish a policy at "
	      "https://mta-sts.DOMAIN/.well-known/mta-sts.txt, then a TXT "
	      "record at _mta-sts.DOMAIN. Start in mode testing.",
	      "RFC 8461 3.1" },
	[FINDING_MISSING_RECORD] = {
	      "missing_record", GROUP_RECORD, CRITICAL,
	      "MTA-STS TXT record missing",
	      "Senders look for the TXT record first. Without it they do not "
	      "fetch the policy. Only senders that fetched it earlier still "
	      "apply it, until it expires.",
	      "Publish the TXT record at _mta-sts.DOMAIN.",
	      "RFC 8461 3.1" },
	[FINDING_RECORD_MULTIPLE] = {
	      "record_multiple", GROUP_RECORD, CRITICAL,
	      "More than one MTA-STS TXT record",
	      "If more than one TXT record begins with \"v=STSv1;\", senders "
	      "must assume that the domain has no policy.",
	      "Delete all of these records but one.",
	      "RFC 8461 3.1" },
	[FINDING_RECORD_SYNTAX] = {
	      "record_syntax", GROUP_RECORD, CRITICAL,
	      "MTA-STS TXT record malformed",
	      "Senders ignore a malformed record, so they do not fetch the "
	      "policy.",
	      "Replace the record with a correct one.",
	      "RFC 8461 3.1" },
	[FINDING_ID_INVALID] = {
	      "id_invalid", GROUP_RECORD, CRITICAL,
	      "Policy ID invalid",
	      "The id must be 1 to 32 letters and digits. With any other id, "
	      "senders ignore the whole record.",
	      "Give the record a new id made of letters and digits, such as "
	      "the date and time.",
	      "RFC 8461 3.1" },
	[FINDING_RECORD_UNRELATED] = {
	      "record_unrelated", GROUP_RECORD, INFO,
	      "Other TXT records at _mta-sts",
	      "There are other TXT records at the same name. Senders ignore "
	      "them.",
	      "Remove them if nothing needs them there.",
	      "RFC 8461 3.1" },
	[FINDING_RECORD_WRONG_PLACE] = {
	      "record_wrong_place", GROUP_RECORD, CRITICAL,
	      "MTA-STS TXT record in the wrong place",
	      "The record is at the domain itself. Senders look for it only "
	      "at _mta-sts.DOMAIN.",
	      "Move the record to _mta-sts.DOMAIN.",
	      "RFC 8461 3.1" },
	[FINDING_DNS_ERROR] = {
	      "dns_error", GROUP_RECORD, WARNING,
	      "DNS query failed",
	      "A name server answered with an error, or did not answer. "
	      "Senders that get the same result find no policy, no mail host, "
	      "or no address for their reports.",
	      "Repair the zone or its name servers.",
	      "RFC 8461 3.1" },
	[FINDING_RECORD_INCONSISTENT] = {
	      "record_inconsistent", GROUP_RECORD, WARNING,
	      "Name servers disagree about the TXT record",
	      "The zone's name servers return different TXT records, so "
	      "different senders may see different records.",
	      "Update the zone on all of its name servers.",
	      "RFC 8461 3.1" },
	[FINDING_POLICY_FETCH_FAILED] = {
	      "policy_fetch_failed", GROUP_FETCH, CRITICAL,
	      "Policy file HTTPS unreachable",
	      "Senders that cannot fetch the policy act as if there were "
	      "none, unless they still hold an earlier one.",
	      "Serve the policy at "
	      "https://mta-sts.DOMAIN/.well-known/mta-sts.txt.",
	      "RFC 8461 3.3" },
	[FINDING_HTTP_STATUS] = {
	      "http_status", GROUP_FETCH, CRITICAL,
	      "Policy file not served with status 200",
	      "Senders accept a policy only if it comes with HTTP status 200.",
	      "Make the server answer with status 200 at "
	      "https://mta-sts.DOMAIN/.well-known/mta-sts.txt.",
	      "RFC 8461 3.3" },
	[FINDING_REDIRECT] = {
	      "redirect", GROUP_FETCH, CRITICAL,
	      "Policy file is a redirect",
	      "Senders must not follow redirects when they fetch a policy.",
	      "Serve the policy at "
	      "https://mta-sts.DOMAIN/.well-known/mta-sts.txt itself, without "
	      "a redirect.",
	      "RFC 8461 3.3" },
	[FINDING_BOT_BLOCKED] = {
	      "bot_blocked", GROUP_FETCH, CRITICAL,
	      "Policy host blocks automated clients",
	      "The server refused the request, or sent a challenge page for "
	      "browsers. Mail servers cannot solve challenges, so they get no "
	      "policy.",
	      "Exempt /.well-known/mta-sts.txt from bot protection, access "
	      "rules and challenges.",
	      "RFC 8461 3.3" },
	[FINDING_TOO_LARGE] = {
	      "too_large", GROUP_FETCH, CRITICAL,
	      "Policy file over 64 KiB",
	      "Senders may stop reading after 64 KiB (65,536 bytes) and "
	      "reject a larger policy.",
	      "Make the file smaller: use wildcards, and only the fields that "
	      "RFC 8461 defines.",
	      "RFC 8461 3.3" },
	[FINDING_CONTENT_TYPE] = {
	      "content_type", GROUP_FETCH, CRITICAL,
	      "Policy file not served as text/plain",
	      "The media type should be text/plain. Strict senders ignore a "
	      "policy that has another type or none.",
	      "Serve the file with \"Content-Type: text/plain\".",
	      "RFC 8461 3.2" },
	[FINDING_SLOW] = {
	      "slow", GROUP_FETCH, WARNING,
	      "Policy host is slow",
	      "Some senders stop waiting after only a few seconds, and then "
	      "have no policy.",
	      "Make the policy host faster, or move the file to another host.",
	      "RFC 8461 3.3" },
	[FINDING_HTTP_CLEARTEXT] = {
	      "http_cleartext", GROUP_FETCH, INFO,
	      "Policy file served on port 80 too",
	      "The policy is also available over plain HTTP. Senders never "
	      "fetch it that way, so this does no harm.",
	      "No action is needed.",
	      "RFC 8461 3.3" },
	[FINDING_CERT_INVALID] = {
	      "cert_invalid", GROUP_CERT, CRITICAL,
	      "Policy host certificate invalid",
	      "Senders verify the policy host's certificate, and reject the "
	      "policy if that fails.",
	      "Replace the certificate with a valid one from a widely trusted "
	      "CA.",
	      "RFC 8461 3.3" },
	[FINDING_CERT_EXPIRED] = {
	      "cert_expired", GROUP_CERT, CRITICAL,
	      "Policy host certificate expired",
	      "The certificate has expired or is not valid yet. Senders "
	      "reject the policy.",
	      "Renew the certificate, and find out why it was not renewed "
	      "automatically.",
	      "RFC 8461 3.3" },
	[FINDING_CERT_SAN_MISMATCH] = {
	      "cert_san_mismatch", GROUP_CERT, CRITICAL,
	      "Cert SAN mismatch",
	      "The certificate's subjectAltName does not contain the name of "
	      "the policy host. The common name does not count. Senders "
	      "reject the policy.",
	      "Get a certificate with mta-sts.DOMAIN in its subjectAltName.",
	      "RFC 8461 3.3" },
	[FINDING_CERT_UNTRUSTED] = {
	      "cert_untrusted", GROUP_CERT, CRITICAL,
	      "Policy host certificate not trusted",
	      "The certificate is self-signed, or its chain does not end at a "
	      "widely trusted root. Senders reject the policy.",
	      "Get a certificate from a widely trusted CA.",
	      "RFC 8461 3.3" },
	[FINDING_CERT_CHAIN_INCOMPLETE] = {
	      "cert_chain_incomplete", GROUP_CERT, CRITICAL,
	      "Policy host certificate chain incomplete",
	      "The server does not send the intermediate certificate. Some "
	      "browsers fetch it themselves, but mail servers do not, and "
	      "reject the policy.",
	      "Configure the server to send its certificate followed by the "
	      "intermediate certificates (\"fullchain\").",
	      "RFC 8461 3.3" },
	[FINDING_TLS_OLD] = {
	      "tls_old", GROUP_CERT, CRITICAL,
	      "Policy host does not support TLS 1.2",
	      "Senders require TLS 1.2 or later.",
	      "Enable TLS 1.2 and TLS 1.3.",
	      "RFC 8461 7.2" },
	[FINDING_CERT_EXPIRING] = {
	      "cert_expiring", GROUP_CERT, WARNING,
	      "Policy host certificate expires soon",
	      "Once the certificate has expired, senders reject the policy.",
	      "Renew the certificate, and make sure that it is renewed "
	      "automatically.",
	      "RFC 8461 3.3" },
	[FINDING_VERSION_INVALID] = {
	      "version_invalid", GROUP_SYNTAX, CRITICAL,
	      "Policy version missing or invalid",
	      "Senders ignore a policy without the line \"version: STSv1\".",
	      "Put \"version: STSv1\" on the first line.",
	      "RFC 8461 3.2" },
	[FINDING_MODE_INVALID] = {
	      "mode_invalid", GROUP_SYNTAX, CRITICAL,
	      "Policy mode missing or invalid",
	      "The mode must be enforce, testing or none, in lower case. "
	      "Senders ignore a policy with any other mode.",
	      "Put \"mode: testing\" or \"mode: enforce\" on a line of its "
	      "own.",
	      "RFC 8461 3.2" },
	[FINDING_MAX_AGE_INVALID] = {
	      "max_age_invalid", GROUP_SYNTAX, CRITICAL,
	      "Policy max_age missing or invalid",
	      "max_age must be a number of seconds from 0 to 31557600. "
	      "Senders ignore a policy with any other max_age.",
	      "Put \"max_age: 604800\" on a line of its own.",
	      "RFC 8461 3.2" },
	[FINDING_MX_MISSING] = {
	      "mx_missing", GROUP_SYNTAX, CRITICAL,
	      "Policy lists no MX",
	      "A policy in mode enforce or testing must list the MX hosts.",
	      "Add a line \"mx: HOST\" for each host in the MX records.",
	      "RFC 8461 3.2" },
	[FINDING_MX_INVALID] = {
	      "mx_invalid", GROUP_SYNTAX, CRITICAL,
	      "Policy has an invalid MX pattern",
	      "Some senders ignore an invalid pattern, others reject the "
	      "whole policy.",
	      "Use only letters, digits and hyphens in host names, with at "
	      "most one \"*.\" at the start. Write international names as "
	      "A-labels (xn--...), not as U-labels.",
	      "RFC 8461 3.2" },
	[FINDING_BAD_LINE] = {
	      "bad_line", GROUP_SYNTAX, CRITICAL,
	      "Policy has a malformed line",
	      "Each line must have the form \"key: value\". Some senders "
	      "reject the whole policy because of any other line, even a "
	      "blank one.",
	      "Correct the line or delete it.",
	      "RFC 8461 3.2" },
	[FINDING_DUPLICATE_FIELD] = {
	      "duplicate_field", GROUP_SYNTAX, WARNING,
	      "Policy repeats a field",
	      "If a field other than mx is repeated, senders that follow the "
	      "RFC use only the first one.",
	      "Keep the line that you mean, and delete the others.",
	      "RFC 8461 3.2" },
	[FINDING_UNKNOWN_FIELD] = {
	      "unknown_field", GROUP_SYNTAX, INFO,
	      "Policy has an unknown field",
	      "Senders ignore fields that they do not know.",
	      "Delete the field, unless it is a deliberate extension.",
	      "RFC 8461 3.2" },
	[FINDING_MODE_NONE] = {
	      "mode_none", GROUP_SYNTAX, WARNING,
	      "Policy mode is none",
	      "The domain has opted out: senders act as if it had no policy.",
	      "If this is not intended, change the mode to testing, and later "
	      "to enforce.",
	      "RFC 8461 5" },
	[FINDING_MODE_TESTING] = {
	      "mode_testing", GROUP_SYNTAX, INFO,
	      "Policy mode is testing",
	      "Senders report failures, but deliver anyway: mail is not "
	      "protected yet.",
	      "Change the mode to enforce once the TLS reports show no "
	      "failures.",
	      "RFC 8461 5" },
	[FINDING_PREMATURE_ENFORCE] = {
	      "premature_enforce", GROUP_SYNTAX, WARNING,
	      "Premature enforce mode",
	      "The policy is enforced although TLS reports show failed "
	      "sessions. Senders defer such mail, and return it when they "
	      "give up.",
	      "Go back to mode testing until the reports show no failures.",
	      "RFC 8461 8.3" },
	[FINDING_MAX_AGE_BELOW_DAY] = {
	      "max_age_below_day", GROUP_SYNTAX, WARNING,
	      "Max-age below 86400",
	      "Some large senders are reported to ignore a policy that lasts "
	      "less than a day. A short max_age also helps attackers: if they "
	      "block the policy host, senders soon forget the policy.",
	      "Use 604800 (a week) or more.",
	      "RFC 8461 3.2" },
	[FINDING_MAX_AGE_SHORT] = {
	      "max_age_short", GROUP_SYNTAX, INFO,
	      "Max-age below a week",
	      "The longer senders keep the policy, the longer mail stays "
	      "protected while the policy host cannot be reached.",
	      "Once the policy has proved reliable, raise max_age to 604800 "
	      "(a week) or more.",
	      "RFC 8461 3.2" },
	[FINDING_MX_PARTIAL_MATCH] = {
	      "mx_partial_match", GROUP_MX, ENFORCE,
	      "MX host not covered by the policy",
	      "A host in the MX records matches none of the policy's "
	      "patterns. In mode enforce, senders do not deliver to it.",
	      "Add the host to the policy, then change the id in the TXT "
	      "record.",
	      "RFC 8461 4.1" },
	[FINDING_MX_WILDCARD_MISSING] = {
	      "mx_wildcard_missing", GROUP_MX, ENFORCE,
	      "MX wildcard missing",
	      "The MX hosts belong to a known provider, and the policy lacks "
	      "the pattern that covers them. In mode enforce, senders do not "
	      "deliver to them.",
	      "Add the provider's pattern to the policy, then change the id "
	      "in the TXT record.",
	      "RFC 8461 4.1" },
	[FINDING_MX_UNUSED] = {
	      "mx_unused", GROUP_MX, INFO,
	      "MX pattern without a host",
	      "The pattern matches none of the hosts in the MX records.",
	      "Remove the pattern, unless you plan to move to a host that it "
	      "covers.",
	      "RFC 8461 4.1" },
	[FINDING_MX_TOO_BROAD] = {
	      "mx_too_broad", GROUP_MX, INFO,
	      "MX pattern too broad",
	      "The pattern covers every host directly below the domain. An "
	      "attacker who controls any of them and has a certificate for it "
	      "can receive the domain's mail.",
	      "List the MX hosts by name.",
	      "RFC 8461 10.4" },
	[FINDING_MX_NULL] = {
	      "mx_null", GROUP_MX, INFO,
	      "Domain accepts no mail (null MX)",
	      "The MX record says that the domain accepts no mail, so it does "
	      "not need a policy.",
	      "No action is needed.",
	      "RFC 7505 3" },
	[FINDING_MX_IMPLICIT] = {
	      "mx_implicit", GROUP_MX, INFO,
	      "No MX record",
	      "The domain has no MX record, so mail goes to the address of "
	      "the domain itself. The policy must list the domain as an MX "
	      "host.",
	      "Publish an MX record.",
	      "RFC 5321 5.1" },
	[FINDING_MX_NO_ADDRESS] = {
	      "mx_no_address", GROUP_MX, WARNING,
	      "MX host without an address",
	      "Senders cannot deliver mail to this host.",
	      "Give the host an address that can be reached, or delete the MX "
	      "record.",
	      "RFC 5321 5.1" },
	[FINDING_STARTTLS_MISSING] = {
	      "starttls_missing", GROUP_MX, ENFORCE,
	      "MX host offers no STARTTLS",
	      "Without STARTTLS, senders that obey the policy cannot deliver "
	      "to this host.",
	      "Enable STARTTLS, with a certificate for the host's name.",
	      "RFC 8461 4" },
	[FINDING_MX_TLS_OLD] = {
	      "mx_tls_old", GROUP_MX, ENFORCE,
	      "MX host does not support TLS 1.2",
	      "Senders require TLS 1.2 or later.",
	      "Enable TLS 1.2 and TLS 1.3.",
	      "RFC 8461 7.2" },
	[FINDING_MX_CERT_EXPIRED] = {
	      "mx_cert_expired", GROUP_MX, ENFORCE,
	      "MX certificate expired",
	      "The certificate has expired or is not valid yet. In mode "
	      "enforce, senders do not deliver to this host.",
	      "Renew the certificate, and make the mail server load the new "
	      "one.",
	      "RFC 8461 4.2" },
	[FINDING_MX_CERT_UNTRUSTED] = {
	      "mx_cert_untrusted", GROUP_MX, ENFORCE,
	      "MX certificate not trusted",
	      "The certificate's chain does not end at a widely trusted root. "
	      "In mode enforce, senders do not deliver to this host.",
	      "Get a certificate from a widely trusted CA, and send its "
	      "intermediate certificates.",
	      "RFC 8461 4.2" },
	[FINDING_MX_CERT_SAN] = {
	      "mx_cert_san", GROUP_MX, ENFORCE,
	      "MX certificate for another name",
	      "The certificate's subjectAltName does not contain the name of "
	      "the MX host. In mode enforce, senders do not deliver to this "
	      "host.",
	      "Get a certificate with the MX host's name in its "
	      "subjectAltName.",
	      "RFC 8461 4.2" },
	[FINDING_MX_UNREACHABLE] = {
	      "mx_unreachable", GROUP_MX, UNKNOWN,
	      "MX host cannot be reached from here",
	      "Many networks block outgoing port 25, so the cause may be this "
	      "network and not the host.",
	      "Run the check from a network where outgoing port 25 is open.",
	      "" },
	[FINDING_POLICY_ID_STALE] = {
	      "policy_id_stale", GROUP_CONSISTENCY, CRITICAL,
	      "Stale policy ID",
	      "The policy has changed, but the id has not. Senders that hold "
	      "the old policy do not notice the new one.",
	      "Give the TXT record a new id.",
	      "RFC 8461 3.1" },
	[FINDING_ID_CHANGED_SAME_BODY] = {
	      "id_changed_same_body", GROUP_CONSISTENCY, INFO,
	      "Policy ID changed, policy did not",
	      "The id is new, but the policy is the same. Senders fetch the "
	      "policy once more, which does no harm.",
	      "No action is needed.",
	      "RFC 8461 3.1" },
	[FINDING_BASELINE] = {
	      "baseline", GROUP_CONSISTENCY, INFO,
	      "First run: nothing to compare with yet",
	      "Only a comparison with an earlier run shows whether the policy "
	      "changed without a new id. This run has been recorded.",
	      "Run the check again with the same state file.",
	      "" },
	[FINDING_DELEGATION_SPLIT] = {
	      "delegation_split", GROUP_CONSISTENCY, WARNING,
	      "Only record or only policy host is delegated",
	      "Either the TXT record or the policy host is an alias (CNAME) "
	      "that leads to a provider, but not both. The provider can then "
	      "change the policy without the id, or the id without the policy.",
	      "Delegate both _mta-sts.DOMAIN and mta-sts.DOMAIN to the "
	      "provider, or neither.",
	      "RFC 8461 8.2" },
	[FINDING_TLS_RPT_MISSING] = {
	      "tls_rpt_missing", GROUP_REPORT, WARNING,
	      "TLS reporting (TLSRPT) not configured",
	      "Without a TLSRPT record, senders do not report failures to you.",
	      "Publish a TXT record at _smtp._tls.DOMAIN.",
	      "RFC 8460 3" },
	[FINDING_TLS_RPT_MULTIPLE] = {
	      "tls_rpt_multiple", GROUP_REPORT, WARNING,
	      "More than one TLSRPT record",
	      "If more than one TXT record begins with \"v=TLSRPTv1;\", "
	      "senders must assume that the domain wants no reports.",
	      "Delete all of these records but one.",
	      "RFC 8460 3" },
	[FINDING_TLS_RPT_SYNTAX] = {
	      "tls_rpt_syntax", GROUP_REPORT, WARNING,
	      "TLSRPT record malformed",
	      "Senders ignore a malformed record, so you get no reports.",
	      "Replace the record with a correct one.",
	      "RFC 8460 3" },
	[FINDING_RUA_SCHEME] = {
	      "rua_scheme", GROUP_REPORT, WARNING,
	      "TLSRPT address is neither mailto: nor https:",
	      "Reports can be sent only by mail or HTTPS.",
	      "Use \"mailto:\" or \"https:\" in rua.",
	      "RFC 8460 3" },
	[FINDING_RUA_NO_MX] = {
	      "rua_no_mx", GROUP_REPORT, INFO,
	      "TLSRPT mail domain has no MX",
	      "Reports that are mailed to this domain may not arrive.",
	      "Use an address in a domain that receives mail.",
	      "RFC 8460 3" },
	[FINDING_MODE_UNEXPECTED] = {
	      "mode_unexpected", GROUP_EXPECTATION, CRITICAL,
	      "Policy mode is not as expected",
	      "The policy's mode is not the one given with --expect.",
	      "Change the policy to the intended mode, or change what "
	      "--expect asks for.",
	      "RFC 8461 5" },
	[FINDING_DANE_PRESENT] = {
	      "dane_present", GROUP_EXTRA, INFO,
	      "DANE TLSA records present",
	      "MX hosts have TLSA records that are secured by DNSSEC. Senders "
	      "that support DANE apply it first.",
	      "No action is needed.",
	      "RFC 8461 2" },
	[FINDING_DNSSEC_SIGNED] = {
	      "dnssec_signed", GROUP_EXTRA, INFO,
	      "MX records secured by DNSSEC",
	      "The domain's MX records are signed with DNSSEC.",
	      "No action is needed.",
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
