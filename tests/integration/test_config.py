# SPDX-License-Identifier: BSD-2-Clause
"""Starting, stopping and logging. Each error message says what is wrong, where, and
how to fix it."""

import os
import re
import signal
import stat
import subprocess
import time

import pytest

from world import webserver as web
from world.daemon import program, wait_for
from world.world import HANG_S, set_resolv_conf

NONE = "NOTFOUND "
OK = "OK secure match=mx1.config.example servername=hostname"


@pytest.fixture(scope="module", autouse=True)
def domain(world):
    world.domain("config.example")


def check_message(status, said, *words):
    assert status not in (0, -signal.SIGSEGV, -signal.SIGABRT)
    assert 0 < status < 128
    for word in words:
        assert re.search(word, said), said
    # The message is for a person: short, without internals.
    assert "Sanitizer" not in said
    assert len(said.strip().splitlines()) <= 3, said


# -- the configuration file ---------------------------------------------------

# the file, the line number in the message, and the rest of the message
BAD_FILES = {
    "unknown-option": ("lookup: {}\nspeed: fast\n", 2, "speed"),
    "unknown-suboption": ("dns:\n  timeout: 5s\n  tmeout: 5s\n", 3,
                          r"dns\.tmeout|tmeout"),
    "unknown-in-listen": ("listen:\n  - socketmap: unix:/x\n    mod: 0600\n",
                          3, "mod"),
    "no-duration": ("lookup:\n  timeout: fast\n", 2, r"lookup\.timeout"),
    "duration-unit": ("lookup:\n  timeout: 5parsecs\n", 2,
                      r"lookup\.timeout"),
    "no-unit": ("lookup:\n  timeout: -5s\n", 2, r"lookup\.timeout"),
    "too-short": ("fetch: { retry: 1s }\n", 1, r"fetch\.retry.*5m"),
    "too-long": ("dns:\n\n\n  timeout: 99999d\n", 4, r"dns\.timeout"),
    "overflow": ("dns: { timeout: 99999999999999999999d }\n", 1,
                 r"dns\.timeout"),
    "no-size": ("cache:\n  max_size: big\n", 2, r"cache\.max_size"),
    "no-number": ("fetch:\n  concurrency: many\n", 2, r"fetch\.concurrency"),
    "zero": ("fetch:\n  concurrency: 0\n", 2, r"fetch\.concurrency"),
    "no-bool": ("fetch:\n  allow_private_addresses: perhaps\n", 2,
                r"fetch\.allow_private_addresses"),
    "bad-level": ("log:\n  level: loud\n", 2, r"log\.level.*debug"),
    "bad-target": ("log:\n  target: printer\n", 2, r"log\.target.*syslog"),
    "list-for-map": ("dns: [1, 2]\n", 1, "dns"),
    "map-for-scalar": ("lookup:\n  timeout: { s: 5 }\n", 2,
                       r"lookup\.timeout"),
    "scalar-for-list": ("listen: unix:/x\n", 1, "listen"),
    "not-a-map": ("- a\n- b\n", 1, ""),
    "twice": ("log: {}\ndns: {}\nlog: {}\n", 3, "log"),
    "twice-inside": ("dns:\n  timeout: 5s\n  timeout: 6s\n", 3,
                     r"dns\.timeout"),
    "bad-yaml": ("dns: {\nlog: [\n", 2, ""),
    "tab": ("dns:\n\ttimeout: 5s\n", 2, ""),
    "two-documents": ("log: {}\n---\nlog: {}\n", 2, ""),
    "unknown-listener": ("listen:\n  - http: inet:127.0.0.1:80\n", 2,
                         "http.*|socketmap"),
    "listen-without-address": ("listen:\n  - mode: 0600\n", 2, "socketmap"),
    "bad-scheme": ("listen:\n  - socketmap: tcp:127.0.0.1:8461\n", 2,
                   "tcp:.*unix:.*inet:|unix:"),
    "no-port": ("listen:\n  - socketmap: inet:127.0.0.1\n", 2, "inet:"),
    "bad-port": ("listen:\n  - socketmap: inet:127.0.0.1:70000\n", 2,
                 "70000"),
    "relative-path": ("listen:\n  - socketmap: unix:map.sock\n", 2,
                      "map.sock"),
    "long-path": ("listen:\n  - socketmap: unix:/%s\n" % ("x" * 200), 2,
                  "long|107"),
    "bad-mode": ("listen:\n  - socketmap: unix:/x\n    mode: rw\n", 3, "mode"),
    "mode-for-inet": ("listen:\n  - socketmap: inet:127.0.0.1:8461\n"
                      "    mode: 0600\n", 3, "mode"),
    "control-on-inet": ("control: inet:127.0.0.1:8460\n", 1, "control"),
    "bad-server": ("dns:\n  servers: [300.1.1.1]\n", 2, "300.1.1.1"),
    "server-name": ("dns:\n  servers:\n    - ns.example\n", 3, "ns.example"),
    "min-over-max": ("lookup:\n  negative_min: 1h\n  negative_max: 1m\n", None,
                     "negative_m"),
}


@pytest.mark.parametrize("way", ["test", "start"])
@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_file(daemons, name, way):
    text, line, words = BAD_FILES[name]
    daemon = daemons()
    daemon.configure(text)
    args = {"test": ["-t"], "start": ["-f"]}[way]
    status, said = daemon.run_to_end(*args, "-c", daemon.config)
    where = re.escape(daemon.config) + (":%d:" % line if line else ":")
    check_message(status, said, where, words)


@pytest.mark.parametrize("data", [b"\0\1\2\3", b"log: { level: \xff }\n",
                                  b"\x7fELF" + bytes(range(256)),
                                  b"a: &a [*a, *a]\n", b"? ? ?\n",
                                  b"log: !!python/object {}\n",
                                  b"[" * 10000],
                         ids=["nul", "latin-1", "binary", "alias", "odd",
                              "tag", "deep"])
def test_garbage_file(daemons, data):
    daemon = daemons()
    with open(daemon.config, "wb") as file:
        file.write(data)
    status, said = daemon.run_to_end("-t", "-c", daemon.config)
    check_message(status, said, re.escape(daemon.config))


def test_missing_file(daemons):
    path = daemons().path("none.yaml")
    status, said = daemons().run_to_end("-f", "-c", path)
    check_message(status, said, re.escape(path), "No such file")


def test_configuration_file_is_a_folder(daemons):
    daemon = daemons()
    status, said = daemon.run_to_end("-f", "-c", daemon.folder)
    check_message(status, said, re.escape(daemon.folder), "directory")


def test_unreadable_file(world, daemons):
    if os.geteuid() != 0 or subprocess.run(
            ["setpriv", "--reuid=65534", "true"], capture_output=True,
            check=False).returncode != 0:
        pytest.skip("can't become another user in here")
    daemon = daemons()
    for folder in (daemon.folder, os.path.dirname(daemon.folder)):
        os.chmod(folder, 0o755)
    os.chmod(daemon.config, 0o600)
    done = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
         world.share(program("mtastsd")), "-t", "-c", daemon.config],
        capture_output=True, text=True, check=False,
        env=dict(os.environ, LSAN_OPTIONS=world.lsan_options()))
    check_message(done.returncode, done.stdout + done.stderr,
                  re.escape(daemon.config), "Permission denied")


def test_no_thread_available(world, daemons):
    """An error at the start, not a crash when the first policy is written."""
    limited = ["setpriv", "--reuid=65533", "--regid=65533", "--clear-groups",
               "prlimit", "--nproc=1"]
    if os.geteuid() != 0 or subprocess.run(
            [*limited, "true"], capture_output=True,
            check=False).returncode != 0:
        pytest.skip("can't become another user in here")
    daemon = daemons()
    for folder in (daemon.folder, os.path.dirname(daemon.folder)):
        os.chmod(folder, 0o777)
    done = subprocess.run(
        [*limited, world.share(program("mtastsd")), "-f", "-c", daemon.config],
        capture_output=True, text=True, check=False, timeout=HANG_S,
        # The leak check needs a thread as well.
        env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"))
    check_message(done.returncode, done.stdout + done.stderr,
                  "can't start a thread", "TasksMax")


def test_good_file(daemons):
    daemon = daemons()
    status, said = daemon.run_to_end("-t", "-c", daemon.config)
    assert status == 0, said
    assert not os.path.exists(daemon.path("cache"))
    assert not os.path.exists(daemon.socket)


def test_sample_file(daemons):
    """Packages install etc/mtastsd.yaml: it must be valid."""
    sample = os.path.join(os.environ["srcdir"], "etc/mtastsd.yaml")
    status, said = daemons().run_to_end("-t", "-c", sample)
    assert status == 0, said


def test_empty_file(daemons):
    daemon = daemons()
    daemon.configure("# all defaults\n")
    status, said = daemon.run_to_end("-t", "-c", daemon.config)
    assert status == 0, said


def test_check_config(daemons):
    """mtasts-ctl check-config reports the same without a daemon."""
    daemon = daemons()
    done = subprocess.run([program("mtasts-ctl"), "check-config",
                           daemon.config], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr
    daemon.configure("speed: fast\n")
    done = subprocess.run([program("mtasts-ctl"), "check-config",
                           daemon.config], capture_output=True, text=True,
                          check=False)
    check_message(done.returncode, done.stdout + done.stderr,
                  re.escape(daemon.config) + ":1:", "speed")


NOT_HERE = {
    "user": ({"user": "nobody-of-that-name"}, "user: there is no user"),
    "owner": ({"listen": [{"socketmap": "unix:/s", "owner": "nobody-there"}]},
              "listen.owner: there is no user nobody-there"),
    "group": ({"listen": [{"socketmap": "unix:/s", "group": "nobody-there"}]},
              "listen.group: there is no group nobody-there"),
    "control_users": ({"control_users": ["root", "nobody-there"]},
                      "control_users: there is no user nobody-there"),
    "control_group": ({"control_group": "nobody-there"},
                      "control_group: there is no group nobody-there"),
    "ca_file": ({"fetch": {"ca_file": "/nonexistent.pem"}},
                "fetch.ca_file: /nonexistent.pem can't be read: No such"),
    "folder": ({"fetch": {"ca_file": "/etc"}},
               "fetch.ca_file: /etc can't be read: Is a directory"),
    "trust_anchor": ({"dns": {"trust_anchor": "/nonexistent.key"}},
                     "dns.trust_anchor: /nonexistent.key can't be read"),
}


@pytest.mark.parametrize("name", NOT_HERE)
def test_named_users_and_files_must_exist(daemons, name):
    """mtastsd -t and check-config report missing users and files before a reload or
    a restart fails."""
    options, words = NOT_HERE[name]
    daemon = daemons(**options)
    line = ":1: " if name in ("owner", "group") else ": "
    status, said = daemon.run_to_end("-t", "-c", daemon.config)
    check_message(status, said, re.escape(daemon.config) + line, words)
    done = subprocess.run([program("mtasts-ctl"), "check-config",
                           daemon.config], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 1
    assert done.stderr.partition(": ")[2] == said.partition(": ")[2]


@pytest.mark.parametrize("options, words", [
    ({"fetch": {"ca_file": "/etc/passwd"}},
     "CA file /etc/passwd holds no PEM certificate"),
    ({"dns": {"trust_anchor": "/etc/passwd", "dnssec": "validate"}},
     "/etc/passwd"),
], ids=["ca_file", "trust_anchor"])
def test_named_files_must_be_valid(daemons, options, words):
    """mtastsd -t reports the same error as a start."""
    daemon = daemons(**options)
    status, said = daemon.run_to_end("-t", "-c", daemon.config)
    check_message(status, said, re.escape(daemon.config) + ": ", words)
    status, said = daemon.run_to_end()
    assert status == 1 and words in said


@pytest.mark.parametrize("args", [["--nonsense"], ["-x"], ["-c"],
                                  ["-f", "surplus"]],
                         ids=lambda args: " ".join(args))
def test_usage(daemons, args):
    status, said = daemons().run_to_end(*args)
    assert status == 2
    check_message(status, said, "help")


@pytest.mark.parametrize("args", ["--version", "--help"])
def test_help(daemons, args):
    status, said = daemons().run_to_end(args)
    assert status == 0
    assert "mtastsd" in said


# -- the machine --------------------------------------------------------------

def check_start(daemon, *words):
    status, said = daemon.run_to_end()
    check_message(status, said, *words)


def test_cache_folder_is_a_file(daemons):
    daemon = daemons()
    with open(daemon.path("cache"), "w") as file:
        file.write("precious")
    check_start(daemon, re.escape(daemon.path("cache")))
    with open(daemon.path("cache")) as file:
        assert file.read() == "precious"


def test_cache_folder_has_no_parent(daemons):
    daemon = daemons()
    path = daemon.path("a/b/c")
    daemon.configure(cache={"directory": path})
    check_start(daemon, re.escape(path))


def test_cache_folder_not_writable(daemons):
    """A cache folder that can't be created is an error. A folder that exists but
    can't be written to for now is no error (test_cache.py)."""
    daemon = daemons()
    daemon.configure(cache={"directory": daemon.path("cache/mtasts")})
    os.mkdir(daemon.path("cache"))
    mount = ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs",
             daemon.path("cache")]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("can't mount a tmpfs")
    try:
        check_start(daemon, re.escape(daemon.path("cache")),
                    "read-only")
    finally:
        subprocess.run(["umount", daemon.path("cache")], check=False)


def test_ca_file_missing(daemons):
    daemon = daemons(fetch={"ca_file": "/nonexistent/ca.pem"})
    check_start(daemon, "/nonexistent/ca.pem", r"fetch\.ca_file")


@pytest.mark.parametrize("text", ["", "no certificate in here\n",
                                  "-----BEGIN CERTIFICATE-----\nAAAA\n"
                                  "-----END CERTIFICATE-----\n"],
                         ids=["empty", "text", "broken"])
def test_ca_file_without_certificates(daemons, text):
    daemon = daemons()
    with open(daemon.path("ca.pem"), "w") as file:
        file.write(text)
    daemon.configure(fetch={"ca_file": daemon.path("ca.pem")})
    check_start(daemon, re.escape(daemon.path("ca.pem")),
                r"fetch\.ca_file|certificate")


@pytest.mark.parametrize("text", ["", "# nothing\nsearch example\n",
                                  "nameserver nonsense\n"],
                         ids=["empty", "none", "nonsense"])
def test_no_resolver(daemons, text):
    set_resolv_conf(text)
    try:
        check_start(daemons(), "/etc/resolv.conf", r"nameserver|dns\.servers")
    finally:
        set_resolv_conf("nameserver 127.0.0.53\n")


def test_socket_folder_missing(daemons):
    daemon = daemons()
    path = daemon.path("none/map.sock")
    daemon.configure(listen=[{"socketmap": "unix:" + path}])
    check_start(daemon, re.escape(path), "No such|folder|directory")


def test_control_folder_missing(daemons):
    daemon = daemons()
    daemon.configure(control="unix:" + daemon.path("none/ctl.sock"))
    check_start(daemon, re.escape(daemon.path("none/ctl.sock")))


def test_unknown_owner(daemons):
    daemon = daemons()
    daemon.configure(listen=[{"socketmap": "unix:" + daemon.socket,
                              "owner": "nobody-of-this-name"}])
    check_start(daemon, "nobody-of-this-name")


def test_unknown_group(daemons):
    daemon = daemons()
    daemon.configure(listen=[{"socketmap": "unix:" + daemon.socket,
                              "group": "no-such-group"}])
    check_start(daemon, "no-such-group")


def test_address_of_another_machine(daemons):
    daemon = daemons(listen=[{"socketmap": "inet:192.0.2.99:8461"}])
    check_start(daemon, "192.0.2.99:8461")


def test_host_without_address(daemons):
    daemon = daemons(listen=[{"socketmap": "inet:no-such-host.invalid:8461"}])
    check_start(daemon, "no-such-host.invalid")


def test_too_few_descriptors(daemons):
    """Otherwise it would listen, but drop every client."""
    daemon = daemons()
    daemon.configure()
    done = subprocess.run(
        ["sh", "-c", 'ulimit -n 20; exec "$@"', "sh", program("mtastsd"),
         "-f", "-c", daemon.config], stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=HANG_S, check=False)
    assert done.returncode == 1
    assert "20 file descriptors are not enough" in done.stderr
    assert "ulimit -n" in done.stderr


def test_failed_start_removes_its_sockets(daemons):
    """The second listener fails after the first has been opened."""
    daemon = daemons()
    daemon.configure(listen=[{"socketmap": "unix:" + daemon.socket},
                             {"socketmap": "inet:192.0.2.99:8461"}])
    check_start(daemon, "192.0.2.99")
    assert not os.path.exists(daemon.socket)


# -- start and stop -----------------------------------------------------------

@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stop_is_quick(world, daemons, number):
    """The daemon does not wait for running look-ups or for clients."""
    daemon = daemons(lookup={"timeout": "90s"}, fetch={"timeout": "5m"}).start()
    world.domain("stuck.example", http=web.no_answer)
    clients = [daemon.connect() for _ in range(20)]
    for i, client in enumerate(clients):
        client.request("postfix", "stuck.example" if i % 2 else
                       "config.example")
    wait_for(lambda: world.site("stuck.example").requests)
    daemon.stop(number, timeout_s=30)
    for client in clients:
        client.close()
    assert not os.path.exists(daemon.socket)
    assert daemon.events("stopping") or daemon.events("stopped")


def test_two_signals(daemons):
    daemon = daemons().start()
    daemon.process.send_signal(signal.SIGTERM)
    daemon.stop()


def test_many_signals(daemons):
    """The daemon stops cleanly, no matter which thread gets the signals."""
    daemon = daemons().start()
    assert daemon.ask("config.example") == OK
    process, daemon.process = daemon.process, None
    while process.poll() is None:
        process.send_signal(signal.SIGTERM)
        time.sleep(0.003)
    assert process.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGPIPE])
def test_signals_that_do_not_end_it(daemons, number):
    daemon = daemons().start()
    daemon.process.send_signal(number)
    time.sleep(0.2)
    assert daemon.ask("config.example") == OK


def test_background(daemons):
    """Without -f, mtastsd returns once the daemon is ready."""
    daemon = daemons()
    done = subprocess.run([program("mtastsd"), "-c", daemon.config],
                          stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=HANG_S, check=False)
    assert done.returncode == 0, done.stderr
    try:
        assert daemon.ask("config.example") == OK  # at once: it is ready
        pid = daemon.ctl("status")["pid"]
        assert daemon.pids() == [pid]
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not daemon.pids())
    finally:
        daemon.close()


def test_background_failure(daemons):
    """If the daemon can't start, mtastsd fails and says why."""
    daemon = daemons(fetch={"ca_file": "/nonexistent/ca.pem"})
    done = subprocess.run([program("mtastsd"), "-c", daemon.config],
                          stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=HANG_S, check=False)
    check_message(done.returncode, done.stdout + done.stderr,
                  "/nonexistent/ca.pem")


@pytest.mark.parametrize("number, line", [
    (signal.SIGSEGV, "mtastsd: killed by SIGSEGV"),
    (signal.SIGABRT, "mtastsd: aborted by a library or an assertion"),
], ids=["SEGV", "ABRT"])
def test_crash_leaves_a_line_and_marks_the_cache(daemons, number, line):
    """The next start checks the whole cache file before using it."""
    daemon = daemons().start()
    suspect = daemon.path("cache/policies.mdb.suspect")
    process, daemon.process = daemon.process, None
    process.send_signal(number)
    assert process.wait(HANG_S) == -number
    assert line in daemon.log().splitlines()
    assert os.path.exists(suspect)
    daemon.start()
    assert not os.path.exists(suspect)


# -- the log ------------------------------------------------------------------

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ mtastsd\[\d+\]: "
                  r"(error|warning|info|debug): [a-z_]+"
                  r"( [a-z_]+=(\"[^\"]*\"|[^ \"]*))*$")


def test_log_lines(world, daemons):
    """Every line is an event and key=value pairs, whatever a client or a domain
    sends."""
    daemon = daemons().start()
    world.domain("log.example", status="500 \x1b[31mevil\x1b[0m", ctype="x\"y")
    world.dns.txt("_mta-sts.logtxt.example", "v=STSv1; \x1b[31m=\"; id=x;")
    for key in ("config.example", "log.example", "logtxt.example",
                b"a\nb\x1b[2J\"", "absent.example", "\u202ex.example"):
        daemon.ask(key.encode() if isinstance(key, str) else key)
    with daemon.connect() as client:
        client.send(b"nonsense\n\x1b[31m")
        assert client.is_closed()
    daemon.stop()
    for line in daemon.log().splitlines():
        assert LINE.match(line), line


def test_nothing_per_query_at_info(daemons):
    daemon = daemons(log={"level": "info"}).start()
    daemon.ask("config.example")
    daemon.ask("absent2.example")
    lines = len(daemon.log().splitlines())
    for i in range(50):
        daemon.ask("config.example")
        daemon.ask("absent%d.example" % i)
        daemon.ask("[192.0.2.1]")
    assert len(daemon.log().splitlines()) == lines
    assert "config.example" not in daemon.log()


def test_debug_by_option(daemons):
    daemon = daemons(log={"level": "info"}).start("-d")
    daemon.ask("config.example")
    assert re.search(r" debug: .*config\.example", daemon.log())


def test_levels(daemons):
    daemon = daemons(log={"level": "error"})
    daemon.spawn()
    wait_for(lambda: os.path.exists(daemon.control))
    assert wait_for(lambda: daemon.ask("config.example")) == OK
    daemon.stop()
    assert daemon.log() == ""


def test_starts_with_closed_standard_streams(daemons):
    """A service manager may start it that way. No socket may get descriptor 0, 1
    or 2."""
    daemon = daemons()
    daemon.runs += 1
    daemon.process = subprocess.Popen(
        ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", program("mtastsd"), "-f",
         "-c", daemon.config], start_new_session=True)
    wait_for(lambda: os.path.exists(daemon.control))
    assert wait_for(lambda: daemon.ask("config.example")) == OK
    for number in "012":
        path = "/proc/%d/fd/%s" % (daemon.process.pid, number)
        assert not os.path.exists(path) or not stat.S_ISSOCK(
            os.stat(path).st_mode)
    status = daemon.process.poll()
    assert status is None
