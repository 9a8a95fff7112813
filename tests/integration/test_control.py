# SPDX-License-Identifier: BSD-2-Clause
"""mtasts-ctl: what an operator asks the running daemon."""

import json
import os
import re
import signal
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from world import nameserver as ns
from world import webserver as web
from world.daemon import program
from world.world import policy

NONE = "NOTFOUND "
SECURE = "OK secure match=mx1.{0} servername=hostname"


@pytest.fixture(scope="module", autouse=True)
def domains(world):
    world.domain("enforce.example", mx=("mx1.{domain}", "*.mx.{domain}"))
    world.domain("testing.example", mode="testing")
    world.domain("none.example", mode="none", mx=())
    world.domain("expired.example", cert="expired")
    world.domain("redirect.example", status="301 Moved",
                 headers=[("Location", "https://enforce.example/")])


# -- lookup -------------------------------------------------------------------

def test_lookup(daemon):
    got = daemon.ctl("lookup", "enforce.example")
    assert got["domain"] == "enforce.example"
    assert got["answer"] == ("OK secure match=mx1.enforce.example:"
                             ".mx.enforce.example servername=hostname")
    assert got["answer"] == daemon.ask("enforce.example")
    assert got["has_policy"] is True
    assert (got["mode"], got["id"]) == ("enforce", "1")
    assert got["max_age"] == 86400
    assert 86000 < got["expires_in"] <= 86400
    assert got["mx"] == ["mx1.enforce.example", "*.mx.enforce.example"]
    assert daemon.ctl("lookup", "enforce.example")["source"] == "cached"


@pytest.mark.parametrize("mode", ["testing", "none"])
def test_lookup_not_enforced(daemon, mode):
    got = daemon.ctl("lookup", mode + ".example")
    assert (got["mode"], got["answer"]) == (mode, NONE)


def test_lookup_absent(daemon):
    got = daemon.ctl("lookup", "absent.example", status=1)
    assert (got["has_policy"], got["answer"]) == (False, NONE)
    assert got["reason"]


def test_lookup_key(daemon):
    assert daemon.ctl("lookup", "[ENFORCE.example]:25")["domain"] == \
        "enforce.example"
    got = daemon.ctl("lookup", "[192.0.2.1]", status=1)
    assert got["answer"] == NONE and got["reason"]


@pytest.mark.parametrize("mx, match", [("mx1.enforce.example", True),
                                       ("a.mx.enforce.example", True),
                                       ("evil.example", False)])
def test_lookup_mx(daemon, mx, match):
    got = daemon.ctl("lookup", "enforce.example", mx)
    assert got["match"] is match
    assert got["verdict"] == re.sub(
        r"expires=\d+", "expires=%d" % got["expires_in"],
        daemon.ask("enforce.example " + mx, "verdict"))


# -- explain ------------------------------------------------------------------

def step_names(explained):
    return [step["name"] for step in explained["steps"]]


def test_explain_good(world, daemon):
    world.domain("explain.example")
    begin = time.monotonic()
    got = daemon.ctl("explain", "explain.example")
    took_ms = (time.monotonic() - begin) * 1000
    assert got["answer"] == SECURE.format("explain.example")
    names = step_names(got)
    for name in ("record", "address", "tls", "http", "policy"):
        assert name in names
    assert names.index("record") < names.index("address") < \
        names.index("tls") < names.index("http") < names.index("policy")
    assert all(step["ok"] for step in got["steps"])
    assert all(0 <= step["ms"] <= took_ms + 1 for step in got["steps"])
    assert all(step["detail"] for step in got["steps"])
    assert "5.9.0.10" in str(got["steps"])
    # and what is explained is kept
    assert daemon.ctl("lookup", "explain.example")["source"] == "cached"


BROKEN = [
    # what is broken, the step that fails, what the reason names
    ("dns", "record", "SERVFAIL"),
    ("bad", "record", "value expected"),
    ("host", "address", "address|not exist|NXDOMAIN"),
    ("expired", "tls", "expired"),
    ("missing", "http", "404"),
    ("text", "policy", "mode"),
]


@pytest.fixture(scope="module")
def broken(world):
    world.domain("dns.broken.example")
    world.dns.behave("_mta-sts.dns.broken.example", ns.servfail)
    world.domain("bad.broken.example", records=["v=STSv1; id=;"])
    world.domain("host.broken.example", addresses=())
    world.domain("expired.broken.example", cert="expired")
    world.domain("missing.broken.example", status="404 Not Found")
    world.domain("text.broken.example",
                 text=policy(domain="x.example", mode="strict"))


@pytest.mark.parametrize("name, step, reason", BROKEN)
def test_explain_broken(broken, daemon, name, step, reason):
    """The steps end where it breaks, and the reason says why."""
    got = daemon.ctl("explain", name + ".broken.example", status=1)
    assert got["answer"] == NONE
    assert re.search(reason, got["reason"], re.IGNORECASE)
    last = got["steps"][-1]
    assert (last["name"], last["ok"]) == (step, False)
    assert all(one["ok"] for one in got["steps"][:-1])


def test_explain_with_policy_in_force(world, daemon):
    """A walk that fails takes nothing away, and both are told."""
    site = world.domain("force.example")
    daemon.ask("force.example")
    site.cert = "expired"
    got = daemon.ctl("explain", "force.example", status=1)
    assert got["answer"] == SECURE.format("force.example")
    assert "expired" in str(got["steps"])


STUCK = [
    # the state, what becomes of mail, why, what to do
    ("good", "goes only to hosts", "the policy is enforced", "Postfix's log"),
    ("mismatch", "waits: the policy names none", "enforced", "MX records"),
    ("gone", "goes only to hosts", "its record is gone, but", "mode none"),
    ("renewed", "goes only to hosts", "can't be fetched afresh now, but",
     "no mail up"),
    ("dead", "goes only to hosts", "can't be looked up now, but", "resolver"),
    ("barred", "is not held up", "counts as none", "renew the certificate"),
    ("trial", "is not held up", "only on trial", "nothing is wrong"),
    ("nothing", "is not held up", "there is no policy", "nothing is wrong"),
]


@pytest.fixture(scope="module")
def stuck(world, daemon):
    """Domains in each state."""
    for name in ("good", "mismatch", "gone", "renewed", "dead", "trial"):
        name += ".stuck.example"
        world.domain(name, mode="testing" if "trial" in name else "enforce")
        world.dns.add(name, "MX", "10 mx1." + name + ".")
        daemon.ask(name)
    world.domain("barred.stuck.example", cert="expired")
    world.dns.remove("mismatch.stuck.example", "MX")
    world.dns.add("mismatch.stuck.example", "MX", "10 mx.elsewhere.example.")
    world.dns.remove("_mta-sts.gone.stuck.example", "TXT")
    world.site("renewed.stuck.example").cert = "expired"
    world.dns.behave("_mta-sts.dead.stuck.example", ns.servfail)


@pytest.mark.parametrize("name, mail, why, hint", STUCK,
                         ids=[row[0] for row in STUCK])
def test_explain_stuck(stuck, daemon, name, mail, why, hint):
    """Why is this mail stuck?"""
    domain = name + ".stuck.example"
    got = daemon.ctl("explain", domain, status=None)
    assert mail in got["mail"]
    assert why in got["why"]
    assert hint in got["hint"]
    if got["has_policy"]:
        assert [host["covered"] for host in got["mx_hosts"]] == \
            [name != "mismatch"]
    # The same for a person, on a terminal as narrow as they get.
    _, out, _ = daemon.ctl_raw("explain", domain)
    assert "  so mail           " in out and "  what to do        " in out
    assert ("NOT in the policy" in out) == (name == "mismatch")


def test_screens_fit(stuck, daemon, monkeypatch):
    """But for what an MTA is told no line is longer than the terminal."""
    monkeypatch.setenv("COLUMNS", "80")
    for args in [("explain", name + ".stuck.example") for name, *_ in STUCK] \
            + [("show", "renewed.stuck.example"), ("list",), ("status",)]:
        _, out, err = daemon.ctl_raw(*args)
        for line in (out + err).splitlines():
            assert len(line) <= 80 or "OK secure" in line, line


def test_explain_absent(daemon):
    got = daemon.ctl("explain", "absent2.example")
    assert got["answer"] == NONE
    assert step_names(got) == ["record"]


def test_explain_no_domain(world, daemon):
    asked = len(world.dns.log)
    got = daemon.ctl("explain", "[192.0.2.1]")
    assert got["answer"] == NONE
    assert len(world.dns.log) == asked


# -- list and show ------------------------------------------------------------

def domains_of(listed):
    items = listed if isinstance(listed, list) else \
        next(v for v in listed.values() if isinstance(v, list))
    return [item["domain"] for item in items]


def test_list(world, daemons):
    daemon = daemons().start()
    assert domains_of(daemon.ctl("list")) == []
    for name in ("testing.example", "enforce.example", "none.example",
                 "absent.example"):
        daemon.ask(name)
    assert domains_of(daemon.ctl("list")) == [
        "enforce.example", "none.example", "testing.example"]
    assert domains_of(daemon.ctl("list", "*testing*")) == ["testing.example"]
    item = next(item for item in items_of(daemon.ctl("list"))
                if item["domain"] == "enforce.example")
    assert (item["mode"], item["id"]) == ("enforce", "1")


def test_list_options(world, daemons):
    """Which policies will end while their refresh fails?"""
    daemon = daemons().start()
    site = world.domain("failing.list.example")
    for name in ("failing.list.example", "enforce.example", "none.example"):
        daemon.ask(name)
    site.cert = "expired"
    daemon.ctl("refresh", "failing.list.example", status=1)

    def names(*args, status=0):
        got, out, _ = daemon.ctl_raw("list", "--names", *args)
        assert got == status
        return out.split()
    assert names("--failing") == ["failing.list.example"]
    assert names("--mode", "none") == ["none.example"]
    assert names("--mode=enforce") == ["enforce.example",
                                       "failing.list.example"]
    assert names("--failing", "--mode", "none", status=1) == []
    assert names("--expiring", "7d", "--limit", "2") == [
        "enforce.example", "failing.list.example"]
    assert names("--expiring", "1h", status=1) == []
    item = daemon.ctl("list", "--failing")[0]
    assert item["failures"] == 1


def items_of(listed):
    return listed if isinstance(listed, list) else \
        next(v for v in listed.values() if isinstance(v, list))


def test_list_long(world, daemons):
    """More than fits into one reply."""
    daemon = daemons().start()
    names = ["list%03d.example" % i for i in range(200)]
    for name in names:
        world.domain(name)
    with ThreadPoolExecutor(8) as pool:
        for answer in pool.map(daemon.ask, names):
            assert answer.startswith("OK")
    assert domains_of(daemon.ctl("list")) == names


def test_show(daemon):
    daemon.ask("enforce.example")
    got = daemon.ctl("show", "enforce.example")
    assert got["text"] == policy(
        domain="enforce.example", mx=("mx1.{domain}", "*.mx.{domain}"))
    assert got["live"] is True
    assert got["expires"] - got["fetched"] == 86400
    daemon.ctl("show", "absent.example", status=1)


# -- refresh and flush --------------------------------------------------------

def test_refresh(world, daemon):
    """The policy is fetched even if the id is known."""
    world.domain("refresh.example")
    assert daemon.ask("refresh.example") == SECURE.format("refresh.example")
    world.domain("refresh.example", mx=("new.{domain}",))
    daemon.ctl("refresh", "refresh.example")
    assert daemon.ask("refresh.example") == \
        "OK secure match=new.refresh.example servername=hostname"


def test_refresh_failing(world, daemon):
    """Says so by its status, and takes nothing away."""
    site = world.domain("stays.example")
    daemon.ask("stays.example")
    site.raw = web.close_after_hello
    daemon.ctl("refresh", "stays.example", "enforce.example", status=1)
    assert daemon.ask("stays.example") == SECURE.format("stays.example")


def test_refresh_after_absence(world, daemon):
    assert daemon.ask("soon.example") == NONE
    world.domain("soon.example")
    assert daemon.ask("soon.example") == NONE
    daemon.ctl("refresh", "soon.example")
    assert daemon.ask("soon.example") == SECURE.format("soon.example")


def test_flush(world, daemons):
    daemon = daemons().start()
    for name in ("enforce.example", "testing.example", "absent.example"):
        daemon.ask(name)
    daemon.ctl("flush", "enforce.example", "absent.example")
    daemon.ctl("show", "enforce.example", status=1)
    daemon.ctl("show", "testing.example")
    known = world.txt_count("absent.example")
    daemon.ask("absent.example")
    assert world.txt_count("absent.example") == known + 1


def test_flush_negative(world, daemons):
    daemon = daemons().start()
    for name in ("enforce.example", "absent.example"):
        daemon.ask(name)
    known = world.txt_count("absent.example")
    daemon.ctl("flush", "--negative")
    daemon.ctl("show", "enforce.example")
    daemon.ask("absent.example")
    assert world.txt_count("absent.example") == known + 1


def test_flush_all(world, daemons):
    daemon = daemons().start()
    for name in ("enforce.example", "testing.example", "absent.example"):
        daemon.ask(name)
    daemon.ctl("flush", "--all")
    assert domains_of(daemon.ctl("list")) == []
    daemon.stop()
    daemon.start()
    assert domains_of(daemon.ctl("list")) == []
    assert daemon.ask("testing.example") == NONE


# -- status -------------------------------------------------------------------

def test_status(world, daemons):
    daemon = daemons().start()
    daemon.ask("enforce.example")
    daemon.ask("enforce.example")
    daemon.ask("absent.example")
    daemon.ask("absent.example")
    with daemon.connect() as client:
        client.ask("postfix", "enforce.example")
        got = daemon.ctl("status")
    assert got["pid"] == daemon.process.pid
    assert got["version"]
    assert got["config"] == daemon.config
    assert got["clients"]["now"] == 1
    assert got["clients"]["total"] == 5
    assert daemon.socket in str(got["listeners"])
    assert got["cache"]["writable"] is True
    assert got["absent"] == 1
    assert "127.0.0.53" in got["resolver"]
    assert got["lookups"]["hits"] == 2
    assert got["lookups"]["absent"] == 1
    assert got["lookups"]["misses"] == 2
    assert got["lookups"]["fetched"] == 1


# -- as a person sees it ------------------------------------------------------

@pytest.mark.parametrize("args", [
    ["status"], ["lookup", "enforce.example"],
    ["lookup", "enforce.example", "mx1.enforce.example"],
    ["lookup", "absent.example"], ["explain", "enforce.example"],
    ["explain", "expired.example"], ["explain", "redirect.example"],
    ["list"], ["show", "enforce.example"], ["show", "absent.example"],
    ["refresh", "enforce.example"], ["flush", "testing.example"],
], ids=lambda args: " ".join(args))
def test_for_people(daemon, args):
    daemon.ask("enforce.example")
    status, out, err = daemon.ctl_raw(*args)
    assert status in (0, 1)
    assert (out + err).strip()
    assert not out.lstrip().startswith(("{", "["))
    assert "(null)" not in out + err
    if args[-1].endswith("example"):
        assert args[-1] in out + err
    for line in out.splitlines():
        assert line.isprintable() or "\t" in line


def test_strangers_text_on_the_terminal(world, daemon):
    """A policy may hold anything; none of it steers the terminal."""
    text = policy(domain="evil.example") + "note: \u009b31m\u202e evil\n"
    world.domain("evil.example", text=text)
    daemon.ask("evil.example")
    for command in ("show", "explain", "lookup"):
        out = daemon.ctl_raw(command, "evil.example")[1]
        assert "\x1b" not in out and "\u009b" not in out


# -- errors -------------------------------------------------------------------

@pytest.mark.parametrize("args", [[], ["nonsense"], ["lookup"],
                                  ["lookup", "a", "b", "c"], ["flush"],
                                  ["--nonsense", "status"], ["show"],
                                  ["status", "--all"], ["list", "--mode"],
                                  ["list", "--mode", "strict"],
                                  ["list", "--expiring", "soon"],
                                  ["flush", "--all", "example.org"],
                                  ["status", "surplus"]],
                         ids=lambda args: " ".join(args) or "none")
def test_usage(daemon, args):
    status, _, err = daemon.ctl_raw(*args)
    assert status == 2
    assert err.strip()


@pytest.mark.parametrize("typo, meant", [
    ("stauts", "status"), ("lits", "list"), ("check-conf", "check-config"),
    ("reload-now", None)])
def test_typo(daemon, typo, meant):
    """The nearest command is told, if there is one."""
    status, out, err = daemon.ctl_raw(typo)
    assert (status, out) == (2, "")
    assert "unknown command '%s'" % typo in err
    assert ("did you mean %s?" % meant in err) == bool(meant)


@pytest.mark.parametrize("command", [
    "status", "stats", "top", "lookup", "explain", "list", "show", "refresh",
    "flush", "export", "import", "reload", "check-config"])
def test_help_of_command(daemon, command):
    """Needs no daemon, and fits a terminal."""
    for args in ((command, "--help"), ("-h", command)):
        status, out, err = daemon.ctl_raw(*args, socket="/nonexistent.sock")
        assert (status, err) == (0, "")
        assert out.startswith("usage: mtasts-ctl %s" % command)
        assert max(map(len, out.splitlines())) <= 80


def test_no_daemon(daemon):
    status, out, err = daemon.ctl_raw("status", socket="/nonexistent.sock")
    assert status == 3
    assert "/nonexistent.sock" in err
    assert out == ""


def test_hung_daemon(daemons):
    """It says so in a while that an operator waits."""
    daemon = daemons().start()
    daemon.process.send_signal(signal.SIGSTOP)
    try:
        status, out, err = daemon.ctl_raw("status")
        assert (status, out) == (3, "")
        assert "has not answered within 10 s" in err
    finally:
        daemon.process.send_signal(signal.SIGCONT)


def test_help(daemon):
    for option in ("--help", "--version"):
        done = subprocess.run([program("mtasts-ctl"), option],
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0
        assert "mtasts-ctl" in done.stdout
        assert max(map(len, done.stdout.splitlines())) <= 80


def test_another_user(daemon):
    if os.geteuid() != 0 or subprocess.run(
            ["setpriv", "--reuid=65534", "true"], capture_output=True,
            check=False).returncode != 0:
        pytest.skip("can't become another user in here")
    for folder in (daemon.folder, os.path.dirname(daemon.folder)):
        os.chmod(folder, 0o755)
    # Even where the mode lets him in, the daemon looks at who he is.
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
def others(daemons):
    """others(OPTIONS...) is a daemon whose folders let anybody through, and
    how one can run mtasts-ctl there as somebody else."""
    def make(**options):
        daemon = daemons(**options).start()
        for folder in (daemon.folder, os.path.dirname(daemon.folder)):
            os.chmod(folder, 0o755)

        def run(uid, gid, groups, *args):
            done = subprocess.run(
                ["setpriv", "--reuid=%d" % uid, "--regid=%d" % gid,
                 "--groups=%s" % groups if groups else "--clear-groups",
                 program("mtasts-ctl"), "-s", daemon.control, *args],
                capture_output=True, text=True, check=False)
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
    # The file's mode keeps others out, and so would the daemon.
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


def test_refused_are_logged_once(others):
    """Whoever knocks again and again fills no log."""
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


def raw(daemon, data, timeout_s=5):
    """What the control socket says to DATA, to the end of the last line."""
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
    """More of them than it takes harms nobody else."""
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
    """None of them can flush or list anything."""
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
    assert domains_of(daemon.ctl("list")) == ["enforce.example"]


def test_slow_peer(daemon):
    """Who sends a byte at a time is served, and holds nobody up."""
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
