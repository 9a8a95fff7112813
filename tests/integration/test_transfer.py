# SPDX-License-Identifier: BSD-2-Clause
"""mtasts-ctl export and import: one cache fills another."""

import json
import os
import socket
import subprocess
import time

import pytest

from world.daemon import program, wait_for

SECURE = "OK secure match=mx1.{0} servername=hostname"
HEADER = {"format": "mtasts-policies", "version": 1}


@pytest.fixture(scope="module", autouse=True)
def domains(world):
    world.domain("one.example", mx=("mx1.{domain}",))
    world.domain("two.example", mode="testing")
    world.domain("three.example", mode="none", mx=())


def a_policy(domain, age_s=60, **changes):
    policy = {"domain": domain, "id": "7", "fetched": int(time.time()) - age_s,
              "max_age": 86400, "mode": "enforce", "mx": ["mx1." + domain],
              "used": None}
    policy.update(changes)
    return policy


def lines_of(*policies, end=True):
    lines = [HEADER, *policies]
    if end:
        lines.append({"policies": len(policies)})
    return "".join(json.dumps(line) + "\n" for line in lines)


def ctl(daemon, *args, text=None, timeout_s=60):
    """(status, output, errors)"""
    done = subprocess.run(
        [program("mtasts-ctl"), "-s", daemon.control, *args], input=text,
        capture_output=True, text=True, timeout=timeout_s, check=False)
    return done.returncode, done.stdout, done.stderr


def take(daemon, text, status=0):
    """Imports TEXT; returns the summary and the complaints."""
    got, out, err = ctl(daemon, "--json", "import", "-", text=text)
    assert got == status, out + err
    return json.loads(out), err


def exported(daemon, *args):
    status, out, err = ctl(daemon, "export", *args)
    assert (status, err) == (0, "")
    lines = [json.loads(line) for line in out.splitlines()]
    assert {key: lines[0][key] for key in HEADER} == HEADER
    assert lines[-1] == {"policies": len(lines) - 2}
    return lines[1:-1], out


def test_import_answers_from_the_first_look_up(world, daemons):
    """After an import, a new host answers from the first look-up on."""
    old, new = daemons().start(), daemons().start()
    for name in ("one.example", "two.example", "three.example"):
        old.ask(name)
    policies, text = exported(old)
    assert [p["domain"] for p in policies] == [
        "one.example", "three.example", "two.example"]
    assert set(policies[0]) == {"domain", "id", "fetched", "max_age", "mode",
                                "mx", "used"}
    summary, err = take(new, text)
    assert (summary["imported"], err) == (3, "")
    got = new.ctl("lookup", "one.example")
    assert got["answer"] == SECURE.format("one.example")
    assert got["source"] == "cached"
    assert got["fetched"] == policies[0]["fetched"]
    assert exported(new)[0] == policies
    assert "control_export user=" in old.log()
    assert "control_import user=" in new.log()
    # The import is also on disk.
    new.kill9()
    new.start()
    assert new.ctl("lookup", "one.example")["source"] == "cached"


def test_refreshed_soon(daemons):
    """Imported policies are refreshed within an hour, not all in the same second."""
    daemon = daemons().start()
    names = ["p%02d.example" % i for i in range(30)]
    take(daemon, lines_of(*(a_policy(name, age_s=600, used=int(time.time()))
                            for name in names)))
    now = time.time()
    due = [daemon.ctl("show", name)["next_refresh"] for name in names]
    assert all(-10 <= at - now <= 3601 for at in due)
    assert len(set(due)) > 15
    shown = daemon.ctl("show", names[0])
    assert (shown["failures"], shown["id"]) == (0, "7")


def test_refresh_of_an_import_is_no_change(world, daemons):
    """The daemon didn't know the policy text before, so the first refresh is not
    logged as a change."""
    daemon = daemons().start()
    take(daemon, lines_of(a_policy("one.example", id="1")))
    daemon.ctl("refresh", "one.example")
    assert "policy_text_changed" not in daemon.log()


def test_life_is_not_extended(daemons):
    daemon = daemons().start()
    begin_s = int(time.time())
    summary, _ = take(daemon, lines_of(
        a_policy("live.example", age_s=86000),
        a_policy("ended.example", age_s=86500),
        a_policy("ahead.example", age_s=-3600),
        a_policy("far-ahead.example", age_s=-90000)))
    assert (summary["imported"], summary["ended"]) == (2, 2)
    assert 0 < daemon.ctl("show", "live.example")["expires_in"] <= 400
    # If the fetch time lies in the future, its distance from now counts, which
    # shrinks until the import.
    left = daemon.ctl("show", "ahead.example")["expires_in"]
    assert 82000 < left <= 86400 - 3600 + time.time() - begin_s
    daemon.ctl("show", "ended.example", status=1)


def test_more_domains_than_one_command_takes(daemons):
    """mtasts-ctl(1) recommends "list --names | xargs -r -n 200" for this."""
    daemon = daemons().start()
    names = ["%s.%04d.example" % ("a" * 60, i) for i in range(1100)]
    take(daemon, lines_of(*map(a_policy, names)))
    status, out, err = ctl(daemon, "flush", *names[:1000])
    assert (status, out) == (2, "")
    assert "the arguments have more than 65536 bytes; pass fewer" in err
    status, out, err = ctl(daemon, "flush", *(n[59:] for n in names))
    assert (status, out) == (2, "")
    assert "flush takes at most 1024 domains; pass fewer at a time" in err
    done = subprocess.run(
        ["xargs", "-r", "-n", "200", program("mtasts-ctl"), "-s",
         daemon.control, "flush"], capture_output=True, text=True,
        input=ctl(daemon, "list", "--names")[1], timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("policy forgotten") == 1100
    assert ctl(daemon, "list", "--names") == (0, "", "")


def test_import_does_not_replace_newer_policies(daemons):
    daemon = daemons().start()
    take(daemon, lines_of(a_policy("a.example", age_s=100, id="new")))
    summary, _ = take(daemon, lines_of(
        a_policy("a.example", age_s=200, id="old")))
    assert (summary["imported"], summary["older"]) == (0, 1)
    assert daemon.ctl("show", "a.example")["id"] == "new"
    take(daemon, lines_of(a_policy("a.example", age_s=50, id="newest")))
    assert daemon.ctl("show", "a.example")["id"] == "newest"


BAD = [
    ("{}", "domain: a text is expected"),
    ("nonsense", "no JSON object"),
    ('{"domain": "b.example"', "no JSON object"),
    (json.dumps(a_policy("[192.0.2.1]")), "is no domain name"),
    (json.dumps(a_policy("b.example", id="a;b")), "id: "),
    (json.dumps(a_policy("b.example", mx=["*.*.example"])), "mx: "),
    (json.dumps(a_policy("b.example", mx=["a.example\nmx: b.example"])),
     "mx: "),
    (json.dumps(a_policy("b.example", mx=[])), "policy"),
    (json.dumps(a_policy("b.example", max_age=31557601)), "max_age: "),
    (json.dumps(a_policy("b.example", mode="strict")), "mode: "),
    ("x" * 100000, "too long"),
]


@pytest.mark.parametrize("line, why", BAD, ids=[why for _, why in BAD])
def test_bad_line(daemons, line, why):
    """A bad line is reported with its number, and the other lines are imported."""
    daemon = daemons().start()
    good = [json.dumps(a_policy(name)) for name in ("a.example", "z.example")]
    text = "\n".join([json.dumps(HEADER), good[0], line, "", good[1],
                      '{"policies": 3}'])
    path = daemon.path("export.jsonl")
    with open(path, "w") as file:
        file.write(text)
    status, out, err = ctl(daemon, "import", path)
    assert status == 1
    assert "%s:3: " % path in err and why in err
    assert "refused           1\n" in out and "imported          2\n" in out
    assert [p["domain"] for p in exported(daemon)[0]] == ["a.example",
                                                           "z.example"]


def test_not_an_export(daemons):
    daemon = daemons().start()
    for text in ("", "nonsense\n", json.dumps(a_policy("a.example")) + "\n",
                 '{"format": "mtasts-policies", "version": 2}\n',
                 '{"format": "other", "version": 1}\nflush --all\n'):
        summary, _ = take(daemon, text, status=1)
        assert summary["imported"] == 0 and summary["error"]
    status, _, err = ctl(daemon, "import", "/nonexistent")
    assert status == 1 and "/nonexistent: No such file" in err
    assert daemon.ctl("import", "/nonexistent", status=1) == {
        "error": "/nonexistent: No such file or directory", "status": 1}
    assert ctl(daemon, "import", "/")[0] == 1
    assert ctl(daemon, "import")[0] == 2
    assert daemon.ctl("status")["pid"] == daemon.process.pid


def test_file_without_an_end(daemons):
    daemon = daemons().start()
    status, out, err = ctl(daemon, "import", "/dev/zero")
    assert status == 1 and "imported          0\n" in out
    assert "/dev/zero:1: " in err


def test_lines_are_no_requests(daemons):
    """A file to import can't make the daemon execute requests."""
    daemon = daemons().start()
    take(daemon, lines_of(a_policy("a.example")))
    text = (json.dumps(HEADER) + "\nflush --all\nstatus\n"
            '{"policies": 0}\nflush --all\n')
    summary, _ = take(daemon, text, status=1)
    assert summary["refused"] == 3
    # The same holds after a first line that ends the import.
    take(daemon, "x\n" + "flush --all\n" * 20000, status=1)
    assert daemon.ctl("show", "a.example")["live"] is True


def test_truncated_export_is_imported_and_reported(daemons):
    """Half an export is imported, and the missing end is reported."""
    daemon = daemons().start()
    whole = lines_of(a_policy("a.example"), a_policy("b.example"), end=False)
    summary, err = take(daemon, whole, status=1)
    assert (summary["imported"], summary["complete"]) == (2, False)
    assert "cut off" in summary["error"]
    summary, _ = take(daemon, whole[:-20], status=1)
    assert summary["refused"] == 1


def test_broken_connection_keeps_what_was_imported(daemons):
    """If the peer disconnects during an import, the policies received so far are
    kept, and so are the ones from before."""
    daemon = daemons().start()
    take(daemon, lines_of(a_policy("old.example")))
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(daemon.control)
        sock.sendall(b"import\n" + lines_of(
            a_policy("a.example"), a_policy("b.example"),
            end=False).encode() + b'{"domain": "c')
        wait_for(lambda: daemon.ctl("list") and
                 len(daemon.ctl("list")) == 3)
    wait_for(lambda: "complete=no" in daemon.log())
    assert [p["domain"] for p in exported(daemon)[0]] == [
        "a.example", "b.example", "old.example"]


def test_peer_that_does_not_read(daemons):
    """Complaints that the peer does not read do not fill the daemon's memory."""
    daemon = daemons().start()
    ctl(daemon, "status")
    before = daemon.rss_kib()
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(daemon.control)
        sock.settimeout(2)
        sock.sendall(b"import\n" + json.dumps(HEADER).encode() + b"\n")
        sent = 0
        try:
            while sent < 64 << 20:
                sent += sock.send(b"nonsense\n" * 1000)
        except TimeoutError:
            pass
        assert sent < 8 << 20
        assert daemon.rss_kib() - before < 8192
        assert daemon.ctl("status")["pid"] == daemon.process.pid


def test_pattern(daemons):
    daemon = daemons().start()
    take(daemon, lines_of(*(a_policy(n) for n in ("a.example", "b.example",
                                                  "b.test"))))
    assert [p["domain"] for p in exported(daemon, "b*")[0]] == [
        "b.example", "b.test"]
    status, out, err = ctl(daemon, "export", "c*")
    assert status == 1 and json.loads(out.splitlines()[-1]) == {"policies": 0}


def test_largest_policy(daemons):
    """A policy with 64 KiB of patterns survives export and import."""
    old, new = daemons().start(), daemons().start()
    mx, size = [], 200
    while size < 64 * 1024 - 300:
        mx.append("mx%05d.%s.example" % (len(mx), "x" * 60))
        size += len(mx[-1]) + 4
    take(old, lines_of(a_policy("big.example", mx=mx)))
    policies, text = exported(old)
    assert policies[0]["mx"] == mx
    assert take(new, text)[0]["imported"] == 1
    assert exported(new)[0] == policies


def is_sanitized():
    """True for an ASAN build, which holds freed memory for a while."""
    with open(program("mtastsd"), "rb") as file:
        return b"__asan_init" in file.read()


def test_many(daemons):
    """Twenty thousand policies pass through a pipe without using much memory."""
    count = 20000
    old = daemons(log={"level": "info"}).start()
    new = daemons(log={"level": "info"}).start()
    text = lines_of(*(a_policy("p%05d.example" % i) for i in range(count)))
    summary, err = take(old, text)
    assert (summary["imported"], err) == (count, "")
    for daemon in (old, new):
        ctl(daemon, "status")
    before = new.rss_kib()
    shell = "%s -s %s export | %s -s %s --json import -" % (
        program("mtasts-ctl"), old.control, program("mtasts-ctl"), new.control)
    done = subprocess.run(["sh", "-c", shell], capture_output=True, text=True,
                          check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["imported"] == count
    assert new.ctl("status")["cache"]["policies"] > count - 3000
    # 16 MiB of this are the mapped cache file.
    assert is_sanitized() or new.rss_kib() - before < 48 * 1024
    assert len(exported(new)[0]) == count


@pytest.fixture
def tiny_disk(daemons):
    daemon = daemons()
    folder = daemon.path("cache")
    os.mkdir(folder)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k,mode=700",
                       "tmpfs", folder], capture_output=True,
                      check=False).returncode != 0:
        pytest.skip("can't mount a tmpfs")
    yield daemon.start()
    subprocess.run(["umount", "-l", folder], check=False)


def test_full_disk(tiny_disk):
    """An import that fills the disk ends with an error. The daemon answers for the
    imported domains and for all others."""
    text = lines_of(*(a_policy("p%05d.example" % i) for i in range(20000)))
    summary, _ = take(tiny_disk, text, status=1)
    assert "can't be written" in summary["error"]
    assert 0 < summary["imported"] < 20000
    assert tiny_disk.ask("p00001.example") == SECURE.format("p00001.example")
