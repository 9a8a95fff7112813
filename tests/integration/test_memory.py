# SPDX-License-Identifier: BSD-2-Clause
"""Memory refused: whoever can't be served is answered as without a policy, or let
go; nobody waits in vain, nobody else is blamed, and all is well once there is
memory again. With DANE: test_memory_dane.py."""

import resource

import pytest

from world.shortage import ask_or_be_let_go, grant, refuse
from world.world import World, wait_for

NONE = "NOTFOUND "
GOOD = "5.9.200.10"
ROOMS_KIB = [0, 16, 64, 128, 192, 256, 512, 768, 1024, 2048]


@pytest.fixture(scope="module")
def world():
    the_world = World(web_addresses=[(GOOD, 443)])
    yield the_world
    the_world.close()


@pytest.fixture
def daemon(daemons):
    one = daemons(dane="off", log={"level": "info"}).start()
    if one.is_instrumented():
        pytest.skip("a sanitizer ends what is refused memory")
    return one


def ok(domain):
    return "OK secure match=mx1.%s servername=hostname" % domain


def publish(world, name, count):
    domains = ["%s-%d.example" % (name, i) for i in range(count)]
    for domain in domains:
        world.domain(domain, addresses=(GOOD,))
    return domains


def is_at_rest(daemon):
    status = daemon.ctl("status", status=None)
    return status["lookups"]["under_way"] == 0


def is_well(daemon, domain):
    daemon.flush("--negative")
    return daemon.ask(domain) == ok(domain)


def must_recover(daemon, domains):
    grant(daemon)
    # Look-ups of those who were let go go on, and have failed when they end.
    wait_for(lambda: is_at_rest(daemon), timeout_s=60)
    wait_for(lambda: is_well(daemon, domains[0]), timeout_s=60)
    # None was barred as if its policy host were at fault.
    assert ask_or_be_let_go(daemon, domains) == [ok(name) for name in domains]
    assert daemon.ctl_raw("reload")[0] == 0
    wait_for(lambda: daemon.ctl("status", status=None)["cache"]["writable"],
             timeout_s=60)


def must_say_so_once(daemon):
    for event in ("memory_refused", "connection_refused",
                  "discovery_not_started"):
        assert len(daemon.events(event)) <= 1, event  # a minute
    assert daemon.events("memory_refused") or \
        daemon.events("connection_refused") or \
        daemon.events("discovery_not_started")


@pytest.mark.parametrize("room_kib", ROOMS_KIB)
def test_before_the_first_look_up(world, daemon, room_kib):
    """What libraries set up when they are first used they must have by then: the
    source of random numbers, without which the process ends, and OpenSSL's
    algorithms, which it never finds again."""
    domains = publish(world, "first%d" % room_kib, 40)
    refuse(daemon, room_kib)
    answers = ask_or_be_let_go(daemon, domains)
    assert daemon.is_running(), daemon.log()
    assert any(answer in (None, NONE) for answer in answers), "it had enough"
    assert set(answers) <= {None, NONE, *map(ok, domains)}
    must_say_so_once(daemon)
    must_recover(daemon, domains)


@pytest.mark.parametrize("room_kib", [0, 256, 1024])
def test_storm(world, daemon, room_kib):
    domains = publish(world, "tight%d" % room_kib, 300)
    publish(world, "before%d" % room_kib, 1)
    wait_for(lambda: is_well(daemon, "before%d-0.example" % room_kib))
    refuse(daemon, room_kib)
    answers = ask_or_be_let_go(daemon, domains)
    assert any(answer in (None, NONE) for answer in answers), "it had enough"
    assert set(answers) <= {None, NONE, *map(ok, domains)}
    must_say_so_once(daemon)
    must_recover(daemon, domains[:40])


@pytest.mark.parametrize("room_kib", [0, 64, 512])
def test_what_is_on_disk(world, daemon, room_kib):
    """A hit goes on beside what is refused."""
    known = publish(world, "known%d" % room_kib, 1)[0]
    domains = publish(world, "cold%d" % room_kib, 40)
    assert daemon.ask(known) == ok(known)
    daemon.stop()
    daemon.start()
    client = daemon.connect()
    refuse(daemon, room_kib)
    for _ in range(3):
        ask_or_be_let_go(daemon, domains)
        assert client.ask("postfix", known) in (ok(known), None)
        client.close()
        client = daemon.connect()
    client.close()
    must_recover(daemon, [known] + domains)


@pytest.mark.parametrize("room_kib", ROOMS_KIB)
def test_explain(world, daemon, room_kib):
    """The policy host is in order, so nobody may be told that it is not; and
    whoever asks is not kept waiting."""
    domains = publish(world, "explained%d" % room_kib, 20)
    refuse(daemon, room_kib)
    for domain in domains:
        _, out, err = daemon.ctl_raw("explain", domain)
        if "policy fetched" in out:
            continue
        for blame in ("owner", "resolver works", "firewall"):
            assert blame not in out, out
        assert "give it more" in out or err, out
    must_recover(daemon, domains)


@pytest.mark.parametrize("kib", [40000, 100000, 1000000])
def test_little_memory_at_the_start(daemons, kib):
    """It starts, or says in one line why not."""
    daemon = daemons()
    if daemon.start().is_instrumented():
        pytest.skip("a sanitizer wants terabytes")
    daemon.stop()
    daemon.spawn(preexec_fn=lambda: resource.setrlimit(
        resource.RLIMIT_AS, (kib * 1024, kib * 1024)))
    wait_for(lambda: daemon.is_ready() or not daemon.is_running())
    if daemon.is_running():
        assert kib > 40000
        return
    assert kib < 1000000
    assert daemon.process.returncode == 1
    daemon.process = None
    assert len(daemon.events("start_failed", "error")) == 1, daemon.log()
