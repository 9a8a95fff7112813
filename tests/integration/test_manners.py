# SPDX-License-Identifier: BSD-2-Clause
"""Clients misbehave on all three protocols while an operator uses every command.
No client gets a wrong answer, and no resource leaks."""

import os
import random
import socket
import struct
import subprocess
import threading

import pytest

from world.daemon import HANG_S, netstring, program, wait_for

KNOWN = ["known%d.example" % i for i in range(6)]
ABSENT = ["absent%d.example" % i for i in range(6)]
DOMAINS = KNOWN + ABSENT
TABLE = ("127.0.0.1", 8466)
SECOND = ("127.0.0.1", 8467)
CLIENTS = 4  # for each protocol
ROUNDS = 400  # of each client
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close() resets


@pytest.fixture(scope="module", autouse=True)
def domains(world):
    for name in KNOWN:
        world.domain(name)


@pytest.fixture
def daemon(daemons):
    one = daemons(log={"level": "info"},
                  lookup={"negative_min": "1s", "negative_max": "1s"})
    one.exim = one.path("exim.sock")
    one.configure(listen=listeners(one))
    return one.start()


def listeners(daemon, *more):
    return [{"socketmap": "unix:" + daemon.socket},
            {"tcp_table": "inet:%s:%d" % TABLE},
            {"exim": "unix:" + daemon.exim}, *more]


# -- three protocols ----------------------------------------------------------

class Protocol:
    """A protocol: how to write a question and where an answer ends."""

    def __init__(self, address):
        self.address = address

    def connect(self):
        if isinstance(self.address, tuple):
            return socket.create_connection(self.address, HANG_S)
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(HANG_S)
        sock.connect(self.address)
        return sock

    def cut(self, data):
        """Returns the complete answers in DATA, and the rest of DATA."""
        answers = data.split(b"\n")
        return answers[:-1], answers[-1]


class Socketmap(Protocol):
    many = True

    def question(self, domain):
        return netstring("postfix", domain)

    def cut(self, data):
        answers = []
        while True:
            size, colon, rest = data.partition(b":")
            if not colon or len(rest) <= int(size):
                return answers, data
            assert rest[int(size):int(size) + 1] == b","
            answers.append(rest[:int(size)])
            data = rest[int(size) + 1:]


class Table(Protocol):
    many = True

    def question(self, domain):
        return b"get %s\n" % domain.encode()


class Exim(Protocol):
    many = False  # the daemon closes after each answer

    def question(self, domain):
        return b"exim %s\n" % domain.encode()


def read_to_end(protocol, sock):
    """Returns all answers until the daemon closes. It never closes in the middle of
    one."""
    data = b""
    while True:
        try:
            more = sock.recv(65536)
        except ConnectionResetError:
            more = b""
        if not more:
            break
        data += more
    answers, left = protocol.cut(data)
    assert not left, left
    return answers


def read(protocol, sock, count):
    """Returns COUNT answers in order, or fewer if the daemon closes."""
    data, answers = b"", []
    while len(answers) < count:
        try:
            more = sock.recv(65536)
        except ConnectionResetError:
            more = b""
        if not more:
            assert not data, data
            break
        new, data = protocol.cut(data + more)
        answers += new
    return answers


# -- misbehavior: each returns the questions and the answers -------------------

def pipeline(protocol, sock, chance):
    """Sends questions without waiting for the answers."""
    asked = chance.choices(DOMAINS, k=20 if protocol.many else 1)
    sock.sendall(b"".join(map(protocol.question, asked)))
    return asked, read(protocol, sock, len(asked))


def half_close(protocol, sock, chance):
    """Asks, then shuts down the sending side; the answer still arrives."""
    asked = [chance.choice(DOMAINS)]
    sock.sendall(protocol.question(asked[0]))
    sock.shutdown(socket.SHUT_WR)
    return asked, read_to_end(protocol, sock)


def trickle(protocol, sock, chance):
    asked = [chance.choice(DOMAINS)]
    for byte in protocol.question(asked[0]):
        sock.sendall(bytes((byte,)))
    return asked, read(protocol, sock, 1)


def reset(protocol, sock, chance):
    """Closes the connection before, during or after a question."""
    data = protocol.question(chance.choice(DOMAINS)) * chance.randrange(4)
    sock.sendall(data[:chance.randrange(len(data) + 1)])
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    return [], []


def leave(protocol, sock, chance):
    """Does the same with a reset."""
    data = protocol.question(chance.choice(DOMAINS)) * chance.randrange(4)
    sock.sendall(data[:chance.randrange(len(data) + 1)])
    return [], []


def nonsense(protocol, sock, chance):
    sock.sendall(chance.randbytes(chance.randrange(1, 200)))
    sock.shutdown(socket.SHUT_WR)
    while sock.recv(65536):
        pass
    return [], []


MANNERS = (pipeline, half_close, trickle, reset, leave, nonsense)


class Client(threading.Thread):
    """Makes ROUNDS connections, one after the other, and records each error."""

    def __init__(self, protocol, right, seed):
        super().__init__()
        self.protocol = protocol
        self.right = right  # answers by domain
        self.chance = random.Random(seed)
        self.answered = 0
        self.wrong = []
        self.stopping = False  # the daemon is stopping and may close or refuse

    def run(self):
        for turn in range(ROUNDS):
            try:
                self.turn(self.chance.choice(MANNERS))
            except OSError as error:
                if not self.stopping:
                    self.wrong.append("turn %d: %r" % (turn, error))
                return
            except AssertionError as error:
                self.wrong.append("turn %d: %r" % (turn, error))

    def turn(self, manner):
        with self.protocol.connect() as sock:
            try:
                asked, answers = manner(self.protocol, sock, self.chance)
            except (BrokenPipeError, ConnectionResetError):
                # the daemon closes after bad input, and after Exim's answer
                assert self.stopping or manner in (nonsense, reset, leave,
                                                   trickle), manner
                return
        assert self.stopping or len(answers) == len(asked), manner
        for domain, answer in zip(asked, answers):
            assert answer == self.right[domain], (domain, answer)
        self.answered += len(answers)


def crowd(daemon):
    """Clients of all protocols that know the right answers."""
    clients = []
    for protocol in (Socketmap(daemon.socket), Table(TABLE),
                     Exim(daemon.exim)):
        right = {}
        for domain in DOMAINS:
            with protocol.connect() as sock:
                sock.sendall(protocol.question(domain))
                right[domain], = read(protocol, sock, 1)
        assert len(set(right[domain] for domain in ABSENT)) == 1
        assert len(set(right.values())) > 1
        clients += [Client(protocol, right, seed) for seed in range(CLIENTS)]
    return clients


# -- the operator -------------------------------------------------------------

def transfer(daemon):
    """Imports an earlier export."""
    status, text, errors = daemon.ctl_raw("export")
    assert (status, errors) == (0, "")
    done = subprocess.run(
        [program("mtasts-ctl"), "-s", daemon.control, "import", "-"],
        input=text, capture_output=True, text=True, timeout=HANG_S,
        check=False)
    assert done.returncode == 0, done.stderr


def operate(daemon, chance, turn):
    """Uses every operator command once."""
    more = [{"tcp_table": "inet:%s:%d" % SECOND}] if turn % 2 else []
    daemon.configure(listen=listeners(daemon, *more))
    daemon.ctl("reload")
    if more:  # a client whose listener is removed
        socket.create_connection(SECOND, HANG_S).close()
    domain = chance.choice(DOMAINS)
    daemon.ctl_raw("flush", domain)
    daemon.ctl_raw("refresh", chance.choice(KNOWN))
    daemon.ctl_raw("flush", "--negative")
    transfer(daemon)
    if turn % 3 == 0:
        daemon.ctl_raw("flush", "--all")
    for words in (("list",), ("status",), ("lookup", domain),
                  ("explain", domain)):
        status, _, errors = daemon.ctl_raw(*words)
        assert status in (0, 1), errors


def descriptors(daemon):
    return len(os.listdir("/proc/%d/fd" % daemon.process.pid))


def is_at_rest(daemon):
    got = daemon.ctl("status")
    return got["clients"]["now"] == 0 and got["cache"]["pending"] == 0 and \
        not any(got["fetcher"].values())


def test_misbehaving_clients_get_right_answers(daemon):
    """Every question gets the right answer, and no descriptor is left open."""
    clients = crowd(daemon)
    chance = random.Random(0)
    wait_for(lambda: is_at_rest(daemon))
    before = descriptors(daemon)
    for client in clients:
        client.start()
    turn = 0
    while turn < 4 or any(client.is_alive() for client in clients):
        operate(daemon, chance, turn)
        turn += 1
    for client in clients:
        client.join()
    assert not [wrong for client in clients for wrong in client.wrong]
    assert all(client.answered for client in clients)
    daemon.configure(listen=listeners(daemon))
    daemon.ctl("reload")
    wait_for(lambda: is_at_rest(daemon) and descriptors(daemon) == before)
    listed = daemon.ctl("list")
    assert len(listed) == daemon.ctl("status")["cache"]["policies"]
    assert daemon.ctl_raw("flush", "--all")[0] == 0
    assert daemon.ctl("list") == []


def test_stop_under_load_cuts_no_answer(daemon):
    """When the daemon stops, clients get complete answers or none."""
    clients = crowd(daemon)
    for client in clients:
        client.start()
    wait_for(lambda: all(client.answered for client in clients))
    for client in clients:
        client.stopping = True
    daemon.stop()
    for client in clients:
        client.join()
    assert not [wrong for client in clients for wrong in client.wrong]
