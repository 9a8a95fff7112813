# SPDX-License-Identifier: BSD-2-Clause
"""Answers that do not fit into a datagram, and servers that are silent by TCP."""

import re
import resource
import selectors
import threading

import pytest

from world import nameserver as ns
from world.world import HANG_S, World, wait_for

NONE = "NOTFOUND "
LOOKUPS = 1000
CONNECTIONS = 16  # that the daemon may have open to name servers
LIMIT_KIB = 64 * 1024


@pytest.fixture(scope="module")
def world():
    the_world = World()
    yield the_world
    the_world.close()


@pytest.fixture
def descriptors():
    """Enough for a connection for each look-up, on either side."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 4 * LOOKUPS:
        pytest.skip("ulimit -Hn is %d" % hard)
    resource.setrlimit(resource.RLIMIT_NOFILE,
                       (max(soft, 4 * LOOKUPS), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def ok(domain):
    return "OK secure match=mx1.%s servername=hostname" % domain


def anonymous_kib(daemon):
    """The memory that the daemon itself has allocated."""
    with open("/proc/%d/status" % daemon.process.pid) as file:
        return int(re.search(r"RssAnon:\s+(\d+)", file.read()).group(1))


def connections(daemon):
    """How many connections to a name server the daemon has open."""
    with open("/proc/%d/net/tcp" % daemon.process.pid) as file:
        return len(re.findall(r"[0-9A-F]{8}:0035 01 ", file.read()))


class Watch:
    """Reads the daemon's memory and connections again and again, and remembers
    the maximum of each."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.most_kib = self.most_connections = 0
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        while not self.stop.wait(0.05):
            self.most_kib = max(self.most_kib, anonymous_kib(self.daemon))
            self.most_connections = max(self.most_connections,
                                        connections(self.daemon))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


def ask_all(daemon, domains):
    """The set of answers, with a connection for each domain."""
    waiting = {}
    answers = set()
    with selectors.DefaultSelector() as selector:
        for domain in domains:
            client = daemon.connect()
            selector.register(client.sock, selectors.EVENT_READ)
            client.request("postfix", domain)
            waiting[client.sock] = client
        while waiting:
            ready = selector.select(2 * HANG_S)
            assert ready, "%d clients have no answer" % len(waiting)
            for key, _ in ready:
                client = waiting.pop(key.fileobj)
                selector.unregister(key.fileobj)
                answers.add(client.reply())
                client.close()
    return answers


def test_silent_by_tcp(world, daemons, descriptors):
    """1,000 look-ups wait for a server that truncates every answer by UDP and is
    silent by TCP. Only 16 of them hold a connection; all of them end at their
    time limit, and so does their use of memory."""
    daemon = daemons(dane="off", lookup={"timeout": "40s"},
                     dns={"timeout": "20s"},
                     limits={"clients": 2 * LOOKUPS}).start()
    world.domain("before.example")
    assert daemon.ask("before.example") == ok("before.example")
    # Allocates what any thousand look-ups and clients leave behind.
    assert ask_all(daemon, ["absent%d.example" % i
                            for i in range(LOOKUPS)]) == {NONE}
    wait_for(lambda: daemon.ctl("status")["lookups"]["under_way"] == 0)
    before_kib = anonymous_kib(daemon)
    world.dns.everything = ns.truncate_silent_tcp
    try:
        with Watch(daemon) as watch:
            assert ask_all(daemon, ["silent%d.example" % i
                                    for i in range(LOOKUPS)]) == {NONE}
    finally:
        world.dns.everything = None
    assert watch.most_connections == CONNECTIONS
    if not daemon.is_instrumented():
        assert watch.most_kib < LIMIT_KIB
        wait_for(lambda: anonymous_kib(daemon) < before_kib + 2048, 2 * HANG_S,
                 0.2)
    # Afterwards TCP works as before.
    world.dns.behave("_mta-sts.after.example", ns.truncate)
    world.domain("after.example")
    assert daemon.ask("after.example") == ok("after.example")
