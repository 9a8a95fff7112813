# SPDX-License-Identifier: BSD-2-Clause
"""Look-ups: which servers are asked, when, how often; what is remembered."""

import select
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from world import nameserver as ns
from world import webserver as web
from world.world import HANG_S, policy, wait_for

NONE = "NOTFOUND "
# Checks the record with every hit that is a second old, and forgets an absence
# after a second. With real settings that takes minutes.
QUICK = {"refresh": {"id_check_min": "1s", "id_check_max": "1s"},
         "lookup": {"negative_min": "1s", "negative_max": "3s"}}


def ok(domain, mx="mx1"):
    return "OK secure match=%s.%s servername=hostname" % (mx, domain)


def ask_all(daemon, keys, map="postfix"):
    """Asks for all of KEYS at the same time."""
    with ThreadPoolExecutor(len(keys)) as pool:
        return list(pool.map(lambda key: daemon.ask(key, map), keys))


# -- hits and misses ----------------------------------------------------------

def test_hit_causes_no_traffic(world, daemon):
    world.domain("hit.example")
    assert daemon.ask("hit.example") == ok("hit.example")
    asked, accepted = len(world.dns.log), world.web.accepted
    for _ in range(50):
        assert daemon.ask("hit.example") == ok("hit.example")
    assert len(world.dns.log) == asked
    assert world.web.accepted == accepted


def test_known_absence_causes_no_traffic(world, daemon):
    assert daemon.ask("absent.example") == NONE
    asked = len(world.dns.log)
    for _ in range(50):
        assert daemon.ask("absent.example") == NONE
    assert len(world.dns.log) == asked


def test_hit_while_the_world_is_down(world, daemons):
    """It does not wait for the check of the record, which takes a minute."""
    daemon = daemons(refresh=QUICK["refresh"], dns={"timeout": "60s"},
                     lookup={"timeout": "90s"}).start()
    world.domain("down.example", ttl=1)
    assert daemon.ask("down.example") == ok("down.example")
    known = world.txt_count("down.example")
    world.die()
    try:
        while world.txt_count("down.example") == known:
            assert daemon.ask("down.example", timeout_s=30) == \
                ok("down.example")
            time.sleep(0.1)
        for _ in range(10):
            assert daemon.ask("down.example", timeout_s=30) == \
                ok("down.example")
    finally:
        world.rise()


def test_one_discovery_for_many(world, daemon):
    world.domain("many.example", http=web.later(1))
    answers = ask_all(daemon, ["many.example", "MANY.example.",
                               "[many.example]:25"] * 15)
    assert answers == [ok("many.example")] * 45
    assert world.txt_count("many.example") == 1
    assert world.fetch_count("many.example") == 1


def test_late_policy_is_for_the_next_asker(world, daemons):
    daemon = daemons(lookup={"timeout": "1s"}, fetch={"timeout": "5m"}).start()
    come = threading.Event()
    world.domain("late.example", http=web.once(come))
    begin = time.monotonic()
    assert daemon.ask("late.example") == NONE
    assert time.monotonic() - begin > 0.9
    come.set()
    wait_for(lambda: daemon.ask("late.example") == ok("late.example"))
    assert world.fetch_count("late.example") == 1


def test_slow_domains_do_not_delay_others(world, daemons):
    """Other questions are answered while those for slow domains wait."""
    daemon = daemons(dns={"timeout": "10s"}, lookup={"timeout": "10s"}).start()
    world.domain("swift.example")
    assert daemon.ask("swift.example") == ok("swift.example")
    slow = ["slow%d.example" % i for i in range(30)]
    for i, domain in enumerate(slow):
        world.domain(domain, raw=web.silent)
        if i % 2:
            world.dns.behave("_mta-sts." + domain, ns.silent)
    clients = [daemon.connect() for _ in slow]
    for client, domain in zip(clients, slow):
        client.request("postfix", domain)
    with daemon.connect() as swift:
        for _ in range(100):
            assert swift.ask("postfix", "swift.example").startswith("OK")
            assert swift.ask("postfix", "not a domain") == NONE
        # A miss can be fast as well.
        world.domain("quick.example")
        assert swift.ask("postfix", "quick.example") == ok("quick.example")
    assert not select.select([one.sock for one in clients], [], [], 0)[0]
    for client in clients:
        client.close()


# -- absence ------------------------------------------------------------------

SOAS = [
    # SOA minimum, its TTL, seconds that it is remembered (600 to 1800)
    ("minimum", 1200, 3600, 1200),
    ("ttl", 3600, 1200, 1200),  # RFC 2308 5: the lesser of the two
    ("short", 0, 3600, 600),
    ("long", 3600, 3600, 1800),
    ("none", None, None, 600),
]


@pytest.mark.parametrize("name, minimum, ttl, seconds", SOAS)
def test_absence_lasts(world, daemons, name, minimum, ttl, seconds):
    daemon = daemons(lookup={"negative_min": "10m",
                             "negative_max": "30m"}).start()
    domain = name + ".soa.example"
    if minimum is None:
        world.dns.behave("_mta-sts." + domain, ns.no_soa)
    else:
        world.dns.soa(domain, minimum, ttl)
    assert daemon.ask(domain) == NONE
    known = daemon.ctl("explain", domain, status=None)
    assert seconds - HANG_S <= known["absent"]["ends_in"] <= seconds


def test_absence_expires(world, daemons):
    daemon = daemons(**QUICK).start()
    world.dns.soa("over.example", 1)
    assert daemon.ask("over.example") == NONE
    known = world.txt_count("over.example")

    def asked_again():
        assert daemon.ask("over.example") == NONE
        return world.txt_count("over.example") > known
    wait_for(asked_again, step_s=0.1)


def test_policy_appears(world, daemons):
    daemon = daemons(**QUICK).start()
    world.dns.soa("soon.example", 1)
    assert daemon.ask("soon.example") == NONE
    world.domain("soon.example")
    wait_for(lambda: daemon.ask("soon.example") == ok("soon.example"),
             step_s=0.1)


# -- failed fetch ------------------------------------------------------

def test_fetch_retry_is_per_id(world, daemons):
    """3.3: no second fetch for five minutes, but a new id is a new policy."""
    daemon = daemons(**QUICK).start()
    domain = "retry.example"
    site = world.domain(domain, status="500 Oops", ttl=1)
    assert daemon.ask(domain) == NONE
    assert site.connections == 1
    known = world.txt_count(domain)

    def asked_again():
        assert daemon.ask(domain) == NONE
        return world.txt_count(domain) > known
    wait_for(asked_again, step_s=0.1)
    time.sleep(0.3)
    assert site.connections == 1  # only the record was looked up
    site.status = "200 OK"
    world.publish_id(domain, "2", ttl=1)
    wait_for(lambda: daemon.ask(domain) == ok(domain), step_s=0.1)
    assert site.connections == 2


# -- a new id -----------------------------------------------------------------

def test_new_id_brings_new_policy(world, daemons):
    daemon = daemons(**QUICK).start()
    domain = "change.example"
    world.domain(domain, ttl=1)
    assert daemon.ask(domain) == ok(domain)
    world.domain(domain, id="2", mx=("new.{domain}",), ttl=1)
    time.sleep(1.1)
    # The hit that starts the check gets the old policy, at once.
    assert daemon.ask(domain) == ok(domain)
    wait_for(lambda: daemon.ask(domain) == ok(domain, "new"))
    assert world.fetch_count(domain) == 1
    assert daemon.ask(domain + " new." + domain, "verdict").startswith(
        "OK enforce match id=2 ")


def test_same_id_fetches_nothing(world, daemons):
    """And max_age counts from the fetch, not from the check of the record."""
    daemon = daemons(**QUICK).start()
    domain = "same.example"
    world.domain(domain, ttl=1)
    assert daemon.ask(domain) == ok(domain)

    def expires_s():
        answer = daemon.ask(domain + " mx1." + domain, "verdict")
        return int(answer.rpartition("=")[2])
    before = expires_s()

    def two_checks():
        daemon.ask(domain)
        return world.txt_count(domain) >= 3
    wait_for(two_checks, step_s=0.1)
    assert world.fetch_count(domain) == 1
    assert expires_s() <= before - 1


def broken_policy(world, domain):
    world.domain(domain, id="2", text=policy(domain=domain, mx=()), ttl=1)


def gone_host(world, domain):
    world.publish_id(domain, "2", ttl=1)
    world.dns.remove("mta-sts." + domain, "A")


CHANGES_NOTHING = {
    "servfail": lambda world, domain: world.dns.behave(
        "_mta-sts." + domain, ns.servfail),
    "silence": lambda world, domain: world.dns.behave(
        "_mta-sts." + domain, ns.silent),
    "record-gone": lambda world, domain: world.dns.remove(
        "_mta-sts." + domain, "TXT"),
    "record-bad": lambda world, domain: world.dns.txt(
        "_mta-sts." + domain, "v=STSv1; id=!;"),
    "two-records": lambda world, domain: world.dns.txt(
        "_mta-sts." + domain, "v=STSv1; id=2;", "v=STSv1; id=3;"),
    "host-gone": gone_host,
    "policy-404": lambda world, domain: world.domain(
        domain, id="2", status="404 No", ttl=1),
    "policy-bad": broken_policy,
    "certificate-expired": lambda world, domain: world.domain(
        domain, id="2", cert="expired", ttl=1),
}


@pytest.fixture(scope="module")
def answers_after_changes(world):
    """The answers after each change, some time later."""
    from world.daemon import Daemon
    with Daemon(world, "unshaken", **QUICK).start() as daemon:
        domains = {name: name + ".unshaken.example"
                   for name in CHANGES_NOTHING}
        for name, domain in domains.items():
            world.domain(domain, ttl=1)
            assert daemon.ask(domain) == ok(domain)
        known = {}
        for name, domain in domains.items():
            CHANGES_NOTHING[name](world, domain)
            known[domain] = world.txt_count(domain)
        answers = {name: set() for name in domains}

        def ask_all_of_them():
            for name, domain in domains.items():
                answers[name].add(daemon.ask(domain))
            # Without a check of the record this would prove nothing.
            return all(world.txt_count(domain) > known[domain]
                       for domain in domains.values())
        wait_for(ask_all_of_them, step_s=0.1)
        time.sleep(2)  # the result of the check
        ask_all_of_them()
        yield answers


@pytest.mark.parametrize("name", CHANGES_NOTHING)
def test_failure_changes_nothing(answers_after_changes, name):
    """3.3, 5.1: the unexpired policy stays in force."""
    domain = name + ".unshaken.example"
    assert answers_after_changes[name] == {ok(domain)}


def test_policy_expires(world, daemons):
    """The policy expires max_age after the fetch, whatever DNS says."""
    daemon = daemons().start()
    site = world.domain("ends.example", max_age=3)
    before_s = time.time()
    assert daemon.ask("ends.example") == ok("ends.example")
    latest_s = time.time() + 4  # the daemon counts whole seconds
    site.raw = web.close_after_hello
    answers = []
    while time.time() < latest_s:
        answer = daemon.ask("ends.example")
        if time.time() < before_s + 2:
            answers.append(answer)
        time.sleep(0.1)
    assert daemon.ask("ends.example") == NONE
    # There may be none on a slow machine.
    assert set(answers) <= {ok("ends.example")}


# -- keys ---------------------------------------------------------------------

SAME = [
    # keys that name keys.example; RFC 8461 3.4 for the smart host forms
    "keys.example", "KEYS.Example", "keys.example.", "[keys.example]",
    "[keys.example]:25", "[KEYS.example.]:587", "keys.example:25",
    "keys.example:submission",
]
IDN = ["b\u00fccher.example", "B\u00dcCHER.example", "xn--bcher-kva.example",
       "XN--BCHER-KVA.example", "b\u00fccher\u3002example",
       "bu\u0308cher.example", "[b\u00fccher.example]:25"]
NO_DOMAIN = [
    "[192.0.2.1]", "192.0.2.1", "[192.0.2.1]:25", "192.0.2.1:25",
    "[IPv6:2001:db8::1]", "[ipv6:2001:db8::1]:25", "2001:db8::1",
    "[2001:db8::1]", ".keys.example", ".example", ".", "", " ", "[]", "[",
    "]", "[]:25", ":25", "[keys.example", "keys.example]", "a b.example",
    "a..example", "-a.example", "a-.example", "a_b.example", "*.example",
    "a@keys.example", "keys.example:", "keys.example\n", "keys.example\t",
    "/etc/passwd", "x" * 64 + ".example", ".".join(["x" * 60] * 5),
    "123", "1.2.3", "\u202e.example", "xn--.example",
    "keys.example\x7f", "a\\.example", "\"keys.example\"", "x" * 9000,
]


@pytest.mark.parametrize("key", SAME)
def test_key(world, daemon, key):
    if ("_mta-sts.keys.example", "TXT") not in world.dns.records:
        world.domain("keys.example")
    assert daemon.ask(key) == ok("keys.example")
    assert world.fetch_count("keys.example") == 1


@pytest.mark.parametrize("key", IDN)
def test_idn_key(world, daemon, key):
    ascii_name = "xn--bcher-kva.example"
    if ("_mta-sts." + ascii_name, "TXT") not in world.dns.records:
        world.domain(ascii_name)
    assert daemon.ask(key.encode()) == ok(ascii_name)
    assert world.fetch_count(ascii_name) == 1


@pytest.mark.parametrize("key", NO_DOMAIN,
                         ids=lambda key: ascii(key[:30]).strip("'"))
def test_no_domain_without_dns(world, daemon, key):
    asked = len(world.dns.log)
    assert daemon.ask(key.encode()) == NONE
    assert daemon.ask(key.encode(), "postfix-tlsrpt") == NONE
    assert len(world.dns.log) == asked


@pytest.mark.parametrize("key", [b"\xff\xfe.example", b"b\xfccher.example",
                                 b"\xc0\xae.example"])
def test_no_utf8_without_dns(world, daemon, key):
    asked = len(world.dns.log)
    assert daemon.ask(key) == NONE
    assert len(world.dns.log) == asked


def test_subdomain_is_not_covered(world, daemon):
    """3.4: "sub.example.com" has to publish its own."""
    world.domain("parent.example")
    assert daemon.ask("parent.example") == ok("parent.example")
    assert daemon.ask("sub.parent.example") == NONE
