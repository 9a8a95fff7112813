# SPDX-License-Identifier: BSD-2-Clause
"""mtasts-ctl explain: why is this mail stuck?"""

import re
import time

import pytest

from world import nameserver as ns
from world.world import policy

NONE = "NOTFOUND "
SECURE = "OK secure match=mx1.{0} servername=hostname"


def step_names(explained):
    return [step["name"] for step in explained["steps"]]


def test_explain_good(world, daemon):
    world.domain("explain.example")
    begin = time.monotonic()
    got = daemon.ctl("explain", "explain.example")
    took_ms = (time.monotonic() - begin) * 1000
    assert got["answer"] == SECURE.format("explain.example")
    names = step_names(got)
    for name in ("record", "address", "tls", "http", "policy"):
        assert name in names
    assert names.index("record") < names.index("address") < \
        names.index("tls") < names.index("http") < names.index("policy")
    assert all(step["ok"] for step in got["steps"])
    assert all(0 <= step["ms"] <= took_ms + 1 for step in got["steps"])
    assert all(step["detail"] for step in got["steps"])
    assert "5.9.0.10" in str(got["steps"])
    # and what is explained is kept
    assert daemon.ctl("lookup", "explain.example")["source"] == "cached"


BROKEN = [
    # what is broken, the step that fails, what the reason names
    ("dns", "record", "SERVFAIL"),
    ("bad", "record", "value expected"),
    ("host", "address", "address|not exist|NXDOMAIN"),
    ("expired", "tls", "expired"),
    ("missing", "http", "404"),
    ("text", "policy", "mode"),
]


@pytest.fixture(scope="module")
def broken(world):
    world.domain("dns.broken.example")
    world.dns.behave("_mta-sts.dns.broken.example", ns.servfail)
    world.domain("bad.broken.example", records=["v=STSv1; id=;"])
    world.domain("host.broken.example", addresses=())
    world.domain("expired.broken.example", cert="expired")
    world.domain("missing.broken.example", status="404 Not Found")
    world.domain("text.broken.example",
                 text=policy(domain="x.example", mode="strict"))


@pytest.mark.parametrize("name, step, reason", BROKEN)
def test_explain_broken(broken, daemon, name, step, reason):
    """The steps end where it breaks, and the reason says why."""
    got = daemon.ctl("explain", name + ".broken.example", status=1)
    assert got["answer"] == NONE
    assert re.search(reason, got["reason"], re.IGNORECASE)
    last = got["steps"][-1]
    assert (last["name"], last["ok"]) == (step, False)
    assert all(one["ok"] for one in got["steps"][:-1])


def test_explain_with_policy_in_force(world, daemon):
    """A walk that fails takes nothing away, and both are told."""
    site = world.domain("force.example")
    daemon.ask("force.example")
    site.cert = "expired"
    got = daemon.ctl("explain", "force.example", status=1)
    assert got["answer"] == SECURE.format("force.example")
    assert "expired" in str(got["steps"])


STUCK = [
    # the state, what becomes of mail, why, what to do
    ("good", "is delivered only to hosts", "the policy is enforced", "Postfix's log"),
    ("mismatch", "waits: the policy covers none", "enforced", "MX records"),
    ("gone", "is delivered only to hosts", "its record is gone, but", "mode none"),
    ("renewed", "is delivered only to hosts", "the last fetch failed, but",
     "not hold mail up"),
    ("dead", "is delivered only to hosts", "can't be looked up now, but", "resolver"),
    ("barred", "is not held up", "counts as no policy", "renew the certificate"),
    ("trial", "is not held up", "in testing mode", "nothing is wrong"),
    ("nothing", "is not held up", "there is no policy", "nothing is wrong"),
]


@pytest.fixture(scope="module")
def stuck(world, daemon):
    """Domains in each state."""
    for name in ("good", "mismatch", "gone", "renewed", "dead", "trial"):
        name += ".stuck.example"
        world.domain(name, mode="testing" if "trial" in name else "enforce")
        world.dns.add(name, "MX", "10 mx1." + name + ".")
        daemon.ask(name)
    world.domain("barred.stuck.example", cert="expired")
    world.dns.remove("mismatch.stuck.example", "MX")
    world.dns.add("mismatch.stuck.example", "MX", "10 mx.elsewhere.example.")
    world.dns.remove("_mta-sts.gone.stuck.example", "TXT")
    world.site("renewed.stuck.example").cert = "expired"
    world.dns.behave("_mta-sts.dead.stuck.example", ns.servfail)


@pytest.mark.parametrize("name, mail, why, hint", STUCK,
                         ids=[row[0] for row in STUCK])
def test_explain_stuck(stuck, daemon, name, mail, why, hint):
    """Why is this mail stuck?"""
    domain = name + ".stuck.example"
    got = daemon.ctl("explain", domain, status=None)
    assert mail in got["mail"]
    assert why in got["why"]
    assert hint in got["hint"]
    if got["has_policy"]:
        assert [host["covered"] for host in got["mx_hosts"]] == \
            [name != "mismatch"]
    # The same for a person, on a terminal as narrow as they get.
    _, out, _ = daemon.ctl_raw("explain", domain)
    assert "  so mail           " in out and "  what to do        " in out
    assert ("NOT in the policy" in out) == (name == "mismatch")


def test_screens_fit(stuck, daemon, monkeypatch):
    """But for what an MTA is told no line is longer than the terminal."""
    monkeypatch.setenv("COLUMNS", "80")
    for args in [("explain", name + ".stuck.example") for name, *_ in STUCK] \
            + [("show", "renewed.stuck.example"), ("list",), ("status",)]:
        _, out, err = daemon.ctl_raw(*args)
        for line in (out + err).splitlines():
            assert len(line) <= 80 or "OK secure" in line, line


def test_explain_at_once(world, daemon):
    """What an MTA was told a moment ago counts, on disk or not."""
    world.domain("atonce.example")
    told = daemon.ask("atonce.example")
    assert told.startswith("OK secure")
    assert daemon.ctl("explain", "atonce.example",
                      status=None)["now"]["answer"] == told


def test_explain_no_mail_host(world, daemon):
    """RFC 7505."""
    world.domain("nullmx.example")
    world.dns.add("nullmx.example", "MX", "0 .")
    got = daemon.ctl("explain", "nullmx.example")
    assert got["mx_hosts"] == []
    assert got["mail"] == "is returned to the sender: the domain has no mail host"
    assert "null MX" in got["hint"] and "bypass" not in got["hint"]


def test_explain_absent(daemon):
    got = daemon.ctl("explain", "absent2.example")
    assert got["answer"] == NONE
    assert step_names(got) == ["record"]


def test_explain_no_domain(world, daemon):
    asked = len(world.dns.log)
    got = daemon.ctl("explain", "[192.0.2.1]")
    assert got["answer"] == NONE
    assert len(world.dns.log) == asked
