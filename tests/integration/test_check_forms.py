# SPDX-License-Identifier: BSD-2-Clause
"""mtasts-check's output formats besides text: HTML, the line for monitoring, and
JSON with its schema; and the verbs lint and explain."""

import html.parser
import json
import re

import jsonschema
import pytest

from world import nameserver
from world.checker import Checks
from world.world import record

EVIL = ("\x1b]0;owned\x07\x1b[2J\x9b31m\u202e\x00<script>alert(1)</script>"
        "<img src=x onerror=y>\"'&|")
# what no format may print
ACTS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


@pytest.fixture(scope="module")
def checks():
    the_checks = Checks()
    yield the_checks
    the_checks.close()


class Page(html.parser.HTMLParser):
    """What a browser would see: elements, attributes, text."""

    VOID = {"meta", "link", "img", "br", "hr", "input"}

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.open, self.text = [], [], ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def page_of(checks, *args):
    _, out, err = checks.run("--html", *args)
    assert err == "" and not ACTS.search(out.replace("\r", ""))
    return Page(out)


def allowed(tag, attrs):
    """No scripts and nothing loaded from elsewhere; links are fine."""
    if tag in ("script", "img", "iframe", "object", "link", "form"):
        return False
    if any(name.startswith("on") or name == "src" for name in attrs):
        return False
    href = attrs.get("href", "https://www.rfc-editor.org/rfc/")
    return href.startswith("https://www.rfc-editor.org/rfc/rfc") or \
        tag != "a"


# -- HTML --------------------------------------------------------------------

def test_page(checks):
    d = checks.domain("page.test")
    d.mx("mx1", "mx2")
    page = page_of(checks, d.name)
    assert all(allowed(*one) for one in page.elements)
    for part in ("page.test", "broken", "Score 49 of 100", "mx1.page.test",
                 "\u2713 covered", "\u2717 no pattern", "mx_partial_match",
                 "mx: mx2.page.test", "RFC 8461 4.1", "critical"):
        assert part in page.text, part
    csp = [attrs["content"] for tag, attrs in page.elements
           if attrs.get("http-equiv") == "Content-Security-Policy"]
    assert csp == ["default-src 'none';style-src 'unsafe-inline'"]


def test_page_of_several_domains(checks):
    d = checks.domain("several.test")
    page = page_of(checks, d.name, "absent.test")
    assert [tag for tag, _ in page.elements].count("article") == 2
    assert [tag for tag, _ in page.elements].count("html") == 1
    assert "enforced" in page.text and "not configured" in page.text


def test_page_without_mta_sts_is_neutral(checks):
    page = page_of(checks, "absent2.test")
    assert not {"bad", "warn"} & {
        word for _, attrs in page.elements
        for word in (attrs.get("class") or "").split()}


# -- monitoring ------------------------------------------------------------------

NAGIOS = re.compile(
    r"MTASTS (OK|WARNING|CRITICAL|UNKNOWN): [^|]+ \| "
    r"(score=(\d+|U);;;0;100 time=\d+\.\d{3}s;;;0|domains=\d+;;;0 "
    r"critical=\d+;;;0 warning=\d+;;;0 unknown=\d+;;;0)")


def two_ids(d):
    d.record(record("1"), record("2"))


def no_tls_rpt(d):
    d.dns.remove("_smtp._tls." + d.name, "TXT")


def no_dns(d):
    d.dns.behave("_mta-sts." + d.name, nameserver.servfail, "TXT")


@pytest.mark.parametrize("provoke, status, word, part", [
    (lambda d: None, 0, "OK", "enforced, score 100"),
    (no_tls_rpt, 1, "WARNING", "[tls_rpt_missing]"),
    (two_ids, 2, "CRITICAL", "[record_multiple]"),
    (no_dns, 3, "UNKNOWN", "unknown"),
])
def test_nagios(checks, provoke, status, word, part):
    d = checks.domain("nagios%d.test" % status)
    provoke(d)
    got, out, _ = checks.run("--nagios", d.name)
    assert got == status and out.count("\n") == 1
    assert NAGIOS.fullmatch(out.strip()).group(1) == word
    assert part in out and d.name in out


def test_nagios_with_several_domains(checks):
    good, bad = checks.domain("n1.test"), checks.domain("n2.test")
    two_ids(bad)
    status, out, _ = checks.run("--nagios", good.name, bad.name, "absent.test")
    lines = out.splitlines()
    assert status == 2 and NAGIOS.fullmatch(lines[0])
    assert lines[0].startswith(
        "MTASTS CRITICAL: 3 domains, 1 critical, 0 warning, 0 unknown")
    assert len(lines) == 2 and lines[1].startswith("CRITICAL: n2.test")


# -- hostile publishers ----------------------------------------------------------

FORMS = [[], ["-v"], ["--json"], ["--jsonl"], ["--html"], ["--nagios"],
         ["--ascii"], ["--html", "--show-rua"], ["--show-rua", "-v"]]


@pytest.mark.parametrize("args", FORMS, ids=" ".join)
def test_hostile_text_is_made_safe(checks, args):
    d = checks.domain("evil%d.test" % FORMS.index(args))
    d.record(record(), EVIL)
    d.site.body += ("x: y\n" + EVIL + "\nmx: " + EVIL + "\n").encode()
    d.dns.txt("_smtp._tls." + d.name, "v=TLSRPTv1; rua=mailto:" + EVIL)
    _, out, err = checks.run(*args, d.name)
    assert out and not ACTS.search(out.replace("\r\n", "\n") + err)
    if "--html" in args:
        page = Page(out)
        assert all(allowed(*one) for one in page.elements)
        assert "<script>alert(1)</script>" in page.text
    if "--nagios" in args:
        assert out.count("|") == 1


@pytest.mark.parametrize("args", FORMS, ids=" ".join)
def test_number_of_findings_is_limited(checks, args):
    """A policy with thousands of bad lines does not make thousands of findings."""
    d = checks.domain("much%d.test" % FORMS.index(args))
    d.site.body += b"".join(b"k%d: v\n" % i for i in range(5000))
    status, out, _ = checks.run(*args, d.name)
    assert status == 0 and len(out) < 600000


# -- the schema ------------------------------------------------------------------

def test_schema_can_fail(checks):
    """The validator rejects wrong documents."""
    document = checks.json(checks.domain("schema.test").name)
    for change in ({"schema": 2}, {"state": "fine"}, {"more": 1},
                   {"score": 101}, {"findings": None}):
        with pytest.raises(jsonschema.ValidationError):
            checks.validate(dict(document, **change))
    del document["mx"]
    with pytest.raises(jsonschema.ValidationError):
        checks.validate(document)


def test_each_line_is_a_document(checks):
    d = checks.domain("lines.test")
    _, out, _ = checks.run("--jsonl", d.name, "absent3.test")
    for line in out.splitlines():
        checks.validate(json.loads(line))
    assert len(out.splitlines()) == 2


# -- lint ------------------------------------------------------------------------

GOOD = "version: STSv1\nmode: enforce\nmx: mx.test\nmax_age: 604800\n"


@pytest.mark.parametrize("text, status, ids", [
    (GOOD, 0, []),
    (GOOD.replace("\n", "\r\n"), 0, []),
    (GOOD.replace("enforce", "testing"), 0, ["mode_testing"]),
    (GOOD + "extra: 1\n", 0, ["unknown_field"]),
    (GOOD.replace("enforce", "none"), 1, ["mode_none"]),
    (GOOD + "mode: none\n", 1, ["duplicate_field"]),
    (GOOD.replace("604800", "60"), 1, ["max_age_below_day"]),
    (GOOD.replace("604800", "31557601"), 2, ["max_age_invalid"]),
    (GOOD.replace("mx: mx.test\n", ""), 2, ["mx_missing"]),
    (GOOD.replace("mx.test", "*.*.test"), 2, ["mx_invalid"]),
    (GOOD.replace("version", "Version"), 2,
     ["unknown_field", "version_invalid"]),
    (GOOD + "nonsense\n", 2, ["bad_line"]),
    (GOOD + "x: " + 65536 * "y", 2, ["too_large"]),
    ("", 2, ["max_age_invalid", "mode_invalid", "version_invalid"]),
])
def test_lint(checks, text, status, ids):
    path = checks.world.path("policy.txt")
    with open(path, "w", newline="") as file:
        file.write(text)
    for args, stdin in ((["lint", path], ""), (["lint", "-"], text)):
        got, out, err = checks.run("--json", *args, stdin=stdin)
        assert (got, err) == (status, "")
        document = json.loads(out)
        checks.validate(document)
        assert sorted({f["id"] for f in document["findings"]}) == ids
    got, out, _ = checks.run("lint", path)
    assert got == status
    assert all("[%s]" % id in out for id in ids)
    assert ids or "No problems found." in out


def test_lint_with_expect(checks):
    for expect, status in (("enforce", 0), ("testing", 2), ("none", 2)):
        got, out, _ = checks.run("lint", "--expect", expect, "-", stdin=GOOD)
        assert got == status, out
        assert ("[mode_unexpected]" in out) == bool(status)


@pytest.mark.parametrize("host", ["192.0.2.1", "a_b.unnamed.test"])
def test_what_is_suggested_passes_lint(checks, host):
    """A name that no pattern can match is not put into a policy."""
    d = checks.domain("unnamed.test")
    d.dns.add(d.name, "MX", "10 %s." % host, "20 mx1.%s." % d.name)
    report = d.check()
    assert "mx:" not in report.finding("mx_partial_match")["fix"]
    text = report["suggested_policy"]
    assert "mx: mx1.unnamed.test\n" in text
    assert checks.run("lint", "-", stdin=text)[0] == 0, text
    d.dns.add(d.name, "MX", "10 %s." % host)
    assert d.check()["suggested_policy"] is None


def test_lint_makes_hostile_text_safe(checks):
    for args in ([], ["--json"], ["--color=never", "-v"]):
        _, out, _ = checks.run("lint", "-", *args, stdin=GOOD + EVIL)
        assert "bad_line" in out and not ACTS.search(out)


@pytest.mark.parametrize("args, hint", [
    (["lint"], "takes one file"), (["lint", "a", "b"], "takes one file"),
    (["lint", "/nonexistent"], "can't read /nonexistent: No such file"),
    (["lint", "--html", "-"], "--html needs a domain"),
    (["lint", "-f", "x", "-"], "--file needs a domain"),
    (["lint", "--min-score", "100", "-"], "--min-score needs a domain"),
    (["explain", "--state", "x"], "--state needs a domain"),
    (["explain", "no_such"], 'no finding "no_such"'),
    (["explain", "record_multipel"], "did you mean record_multiple?"),
    (["explain", "--nagios"], "--nagios needs a domain"),
])
def test_wrong_usage(checks, args, hint):
    status, out, err = checks.run(*args)
    assert (status, out) == (3, "") and hint in err


# -- explain ---------------------------------------------------------------------

def test_explain(checks):
    status, out, _ = checks.run("explain")
    assert status == 0
    ids = re.findall(r"^  (\w+) +(?:info|warning|critical|unknown) ", out,
                     re.MULTILINE)
    status, text, _ = checks.run("--json", "explain")
    rows = json.loads(text)
    checks.validate(rows)
    assert [row["id"] for row in rows] == ids and len(ids) > 55
    status, out, _ = checks.run("explain", *ids)
    assert status == 0
    for row in rows:
        assert "[%s]" % row["id"] in out and row["title"] in out
    assert all(len(line) <= 80 for line in out.splitlines())
