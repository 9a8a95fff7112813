# SPDX-License-Identifier: BSD-2-Clause
"""Misbehaving clients, careless operators, and signals under load."""

import json
import random
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest

from world.daemon import netstring, program, wait_for

OK = "OK secure match=mx1.{0} servername=hostname"
NAMES = ["race%02d.example" % i for i in range(40)]
CLIENTS = 60  # one after the other, in each of 8 threads


@pytest.fixture(scope="module", autouse=True)
def domains(world):
    world.domain("a.example")
    for name in NAMES:
        world.domain(name)


def in_threads(work, count):
    """Starts this many threads that run WORK(DICE)."""
    threads = [threading.Thread(target=work, args=(random.Random(seed),))
               for seed in range(count)]
    for thread in threads:
        thread.start()
    return threads


# -- clients ------------------------------------------------------------------

def listeners(daemon):
    return [{"socketmap": "unix:" + daemon.socket},
            {"tcp_table": "unix:" + daemon.path("tcp.sock")},
            {"exim": "unix:" + daemon.path("exim.sock")}]


def question(kind, name):
    return {"map": netstring("postfix", name),
            "tcp": b"get %s\n" % name.encode(),
            "exim": b"exim %s\n" % name.encode()}[kind]


def be_rude(client, data, dice):
    """Misbehaves: sends byte by byte, cuts a question short, sends many at once,
    half-closes, doesn't read, or resets."""
    data *= dice.choice([1, 1, 3, 200])
    how = dice.choice(["bytes", "cut", "close", "half", "reset", "unread"])
    if how == "bytes":
        for i in range(min(len(data), 100)):
            client.sendall(data[i:i + 1])
    else:
        client.sendall(data[:dice.randrange(len(data))] if how == "cut"
                       else data)
    if how == "half":
        client.shutdown(socket.SHUT_WR)
    if how in ("bytes", "half", "reset"):
        client.recv(dice.choice([1, 100, 65536]))
    if how in ("reset", "unread"):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                          struct.pack("ii", 1, 0))


def rude_client(daemon, dice):
    kind = dice.choice(["map", "tcp", "exim"])
    name = dice.choice(["a.example", "none%d.example" % dice.randrange(99)])
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(60)
        try:
            client.connect(daemon.path(kind + ".sock"))
            be_rude(client, question(kind, name), dice)
        except (FileNotFoundError, ConnectionError):
            pass  # the listener or the daemon has just closed


def disturb(daemon, how, turn):
    if how == "reload":
        daemon.ctl("reload")
    elif how == "hangup":
        daemon.process.send_signal(signal.SIGHUP)
    elif how == "listeners":
        daemon.configure(listen=listeners(daemon)[:1 + turn % 3])
        daemon.ctl("reload")
    elif how == "restart":
        daemon.stop(signal.SIGTERM if turn % 2 else signal.SIGINT)
        daemon.start()


@pytest.mark.parametrize("how", ["nothing", "reload", "hangup", "listeners",
                                 "restart"])
def test_rude_clients(daemons, how):
    daemon = daemons(log={"level": "info"})
    daemon.configure(listen=listeners(daemon))
    daemon.start()
    failures = []

    def work(dice):
        try:
            for _ in range(CLIENTS):
                rude_client(daemon, dice)
        except OSError as error:  # usually a timeout
            failures.append(error)
    threads = in_threads(work, 8)
    turn = 0
    while any(thread.is_alive() for thread in threads):
        turn += 1
        disturb(daemon, how, turn)
        time.sleep(0.02)
    assert not failures
    daemon.configure(listen=listeners(daemon))
    daemon.ctl("reload")
    assert daemon.ask("a.example") == OK.format("a.example")
    wait_for(lambda: daemon.ctl("status")["clients"]["now"] == 0)


# -- operators ----------------------------------------------------------------

def an_export(count):
    now = int(time.time())
    lines = [{"format": "mtasts-policies", "version": 1}]
    lines += [{"domain": "import%03d.example" % i, "id": "7",
               "fetched": now - 60, "max_age": 86400, "mode": "enforce",
               "mx": ["mx1.example"], "used": None} for i in range(count)]
    lines.append({"policies": count})
    return "".join(json.dumps(line) + "\n" for line in lines)


def run(daemon, *args):
    """A command that may fail; returns its output."""
    done = subprocess.run(
        [program("mtasts-ctl"), "--json", "-s", daemon.control, *args],
        input=an_export(300) if args[0] == "import" else "",
        capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (0, 1) and not done.stderr, done.stderr
    if args[0] == "export":
        lines = done.stdout.splitlines()
        assert json.loads(lines[-1])["policies"] == len(lines) - 2
        return None
    return json.loads(done.stdout)


def all_agree(daemon):
    """Checks that four sources agree on the cached domains; returns the domains."""
    wait_for(lambda: daemon.ctl("status")["lookups"]["under_way"] == 0 and
             daemon.ctl("status")["cache"]["pending"] == 0)
    listed = daemon.ctl("list")
    status = daemon.ctl("status")
    metrics = daemon.ctl("stats")["metrics"]
    assert status["cache"]["policies"] == len(listed)
    assert sum(metrics["mtasts_policies"].values()) == len(listed)
    assert status["lookups"]["waiting"] == 0
    return [item["domain"] for item in listed]


REQUESTS = [b"status\n", b"stats\n", b"top\n", b"list\n", b"list --names\n",
            b"explain %s\n" % NAMES[0].encode(), b"lookup a.example\n",
            b"refresh %s\n" % " ".join(NAMES).encode(),
            b"flush %s\n" % NAMES[1].encode(), b"export\n", b"reload\n",
            b"nonsense\n", b"import\n" + an_export(50).encode(),
            b"import\n" + an_export(50).encode()[:999]]


def rude_operator(path, requests, dice):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(0.1)  # a client that has not asked gets nothing
        try:
            client.connect(path)
            if dice.randrange(4) == 0:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            for _ in range(dice.choice([1, 1, 1, 5])):
                be_rude(client, dice.choice(requests), dice)
        except (ConnectionError, TimeoutError):
            pass


def test_rude_operators(world, daemons):
    """Bad requests on the control and the metrics socket do no harm."""
    daemon = daemons(log={"level": "info"}).start()
    http = [b"%s %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % (verb, path)
            for verb in (b"GET", b"HEAD", b"POST")
            for path in (b"/metrics", b"/stats.json", b"/healthz", b"/no")]
    failures = []

    def slow(ask):
        ask.wait_s = random.random() / 20
        return ask.answer()

    def work(dice):
        try:
            for _ in range(CLIENTS):
                rude_operator(*dice.choice([(daemon.control, REQUESTS),
                                            (daemon.stats, http)]), dice)
                daemon.ask(dice.choice(NAMES))
        except OSError as error:
            failures.append(error)
    world.dns.everything = slow
    try:
        for thread in in_threads(work, 8):
            thread.join()
    finally:
        world.dns.everything = None
    assert not failures
    all_agree(daemon)
    # No client remains that counts towards the limit.
    wait_for(lambda: daemon.ctl("status")["clients"]["now"] == 0)


def test_operators_and_look_ups(world, daemons):
    """Whatever operators do, every question is answered with the policy."""
    daemon = daemons(fetch={"timeout": "50s"}, dns={"timeout": "20s"},
                     lookup={"timeout": "60s"}).start()
    failures = []

    def slow(ask):
        ask.wait_s = random.random() / 20
        return ask.answer()

    def look(dice):
        for _ in range(150):
            name = dice.choice(NAMES)
            answer = daemon.ask(name)
            if answer != OK.format(name):
                failures.append("%s: %s" % (name, answer))

    def operate(dice):
        for _ in range(15):
            some = dice.sample(NAMES, 5)
            try:
                run(daemon, *dice.choice([
                    ["flush", *some], ["flush", "--all"],
                    ["flush", "--negative"], ["refresh", *some], ["reload"],
                    ["export"], ["list"], ["show", some[0]], ["status"],
                    ["explain", some[0]], ["import", "-"]]))
            except AssertionError as error:
                failures.append(error)
    world.dns.everything = slow
    try:
        for thread in in_threads(look, 4) + in_threads(operate, 4):
            thread.join()
    finally:
        world.dns.everything = None
    assert not failures
    all_agree(daemon)
    # No imported policy is lost, and no flushed policy comes back.
    summary = run(daemon, "import", "-")
    assert summary["imported"] + summary["older"] == 300
    assert sum(name.startswith("import") for name in all_agree(daemon)) == 300
    run(daemon, "flush", "--all")
    assert all_agree(daemon) == []
    daemon.kill9()
    daemon.start()
    assert all_agree(daemon) == []
