# SPDX-License-Identifier: BSD-2-Clause
"""Storms: many domains at once, and policy hosts that say nothing."""

import os
import resource
import selectors
import socket
import threading
import time

import pytest

from world.world import World

NONE = "NOTFOUND "
GOOD = "5.9.200.10"
SILENT = ["5.9.%d.66" % (100 + i) for i in range(8)]  # a network each
COLD = 10000
TIMEOUT_S = 4


@pytest.fixture(scope="module")
def world():
    """With hosts whose connections the system accepts, and nobody serves."""
    the_world = World(web_addresses=[(GOOD, 443)])
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


def is_instrumented(daemon):
    """By a sanitizer or valgrind, whose memory tells nothing of ours."""
    exe = "/proc/%d/exe" % daemon.process.pid
    with open(exe, "rb") as file:
        return not os.readlink(exe).endswith("/mtastsd") or \
            b"__asan_init" in file.read()


@pytest.mark.parametrize("number, count, networks", [
    (0, 64, 1), (1, 64, 8), (2, 200, 1), (3, 400, 1), (4, 400, 8)])
def test_silent_policy_hosts(world, daemons, number, count, networks):
    """They do not delay a domain whose policy host is in order by more than a
    second. (Five: the machine has others to serve. Without a fair share it is
    seven and more with 400 of them.)"""
    daemon = daemons(limits={"clients": 1000}).start()
    domains = ["silent%d-%d.example" % (number, i) for i in range(count)]
    clients = []
    for i, domain in enumerate(domains):
        world.domain(domain, addresses=(SILENT[i % networks],))
        client = daemon.connect()
        client.request("postfix", domain)
        clients.append(client)
    good = "healthy%d.example" % number
    world.domain(good, addresses=(GOOD,))
    begin = time.monotonic()
    assert daemon.ask(good) == ok(good)
    assert time.monotonic() - begin < 5
    for client in clients:
        client.close()


@pytest.fixture
def descriptors():
    """Enough for that many connections, on either side."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < COLD + 4096:
        pytest.skip("ulimit -Hn is %d" % hard)
    resource.setrlimit(resource.RLIMIT_NOFILE,
                       (max(soft, COLD + 4096), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def ask_all(daemon, domains):
    """One question on a connection each, all at once; the answers, and for how
    long the last one let us wait."""
    waiting = {}
    answers = []
    with selectors.DefaultSelector() as selector:
        for domain in domains:
            client = daemon.connect(timeout_s=60)
            selector.register(client.sock, selectors.EVENT_READ, client)
            waiting[client] = domain
        begin = time.monotonic()
        for client, domain in waiting.items():
            client.request("postfix", domain)
        while waiting:
            for key, _ in selector.select(60):
                answers.append((waiting.pop(key.data), key.data.reply()))
                selector.unregister(key.fileobj)
                key.data.close()
    return answers, time.monotonic() - begin


def test_ten_thousand_cold_domains(world, daemons, descriptors):
    """Each client is answered by its time limit, those who ask for what is
    cached too, and memory stays within bounds. One domain in ten has a record,
    and a policy host that says nothing. DNS is not asked more than it can
    answer: if all were asked at once, nine in ten look-ups would fail, and the
    memory for it would be nearly twice as much."""
    daemon = daemons(lookup={"timeout": "%ds" % TIMEOUT_S},
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
        answers, last_s = ask_all(daemon, domains)
    finally:
        stop.set()
        watcher.join()
    assert {answer for _, answer in answers} == {NONE}
    assert len(answers) == COLD
    assert last_s < TIMEOUT_S + 3  # Python's own time included
    assert max(most_kib) - before_kib < \
        (400 if is_instrumented(daemon) else 110) * 1024
    assert daemon.is_running()
    counts = daemon.ctl("status")["lookups"]
    end = time.monotonic() + 60
    while counts["discoveries"] < COLD * 3 // 4 and time.monotonic() < end:
        time.sleep(0.2)
        counts = daemon.ctl("status")["lookups"]
    assert counts["discoveries"] >= COLD * 3 // 4
    assert counts["dns_failed"] < COLD // 2 or is_instrumented(daemon)
