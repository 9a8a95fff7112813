# SPDX-License-Identifier: BSD-2-Clause
"""A zone with a key whose signatures take minutes to verify.

libunbound does not limit this if it is built with nettle. Other domains must not
wait for it."""

import base64
import random
import time

import dns.dnssec
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest

from world.dane import MODES, dane_daemon, matches
from world.nameserver import Ask
from world.signed import SignedTree, SignedWorld
from world.situations import ONLY, SECURE, Situation, shared_zones
from world.world import HANG_S, wait_for

if SignedTree.missing():
    pytest.skip(SignedTree.missing(), allow_module_level=True)

SIZE = 16000  # bytes, of the modulus, and of the exponent
ZONE = "heavy.example"
OTHERS = [Situation("all", "MX a; A a; TLSA a", ONLY, ONLY),
          Situation("none", "MX a; A a", SECURE, None)]
NAMES = 300  # more than fit into a pipe


def heavy_key():
    """A DNSKEY of algorithm 8 (RFC 3110 2, RFC 5702)."""
    chance = random.Random(0)
    exponent = b"\xff" + chance.randbytes(SIZE - 1)
    modulus = b"\xff" + chance.randbytes(SIZE - 2) + b"\xff"
    data = b"\0" + SIZE.to_bytes(2, "big") + exponent + modulus
    return dns.rdata.from_wire(
        dns.rdataclass.IN, dns.rdatatype.DNSKEY,
        b"\1\1\3\x08" + data, 0, len(data) + 4)


KEY = heavy_key()


def signature():
    """Made by the key itself. It is not valid, but no validator gets that far."""
    now = int(time.time())
    return dns.rdata.from_text(
        "IN", "RRSIG", "DNSKEY 8 2 60 %d %d %d %s. %s" % (
            now + 86400, now - 3600, dns.dnssec.key_id(KEY), ZONE,
            base64.b64encode(b"\x7f" * SIZE).decode()))


def with_heavy_key(ask):
    if (ask.name, ask.rtype) != (ZONE, "DNSKEY"):
        return ask.answer()
    reply = ask.empty()
    for rdata in (KEY, signature()):
        reply.answer.append(dns.rrset.from_rdata(
            reply.question[0].name, 60, rdata))
    reply.use_edns(0, 0, 1232)
    return reply


@pytest.fixture(scope="module")
def world():
    the_world = SignedWorld()
    tree = the_world.dns
    shared_zones(tree)
    for situation in OTHERS:
        situation.publish(the_world)
    tree.zone(ZONE, ds=False, behaviour=with_heavy_key)
    tree.add(ZONE, "MX", "10 mx.%s." % ZONE)
    tree.add("mx." + ZONE, "A", "192.0.2.25")
    tree.zones["example"].line(
        ZONE + ".", "DS", dns.dnssec.make_ds(ZONE + ".", KEY, "SHA256"))
    try:
        the_world.start()
        yield the_world
    finally:
        the_world.close()


def test_other_domains_do_not_wait(world):
    known = "sts.all.secure.example"
    with dane_daemon(world, "heavy", MODES["validate"]).start() as daemon:
        assert daemon.ask(known) == "OK dane-only"
        client = daemon.connect()
        client.request("postfix", ZONE)
        wait_for(lambda: world.dns.count(ZONE, "DNSKEY"))
        strangers = [daemon.connect() for _ in range(NAMES)]
        for i, stranger in enumerate(strangers):
            stranger.request("postfix", "n%d.secure.example" % i)
        assert daemon.ask(known) == "OK dane-only"
        assert client.reply().startswith("TEMP ")
        for domain, expected in (("bare.all.secure.example", ONLY),
                                 ("sts.none.secure.example", SECURE)):
            wait_for(lambda d=domain, e=expected: daemon.flush(d) or
                     matches(daemon.ask(d), e, d), step_s=0.2)
        assert len(daemon.events("validation_stuck", "warning")) == 1
        assert daemon.ask(known) == "OK dane-only"
        for stranger in strangers:
            stranger.close()


def test_daemon_stops_during_a_long_verification(world):
    with dane_daemon(world, "end", MODES["validate"]).start() as daemon:
        assert daemon.ask(ZONE).startswith("TEMP ")
        daemon.stop()
