# SPDX-License-Identifier: BSD-2-Clause
"""mtasts-check as a program: batches, hostile publishers, options, input."""

import gzip
import json
import os
import pty
import re
import resource
import socket
import subprocess
import tempfile
import threading

import pytest

from world import nameserver, smtpserver, webserver
from world.checker import Checks, Report
from world.daemon import Daemon, program
from world.world import record


@pytest.fixture(scope="module")
def checks():
    the_checks = Checks()
    yield the_checks
    the_checks.close()


# -- input -----------------------------------------------------------------------

@pytest.mark.parametrize("text, hint", [
    ("https://example.test/x", "is a URL: give 'example.test'"),
    ("example.test:25", "a domain with a port: give 'example.test'"),
    ("example.test/path", "a path: give 'example.test'"),
    ("post@example.test", "a mail address: give 'example.test'"),
    ("192.0.2.1", "an IP address: give a domain"),
    ("[192.0.2.1]", "an IP address: give a domain"),
    ("2001:db8::1", "an IP address: give a domain"),
    ("*.example.test", "a wildcard: give 'example.test'"),
    ("_mta-sts.example.test", "not a host name: give 'example.test'"),
    ("a b", "not a host name: give a domain"),
    ("", "the domain is empty"),
    ("x\x1b]31m", "not a host name"),
])
def test_not_a_domain(checks, text, hint):
    status, out, err = checks.run(text)
    assert (status, out) == (3, "")
    assert hint in err and "\x1b" not in err


@pytest.mark.parametrize("args, hint", [
    ([], "no domain given"), (["-4", "-6", "a.test"], "exclude each other"),
    (["--expect", "maybe", "a.test"], "not enforce"),
    (["--only", "nonsense", "a.test"], 'no finding "nonsense"'),
    (["--only", "", "a.test"], "--only: no finding given"),
    (["--jobs", "0", "a.test"], "not a number from 1"),
    (["--connect", "a.test", "a.test"], "not HOST:ADDRESS"),
    (["--connect", "a.test:b.test", "a.test"], "not an IP address"),
    (["--watch", "5", "-f", "-"], "cannot read standard input"),
    (["--watch", "5", "--html", "a.test"], "does not work with --html"),
    (["expalin", "record_multiple"], "did you mean explain?"),
    (["lnit", "-"], 'write "lnit."'),
    (["--resolver", "nonsense", "a.test"], "nonsense"),
    (["--state", "/nonexistent/x/y", "-f", "/nonexistent"], "can't be read"),
    (["--ca-file", "/nonexistent", "a.test"], "can't be read"),
])
def test_usage(checks, args, hint):
    status, out, err = checks.run(*args)
    assert status == 3 and hint in err, err


def test_upper_case_final_dot_and_u_label(checks):
    d = checks.domain("case.test")
    assert checks.one("CASE.test.")["domain"] == d.name
    assert checks.one("b\u00fccher.test")["domain"] == "xn--bcher-kva.test"


def test_help_and_version(checks):
    status, out, _ = checks.run("--help")
    assert status == 0 and "usage: mtasts-check" in out
    assert all(len(line) <= 80 for line in out.splitlines())
    assert checks.run("--version")[:1] == (0,)


# -- batches ---------------------------------------------------------------------

def many(checks, count, prefix):
    """Domains that share one mail host; their names."""
    first = checks.domain(prefix + ".test")
    names = []
    for i in range(count):
        name = "%s%d.test" % (prefix, i)
        checks.world.domain(name, mx=("mx1.%s.test" % prefix,), max_age=604800)
        checks.world.dns.add(name, "MX", "10 mx1.%s." % first.name)
        checks.world.dns.txt("_smtp._tls." + name,
                             "v=TLSRPTv1; rua=mailto:r@" + name)
        names.append(name)
    return first, names


def test_each_host_is_called_once(checks):
    first, names = many(checks, 30, "share")
    receiver = checks.receivers[-1]
    before = receiver.connections
    reports = checks.json(*names, "--jobs", "8")
    assert [r["domain"] for r in reports] == names  # in the order given
    assert {r["state"] for r in reports} == {"enforced"}
    assert receiver.connections == before + 1


def test_slow_domain_does_not_change_the_order(checks):
    first, names = many(checks, 6, "order")
    checks.world.site(names[0]).http = webserver.later(1)
    reports = checks.json(*names)
    assert [r["domain"] for r in reports] == names
    status, out, _ = checks.run("--jsonl", *names)
    lines = [json.loads(line) for line in out.splitlines()]
    assert sorted(r["domain"] for r in lines) == sorted(names)
    assert lines[-1]["domain"] == names[0]  # in the order in which they finish


def test_idle_name_servers_are_closed(checks):
    """More name servers than resolvers are kept for: idle ones are closed."""
    first, names = many(checks, 24, "zones")
    addresses = ["5.9.3.%d" % (i + 1) for i in range(len(names))]
    server = nameserver.NameServer([(address, 53) for address in addresses])
    checks.others.append(server)
    for name, address in zip(names, addresses):
        checks.world.dns.add(name, "NS", "ns.%s." % name)
        checks.world.dns.add("ns." + name, "A", address)
    for jobs in ("2", "32"):
        reports = checks.json("--jobs", jobs, *names)
        assert {tuple(Report(r).ids) for r in reports} == {()}
    assert [server.count("_mta-sts." + name, "TXT") for name in names] == \
        [2] * len(names)


def test_file_and_standard_input(checks):
    first, names = many(checks, 3, "file")
    path = checks.world.path("domains")
    with open(path, "w") as file:
        file.write("# domains\n\n%s\r\n  %s  \n%s" % tuple(names))
    for args, stdin in ((["-f", path], ""), (["-f", "-"], open(path).read())):
        reports = checks.json(*args, stdin=stdin)
        assert [r["domain"] for r in reports] == names
    status, out, err = checks.run("--json", "-f", "-",
                                  stdin=names[0] + "\nhttp://x.test/\n")
    assert status == 3 and "line 2" in err and "x.test" in err
    assert len(json.loads(out)) == 1


@pytest.mark.parametrize("args", [[], ["--json"], ["--nagios"]], ids=" ".join)
def test_file_without_domains_is_an_error(checks, args):
    """An empty list of domains is an error, not a success."""
    status, out, err = checks.run(*args, "-f", "-", stdin="# none\n\n")
    assert status == 3 and "no domain in standard input" in err
    assert "OK" not in out
    if "--json" in args:
        checks.validate(json.loads(out))


def test_slow_standard_input(checks):
    """Domains are checked while the next line is still to come."""
    first, names = many(checks, 2, "pipe")
    process = subprocess.Popen(
        [program("mtasts-check"), "--ca-file", checks.world.ca.root,
         "--jsonl", "-f", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True)
    for name in names:
        process.stdin.write(name + "\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["domain"] == name
    process.stdin.close()
    assert process.wait(30) == 0
    process.stdout.close()


def test_exit_status_is_the_worst(checks):
    first, names = many(checks, 2, "worst")
    d = checks.domain("worst-broken.test")
    d.site.status = "404 Not Found"
    dark = checks.domain("worst-dark.test")
    dark.dns.behave("_mta-sts." + dark.name, nameserver.servfail)
    assert checks.run(*names)[0] == 0
    assert checks.run(*names, dark.name)[0] == 3
    assert checks.run(*names, dark.name, d.name)[0] == 2


def peak_kib(checks, count):
    """The peak memory of a batch of COUNT domains."""
    path = checks.world.path("batch")
    with open(path, "w") as file:
        file.writelines("n%d.memory.test\n" % i for i in range(count))
    with subprocess.Popen(
            [program("mtasts-check"), "--ca-file", checks.world.ca.root,
             "--jsonl", "--no-smtp", "-f", path], stdout=subprocess.PIPE) as p:
        lines = sum(1 for _ in p.stdout)
        _, status, usage = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
    assert (lines, p.returncode) == (count, 0)
    return usage.ru_maxrss


def is_sanitized():
    """True if built with ASAN."""
    with open(program("mtasts-check"), "rb") as file:
        return b"__asan_init" in file.read()


def test_memory_is_bounded(checks):
    """With a sanitizer the limit is higher: it keeps up to 256 MiB of freed memory."""
    few, many = peak_kib(checks, 50), peak_kib(checks, 1000)
    assert many - few < (300 if is_sanitized() else 4) * 1024, (few, many)


@pytest.mark.parametrize("args", [[], ["--json"], ["--html"]], ids=" ".join)
def test_full_disk_is_reported(checks, args):
    d = checks.domain("full.test")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [program("mtasts-check"), "--ca-file", checks.world.ca.root,
             *args, d.name], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 3
    assert done.stderr.count("can't write to standard output") == 1


# -- hostile publishers ----------------------------------------------------------

TIMEOUT = ["--timeout", "1"]
LIMIT_S = 60  # far above all limits together; only a hang exceeds it


def tarpit(address, port, banner=b""):
    """Accepts connections, sends BANNER, and then stays silent."""
    listener = socket.create_server((address, port), backlog=200)
    held = []

    def serve():
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            held.append(sock)
            sock.sendall(banner)
    threading.Thread(target=serve, daemon=True).start()
    return listener


@pytest.mark.parametrize("http", [
    webserver.no_answer, webserver.slow_body, webserver.endless_body,
    webserver.endless_head, webserver.garbage_http])
def test_policy_host_is_hostile(checks, http):
    d = checks.domain("hostile-%s.test" % http.__name__.replace("_", "-"))
    d.site.http = http
    report = d.check(*TIMEOUT, timeout_s=LIMIT_S)
    assert report["state"] == "broken"


BANNERS = {
    "silent": b"", "greets": b"220 hello\r\n",
    "endless": b"220-hello\r\n" * 5000, "garbage": b"\xff" * 100000,
    "long": b"220 " + b"x" * 5000 + b"\r\n",
    "refuses": b"554 go away\x1b[31m\r\n"}


@pytest.mark.parametrize("name", BANNERS)
def test_mail_host_is_hostile(checks, name):
    banner = BANNERS[name]
    d = checks.domain("pit-%s.test" % name)
    d.mx("mx1", receiver=False)
    address = d.dns.records["mx1." + d.name, "A"][0][0]
    listener = tarpit(address, 25, banner)
    report = d.check(*TIMEOUT, timeout_s=LIMIT_S)
    listener.close()
    assert report.ids == ["mx_unreachable"]
    assert report["state"] == "enforced" and report["exit_status"] == 0
    assert "\x1b" not in json.dumps(report, ensure_ascii=False)


def test_two_hundred_mail_hosts(checks):
    """No domain can make us call hosts, or wait for them, without end."""
    d = checks.domain("hosts.test")
    listener = tarpit("5.9.99.1", 25)
    names = ["h%d.%s" % (i, d.name) for i in range(200)]
    d.dns.add(d.name, "MX", *("10 %s." % name for name in names))
    for name in names:
        d.dns.add(name, "A", "5.9.99.1")
    d.publish(mx=("*.{domain}",))
    report = d.check(*TIMEOUT, timeout_s=LIMIT_S)
    listener.close()
    assert len(report["mx"]) == 200
    called = [row for row in report["mx"] if row["addresses"]]
    assert len(called) == 32
    assert report.finding("mx_unreachable")


def test_private_addresses_are_refused(checks):
    d = checks.domain("private.test")
    d.dns.add("mta-sts." + d.name, "A", "127.0.0.1", "10.0.0.1")
    d.dns.add("mx1." + d.name, "A", "192.168.0.1")
    report = d.check()
    assert "private addresses" in report.finding("policy_fetch_failed")["detail"]
    assert "private addresses" in report.finding("mx_no_address")["detail"]


def test_allow_private(checks):
    d = checks.domain("intranet.test")
    d.dns.add("mx1." + d.name, "A", "127.0.3.1")
    checks.receivers.append(smtpserver.Receiver(
        checks.world.ca, "mx1." + d.name, "127.0.3.1"))
    assert d.check().ids == ["mx_no_address"]
    assert d.check("--allow-private").ids == []


EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e<script>alert(1)</script>"


def test_hostile_text_does_not_reach_the_terminal(checks):
    d = checks.domain("evil.test")
    d.record(record(), EVIL)
    d.site.body += ("x: y\n" + EVIL + "\n").encode()
    d.dns.txt("_smtp._tls." + d.name, "v=TLSRPTv1; rua=" + EVIL)
    for args in ([], ["-v"], ["--json"], ["--jsonl"], ["--color", "never"]):
        _, out, err = checks.run(*args, d.name)
        assert "bad_line" in out
        for char in "\x1b\x07\x9b\u202e":
            assert char not in out + err


# -- options ---------------------------------------------------------------------

def test_connect(checks):
    """A new host can be tested before DNS points to it."""
    d = checks.domain("move.test")
    d.dns.remove("mta-sts." + d.name, "A")
    d.mx("mx1", receiver=False)
    checks.receivers.append(smtpserver.Receiver(
        checks.world.ca, "mx1." + d.name, "127.0.4.1"))
    assert d.check()["state"] == "broken"
    report = d.check("--connect", "mta-sts.%s:5.9.0.10" % d.name,
                     "--connect", "mx1.%s:127.0.4.1" % d.name)
    assert report.ids == []
    assert report["mx"][0]["addresses"][0]["address"] == "127.0.4.1"


def test_families(checks):
    d = checks.domain("six.test")
    d.publish(addresses=("5.9.0.10", "2a01:4f8::10"))
    d.mx("mx1", v6=True)
    for args, addresses in ((["-4"], 1), (["-6"], 1), ([], 2)):
        report = d.check(*args)
        assert report.ids == []
        got = [a["address"] for a in report["mx"][0]["addresses"]]
        assert len(got) == addresses
        assert all((":" in a) == (args == ["-6"]) for a in got) or not args


def test_other_address_family_is_not_missing(checks):
    d = checks.domain("four.test")
    report = d.check("-6")
    details = [f["detail"] for f in report["findings"]]
    assert "mta-sts.four.test has no IPv6 address" in details
    assert "mx1.four.test has no IPv6 address" in details


def test_few_descriptors(checks):
    """With few descriptors fewer domains run at once; no false findings."""
    first, names = many(checks, 60, "open")
    limit = resource.RLIMIT_NOFILE, (100, 100)
    done = subprocess.run(
        [program("mtasts-check"), "--ca-file", checks.world.ca.root,
         "--jsonl", "--jobs", "256", *names], stdout=subprocess.PIPE, text=True,
        preexec_fn=lambda: resource.setrlimit(*limit))
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0 and len(reports) == 60
    assert {report["state"] for report in reports} == {"enforced"}


def test_no_smtp(checks):
    d = checks.domain("quiet.test")
    d.mx("mx1", "mx2")
    before = [r.connections for r in checks.receivers]
    report = d.check("--no-smtp")
    assert report.ids == ["mx_partial_match"]
    assert [r.connections for r in checks.receivers] == before


def test_resolver(checks):
    d = checks.domain("asked.test")
    assert d.check("--resolver", "127.0.0.53").ids == []
    assert d.check("--resolver", "[::1]:53").ids == []
    report = d.check("--resolver", "127.0.0.99")
    assert report["state"] == "unknown" and report["exit_status"] == 3


def test_only_and_skip(checks):
    d = checks.domain("some.test")
    d.dns.remove("_smtp._tls." + d.name, "TXT")
    d.publish(mode="testing")
    assert d.check().ids == ["mode_testing", "tls_rpt_missing"]
    assert d.check("--skip", "tls_rpt_missing,mode_testing").ids == []
    assert d.check("--only", "mode_testing").ids == ["mode_testing"]
    assert d.check("--skip", "tls_rpt_missing")["exit_status"] == 0


def test_hidden_findings_count_for_the_state(checks):
    """Hidden findings count for the state, but not for the exit status."""
    d = checks.domain("untold.test")
    d.site.status = "404 Not Found"
    report = d.check("--skip", "http_status")
    assert report.ids == [] and report["exit_status"] == 0
    assert report["state"] == "broken"
    d.no_record()
    d.dns.remove("mta-sts." + d.name, "A")
    report = d.check("--only", "slow")
    assert report.ids == [] and report["state"] == "not_configured"


def test_min_score(checks):
    d = checks.domain("score.test")
    d.publish(mode="testing")
    assert d.check("--min-score", "89")["exit_status"] == 0
    assert d.check("--min-score", "90")["exit_status"] == 2


def test_watch(checks):
    d = checks.domain("watched.test")
    process = subprocess.Popen(
        [program("mtasts-check"), "--ca-file", checks.world.ca.root,
         "--jsonl", "--watch", "1", d.name], stdout=subprocess.PIPE, text=True)
    try:
        assert json.loads(process.stdout.readline())["state"] == "enforced"
        d.site.status = "404 Not Found"
        while json.loads(process.stdout.readline())["state"] != "broken":
            pass
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def test_watch_notices_a_new_certificate(checks):
    """Each round connects again; in text each begins with its time."""
    d = checks.domain("renewed.test")
    process = subprocess.Popen(
        [program("mtasts-check"), "--ca-file", checks.world.ca.root,
         "--watch", "1", d.name], stdout=subprocess.PIPE, text=True)
    try:
        time = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ\n")
        assert time.fullmatch(process.stdout.readline())
        assert "renewed.test: enforced" in process.stdout.readline()
        d.site.cert = "expired"
        while "[cert_expired]" not in process.stdout.readline():
            assert process.poll() is None
        while not time.fullmatch(process.stdout.readline()):
            assert process.poll() is None
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def test_two_runs_share_a_state_file(checks):
    first, names = many(checks, 12, "both")
    path = checks.world.path("both.json")
    processes = [subprocess.Popen(
        [program("mtasts-check"), "--ca-file", checks.world.ca.root,
         "--state", path, "--jsonl", name], stdout=subprocess.DEVNULL)
        for name in names]
    assert {p.wait(60) for p in processes} == {0}
    with open(path) as file:
        assert sorted(json.load(file)["domains"]) == sorted(names)


def test_empty_state_file_is_a_first_run(checks):
    """Created beforehand to set its owner and mode."""
    d = checks.domain("empty.test")
    path = checks.world.path("empty.json")
    open(path, "w").close()
    assert checks.run("--state", path, d.name)[0] == 0
    with open(path) as file:
        assert list(json.load(file)["domains"]) == [d.name]


def test_state_file_behind_a_link(checks):
    d = checks.domain("linked.test")
    path = checks.world.path("linked.json")
    os.symlink("behind.json", path)
    for expected in ("baseline", None):
        with open(checks.world.path("behind.json"), "a"):
            pass
        assert d.check("--state", path).ids == ([expected] if expected else [])
        assert os.path.islink(path)


REPORT = json.dumps({"policies": [{
    "policy": {"policy-type": "sts", "policy-domain": "reported.test"},
    "summary": {"total-failure-session-count": 3}}]}).encode()


def save(path, data):
    with open(path, "wb") as file:
        file.write(data)


@pytest.mark.parametrize("name, data, seen", [
    ("a.json", REPORT, True), ("a.json.gz", gzip.compress(REPORT), True),
    ("a.json", gzip.compress(REPORT), True),  # recognised by content, not by name
    ("a.txt", b"nonsense", False)],
    ids=["plain", "packed", "misnamed", "other"])
def test_reports_in_a_folder(checks, name, data, seen):
    d = checks.domain("reported.test")
    with tempfile.TemporaryDirectory() as folder:
        save(os.path.join(folder, name), data)
        report = Report(checks.one("--reports", folder, d.name))
    assert ("premature_enforce" in report.ids) == seen


@pytest.mark.parametrize("data, reason", [
    (b"{}", "it has no policies"), (b"", "'[' or '{' expected"),
    (gzip.compress(REPORT)[:-30], "premature end"),
    (gzip.compress(b" " * (17 << 20)), "larger than 16 MiB"),
    (b"\x1f\x8b\x08\x00" + b"x" * 50, "is not a TLS report")],
    ids=["no policies", "empty", "cut off", "bomb", "damaged"])
def test_invalid_report_is_an_error(checks, data, reason):
    path = checks.world.path("none.json.gz")
    save(path, data)
    status, _, err = checks.run("--reports", path, "a.test")
    assert status == 3 and path in err and reason in err, err


def test_invalid_state_file_is_an_error(checks):
    d = checks.domain("damaged.test")
    path = checks.world.path("damaged.json")
    with open(path, "w") as file:
        file.write("{}")
    status, _, err = checks.run("--state", path, d.name)
    assert status == 3 and "not a state file" in err
    with open(path) as file:
        assert file.read() == "{}"


# -- text for people -------------------------------------------------------------

def strip(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_text(checks):
    d = checks.domain("page.test")
    d.mx("mx1", "mx2")
    _, out, _ = checks.run(d.name)
    lines = out.splitlines()
    assert lines[0] == "page.test: broken, score 49 of 100"
    assert any("\u2713" in line and "mx1.page.test" in line for line in lines)
    assert any("\u2717" in line and "mx2.page.test" in line for line in lines)
    assert "[mx_partial_match]" in out and "RFC 8461 4.1" in out
    assert "    mx: mx2.page.test" in out
    assert all(len(line) <= 80 for line in lines)
    assert "\x1b" not in out  # not a terminal
    _, colored, _ = checks.run("--color=always", d.name)
    assert "\x1b[1;31m" in colored
    assert len(strip(colored).splitlines()) == len(lines)
    _, ascii_out, _ = checks.run("--ascii", d.name)
    assert ascii_out.isascii() and " x    20  mx2.page.test" in ascii_out


def test_verbose(checks):
    d = checks.domain("verbose.test")
    _, out, _ = checks.run("-v", d.name)
    for part in ("issuer", "subject", "names", "valid", "SHA-256",
                 "TLSv1.3", "record       15.0 of 15"):
        assert part in out


def test_rua_is_masked(checks):
    d = checks.domain("masked.test")
    d.dns.txt("_smtp._tls." + d.name,
              "v=TLSRPTv1; rua=mailto:secret@masked.test,"
              "MailTo:hidden%40masked.test,https://masked.test/x")
    for args in ([], ["-v"], ["--json"]):
        _, out, _ = checks.run(*args, d.name)
        assert "secret" not in out and "hidden" not in out
        assert "mailto:***@masked.test" in out
    assert "secret@" in checks.run("--show-rua", d.name)[1]


@pytest.mark.parametrize("rua, shown", [
    ("mailto: secret@x.test", "mailto: ***@x.test"),
    ("secret@x.test", "rua=***@x.test"),
    ("mailto:secret", "mailto:***"), ("mailto:secret?a@b.test", "mailto:***?"),
    ("mailto:a@secret@x.test", "mailto:***@x.test"),
    ("mailto:se/cr=et/secret@x.test", "mailto:***@x.test"),
    ("mail:secret@x.test", "mail:***@x.test"),
    ("https://x.test/report", "rua=https://x.test/report"),
    ("MAILTO:secret@x.test!10m", "MAILTO:***@x.test!10m")])
def test_malformed_rua_is_masked(checks, rua, shown):
    d = checks.domain("malformed-rua.test")
    d.dns.txt("_smtp._tls." + d.name, "v=TLSRPTv1; rua=" + rua)
    for args in (["--json"], ["--html"], ["--nagios"], ["-v"]):
        _, out, _ = checks.run(*args, d.name)
        assert "secret" not in out
    assert shown in out


def on_terminal(checks, *args, **env):
    """The output on a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [program("mtasts-check"), "--ca-file", checks.world.ca.root, *args],
        stdout=theirs, env=dict({"PATH": "/", "TERM": "xterm"}, **env))
    os.close(theirs)
    out = b""
    while True:
        try:
            out += os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
    process.wait(30)
    os.close(ours)
    return out.decode()


@pytest.mark.parametrize("args, env, colored", [
    ([], {}, True), ([], {"NO_COLOR": ""}, True),
    ([], {"NO_COLOR": "1"}, False), ([], {"TERM": "dumb"}, False),
    (["--color=never"], {}, False),
    (["--color=always"], {"NO_COLOR": "1"}, True),
    (["--color=auto"], {"NO_COLOR": "1"}, False),
    (["--json"], {}, False)])
def test_colour_on_a_terminal(checks, args, env, colored):
    d = checks.domain("coloured.test")
    out = on_terminal(checks, *args, d.name, **env)
    assert d.name in out and ("\x1b[" in out) == colored


# -- compared with the daemon ---------------------------------------------------

AGREE = {
    "good": lambda d: None,
    "testing": lambda d: d.publish(mode="testing"),
    "none": lambda d: d.publish(mode="none"),
    "no-record": lambda d: d.no_record(),
    "two-records": lambda d: d.record(record("1"), record("2")),
    "bad-id": lambda d: d.record("v=STSv1; id=a-b;"),
    "not-found": lambda d: setattr(d.site, "status", "404 Not Found"),
    "moved": lambda d: setattr(d.site, "status", "302 Found"),
    "html": lambda d: setattr(d.site, "ctype", "text/html"),
    "expired": lambda d: setattr(d.site, "cert", "expired"),
    "other-name": lambda d: setattr(d.site, "cert", "other-name"),
    "cn-only": lambda d: setattr(d.site, "cert", "cn-only"),
    "old-tls": lambda d: setattr(d.site, "tls", "1.1"),
    "bad-mode": lambda d: setattr(d.site, "body", d.site.body.replace(
        b"enforce", b"maybe")),
    "no-mx": lambda d: setattr(d.site, "body", d.site.body.replace(
        b"mx:", b"my:")),
    "large": lambda d: setattr(d.site, "body", d.site.body + b"x" * 65536),
}


@pytest.fixture(scope="module")
def daemon(checks):
    with Daemon(checks.world, "agree").start() as one:
        yield one


@pytest.mark.parametrize("name", AGREE)
def test_the_daemon_agrees(checks, daemon, name):
    """mtasts-check and mtasts-ctl explain agree whether a policy is usable, and
    on the step that fails."""
    d = checks.domain("agree-%s.test" % name)
    AGREE[name](d)
    report = d.check()
    said = daemon.ctl("explain", d.name, status=None)
    usable = report["state"] in ("enforced", "testing", "opted_out")
    walk = said["steps"]
    assert all(step["ok"] for step in walk) == usable, (said, report)
    if usable:
        assert "mode " + report["policy"]["mode"] in walk[-1]["detail"]
        return
    groups = {"record": {"missing_record", "record_multiple", "id_invalid"},
              "tls": {"cert_expired", "cert_san_mismatch", "tls_old"},
              "http": {"http_status", "redirect", "content_type",
                       "too_large"},
              "policy": {"mode_invalid", "mx_missing"}}
    blamed = next(step["name"] for step in walk if not step["ok"])
    assert groups[blamed] & set(report.ids), (said, report)
