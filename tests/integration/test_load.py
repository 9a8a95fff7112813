# SPDX-License-Identifier: BSD-2-Clause
"""The load that Postfix causes: 300 smtp(8) processes, each with its own connection.

MTS_LOAD_S is the length in seconds (default: 24); each test takes a third of it.
"""

import os
import random
import re
import socket
import subprocess
import sys
import threading
import time

import pytest

from world.daemon import Daemon, program, wait_for

CLIENTS = 300
SECONDS = float(os.environ.get("MTS_LOAD_S", 24)) / 3
DOMAINS = 50  # of each kind
# How long smtp(8) uses a connection: ipc_idle, ipc_ttl and max_use in postconf(5),
# but shorter, so that more happens during the test.
IDLE_S, LIFE_S, USES = 2, 20, 30
HANG_S = 180  # an answer that takes longer counts as lost

# Long enough for a busy machine: a fetch that fails once is not repeated.
OPTIONS = {"dane": "off", "lookup": {"timeout": "90s"},
           "dns": {"timeout": "60s"}, "fetch": {"timeout": "60s"},
           "log": {"level": "info"}}

SECURE = "OK secure match=mx1.{0}:.{0} servername=hostname"
ANSWERS = {"enforce": SECURE, "testing": "NOTFOUND ", "absent": "NOTFOUND "}


@pytest.fixture(scope="module", autouse=True)
def domains(world):
    for mode in ("enforce", "testing"):
        for i in range(DOMAINS):
            world.domain("%s%d.example" % (mode, i), mode=mode,
                         mx=("mx1.{domain}", "*.{domain}"))


def learn(daemon):
    """Makes the daemon cache the policies."""
    for i in range(DOMAINS):
        name = "enforce%d.example" % i
        assert daemon.ask(name, timeout_s=HANG_S) == SECURE.format(name)


@pytest.fixture(scope="module")
def daemon(world):
    with Daemon(world, "load", **OPTIONS).start() as one:
        learn(one)
        yield one


class Client(threading.Thread):
    """Plays smtp(8) processes. Each asks once for each MX host, is busy, asks for
    the next mail, idles, and exits; then the next process starts."""

    def __init__(self, daemon, number, stop):
        super().__init__(daemon=True)
        self.server, self.stop = daemon, stop
        self.chance = random.Random(number)
        self.connection = None
        self.asked = 0
        self.closed = []   # times at which a connection was found closed
        self.refused = 0   # how many connects were refused
        self.errors = []

    def run(self):
        try:
            while not self.stop.is_set():
                self.live()
        except Exception as error:  # the test reports it, whatever it is
            self.errors.append(repr(error))
        finally:
            self.leave()

    def live(self):
        end = time.monotonic() + LIFE_S
        for _ in range(USES):
            kind = self.chance.choice(list(ANSWERS))
            name = "%s%d.example" % (kind, self.chance.randrange(DOMAINS))
            for _ in range(self.chance.choice((1, 1, 2, 3))):
                self.expect(name, ANSWERS[kind].format(name))
                if self.wait(self.chance.uniform(0, 0.2)):
                    return
            idle_s = self.chance.expovariate(1)
            if self.wait(min(idle_s, IDLE_S)) or time.monotonic() > end:
                break
            if idle_s > IDLE_S:
                self.leave()
        self.leave()

    def wait(self, seconds):
        return self.stop.wait(seconds)

    def leave(self):
        if self.connection:
            self.connection.close()
            self.connection = None

    def expect(self, name, answer):
        got = self.ask(name)
        if got is None:  # Postfix reconnects and asks again, once
            self.closed.append(time.monotonic())
            got = self.ask(name)
        self.asked += 1
        if got != answer:
            self.errors.append("%s: %r" % (name, got))

    def ask(self, name):
        """Returns the answer, or None if the connection is closed."""
        if not self.connection:
            self.connection = self.connect()
        try:
            got = self.connection.ask("postfix", name)
        except OSError:
            got = None
        if got is None:
            self.leave()
        return got

    def connect(self):
        end = time.monotonic() + HANG_S
        while True:
            try:
                return self.server.connect(timeout_s=HANG_S)
            except OSError:
                if time.monotonic() > end:
                    raise
                self.refused += 1
                time.sleep(0.02)


class Load:
    """Runs CLIENTS clients, from its creation until end()."""

    def __init__(self, daemon):
        self.stop = threading.Event()
        self.clients = [Client(daemon, i, self.stop) for i in range(CLIENTS)]
        for client in self.clients:
            client.start()

    def asked(self):
        return sum(client.asked for client in self.clients)

    def end(self):
        """Ends the clients and checks that none saw an error."""
        self.stop.set()
        for client in self.clients:
            client.join(2 * HANG_S)
            assert not client.is_alive(), "a client got no answer"
        errors = [e for client in self.clients for e in client.errors]
        assert not errors, "%d errors in %d answers; the first is: %s" % (
            len(errors), self.asked(), errors[0])
        assert self.asked()


def test_clients_see_no_error(daemon):
    load = Load(daemon)
    time.sleep(SECONDS)
    load.end()
    assert not any(c.closed or c.refused for c in load.clients)
    print("%d answers" % load.asked())


def restarted(daemon):
    """Returns the clients of a daemon that is restarted three times. Each restart
    closes each connection once. A client that asks on a closed connection
    reconnects once and gets its answer."""
    load = Load(daemon)
    for number in range(1, 4):
        time.sleep(SECONDS / 4)
        daemon.stop()
        daemon.start()
    time.sleep(SECONDS / 4)
    load.end()
    assert 0 < max(len(client.closed) for client in load.clients) <= number
    return load.clients


def test_clients_see_no_error_across_restarts(daemon):
    restarted(daemon)


HOLD = """import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.argv[2], sys.argv[2:])
"""


class Held(Daemon):
    """A daemon whose socket is held by another process, as systemd does."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.held = socket.socket(socket.AF_UNIX)
        self.held.bind(self.socket)
        self.held.listen(4096)

    def spawn(self, *args, **kwargs):
        self.runs += 1
        fd = self.held.fileno()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", HOLD, str(fd), program("mtastsd"), "-f",
                 "-c", self.config, *args],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                pass_fds=[fd], start_new_session=True, **kwargs)
        return self.process


def test_restart_with_a_passed_socket_refuses_no_connect(world):
    """With systemd's socket, no connect is ever refused."""
    with Held(world, "held", **OPTIONS) as held:
        held.start()
        learn(held)
        clients = restarted(held)
        held.held.close()
    assert not any(client.refused for client in clients)


def test_blocked_log_does_not_block_answers(daemons):
    """The daemon keeps answering, and later logs how many lines were lost."""
    daemon = daemons(log={"level": "debug"})
    reader, writer = os.pipe()
    daemon.process = subprocess.Popen(
        [program("mtastsd"), "-f", "-c", daemon.config], stderr=writer,
        stdin=subprocess.DEVNULL, start_new_session=True)
    os.close(writer)
    wait_for(lambda: daemon.ctl_raw("status")[0] == 0)
    with daemon.connect() as client:
        for number in range(2000):
            answer = client.ask("postfix", "absent%d.example" % number)
            assert answer == "NOTFOUND "
    assert daemon.ctl("status")["ok"] is True
    assert b"log_blocked" not in os.read(reader, 1 << 20)
    daemon.ask("after.example")
    assert re.search(rb" warning: log_blocked lines=\d+ ",
                     os.read(reader, 1 << 20))
    daemon.stop()
    os.close(reader)
