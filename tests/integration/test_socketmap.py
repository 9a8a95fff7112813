# SPDX-License-Identifier: BSD-2-Clause
"""Socketmap on the wire: clients that are fast, slow, broken, or many."""

import os
import random
import resource
import signal
import socket
import stat
import subprocess
import time

import pytest

from world import nameserver as ns
from world import webserver as web
from world.daemon import HANG_S, netstring, wait_for

NONE = "NOTFOUND "
OK = "OK secure match=mx1.wire.example servername=hostname"
MANY = 1024  # limits.clients by default


@pytest.fixture(scope="module", autouse=True)
def files():
    """Descriptors for the clients of the test."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="module", autouse=True)
def domain(world):
    world.domain("wire.example")
    for i in range(5):
        world.domain("slowly%d.example" % i, http=web.later(0.3))


@pytest.fixture
def witness(daemon):
    """A client that was there before, and must still be served afterwards."""
    with daemon.connect() as client:
        assert client.ask("postfix", "wire.example") == OK
        yield client
        assert client.ask("postfix", "wire.example") == OK
        assert client.ask("postfix", "[192.0.2.1]") == NONE


# -- packets ------------------------------------------------------------------

MIXED = [
    ("postfix", "wire.example", OK),
    ("postfix", "[192.0.2.1]", NONE),
    ("nonsense", "wire.example", "PERM "),
    ("verdict", "wire.example mx1.wire.example", "OK enforce match "),
    ("sts", "wire.example", OK),
    ("QUERY", "absent.wire.example", NONE),
    ("postfix-tlsrpt", "wire.example", OK + " policy_type=sts "),
]


def test_many_in_one_packet(daemon, witness):
    """Answers come in the order of the questions, although some need a look-up."""
    rows = []
    for i in range(5):
        rows += MIXED * 10
        rows.append(("postfix", "slowly%d.example" % i,
                     "OK secure match=mx1.slowly%d.example" % i))
    with daemon.connect() as client:
        client.send(b"".join(netstring(row[0], row[1]) for row in rows))
        for row in rows:
            assert client.reply().startswith(row[2])


def test_byte_by_byte(daemon, witness):
    with daemon.connect() as client:
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        for map, key, answer in MIXED:
            for byte in netstring(map, key):
                client.send(bytes([byte]))
                time.sleep(0.001)
            assert client.reply().startswith(answer)


def test_cut_anywhere(daemon, witness):
    chance = random.Random(1)
    data = b"".join(netstring(row[0], row[1]) for row in MIXED * 30)
    with daemon.connect() as client:
        while data:
            size = chance.choice([1, 2, 3, 7, 50, 300])
            client.send(data[:size])
            data = data[size:]
        for row in MIXED * 30:
            assert client.reply().startswith(row[2])


def test_half_close(daemon, witness):
    """A client that has shut down its sending side still gets its answers."""
    with daemon.connect() as client:
        client.send(b"".join(netstring(row[0], row[1]) for row in MIXED))
        client.sock.shutdown(socket.SHUT_WR)
        for row in MIXED:
            assert client.reply().startswith(row[2])
        assert client.is_closed()


# -- limits and bad input ----------------------------------------------------

def test_longest_request(daemon, witness):
    key = "x" * (10000 - len("postfix "))
    with daemon.connect() as client:
        assert client.ask("postfix", key) == NONE
        assert client.ask("postfix", "wire.example") == OK


NONSENSE = [
    b"10001:", b"99999999999999999999999:", b"GET / HTTP/1.0\r\n\r\n",
    b"get wire.example\n", b"\x16\x03\x01\x02\x00\x01\x00", b":", b",",
    b"-1:", b"+5:", b" 5:", b"05:", b"00:,", b"1", b"x", b"\0", b"\n",
    b"20:postfix wire.example;", b"3:postfix wire.example,",
    b"20 :postfix wire.example,", b"\xff\xfe",
]


@pytest.mark.parametrize("data", NONSENSE, ids=lambda data: ascii(data)[2:-1])
def test_bad_framing_closes(daemon, witness, data):
    with daemon.connect() as client:
        client.send(data)
        if data == b"1":  # the beginning of a valid request
            client.send(b"x")
        assert client.is_closed()


def test_questions_before_bad_framing_are_answered(daemon, witness):
    """The questions before it are answered."""
    with daemon.connect() as client:
        client.send(netstring("postfix", "wire.example") + b"nonsense")
        assert client.reply() in (OK, None)
        assert client.is_closed()


@pytest.mark.parametrize("payload", [b"", b"postfix", b" wire.example", b" ",
                                     b"postfix\twire.example",
                                     b"postfix wire.\0example"],
                         ids=lambda data: ascii(data)[2:-1] or "empty")
def test_invalid_request_gets_an_error(daemon, witness, payload):
    """A valid netstring with an invalid request: PERM, and the connection stays."""
    with daemon.connect() as client:
        client.send(b"%d:%s," % (len(payload), payload))
        assert client.reply().startswith("PERM ")
        assert client.ask("postfix", "wire.example") == OK


@pytest.mark.parametrize("key", [b"wire.example\r\nOK evil", b"a\x1b[31mb",
                                 b"{ x = y }", b"%s%n%s", b"a, b"])
def test_strange_keys(daemon, witness, key):
    with daemon.connect() as client:
        assert client.ask("postfix", key) == NONE
        answer = client.ask("no" + key.decode("latin-1"), "x")
        assert answer.startswith("PERM ")
        assert answer.isprintable()


def test_clients_that_vanish(daemon, witness):
    """In the middle of a request, of a look-up, of a reply."""
    for data in (b"", b"2", b"20:post", netstring("postfix", "wire.example"),
                 netstring("postfix", "slowly0.example") * 50):
        for _ in range(10):
            client = daemon.connect()
            client.send(data)
            client.close()
    daemon.flush("slowly1.example")
    client = daemon.connect()
    client.request("postfix", "slowly1.example")
    time.sleep(0.1)
    client.close()
    # the discovery continues without the client
    assert daemon.ask("slowly1.example").startswith("OK")


# -- clients that do not read -------------------------------------------------

def test_client_that_never_reads(daemons):
    daemon = daemons().start()
    question = netstring("postfix-tlsrpt", "wire.example")
    assert daemon.ask("wire.example") == OK
    before = daemon.rss_kib()
    clients = [daemon.connect() for _ in range(20)]
    sent = 0
    for client in clients:
        client.sock.setblocking(False)
        try:
            while sent < 200 * 1024 * 1024:
                sent += client.sock.send(question * 2000)
        except BlockingIOError:
            pass
        assert daemon.ask("wire.example") == OK
    time.sleep(0.3)
    # The daemon stops reading: twenty clients, one packet and one reply each.
    assert sent < 20 * 4 * 1024 * 1024
    assert daemon.rss_kib() - before < 20 * 1024
    begin = daemon.cpu_s()
    time.sleep(0.5)
    assert daemon.cpu_s() - begin < 0.2, "it spins"
    # A client that reads at last gets every answer.
    clients[0].sock.settimeout(HANG_S)
    for _ in range(1000):
        assert clients[0].reply().startswith(OK + " policy_type=sts ")
    for client in clients:
        client.close()
    assert daemon.ask("wire.example") == OK


def test_waiting_client_that_sends_on(daemons, world):
    """Requests behind a slow look-up wait in the socket, not in memory."""
    daemon = daemons().start()
    assert daemon.ask("wire.example") == OK
    before = daemon.rss_kib()
    world.domain("stuck.example", raw=web.silent)
    client = daemon.connect()
    client.request("postfix", "stuck.example")
    client.sock.setblocking(False)
    question = netstring("postfix", "wire.example")
    sent = 0
    try:
        while sent < 200 * 1024 * 1024:
            sent += client.sock.send(question * 2000)
    except BlockingIOError:
        pass
    assert sent < 4 * 1024 * 1024
    assert daemon.rss_kib() - before < 10 * 1024
    assert daemon.ask("wire.example") == OK
    client.sock.settimeout(HANG_S)
    assert client.reply() == NONE
    assert client.reply() == OK
    client.close()


# -- many clients -------------------------------------------------------------

def test_1024_connections(daemons):
    daemon = daemons()
    # as a service manager sets it: a low soft limit, a high hard limit
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    daemon.start(preexec_fn=lambda: resource.setrlimit(
        resource.RLIMIT_NOFILE, (min(256, hard), hard)))
    clients = [daemon.connect() for _ in range(MANY)]
    for client in clients:
        client.request("postfix", "wire.example")
    assert {client.reply() for client in clients} == {OK}
    with daemon.connect() as one_more:
        assert one_more.is_closed()
    assert len([line for line in daemon.log().splitlines()
                if "too_many_clients" in line]) == 1
    # no client was dropped for it
    assert {client.ask("postfix", "wire.example") for client in clients} == {
        OK}
    clients.pop().close()
    assert wait_for(lambda: try_ask(daemon)) == OK
    assert daemon.is_running()
    for client in clients:
        client.close()


def test_all_clients_at_once(daemons):
    """The daemon is busy: a non-blocking connect() fails with EAGAIN if the backlog is
    full."""
    with open("/proc/sys/net/core/somaxconn") as file:
        if int(file.read()) < MANY:
            pytest.skip("net.core.somaxconn is too low")
    daemon = daemons().start()
    daemon.process.send_signal(signal.SIGSTOP)
    try:
        clients = [daemon.connect() for _ in range(MANY)]
    finally:
        daemon.process.send_signal(signal.SIGCONT)
    assert {client.ask("postfix", "wire.example") for client in clients} == {
        OK}
    for client in clients:
        client.close()


def try_ask(daemon):
    try:
        return daemon.ask("wire.example")
    except (BrokenPipeError, ConnectionError):
        return None


def test_client_limit(daemons):
    daemon = daemons(limits={"clients": 5}).start()
    clients = [daemon.connect() for _ in range(5)]
    for client in clients:
        assert client.ask("postfix", "wire.example") == OK
    for _ in range(3):
        with daemon.connect() as one_more:
            assert one_more.is_closed()
    # operators can connect to the control socket, whatever the MTAs do
    assert daemon.ctl_raw("status")[0] == 0
    for client in clients:
        assert client.ask("postfix", "wire.example") == OK
        client.close()


def test_idle_client_stays_connected(daemon, witness):
    """Other clients connect and leave; the idle one is served as before."""
    with daemon.connect() as idle:
        assert idle.ask("postfix", "wire.example") == OK
        for _ in range(300):
            with daemon.connect() as client:
                client.ask("postfix", "wire.example")
        time.sleep(3)
        assert idle.ask("postfix", "wire.example") == OK


# -- listeners ----------------------------------------------------------------

def test_mode_of_the_socket(daemons):
    daemon = daemons()
    modes = {None: 0o660, "0600": 0o600, "0666": 0o666}
    for mode, bits in modes.items():
        listen = {"socketmap": "unix:" + daemon.socket}
        if mode:
            listen["mode"] = mode
        daemon.configure(listen=[listen])
        daemon.start()
        assert stat.S_IMODE(os.stat(daemon.socket).st_mode) == bits
        assert stat.S_IMODE(os.stat(daemon.control).st_mode) == 0o600
        daemon.stop()


@pytest.mark.skipif(os.geteuid() != 0 or not os.access("/root", os.W_OK),
                    reason="needs root")
def test_owner_of_the_socket(daemons):
    daemon = daemons()
    daemon.configure(listen=[{"socketmap": "unix:" + daemon.socket,
                              "owner": "root", "group": "mail"}])
    try:
        os.chown(daemon.folder, 0, 8)
    except OSError:
        pytest.skip("can't change groups in here")
    daemon.start()
    import grp
    assert os.stat(daemon.socket).st_gid == grp.getgrnam("mail").gr_gid


def test_stale_socket_is_replaced(daemons):
    daemon = daemons().start()
    daemon.kill9()
    assert os.path.exists(daemon.socket)
    assert os.path.exists(daemon.control)
    daemon.start()
    assert daemon.ask("wire.example") == OK
    assert daemon.ctl_raw("status")[0] == 0
    daemon.stop()
    assert not os.path.exists(daemon.socket)
    assert not os.path.exists(daemon.control)


def test_socket_in_use_is_not_replaced(daemon, daemons, witness):
    for what in ({"listen": [{"socketmap": "unix:" + daemon.socket}]},
                 {"control": "unix:" + daemon.control}):
        other = daemons(**what)
        status, said = other.run_to_end()
        assert status != 0
        assert "another process listens there" in said
        assert (daemon.control if "control" in what else
                daemon.socket) in said
    assert daemon.ask("wire.example") == OK
    assert daemon.ctl_raw("status")[0] == 0


def test_socket_of_another_program_is_not_replaced(daemons):
    """Whatever program listens there."""
    daemon = daemons()
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.bind(daemon.socket)
        stranger.listen(1)
        status, said = daemon.run_to_end()
        assert status != 0
        assert daemon.socket in said
    assert os.path.exists(daemon.socket)


def test_file_is_not_replaced_by_a_socket(daemons):
    daemon = daemons()
    with open(daemon.socket, "w") as file:
        file.write("precious")
    status, said = daemon.run_to_end()
    assert status != 0
    assert daemon.socket in said
    with open(daemon.socket) as file:
        assert file.read() == "precious"


def test_port_in_use(daemons):
    daemon = daemons(listen=[{"socketmap": "inet:127.0.0.1:8461"}])
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 8461))
        stranger.listen(1)
        status, said = daemon.run_to_end()
    assert status != 0
    assert "127.0.0.1:8461" in said
    assert "another process listens there" in said


def test_port_again_at_once(daemons):
    """A restart does not wait for the old connections' TIME_WAIT."""
    daemon = daemons(listen=[{"socketmap": "inet:127.0.0.1:8462"}])
    for _ in range(2):
        daemon.start()
        client = daemon.connect(address=("127.0.0.1", 8462))
        assert client.ask("postfix", "wire.example") == OK
        daemon.stop()
        client.close()


def test_localhost_by_name(daemons):
    daemon = daemons(listen=[{"socketmap": "inet:localhost:8463"}])
    daemon.start()
    with daemon.connect(address=("127.0.0.1", 8463)) as client:
        assert client.ask("postfix", "wire.example") == OK


def test_clients_leave_descriptors_for_look_ups(world, daemons):
    """Otherwise a local user could make every look-up of a new domain fail: no
    policy."""
    world.domain("descriptors.example")
    daemon = daemons()
    daemon.start(preexec_fn=lambda: resource.setrlimit(
        resource.RLIMIT_NOFILE, (128, 128)))
    assert "limit=128 clients=64 " in daemon.events("few_descriptors")[0]
    with daemon.connect() as client:
        assert client.ask("postfix", "wire.example") == OK
        hogs = [daemon.connect() for _ in range(150)]
        wait_for(lambda: daemon.events("too_many_clients"))
        assert client.ask("postfix", "descriptors.example").startswith("OK ")
        for hog in hogs:
            hog.close()


def test_questions_leave_descriptors_for_clients(world, daemons):
    """Otherwise domains with silent name servers could use up all descriptors."""
    daemon = daemons(limits={"clients": 100}, dns={"timeout": "30s"},
                     lookup={"timeout": "1s"})
    daemon.start(preexec_fn=lambda: resource.setrlimit(
        resource.RLIMIT_NOFILE, (700, 700)))
    assert daemon.ask("wire.example") == OK
    world.dns.everything = ns.silent
    clients = [daemon.connect() for _ in range(90)]
    try:
        for turn in range(5):
            for i, client in enumerate(clients):
                client.request("postfix", "q%d-%d.example" % (turn, i))
            for client in clients:
                assert client.reply() == NONE
        assert daemon.ask("wire.example") == OK
        assert daemon.ctl("status")["lookups"]["under_way"] == 450
    finally:
        world.dns.everything = None
        for client in clients:
            client.close()


def test_host_with_an_address_of_another_machine(world, daemons):
    """Like localhost, where IPv6 is turned off."""
    world.dns.add("two.listen.example", "A", "127.0.0.1")
    world.dns.add("two.listen.example", "AAAA", "2001:db8::99")
    world.dns.add("none.listen.example", "AAAA", "2001:db8::99")
    daemon = daemons(listen=[{"socketmap": "inet:two.listen.example:8464"}])
    daemon.start()
    with daemon.connect(address=("127.0.0.1", 8464)) as client:
        assert client.ask("postfix", "wire.example") == OK
    daemon = daemons(listen=[{"socketmap": "inet:none.listen.example:8465"}])
    status, said = daemon.run_to_end()
    assert status == 1
    assert "inet:none.listen.example:8465: can't bind: Cannot assign" in said


def test_other_users_can_not_connect(daemons):
    """0660: another user gets no answer."""
    if os.geteuid() != 0 or subprocess.run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
             "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("can't become another user in here")
    daemon = daemons().start()
    for folder in (daemon.folder, os.path.dirname(daemon.folder)):
        os.chmod(folder, 0o755)
    code = ("import socket,sys; s=socket.socket(socket.AF_UNIX);"
            "s.connect(sys.argv[1])")
    for path in (daemon.socket, daemon.control):
        done = subprocess.run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
             "/usr/bin/python3", "-c", code, path],
            capture_output=True, text=True, check=False)
        assert "PermissionError" in done.stderr
