# SPDX-License-Identifier: BSD-2-Clause
"""The control socket: which users it admits, and bad input."""

import json
import os
import re
import socket
import subprocess
import time

import pytest

from world.daemon import HANG_S, program


@pytest.fixture(scope="module", autouse=True)
def domains(world):
    world.domain("enforce.example", mx=("mx1.{domain}", "*.mx.{domain}"))


# -- users ---------------------------------------------------------------------

def test_other_users_are_refused(daemon):
    if os.geteuid() != 0 or subprocess.run(
            ["setpriv", "--reuid=65534", "true"], capture_output=True,
            check=False).returncode != 0:
        pytest.skip("can't become another user in here")
    for folder in (daemon.folder, os.path.dirname(daemon.folder)):
        os.chmod(folder, 0o755)
    # Even if the file mode admits a user, the daemon checks the user's credentials.
    os.chmod(daemon.control, 0o666)
    code = ("import socket,sys; s=socket.socket(socket.AF_UNIX);"
            "s.settimeout(5); s.connect(sys.argv[1]);"
            "s.sendall(b'flush --all\\n'); print(s.recv(999))")
    done = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
         "/usr/bin/python3", "-c", code, daemon.control],
        capture_output=True, text=True, check=False)
    os.chmod(daemon.control, 0o600)
    assert '"status": 0' not in done.stdout
    assert '"status":0' not in done.stdout


def can_become(*args):
    return os.geteuid() == 0 and subprocess.run(
        ["setpriv", *args, "true"], capture_output=True,
        check=False).returncode == 0


@pytest.fixture
def others(world, daemons):
    """others(OPTIONS...) returns a daemon whose folders every user can enter, and a
    function that runs mtasts-ctl as another user."""
    def make(**options):
        daemon = daemons(**options).start()
        for folder in (daemon.folder, os.path.dirname(daemon.folder)):
            os.chmod(folder, 0o755)

        def run(uid, gid, groups, *args):
            done = subprocess.run(
                ["setpriv", "--reuid=%d" % uid, "--regid=%d" % gid,
                 "--groups=%s" % groups if groups else "--clear-groups",
                 world.share(program("mtasts-ctl")), "-s", daemon.control,
                 *args],
                capture_output=True, text=True, check=False,
                env=dict(os.environ, LSAN_OPTIONS=world.lsan_options()))
            return done.returncode, done.stderr
        return daemon, run
    if not can_become("--reuid=1", "--regid=1", "--groups=8"):
        pytest.skip("can't become another user in here")
    return make


def mode_of(daemon):
    st = os.stat(daemon.control)
    return st.st_mode & 0o777, st.st_gid


def test_control_group(others):
    daemon, run = others(control_group="mail")
    assert mode_of(daemon) == (0o660, 8)
    assert run(1, 8, None, "status")[0] == 0
    assert run(1, 1, "8", "flush", "--negative")[0] == 0
    # The file's mode excludes other users, and so would the daemon.
    assert run(1, 1, "2", "status")[0] == 3
    os.chmod(daemon.control, 0o666)
    status, err = run(1, 1, "2", "status")
    assert status == 3 and "permission denied" in err
    assert re.search(r"control_flush user=daemon uid=1 pid=\d+ absent=all",
                     daemon.log())


def test_control_users(others):
    daemon, run = others(control_users=["daemon", "mail"])
    assert mode_of(daemon)[0] == 0o666
    assert run(1, 2, None, "status")[0] == 0
    status, err = run(2, 1, "1", "status")
    assert status == 3
    assert "permission denied" in err and "control_users" in err


def test_repeated_refusals_are_logged_once(others):
    """A user who keeps trying can't fill the log."""
    daemon, run = others(control_users=["daemon"])
    for _ in range(5):
        assert run(2, 2, None, "status")[0] == 3
    events = daemon.events("control_refused", level="warning")
    assert 1 <= len(events) < 5
    assert re.match(r'control_refused uid=2 user="bin" pid=[1-9]\d* '
                    r'unlogged=0$', events[0])


def test_unknown_group(daemons):
    status, said = daemons(control_group="no-such-group").run_to_end()
    assert status == 1
    assert "control_group: there is no group no-such-group" in said


# -- input ---------------------------------------------------------------------

def raw(daemon, data, timeout_s=HANG_S):
    """Sends DATA to the control socket; returns the reply up to the end of its last
    line."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(timeout_s)
        sock.connect(daemon.control)
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        got = b""
        while True:
            try:
                part = sock.recv(65536)
            except ConnectionResetError:
                break
            if not part:
                break
            got += part
    return [json.loads(line) for line in got.splitlines()]


def test_two_commands_on_one_connection(daemon):
    got = raw(daemon, b"lookup enforce.example\nstatus\n")
    ends = [item for item in got if item.get("end")]
    assert [end["status"] for end in ends] == [0, 0]


@pytest.mark.parametrize("data", [b"\n", b"nonsense\n", b"\0\n", b"\xff\xfe\n",
                                  b"x" * 70000 + b"\n", b"lookup\n",
                                  b"flush --nonsense\n", b"lookup \x1b[31m\n",
                                  b"GET / HTTP/1.0\r\n\r\n"],
                         ids=lambda data: ascii(data[:20])[2:-1])
def test_nonsense(daemon, data):
    got = raw(daemon, data)
    assert all(item["status"] == 2 for item in got if item.get("end"))
    assert daemon.ctl("status")["pid"] == daemon.process.pid


def test_many_operators(daemon):
    """More operators than the limit allows do not disturb other clients."""
    peers = []
    for _ in range(40):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(daemon.control)
        peers.append(sock)
    assert daemon.ask("enforce.example").startswith("OK")
    for sock in peers:
        sock.close()
    assert daemon.ctl("status")["pid"] == daemon.process.pid


def test_query_sockets_take_no_commands(daemons):
    """A client of a query socket can't flush or list anything."""
    daemon = daemons()
    exim, tcp = daemon.path("exim.sock"), daemon.path("tcp.sock")
    daemon.configure(listen=[{"socketmap": "unix:" + daemon.socket},
                             {"exim": "unix:" + exim},
                             {"tcp_table": "unix:" + tcp}])
    daemon.start()
    daemon.ask("enforce.example")
    with daemon.connect() as client:
        for command in ("flush", "list", "export", "status"):
            assert client.ask(command, "--all").startswith("PERM ")
    for path in (exim, tcp):
        for line in (b"flush --all\n", b"list\n", b"export\n",
                     b"flush enforce.example\n", b"get flush --all\n"):
            with socket.socket(socket.AF_UNIX) as sock:
                sock.settimeout(5)
                sock.connect(path)
                sock.sendall(line)
                sock.shutdown(socket.SHUT_WR)
                said = sock.recv(65536)
            assert b"mx1" not in said and b'"' not in said
    assert [item["domain"] for item in daemon.ctl("list")] == [
        "enforce.example"]


def test_slow_peer(daemon):
    """A client that sends one byte at a time is served, and delays no other."""
    daemon.ask("enforce.example")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(10)
        sock.connect(daemon.control)
        for byte in b"show enforce.exam":
            sock.sendall(bytes([byte]))
            time.sleep(0.01)
        assert daemon.ctl("status")["pid"] == daemon.process.pid
        sock.sendall(b"ple\n")
        assert json.loads(sock.makefile().readline())["live"] is True
