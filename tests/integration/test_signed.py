# SPDX-License-Identifier: BSD-2-Clause
"""The signed tree itself: is each zone what the DANE tests expect?

A zone that is bogus for the wrong reason would prove nothing. Neither would
a resolver that strips nothing.
"""

from concurrent.futures import ThreadPoolExecutor

import dns.exception
import dns.flags
import dns.rcode
import dns.rdatatype
import pytest

from world import nameserver, proxy
from world.signed import SignedTree, SignedWorld, look_up
from world.situations import TLSA_KINDS

if SignedTree.missing():
    pytest.skip(SignedTree.missing(), allow_module_level=True)

SECURE, INSECURE, BOGUS, DEAD = "secure", "insecure", "bogus", "dead"

ZONES = [
    # name, what it is, arguments of SignedTree.zone()
    ("secure.example", SECURE, {}),
    ("secure.optout.example", SECURE, {}),
    ("nsec3.example", SECURE, {"signed": "nsec3"}),
    ("plain.example", INSECURE, {"signed": False}),
    ("plain.optout.example", INSECURE, {"signed": False}),
    ("no-ds.example", INSECURE, {"ds": False}),
    ("unknown.example", INSECURE, {"ds": "unknown"}),
    ("other-ds.example", BOGUS, {"ds": "other"}),
    ("expired.example", BOGUS, {"behaviour": proxy.expired}),
    ("tampered.example", BOGUS, {"behaviour": proxy.tamper}),
    ("unsigned.example", BOGUS, {"behaviour": proxy.no_signatures}),
    ("stripped.example", BOGUS, {"behaviour": proxy.strip}),
    ("no-dnskey.example", BOGUS,
     {"behaviour": proxy.no_answer_to("DNSKEY")}),
    ("passed.example", SECURE, {"behaviour": nameserver.Ask.answer}),
    ("servfail.example", DEAD, {"behaviour": nameserver.servfail}),
    ("lame.example", DEAD, {"behaviour": nameserver.refused}),
    ("silent.example", DEAD, {"behaviour": nameserver.silent}),
    ("garbage.example", DEAD, {"behaviour": nameserver.garbage}),
    ("plain-silent.example", DEAD,
     {"signed": False, "behaviour": nameserver.silent}),
]


@pytest.fixture(scope="module")
def tree():
    the_world = SignedWorld()
    try:
        for name, _, how in ZONES:
            the_world.dns.zone(name, **how)
            the_world.dns.add("mx." + name, "A", "192.0.2.1", ttl=1)
        the_world.start()
        with ThreadPoolExecutor(len(ZONES)) as pool:
            for name, _, _ in ZONES:  # some of them are slow
                pool.submit(reply_of, "mx." + name, "A")
                pool.submit(reply_of, "mx." + name, "A", "plain")
        yield the_world.dns
    finally:
        the_world.close()


def status(name, rtype="A"):
    """The status that the validating resolver reports. An answer that only the
    plain resolver gives is bogus. Without any answer the zone is dead."""
    reply, plain = reply_of(name, rtype), reply_of(name, rtype, "plain")
    if reply is None:
        return DEAD if plain is None else BOGUS
    assert not plain.flags & dns.flags.AD
    return SECURE if reply.flags & dns.flags.AD else INSECURE


def reply_of(*question):
    try:
        reply = look_up(*question, timeout_s=1)
    except dns.exception.Timeout:
        return None
    return None if reply.rcode() == dns.rcode.SERVFAIL else reply


@pytest.mark.parametrize("name, expected", [row[:2] for row in ZONES])
def test_zone(tree, name, expected):
    assert status("mx." + name) == expected
    assert status("mx." + name, "TLSA") == expected  # NODATA


@pytest.mark.parametrize("name, expected", [
    ("no.secure.example", SECURE), ("no.plain.example", INSECURE),
    ("no.example", SECURE), ("no", SECURE), ("no.tampered.example", BOGUS),
    ("no.plain.optout.example", INSECURE),
])
def test_nxdomain(tree, name, expected):
    assert status(name) == expected


@pytest.mark.parametrize("name, expected", [
    ("plain.example", SECURE), ("plain.optout.example", INSECURE),
    ("secure.example", SECURE), ("silent.example", SECURE),
    ("plain-silent.example", SECURE),
])
def test_ds(tree, name, expected):
    """The absence of DS is proven by NSEC. With opt-out it is not proven."""
    assert status(name, "DS") == expected


RESOLVERS = [
    # name, sees signatures, sees DNSKEY, sets AD
    ("validating", True, True, True),
    ("validating-far", True, True, True),
    ("plain", True, True, False),
    ("stripping", False, False, False),
    ("stripping-far", False, False, False),
    ("no-dnskey", True, None, False),
]


@pytest.mark.parametrize("name, signed, dnskey, ad", RESOLVERS)
def test_resolver(tree, name, signed, dnskey, ad):
    reply = look_up("mx.secure.example", "A", name)
    types = [rrset.rdtype for rrset in reply.answer]
    assert dns.rdatatype.A in types
    assert (dns.rdatatype.RRSIG in types) == signed
    assert bool(reply.flags & dns.flags.AD) == ad
    if dnskey is None:
        with pytest.raises(dns.exception.Timeout):
            look_up("secure.example", "DNSKEY", name, timeout_s=0.5)
    else:
        keys = look_up("secure.example", "DNSKEY", name).answer
        assert bool(keys) == dnskey


def test_choking_resolver(tree):
    for name in ("choking", "choking-far"):
        assert look_up("mx.secure.example", "A", name).rcode() == \
            dns.rcode.SERVFAIL
        assert look_up("mx.secure.example", "A", name,
                       want_dnssec=False).rcode() == dns.rcode.NOERROR


def test_update_is_signed(tree):
    """After a dynamic update, the new record is served with a signature."""
    name = "_25._tcp.mx.nsec3.example"
    tree.add(name, "TLSA", TLSA_KINDS["ee"])
    reply = look_up(name, "TLSA")
    assert reply.flags & dns.flags.AD
    assert [rrset.rdtype for rrset in reply.answer] == [
        dns.rdatatype.TLSA, dns.rdatatype.RRSIG]
    tree.remove(name, "TLSA")
