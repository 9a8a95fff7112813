# SPDX-License-Identifier: BSD-2-Clause
"""A kill -9 of the daemon defers no mail if another process holds its sockets.

Real smtp(8) clients ask while the daemon dies; the test plays systemd with
mtastsd.socket and mtastsd.service. What was seen of Postfix 3.7 and 3.10: when the
connection breaks, smtp(8) and postmap(1) connect and ask once more, whether they
were waiting for an answer or the connection was idle. That second question waits in
the held socket until the next daemon answers it. If the connection breaks a second
time during the same question, or if the second connect() is refused, because no process
holds the socket, the mail is deferred.
"""

import itertools
import threading

import pytest

from world import mta as mta_module
from world.daemon import HANG_S, wait_for
from world.manager import Supervisor, listening
from world.mta import Postfix37, Postfix310
from world.smtpserver import Receiver

from test_service import needs_systemd

WHY_NOT = mta_module.missing()
pytestmark = [pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT)),
              needs_systemd]

ADDRESS = ("127.0.0.1", 8461)
TABLE = "socketmap:inet:%s:%d:postfix" % ADDRESS
MX = "mx-good.test"
AT_ONCE = 6  # mails, each of them in an smtp(8) of its own
ROUNDS = 3
NUMBERS = itertools.count(1)  # of domains


class Gate:
    """Policy hosts that answer only while the gate is open."""

    def __init__(self, world):
        self.world = world
        self.opened = threading.Event()

    def domains(self, count):
        """The names of COUNT new domains with policies."""
        names = []
        for _ in range(count):
            names.append("gate%d.test" % next(NUMBERS))
            self.world.dns.add(names[-1], "MX", "10 %s." % MX)
            self.world.domain(names[-1], mx=(MX,), http=self.answer)
        return names

    def answer(self, connection):
        self.opened.wait(HANG_S)
        site = connection.site
        connection.send(site.head(len(site.body)) + site.body)

    def wait_for_fetches(self, names, count=1):
        """Until the daemon has asked the policy host of each for the COUNTth
        time: an smtp(8) waits for the answer then."""
        for name in names:
            wait_for(lambda name=name: self.world.fetch_count(name) >= count)


@pytest.fixture
def gate(world):
    one = Gate(world)
    yield one
    one.opened.set()


@pytest.fixture(scope="module")
def receiver(world):
    address = "5.9.1.1"
    world.dns.add(MX, "A", address)
    one = Receiver(world.ca, MX, address)
    yield one
    one.stop()


@pytest.fixture(scope="module", params=[Postfix37, Postfix310],
                ids=["p37", "p310"])
def mta(world, request):
    one = request.param(world, map=TABLE)
    try:
        yield one.start()
    finally:
        one.stop()


@pytest.fixture
def daemon(daemons):
    return daemons(dane="off", listen=[{"socketmap": "inet:%s:%d" % ADDRESS}])


@pytest.fixture
def supervisor(daemon):
    """With the socket held."""
    with listening(ADDRESS) as sock:
        one = Supervisor(daemon, [sock])
        yield one
        one.close()


def send(mta, names):
    for name in names:
        mta.send("u@" + name)


def is_decided(mta, receiver, recipient):
    return recipient in recipients_of(receiver) or mta.deferral(recipient)


def recipients_of(receiver):
    return [recipient for mail in receiver.mails
            for recipient in mail.recipients]


def assert_delivered(mta, receiver, names):
    for name in names:
        recipient = "u@" + name
        wait_for(lambda r=recipient: is_decided(mta, receiver, r))
        assert mta.deferral(recipient) is None
        assert recipients_of(receiver).count(recipient) == 1


def test_killed_while_smtp_waits_for_an_answer(supervisor, gate, receiver, mta):
    for _ in range(ROUNDS):
        gate.opened.clear()
        names = gate.domains(AT_ONCE)
        send(mta, names)
        gate.wait_for_fetches(names)
        supervisor.kill9()
        gate.opened.set()
        assert_delivered(mta, receiver, names)


def test_killed_while_connections_are_idle(supervisor, gate, receiver, mta):
    """smtp(8) keeps its connection to the daemon, and finds it closed when the
    next mail comes: the daemon is down at first."""
    gate.opened.set()
    names = gate.domains(AT_ONCE)
    send(mta, names)
    assert_delivered(mta, receiver, names)
    for _ in range(ROUNDS):
        supervisor.restarts.clear()
        supervisor.kill9()
        names = gate.domains(AT_ONCE)
        send(mta, names)
        supervisor.restarts.set()
        assert_delivered(mta, receiver, names)


def test_killed_while_postmap_waits_for_an_answer(supervisor, gate, mta):
    (name,) = gate.domains(1)
    got = []
    thread = threading.Thread(target=lambda: got.append(
        mta.run("/usr/sbin/postmap", "-q", name, TABLE)))
    thread.start()
    gate.wait_for_fetches([name])
    supervisor.kill9()
    gate.opened.set()
    thread.join(HANG_S)
    assert got and got[0].startswith("secure match=" + MX)


def test_killed_twice_during_one_question_defers(supervisor, gate, receiver,
                                                 mta):
    """Postfix asks once more, but not twice. No daemon can change that."""
    (name,) = gate.domains(1)
    send(mta, [name])
    for count in (1, 2):
        gate.wait_for_fetches([name], count)
        supervisor.kill9()
    wait_for(lambda: is_decided(mta, receiver, "u@" + name))
    assert "TLS configuration problem" in mta.deferral("u@" + name)
    gate.opened.set()
    mta.flush_queue()
    wait_for(lambda: "u@" + name in recipients_of(receiver))


def test_killed_without_a_held_socket_defers(daemon, gate, receiver, mta):
    """Why mtastsd.socket is there: the second connect() is refused."""
    supervisor = Supervisor(daemon)
    (name,) = gate.domains(1)
    send(mta, [name])
    gate.wait_for_fetches([name])
    supervisor.restarts.clear()
    supervisor.kill9()
    wait_for(lambda: is_decided(mta, receiver, "u@" + name))
    assert "TLS configuration problem" in mta.deferral("u@" + name)
    supervisor.restarts.set()
    supervisor.close()
