# SPDX-License-Identifier: BSD-2-Clause
"""Real mail servers send mail and query our daemon.

The outcome of each situation is compared with what RFC 8461 requires, and with the
tables in doc/interoperability.md, which are generated from these outcomes.
MTS_UPDATE=1 tests/integration/run test_delivery.py regenerates them.
"""

import os
import re
import socket
import threading
import types

import pytest

from world import mta as mta_module
from world.daemon import Daemon, wait_for
from world.mta import POSTFIX_LINES, Exim, Postfix37, Postfix310, Sendmail
from world.smtpserver import Receiver

WHY_NOT = mta_module.missing()
pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))

SOCKETMAP = ("127.0.0.1", 8461)
TCP_TABLE = ("127.0.0.1", 8462)
WAITS = "waits"
DECIDE_S = 60  # a server delivers or defers within that time

# name: address, and how the host differs from a good one
RECEIVERS = {
    "mx-good.test": ("5.9.1.1", {}),
    "mx-six.test": ("2a01:4f8::11", {}),
    "mx-othername.test": ("5.9.1.2", {"cert_name": "other.test"}),
    "mx-unknownca.test": ("5.9.1.3", {"cert": "unknown-ca"}),
    "mx-expired.test": ("5.9.1.4", {"cert": "expired"}),
    "mx-clear.test": ("5.9.1.5", {"cert": None}),
    "mx-tls11.test": ("5.9.1.6", {"tls": "1.1"}),
    "a.wild.test": ("5.9.1.7", {}),
    "a.b.wild.test": ("5.9.1.8", {}),
    "mx-unlisted.test": ("5.9.1.9", {}),
    # also not listed, and shows the certificate of a listed host
    "mx-sibling.test": ("5.9.1.10", {"cert_name": "mx-good.test"}),
    "mx.wildcert.test": ("5.9.1.11", {"cert": "wildcard"}),
    "mx-cnonly.test": ("5.9.1.12", {"cert": "cn-only"}),
    "mx-aliased.test": ("5.9.1.15", {"cert_name": "mx-alias.test"}),
    # For domains that enforce nothing. Exim avoids a host for a while after an
    # enforced delivery to it failed, for all domains.
    "mx-clear2.test": ("5.9.1.13", {"cert": None}),
    "mx-unknownca2.test": ("5.9.1.14", {"cert": "unknown-ca"}),
    "mx-sixbad.test": ("2a01:4f8::12", {"cert": "unknown-ca"}),
    "mx-smartbad.test": ("5.9.1.16", {"cert": "unknown-ca"}),
}
# MX names that are CNAMEs.
CNAMES = {
    "mx-forged.test": "mx-good.test",      # by an attacker: not listed
    "mx-alias.test": "mx-aliased.test",    # by the domain's owner: listed
}


class Row:
    """A situation: what is published, and what a sender must do, which is to deliver
    to the named receiver or to wait. EXCEPTIONS lists the senders that differ."""

    def __init__(self, key, what, mxs, expect, mode="enforce", listed=None,
                 **exceptions):
        self.key, self.what, self.expect = key, what, expect
        self.mxs = mxs.split()
        self.mode = mode
        self.listed = self.mxs if listed is None else listed.split()
        self.exceptions = exceptions

    def expected(self, sender):
        return self.exceptions.get(sender.key, self.expect)


ROWS = [
    Row("good", "good certificate", "mx-good.test", "mx-good.test"),
    Row("six", "good certificate, IPv6 only", "mx-six.test", "mx-six.test"),
    Row("sixbad", "certificate of an unknown CA, IPv6 only", "mx-sixbad.test",
        WAITS),
    Row("wildcert", "certificate with a wildcard", "mx.wildcert.test",
        "mx.wildcert.test"),
    Row("othername", "certificate for another name", "mx-othername.test",
        WAITS),
    Row("unknownca", "certificate of an unknown CA", "mx-unknownca.test",
        WAITS),
    Row("expired", "expired certificate", "mx-expired.test", WAITS),
    Row("cnonly", "name in the CN only", "mx-cnonly.test", WAITS,
        p37="mx-cnonly.test", p37strict="mx-cnonly.test", p310="mx-cnonly.test", exim="mx-cnonly.test"),
    Row("clear", "no STARTTLS", "mx-clear.test", WAITS),
    Row("tls11", "TLS 1.1 at best", "mx-tls11.test", WAITS),
    Row("testing", "testing, certificate of an unknown CA",
        "mx-unknownca2.test", "mx-unknownca2.test", mode="testing"),
    Row("testingclear", "testing, no STARTTLS", "mx-clear2.test",
        "mx-clear2.test", mode="testing"),
    Row("none", "mode none, no STARTTLS", "mx-clear2.test", "mx-clear2.test",
        mode="none"),
    Row("absent", "no policy, no STARTTLS", "mx-clear2.test",
        "mx-clear2.test", mode=None),
    Row("wild", "`*.wild.test`, one label", "a.wild.test", "a.wild.test",
        listed="*.wild.test"),
    Row("twolabels", "`*.wild.test`, two labels", "a.b.wild.test", WAITS,
        listed="*.wild.test", p37="a.b.wild.test"),
    Row("unlisted", "MX that the policy does not list", "mx-unlisted.test",
        WAITS, listed="mx-good.test"),
    Row("skip", "the same, before a good one",
        "mx-unlisted.test mx-good.test", "mx-good.test",
        listed="mx-good.test"),
    Row("sibling", "MX not listed that shows a listed one's certificate",
        "mx-sibling.test", WAITS, listed="mx-good.test",
        p37="mx-sibling.test"),
    Row("forged", "MX not listed that is a CNAME to a listed one",
        "mx-forged.test", WAITS, listed="mx-good.test", p37="mx-good.test"),
    Row("sameaddr", "MX not listed, with the address of a listed one",
        "mx-sameaddr.test", WAITS, listed="mx-good.test", p37="mx-good.test"),
    Row("alias", "MX listed that is a CNAME", "mx-alias.test",
        "mx-aliased.test"),
    Row("badfirst", "certificate of an unknown CA, before a good MX",
        "mx-unknownca.test mx-good.test", "mx-good.test"),
]


MAP = "socketmap:inet:%s:%d:" % SOCKETMAP
PROXIED = "proxy:socketmap:unix:/world/mail/map.sock:postfix"
# proxymap(8) serves only maps that main.cf names.
LINES = POSTFIX_LINES + "lmtp_tls_policy_maps = %s\n" % PROXIED
# Postfix can ask in other ways, too. Each has its own smtp(8).
WAYS = {
    "p37strict": {"smtp_tls_policy_maps": MAP + "strict"},
    "tcp": {"smtp_tls_policy_maps": "tcp:%s:%d" % TCP_TABLE},
    "proxy": {"smtp_tls_policy_maps": PROXIED},
    "chroot": {"chroot": "y", "smtp_tls_policy_maps":
               "socketmap:unix:/mtasts/mail/map.sock:postfix"},
    "query": {"smtp_tls_policy_maps": MAP + "QUERY"},
    "old": {"smtp_tls_policy_maps": MAP + "old"},
    "hard": {"smtp_tls_policy_maps": MAP + "hard"},
    "encrypt": {"smtp_tls_security_level": "encrypt"},
    "verify": {"smtp_tls_security_level": "verify"},
    "first": {"smtp_tls_policy_maps":
              "regexp:{ { /^mine-/ may } }, %spostfix" % MAP},
}

class Sender:
    """A sender. MTA is the key of the sender whose server it uses."""

    def __init__(self, key, kind, name=None, mta=None, **options):
        self.key, self.kind, self.mta = key, kind, mta or key
        self.name = name or kind.name
        self.options = options

    def domain(self, row):
        return "%s-%s.test" % (row.key, self.key)


SENDERS = [
    Sender("p37", Postfix37, map=MAP + "postfix", ways=WAYS, lines=LINES),
    Sender("p37strict", Postfix37, "Postfix 3.7, `strict_mx` and `protocols`",
           mta="p37"),
    Sender("p310", Postfix310, map=MAP + "postfix-tlsrpt"),
    Sender("exim", Exim, socket="/world/exim.sock"),
    Sender("sendmail", Sendmail, socket="inet:8461@127.0.0.1"),
]
IDS = [sender.key for sender in SENDERS]


@pytest.fixture(scope="module")
def receivers(world):
    made = {}
    for name, (address, options) in RECEIVERS.items():
        world.dns.add(name, "AAAA" if ":" in address else "A", address)
        made[name] = Receiver(world.ca, name, address, **options)
    world.dns.add("mx-sameaddr.test", "A", RECEIVERS["mx-good.test"][0])
    for name, target in CNAMES.items():
        world.dns.add(name, "CNAME", target + ".")
    yield made
    for receiver in made.values():
        receiver.stop()


def publish(world, domain, row):
    world.dns.add(domain, "MX", *("%d %s." % (10 * i + 10, name)
                                  for i, name in enumerate(row.mxs)))
    if row.mode:
        world.domain(domain, mode=row.mode, mx=row.listed, ttl=1)


@pytest.fixture(scope="module")
def daemon(world):
    one = Daemon(world, "mail", dane="off", dns={"timeout": "10s"},
                 fetch={"timeout": "60s"},
                 lookup={"negative_min": "1s", "timeout": "90s"},
                 refresh={"id_check_min": "1s", "id_check_max": "1s"},
                 maps=[{"name": "strict", "strict_mx": True,
                        "protocols": True},
                       {"name": "old", "servername": False},
                       {"name": "hard", "testing": "enforce"}])
    one.configure(listen=[{"socketmap": "inet:%s:%d" % SOCKETMAP},
                          {"socketmap": "unix:" + one.socket,
                           "mode": "0666"},
                          {"tcp_table": "inet:%s:%d" % TCP_TABLE},
                          {"exim": "unix:" + world.path("exim.sock"),
                           "mode": "0666"}])
    with one.start():
        yield one


@pytest.fixture(scope="module")
def mtas(world, daemon):
    started = {}
    try:
        for sender in SENDERS:
            if sender.mta == sender.key:
                started[sender.key] = sender.kind(world, key=sender.key,
                                                  **sender.options)
        for one in started.values():
            one.start()
        yield {sender.key: started[sender.mta] for sender in SENDERS}
    finally:
        for one in started.values():
            one.stop()


def delivered(receivers, recipient):
    """All mails to RECIPIENT, no matter which host received them."""
    return [mail for receiver in receivers.values() for mail in receiver.mails
            if recipient in mail.recipients]


def outcome(mta, receivers, recipient):
    """Returns where the mail went, or WAITS; None if it is not decided yet."""
    mails = delivered(receivers, recipient)
    assert len(mails) <= 1
    if mails:
        return mails[0].server.name
    return WAITS if mta.deferral(recipient) else None


@pytest.fixture(scope="module")
def seen(world, receivers, daemon, mtas):
    """Sends all mails at once; returns {(row, sender): (outcome, mail or reason)}."""
    for row in ROWS:
        for sender in SENDERS:
            publish(world, sender.domain(row), row)
    # Look the policies up first: on a busy machine, looking them all up at once may
    # take longer than Exim waits. In the tests below, the mail causes the look-up.
    for row in ROWS:
        for sender in SENDERS:
            daemon.ask(sender.domain(row), timeout_s=100)
    for row in ROWS:
        for sender in SENDERS:
            mtas[sender.key].send("u@" + sender.domain(row))
    results = {}
    for row in ROWS:
        for sender in SENDERS:
            mta, recipient = mtas[sender.key], "u@" + sender.domain(row)
            found = decide(mta, receivers, recipient)
            mails = delivered(receivers, recipient)
            results[row.key, sender.key] = (
                found, mails[0] if mails else mta.deferral(recipient))
    return results


@pytest.mark.parametrize("sender", SENDERS, ids=IDS)
@pytest.mark.parametrize("row", ROWS, ids=[row.key for row in ROWS])
def test_mail_goes_where_the_policy_allows(seen, row, sender):
    found, detail = seen[row.key, sender.key]
    assert found == row.expected(sender), detail
    if row.mode == "enforce" and found != WAITS:
        assert detail.tls in ("TLSv1.2", "TLSv1.3")
        if not CNAMES.keys() & row.mxs:
            assert detail.sni in row.mxs  # RFC 8461 7.1


# -- one after another --------------------------------------------------------

def decide(mta, receivers, recipient):
    try:
        return wait_for(lambda: outcome(mta, receivers, recipient),
                        timeout_s=DECIDE_S, step_s=0.1)
    except AssertionError:
        return "nothing: " + mta.log()[-3000:]


@pytest.fixture(params=SENDERS, ids=IDS)
def sender(request, seen):
    return request.param


def own_host(world, receivers, sender, what):
    """A host with a bad certificate for this sender only: after a failed delivery, Exim
    does not try that host again for a while, whatever the domain."""
    host = "mx-%s-%s.test" % (what, sender.key)
    address = "5.9.2.%d" % (len(receivers) + 1)
    world.dns.add(host, "A", address)
    receivers[host] = Receiver(world.ca, host, address, "unknown-ca")
    return host


# What the tests below do, one after another, and what must happen: the second table
# of the document. The key is the test's name for it.
AFTERWARDS = {
    "two": ("one message to two domains, one of which enforces a policy that "
            "its host can't meet", "that one's waits, the other goes"),
    "shared": ("the same, where both domains have the same host, in either "
               "order", "that one's waits, the other goes"),
    "smartgood": ("a smart host that meets its policy", "delivered"),
    "smartbad": ("a smart host that does not", "waits"),
    "smartfree": ("a smart host without a policy, for a domain that enforces "
                  "one", "delivered"),
    "known": ("policy host gone, the policy is cached, certificate of an "
              "unknown CA", "waits"),
    "fresh": ("policy host gone, nothing is cached, no STARTTLS", "delivered"),
    "newid": ("a new id, with a right policy after a wrong one",
              "waits, and goes then"),
    "down": ("mtastsd stopped, and started again", "waits, and goes then"),
}
LATE = "that one's waits, the other can be late"
happened = {}  # (key of AFTERWARDS, key of a sender): what happened


def happens(key, sender, what):
    happened[key, sender.key] = what
    assert what == AFTERWARDS[key][1] or (key, sender.key, what) == (
        "shared", "exim", LATE)


def what_becomes(mta, receivers, recipient):
    """Returns the result of decide() in words."""
    found = decide(mta, receivers, recipient)
    return "delivered" if found in receivers else found


def test_two_recipients(world, receivers, mtas, sender):
    """For two recipients of one message, one domain's policy does not affect the
    other's mail."""
    mta = mtas[sender.key]
    host = own_host(world, receivers, sender, "two")
    strict = Row("strict", "", host, WAITS)
    easy = Row("easy", "", "mx-clear2.test", "mx-clear2.test", mode=None)
    names = [sender.domain(row) for row in (strict, easy)]
    for name, row in zip(names, (strict, easy)):
        publish(world, name, row)
    mta.send(*["u@" + name for name in names])
    assert decide(mta, receivers, "u@" + names[1]) == "mx-clear2.test"
    assert decide(mta, receivers, "u@" + names[0]) == WAITS
    happens("two", sender, "that one's waits, the other goes")


def test_shared_host(world, receivers, mtas, sender):
    """The domains of two recipients share a mail host, which violates the policy of
    one domain. Only that domain's mail waits, in either order."""
    mta = mtas[sender.key]
    late = False
    for turn in range(2):
        host = own_host(world, receivers, sender, "shared%d" % turn)
        strict = Row("sharedstrict%d" % turn, "", host, WAITS)
        easy = Row("sharedeasy%d" % turn, "", host, host, mode=None)
        names = [sender.domain(row) for row in (easy, strict)]
        for name, row in zip(names, (easy, strict)):
            publish(world, name, row)
        mta.send(*["u@" + name for name in
                   (names if turn else reversed(names))])
        assert decide(mta, receivers, "u@" + names[1]) == WAITS
        if decide(mta, receivers, "u@" + names[0]) == WAITS:
            assert goes_out(mta, receivers, "u@" + names[0]) == host
            late = True
        assert not delivered(receivers, "u@" + names[1])
    # With Exim it depends on which of the two it tries first.
    happens("shared", sender, LATE if late or sender.key == "exim" else
            AFTERWARDS["shared"][1])


SMART = [  # name, its host, and the expected outcome
    ("smartgood", "mx-good.test", "mx-good.test"),
    ("smartbad", "mx-smartbad.test", WAITS),
    # without a policy: the policy of the recipient's domain does not matter
    ("smartfree", "mx-unknownca2.test", "mx-unknownca2.test"),
]


@pytest.mark.parametrize("name, host, expect", SMART,
                         ids=[row[0] for row in SMART])
def test_smart_host(world, receivers, mtas, sender, name, host, expect):
    """RFC 8461 3.4: the smart host's own policy counts."""
    mta = mtas[sender.key]
    if name != "smartfree":
        world.domain(host, mx=(host,))
    domain = "%s-%s.test" % (name, sender.key)
    world.domain(domain, mx=("mx-good.test",))
    mta.send_by(host, "u@" + domain)
    found = decide(mta, receivers, "u@" + domain)
    assert found == expect
    happens(name, sender, "waits" if found == WAITS else "delivered")


def test_policy_host_gone(world, receivers, mtas, daemon, sender):
    """RFC 8461 3.3: a cached policy stays in force; without one, the domain is treated as
    having no policy."""
    mta = mtas[sender.key]
    known = Row("known", "", own_host(world, receivers, sender, "known"), WAITS)
    fresh = Row("fresh", "", "mx-clear2.test", "mx-clear2.test")
    for row in (known, fresh):
        publish(world, sender.domain(row), row)
    assert daemon.ask(sender.domain(known)).startswith("OK secure")
    for row in (known, fresh):
        world.site(sender.domain(row)).status = "500 Broken"
        world.publish_id(sender.domain(row), "2", ttl=1)
        mta.send("u@" + sender.domain(row))
        happens(row.key, sender, what_becomes(mta, receivers,
                                              "u@" + sender.domain(row)))


def test_new_policy(world, receivers, mtas, daemon, sender):
    """When a wrong policy is replaced by a right one, the waiting mail goes out."""
    mta = mtas[sender.key]
    wrong = Row("newid", "", "mx-good.test", WAITS, listed="mx-wrong.test")
    right = Row("newid", "", "mx-good.test", "mx-good.test")
    name = sender.domain(wrong)
    publish(world, name, wrong)
    mta.send("u@" + name)
    assert decide(mta, receivers, "u@" + name) == WAITS
    publish(world, name, right)
    world.publish_id(name, "2", ttl=1)
    wait_for(lambda: "mx-good.test" in daemon.ask(name), timeout_s=DECIDE_S,
             step_s=0.3)
    assert goes_out(mta, receivers, "u@" + name) == "mx-good.test"
    happens("newid", sender, "waits, and goes then")


def goes_out(mta, receivers, recipient):
    """Runs the queue; returns where the waiting mail went."""
    mta.flush_queue()
    return wait_for(lambda: delivered(receivers, recipient),
                    timeout_s=DECIDE_S, step_s=0.1)[0].server.name


def test_daemon_stopped(world, receivers, mtas, daemon, sender):
    """Mail to any domain waits rather than going out unprotected."""
    mta = mtas[sender.key]
    row = Row("down", "", "mx-good.test", WAITS)
    name = sender.domain(row)
    publish(world, name, row)
    daemon.stop()
    try:
        mta.send("u@" + name)
        assert decide(mta, receivers, "u@" + name) == WAITS
    finally:
        daemon.start()
    assert goes_out(mta, receivers, "u@" + name) == "mx-good.test"
    happens("down", sender, "waits, and goes then")


LONG = ["mx%d.some-longer-name.test" % i for i in range(60)]
MANY = ["host%d.another-name.test" % i for i in range(12)]
LENGTHS = [
    # patterns besides the MX hosts, those hosts, and the expected outcome
    (LONG[:8], "mx-good.test", "mx-good.test"),
    (LONG[:8], "mx-clear.test", WAITS),
    (LONG, "mx-good.test", "mx-good.test"),
    (LONG, "mx-clear.test", WAITS),
    # more hosts than fit
    (LONG, "mx-good.test " + " ".join(MANY), WAITS),
]


@pytest.mark.parametrize("number", range(len(LENGTHS)))
def test_sendmail_length(world, receivers, mtas, daemon, seen, number):
    """Sendmail treats a very long answer as no policy, and reads only the first names
    of a shorter one."""
    names, mxs, expect = LENGTHS[number]
    mta = mtas["sendmail"]
    row = Row("long%d" % number, "", mxs, expect,
              listed=" ".join(names) + " " + mxs)
    domain = SENDERS[-1].domain(row)
    publish(world, domain, row)
    mta.send("u@" + domain)
    assert decide(mta, receivers, "u@" + domain) == expect
    assert any(domain in line for line in daemon.events("sendmail_waits")) == \
        (len(mxs) > 20)


# -- Postfix, in every way it can ask -----------------------------------------

MINE = "mine"  # a name that the map "first" has an entry for

WAYS_ROWS = [
    # way, row, and the server name in the TLS handshake
    ("tcp", "good", "mx-good.test"), ("tcp", "unknownca", WAITS),
    ("proxy", "good", "mx-good.test"), ("proxy", "unknownca", WAITS),
    ("chroot", "good", "mx-good.test"), ("chroot", "unknownca", WAITS),
    ("query", "good", "mx-good.test"), ("query", "unknownca", WAITS),
    # Postfix before 3.4 gets no servername=.
    ("old", "good", None), ("old", "unknownca", WAITS),
    ("hard", "testing", WAITS), ("hard", "testingclear", WAITS),
    ("hard", "good", "mx-good.test"), ("hard", "none", None),
    # The operator's own level applies where we answer nothing.
    ("encrypt", "testingclear", WAITS), ("encrypt", "none", WAITS),
    ("encrypt", "absent", WAITS), ("encrypt", "testing", None),
    ("encrypt", "unknownca", WAITS), ("encrypt", "good", "mx-good.test"),
    ("verify", "testing", WAITS), ("verify", "absent", WAITS),
    # The operator's own map, listed before ours, applies too.
    ("first", "good", "mx-good.test"), ("first", "unknownca", WAITS),
    ("first", MINE, None),
]


@pytest.fixture(scope="module")
def ways_seen(world, receivers, seen, mtas):
    """Sends all mails at once; returns {(way, row key): (outcome, mail)}."""
    rows = {row.key: row for row in ROWS}
    rows[MINE] = Row(MINE, "", "mx-unknownca.test", "mx-unknownca.test")
    mta = mtas["p37"]
    names = {}
    for way, key, _ in WAYS_ROWS:
        names[way, key] = "%s-%s.test" % (key, way)
        publish(world, names[way, key], rows[key])
        mta.send("u@" + names[way, key])
    results = {}
    for place, name in names.items():
        found = decide(mta, receivers, "u@" + name)
        mails = delivered(receivers, "u@" + name)
        results[place] = (found,
                          mails[0] if mails else mta.deferral("u@" + name))
    return results


@pytest.mark.parametrize("way, key, sni", WAYS_ROWS,
                         ids=["%s-%s" % row[:2] for row in WAYS_ROWS])
def test_postfix_enforces_the_policy_in_every_way(ways_seen, way, key, sni):
    found, detail = ways_seen[way, key]
    if sni == WAITS:
        assert found == WAITS, detail
        assert "client TLS configuration problem" not in detail
    else:
        assert found != WAITS, detail
        assert detail.sni == sni


# -- invalid answers ----------------------------------------------------------

HOSTS = "mode=enforce hosts=!^mx-good[.]test$:*\n"

BROKEN = [
    "", "\n", "mode=", "mode=fail\n", "mode=nonsense\n", "mode=none of these\n",
    "mode=none\nmode=none\n", "mode=enforce\n", "mode=enforce hosts=\n",
    "mode=enforce hosts=*\n", "mode=enforce hosts=!^$:*\n",
    "mode=enforce hosts=!^.*$:*\n", "mode=enforce hosts=!*:*\n",
    "mode=enforce hosts=mx-good.test:*\n", "HTTP/1.0 400 Bad Request\r\n\r\n",
    "200 OK\n",
] + [HOSTS[:length] for length in range(5, len(HOSTS) - 1)]


@pytest.fixture
def liar(world, daemon, mtas):
    """Answers Exim instead of the daemon, with liar.answer."""
    path = world.path("exim.sock")
    os.rename(path, path + ".real")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    os.chmod(path, 0o666)
    listener.listen(50)
    it = types.SimpleNamespace(answer="")

    def serve():
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client:
                client.recv(1000)
                client.sendall(it.answer.encode())
    threading.Thread(target=serve, daemon=True).start()
    yield it
    listener.close()
    os.unlink(path)
    os.rename(path + ".real", path)


def test_exim_broken_answers(world, receivers, mtas, seen, liar):
    """If the answer is garbage or is cut off anywhere, the mail waits."""
    mta = mtas["exim"]
    liar.answer = HOSTS
    publish(world, "whole-exim.test", Row("whole", "", "mx-good.test", ""))
    mta.send("u@whole-exim.test")
    assert decide(mta, receivers, "u@whole-exim.test") == "mx-good.test"
    for number, answer in enumerate(BROKEN):
        name = "broken%d-exim.test" % number
        publish(world, name, Row("broken", "", "mx-good.test", WAITS))
        liar.answer = answer
        mta.send("u@" + name)
        assert decide(mta, receivers, "u@" + name) == WAITS, answer


# -- the document -------------------------------------------------------------

DOCUMENT = os.path.join(os.environ["srcdir"], "doc", "interoperability.md")
TABLES = re.compile("(<!-- table -->\n).*?(<!-- end of the table -->\n)", re.S)
# Each exception, with the number of its explanation in the document.
NOTES = {"cnonly": 1, "twolabels": 2, "sibling": 3, "forged": 4,
         "sameaddr": 4}


def cell(row, found):
    text = "waits" if found == WAITS else "delivered"
    if found not in (WAITS, row.expect) or len(row.mxs) > 1 and found != WAITS:
        text += " to `%s`" % found
    return text if found == row.expect else "**%s** (%d)" % (
        text, NOTES[row.key])


def table(first, rows):
    """Formats ROWS: the situation, the expected outcome, and a cell for each sender."""
    rows = [first + [one.name for one in SENDERS],
            ["---"] * (2 + len(SENDERS))] + rows
    return "".join("| %s |\n" % " | ".join(row) for row in rows)


def first_table(results):
    return table(["situation", "RFC 8461"], [
        [row.what, cell(row, row.expect)] +
        [cell(row, results[row.key, one.key][0]) for one in SENDERS]
        for row in ROWS])


def second_table():
    def one_cell(key, sender):
        what = happened.get((key, sender.key), "?")
        return what if what == AFTERWARDS[key][1] else "**%s** (5)" % what
    return table(["what", "RFC 8461"], [
        [what, expect] + [one_cell(key, one) for one in SENDERS]
        for key, (what, expect) in AFTERWARDS.items()])


def test_document_matches_the_outcomes(seen, mtas):
    """Compares the document's tables. Every test before this one must have run."""
    for one in SENDERS:
        _, version = one.kind.name.split()
        assert (mtas[one.key].version() + ".").startswith(version + ".")
    with open(DOCUMENT) as file:
        old = file.read()
    made = iter([first_table(seen), second_table()])
    new = TABLES.sub(lambda found: found[1] + next(made) + found[2], old)
    if os.environ.get("MTS_UPDATE"):
        with open(DOCUMENT, "w") as file:
            file.write(new)
    else:
        assert old == new
