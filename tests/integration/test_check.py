# SPDX-License-Identifier: BSD-2-Clause
"""mtasts-check: each finding has a row with a set-up that causes it, and a
healthy domain has no findings."""

import json
import os
import re
import time

import pytest

from world import nameserver, webserver
from world.checker import Checks, OTHER_SERVER, Port80
from world.world import policy, record

SOURCE = os.path.join(os.environ.get("srcdir", "."), "src/findings/findings.c")
DAY_S = 86400


@pytest.fixture(scope="module")
def checks():
    the_checks = Checks()
    yield the_checks
    the_checks.close()


# -- causes of findings: each changes a healthy domain ------------------------

def nothing_at_all(d):
    d.no_record()
    d.dns.remove("mta-sts." + d.name, "A")


def record_gone(d):
    d.no_record()


def two_records(d):
    d.record(record("1"), record("2"))


def bad_record(d):
    d.record("v=STSv1; id=1; ;")


def stray_record(d):
    d.record("v=STSv1 id=1")  # no ';': senders do not accept it


def bad_id(d):
    d.record("v=STSv1; id=2024-02-29;")


def other_text(d):
    d.record(record(), "some=thing else")


def at_the_domain(d):
    d.no_record()
    d.dns.txt(d.name, record(), "v=spf1 -all")


def mx_servfail(d):
    d.dns.behave(d.name, nameserver.servfail, "MX")


def tls_rpt_refused(d):
    d.dns.behave("_smtp._tls." + d.name, nameserver.refused, "TXT")


def two_servers(d):
    d.dns.add(d.name, "NS", "ns1.%s." % d.name, "ns2.%s." % d.name)
    d.dns.add("ns2." + d.name, "A", OTHER_SERVER)
    d.checks.other_name_server().txt("_mta-sts." + d.name, record("old"))


def no_host(d):
    d.dns.remove("mta-sts." + d.name, "A")


def not_found(d):
    d.site.status = "404 Not Found"


def moved(d):
    d.site.status = "301 Moved Permanently"
    d.site.headers = [("Location", "https://www.%s/x" % d.name)]


def forbidden(d):
    d.site.status = "403 Forbidden"


def challenged(d):
    d.site.status = "503 Service Unavailable"
    d.site.headers = [("cf-mitigated", "challenge")]


def large(d):
    d.site.body += b"x: " + b"y" * 65536


def html(d):
    d.site.ctype = "text/html; charset=utf-8"


def slowly(d):
    d.site.http = webserver.later(5.3)


def cleartext(d):
    d.checks.others.append(Port80("5.9.0.10", d.site.body))


def cleartext_at_the_second_address(d):
    d.dns.add("mta-sts." + d.name, "A", "5.9.0.10", "5.9.0.12")
    d.checks.others.append(Port80("5.9.0.12", d.site.body))


def cert(kind):
    def set_up(d):
        d.site.cert = kind
    return set_up


def old_tls(d):
    d.site.tls = "1.1"


def text(old, new):
    """The policy's text with OLD replaced by NEW."""
    def set_up(d):
        assert old in d.site.body.decode()
        d.site.body = d.site.body.decode().replace(old, new).encode()
    return set_up


def mode(name, max_age=604800):
    def set_up(d):
        d.publish(mode=name, max_age=max_age)
    return set_up


def failures_reported(d):
    path = d.world.path("report.json")
    with open(path, "w") as file:
        json.dump({"organization-name": "Sender", "policies": [{
            "policy": {"policy-type": "sts", "policy-domain": d.name},
            "summary": {"total-successful-session-count": 5,
                        "total-failure-session-count": 3}}]}, file)
    d.args += ["--reports", path]


def second_mx(d):
    d.mx("mx1", "mx2")


def microsoft(d):
    d.publish(mx=("*.outlook.com",))
    d.mx("example-com.mail.protection.outlook.com")


def unused(d):
    d.publish(mx=("mx1.{domain}", "mx9.{domain}"))


def broad(d):
    d.publish(mx=("*.{domain}",))


def null_mx(d):
    d.publish(mode="testing")
    d.dns.add(d.name, "MX", "0 .")


def implicit_mx(d):
    d.publish(mx=("{domain}",))
    d.dns.remove(d.name, "MX")
    d.mail_host(d.name)


def no_address(d):
    d.dns.remove("mx1." + d.name, "A")


def mail(**how):
    def set_up(d):
        d.mx("mx1", **how)
    return set_up


def stale(d):
    d.args += ["--state", d.world.path("stale.json")]
    d.check()
    d.site.body += b"x: y\n"


def new_id(d):
    d.args += ["--state", d.world.path("new-id.json")]
    d.check()
    d.record(record("2"))


def first_run(d):
    d.args += ["--state", d.world.path("first.json")]


def half_delegated(d):
    d.no_record()
    d.dns.add("_mta-sts." + d.name, "CNAME", "x.provider.test.")
    d.dns.txt("x.provider.test", record())


def no_tls_rpt(d):
    d.dns.remove("_smtp._tls." + d.name, "TXT")


def tls_rpt(*texts):
    def set_up(d):
        d.dns.txt("_smtp._tls." + d.name, *texts)
    return set_up


def authentic(d):
    d.args += ["--resolver", "127.0.0.53"]
    d.dns.add("_25._tcp.mx1." + d.name, "TLSA", "3 1 1 " + "ab" * 32)
    # The root too, or DNSSEC counts as not working.
    for name in ("", "_25._tcp.mx1." + d.name, d.name):
        d.dns.behave(name, nameserver.authentic)


CRITICAL, WARNING, INFO, UNKNOWN = "critical", "warning", "info", "unknown"

CASES = [
    # id, severity, state, what causes it, further arguments
    ("not_configured", INFO, "not_configured", nothing_at_all),
    ("missing_record", CRITICAL, "broken", record_gone),
    ("missing_record", CRITICAL, "broken", nothing_at_all,
     "--expect", "enforce"),
    ("record_multiple", CRITICAL, "broken", two_records),
    ("record_syntax", CRITICAL, "broken", bad_record),
    ("record_syntax", CRITICAL, "broken", stray_record),
    ("id_invalid", CRITICAL, "broken", bad_id),
    ("record_unrelated", INFO, "enforced", other_text),
    ("record_wrong_place", CRITICAL, "broken", at_the_domain),
    ("dns_error", WARNING, "enforced", mx_servfail),
    ("dns_error", WARNING, "enforced", tls_rpt_refused),
    ("record_inconsistent", WARNING, "enforced", two_servers),
    ("policy_fetch_failed", CRITICAL, "broken", no_host),
    ("http_status", CRITICAL, "broken", not_found),
    ("redirect", CRITICAL, "broken", moved),
    ("bot_blocked", CRITICAL, "broken", forbidden),
    ("bot_blocked", CRITICAL, "broken", challenged),
    ("too_large", CRITICAL, "broken", large),
    ("content_type", CRITICAL, "broken", html),
    ("slow", WARNING, "enforced", slowly),
    ("http_cleartext", INFO, "enforced", cleartext),
    ("http_cleartext", INFO, "enforced", cleartext_at_the_second_address),
    ("cert_invalid", CRITICAL, "broken", cert("client-only")),
    ("cert_expired", CRITICAL, "broken", cert("expired")),
    ("cert_expired", CRITICAL, "broken", cert("not-yet-valid")),
    ("cert_san_mismatch", CRITICAL, "broken", cert("other-name")),
    ("cert_san_mismatch", CRITICAL, "broken", cert("cn-only")),
    ("cert_untrusted", CRITICAL, "broken", cert("unknown-ca")),
    ("cert_untrusted", CRITICAL, "broken", cert("self-signed")),
    ("cert_chain_incomplete", CRITICAL, "broken", cert("no-intermediate-aia")),
    ("tls_old", CRITICAL, "broken", old_tls),
    ("cert_expiring", WARNING, "enforced", cert("expires-in-10-days")),
    ("cert_expiring", CRITICAL, "enforced", cert("expires-in-2-days")),
    ("version_invalid", CRITICAL, "broken", text("STSv1", "STSv2")),
    ("version_invalid", CRITICAL, "broken", text("version: STSv1\n", "")),
    ("mode_invalid", CRITICAL, "broken", text("enforce", "Enforce")),
    ("max_age_invalid", CRITICAL, "broken", text("604800", "31557601")),
    ("mx_missing", CRITICAL, "broken", text("mx: ", "mx1: ")),
    ("mx_invalid", CRITICAL, "broken", text("mx: ", "mx: b\u00fccher.test\nmx: ")),
    ("bad_line", CRITICAL, "broken", text("mode:", "mode :")),
    ("bad_line", CRITICAL, "broken", text("mode:", "\nmode:")),
    ("duplicate_field", WARNING, "enforced",
     text("mode:", "x: 1\nx: 2\nmode:")),
    ("unknown_field", INFO, "enforced", text("mode:", "x: 1\nmode:")),
    ("mode_none", WARNING, "opted_out", mode("none")),
    ("mode_none", INFO, "opted_out", mode("none"), "--expect", "none"),
    ("mode_testing", INFO, "testing", mode("testing")),
    ("premature_enforce", WARNING, "enforced", failures_reported),
    ("max_age_below_day", WARNING, "enforced", mode("enforce", 86399)),
    ("max_age_short", INFO, "enforced", mode("enforce", 86400)),
    ("mx_partial_match", CRITICAL, "broken", second_mx),
    ("mx_wildcard_missing", CRITICAL, "broken", microsoft),
    ("mx_unused", INFO, "enforced", unused),
    ("mx_too_broad", INFO, "enforced", broad),
    ("mx_null", INFO, "testing", null_mx),
    ("mx_implicit", INFO, "enforced", implicit_mx),
    ("mx_no_address", WARNING, "enforced", no_address),
    ("starttls_missing", CRITICAL, "broken", mail(cert=None)),
    ("starttls_missing", CRITICAL, "broken", mail(ehlo=False)),
    ("mx_tls_old", CRITICAL, "broken", mail(tls="1.1")),
    ("mx_cert_expired", CRITICAL, "broken", mail(cert="expired")),
    ("mx_cert_untrusted", CRITICAL, "broken", mail(cert="self-signed")),
    ("mx_cert_untrusted", CRITICAL, "broken", mail(cert="no-intermediate")),
    ("mx_cert_san", CRITICAL, "broken", mail(cert="other-name")),
    ("mx_unreachable", UNKNOWN, "enforced", mail(receiver=False)),
    ("policy_id_stale", CRITICAL, "enforced", stale),
    ("id_changed_same_body", INFO, "enforced", new_id),
    ("baseline", INFO, "enforced", first_run),
    ("delegation_split", WARNING, "enforced", half_delegated),
    ("tls_rpt_missing", WARNING, "enforced", no_tls_rpt),
    ("tls_rpt_multiple", WARNING, "enforced",
     tls_rpt("v=TLSRPTv1; rua=mailto:a@b.test", "v=TLSRPTv1;rua=mailto:c@b.test")),
    ("tls_rpt_syntax", WARNING, "enforced", tls_rpt("v=TLSRPTv1; rua=a@b.test")),
    ("rua_scheme", WARNING, "enforced", tls_rpt("v=TLSRPTv1; rua=ftp://b.test/")),
    ("rua_no_mx", INFO, "enforced",
     tls_rpt("v=TLSRPTv1; rua=mailto:a@nowhere.test")),
    ("mode_unexpected", CRITICAL, "testing", mode("testing"),
     "--expect", "enforce"),
    ("dane_present", INFO, "enforced", authentic),
    ("dnssec_signed", INFO, "enforced", authentic),
]

# Other findings that have the same cause.
COMPANIONS = {
    "missing_record": {"policy_fetch_failed"}, "mx_missing": {"unknown_field"},
    "mx_implicit": {"rua_no_mx"},
    "bad_line": {"mode_invalid"}, "mx_wildcard_missing": {"mx_unused"},
    "mx_null": {"mode_testing"}, "mode_unexpected": {"mode_testing"},
    "dane_present": {"dnssec_signed"}, "dnssec_signed": {"dane_present"},
    "policy_id_stale": {"unknown_field"}, "duplicate_field": {"unknown_field"},
}
EXITS = {CRITICAL: 2, WARNING: 1, INFO: 0, UNKNOWN: 0}


def all_ids():
    with open(SOURCE) as file:
        return set(re.findall(r'"([a-z_]+)", GROUP_', file.read()))


def test_every_id_has_a_row():
    assert all_ids() == {case[0] for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=lambda case: "%s-%s-%s" % (
    case[0], case[1], case[3].__name__))
def test_finding(checks, case):
    id, severity, state, cause, *args = case
    d = checks.domain("d%d.test" % CASES.index(case))
    cause(d)
    try:
        report = d.check(*args)
    finally:
        for other in checks.others:
            other.stop()
        checks.others.clear()
    finding = report.finding(id)
    assert finding["severity"] == severity
    assert finding["detail"] and finding["fix"] and finding["title"]
    assert "DOMAIN" not in finding["fix"]
    assert report["state"] == state
    assert report["exit_status"] == EXITS[severity]
    others = set(report.ids) - {id}
    assert others <= COMPANIONS.get(id, set()), report["findings"]


# Findings that go away when the suggested record and policy are published.
SUGGESTED = [case for case in CASES if case[0] in (
    "record_multiple", "record_syntax", "id_invalid", "record_wrong_place",
    "version_invalid", "mode_invalid", "max_age_invalid", "mx_missing",
    "mx_invalid", "bad_line", "mx_partial_match", "mx_wildcard_missing",
    "policy_id_stale", "tls_rpt_missing", "tls_rpt_syntax")]


@pytest.mark.parametrize("case", SUGGESTED, ids=lambda case: "%s-%s" % (
    case[0], case[3].__name__))
def test_suggestions_fix_the_finding(checks, case):
    id, _, _, cause, *args = case
    d = checks.domain("suggested%d.test" % SUGGESTED.index(case))
    cause(d)
    report = d.check(*args)
    fix = report.finding(id)["fix"]
    if report["suggested_policy"]:
        d.site.body = report["suggested_policy"].encode()
    records = re.findall(r'^(\S+)\. IN TXT "([^"]*)"$',
                         report["suggested_record"] or fix, re.MULTILINE)
    assert records
    for name, text in records:
        d.dns.txt(name, text)
    report = d.check(*args)
    assert id not in report.ids
    assert report["state"] in ("enforced", "testing")
    assert CRITICAL not in [one["severity"] for one in report["findings"]]


@pytest.mark.parametrize("mode", ["enforce", "testing"])
def test_healthy_domain_is_silent(checks, mode):
    d = checks.domain("healthy-%s.test" % mode)
    d.publish(mode=mode)
    d.mx("mx1", v6=mode == "enforce")
    report = d.check("--expect", mode)
    assert report.ids == ([] if mode == "enforce" else ["mode_testing"])
    assert report["state"] == {"enforce": "enforced"}.get(mode, mode)
    assert report["score"] == (100 if mode == "enforce" else 89)
    assert report["exit_status"] == 0
    assert [row["matched"] for row in report["mx"]] == [True]
    assert {a["reach"] for a in report["mx"][0]["addresses"]} == {"tls"}


def test_another_page_at_port_80_is_not_a_policy(checks):
    d = checks.domain("page80.test")
    page = Port80("5.9.0.10", b"<html>Hello</html>")
    try:
        report = d.check()
    finally:
        page.stop()
    assert page.calls == 1
    assert report.ids == []


# -- severities that depend on the mode ----------------------------------------

@pytest.mark.parametrize("mode, severity, exit_status", [
    ("enforce", "critical", 2), ("testing", "warning", 1)])
@pytest.mark.parametrize("cause, id", [
    (second_mx, "mx_partial_match"), (mail(cert=None), "starttls_missing"),
    (mail(cert="expired"), "mx_cert_expired"),
    (mail(tls="1.1"), "mx_tls_old")])
def test_severity_is_lower_in_testing(checks, mode, severity, exit_status, cause, id):
    d = checks.domain("%s-%s.test" % (id.replace("_", "-"), mode))
    d.publish(mode=mode)
    cause(d)
    report = d.check()
    assert report.finding(id)["severity"] == severity
    assert report["state"] == ("broken" if mode == "enforce" else "testing")
    assert report["exit_status"] == exit_status


def test_testing_for_long_is_a_warning(checks):
    d = checks.domain("long.test")
    d.publish(mode="testing")
    path = checks.world.path("long.json")
    args = ["--state", path]
    assert d.check(*args).finding("mode_testing")["severity"] == "info"
    with open(path) as file:
        state = json.load(file)
    entry = state["domains"][d.name]
    assert abs(entry["mode_since_s"] - time.time()) < 3600
    entry["mode_since_s"] -= 91 * DAY_S
    with open(path, "w") as file:
        json.dump(state, file)
    assert d.check(*args).finding("mode_testing")["severity"] == "warning"


# -- unknown, not configured ---------------------------------------------------

def test_record_cannot_be_looked_up(checks):
    d = checks.domain("dark.test")
    d.dns.behave("_mta-sts." + d.name, nameserver.servfail)
    report = d.check()
    assert report["state"] == "unknown"
    assert report.ids == ["dns_error"]
    assert report["exit_status"] == 3 and report["score"] is None


def test_not_configured_is_neutral(checks):
    """No other finding is shown, whatever else is wrong."""
    d = checks.domain("plain.test")
    d.no_record()
    d.site.status = "200 OK"
    d.site.body, d.site.ctype = b"<p>welcome", "text/html"
    no_tls_rpt(d)
    d.mx("mx1", cert="expired")
    report = d.check()
    assert report.ids == ["not_configured"]
    assert report["exit_status"] == 0 and report["score"] is None
    assert "id=" in report["suggested_record"]
    assert "mode: testing\nmx: mx1.plain.test\n" in report["suggested_policy"]


def test_mode_none_needs_no_pattern(checks):
    """And no host is marked as not covered."""
    d = checks.domain("none-bare.test")
    d.site.body = b"version: STSv1\nmode: none\nmax_age: 86400\n"
    report = d.check("--expect", "none")
    assert report.ids == ["mode_none"] and report["exit_status"] == 0
    assert report["mx"][0]["matched"] is None
    _, out, _ = checks.run(d.name)
    assert "no pattern" not in out and "\u2717" not in out


# -- drift -----------------------------------------------------------------------

def test_stale_until_the_id_changes(checks):
    d = checks.domain("stale-life.test")
    args = ["--state", checks.world.path("life.json")]
    assert d.check(*args).ids == ["baseline"]
    assert d.check(*args).ids == []
    body = d.site.body
    d.site.body = body.replace(b"604800", b"604801")
    for _ in range(2):
        assert d.check(*args).ids == ["policy_id_stale"]
    d.site.status = "500 Oops"  # an outage is not a new baseline
    assert "policy_id_stale" not in d.check(*args).ids
    d.site.status = "200 OK"
    assert d.check(*args).ids == ["policy_id_stale"]
    d.record(record("2"))
    assert d.check(*args).ids == []
    d.record(record("3"))
    assert d.check(*args).ids == ["id_changed_same_body"]


def test_policy_text_is_reported_as_served(checks):
    d = checks.domain("text.test")
    d.site.body = policy(mx=["mx1.text.test"], max_age=604800,
                         eol="\r\n").encode()
    report = d.check()
    assert report.ids == []
    assert report["policy"]["text"] == d.site.body.decode()
    assert report["policy"]["mx"] == ["mx1.text.test"]


def test_certificates_are_shown_even_if_bad(checks):
    d = checks.domain("shown.test")
    d.site.cert = "expired"
    d.mx("mx1", cert="other-name")
    report = d.check()
    assert report["policy"] is None
    leaf, issuer = report["policy_host"]["tls"]["certificates"]
    assert leaf["names"] == ["mta-sts.shown.test"]
    assert issuer["subject"] == "CN = Test Intermediate"
    assert leaf["not_after_s"] < report["time_s"]
    tls = report["mx"][0]["addresses"][0]["tls"]
    assert tls["version"] == "TLSv1.3"
    assert tls["certificates"][0]["names"] == ["www.shown.test"]
    assert re.fullmatch("[0-9a-f]{64}", tls["certificates"][0]["sha256"])
