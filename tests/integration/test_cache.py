# SPDX-License-Identifier: BSD-2-Clause
"""The cache on disk: what survives a crash, and how the daemon handles damage."""

import glob
import os
import random
import select
import shutil
import signal
import socket
import subprocess
import time

import pytest

from world.daemon import HANG_S, wait_for
from world.world import policy

NONE = "NOTFOUND "


def ok(domain):
    return "OK secure match=mx1.%s servername=hostname" % domain


@pytest.fixture
def domains(world):
    names = ["cached%d.example" % i for i in range(30)]
    for name in names:
        world.domain(name)
    return names


def cache_file(daemon):
    return daemon.path("cache/policies.mdb")


def set_aside(daemon):
    return glob.glob(daemon.path("cache/policies.mdb.bad-*"))


def fill(daemon, domains):
    with daemon.connect() as client:
        for domain in domains:
            assert client.ask("postfix", domain) == ok(domain)


def wait_until_written(daemon):
    wait_for(lambda: daemon.ctl("status")["cache"]["pending"] == 0)


def check_all(daemon, domains):
    with daemon.connect() as client:
        for domain in domains:
            assert client.ask("postfix", domain) == ok(domain)


def test_kill_after_commit(world, daemons, domains):
    """The daemon commits on its own, and committed entries survive a kill."""
    daemon = daemons().start()
    fill(daemon, domains)
    wait_until_written(daemon)
    daemon.kill9()
    world.die()
    try:
        daemon.start()
        check_all(daemon, domains)
        assert daemon.ask("never-seen.example") == NONE
    finally:
        world.rise()
    assert not set_aside(daemon)


@pytest.mark.parametrize("name", ["SIGABRT", "SIGBUS", "SIGSEGV"])
def test_fatal_signal(world, daemons, domains, name):
    """The process logs one line and ends. The next start checks the whole file,
    finds it intact, and keeps it."""
    daemon = daemons().start()
    fill(daemon, domains)
    wait_until_written(daemon)
    process, daemon.process = daemon.process, None
    process.send_signal(getattr(signal, name))
    assert process.wait(HANG_S) == -getattr(signal, name)
    assert os.path.exists(cache_file(daemon) + ".suspect")
    last = daemon.log().splitlines()[-1]
    assert last.startswith("mtastsd: ") and ("killed by " + name in last or
                                             "aborted by " in last)
    world.die()
    try:
        daemon.start()
        check_all(daemon, domains)
    finally:
        world.rise()
    assert not os.path.exists(cache_file(daemon) + ".suspect")
    assert not set_aside(daemon)


def test_sigterm_writes_pending_changes(world, daemons, domains):
    """SIGTERM writes pending changes before the daemon ends."""
    daemon = daemons().start()
    fill(daemon, domains)
    daemon.stop()
    world.die()
    try:
        daemon.start()
        check_all(daemon, domains)
    finally:
        world.rise()


def test_kill_while_writing(world, daemons):
    """However often it is killed, it starts again and its cache is intact."""
    daemon = daemons()
    names = ["storm%d.example" % i for i in range(60)]
    for name in names:
        world.domain(name)
    for part in range(3):
        daemon.start()
        clients = [daemon.connect() for _ in names[part::3]]
        for client, name in zip(clients, names[part::3]):
            client.request("postfix", name)
        time.sleep(0.1 + 0.1 * part)
        daemon.kill9()
        for client in clients:
            client.close()
    daemon.start()
    check_all(daemon, names)
    assert not set_aside(daemon)


def damage_random(path):
    with open(path, "r+b") as file:
        file.write(random.Random(1).randbytes(os.path.getsize(path)))


def damage_half(path):
    os.truncate(path, os.path.getsize(path) // 2)


def damage_zeros(path):
    size = os.path.getsize(path)
    os.truncate(path, 0)
    os.truncate(path, size)


def damage_text(path):
    with open(path, "w") as file:
        file.write("this is a letter, not a cache\n" * 50)


def damage_sqlite(path):
    with open(path, "wb") as file:
        file.write(b"SQLite format 3\0" + bytes(8192))


def damage_second_half(path):
    size = os.path.getsize(path)
    with open(path, "r+b") as file:
        file.seek(8192)
        file.write(random.Random(2).randbytes(size - 8192))


def damage_version(path):
    """Writes a file that claims a later version of LMDB."""
    with open(path, "r+b") as file:
        data = bytearray(file.read())
        magic = b"\xde\xc0\xef\xbe"
        at = data.find(magic)
        while at >= 0:
            data[at + 4:at + 8] = b"\x63\0\0\0"
            at = data.find(magic, at + 8)
        file.seek(0)
        file.write(data)


DAMAGE = [damage_random, damage_half, damage_zeros, damage_text,
          damage_sqlite, damage_second_half, damage_version]


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda f: f.__name__)
def test_damaged_file(world, daemons, domains, damage):
    daemon = daemons().start()
    fill(daemon, domains)
    daemon.stop()
    damage(cache_file(daemon))
    daemon.start()
    # Whatever the damage, answers are right, and are stored again.
    check_all(daemon, domains)
    assert len(set_aside(daemon)) == 1, daemon.log()
    aside = os.path.basename(set_aside(daemon)[0])
    assert any(aside in line and "warning" in line
               for line in daemon.log().splitlines())
    daemon.stop()
    world.die()
    try:
        daemon.start()
        check_all(daemon, domains)
    finally:
        world.rise()


def test_empty_file(daemons, world, domains):
    """A full disk leaves an empty file. It is used, not set aside."""
    daemon = daemons()
    os.mkdir(daemon.path("cache"))
    open(cache_file(daemon), "w").close()
    daemon.start()
    fill(daemon, domains[:3])


@pytest.mark.parametrize("seed", range(6))
def test_flipped_bytes(world, daemons, domains, seed):
    """With a few damaged bytes anywhere in the file, no answer is wrong. The
    daemon may crash once; the start after that succeeds."""
    daemon = daemons().start()
    fill(daemon, domains)
    daemon.stop()
    chance = random.Random(seed)
    with open(cache_file(daemon), "r+b") as file:
        size = os.path.getsize(cache_file(daemon))
        for _ in range(20):
            file.seek(chance.randrange(size))
            file.write(bytes([chance.randrange(256)]))
    daemon.start()
    check_all(daemon, domains)


def test_second_daemon(world, daemons):
    """If two daemons use one cache, the second reports it and ends; the first
    keeps running."""
    first = daemons().start()
    second = daemons()
    second.configure(cache={"directory": first.path("cache")})
    status, said = second.run_to_end()
    assert status != 0
    assert first.path("cache") in said
    assert "in use" in said or "another" in said
    world.domain("first.example")
    assert first.ask("first.example") == ok("first.example")
    assert not set_aside(first)


def test_file_mode(world, daemons):
    """Other users can't read which domains we send mail to, or write policies."""
    daemon = daemons().start()
    assert os.stat(cache_file(daemon)).st_mode & 0o077 == 0


def big_policy(domain):
    return policy(domain=domain) + ("x: " + "y" * 96 + "\n") * 600


def test_full_cache(world, daemons):
    """At cache.max_size it doesn't crash, answers correctly, and keeps stored
    policies."""
    daemon = daemons(cache={"max_size": "1MiB"}).start()
    names = ["big%d.example" % i for i in range(40)]
    for name in names:
        world.domain(name, text=big_policy(name))
    fill(daemon, names)
    wait_for(lambda: "warning" in daemon.log())
    check_all(daemon, names)
    assert daemon.is_running()
    assert os.path.getsize(cache_file(daemon)) <= 1.1 * 1024 * 1024


@pytest.fixture
def tiny_disk(daemons):
    """A daemon whose cache is on a disk of 256 KiB."""
    daemon = daemons()
    os.mkdir(daemon.path("cache"))
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k,mode=700", "tmpfs",
             daemon.path("cache")]
    if not shutil.which("mount") or subprocess.run(
            mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("can't mount a tmpfs")
    yield daemon
    daemon.close()
    subprocess.run(["umount", daemon.path("cache")], check=False)


def test_full_disk(world, tiny_disk):
    daemon = tiny_disk.start()
    world.domain("early.example")
    assert daemon.ask("early.example") == ok("early.example")
    wait_until_written(daemon)
    names = ["disk%d.example" % i for i in range(12)]
    for name in names:
        world.domain(name, text=big_policy(name))
    fill(daemon, names)
    check_all(daemon, names)
    wait_for(lambda: "warning" in daemon.log())
    daemon.kill9()
    world.die()
    try:
        daemon.start()
        assert daemon.ask("early.example") == ok("early.example")
    finally:
        world.rise()


@pytest.fixture
def disk(daemons):
    """A daemon whose cache is on a disk of its own; mount(OPTIONS) mounts that
    disk or changes its options."""
    daemon = daemons()
    folder = daemon.path("cache")
    os.mkdir(folder)

    def mount(options):
        if not shutil.which("mount") or subprocess.run(
                ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder],
                capture_output=True, check=False).returncode != 0:
            pytest.skip("can't mount a tmpfs")
    yield daemon, mount
    daemon.close()
    subprocess.run(["umount", folder], check=False)


def warnings(daemon, event):
    return [line for line in daemon.events(event, "warning")]


def test_start_on_full_disk(world, disk):
    """If the cache file can't be created, it serves from memory, warns once, and
    writes the file as soon as there is space."""
    daemon, mount = disk
    mount("size=64k,mode=700")
    ballast = daemon.path("cache/ballast")
    with open(ballast, "wb", buffering=0) as file:
        with pytest.raises(OSError):
            while True:
                file.write(bytes(4096))
    daemon.start()
    world.domain("memory.example")
    for _ in range(3):
        assert daemon.ask("memory.example") == ok("memory.example")
    assert daemon.ctl("status", status=1)["cache"]["writable"] is False
    mount("remount,size=8m")
    os.unlink(ballast)
    wait_for(lambda: daemon.events("cache_write_recovered"))
    assert len(warnings(daemon, "cache_write_failed")) == 1
    wait_until_written(daemon)
    daemon.kill9()
    world.die()
    try:
        daemon.start()
        assert daemon.ask("memory.example") == ok("memory.example")
    finally:
        world.rise()


@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_removed_file_is_reported(world, daemons, how):
    """The daemon keeps answering, but reports that the cache will be lost when it
    ends. An export saves it."""
    daemon = daemons().start()
    names = ["%s%d.example" % (how, i) for i in range(3)]
    for name in names:
        world.domain(name)
    assert daemon.ask(names[0]) == ok(names[0])
    wait_until_written(daemon)
    if how == "removed":
        shutil.rmtree(daemon.path("cache"))
    else:
        shutil.copy(daemon.path("cache/policies.mdb"), daemon.path("copy"))
        os.rename(daemon.path("copy"), daemon.path("cache/policies.mdb"))
    status = daemon.ctl("status", status=1)
    assert status["cache"]["writable"] is False
    assert "the cache can't be written, or was removed" in status["reasons"][0]
    for name in names[1:]:
        assert daemon.ask(name) == ok(name)
        wait_for(lambda: daemon.ctl("status", status=1)["cache"]["pending"] ==
                 0)
    assert len(warnings(daemon, "cache_removed")) == 1
    saved = daemon.ctl_raw("export")[1]
    daemon.stop()
    daemon.start()
    assert daemon.ctl("status")["cache"]["writable"] is True
    with open(daemon.path("saved"), "w") as file:
        file.write(saved)
    daemon.ctl("import", daemon.path("saved"))
    assert [item["domain"] for item in daemon.ctl("list")] == names


def test_start_on_read_only_disk(world, disk):
    """It answers for cached and for new domains, and writes again once it can."""
    daemon, mount = disk
    mount("size=8m,mode=700")
    world.domain("old.example")
    world.domain("new.example")
    daemon.start()
    assert daemon.ask("old.example") == ok("old.example")
    daemon.stop()
    mount("remount,ro")
    daemon.start()
    assert daemon.ctl("status", status=1)["cache"]["policies"] == 1
    assert daemon.ask("new.example") == ok("new.example")
    world.die()
    try:
        assert daemon.ask("old.example") == ok("old.example")
        assert daemon.ask("new.example") == ok("new.example")
        mount("remount,rw")
        wait_for(lambda: daemon.events("cache_write_recovered"))
        assert len(warnings(daemon, "cache_write_failed")) == 1
        wait_until_written(daemon)
        daemon.kill9()
        daemon.start()
        assert daemon.ask("old.example") == ok("old.example")
        assert daemon.ask("new.example") == ok("new.example")
    finally:
        world.rise()
    assert not set_aside(daemon)


def wait_for_answers(clients, count):
    """Waits until COUNT of CLIENTS have received an answer; does not read it."""
    left = {client.sock: 0 for client in clients}
    while sum(left.values()) < count:
        for sock in select.select(left, [], [], HANG_S)[0]:
            data = sock.recv(65536, socket.MSG_PEEK)
            left[sock] = data.count(b",")
        time.sleep(0.001)


def hits_until_killed(daemon, names, chance):
    """Asks for each of NAMES twice, all at once, and kills the daemon meanwhile.
    Returns the names that were answered twice; the second answer comes from the
    cache."""
    clients = [daemon.connect() for _ in names]
    for client, name in zip(clients, names):
        client.request("postfix", name)
        client.request("postfix", name)
    wait_for_answers(clients, chance.randint(0, 2 * len(names)))
    time.sleep(chance.uniform(0, 0.02))
    daemon.kill9()
    seen = []
    for client, name in zip(clients, names):
        try:
            if client.reply() == ok(name) and client.reply() == ok(name):
                seen.append(name)
        except (OSError, AssertionError):
            pass
        client.close()
    return seen


def test_kill_at_random(world, daemons):
    """A policy that was answered from the cache survives a kill -9."""
    rounds = int(os.environ.get("KILL_ROUNDS", "200"))
    seed = int(os.environ.get("KILL_SEED", random.randrange(1 << 32)))
    print("# KILL_SEED=%d" % seed)
    chance = random.Random(seed)
    # Without DNS the daemon can't find out about DANE; this test is not about it.
    daemon = daemons(log={"level": "info"}, dane="off")
    known = []
    for number in range(rounds):
        names = ["k%d-%d.example" % (number, i) for i in range(8)]
        for name in names:
            world.domain(name)
        daemon.start()
        known += hits_until_killed(daemon, names, chance)
    assert len(known) > rounds
    world.die()
    try:
        daemon.start()
        with daemon.connect() as client:
            got = {name: client.ask("postfix", name) for name in known}
        missing = {name: answer for name, answer in got.items()
                   if answer != ok(name)}
        assert not missing, "seed %d: %s" % (seed, missing)
    finally:
        world.rise()
    assert not set_aside(daemon)
