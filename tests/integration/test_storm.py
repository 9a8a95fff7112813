# SPDX-License-Identifier: BSD-2-Clause
"""Storms: many domains at once, and policy hosts that never answer."""

import resource
import selectors
import socket
import threading
import time

import pytest

from world.world import HANG_S, World, wait_for

NONE = "NOTFOUND "
GOOD = "5.9.200.10"
SILENT = ["5.9.%d.66" % (100 + i) for i in range(8)]  # each in its own network
MUTE = ["5.9.%d.66" % (150 + i) for i in range(8)]
COLD = 10000


@pytest.fixture(scope="module")
def world():
    """A world with two kinds of hosts that never answer. SILENT: the kernel accepts
    connections, but no server reads them. MUTE: the host says nothing after the TLS
    handshake, so the daemon waits longer than ten seconds for it."""
    the_world = World(web_addresses=[(GOOD, 443)] +
                      [(address, 443) for address in MUTE])
    listeners = []
    for address in SILENT:
        listener = socket.socket()
        listener.bind((address, 443))
        listener.listen(4096)
        listeners.append(listener)
    yield the_world
    for listener in listeners:
        listener.close()
    the_world.close()


def ok(domain):
    return "OK secure match=mx1.%s servername=hostname" % domain


def given_up(daemon, busy):
    """The log lines of fetches from silent hosts that failed. With BUSY, only those
    where the test's own server, on a busy machine, was too slow with the TLS
    handshake; without, only the others."""
    return [line for line in daemon.events("no_policy") if "silent" in line and
            ("no TLS handshake in time" in line) == busy]


def is_settled(daemon, count):
    """True once all COUNT fetches are queued or running and no more of them start."""
    before = daemon.ctl("status")["fetcher"]
    time.sleep(0.6)  # longer than a fetch counts as young
    return sum(before.values()) == count - len(given_up(daemon, True)) and \
        before == daemon.ctl("status")["fetcher"]


@pytest.mark.parametrize("number, count, networks, concurrency", [
    (0, 64, 1, 64), (1, 64, 8, 64), (2, 200, 8, 64),
    (3, 100, 1, 4)])  # more than may ever run: the limit per network decides
def test_silent_policy_hosts_delay_no_other_domain(
        world, daemons, number, count, networks, concurrency):
    """Silent policy hosts do not delay a domain whose policy host works: its policy
    arrives before the first silent host times out, which takes minutes.
    (make bench measures how long it takes.)"""
    daemon = daemons(fetch={"timeout": "5m", "concurrency": concurrency},
                     lookup={"timeout": "90s"}, dns={"timeout": "30s"}).start()
    domains = ["silent%d-%d.example" % (number, i) for i in range(count)]
    good = "healthy%d.example" % number
    # Certificates first: issuing them during the handshakes would make the server too
    # slow for the daemon's time limit on a busy machine.
    for domain in [good] + domains:
        world.ca.certificate("mta-sts." + domain)
    clients = []
    for i, domain in enumerate(domains):
        world.domain(domain, addresses=(MUTE[i % networks],),
                     http=lambda connection: connection.wait(600))
        client = daemon.connect()
        client.request("postfix", domain)
        clients.append(client)
    wait_for(lambda: is_settled(daemon, count), 3 * HANG_S)
    world.domain(good, addresses=(GOOD,))
    assert daemon.ask(good, timeout_s=100) == ok(good), daemon.events("no_policy")[-3:]
    assert not given_up(daemon, False)
    for client in clients:
        client.close()


@pytest.fixture
def descriptors():
    """Raises the limit so that both sides can open that many connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < COLD + 4096:
        pytest.skip("ulimit -Hn is %d" % hard)
    resource.setrlimit(resource.RLIMIT_NOFILE,
                       (max(soft, COLD + 4096), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def ask_all(daemon, domains):
    """Asks for all DOMAINS at once, each on its own connection; returns the
    answers."""
    waiting = {}
    answers = []
    with selectors.DefaultSelector() as selector:
        for domain in domains:
            client = daemon.connect()
            selector.register(client.sock, selectors.EVENT_READ, client)
            waiting[client] = domain
        for client, domain in waiting.items():
            client.request("postfix", domain)
        while waiting:
            ready = selector.select(2 * HANG_S)
            assert ready, "%d of %d got no answer" % (len(waiting), len(domains))
            for key, _ in ready:
                answers.append((waiting.pop(key.data), key.data.reply()))
                selector.unregister(key.fileobj)
                key.data.close()
    return answers


def test_ten_thousand_cold_domains_are_answered_in_time(world, daemons, descriptors):
    """Every client gets its answer within the time limit, also for cached domains,
    and memory stays bounded. One domain in ten has a record, and a policy host
    that stays silent for longer than the limit. The daemon asks DNS no more than
    it can answer: asking for all domains at once would make nine in ten look-ups
    fail and need nearly twice the memory."""
    daemon = daemons(lookup={"timeout": "4s"}, dns={"timeout": "30s"},
                     fetch={"timeout": "60s"},
                     limits={"clients": COLD + 100}).start()
    world.domain("known.example", addresses=(GOOD,))
    assert daemon.ask("known.example") == ok("known.example")
    domains = ["cold%d.example" % i for i in range(COLD)]
    for i in range(0, COLD, 10):
        world.domain(domains[i], addresses=(SILENT[i // 10 % 8],))
    before_kib = daemon.rss_kib()
    most_kib = []
    stop = threading.Event()

    def watch():
        while not stop.wait(0.2):
            assert daemon.ask("known.example") == ok("known.example")
            most_kib.append(daemon.rss_kib())
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        answers = ask_all(daemon, domains)
    finally:
        stop.set()
        watcher.join()
    assert {answer for _, answer in answers} == {NONE}
    assert len(answers) == COLD
    # The time limit answered these; their discovery ends later.
    assert daemon.ctl("status")["lookups"]["timed_out"] >= COLD // 10
    assert max(most_kib) - before_kib < \
        (400 if daemon.is_instrumented() else 110) * 1024
    assert daemon.is_running()

    def most_are_over():
        counts = daemon.ctl("status")["lookups"]
        return counts if counts["discoveries"] >= COLD * 3 // 4 else None
    counts = wait_for(most_are_over, 5 * HANG_S, 0.2)
    assert counts["dns_failed"] < COLD // 2 or daemon.is_instrumented()
