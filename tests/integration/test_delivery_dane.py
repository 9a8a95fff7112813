# SPDX-License-Identifier: BSD-2-Clause
"""Deliveries where DANE takes precedence (RFC 8461 2). The daemon tells Postfix so; Exim
does DANE itself. Only the TLSA records decide, whatever the policy and the certificate
would allow. (Debian's Sendmail is built without DANE.)"""

import hashlib
import subprocess

import pytest

from world import mta as mta_module
from world.dane import MODES, dane_daemon
from world.mta import Exim, Postfix37, Postfix310
from world.signed import RESOLVERS, SignedTree, SignedWorld
from world.smtpserver import Receiver
from world.world import set_resolv_conf, wait_for

WHY_NOT = mta_module.missing() or SignedTree.missing()
pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))

ZONE = "mail.example"
WAITS = "waits"
MAP = "socketmap:inet:127.0.0.1:8461:"
SENDERS = {
    # The line that the documentation gives for releases before 3.7.13.
    "p37": (Postfix37, {"map": MAP + "postfix",
                        "more": "smtp_tls_dane_insecure_mx_policy = dane\n"}),
    "p310": (Postfix310, {"map": MAP + "postfix-tlsrpt"}),
    "exim": (Exim, {"socket": "/world/exim.sock"}),
}
ROWS = {
    # the certificate, the TLSA record, the policy, and the expected outcome
    "untrusted-named": ("unknown-ca", "right", "enforce", True),
    "trusted-not-named": ("good", "wrong", "enforce", False),
    "clear-named": (None, "right", "enforce", False),
    "trusted-without": ("good", None, "enforce", True),
    "untrusted-without": ("unknown-ca", None, "enforce", False),
    "untrusted-not-named": ("unknown-ca", "wrong", None, False),
    "untrusted-free": ("unknown-ca", None, None, True),
}


def digest(receiver):
    """Returns the digest of the certificate's key, for TLSA 3 1 1."""
    def openssl(*words, data=None):
        return subprocess.run(["openssl", *words], input=data, check=True,
                              capture_output=True).stdout
    key = openssl("x509", "-in", receiver.files[0], "-noout", "-pubkey")
    return hashlib.sha256(openssl("pkey", "-pubin", "-outform", "DER",
                                  data=key)).hexdigest()


def domain_of(row, sender):
    return "%s-%s.%s" % (row, sender, ZONE)


@pytest.fixture(scope="module")
def world():
    the_world = SignedWorld()
    the_world.dns.zone(ZONE)
    try:
        the_world.receivers = [publish(the_world, row, sender, number)
                               for number, (row, sender) in enumerate(
                                   (r, s) for r in ROWS for s in SENDERS)]
        the_world.dns.start()
        set_resolv_conf("nameserver %s\noptions trust-ad edns0\n" %
                        RESOLVERS["validating"])
        yield the_world
        for receiver in the_world.receivers:
            receiver.stop()
    finally:
        the_world.close()


def publish(world, row, sender, number):
    """Makes a domain with its own host, because Exim does not retry a host after a
    delivery to it has failed."""
    cert, tlsa, mode, _ = ROWS[row]
    domain, address = domain_of(row, sender), "5.9.60.%d" % (number + 1)
    host = "mx." + domain
    receiver = Receiver(world.ca, host, address, cert)
    world.dns.add(domain, "MX", "10 %s." % host)
    world.dns.add(host, "A", address)
    if tlsa:
        world.dns.add("_25._tcp." + host, "TLSA", "3 1 1 " + (
            digest(receiver) if tlsa == "right" and cert else "00" * 32))
    if mode:
        world.domain(domain, mode=mode, mx=(host,))
    return receiver


@pytest.fixture(scope="module")
def seen(world):
    """Returns {(row, sender): (where the mail went or WAITS, why)}."""
    daemon = dane_daemon(world, "dane", MODES["trust-ad"])
    daemon.configure(listen=[{"socketmap": "inet:127.0.0.1:8461"},
                             {"exim": "unix:" + world.path("exim.sock"),
                              "mode": "0666"}])
    mtas = {}
    with daemon.start():
        try:
            for key, (kind, options) in SENDERS.items():
                options = dict(options)
                more = options.pop("more", "")
                if "map" in options:
                    options["lines"] = mta_module.POSTFIX_LINES + more + \
                        "smtp_dns_support_level = dnssec\n"
                mtas[key] = kind(world, **options)
                mtas[key].start()
            yield {place: outcome(world, mtas, *place) for place in
                   [(row, sender) for row in ROWS for sender in SENDERS]}
        finally:
            for one in mtas.values():
                one.stop()


def outcome(world, mtas, row, sender):
    mta, recipient = mtas[sender], "u@" + domain_of(row, sender)
    mta.send(recipient)

    def look():
        for receiver in world.receivers:
            for mail in receiver.mails:
                if recipient in mail.recipients:
                    return receiver.name, mail.tls
        reason = mta.deferral(recipient)
        return reason and (WAITS, reason)
    try:
        return wait_for(look, timeout_s=60, step_s=0.1)
    except AssertionError:
        return "nothing", mta.log()[-3000:]


@pytest.mark.parametrize("sender", SENDERS)
@pytest.mark.parametrize("row", ROWS)
def test_tlsa_records_decide(seen, row, sender):
    found, detail = seen[row, sender]
    goes = ROWS[row][3]
    assert found == ("mx." + domain_of(row, sender) if goes else WAITS), detail
