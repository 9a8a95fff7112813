# SPDX-License-Identifier: BSD-2-Clause
"""DANE comes first (RFC 8461 2, RFC 7672 2 and 3), in a real signed tree.

Each situation is asked about with and without an enforce policy, of a daemon that
trusts its resolver's AD bit and of one that validates. The answers must be the
same.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest

from world import proxy
from world.dane import MODES, dane_daemon, matches
from world.signed import SignedTree, SignedWorld
from world.situations import (DANE, NONE, ONLY, SECURE, TEMP, Situation,
                              shared_zones)

if SignedTree.missing():
    pytest.skip(SignedTree.missing(), allow_module_level=True)

S = Situation


def hosts(count):
    return " ".join("h%d" % i for i in range(count))


SITUATIONS = [
    # 2.2: usable TLSA records for all, some, none of the hosts
    S("all", "MX a b; A a b; TLSA a b", ONLY, ONLY),
    S("one", "MX a; AAAA a; TLSA a", ONLY, ONLY),
    S("first", "MX a b; A a b; TLSA a", ONLY, DANE),
    S("last", "MX a b c; A a b c; TLSA c", ONLY, DANE),
    S("none", "MX a b; A a b", SECURE, NONE),
    S("many", "MX {0}; A {0}; TLSA {0}".format(hosts(32)), ONLY, ONLY),
    # more hosts than are checked: the others may have no TLSA records
    S("too-many", "MX {0}; A {0}; TLSA {0}".format(hosts(40)), ONLY, DANE),
    S("too-many-none", "MX {0}; A {0}".format(hosts(40)), SECURE, NONE),
    S("wildcard", "MX a; A a; TLSA *.a", ONLY, ONLY),
    # "a next-hop domain ... that has no MX records"
    S("implicit", "A @; TLSA @", ONLY, ONLY),
    S("implicit-none", "A @", SECURE, NONE),
    S("null-mx", "MX .; A @; TLSA @", SECURE, NONE),
    S("nodata", "", SECURE, NONE),
    S("nxdomain", "", NONE, NONE, key="no.such.{domain}"),
    # "the destination is unreachable"
    S("unreachable-other", "MX a b; A a; TLSA a b", ONLY, ONLY),
    S("unreachable-all", "MX a b; TLSA a b", SECURE, NONE),
    S("literal-mx", "MX 192.0.2.1.", SECURE, NONE),
    # 3.1: which records are usable
    S("ta", "MX a; A a; TLSA:ta a", ONLY, ONLY),
    S("sha512", "MX a; A a; TLSA:sha512 a", ONLY, ONLY),
    S("pkix-ta", "MX a; A a; TLSA:pkix-ta a", SECURE, DANE),
    S("pkix-ee", "MX a; A a; TLSA:pkix-ee a", SECURE, DANE),
    S("short", "MX a; A a; TLSA:short a", SECURE, DANE),
    S("long", "MX a; A a; TLSA:long a", SECURE, DANE),
    S("short512", "MX a; A a; TLSA:short512 a", SECURE, DANE),
    S("selector", "MX a; A a; TLSA:selector a", SECURE, DANE),
    S("matching", "MX a; A a; TLSA:matching a", SECURE, DANE),
    S("usage", "MX a; A a; TLSA:usage a; TLSA:private a", SECURE, DANE),
    S("one-usable", "MX a; A a; TLSA:pkix-ee a; TLSA a", ONLY, ONLY),
    S("unusable-and-none", "MX a b; A a b; TLSA:pkix-ee a", SECURE, DANE),
    S("unusable-and-usable", "MX a b; A a b; TLSA:pkix-ee a; TLSA b", ONLY,
      DANE),
    # secure MX, hosts elsewhere
    S("hosted", "MX good.secure.example.", ONLY, ONLY),
    S("hosted-optout", "MX good.secure.optout.example.", ONLY, ONLY),
    S("hosted-plain", "MX good.plain.example.", SECURE, NONE),
    S("hosted-plain-optout", "MX good.plain.optout.example.", SECURE, NONE),
    S("hosted-both", "MX good.secure.example. good.plain.example.", ONLY, DANE),
    S("hosted-balanced", "MX mx.balanced.example.", SECURE, NONE),
    # 2.2.1: "obtained via an insecure MX RRset"
    S("insecure-mx", "MX good.secure.example.", SECURE, DANE,
      zone="plain.example"),
    S("insecure-mx-optout", "MX good.secure.example.", SECURE, DANE,
      zone="plain.optout.example"),
    S("insecure-mx-some", "MX none.secure.example. good.secure.example.",
      SECURE, DANE, zone="plain.example"),
    S("insecure-mx-none", "MX none.secure.example.", SECURE, NONE,
      zone="plain.example"),
    S("insecure-all", "MX a; A a; TLSA a", SECURE, NONE, zone="plain.example"),
    S("insecure-implicit", "A @; TLSA @", SECURE, NONE, zone="plain.example"),
    S("insecure-balanced", "MX mx.balanced.example.", SECURE, NONE,
      zone="plain.example"),
    # RFC 4035 5.2: an unknown algorithm counts as unsigned
    S("unknown-algorithm", "MX a; A a; TLSA a", SECURE, NONE,
      own={"ds": "unknown"}),
    S("no-ds", "MX a; A a; TLSA a", SECURE, NONE, own={"ds": False}),
    # 2.2.2, 2.2.3: aliases of MX hosts
    S("alias-end", "MX a; CNAME a b; A b; TLSA b", ONLY, ONLY),
    S("alias-start", "MX a; CNAME a b; A b; TLSA a", ONLY, ONLY),
    S("alias-none", "MX a; CNAME a b; A b", SECURE, NONE),
    S("alias-middle", "MX a; CNAME a b; CNAME b c; A c; TLSA b", SECURE, NONE),
    S("alias-out", "MX a; CNAME a none.plain.example.; TLSA a", ONLY, ONLY),
    S("alias-out-end", "MX a; CNAME a good.plain.example.", SECURE, NONE),
    S("alias-back", "MX alias.plain.example.; A @", SECURE, NONE),
    S("alias-dangling", "MX a b; CNAME a no.such.secure.example.; A b; TLSA b",
      ONLY, ONLY),
    S("alias-loop", "MX a b; CNAME a c; CNAME c a; A b; TLSA b", ONLY,
      (ONLY, DANE)),
    S("dname", "MX a.far; DNAME far near; A a.near; TLSA a.near", ONLY, ONLY),
    # aliases of TLSA records
    S("tlsa-alias", "MX a; A a; CNAME _25._tcp.a tlsa;"
      "CNAME tlsa _25._tcp.good.secure.example.", ONLY, ONLY),
    S("tlsa-alias-out", "MX a; A a;"
      "CNAME _25._tcp.a _25._tcp.good.plain.example.", SECURE, NONE),
    S("tlsa-alias-nowhere", "MX a; A a; CNAME _25._tcp.a no.such", SECURE,
      NONE),
    # aliases of the domain itself: 2.2.1
    S("domain-alias", "CNAME @ good-mail.secure.example.", ONLY, ONLY),
    S("domain-alias-in", "CNAME @ good-mail.secure.example.", SECURE, DANE,
      zone="plain.example"),
    S("domain-alias-out", "CNAME @ mail.plain.example.", SECURE, DANE),
    # 2.1.2: lookup errors in a signed zone
    S("mx-servfail", "MX a; A a; TLSA a; !servfail MX @", TEMP, TEMP),
    S("mx-silent", "MX a; A a; TLSA a; !silent MX @", TEMP, TEMP),
    S("mx-refused", "MX a; A a; TLSA a; !refused MX @", TEMP, TEMP),
    S("mx-tampered", "MX a; A a; !tampered MX @", TEMP, TEMP),
    S("mx-stripped", "MX a; A a; !stripped MX @", TEMP, TEMP),
    S("mx-expired", "MX a; A a; !expired MX @", TEMP, TEMP),
    S("mx-forged", "MX a; A a; !forged MX @", TEMP, TEMP),
    S("a-tampered", "MX a; A a; TLSA a; !tampered A a", TEMP, TEMP),
    S("a-servfail", "MX a; A a; TLSA a; !servfail A a; !servfail AAAA a", TEMP,
      TEMP),
    S("tlsa-servfail", "MX a; A a; TLSA a; !servfail TLSA a", TEMP, TEMP),
    S("tlsa-refused", "MX a; A a; TLSA a; !refused TLSA a", TEMP, TEMP),
    S("tlsa-silent", "MX a; A a; TLSA a; !silent TLSA a", TEMP, TEMP),
    S("tlsa-garbage", "MX a; A a; TLSA a; !garbage TLSA a", TEMP, TEMP),
    S("tlsa-tampered", "MX a; A a; TLSA a; !tampered TLSA a", TEMP, TEMP),
    S("tlsa-stripped", "MX a; A a; TLSA a; !stripped TLSA a", TEMP, TEMP),
    S("tlsa-expired", "MX a; A a; TLSA a; !expired TLSA a", TEMP, TEMP),
    S("tlsa-forged", "MX a; A a; TLSA a; !forged TLSA a", TEMP, TEMP),
    # (without this address, the denial of the parent name would be proof)
    S("tlsa-no-proof", "MX a; A a _25._tcp.a; !no-proof TLSA a", TEMP, TEMP),
    S("tlsa-one-fails", "MX a b; A a b _25._tcp.a; !servfail TLSA a", TEMP, TEMP),
    # "delivery may proceed via any remaining MX hosts"
    S("tlsa-other-fails", "MX a b; A a b; TLSA a b; !servfail TLSA a", ONLY,
      (ONLY, DANE)),
    S("a-other-fails", "MX a b; A a b; TLSA b; !tampered A a", ONLY,
      (ONLY, DANE)),
    # the same in an unsigned zone: never a temporary error
    S("plain-mx-servfail", "MX a; A a; !servfail MX @", SECURE, NONE,
      own={"signed": False}),
    # (the resolver may give up on the server before the policy is asked for)
    S("plain-mx-silent", "MX a; A a; !silent MX @", (SECURE, NONE), NONE,
      own={"signed": False}),
    S("plain-mx-refused", "MX a; A a; !refused MX @", SECURE, NONE,
      own={"signed": False}),
    S("plain-a-servfail", "MX a; A a; !servfail A a; !servfail AAAA a", SECURE,
      NONE, own={"signed": False}),
    S("plain-tlsa-silent", "MX a; A a; !silent TLSA a", SECURE, NONE,
      own={"signed": False}),
    S("plain-optout-mx-servfail", "MX a; A a; !servfail MX @", SECURE, NONE,
      own={"signed": False}, zone="optout.example"),
    # whole zones fail: their policy can't be looked up either
    S("silent", "MX a; A a; TLSA a", TEMP, TEMP, fault="silent"),
    S("servfail", "MX a; A a; TLSA a", TEMP, TEMP, fault="servfail"),
    S("lame", "MX a; A a; TLSA a", TEMP, TEMP, fault="refused"),
    S("expired", "MX a; A a; TLSA a", TEMP, TEMP, fault="expired"),
    S("tampered", "MX a; A a; TLSA a", TEMP, TEMP, fault="tampered"),
    S("stripped", "MX a; A a; TLSA a", TEMP, TEMP, fault=proxy.strip),
    S("other-ds", "MX a; A a; TLSA a", TEMP, TEMP, own={"ds": "other"}),
    S("unsigned-ds", "MX a; A a; TLSA a", TEMP, TEMP, fault="stripped"),
    S("no-dnskey", "MX a; A a; TLSA a", TEMP, TEMP,
      fault=proxy.no_answer_to("DNSKEY")),
    S("optout-silent", "MX a; A a", TEMP, TEMP, fault="silent",
      zone="optout.example"),
    S("plain-silent", "MX a; A a", NONE, NONE, own={"signed": False},
      fault="silent"),
    S("plain-servfail", "MX a; A a", NONE, NONE, own={"signed": False},
      fault="servfail"),
    S("plain-lame", "MX a; A a", NONE, NONE, own={"signed": False},
      fault="refused"),
    S("plain-garbage", "MX a; A a", NONE, NONE, own={"signed": False},
      fault="garbage"),
    S("plain-optout-silent", "MX a; A a", NONE, NONE, own={"signed": False},
      fault="silent", zone="optout.example"),
    S("plain-optout-servfail", "MX a; A a", NONE, NONE, own={"signed": False},
      fault="servfail", zone="optout.example"),
    # insecure MX, a host fails: no "securely identified" destination
    S("insecure-mx-fails", "MX mx.bogus.example.", SECURE, (NONE, DANE),
      zone="plain.example"),
    # next hops without MX look-up, other ports
    S("direct", "A @; TLSA @; MX none.secure.example.", ONLY, ONLY,
      key="[{domain}]"),
    S("direct-none", "A @; MX good.secure.example.", SECURE, NONE,
      key="[{domain}]"),
    S("port", "MX a; A a; TLSA:587 a", ONLY, ONLY, key="{domain}:587"),
    S("port-none", "MX a; A a; TLSA a", SECURE, NONE, key="{domain}:587"),
    S("direct-port", "A @; TLSA:587 @", ONLY, ONLY, key="[{domain}]:587"),
]

@pytest.fixture(scope="module")
def world():
    the_world = SignedWorld()
    tree = the_world.dns
    shared_zones(tree)
    tree.add("alias.plain.example", "CNAME", "good.secure.example.")
    tree.add("mail.plain.example", "MX", "10 good.secure.example.")
    tree.zone("bogus.example", behaviour=proxy.tamper)
    tree.add("mx.bogus.example", "A", "192.0.2.25")
    for situation in SITUATIONS:
        situation.publish(the_world)
    try:
        the_world.start()
        for situation in SITUATIONS:
            situation.misbehave(the_world)
        yield the_world
    finally:
        the_world.close()


# -- the situations -----------------------------------------------------------

class Outcome:
    """The outcome of a situation; filled in by play()."""


def play(daemon, situation, variant):
    got = Outcome()
    key = situation.key(variant)
    got.answer = daemon.ask(key)
    got.again = daemon.ask(key)
    return got


@pytest.fixture(scope="module")
def outcomes(request, world):
    """Plays all selected situations, many at a time, since some have to wait."""
    wanted = {tuple(item.callspec.params[name]
                    for name in ("mode", "situation", "variant"))
              for item in request.session.items
              if item.originalname == "test_situation"}
    daemons = {mode: dane_daemon(world, mode, dns)
               for mode, dns in MODES.items()}
    try:
        for daemon in daemons.values():
            daemon.start()
        with ThreadPoolExecutor(32) as pool:
            jobs = {(mode, situation.name, variant):
                    pool.submit(play, daemons[mode], situation, variant)
                    for mode, situation, variant in
                    sorted(wanted, key=lambda row: row[1].name)}
        yield jobs
    finally:
        for daemon in daemons.values():
            daemon.close()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("variant", ["sts", "bare"])
@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda row: row.name)
def test_situation(outcomes, mode, variant, situation):
    got = outcomes[mode, situation.name, variant].result()
    expected = situation.expected[variant]
    domain = situation.domain(variant)
    assert matches(got.answer, expected, domain), got.answer
    assert matches(got.again, expected, domain), got.again

