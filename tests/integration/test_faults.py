# SPDX-License-Identifier: BSD-2-Clause
"""Everything that can go wrong between a domain and its policy, one at a time.

Each row breaks one thing in an otherwise good domain, then checks:
* The answer is "NOTFOUND " (RFC 8461 3.3: as if there were no MTA-STS), and
  mtasts-ctl explain says why.
* Asking again causes no traffic, because the absence is cached.
* After the fault is repaired and the cache entry flushed, the answer is the
  policy. So only this fault prevented it.
WORKS lists cases that look odd but must be accepted.
"""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from world import nameserver as ns
from world import webserver as web
from world.daemon import Daemon
from world.world import policy, record

GOOD = "OK secure match=mx1.{0} servername=hostname"
MAX = 64 * 1024
BLACK_HOLE = "5.9.0.97"  # SYNs get no answer there


class Row:
    """One fault. REASON is what explain must say, CONNECTS whether the daemon
    connects to the policy host, REQUESTS how many requests the host may get."""

    def __init__(self, name, reason="", dns=None, rtype=None, host_dns=None,
                 records=None, zone=None, connects=True, requests=0, **site):
        self.name, self.reason = name, reason
        self.domain = name + ".fault.example"
        self.dns = dns            # behaviour of the record's name
        self.host_dns = host_dns  # behaviour of the policy host's name
        self.records = records    # TXT texts
        self.zone = zone          # zone(nameserver, domain): anything else
        self.connects, self.requests = connects, requests
        self.site = site

    def break_it(self, world):
        self.mend_it(world)
        site = dict(self.site)
        if callable(site.get("text")):
            site["text"] = site["text"](self.domain)
        world.domain(self.domain, records=self.records, **site)
        world.dns.behave("_mta-sts." + self.domain, self.dns)
        world.dns.behave("mta-sts." + self.domain, self.host_dns)
        if self.zone:
            self.zone(world.dns, self.domain)

    def mend_it(self, world):
        for name in ("_mta-sts.", "mta-sts."):
            world.dns.behave(name + self.domain, None)
            for rtype in ("TXT", "A", "AAAA", "CNAME"):
                world.dns.remove(name + self.domain, rtype)
        world.domain(self.domain)


def dns_row(name, reason, **how):
    return Row("dns-" + name, reason, connects=False, **how)


def address_row(name, reason, **how):
    return Row("address-" + name, reason, connects=False, **how)


def cert_row(kind, reason):
    return Row("cert-" + kind, reason, cert=kind)


def tls_row(name, reason, **how):
    return Row("tls-" + name, reason, **how)


def http_row(name, reason, **how):
    return Row("http-" + name, reason, requests=1, **how)


def policy_row(name, reason, text):
    return Row("policy-" + name, reason, requests=1, text=text)


def no_txt(server, domain):
    server.remove("_mta-sts." + domain, "TXT")


def cname_loop(server, domain):
    no_txt(server, domain)
    server.add("_mta-sts." + domain, "CNAME", "loop.%s." % domain)
    server.add("loop." + domain, "CNAME", "_mta-sts.%s." % domain)


def cname_nowhere(server, domain):
    no_txt(server, domain)
    server.add("_mta-sts." + domain, "CNAME", "nowhere.invalid.")


def no_address(server, domain):
    server.remove("mta-sts." + domain, "A")


def no_address_but_name(server, domain):
    server.add("mta-sts." + domain, "TXT", '"here I am"')
    no_address(server, domain)


def addresses(*those):
    def zone(server, domain):
        no_address(server, domain)
        for rtype, colon in (("A", False), ("AAAA", True)):
            some = [a for a in those if (":" in a) == colon]
            if some:
                server.add("mta-sts." + domain, rtype, *some)
    return zone


def changed(old, new):
    """Makes the good policy, with OLD replaced by NEW."""
    def text(domain):
        good = policy(domain=domain)
        assert old in good
        return good.replace(old, new)
    return text


def padded(size):
    """A good policy of SIZE bytes."""
    def text(domain):
        good = policy(domain=domain)
        lines = []
        left = size - len(good)
        while left > 200:
            lines.append("x: " + "y" * 96 + "\n")
            left -= 100
        lines.append("x: " + "y" * (left - 4) + "\n")
        return good + "".join(lines)
    return text


# The look-up times out before any other reason is known.
LATE = r"tim(ed?|e) ?-?out|no answer|in time"

FAULTS = [
    # 3.1, and what DNS may do to it
    dns_row("nxdomain", "no .*record|not exist|NXDOMAIN", zone=no_txt),
    dns_row("no-soa", "no .*record|not exist|NXDOMAIN", zone=no_txt,
            dns=ns.no_soa),
    dns_row("other-texts", "no.*record",
            records=["v=spf1 -all", "google-site-verification=x"]),
    dns_row("two-records", "several|more than one|2 ",
            records=[record("1"), record("2")]),
    dns_row("same-twice", "several|more than one|2 ",
            records=["v=STSv1; id=1;", "v=STSv1;id=1"]),
    dns_row("no-id", "id", records=["v=STSv1; it=1;"]),
    dns_row("bad-id", "id", records=["v=STSv1; id=2026-01-01;"]),
    dns_row("long-id", "id", records=["v=STSv1; id=%s;" % ("1" * 33)]),
    dns_row("upper-version", "no.*record", records=["V=STSv1; id=1;"]),
    dns_row("servfail", "SERVFAIL", dns=ns.servfail),
    dns_row("refused", "REFUSED", dns=ns.refused),
    dns_row("silent", LATE, dns=ns.silent),
    dns_row("garbage", "", dns=ns.garbage),
    dns_row("cut-short", "", dns=ns.cut_short),
    dns_row("wrong-id", "", dns=ns.wrong_id),
    dns_row("truncated-no-tcp", "", dns=ns.truncate_silent_tcp),
    dns_row("cname-loop", "", zone=cname_loop),
    dns_row("cname-nowhere", "no .*record|not exist|NXDOMAIN",
            zone=cname_nowhere),
    # the policy host's addresses
    address_row("nxdomain", "no address|not exist|NXDOMAIN", zone=no_address),
    address_row("nodata", "no address", zone=no_address_but_name),
    address_row("servfail", "SERVFAIL", host_dns=ns.servfail),
    address_row("silent", LATE, host_dns=ns.silent),
    address_row("loopback", "127.0.0.1", zone=addresses("127.0.0.1")),
    address_row("loopback6", "::1", zone=addresses("::1")),
    address_row("private", "10.0.0.1|192.168.1.1",
                zone=addresses("10.0.0.1", "192.168.1.1")),
    address_row("documentation", "198.51.100.10",
                zone=addresses("198.51.100.10")),
    address_row("mapped", "127.0.0.1", zone=addresses("::ffff:127.0.0.1")),
    Row("address-closed", "connect|refused", connects=False,
        zone=addresses("5.9.0.99")),
    Row("address-black-hole", LATE + "|connect", connects=False,
        zone=addresses(BLACK_HOLE)),
    # 3.3: "an X.509 certificate that is valid for the mta-sts DNS-ID"
    cert_row("expired", "expired"),
    cert_row("not-yet-valid", "not (yet )?valid"),
    cert_row("other-name", r"is for www\..*, not mta-sts\."),
    cert_row("parent-name", r"is for cert-parent.*, not mta-sts\."),
    cert_row("cn-only", "certificate.*name"),
    cert_row("cn-other-san", r"is for www\..*, not mta-sts\."),
    cert_row("cn-mail-san", "certificate.*name"),
    cert_row("ip-san", "certificate.*name"),
    cert_row("partial-wildcard", r"is for mta-st\*\..*, not mta-sts\."),
    cert_row("wildcard-too-high", r"is for \*\.fault.*, not mta-sts\."),
    cert_row("wildcard-inside", r"is for mta-sts\.\*.*, not mta-sts\."),
    cert_row("wildcard-alone", r"is for \*, not mta-sts\."),
    cert_row("self-signed", "self.signed"),
    cert_row("unknown-ca", "trust|issuer|self.signed"),
    cert_row("no-intermediate", "issuer|chain|trust"),
    cert_row("name-constraints", "permitted|constraint|certificate"),
    cert_row("leaf-as-ca", "CA|certificate"),
    cert_row("client-only", "purpose|certificate"),
    # the hand-shake
    tls_row("1.1", "TLS|protocol|version|alert", tls="1.1"),
    tls_row("silent", LATE, raw=web.silent),
    tls_row("closed", "TLS|SSL|clos|cut", raw=web.close_after_hello),
    tls_row("reset", "TLS|SSL|reset|cut", raw=web.reset),
    tls_row("garbage", "TLS|SSL", raw=web.garbage_tls),
    tls_row("plain-http", "TLS|SSL", raw=web.plain_http),
    # 3.3: 200 and nothing else, text/plain, 64 KiB, in time
    *[http_row("status-%d" % code, str(code), status="%d Odd" % code)
      for code in (201, 202, 203, 204, 206, 304, 400, 401, 403, 404, 407,
                   410, 418, 429, 500, 502, 503, 599)],
    *[http_row("redirect-%d" % code, "redirect", status="%d Moved" % code,
               headers=[("Location", "https://mta-sts.http-redirect-%d."
                         "fault.example/other.txt" % code)])
      for code in (301, 302, 303, 307, 308)],
    http_row("no-type", "type", ctype=None),
    http_row("html", "type|text/html", ctype="text/html"),
    http_row("octets", "type", ctype="application/octet-stream"),
    http_row("plainer", "type", ctype="text/plainer"),
    http_row("text", "type", ctype="text"),
    http_row("empty-type", "type", ctype=""),
    http_row("type-parameter", "type", ctype="text/html; x=text/plain"),
    http_row("no-answer", LATE, http=web.no_answer),
    http_row("closed", "", http=web.close_without_answer),
    http_row("garbage", "", http=web.garbage_http),
    http_row("0.9", "", http=web.http_09),
    http_row("slow-head", LATE, http=web.slow_head),
    http_row("slow-body", LATE, http=web.slow_body),
    http_row("cut-off", "cut|clos|partial", http=web.cut_off),
    http_row("cut-chunk", "cut|clos|partial", http=web.cut_chunk),
    # RFC 9112 8: without a length the end of the connection is the end, but
    # "an "incomplete close" in TLS would leave the response incomplete".
    http_row("until-cut", "cut", http=web.until_cut),
    http_row("until-reset", "cut", http=web.until_reset),
    http_row("gzip", "", http=web.gzipped),
    http_row("65537-bytes", "64|65536|large|long|size|more than",
             text=padded(MAX + 1)),
    # No Content-Length reveals the size in advance.
    http_row("65537-until-close", "64|65536|large|long|size|more than",
             text=padded(MAX + 1), http=web.until_close),
    http_row("65537-chunked", "64|65536|large|long|size|more than",
             text=padded(MAX + 1), http=web.chunked),
    http_row("endless-body", "64|65536|large|long|size|more than",
             http=web.endless_body),
    http_row("endless-head", "", http=web.endless_head),
    http_row("endless-100", "", http=web.endless_100),
    # 3.2
    policy_row("empty", "", lambda _: ""),
    policy_row("html", "", lambda _: "<!DOCTYPE html>\n<html></html>\n"),
    policy_row("version-2", "version", changed("STSv1", "STSv2")),
    policy_row("no-version", "version", changed("version: STSv1\n", "")),
    policy_row("no-mode", "mode", changed("mode: enforce\n", "")),
    policy_row("bad-mode", "mode", changed("enforce", "strict")),
    policy_row("no-max-age", "max_age", changed("max_age: 86400\n", "")),
    policy_row("big-max-age", "max_age", changed("86400", "31557601")),
    policy_row("nul", "", changed("86400", "86400\0")),
    policy_row("no-mx", "mx", lambda d: policy(domain=d, mx=())),
    policy_row("bad-mx", "mx", lambda d: policy(domain=d, mx=("*.*.x", "a b",
                                                              "hostname"))),
]

WORKS = [
    Row("works-plain"),
    # DNS
    Row("works-strings", records=[["v=STS", "v1; i", "", "d=1", ";"]]),
    Row("works-others", records=["v=spf1 -all", record(), "v=STSv10; id=2;"]),
    Row("works-truncated", dns=ns.truncate),
    Row("works-many-texts",
        records=["text %d " % i + "x" * 400 for i in range(100)] + [record()]),
    Row("works-delay", dns=ns.delay(0.3)),
    Row("works-lost-packet", dns=lambda ask, drop=ns.drop(1): drop(ask)),
    Row("works-no-edns", dns=ns.formerr_edns),
    Row("works-cname", zone=lambda server, domain: (
        no_txt(server, domain),
        server.add("_mta-sts." + domain, "CNAME", "one.%s." % domain),
        server.add("one." + domain, "CNAME", "two.%s." % domain),
        server.txt("two." + domain, record()))),
    Row("works-host-cname", zone=lambda server, domain: (
        no_address(server, domain),
        server.add("mta-sts." + domain, "CNAME", "hosting.%s." % domain),
        server.add("hosting." + domain, "A", "5.9.0.10"))),
    Row("works-aaaa-servfail", zone=lambda server, domain: server.behave(
        "mta-sts." + domain, ns.servfail, "AAAA")),
    # addresses
    Row("works-ipv6", zone=addresses("2a01:4f8::10")),
    Row("works-dead-address", zone=addresses("5.9.0.98", "5.9.0.99",
                                             "5.9.0.10")),
    Row("works-dead-ipv6", zone=addresses("2a01:4f8::11", "5.9.0.10")),
    Row("works-dead-ipv4", zone=addresses("5.9.0.98", "2a01:4f8::10")),
    Row("works-black-hole-ipv4", zone=addresses(BLACK_HOLE, "2a01:4f8::10")),
    Row("works-one-private", zone=addresses("10.0.0.1", "5.9.0.10")),
    # certificates
    Row("works-wildcard", cert="wildcard"),
    Row("works-many-names", cert="many-names"),
    Row("works-upper-case", cert="upper-case"),
    Row("works-tls-1.2", tls="1.2"),
    Row("works-tls-1.3", tls="1.3"),
    # HTTP
    Row("works-charset", ctype="text/plain; charset=utf-8"),
    Row("works-type-case", ctype="TEXT/Plain"),
    Row("works-type-odd", ctype='text/plain ;x="a;b" ; format=flowed'),
    Row("works-chunked", http=web.chunked),
    Row("works-until-close", http=web.until_close),
    Row("works-early-hints", http=web.hints_first),
    Row("works-late", http=web.later(0.5)),
    Row("works-65536-bytes", text=padded(MAX)),
    Row("works-65536-until-close", text=padded(MAX), http=web.until_close),
    Row("works-65536-chunked", text=padded(MAX), http=web.chunked),
    Row("works-crlf", text=lambda d: policy(domain=d, eol="\r\n")),
    Row("works-cookies", headers=[("Set-Cookie", "a=b"),
                                  ("WWW-Authenticate", "Basic realm=x"),
                                  ("Strict-Transport-Security", "max-age=9")]),
]


class Outcome:
    """The results of a row; play() fills them in."""


def counts(world, row):
    site = world.site(row.domain)
    return (world.txt_count(row.domain), site.connections,
            len(site.requests))


def play(world, daemon, row):
    """Asks all the questions of a row."""
    got = Outcome()
    row.break_it(world)
    got.answer = daemon.ask(row.domain)
    got.counts = counts(world, row)
    got.again = daemon.ask(row.domain)
    got.counts_again = counts(world, row)
    got.requests = list(world.site(row.domain).requests)
    got.explained = daemon.ctl("explain", row.domain, status=None)
    row.mend_it(world)
    daemon.flush(row.domain)
    got.repaired = daemon.ask(row.domain)
    return got


@pytest.fixture(scope="module")
def outcomes(request, world):
    """Plays all selected rows, several at once, since most of them only wait."""
    # Two tests may use the same row.
    rows = {item.callspec.params["row"] for item in request.session.items}
    faulty = Daemon(world, "faults", lookup={"timeout": "30s"},
                    fetch={"timeout": "5s"})
    with faulty.start() as daemon, web.BlackHole(BLACK_HOLE):
        with ThreadPoolExecutor(8) as pool:
            jobs = {row.name: pool.submit(play, world, daemon, row)
                    for row in sorted(rows, key=lambda row: row.name)}
            for job in jobs.values():
                job.exception()
        yield jobs


def case(rows):
    return pytest.mark.parametrize("row", rows, ids=lambda row: row.name)


@case(FAULTS)
def test_fault_means_no_policy(row, outcomes):
    got = outcomes[row.name].result()
    assert got.answer == "NOTFOUND "
    txt, connections, requests = got.counts
    assert txt >= 1
    assert (connections > 0) == row.connects
    assert requests == row.requests
    # The absence is cached: there is no further traffic.
    assert got.again == "NOTFOUND "
    assert got.counts_again == got.counts
    # explain gives the reason.
    assert re.search(row.reason, got.explained["reason"], re.IGNORECASE)
    assert got.explained["answer"].startswith("NOTFOUND")
    assert got.repaired == GOOD.format(row.domain)


@case(WORKS)
def test_odd_but_valid_is_accepted(row, outcomes):
    got = outcomes[row.name].result()
    assert got.answer == GOOD.format(row.domain)
    assert got.again == got.answer
    assert got.counts_again == got.counts
    assert len(got.requests) == 1
    assert got.repaired == got.answer


@case(WORKS)
def test_request_does_not_identify_the_sender(row, outcomes):
    """RFC 8461 3.3: exactly this URL and SNI, and no header that identifies the
    sender."""
    host = "mta-sts." + row.domain
    request, = outcomes[row.name].result().requests
    headers = dict(request.headers)
    assert len(headers) == len(request.headers)
    assert request.line == "GET /.well-known/mta-sts.txt HTTP/1.1"
    assert request.sni == headers["host"] == host
    assert request.tls in ("TLSv1.2", "TLSv1.3")
    assert not {"cookie", "authorization", "referer", "if-none-match",
                "if-modified-since", "accept-encoding"} & set(headers)
