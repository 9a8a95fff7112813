# SPDX-License-Identifier: BSD-2-Clause
"""How policies age and are refreshed, in the real daemon, with policies that
live for seconds.

What takes longer, such as the pauses after failures, is tested with a fake clock
in tests/unit/test_refresher.c."""

import time

import pytest

from world import nameserver as ns
from world.daemon import wait_for
from world.world import policy

NONE = "NOTFOUND "
QUICK = {"refresh": {"min_interval": "1s"}}


def ok(domain):
    return "OK secure match=mx1.%s servername=hostname" % domain


@pytest.fixture(scope="module")
def quick(world):
    """A daemon that may fetch a policy once a second."""
    from world.daemon import Daemon
    with Daemon(world, "quick", **QUICK).start() as daemon:
        yield daemon


def about(daemon, event, domain, level="warning"):
    """The log lines of EVENT for DOMAIN."""
    return [line for line in daemon.events(event, level)
            if " domain=%s " % domain in line + " "]


RECORDS = {
    "record-good": lambda world, domain: None,
    "record-gone": lambda world, domain: world.dns.remove(
        "_mta-sts." + domain, "TXT"),
    "record-servfail": lambda world, domain: world.dns.behave(
        "_mta-sts." + domain, ns.servfail),
    "record-twice": lambda world, domain: world.dns.txt(
        "_mta-sts." + domain, "v=STSv1; id=2;", "v=STSv1; id=3;"),
}


@pytest.fixture(scope="module")
def outlived(world, quick):
    """Policies with a max_age of 10 seconds, after 15 seconds without look-ups.
    Each has been fetched four times by then."""
    domains = {name: name + ".clocks.example" for name in RECORDS}
    for domain in domains.values():
        world.domain(domain, max_age=10)
        assert quick.ask(domain) == ok(domain)
    for name, domain in domains.items():
        RECORDS[name](world, domain)
    for domain in domains.values():
        wait_for(lambda: world.fetch_count(domain) >= 4, step_s=0.2)
    return domains


@pytest.mark.parametrize("name", RECORDS)
def test_policy_is_refreshed_without_look_ups(world, quick, outlived, name):
    """RFC 8461 10.2: "in a background task ... regardless of the state of the
    "_mta-sts" TXT record". So the policy stays in force past its first max_age."""
    domain = outlived[name]
    shown = quick.ctl("show", domain)
    assert shown["id"] == "1" and shown["live"]
    assert shown["expires"] - shown["fetched"] == 10
    assert shown["next_refresh"] <= shown["fetched"] + 5
    assert shown["failures"] == 0 and shown["failed"] is None
    assert quick.ask(domain) == ok(domain)
    assert quick.ctl("status")["refreshes"]["done"] >= 2
    # There are no look-ups from here on.
    world.domain(domain, mode="none", max_age=86400)


def test_wrong_certificate_at_refresh(world, quick):
    """Against the attack in RFC 8461 section 10, the cached policy stays in force.
    The operator gets a warning, and another one when the policy expires."""
    domain = "attacked.clocks.example"
    site = world.domain(domain, max_age=10)
    assert quick.ask(domain) == ok(domain)
    site.cert = "other-name"
    shown = wait_for(lambda: quick.ctl("show", domain)["failures"] and
                     quick.ctl("show", domain))
    warned = about(quick, "policy_refresh_failed", domain)
    assert len(warned) == 1 and " cause=certificate " in warned[0]
    assert shown["failed_cause"] == "certificate"
    assert shown["next_refresh"] is None  # it expires before the next try
    status, text, _ = quick.ctl_raw("show", domain)
    assert status == 0 and "1 since the last success" in text
    answers = set()
    while time.time() < shown["fetched"] + 8:
        answer = quick.ask(domain)
        if time.time() < shown["fetched"] + 9:  # otherwise it may have expired
            answers.add(answer)
        time.sleep(0.2)
    assert answers <= {ok(domain)}
    wait_for(lambda: quick.ask(domain) == NONE)
    wait_for(lambda: about(quick, "policy_ended", domain))
    assert quick.ctl("show", domain, status=1) is not None  # an error
    assert len(about(quick, "policy_refresh_failed", domain)) == 1


def test_changed_policy_with_the_same_id_is_fetched(world, quick):
    domain = "sameid.clocks.example"
    site = world.domain(domain, max_age=6)
    assert quick.ask(domain) == ok(domain)
    site.body = policy(mode="none", max_age=6, domain=domain).encode()
    wait_for(lambda: quick.ask(domain) == NONE)
    assert quick.ctl("show", domain)["mode"] == "none"
    assert len(about(quick, "policy_text_changed", domain,
                     "warning")) == 1  # it is no longer enforced
    # mode none: further failures don't matter
    site.status = "500 No"
    wait_for(lambda: quick.ctl_raw("show", domain)[0] == 1)
    assert not about(quick, "policy_refresh_failed", domain)
    assert quick.ctl("list", domain, status=1) in ([], None)


def test_max_age_0(world, daemons):
    """The policy is used, and the policy host is not asked again before
    refresh.min_interval has passed."""
    daemon = daemons().start()
    domain = "zero.clocks.example"
    world.domain(domain, max_age=0)
    assert daemon.ask(domain) == ok(domain)
    wait_for(lambda: daemon.ask(domain) == NONE)
    end = time.monotonic() + 2
    while time.monotonic() < end:
        assert daemon.ask(domain) == NONE
        time.sleep(0.05)
    assert world.fetch_count(domain) == 1
    assert "max_age of 0 s" in daemon.ctl("lookup", domain, status=1)["reason"]
    # An operator may ask earlier.
    daemon.ctl("refresh", domain)
    assert world.fetch_count(domain) == 2


def test_overdue_policy_is_refreshed_at_startup(world, daemons):
    """A policy whose refresh came due while the daemon was down is fetched at
    startup."""
    daemon = daemons(**QUICK).start()
    domains = ["down%d.clocks.example" % i for i in range(40)]
    for domain in domains:
        world.domain(domain, max_age=30)
        assert daemon.ask(domain) == ok(domain)
    daemon.stop()
    time.sleep(16)
    fetched = {domain: world.fetch_count(domain) for domain in domains}
    daemon.start()
    wait_for(lambda: all(world.fetch_count(domain) > fetched[domain]
                         for domain in domains))


def wakes(daemon):
    """How often the daemon's main thread has gone to sleep."""
    with open("/proc/%d/status" % daemon.process.pid) as file:
        for line in file:
            if line.startswith("voluntary_ctxt_switches"):
                return int(line.split()[1])
    return None


def test_idle_daemon_does_not_wake_up(world, daemons):
    """An idle daemon wakes up only for the next due refresh."""
    daemon = daemons().start()
    domain = "idle.clocks.example"
    world.domain(domain)
    assert daemon.ask(domain) == ok(domain)

    def sleeps():
        before = wakes(daemon)
        time.sleep(4)
        return wakes(daemon) == before
    wait_for(sleeps)  # once everything is on disk
