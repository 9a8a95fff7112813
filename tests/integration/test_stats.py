# SPDX-License-Identifier: BSD-2-Clause
"""The stats socket, mtasts-ctl stats, and mtasts-ctl top."""

import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import termios
import time

import pytest

from world import nameserver as ns
from world.daemon import Daemon, program, wait_for

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


@pytest.fixture(scope="module", autouse=True)
def domains(world):
    world.domain("enforce.example")
    world.domain("testing.example", mode="testing")
    world.domain("expired.example", cert="expired")


def curl(daemon, path, *args, address=None):
    """Fetches with curl; returns (status, headers, body)."""
    where = ["--unix-socket", daemon.stats] if address is None else []
    host = address or "localhost"
    done = subprocess.run(
        ["curl", "-s", "-i", "-m", "20", "--noproxy", "*", *where, *args,
         "http://%s%s" % (host, path)], capture_output=True, check=False)
    assert done.returncode == 0, done
    head, _, body = done.stdout.decode().partition("\r\n\r\n")
    lines = head.split("\r\n")
    headers = {name.lower(): value for name, value in
               (line.split(": ", 1) for line in lines[1:])}
    return int(lines[0].split()[1]), headers, body


def metrics(daemon):
    """{'name{labels}': value}"""
    status, _, body = curl(daemon, "/metrics")
    assert status == 200
    return {name: float(value) for name, value in
            re.findall(r"^(mtasts_\S+) (\S+)$", body, re.MULTILINE)}


def await_metrics(daemon, good):
    """Waits until GOOD(the measured values) is true; returns them."""
    def one():
        sample = metrics(daemon)
        return sample if good(sample) else None
    return wait_for(one)


def of(sample, name, **labels):
    inside = ",".join('%s="%s"' % label for label in labels.items())
    return sample[name + ("{%s}" % inside if inside else "")]


def lookups(sample, map, answer, listener="socketmap"):
    return of(sample, "mtasts_lookups_total", listener=listener, map=map,
              answer=answer)


# -- the texts ----------------------------------------------------------------

def test_formats(daemon):
    status, headers, body = curl(daemon, "/metrics")
    assert (status, headers["content-type"]) == (200, PROMETHEUS)
    assert "# TYPE mtasts_lookups_total counter" in body
    status, headers, body = curl(
        daemon, "/metrics", "-H",
        "Accept: application/openmetrics-text;version=1.0.0,*/*;q=0.1")
    assert (status, headers["content-type"]) == (200, OPENMETRICS)
    assert "# TYPE mtasts_lookups counter" in body
    assert body.endswith("\n# EOF\n")


@pytest.mark.skipif(not shutil.which("promtool"), reason="no promtool")
def test_promtool(daemon):
    _, _, body = curl(daemon, "/metrics")
    done = subprocess.run(["promtool", "check", "metrics"], input=body,
                          capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_json_is_what_ctl_prints(daemon):
    status, headers, body = curl(daemon, "/stats.json")
    assert (status, headers["content-type"]) == (200, "application/json")
    got = json.loads(body)
    printed = daemon.ctl("stats")
    assert got["healthy"] is printed["healthy"] is True
    assert got["metrics"].keys() == printed["metrics"].keys()
    names = {re.sub(r"(_bucket|_sum|_count)?(\{.*)?$", "", name)
             for name in metrics(daemon)}
    assert names == set(got["metrics"])


def test_head(daemon):
    done = subprocess.run(
        ["curl", "-s", "-I", "--unix-socket", daemon.stats,
         "http://localhost/metrics"], capture_output=True, text=True,
        check=True)
    assert done.stdout.startswith("HTTP/1.1 200 ")
    assert int(re.search(r"Content-Length: (\d+)", done.stdout).group(1)) > 99


@pytest.mark.parametrize("path, method, status", [
    ("/", "GET", 200), ("/metric", "GET", 404), ("/metrics/", "GET", 404),
    ("/metrics", "POST", 405), ("/metrics", "DELETE", 405),
    ("/metrics?x=y", "GET", 200)])
def test_other_requests(daemon, path, method, status):
    got, headers, _ = curl(daemon, path, "-X", method)
    assert got == status
    assert headers["connection"] == "close"
    if status == 405:
        assert headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("target, status", [
    ("http://localhost/healthz", 200), ("HTTP://[::1]:9469", 200),
    ("http://localhost/healthz/", 404), ("https://localhost/healthz", 404)])
def test_whole_urls(daemon, target, status):
    """Requests with a full URL, as sent to a proxy (RFC 9112 section 3.2.2)."""
    assert curl(daemon, "/nowhere", "--request-target", target)[0] == status


def test_inet(world):
    with Daemon(world, "inet", stats="inet:127.0.0.1:9461") as daemon:
        daemon.start()
        status, _, body = curl(daemon, "/healthz", address="127.0.0.1:9461")
        assert status == 200 and json.loads(body)["healthy"] is True


def test_off(world):
    with Daemon(world, "off", stats="") as daemon:
        daemon.start()
        assert daemon.ctl("stats")["healthy"] is True


def test_address_in_use(world, daemon):
    other = Daemon(world, "other", stats="unix:" + daemon.stats)
    status, said = other.run_to_end()
    assert status == 1 and "in use" in said and daemon.stats in said


# -- what is counted ----------------------------------------------------------

def test_lookups(world):
    with Daemon(world, "counts") as daemon:
        daemon.start()
        before = metrics(daemon)
        assert daemon.ask("enforce.example").startswith("OK secure")
        daemon.ask("enforce.example")
        daemon.ask("enforce.example", map="postfix-tlsrpt")
        daemon.ask("enforce.example mx1.enforce.example", map="verdict")
        daemon.ask("enforce.example evil.example", map="verdict")
        daemon.ask("testing.example")
        daemon.ask("absent.example")
        daemon.ask("absent.example")
        daemon.ask("x", map="nosuch")
        daemon.ask("expired.example")
        after = await_metrics(daemon, lambda m: sum(
            of(m, "mtasts_policies", mode=mode)
            for mode in ("enforce", "testing")) == 2)

        def more(name, **labels):
            return of(after, name, **labels) - of(before, name, **labels)

        assert lookups(after, "postfix", "secure") == 2
        assert lookups(after, "postfix-tlsrpt", "secure") == 1
        assert lookups(after, "verdict", "match") == 1
        assert lookups(after, "verdict", "mismatch") == 1
        assert lookups(after, "postfix", "none") == 4
        assert lookups(after, "none", "permanent_error") == 1
        for source, count in (("hit", 4), ("negative", 1), ("miss", 4)):
            assert more("mtasts_policy_lookups_total", source=source) == \
                count, source
        for outcome, count in (("policy", 2), ("no_record", 1),
                               ("fetch_failed", 1), ("bad_record", 0)):
            assert more("mtasts_discoveries_total", outcome=outcome) == count
        assert of(after, "mtasts_discovery_seconds_count") == 4
        assert of(after, "mtasts_fetches_total", result="ok") == 2
        assert of(after, "mtasts_fetches_total", result="cert_expired") == 1
        assert more("mtasts_dns_lookups_total", result="ok") >= 6
        assert more("mtasts_dns_lookups_total", result="nxdomain") + \
            more("mtasts_dns_lookups_total", result="nodata") >= 1
        assert of(after, "mtasts_connections_total", result="accepted") == 10
        assert of(after, "mtasts_policies", mode="enforce") == 1
        assert of(after, "mtasts_policies", mode="testing") == 1
        assert of(after, "mtasts_absent_domains") == 2
        assert of(after, "mtasts_process_memory_bytes",
                  kind="resident") > 1 << 20
        assert of(after, "mtasts_process_open_fds") > 5
        assert 0 < of(after, "mtasts_process_start_time_seconds") <= \
            time.time()
        # After a restart, the numbers of the cache are right at once.
        daemon.stop()
        daemon.start()
        after = metrics(daemon)
        assert of(after, "mtasts_policies", mode="enforce") == 1
        assert lookups(after, "postfix", "secure") == 0


def test_coalesced(world):
    world.domain("slow.example")
    world.dns.behave("_mta-sts.slow.example", ns.silent)
    with Daemon(world, "coalesced") as daemon:
        daemon.start()
        clients = [daemon.connect() for _ in range(3)]
        for client in clients:
            client.request("postfix", "slow.example")
        after = await_metrics(daemon, lambda m: of(
            m, "mtasts_lookups_waiting", what="policy") == 3)
        assert of(after, "mtasts_policy_lookups_total",
                  source="coalesced") == 2
        assert of(after, "mtasts_discoveries_running") == 1
        assert of(after, "mtasts_clients") == 3
        for client in clients:
            client.reply()
            client.close()
        assert metrics(daemon)[
            'mtasts_dns_lookups_total{result="timeout"}'] >= 1


def test_failing_policy_ends_soon(world):
    world.domain("ending.example", max_age=86400)
    with Daemon(world, "ending") as daemon:
        daemon.start()
        daemon.ask("ending.example")
        world.site("ending.example").cert = "expired"
        daemon.ctl("refresh", "ending.example", status=None)
        after = await_metrics(
            daemon, lambda m: of(m, "mtasts_policies_failing"))
        assert of(after, "mtasts_policies_ending") == 1
        assert of(after, "mtasts_policies", mode="enforce") == 1


# -- health -------------------------------------------------------------------

def health(daemon):
    status, headers, body = curl(daemon, "/healthz")
    got = json.loads(body)
    assert headers["content-type"] == "application/json"
    assert (status == 200) is got["healthy"] is not bool(got["reasons"])
    assert status in (200, 503)
    return [reason["name"] for reason in got["reasons"]]


def test_no_resolver_answers(world):
    with Daemon(world, "dead", dns={"timeout": "1s"}) as daemon:
        world.dns.everything = ns.silent
        try:
            daemon.start()
            wait_for(lambda: health(daemon) == ["dns"])
            assert daemon.ctl("status", status=1)["ok"] is False
            status, out, _ = daemon.ctl_raw("status")
            assert status == 1 and "no name server answers" in out
            assert of(metrics(daemon), "mtasts_unhealthy", reason="dns") == 1
        finally:
            world.dns.everything = None
        wait_for(lambda: health(daemon) == [])
        assert daemon.ctl("status")["reasons"] == []


@pytest.fixture
def tiny_disk(world):
    """A daemon whose cache is on a disk of 4 MiB."""
    with Daemon(world, "full") as daemon:
        folder = daemon.path("cache")
        os.mkdir(folder)
        mount = ["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs",
                 folder]
        if subprocess.run(mount, capture_output=True,
                          check=False).returncode:
            pytest.skip("can't mount a tmpfs")
        yield daemon
        daemon.close()
        subprocess.run(["umount", folder], check=False)


def test_cache_cannot_be_written(tiny_disk):
    daemon = tiny_disk.start()
    assert health(daemon) == []
    ballast = daemon.path("cache/ballast")
    subprocess.run(["dd", "if=/dev/zero", "of=" + ballast, "bs=4096"],
                   capture_output=True, check=False)
    daemon.ask("enforce.example")
    wait_for(lambda: health(daemon) == ["cache"])
    assert of(metrics(daemon), "mtasts_unhealthy", reason="cache") == 1
    assert of(metrics(daemon), "mtasts_cache_write_errors_total") >= 1
    status, out, _ = daemon.ctl_raw("status")
    assert status == 1 and "the cache can't be written" in out
    os.unlink(ballast)
    wait_for(lambda: health(daemon) == [], timeout_s=90)


# -- hostile clients ----------------------------------------------------------

def connect(daemon):
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(30)
    sock.connect(daemon.stats)
    return sock


def read_all(sock):
    data = b""
    while True:
        try:
            more = sock.recv(65536)
        except ConnectionResetError:
            return data
        if not more:
            return data
        data += more


NONSENSE = {
    "binary": bytes(range(256)) * 20,
    "no-version": b"GET /metrics\r\n\r\n",
    "netstring": b"20:postfix example.org,",
    "long-line": b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n",
    "long-header": b"GET /metrics HTTP/1.1\r\nX: " + b"a" * 100000,
    "many-headers": b"GET /metrics HTTP/1.1\r\n" + b"X: y\r\n" * 20000,
    "huge-body": b"POST /metrics HTTP/1.1\r\nHost: x\r\n"
                 b"Content-Length: 99999999999999999999\r\n\r\n",
    "chunks": b"GET /metrics HTTP/1.1\r\nHost: x\r\n"
              b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
    "nul": b"GET /met\0rics HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense(daemon, name):
    with connect(daemon) as sock:
        try:
            sock.sendall(NONSENSE[name])
            sock.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError, OSError):
            pass
        got = read_all(sock)
    assert not got or got.startswith(b"HTTP/1.1 ")
    assert metrics(daemon)


def test_silent_and_slow_clients_delay_no_others(world):
    with Daemon(world, "slow") as daemon:
        daemon.start()
        daemon.ask("enforce.example")
        silent = [connect(daemon) for _ in range(100)]
        for number, sock in enumerate(silent):
            if number % 2:
                try:
                    sock.sendall(b"GET /metrics HTTP/1.1\r\nX-A: ")
                except OSError:  # the socket's buffer was full
                    pass
        # MTAs notice nothing. Monitoring gets in: the oldest connection is closed.
        assert daemon.ask("enforce.example").startswith("OK secure")
        assert of(metrics_at_last(daemon), "mtasts_process_open_fds") < 100
        # A client that stays is cut off in the end, even if it keeps sending bytes.
        end = time.monotonic() + 60
        left = set(silent)
        while left:
            assert time.monotonic() < end, "%d are left" % len(left)
            ready, _, _ = select.select(list(left), [], [], 0.2)
            for sock in ready:
                if not read_some(sock):
                    sock.close()
                    left.discard(sock)
            for sock in left:
                try:
                    sock.sendall(b"a")
                except OSError:
                    pass
        fds = of(metrics(daemon), "mtasts_process_open_fds")
        assert fds < 60


def read_some(sock):
    try:
        return sock.recv(65536)
    except OSError:
        return b""


def metrics_at_last(daemon):
    """Retries while the daemon has no free connection."""
    def one():
        try:
            return metrics(daemon)
        except AssertionError:
            return None
    return wait_for(one)


def test_reader_that_does_not_read(world):
    with Daemon(world, "deaf") as daemon:
        daemon.start()
        deaf = [connect(daemon) for _ in range(20)]
        for sock in deaf:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        assert metrics_at_last(daemon)
        for sock in deaf:
            sock.close()


# -- mtasts-ctl ---------------------------------------------------------------

def test_ctl_stats_text(daemon):
    daemon.ask("enforce.example")
    status, out, err = daemon.ctl_raw("stats")
    assert (status, err) == (0, "")
    assert re.search(r"^health +ok$", out, re.MULTILINE)
    assert re.search(
        r"^queries answered: socketmap, postfix, secure +\d+$", out,
        re.MULTILINE)
    assert re.search(r"^memory: resident +[\d.]+ MiB$", out, re.MULTILINE)
    for share in ("mean", "50% within", "99% within"):
        assert re.search(r"^time of discoveries: %s +[\d.]+ s$" % share, out,
                         re.MULTILINE)
    assert re.search(r"^started +(now|\S+ ago)$", out, re.MULTILINE)
    assert max(map(len, out.splitlines())) <= 80
    assert "permanent_error" not in out or " 0\n" not in \
        re.search(r".*permanent_error.*\n", out).group(0)


def test_top(world):
    with Daemon(world, "top") as daemon:
        daemon.start()
        for domain, count in (("enforce.example", 5), ("absent.example", 3),
                              ("expired.example", 1)):
            for _ in range(count):
                daemon.ask(domain)
        got = daemon.ctl("top")
        assert [(row["domain"], row["count"], row["error"])
                for row in got["busiest"]] == [
            ("enforce.example", 5, 0), ("absent.example", 3, 0),
            ("expired.example", 1, 0)]
        assert [(row["domain"], row["cause"], row["count"])
                for row in got["failing"]] == [
            ("expired.example", "certificate", 1)]
        assert (got["asked"], got["failed"], got["minutes"]) == (9, 1, 5)
        got = daemon.ctl("top", "--rows=1", "--minutes", "10")
        assert len(got["busiest"]) == 1 and got["minutes"] == 10
        # Without a terminal it prints the text once.
        status, out, err = daemon.ctl_raw("top")
        assert (status, err) == (0, "")
        assert re.search(r"^ +5  enforce\.example$", out, re.MULTILINE)
        assert re.search(r"^ +1  certificate +expired\.example$", out,
                         re.MULTILINE)
        assert "\x1b" not in out
        status, _, err = daemon.ctl_raw("top", "--minutes=11")
        assert status == 2 and "from 1 to 10" in err


class Terminal:
    """mtasts-ctl on a terminal of its own."""

    def __init__(self, daemon, *args, size=(24, 80), term="xterm"):
        self.out = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = term
            os.environ.pop("COLUMNS", None)
            path = program("mtasts-ctl")
            os.execv(path, [path, "-s", daemon.control, *args])
        self.resize(size)
        self.before = termios.tcgetattr(self.fd)

    def resize(self, size):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ,
                    struct.pack("HHHH", *size, 0, 0))

    def read(self):
        """Returns True if anything arrived."""
        if not select.select([self.fd], [], [], 0.1)[0]:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        self.out += data
        return bool(data)

    def expect(self, text):
        wait_for(lambda: self.read() and text in self.out or
                 text in self.out, timeout_s=30)

    def frame(self):
        """Returns the lines of the last complete frame."""
        frames = self.out.split(b"\x1b[H")
        text = frames[-1] if frames[-1].endswith(b"\x1b[J") else frames[-2]
        assert text.endswith(b"\x1b[J"), text
        text = text.replace(b"\x1b[K", b"")[:-3].decode()
        return re.split("\r+\n", text)

    def end(self):
        """Waits until it has ended; returns its exit status."""
        status = []

        def gone():
            self.read()
            pid, code = os.waitpid(self.pid, os.WNOHANG)
            status.append(code)
            return pid
        wait_for(gone, timeout_s=30)
        while self.read():
            pass
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status[-1])


TAKE, GIVE = b"\x1b[?1049h\x1b[?25l", b"\x1b[?25h\x1b[?1049l"


@pytest.fixture(scope="module")
def busy(world):
    with Daemon(world, "busy") as daemon:
        daemon.start()
        for _ in range(3):
            daemon.ask("enforce.example")
        daemon.ask("expired.example")
        for number in range(30):
            daemon.ask("d%02d.example" % number)
        yield daemon


@pytest.mark.parametrize("ends", ["q", "interrupt", "hang-up", "end"])
def test_screen(busy, ends):
    screen = Terminal(busy, "top", "--interval", "1")
    screen.expect(b"enforce.example")
    assert screen.out.startswith(TAKE)
    assert not termios.tcgetattr(screen.fd)[3] & (termios.ICANON |
                                                  termios.ECHO)
    screen.expect(b"certificate")
    # The next frame shows what has happened since.
    busy.ask("later-%s.example" % ends)
    before = len(screen.out)
    wait_for(lambda: screen.read() and screen.out.count(b"\x1b[J") > 3 or
             screen.out.count(b"\x1b[J") > 3, timeout_s=60)
    assert len(screen.out) > before
    lines = screen.frame()
    assert len(lines) <= 24 and all(len(line) <= 80 for line in lines)
    with open(os.path.join(os.environ["srcdir"], "doc", "screens.md")) as file:
        told = re.search(r"^    ([\d.]+ questions/s.*)$", file.read(), re.M)
    assert re.sub(r"[\d.]+", "N", lines[0]) == \
        re.sub(r"[\d.]+", "N", told.group(1))
    assert not re.search("[\x00-\x1f\x7f]", "".join(lines))
    if ends == "q":
        os.write(screen.fd, b"q")
    elif ends == "interrupt":
        os.write(screen.fd, b"\x03")
    elif ends == "end":
        os.write(screen.fd, b"\x04")
    else:
        os.kill(screen.pid, signal.SIGHUP)
    attributes = None

    def given_back():
        nonlocal attributes
        screen.read()
        if screen.out.endswith(GIVE):
            try:
                attributes = termios.tcgetattr(screen.fd)
            except termios.error:
                pass
            return True
        return False
    wait_for(given_back, timeout_s=30)
    assert screen.end() == 0
    if attributes:
        assert attributes[3] & termios.ICANON and attributes[3] & termios.ECHO


def test_screen_of_another_size(busy):
    screen = Terminal(busy, "top", "--interval=1", size=(12, 40))
    screen.expect(b"FAILING")
    assert len(screen.frame()) <= 12
    assert all(len(line) <= 40 for line in screen.frame())
    screen.resize((60, 120))
    wait_for(lambda: screen.read() and len(screen.frame()) > 25 or
             len(screen.frame()) > 25, timeout_s=30)
    os.write(screen.fd, b"Q")
    assert screen.end() == 0


def test_screen_stops_and_goes_on(busy):
    screen = Terminal(busy, "top")
    screen.expect(b"FAILING")
    os.kill(screen.pid, signal.SIGTSTP)
    wait_for(lambda: screen.read() and False or GIVE in screen.out,
             timeout_s=30)
    wait_for(lambda: os.waitpid(screen.pid, os.WUNTRACED | os.WNOHANG)[0],
             timeout_s=30)
    assert termios.tcgetattr(screen.fd)[3] & termios.ICANON
    os.kill(screen.pid, signal.SIGCONT)
    wait_for(lambda: screen.read() and False or
             screen.out.count(TAKE) == 2, timeout_s=30)
    os.write(screen.fd, b"q")
    assert screen.end() == 0


def test_no_screen_for_a_dumb_terminal(busy):
    screen = Terminal(busy, "top", term="dumb")
    assert screen.end() == 0
    assert b"enforce.example" in screen.out and b"\x1b" not in screen.out


def test_screen_without_daemon(world):
    with Daemon(world, "gone") as daemon:
        screen = Terminal(daemon, "top")
        assert screen.end() == 3
        assert b"is mtastsd running?" in screen.out
        assert b"\x1b" not in screen.out


def test_screen_outlives_a_restart(world):
    with Daemon(world, "restarted") as daemon:
        daemon.start()
        screen = Terminal(daemon, "top", "--interval=1")
        screen.expect(b"FAILING")
        daemon.stop()
        screen.expect(b"is mtastsd running?")
        daemon.start()
        daemon.ask("anew.example")
        screen.expect(b"anew.example")
        os.write(screen.fd, b"q")
        assert screen.end() == 0


def test_screen_reconnects_after_its_connection_was_closed(busy):
    """At its limit, mtastsd closes the connection that was idle longest. A slow
    screen reconnects."""
    screen = Terminal(busy, "top", "--interval=4")
    screen.expect(b"FAILING")
    time.sleep(1.2)
    others = []
    for _ in range(16):
        others.append(socket.socket(socket.AF_UNIX))
        others[-1].connect(busy.control)
    # Connections are accepted in order: an answer on the last means all were.
    others[-1].sendall(b"status\n")
    assert b'"ok"' in others[-1].recv(100)
    for other in others:
        other.close()
    wait_for(lambda: screen.read() and False or
             screen.out.count(b"\x1b[J") > 1, timeout_s=30)
    assert "questions/s" in screen.frame()[0]
    os.write(screen.fd, b"q")
    assert screen.end() == 0


# -- reload -------------------------------------------------------------------

def test_reload_takes_another_address(world):
    with Daemon(world, "moved") as daemon:
        daemon.start()
        old = daemon.stats
        daemon.configure(stats="inet:127.0.0.1:9471")
        daemon.ctl("reload")
        assert not os.path.exists(old)
        assert curl(daemon, "/healthz", address="127.0.0.1:9471")[0] == 200
        # If the new address can't be used, the old one stays.
        daemon.configure(stats="unix:/nonexistent/stats.sock")
        daemon.ctl("reload", status=1)
        assert curl(daemon, "/healthz", address="127.0.0.1:9471")[0] == 200
        daemon.configure(stats="")
        daemon.ctl("reload")
        done = subprocess.run(["curl", "-s", "http://127.0.0.1:9471/"],
                              capture_output=True, check=False)
        assert done.returncode == 7
        daemon.configure(stats="unix:" + old)
        daemon.ctl("reload")
        assert curl(daemon, "/healthz")[0] == 200
