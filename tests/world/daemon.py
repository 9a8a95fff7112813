# SPDX-License-Identifier: BSD-2-Clause
"""Configures, starts, stops and queries the mtastsd under test."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from . import world as world_module

BUILD = os.environ.get("builddir", ".")
HANG_S = world_module.HANG_S


def program(name):
    path = os.path.join(BUILD, name)
    if not os.path.exists(path):
        raise RuntimeError("%s is not built" % path)
    return path


def merge(base, changes):
    """Returns BASE with the options of CHANGES; None removes an option."""
    merged = dict(base)
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            value = merge(merged[key], value)
        merged[key] = value
    return {k: v for k, v in merged.items() if v is not None}


def to_yaml(options):
    """Returns the options as YAML, with one top-level option a line as JSON."""
    return "".join("%s: %s\n" % (key, json.dumps(value))
                   for key, value in options.items())


class Daemon:
    """mtastsd with its own folder. start() starts it.

    OPTIONS change the defaults below: Daemon(world, lookup={"timeout": "1s"}).
    """

    def __init__(self, world, name="d", **options):
        self.folder = world.path(name)
        os.makedirs(self.folder, exist_ok=True)
        self.socket = self.path("map.sock")
        self.control = self.path("ctl.sock")
        self.stats = self.path("stats.sock")
        self.config = self.path("mtastsd.yaml")
        self.log_path = self.path("log")
        self.process = None
        self.runs = 0
        self.options = merge({
            "listen": [{"socketmap": "unix:" + self.socket}],
            "control": "unix:" + self.control,
            "stats": "unix:" + self.stats,
            "cache": {"directory": self.path("cache"), "max_size": "64MiB"},
            "dns": {"timeout": "5s"},
            "fetch": {"ca_file": world.ca.root, "timeout": "15s"},
            "lookup": {"timeout": "20s"},
            "log": {"level": "debug"},
        }, options)
        self.configure()

    def path(self, name):
        return os.path.join(self.folder, name)

    def configure(self, text=None, **options):
        """Writes the configuration: TEXT, or the options with the changes."""
        self.options = merge(self.options, options)
        with open(self.config, "w") as file:
            file.write(to_yaml(self.options) if text is None else text)

    # its life

    def spawn(self, *args, **kwargs):
        """Runs it without waiting for readiness."""
        self.runs += 1
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [program("mtastsd"), "-f", "-c", self.config, *args],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, **kwargs)
        return self.process

    def start(self, *args, **kwargs):
        self.spawn(*args, **kwargs)
        end = time.monotonic() + HANG_S
        while not self.is_ready():
            if self.process.poll() is not None:
                raise AssertionError("mtastsd ended with status %d:\n%s" % (
                    self.process.returncode, self.log()))
            assert time.monotonic() < end, "not ready:\n" + self.log()
            time.sleep(0.01)
        return self

    def is_ready(self):
        return len(self.events("ready")) >= self.runs

    def run_to_end(self, *args, timeout_s=HANG_S):
        """Starts it and expects it to fail; returns (status, output)."""
        done = subprocess.run(
            [program("mtastsd"), *(args or ("-f", "-c", self.config))],
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=timeout_s, check=False)
        return done.returncode, done.stdout + done.stderr

    def stop(self, number=signal.SIGTERM, timeout_s=HANG_S):
        """Ends it. Unless it was killed, its exit status must be 0: a sanitizer that
        found an error changes the status."""
        process, self.process = self.process, None
        process.send_signal(number)
        try:
            status = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError("did not stop:\n" + self.log()) from None
        if number != signal.SIGKILL:
            assert status == 0, "status %d:\n%s" % (status, self.log())

    def kill9(self):
        self.stop(signal.SIGKILL)

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def pids(self):
        """Returns all processes that run with this configuration."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/cmdline" % pid) as file:
                    words = file.read().split("\0")
            except OSError:
                continue
            if self.config in words and "mtastsd" in words[0]:
                found.append(int(pid))
        return found

    def close(self):
        """Ends all that are still running. A crash is a failure here, too."""
        try:
            self._close()
        finally:
            for pid in self.pids():
                os.kill(pid, signal.SIGKILL)

    def _close(self):
        if self.process is None:
            return
        status = self.process.poll()
        if status is not None:
            self.process = None
            raise AssertionError("mtastsd was gone, with status %d:\n%s" % (
                status, self.log()))
        self.stop()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.close()

    # what it says and needs

    def log(self):
        try:
            with open(self.log_path, errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def events(self, name, level=None):
        """Returns the log lines of one event, each starting with the event name."""
        pattern = r"mtastsd\[\d+\]: (%s): (%s\b.*)$" % (
            level or r"\w+", re.escape(name))
        return [found.group(2) for found in
                re.finditer(pattern, self.log(), re.MULTILINE)]

    def is_instrumented(self):
        """True under a sanitizer or valgrind, where the memory use means nothing."""
        exe = "/proc/%d/exe" % self.process.pid
        with open(exe, "rb") as file:
            return not os.readlink(exe).endswith("/mtastsd") or \
                b"__asan_init" in file.read()

    def rss_kib(self):
        with open("/proc/%d/status" % self.process.pid) as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1))

    def cpu_s(self):
        """Returns the CPU time that it has used."""
        with open("/proc/%d/stat" % self.process.pid) as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    # its clients

    def connect(self, timeout_s=HANG_S, address=None):
        return Socketmap(address or self.socket, timeout_s)

    def ask(self, key, map="postfix", timeout_s=HANG_S):
        """Returns the answer to one question, asked on a new connection."""
        with self.connect(timeout_s) as client:
            return client.ask(map, key)

    def ctl_raw(self, *args, socket=None, timeout_s=HANG_S):
        """Runs mtasts-ctl as a person would; returns (status, output, errors)."""
        done = subprocess.run(
            [program("mtasts-ctl"), "-s", socket or self.control, *args],
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=timeout_s, check=False)
        return done.returncode, done.stdout, done.stderr

    def ctl(self, *args, status=0):
        """Returns the JSON document of mtasts-ctl --json. Its exit status must be
        STATUS; None accepts any."""
        got, out, err = self.ctl_raw("--json", *args)
        assert status in (None, got), "mtasts-ctl %s: status %d\n%s%s" % (
            " ".join(args), got, out, err)
        return json.loads(out) if out.strip() else None

    def flush(self, *domains):
        """Flushes the domains; it is no error if there is nothing to flush."""
        for domain in domains:
            self.ctl_raw("flush", domain)


class Socketmap:
    """A socketmap client: netstrings out, netstrings in."""

    def __init__(self, address, timeout_s=HANG_S):
        if isinstance(address, tuple):
            self.sock = socket.create_connection(address, timeout_s)
        else:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(timeout_s)
            self.sock.connect(address)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def request(self, map, key):
        self.send(netstring(map, key))

    def reply(self):
        """Returns the next reply, or None if the daemon has closed."""
        while True:
            size, colon, rest = self.buffer.partition(b":")
            if colon and len(rest) > int(size):
                end = int(size)
                assert rest[end:end + 1] == b",", self.buffer[:200]
                self.buffer = rest[end + 1:]
                return rest[:end].decode("latin-1")
            try:
                data = self.sock.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                assert not self.buffer, "cut off: %r" % self.buffer[:200]
                return None
            self.buffer += data

    def ask(self, map, key):
        self.request(map, key)
        return self.reply()

    def is_closed(self):
        """Waits until the daemon has closed; then returns True."""
        return self.reply() is None


def netstring(map, key):
    payload = map.encode() + b" " + (key if isinstance(key, bytes)
                                     else key.encode())
    return b"%d:%s," % (len(payload), payload)


def postmap(key, table, timeout_s=HANG_S, kind="socketmap"):
    """Runs postmap -q KEY KIND:TABLE; returns (status, value, errors). It uses its own
    main.cf and not this machine's, which may be missing."""
    with tempfile.TemporaryDirectory(prefix="mts-") as folder:
        main_cf = os.path.join(folder, "main.cf")
        with open(main_cf, "w") as file:
            # Without a name it would search the DNS for one.
            file.write("compatibility_level = 3.6\n"
                       "myhostname = mail.example\n")
        # Postfix waits until a file is at least a second old.
        os.utime(main_cf, (1, 1))
        done = subprocess.run(
            ["postmap", "-c", folder, "-q", key, kind + ":" + table],
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=timeout_s, check=False,
            env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin"))
    return done.returncode, done.stdout.rstrip("\n"), done.stderr


def have(name):
    return shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")


wait_for = world_module.wait_for
