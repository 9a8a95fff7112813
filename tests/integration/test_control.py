# SPDX-License-Identifier: BSD-2-Clause
"""mtasts-ctl: what an operator asks the running daemon."""

import re
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

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
                                  ["flush", "--", "--all"],
                                  ["flush", "--", "a.example", "--negative"],
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


@pytest.mark.parametrize("shell", ['exec "$@" >/dev/full', 'exec "$@" >&-'],
                         ids=["full", "closed"])
@pytest.mark.parametrize("args", [
    ["mtasts-ctl", "--help"], ["mtasts-ctl", "--version"],
    ["mtasts-ctl", "list", "--help"],
    ["mtasts-ctl", "-s", "{control}", "status"],
    ["mtasts-ctl", "-s", "{control}", "refresh", "enforce.example"],
    ["mtasts-ctl", "check-config", "{config}"],
    ["mtasts-ctl", "--json", "check-config", "{config}"],
    ["mtastsd", "--help"], ["mtastsd", "--version"],
    ["mtastsd", "-t", "-c", "{config}"],
    ["mtasts-check", "--help"], ["mtasts-check", "--version"],
    ["mtasts-check", "explain"],
], ids=lambda args: " ".join(args))
def test_unheard(daemon, args, shell):
    """What can't be told is a failure; and a socket that gets the number of
    standard output is not written to."""
    args = [arg.format(control=daemon.control, config=daemon.config)
            for arg in args]
    done = subprocess.run(
        ["sh", "-c", shell, "sh", program(args[0]), *args[1:]],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == (3 if args[0] == "mtasts-check" else 1)
    assert done.stderr == "%s: can't write to standard output\n" % args[0]


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
