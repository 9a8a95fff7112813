# SPDX-License-Identifier: BSD-2-Clause
"""The operator's own word: domains in the configuration, before any look-up."""

import json
import subprocess

import pytest

from world.daemon import program

NONE = "NOTFOUND "
PINNED = ("OK secure match=mx9.partner.example:.elsewhere.example "
          "servername=hostname")
DOMAINS = {
    "bypass.example": "bypass",
    "Partner.Example.": {"mode": "enforce",
                         "mx": ["mx9.partner.example", "*.elsewhere.example"]},
    "trial.example": {"mode": "testing", "mx": ["mx1.trial.example"]},
    "off.example": {"mode": "none"},
    "b\u00fccher.example": "bypass",
}


@pytest.fixture
def said(world, daemons):
    """A daemon with words on domains that all publish something else."""
    for name in ("bypass", "partner", "trial", "off", "xn--bcher-kva"):
        world.domain(name + ".example")
    return daemons(domains=DOMAINS).start()


@pytest.mark.parametrize("key", ["bypass.example", "BYPASS.example.",
                                 "[bypass.example]:587",
                                 "xn--bcher-kva.example",
                                 "b\u00fccher.example",
                                 "trial.example", "off.example"])
def test_goes_without(said, key):
    assert said.ask(key) == NONE
    assert said.ask(key, "postfix-tlsrpt") == NONE
    assert said.ask(key, "sts") == NONE


def test_pinned(said):
    for key in ("partner.example", "[partner.example]:25",
                "partner.example:submission"):
        assert said.ask(key) == PINNED
        assert said.ask(key, "sts") == PINNED
    report = said.ask("partner.example", "postfix-tlsrpt")
    assert report.startswith(PINNED + " policy_type=sts "
                             "policy_domain=partner.example ")
    assert "{ policy_string = mx: *.elsewhere.example }" in report


def test_verdict(said):
    verdicts = {
        "partner.example a.elsewhere.example": "OK enforce match",
        "partner.example mx1.partner.example": "OK enforce mismatch",
        "trial.example mx1.trial.example": "OK testing match",
        "off.example mx1.off.example": "OK none",
    }
    for key, verdict in verdicts.items():
        assert said.ask(key, "verdict") == (
            verdict + " id=pinned expires=31557600")
    assert said.ask("bypass.example mx1.bypass.example", "verdict") == NONE


def test_nothing_is_looked_up(world, said):
    asked, accepted = len(world.dns.log), world.web.accepted
    for key in ("bypass.example", "partner.example", "trial.example"):
        said.ask(key)
        said.ctl("explain", key)
        said.ctl("refresh", key)
    names = [str(query) for query in world.dns.log[asked:]]
    assert not [n for n in names if "bypass" in n or "partner" in n
                or "trial" in n]
    assert world.web.accepted == accepted


def test_subdomains_are_others(world, said):
    world.domain("sub.bypass.example")
    assert said.ask("sub.bypass.example") == (
        "OK secure match=mx1.sub.bypass.example servername=hostname")


def test_explain(said):
    got = said.ctl("explain", "partner.example")
    assert (got["outcome"], got["source"]) == ("operator", "pinned")
    assert (got["answer"], got["id"]) == (PINNED, "pinned")
    assert "pins this policy" in got["why"]
    assert got["now"]["answer"] == PINNED
    got = said.ctl("explain", "bypass.example")
    assert (got["source"], got["answer"]) == ("bypass", NONE)
    assert "exempts the domain" in got["why"]
    assert said.ctl("status")["domains"] == len(DOMAINS)


def test_lookup(said):
    got = said.ctl("lookup", "partner.example", "a.elsewhere.example")
    assert (got["source"], got["match"]) == ("pinned", True)
    assert got["mx"] == ["mx9.partner.example", "*.elsewhere.example"]
    assert "expires" not in got
    got = said.ctl("lookup", "bypass.example", status=1)
    assert (got["source"], got["has_policy"]) == ("bypass", False)


def test_bad_word_is_refused(tmp_path):
    path = tmp_path / "mtastsd.yaml"
    path.write_text("domains:\n  a.example: bypass\n  A.example: bypass\n")
    got = subprocess.run([program("mtasts-ctl"), "--json", "check-config",
                          str(path)], capture_output=True, text=True,
                         check=False)
    assert got.returncode == 1
    assert json.loads(got.stdout)["error"] == (
        "%s:3: domains.A.example: is given twice, first in line 2; leave one"
        % path)


# -- where DANE is looked at ---------------------------------------------------

def test_resolver_without_dnssec_stops_nobody(world, daemons):
    """The world's resolver strips signatures: MTA-STS alone counts."""
    world.domain("plain.example")
    daemon = daemons().start()
    assert daemon.ask("plain.example") == (
        "OK secure match=mx1.plain.example servername=hostname")
    dane = daemon.ctl("status")["dane"]
    assert (dane["mode"], dane["on"]) == ("auto", False)
    assert dane["dnssec"] in ("stripped", "failing", "none")
    assert dane["summary"].startswith("auto, off now: ")
    got = daemon.ctl("lookup", "plain.example")
    assert got["dane"]["off"] == "the resolver delivers no DNSSEC data"


def test_dane_off(world, daemons):
    world.domain("plain.example")
    daemon = daemons(dane="off").start()
    assert daemon.ask("plain.example") == (
        "OK secure match=mx1.plain.example servername=hostname")
    dane = daemon.ctl("status")["dane"]
    assert (dane["mode"], dane["on"], dane["summary"]) == ("off", False, "off")
    assert dane["dnssec"] == "none"
