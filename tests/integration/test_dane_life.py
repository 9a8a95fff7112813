# SPDX-License-Identifier: BSD-2-Clause
"""DANE over time, with each option, and with good and bad resolvers."""

import re

import dns.flags
import pytest

from world import proxy
from world.dane import MODES, dane_daemon, matches
from world.nameserver import Ask
from world.signed import RESOLVERS, SignedTree, SignedWorld
from world.situations import (DANE, NONE, ONLY, SECURE, TEMP, TLSA_KINDS,
                              Situation as S, shared_zones)
from world.world import HANG_S, wait_for

if SignedTree.missing():
    pytest.skip(SignedTree.missing(), allow_module_level=True)

SITUATIONS = [
    S("all", "MX a b; A a b; TLSA a b", ONLY, ONLY),
    S("first", "MX a b; A a b; TLSA a", ONLY, DANE),
    S("none", "MX a b; A a b", SECURE, NONE),
    S("pkix-ta", "MX a; A a; TLSA:pkix-ta a", SECURE, DANE),
    S("hosted-plain", "MX good.plain.example.", SECURE, NONE),
    S("insecure-mx", "MX a; A a; TLSA a", SECURE, NONE, zone="plain.example"),
    S("tlsa-servfail", "MX a; A a; TLSA a; !servfail TLSA a", TEMP, TEMP),
    S("tlsa-tampered", "MX a; A a; TLSA a; !tampered TLSA a", TEMP, TEMP),
    S("other-ds", "MX a; A a; TLSA a", TEMP, TEMP, own={"ds": "other"}),
]

# The servers of these count the queries.
COUNTED = [S(name, text, None, None, fault=Ask.answer) for name, text in (
    ("hits-all", "MX a; A a; TLSA a"), ("hits-none", "MX a; A a"),
    ("option-off", "MX a; A a"), ("option-precedence", "MX a; A a"),
    ("option-auto", "MX a; A a"))]

# Names whose TLSA records come and go; their TTL is a second.
MOVING = ["comes.moving.example", "goes.moving.example"]
TTL_MIN_S = 30  # a state is valid at least so long, whatever the TTLs


@pytest.fixture(scope="module")
def world():
    the_world = SignedWorld()
    tree = the_world.dns
    shared_zones(tree)
    for situation in SITUATIONS + COUNTED:
        situation.publish(the_world)
    tree.zone("moving.example", minimum=1)
    for name in MOVING:
        tree.add(name, "MX", "10 mx.%s." % name, ttl=1)
        tree.add("mx." + name, "A", "192.0.2.25", ttl=1)
        the_world.domain(name)
    tree.add("_25._tcp.mx.goes.moving.example", "TLSA", TLSA_KINDS["ee"],
             ttl=1)
    try:
        the_world.start()
        for situation in SITUATIONS:
            situation.misbehave(the_world)
        yield the_world
    finally:
        the_world.close()

@pytest.fixture(scope="module", autouse=True)
def changed(world):
    """Daemons that know two states, which then change. The last test asks them
    again."""
    daemons = [dane_daemon(world, "change-" + mode, dns)
               for mode, dns in MODES.items()]
    try:
        for daemon in daemons:
            daemon.start()
            assert answers_are(daemon, {"comes": SECURE, "goes": ONLY})
        world.dns.add("_25._tcp.mx.comes.moving.example", "TLSA",
                      TLSA_KINDS["ee"], ttl=1)
        world.dns.remove("_25._tcp.mx.goes.moving.example", "TLSA")
        yield daemons
    finally:
        for daemon in daemons:
            daemon.close()


def answers_are(daemon, expected):
    domains = {name + ".moving.example": expected[name] for name in expected}
    return all([matches(daemon.ask(domain), word, domain)
                for domain, word in domains.items()])


# -- the options ---------------------------------------------------------------

OPTIONS = [
    # dane, dane_answer, domain, answer
    ("off", "dane-only", "sts.all.secure.example", SECURE),
    ("off", "dane-only", "bare.all.secure.example", NONE),
    ("off", "dane-only", "bare.tlsa-servfail.example", NONE),
    ("on", "dane-only", "sts.all.secure.example", ONLY),
    ("on", "dane-only", "bare.first.secure.example", DANE),
    ("on", "dane-only", "bare.tlsa-servfail.example", TEMP),
    ("precedence", "dane-only", "sts.all.secure.example", ONLY),
    ("precedence", "dane-only", "sts.tlsa-servfail.example", TEMP),
    ("precedence", "dane-only", "bare.all.secure.example", NONE),
    ("precedence", "dane-only", "bare.tlsa-servfail.example", NONE),
    ("auto", "none", "sts.all.secure.example", NONE),
    ("auto", "none", "sts.first.secure.example", NONE),
    ("auto", "none", "bare.all.secure.example", NONE),
    ("auto", "none", "bare.first.secure.example", NONE),
    ("auto", "none", "bare.pkix-ta.secure.example", NONE),
    ("auto", "none", "sts.none.secure.example", SECURE),
    ("auto", "none", "sts.pkix-ta.secure.example", SECURE),
    ("auto", "none", "bare.tlsa-servfail.example", TEMP),
]


@pytest.fixture(scope="module")
def by_option(world):
    """by_option(dane, dane_answer) is a running daemon."""
    running = {}

    def daemon(*how):
        if how not in running:
            running[how] = dane_daemon(
                world, "-".join(how), MODES["trust-ad"], dane=how[0],
                dane_answer=how[1]).start()
        return running[how]
    yield daemon
    for one in running.values():
        one.close()


@pytest.mark.parametrize("dane, dane_answer, domain, expected", OPTIONS)
def test_options(by_option, dane, dane_answer, domain, expected):
    answer = by_option(dane, dane_answer).ask(domain)
    assert matches(answer, expected, domain), answer


@pytest.mark.parametrize("dane, variant, asks", [
    ("off", "sts", False), ("off", "bare", False), ("auto", "bare", True),
    ("precedence", "bare", False), ("precedence", "sts", True)])
def test_who_is_asked(world, by_option, dane, variant, asks):
    """With precedence, domains without a policy cost no DANE look-ups."""
    domain = "%s.option-%s.example" % (variant, dane)
    by_option(dane, "dane-only").ask(domain)
    assert bool(world.dns.count(domain, "MX")) == asks


# -- good and bad resolvers ----------------------------------------------------

def auto_daemon(world, resolver, name=None, **dns):
    dns = {"servers": [RESOLVERS[resolver]], "dnssec": "auto", **dns}
    return dane_daemon(world, name or "auto-" + resolver, dns)


@pytest.mark.parametrize("resolver", ["validating", "validating-far", "plain"])
def test_auto_with_dnssec(world, resolver):
    with auto_daemon(world, resolver).start() as daemon:
        for domain, expected in (("sts.all.secure.example", ONLY),
                                 ("bare.none.secure.example", NONE),
                                 ("bare.tlsa-tampered.example", TEMP),
                                 ("sts.hosted-plain.secure.example", SECURE)):
            answer = daemon.ask(domain)
            assert matches(answer, expected, domain), (domain, answer)


@pytest.mark.parametrize("resolver", [
    "stripping", "stripping-far", "choking", "choking-far", "no-dnskey"])
def test_auto_without_dnssec(world, resolver):
    """The log and status say so, and no mail waits."""
    with auto_daemon(world, resolver).start() as daemon:
        for domain, expected in (("sts.all.secure.example", SECURE),
                                 ("bare.all.secure.example", NONE),
                                 ("bare.tlsa-servfail.example", NONE),
                                 ("bare.other-ds.example", NONE)):
            answer = daemon.ask(domain)
            assert matches(answer, expected, domain), (domain, answer)
        assert re.search(r"\bwarning: .*(dnssec|dane)", daemon.log(),
                         re.IGNORECASE), daemon.log()


def test_answers_only_from_loopback_are_believed(world):
    """A remote resolver's AD bit is not trusted: this one sets it always."""
    world.dns.proxies["stripping"].behave_zone("", claim_ad)
    try:
        with auto_daemon(world, "stripping-far", "claims").start() as daemon:
            answer = daemon.ask("bare.insecure-mx.plain.example")
            assert answer == "NOTFOUND "
            assert daemon.ask("bare.all.secure.example") == "NOTFOUND "
        with auto_daemon(world, "stripping", "believes").start() as daemon:
            assert daemon.ask("bare.all.secure.example") == "OK dane-only"
    finally:
        world.dns.proxies["stripping"].behave_zone("", proxy.strip)


def claim_ad(ask):
    reply = proxy.strip(ask)
    reply.flags |= dns.flags.AD
    return reply


BAD_ANCHORS = [
    ("missing", None),
    ("empty", ""),
    ("garbage", "what is this?\n"),
]


@pytest.mark.parametrize("name, text", BAD_ANCHORS,
                         ids=[row[0] for row in BAD_ANCHORS])
def test_bad_anchor(world, name, text):
    path = world.path("anchor-" + name)
    if text is not None:
        with open(path, "w") as file:
            file.write(text)
    daemon = dane_daemon(world, "bad-" + name,
                         dict(MODES["validate"], trust_anchor=path))
    status, said = daemon.run_to_end()
    assert status != 0
    assert path in said


def test_other_anchor(world):
    """With a wrong root key, the daemon says so, and no mail waits."""
    path = world.path("other.key")
    with open(path, "w") as file:
        file.write(". IN DS 1 13 2 " + "00" * 32 + "\n")
    with auto_daemon(world, "plain", "other", trust_anchor=path) as daemon:
        daemon.start()
        assert daemon.ask("bare.all.secure.example") == "NOTFOUND "
        assert daemon.events("dnssec_unavailable", "warning")


# -- over time ----------------------------------------------------------------

@pytest.mark.parametrize("mode", MODES)
def test_state_survives_restart(world, mode):
    """The state is on disk beside the policy, so the answer needs no DNS."""
    domain = "sts.first.secure.example"
    daemon = dane_daemon(world, "restart-" + mode, MODES[mode])
    with daemon.start():
        assert matches(daemon.ask(domain), ONLY, domain)
        assert daemon.ctl("show", domain)["dane"]["state"] == "some"
        wait_for(lambda: daemon.ctl("status")["cache"]["pending"] == 0)
        daemon.kill9()
        daemon.configure(dns={"servers": ["127.0.0.99"], "timeout": "60s"},
                         lookup={"timeout": "90s"})  # no server there
        daemon.start()
        assert matches(daemon.ask(domain, timeout_s=30), ONLY, domain)


def test_hit_asks_nobody(world):
    """A cache hit makes no query, with DANE and without."""
    with dane_daemon(world, "hits", MODES["trust-ad"]).start() as daemon:
        domains = ["%s.hits-%s.example" % (variant, kind)
                   for variant in ("sts", "bare") for kind in ("all", "none")]
        for domain in domains:
            daemon.ask(domain)
        asked = len(world.dns.proxies["faulty"].log)
        for _ in range(50):
            for domain in domains:
                daemon.ask(domain)
        assert len(world.dns.proxies["faulty"].log) == asked


def test_change_is_seen_within_its_ttl(world, changed):
    """Although the policy is cached for a day and is not fetched again."""
    fetches = [world.fetch_count(domain) for domain in MOVING]
    for daemon in changed:
        wait_for(lambda: answers_are(daemon, {"comes": ONLY, "goes": SECURE}),
                 timeout_s=TTL_MIN_S + HANG_S, step_s=0.2)
    assert [world.fetch_count(domain) for domain in MOVING] == fetches
