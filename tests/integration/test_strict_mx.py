# SPDX-License-Identifier: BSD-2-Clause
"""strict_mx: the answer to Postfix lists the MX hosts that match the policy."""

import pytest

from world import nameserver
from world.daemon import Daemon, wait_for

TCP = ("127.0.0.1", 8462)
SECURE = "OK secure match=%s servername=hostname"


@pytest.fixture(scope="module")
def daemon(world):
    one = Daemon(world, "strict", dane="off", dns={"timeout": "1s"}, maps=[
        {"name": "strict", "strict_mx": True},
        {"name": "strict310", "like": "postfix-tlsrpt", "strict_mx": True},
        {"name": "strict-sts", "like": "sts", "strict_mx": True}])
    one.configure(listen=[{"socketmap": "unix:" + one.socket},
                          {"tcp_table": "inet:%s:%d" % TCP,
                           "map": "strict"}])
    with one.start():
        yield one


def publish(world, name, *mxs, listed=("*.{domain}", "mx1.other.example"),
            ttl=300, **options):
    world.domain(name, mx=listed, **options)
    if mxs:
        world.dns.add(name, "MX", *("%d %s." % (10 * i, mx)
                                    for i, mx in enumerate(mxs)), ttl=ttl)


ROWS = [
    ("covered", ["mx.covered.example", "mx1.other.example"],
     SECURE % "mx.covered.example:mx1.other.example"),
    ("some", ["a.b.some.example", "mx9.other.example", "mx.some.example"],
     SECURE % "mx.some.example"),
    ("twolabels", ["a.b.twolabels.example"],
     "TEMP no MX host of twolabels.example is in its policy"),
    # RFC 5321 5.1: the domain itself, which "*." does not match
    ("implicit", [], "TEMP no MX host of implicit.example is in its policy"),
]


@pytest.mark.parametrize("name, mxs, answer", ROWS,
                         ids=[row[0] for row in ROWS])
def test_answer(world, daemon, name, mxs, answer):
    name += ".example"
    publish(world, name, *mxs)
    assert daemon.ask(name, "strict") == answer
    assert daemon.ask(name, "strict310").startswith(answer)
    # These two list patterns, so strict_mx does not affect them.
    patterns = SECURE % (".%s:mx1.other.example" % name)
    assert daemon.ask(name, "postfix") == patterns
    assert daemon.ask(name, "strict-sts") == patterns


def test_implicit_mx(world, daemon):
    publish(world, "own.example", listed=("{domain}",))
    assert daemon.ask("own.example", "strict") == SECURE % "own.example"


def test_smart_host(world, daemon):
    """In brackets is the host itself, so there is no MX look-up."""
    publish(world, "mx.smart.example", "elsewhere.example",
            listed=("{domain}",))
    publish(world, "smart.example", listed=("mx.smart.example",))
    assert daemon.ask("[mx.smart.example]:587", "strict") == \
        SECURE % "mx.smart.example"
    assert daemon.ask("[smart.example]", "strict") == \
        "TEMP no MX host of smart.example is in its policy"
    assert world.dns.count("mx.smart.example", "MX") == 0


def test_tcp_table(world, daemon):
    publish(world, "tcp.example", "mx.tcp.example")
    publish(world, "tcpbad.example", "mx.elsewhere.example")
    with daemon.connect(address=TCP) as client:
        for name, reply in [("tcp", b"200 secure%20match=mx.tcp.example"),
                            ("tcpbad", b"400 no%20MX%20host%20of")]:
            client.send(b"get %s.example\n" % name.encode())
            assert client.sock.recv(1000).startswith(reply)


def test_testing_asks_for_no_mx(world, daemon):
    publish(world, "trial.example", "mx.trial.example", mode="testing")
    assert daemon.ask("trial.example", "strict") == "NOTFOUND "
    assert world.dns.count("trial.example", "MX") == 0


def test_one_question(world, daemon):
    """Postfix asks for each host, but the MX records are asked for once per TTL."""
    publish(world, "once.example", "mx.once.example")
    for _ in range(5):
        assert daemon.ask("once.example", "strict") == \
            SECURE % "mx.once.example"
    assert world.dns.count("once.example", "MX") == 1


def test_new_records(world, daemon):
    publish(world, "new.example", "mx.old.example", ttl=1)
    answer = "TEMP no MX host of new.example is in its policy"
    assert daemon.ask("new.example", "strict") == answer
    publish(world, "new.example", "mx.new.example")
    wait_for(lambda: daemon.ask("new.example", "strict") ==
             SECURE % "mx.new.example", timeout_s=30, step_s=0.5)


@pytest.mark.parametrize("fault", [nameserver.servfail, nameserver.silent,
                                   nameserver.garbage],
                         ids=lambda one: one.__name__)
def test_dns_fails(world, daemon, fault):
    """Mail waits. The policy stays: an attacker on the DNS can't remove it."""
    name = fault.__name__ + ".example"
    publish(world, name, "mx." + name)
    world.dns.behave(name, fault, "MX")
    assert daemon.ask(name, "strict").startswith(
        "TEMP the MX hosts of %s can't be looked up: " % name)
    assert daemon.ask(name, "postfix").startswith("OK secure ")
    # Once the failure expires, the DNS is asked again.
    world.dns.behave(name, None, "MX")
    daemon.ctl("flush", name)
    assert daemon.ask(name, "strict") == SECURE % ("mx." + name)


def test_for_all_maps(world, daemons):
    """The top-level option affects the built-in maps only; mtasts-ctl shows
    the answer to Postfix, and why."""
    publish(world, "all.example", "mx.all.example")
    publish(world, "none-in.example", "mx.elsewhere.example")
    daemon = daemons(dane="off", strict_mx=True,
                     maps=[{"name": "lax"}]).start()
    answer = SECURE % "mx.all.example"
    assert daemon.ctl("lookup", "all.example")["answer"] == answer
    assert daemon.ask("all.example") == daemon.ask("all.example", "QUERY") == \
        answer
    assert daemon.ask("all.example", "lax") == \
        SECURE % ".all.example:mx1.other.example"
    status, text, _ = daemon.ctl_raw("explain", "none-in.example")
    assert status == 0
    text = " ".join(text.split())
    for part in ("TEMP no MX host of none-in.example is in its policy",
                 "covers none of the domain's MX hosts (strict_mx)",
                 "the domain's owner has to fix the policy or the MX records"):
        assert part in text


def test_reload(world, daemons):
    publish(world, "later.example", "mx.later.example")
    daemon = daemons(dane="off").start()
    patterns = SECURE % ".later.example:mx1.other.example"
    assert daemon.ask("later.example") == patterns
    for strict, answer in [(True, SECURE % "mx.later.example"),
                           (False, patterns)]:
        daemon.configure(strict_mx=strict)
        daemon.ctl("reload")
        assert daemon.ask("later.example") == answer
